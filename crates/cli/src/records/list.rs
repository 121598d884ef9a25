//! The common part of `client list` and `api list`: a table of all records, and warnings about unreadable ones.

use std::collections::BTreeMap;
use std::fmt;
use std::process::ExitCode;

use anyhow::Result;
use serde::Serialize;

use crate::deployment::project::Project;
use crate::terminal::output::Output;
use crate::terminal::words::table;

/// A record as a row of the list.
pub(crate) trait Line: Serialize {
    /// The plural of the kind: as a JSON member, and in messages.
    const ALL: [&'static str; 2];
    const HEADING: [&'static str; 6];
    fn cells(&self) -> [String; 6];
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
    let rows: Vec<_> = std::iter::once(heading).chain(lines.iter().map(Line::cells)).collect();
    output.result_lines(&table(&rows))?;
    for (id, error) in lines.iter().filter_map(Line::unreadable) {
        output.say(format_args!("warning: cannot read the record of {id}: {error}"));
    }
    Ok(ExitCode::SUCCESS)
}
