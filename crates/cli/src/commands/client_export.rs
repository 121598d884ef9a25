//! `edgemint client export`: a backup of all clients, with hashes and without secrets.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use edgemint_issuer::ClientRecord;
use serde::Serialize;

use crate::backup;
use crate::client_args::ClientExport;
use crate::host::Host;
use crate::kv::Records;
use crate::output::Output;
use crate::project::Project;

pub(super) fn run(
    args: &ClientExport,
    config: Option<&Path>,
    host: &Host,
    output: &mut Output,
) -> Result<ExitCode> {
    /// The result, as `--json` prints it when the backup goes into a file.
    #[derive(Serialize)]
    struct Exported<'a> {
        file: &'a Path,
        clients: usize,
        unreadable: Vec<&'a str>,
    }
    // Before anything is asked of Cloudflare; `create_new` below has the last word.
    if let Some(file) = args.file.as_deref().filter(|file| host.current_dir.join(file).exists()) {
        bail!("there is a file {} already, and a backup overwrites nothing: name another", file.display());
    }
    let project = Project::find(config, &args.target, host)?;
    let stored = Records::of(&project, host)?.read_all()?;
    let records: Vec<&ClientRecord> = stored.values().flatten().collect();
    let text = backup::write(&records);
    let unreadable: Vec<String> = stored
        .iter()
        .filter_map(|(id, stored)| stored.as_ref().err().map(|error| format!("{id} ({error})")))
        .collect();
    match &args.file {
        None => output.result(&text)?,
        Some(file) => {
            create(&host.current_dir.join(file), &text)
                .with_context(|| format!("could not write {}", file.display()))?;
            if output.is_json() {
                let unreadable = stored.iter().filter(|(_, stored)| stored.is_err());
                output.result_json(&Exported {
                    file,
                    clients: records.len(),
                    unreadable: unreadable.map(|(id, _)| id.as_str()).collect(),
                })?;
            }
        }
    }
    output.say(format_args!("Exported {} clients of {}.", records.len(), project.target));
    if !unreadable.is_empty() {
        bail!("not in the backup, since their records cannot be read: {}", unreadable.join(", "));
    }
    Ok(ExitCode::SUCCESS)
}

/// A new file that its owner alone may read; none is left when it cannot be written whole.
fn create(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let write = |file: &mut File| {
        writeln!(file, "{text}")?;
        file.sync_all()
    };
    write(&mut file).inspect_err(|_| {
        let _ = std::fs::remove_file(path);
    })
}
