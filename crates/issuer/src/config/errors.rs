//! What is wrong with the variables of a deployment, all of it at once.

use std::fmt;

/// One mistake: which variable, and what is wrong with it. Never shows a secret's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigMistake {
    /// The variable or secret.
    pub name: String,
    /// What is wrong and what it should be; reads on after the name.
    pub mend: String,
}

/// Every mistake of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub(super) Vec<ConfigMistake>);

impl ConfigErrors {
    /// The mistakes; at least one.
    pub fn mistakes(&self) -> &[ConfigMistake] {
        &self.0
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, mistake) in self.0.iter().enumerate() {
            let separator = if i > 0 { "; " } else { "" };
            write!(f, "{separator}{} {}", mistake.name, mistake.mend)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
