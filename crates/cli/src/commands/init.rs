//! `edgemint init`: writes a project that can be committed and deployed.

use std::fmt;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args as ClapArgs;
use edgemint_local::serve::state::GIT_IGNORED;
use edgemint_printable::shell;
use serde::Serialize;
use serde_json::json;

use crate::deployment::session::Session;
use crate::deployment::{edit, installed};
use crate::host::Host;
use crate::terminal::output::sentences;

/// The version of this program, and of the Worker that is released with it.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Write a project that you can commit and deploy
///
/// Writes package.json with the versions of edgemint, wrangler.toml and .gitignore. Never overwrites a file.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  npx edgemint init issuer
  npx edgemint init --dry-run")]
pub(crate) struct Init {
    /// Directory of the project [default: this directory]
    #[arg(value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Print what would be written, but write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// A file to write.
#[derive(Debug, PartialEq, Eq)]
struct Planned {
    name: &'static str,
    text: String,
}

/// The files to write, and the files that exist.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    write: Vec<Planned>,
    keep: Vec<&'static str>,
}

/// Decides which files to write. `config`: the installed configuration.
fn plan(config: &str, exists: impl Fn(&str) -> bool) -> Plan {
    let manifest = json!({
        "private": true,
        "scripts": { "dev": "edgemint dev", "deploy": "edgemint deploy" },
        "dependencies": { "@edgemint/worker": VERSION, "edgemint": VERSION },
    });
    let files = [
        ("package.json", format!("{manifest:#}\n")),
        ("wrangler.toml", config.to_owned()),
        (".gitignore", GIT_IGNORED.to_owned()),
    ];
    let (keep, write): (Vec<_>, Vec<_>) = files.into_iter().partition(|(name, _)| exists(name));
    Plan {
        write: write.into_iter().map(|(name, text)| Planned { name, text }).collect(),
        keep: keep.into_iter().map(|(name, _)| name).collect(),
    }
}

/// Writes the files.
fn apply(plan: &Plan, dir: &Path) -> Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot create the directory {}", dir.display()))?;
    for Planned { name, text } in &plan.write {
        let path = dir.join(name);
        let new = OpenOptions::new().write(true).create_new(true).open(&path);
        new.and_then(|mut file| file.write_all(text.as_bytes()))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// The result: JSON for scripts, sentences for people.
#[derive(Serialize)]
struct Report<'a> {
    dry_run: bool,
    dir: &'a Path,
    written: Vec<&'a str>,
    kept: &'a [&'static str],
    /// The line of ISSUER in the wrangler.toml that was written.
    #[serde(skip)]
    issuer_line: Option<usize>,
    /// The directory as the user named it.
    #[serde(skip)]
    named: Option<&'a Path>,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.dry_run { "Dry run: would write" } else { "Wrote" };
        sentences(f, self.written.iter().map(|name| format!("{verb} {}.", self.dir.join(name).display())))?;
        sentences(
            f,
            self.kept.iter().map(|name| format!("Kept {}: the file exists.", self.dir.join(name).display())),
        )?;
        let install = if self.kept.contains(&"package.json") {
            format!("npm install --save-exact edgemint@{VERSION} @edgemint/worker@{VERSION}")
        } else {
            "npm install".to_owned()
        };
        let change = self.named.map(|dir| format!("  {}", shell::command("cd", &[dir])));
        let line = self.issuer_line.map(|line| format!(" in line {line}")).unwrap_or_default();
        sentences(f, ["Next:".to_owned()])?;
        sentences(f, change)?;
        sentences(
            f,
            [
                format!("  {install}"),
                "  npx edgemint dev".to_owned(),
                format!(
                    "To deploy, set ISSUER{line} of wrangler.toml to the URL of your issuer. Then run\n  npx wrangler \
                     login\n  npx edgemint deploy"
                ),
            ],
        )
    }
}

pub(crate) fn run(args: &Init, Session { host, output, .. }: Session<'_>) -> Result<ExitCode> {
    let dir = directory(args, host);
    let config = installed::config(&installed::worker(None, host)?)?;
    let plan = plan(&config, |name| dir.join(name).exists());
    if !args.dry_run {
        apply(&plan, &dir)?;
    }
    let written: Vec<&str> = plan.write.iter().map(|file| file.name).collect();
    let ours = written.contains(&"wrangler.toml");
    output.report(&Report {
        dry_run: args.dry_run,
        dir: &dir,
        issuer_line: ours.then(|| edit::line(&config, "production", "vars", "ISSUER")).flatten(),
        written,
        kept: &plan.keep,
        named: args.dir.as_deref(),
    })?;
    Ok(ExitCode::SUCCESS)
}

fn directory(args: &Init, host: &Host) -> PathBuf {
    args.dir.as_ref().map_or_else(|| host.current_dir.clone(), |dir| host.current_dir.join(dir))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_missing_files_are_written_and_both_packages_are_pinned() {
        let all = plan("name = \"a\"\n", |_| false);
        assert_eq!(all.keep, [""; 0]);
        let names: Vec<&str> = all.write.iter().map(|file| file.name).collect();
        assert_eq!(names, ["package.json", "wrangler.toml", ".gitignore"]);
        let manifest: serde_json::Value = serde_json::from_str(&all.write[0].text).expect("JSON");
        assert_eq!(manifest["dependencies"], json!({ "edgemint": VERSION, "@edgemint/worker": VERSION }));
        let rest = plan("", |name| name != ".gitignore");
        assert_eq!((rest.write.len(), rest.keep), (1, vec!["package.json", "wrangler.toml"]));
    }

    #[test]
    fn a_report_says_what_was_written_and_what_to_do_next() {
        let report = |kept| Report {
            dry_run: false,
            dir: Path::new("/p"),
            written: vec!["wrangler.toml"],
            kept,
            issuer_line: Some(7),
            named: Some(Path::new("p")),
        };
        assert_eq!(
            serde_json::to_string(&report(&["package.json"])).expect("JSON"),
            r#"{"dry_run":false,"dir":"/p","written":["wrangler.toml"],"kept":["package.json"]}"#
        );
        let text = report(&["package.json"]).to_string();
        let begin = "Wrote /p/wrangler.toml.\nKept /p/package.json: the file exists.\nNext:\n  cd p\n  npm install --save-exact edgemint@";
        assert!(text.starts_with(begin), "{text}");
        assert!(text.contains("set ISSUER in line 7 of wrangler.toml"), "{text}");
        assert!(report(&[]).to_string().contains("\n  npm install\n  npx edgemint dev\n"));
    }
}
