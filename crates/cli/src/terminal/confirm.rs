//! The confirmation prompt before an action that cannot be undone.

use anyhow::{Context as _, Result, bail};

use crate::host::Host;
use crate::terminal::output::Output;

/// Returns if the command line has `--yes` or the user answers yes. `nothing` is the message for an aborted command.
///
/// # Errors
///
/// If the answer is not yes, and if there is no terminal.
pub(crate) fn confirm(
    yes: bool,
    question: &str,
    nothing: &str,
    host: &Host,
    output: &mut Output,
) -> Result<()> {
    if yes {
        return Ok(());
    }
    if !host.can_ask {
        bail!(
            "cannot prompt for confirmation (no terminal), so {nothing}. This cannot be undone. To confirm, pass --yes."
        );
    }
    output.ask(format_args!("{question} [y/N]"));
    let answer = (host.answer)().context("cannot read the answer")?;
    if !matches!(answer.trim(), "y" | "Y" | "yes") {
        bail!("{nothing}");
    }
    Ok(())
}
