//! The common part of `client list` and `api list`: a table of all records, and warnings about unreadable ones.

use std::collections::BTreeMap;
use std::fmt;
use std::process::ExitCode;

use anyhow::Result;
use edgemint_issuer::Bound;
use serde::Serialize;

use crate::deployment::project::Project;
use crate::terminal::output::Output;
use crate::terminal::words::{NONE, table};

/// A record as a row of the list.
pub(crate) trait Line: Serialize {
    /// The plural of the kind: as a JSON member, and in messages.
    const ALL: [&'static str; 2];
    const HEADING: [&'static str; 6];
    fn cells(&self) -> [String; 6];
    /// What tokens must be bound to, if anything.
    fn bound(&self) -> Option<Bound> {
        None
    }
    /// The ID and the reason, if the record cannot be read.
    fn unreadable(&self) -> Option<(&dyn fmt::Display, &str)>;
}

pub(crate) fn print<L: Line>(lines: &[L], project: &Project, output: &mut Output) -> Result<ExitCode> {
    let [name, people] = L::ALL;
    if output.is_json() {
        output.result_json(&BTreeMap::from([(name, lines)]))?;
        return Ok(ExitCode::SUCCESS);
    }
    if lines.is_empty() {
        output.say(format_args!("There are no {people} in {}.", project.target));
        return Ok(ExitCode::SUCCESS);
    }
    let heading = L::HEADING.map(str::to_owned);
    let rows = std::iter::once(heading).chain(lines.iter().map(Line::cells));
    // Most deployments have no bound tokens, and no use for an empty column.
    let table = if lines.iter().any(|line| line.bound().is_some()) {
        let bound = lines.iter().map(|line| line.bound().map_or(NONE, Bound::name));
        let last = std::iter::once("BOUND").chain(bound);
        let rows = rows.zip(last).map(|([a, b, c, d, e, f], last)| [a, b, c, d, last.to_owned(), e, f]);
        table(&rows.collect::<Vec<_>>())
    } else {
        table(&rows.collect::<Vec<_>>())
    };
    output.result_lines(&table)?;
    for (id, error) in lines.iter().filter_map(Line::unreadable) {
        output.say(format_args!("warning: cannot read the record of {id}: {error}"));
    }
    Ok(ExitCode::SUCCESS)
}
