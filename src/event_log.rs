//! Events as lines of JSON for the console, where `wrangler tail`, Workers Logs and Logpush read them.

use edgemint_issuer::Event;
use serde::Serialize;

/// A line, and whether it belongs in the error log. It crosses together with the response, which saves one
/// crossing.
pub(crate) struct Line {
    pub(crate) text: String,
    pub(crate) is_failure: bool,
}

/// The line of an event.
pub(crate) fn line(event: &Event) -> Line {
    Line { text: event.line(), is_failure: event.is_failure() }
}

/// The line for a configuration with errors. Each request logs all of them until they are fixed.
pub(crate) fn config_errors(errors: &[String], time: u64) -> Line {
    #[derive(Serialize)]
    struct Misconfigured<'a> {
        time: u64,
        event: &'a str,
        outcome: &'a str,
        /// Operators search the log for this name.
        #[serde(rename = "mistakes")]
        errors: &'a [String],
    }
    let event = Misconfigured { time, event: "config.invalid", outcome: "failed", errors };
    Line { text: serde_json::to_string(&event).unwrap_or_default(), is_failure: true }
}
