//! Known vulnerabilities of crates: checks the lockfile against RustSec's advisories. Needs git, and no tool that must be
//! built first.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use rustsec::advisory::Informational;
use rustsec::database::Query;
use rustsec::{Collection, Database, Lockfile};

use crate::process::{command, project};

const DATABASE: &str = "https://github.com/RustSec/advisory-db";

/// The fewest advisories of a complete copy. A database with fewer is not RustSec's.
const FEWEST: usize = 500;

/// Checks the lockfile. Returns a reason when the database is missing or not up to date.
pub(crate) fn check() -> Result<Option<String>> {
    let folder = project::cache()?.join("advisory-db");
    let _held = project::lock(&folder.with_extension("lock"))?;
    let why = match fetch(&folder) {
        Ok(()) => None,
        Err(_) if folder.join("crates").is_dir() => Some(
            "crates were checked against an older copy, because RustSec's database could not be fetched"
                .to_owned(),
        ),
        Err(_) => {
            return Ok(Some(
                "crates were not checked, because RustSec's database could not be fetched".to_owned(),
            ));
        }
    };
    let database = Database::open(&folder).with_context(|| format!("could not read {}", folder.display()))?;
    let advisories = database.iter().count();
    if advisories < FEWEST {
        bail!("RustSec's database has only {advisories} advisories; remove {}", folder.display());
    }
    let deny = project::root().join("deny.toml");
    let deny = fs::read_to_string(&deny).with_context(|| format!("could not read {}", deny.display()))?;
    judge(&database, &lockfile()?, &ignored(&deny)?)?;
    Ok(why)
}

/// Fetches the latest state of the database into `folder`, without its history.
fn fetch(folder: &Path) -> Result<()> {
    let mut git = Command::new("git");
    git.env("GIT_TERMINAL_PROMPT", "0");
    // Makes git give up on a server that sends nothing.
    git.args(["-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=20"]);
    if folder.join(".git").is_dir() {
        let mut reset = Command::new("git");
        reset.arg("-C").arg(folder).args(["reset", "--quiet", "--hard", "FETCH_HEAD"]);
        command::run(git.arg("-C").arg(folder).args(["fetch", "--quiet", "--depth", "1", DATABASE]))?;
        command::run(&mut reset)?;
    } else {
        command::run(git.args(["clone", "--quiet", "--depth", "1", DATABASE]).arg(folder))?;
    }
    Ok(())
}

fn lockfile() -> Result<Lockfile> {
    let path = project::root().join("Cargo.lock");
    Lockfile::load(&path).with_context(|| format!("could not read {}", path.display()))
}

/// The IDs of the advisories that `deny.toml` ignores.
fn ignored(deny: &str) -> Result<Vec<String>> {
    let deny: toml::Table = deny.parse().context("deny.toml is not TOML")?;
    let list = deny.get("advisories").and_then(|advisories| advisories.get("ignore")?.as_array());
    Ok(list.into_iter().flatten().filter_map(|one| Some(one.get("id")?.as_str()?.to_owned())).collect())
}

/// Fails with every advisory that concerns a locked package and is not ignored. Also fails for an ignored advisory that
/// concerns no locked package.
fn judge(database: &Database, lockfile: &Lockfile, ignored: &[String]) -> Result<()> {
    // `Database::vulnerabilities` would skip advisories of unsound crates.
    let query = Query::new().collection(Collection::Crates).withdrawn(false);
    let mut told = Vec::new();
    let mut needed = Vec::new();
    for found in database.query_vulnerabilities(lockfile, &query) {
        let (advisory, package) = (found.advisory, found.package);
        if matches!(advisory.informational, Some(Informational::Unmaintained | Informational::Notice)) {
            continue;
        }
        let id = advisory.id.to_string();
        if ignored.contains(&id) {
            needed.push(id);
        } else {
            told.push(format!("{} {}: {} ({id})", package.name, package.version, advisory.title));
        }
    }
    let needless = ignored.iter().filter(|id| !needed.contains(id));
    told.extend(needless.map(|id| format!("deny.toml ignores {id}, which concerns no locked package")));
    told.sort();
    told.dedup();
    if !told.is_empty() {
        bail!("{}", told.join("\n"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rustsec::{Database, Lockfile};

    use super::{ignored, judge, lockfile};
    use crate::process::project;

    const ADVISORY: &str = "```toml\n[advisory]\nid = \"RUSTSEC-2025-0022\"\npackage = \"openssl\"\ndate = \"2025-04-04\"\n\n[versions]\npatched = [\">= 0.10.72\"]\nunaffected = [\"< 0.10.39\"]\n```\n\n# Use-After-Free in `Md::fetch`\n\nText.\n";

    const CRATES_IO: &str = "source = \"registry+https://github.com/rust-lang/crates.io-index\"\n";

    /// A database with this advisory, in a temporary directory with this name.
    fn opened(name: &str, advisory: &str) -> rustsec::Result<Database> {
        let folder = project::fresh(&format!("rustsec-{name}"));
        let openssl = folder.join("crates/openssl");
        fs::create_dir_all(&openssl).expect("a folder");
        fs::write(openssl.join("RUSTSEC-2025-0022.md"), advisory).expect("a file");
        let database = Database::open(&folder);
        fs::remove_dir_all(&folder).expect("it is ours");
        database
    }

    fn database(name: &str, advisory: &str) -> Database {
        opened(name, advisory).expect("it is a database")
    }

    fn locked(package: &str, version: &str, source: &str) -> Lockfile {
        let entry = format!("version = 4\n\n[[package]]\nname = \"{package}\"\nversion = \"{version}\"\n");
        (entry + source).parse().expect("a lockfile")
    }

    fn openssl(version: &str) -> Lockfile {
        locked("openssl", version, CRATES_IO)
    }

    #[test]
    fn an_advisory_concerns_the_versions_that_are_neither_patched_nor_unaffected() {
        let database = database("versions", ADVISORY);
        for (version, concerned) in
            [("0.10.38", false), ("0.10.39", true), ("0.10.71", true), ("0.10.72", false), ("1.0.0", false)]
        {
            assert_eq!(judge(&database, &openssl(version), &[]).is_err(), concerned, "{version}");
        }
        let told = judge(&database, &openssl("0.10.71"), &[]).expect_err("it is told").to_string();
        assert_eq!(told, "openssl 0.10.71: Use-After-Free in `Md::fetch` (RUSTSEC-2025-0022)");
        assert!(judge(&database, &locked("openssl-sys", "0.10.71", CRATES_IO), &[]).is_ok());
        assert!(judge(&database, &locked("openssl", "0.10.71", ""), &[]).is_ok(), "a crate of ours");
    }

    #[test]
    fn what_is_ignored_is_not_told_unless_it_is_ignored_for_nothing() {
        let database = database("ignored", ADVISORY);
        let ignored = ["RUSTSEC-2025-0022".to_owned()];
        assert!(judge(&database, &openssl("0.10.71"), &ignored).is_ok());
        let told = judge(&database, &openssl("0.10.72"), &ignored).expect_err("it is told").to_string();
        assert!(told.contains("ignores RUSTSEC-2025-0022"), "{told}");
    }

    #[test]
    fn without_a_patch_every_version_is_concerned() {
        let unpatched = ADVISORY.replace("\">= 0.10.72\"", "").replace("\"< 0.10.39\"", "");
        assert!(judge(&database("unpatched", &unpatched), &openssl("99.0.0"), &[]).is_err());
    }

    #[test]
    fn what_was_withdrawn_or_is_no_longer_worked_on_stops_nobody_and_what_is_unsound_does() {
        for (line, counts) in [
            ("withdrawn = \"2025-05-01\"", false),
            ("informational = \"unmaintained\"", false),
            ("informational = \"notice\"", false),
            ("informational = \"unsound\"", true),
        ] {
            let text = ADVISORY.replace("date =", &format!("{line}\ndate ="));
            let judged = judge(&database("kinds", &text), &openssl("0.10.71"), &[]);
            assert_eq!(judged.is_err(), counts, "{line}");
        }
    }

    #[test]
    fn a_database_with_a_broken_advisory_is_not_read() {
        for broken in ["", "```toml\n[advisory]\n", &ADVISORY.replace(">= 0.10.72", "new")] {
            assert!(opened("broken", broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn our_own_files_are_read() {
        let lockfile = lockfile().expect("it is a lockfile");
        let foreign = lockfile.packages.iter().filter(|package| package.source.is_some());
        assert!(foreign.clone().count() > 50, "has only {}", foreign.count());
        assert!(!foreign.clone().any(|package| package.name.as_str().starts_with("edgemint")));
        let deny = fs::read_to_string(crate::root().join("deny.toml")).expect("it is there");
        assert_eq!(ignored(&deny).expect("it is read"), ["RUSTSEC-2023-0071"]);
    }
}
