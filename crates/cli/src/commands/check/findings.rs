//! What `edgemint check` found.

use std::fmt;

use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// It will not work: the exit code is 1. Scripts compare the value in JSON, so it keeps its older name.
    #[serde(rename = "mistake")]
    Error,
    /// It works, and is worth a look.
    Warning,
    /// It could not be looked at.
    Unchecked,
}

impl Level {
    /// What people read: the words that JSON has, too.
    const fn words(self) -> &'static str {
        match self {
            Self::Error => "mistake",
            Self::Warning => "warning",
            Self::Unchecked => "not checked",
        }
    }
}

/// One thing that was found.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    level: Level,
    /// `null` for the top of wrangler.toml.
    environment: Option<String>,
    /// The variable, secret or binding.
    name: String,
    /// What is wrong and what fixes it; reads on after the name.
    message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { level, environment, name, message } = self;
        write!(f, "{}: {}: {name} {message}", label(environment.as_deref()), level.words())
    }
}

/// A target as people read it.
pub(crate) fn label(environment: Option<&str>) -> String {
    environment.map_or("local development".to_owned(), |name| format!("env.{name}"))
}

/// Everything that was found, in the order in which it was looked at.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    /// Where findings about one environment are added; `None` is the top of wrangler.toml.
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

/// Takes the findings about one environment.
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
