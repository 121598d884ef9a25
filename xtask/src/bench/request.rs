//! The request that a case sends repeatedly.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ureq::http::request::Builder;

use crate::process::http::{self, Answer};

/// A request to send repeatedly.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: &'static str,
    pub(super) path: String,
    /// Client ID and secret for HTTP Basic.
    pub(super) basic: Option<(String, String)>,
    /// The header `DPoP`.
    pub(super) dpop: Option<String>,
    pub(super) body: Body,
    /// The status that every answer must have.
    pub(super) expected: u16,
}

/// The form in the body.
#[derive(Clone, Debug)]
pub(super) enum Body {
    None,
    Form(String),
    /// A random line of this file for each request.
    OneOf(PathBuf),
}

impl Request {
    /// Sends the request once. Where it has several forms, sends the first of them.
    pub(super) fn send(&self, port: u16) -> Result<Answer> {
        self.send_each(port, 1)?.pop().context("there is no request to send")
    }

    /// Sends the request once with each of its forms, at most `most` times.
    pub(super) fn send_each(&self, port: u16, most: usize) -> Result<Vec<Answer>> {
        match &self.body {
            Body::None => Ok(vec![http::send(self.head(port).body(())?)?]),
            Body::Form(form) => Ok(vec![self.with(port, form)?]),
            Body::OneOf(file) => {
                let lines = fs::read_to_string(file);
                let lines = lines.with_context(|| format!("could not read {}", file.display()))?;
                lines.lines().take(most).map(|form| self.with(port, form)).collect()
            }
        }
    }

    fn with(&self, port: u16, form: &str) -> Result<Answer> {
        http::send(self.head(port).header("Content-Type", FORM).body(form)?)
    }

    fn head(&self, port: u16) -> Builder {
        let mut head = Builder::new().method(self.method).uri(http::url(port, &self.path));
        if let Some(proof) = &self.dpop {
            head = head.header("DPoP", proof);
        }
        match &self.basic {
            None => head,
            Some((id, secret)) => {
                let pair = STANDARD.encode(format!("{id}:{secret}"));
                head.header("Authorization", format!("Basic {pair}"))
            }
        }
    }
}

pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
