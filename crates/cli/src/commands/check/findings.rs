//! What `edgemint check` found, and how it is told.

use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// It will not work: the exit code is 1.
    Mistake,
    /// It works, and is worth a look.
    Warning,
    /// It could not be looked at.
    Unchecked,
}

/// One thing that was found.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    pub(super) level: Level,
    /// `null` for the top of wrangler.toml.
    pub(super) environment: Option<String>,
    /// The variable, secret or binding.
    pub(super) name: String,
    /// What is wrong and what mends it; reads on after the name.
    pub(super) message: String,
}

/// Everything that was found, and where we are looking.
#[derive(Default)]
pub(crate) struct Findings {
    pub(super) all: Vec<Finding>,
    pub(super) environment: Option<String>,
}

impl Findings {
    pub(crate) fn add(&mut self, level: Level, name: &str, message: impl Into<String>) {
        let environment = self.environment.clone();
        self.all.push(Finding { level, environment, name: name.to_owned(), message: message.into() });
    }

    pub(super) fn count(&self, level: Level) -> usize {
        self.all.iter().filter(|finding| finding.level == level).count()
    }
}
