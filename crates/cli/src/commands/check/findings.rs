//! The findings of `edgemint check`.

use std::fmt;

use serde::Serialize;

/// The severity of a finding. People and JSON read the same words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// The deployment will not work. The exit code is 1.
    Error,
    /// The deployment works, but the operator should look at this.
    Warning,
    /// The check was skipped, because it failed or is not possible.
    Skipped,
}

impl Level {
    const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Skipped => "skipped",
        }
    }
}

/// One finding.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    pub(crate) level: Level,
    /// `null` for the top of wrangler.toml.
    environment: Option<String>,
    /// The variable, secret or binding.
    pub(crate) name: String,
    /// The problem and its fix. The text continues the sentence that begins with the name.
    pub(crate) message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { level, environment, name, message } = self;
        write!(f, "{}: {}: {name} {message}", label(environment.as_deref()), level.word())
    }
}

/// The name of a target in messages.
pub(crate) fn label(environment: Option<&str>) -> String {
    environment.map_or("local development".to_owned(), |name| format!("env.{name}"))
}

/// All findings, in the order of the checks.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    /// The scope to add findings about one environment. `None` is the top of wrangler.toml.
    pub(crate) fn at<'a>(&'a mut self, environment: Option<&'a str>) -> Scope<'a> {
        Scope { findings: self, environment }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.0.iter()
    }

    pub(crate) fn count(&self, level: Level) -> usize {
        self.iter().filter(|finding| finding.level == level).count()
    }
}

/// Adds findings about one environment.
pub(crate) struct Scope<'a> {
    findings: &'a mut Findings,
    environment: Option<&'a str>,
}

impl Scope<'_> {
    pub(crate) fn add(&mut self, level: Level, name: &str, message: impl Into<String>) {
        let environment = self.environment.map(str::to_owned);
        self.findings.0.push(Finding { level, environment, name: name.to_owned(), message: message.into() });
    }
}
