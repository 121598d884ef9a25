//! What `client list` and `api list` have in common: all records of a kind as a table, and those that cannot be read.

use std::collections::BTreeMap;
use std::fmt;
use std::process::ExitCode;

use anyhow::Result;
use serde::Serialize;

use crate::deployment::project::Project;
use crate::terminal::output::Output;
use crate::terminal::words::table;

/// A record in the list.
pub(crate) trait Line: Serialize {
    /// What `--json` calls all of them, and what people do.
    const ALL: [&'static str; 2];
    const HEADING: [&'static str; 6];
    fn cells(&self) -> [String; 6];
    /// Whose record it is, and why it cannot be read, if it cannot.
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
        output.say(format_args!("warning: the record of {id} cannot be read: {error}"));
    }
    Ok(ExitCode::SUCCESS)
}
