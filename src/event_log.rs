//! What happened, as lines of JSON on the console, where `wrangler tail`, Workers Logs and Logpush take them.

use edgemint_issuer::Event;
use serde::Serialize;
use worker::{console_error, console_log};

/// Writes one event.
pub(crate) fn write(event: &Event) {
    let line = serde_json::to_string(event).unwrap_or_default();
    if event.is_failure() {
        console_error!("{line}");
    } else {
        console_log!("{line}");
    }
}

/// Writes what is wrong with the configuration: all of it, for as long as it is wrong.
pub(crate) fn write_mistakes(mistakes: &[String], time: u64) {
    #[derive(Serialize)]
    struct Misconfigured<'a> {
        time: u64,
        event: &'a str,
        outcome: &'a str,
        mistakes: &'a [String],
    }
    let event = Misconfigured { time, event: "config.invalid", outcome: "failed", mistakes };
    console_error!("{}", serde_json::to_string(&event).unwrap_or_default());
}
