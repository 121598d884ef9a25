//! Asking before what cannot be undone.

use anyhow::{Context as _, Result, bail};

use crate::host::Host;
use crate::terminal::output::Output;

/// Goes on when `yes` was typed on the command line or is answered now. `nothing` says what was not done.
///
/// # Errors
///
/// When the answer is another, and when nobody can be asked.
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
        bail!("this cannot be undone, and nobody can be asked here: say --yes ({nothing})");
    }
    output.ask(format_args!("{question} [y/N]"));
    let answer = (host.answer)().context("the answer could not be read")?;
    if !matches!(answer.trim(), "y" | "Y" | "yes") {
        bail!("{nothing}");
    }
    Ok(())
}
