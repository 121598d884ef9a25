//! Texts that are read from a file or from standard input, and never from an argument: other processes can see those.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use zeroize::Zeroizing;

use crate::host::Host;

/// The maximum length of such a text, in bytes.
const MAX_TEXT: u64 = 64 * 1024;

/// Reads a file, or standard input. `what`: the name of the text in messages.
pub(crate) fn read_text(file: Option<&Path>, what: &str, host: &Host) -> Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    match file {
        Some(file) => {
            let opened = std::fs::File::open(host.current_dir.join(file));
            opened
                .and_then(|opened| opened.take(MAX_TEXT).read_to_string(&mut text))
                .with_context(|| format!("cannot read {what} from {}", file.display()))?;
        }
        None => {
            let read = std::io::stdin().take(MAX_TEXT).read_to_string(&mut text);
            read.with_context(|| format!("cannot read {what} from standard input"))?;
        }
    }
    Ok(text)
}
