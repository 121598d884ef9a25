//! The request that a case sends, again and again.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What is sent, again and again.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: &'static str,
    pub(super) path: String,
    /// ID and secret for HTTP Basic.
    pub(super) basic: Option<(String, String)>,
    pub(super) body: Body,
    /// The status that every answer must have.
    pub(super) expected: u16,
}

/// The form that goes with it.
#[derive(Clone, Debug)]
pub(super) enum Body {
    None,
    Form(String),
    /// One of the lines of this file each time, at random.
    OneOf(PathBuf),
}

impl Request {
    /// It as it goes over the wire, for one try by hand.
    pub(super) fn as_http(&self) -> Result<String> {
        self.each()?.into_iter().next().context("there is no request to send")
    }

    /// The same, with each of the forms that it may have.
    pub(super) fn each(&self) -> Result<Vec<String>> {
        Ok(match &self.body {
            Body::None => vec![self.with("")],
            Body::Form(form) => vec![self.with(form)],
            Body::OneOf(file) => {
                let lines = fs::read_to_string(file);
                let lines = lines.with_context(|| format!("could not read {}", file.display()))?;
                lines.lines().map(|form| self.with(form)).collect()
            }
        })
    }

    pub(super) fn with(&self, form: &str) -> String {
        let basic = self.basic.as_ref().map(|(id, secret)| {
            let pair = STANDARD.encode(format!("{id}:{secret}"));
            format!("Authorization: Basic {pair}\r\n")
        });
        format!(
            "{} {} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{}Content-Type: {FORM}\r\nContent-Length: {}\r\n\r\n{form}",
            self.method,
            self.path,
            basic.unwrap_or_default(),
            form.len(),
        )
    }
}

pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
