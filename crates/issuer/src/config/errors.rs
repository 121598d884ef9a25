//! The errors in the variables of a deployment, all of them at once.

use std::fmt;

/// One error: the variable, and what is wrong with it. Never shows a secret's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The variable or secret.
    pub name: String,
    /// What is wrong and what the value should be. Continues the sentence that the name begins.
    pub message: String,
}

/// Every error of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub(super) Vec<ConfigError>);

impl ConfigErrors {
    /// The errors, at least one.
    pub fn all(&self) -> &[ConfigError] {
        &self.0
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            let separator = if i > 0 { "; " } else { "" };
            write!(f, "{separator}{} {}", error.name, error.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
