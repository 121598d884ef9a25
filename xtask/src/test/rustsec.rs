//! Known vulnerabilities of crates: RustSec's advisories against our lockfiles. Needs git, and nothing that would have to
//! be built first.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use semver::{Version, VersionReq};

use crate::process::{command, project};

const DATABASE: &str = "https://github.com/RustSec/advisory-db";

/// Fewer than this, and what was fetched is not the database.
const FEWEST: usize = 500;

/// What is built here: the workspace, and the fuzz targets outside of it.
const LOCKFILES: [&str; 2] = ["Cargo.lock", "fuzz/Cargo.lock"];

/// Judges the lockfiles; the answer is why the judgement is not of today.
pub(crate) fn check() -> Result<Option<String>> {
    let database = project::cache()?.join("advisory-db");
    let _held = project::lock(&database.with_extension("lock"))?;
    let why = match fetch(&database) {
        Ok(()) => None,
        Err(_) if database.join("crates").is_dir() => Some(
            "of crates nothing new is known: RustSec's database could not be fetched, an earlier one was asked"
                .to_owned(),
        ),
        Err(_) => {
            return Ok(Some(
                "of crates nothing is known: RustSec's database could not be fetched".to_owned(),
            ));
        }
    };
    let advisories = read_all(&database.join("crates"))?;
    if advisories.len() < FEWEST {
        bail!("RustSec's database has only {} advisories: remove {}", advisories.len(), database.display());
    }
    let mut locked = Vec::new();
    for file in LOCKFILES {
        let path = project::root().join(file);
        let text = fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
        locked.extend(packages(&text)?);
    }
    let deny = project::root().join("deny.toml");
    let deny = fs::read_to_string(&deny).with_context(|| format!("could not read {}", deny.display()))?;
    judge(&advisories, &locked, &ignored(&deny)?)?;
    Ok(why)
}

/// Brings the database into `folder`, its newest state alone.
fn fetch(folder: &Path) -> Result<()> {
    let mut git = Command::new("git");
    git.env("GIT_TERMINAL_PROMPT", "0");
    // Who gives no answer is not waited for.
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

/// A crate as it is locked.
#[derive(Debug, PartialEq, Eq)]
struct Package {
    name: String,
    version: Version,
}

/// What is known of some versions of a crate.
#[derive(Debug)]
struct Advisory {
    id: String,
    package: String,
    title: String,
    /// The versions that it does not concern.
    fine: Vec<VersionReq>,
}

impl Advisory {
    fn concerns(&self, package: &Package) -> bool {
        self.package == package.name && !self.fine.iter().any(|versions| versions.matches(&package.version))
    }
}

/// Every advisory below `folder`: a folder for each crate, a file for each advisory.
fn read_all(folder: &Path) -> Result<Vec<Advisory>> {
    let folders = fs::read_dir(folder).with_context(|| format!("could not read {}", folder.display()))?;
    let files = folders.flatten().filter_map(|folder| fs::read_dir(folder.path()).ok()).flatten().flatten();
    let mut advisories = Vec::new();
    for path in files.map(|file| file.path()) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with("RUSTSEC-") && name.ends_with(".md") {
            let text =
                fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
            let advisory = read(&text).with_context(|| format!("{} is no advisory", path.display()))?;
            advisories.extend(advisory);
        }
    }
    Ok(advisories)
}

/// An advisory is a block of TOML and a page of Markdown. Nothing, when it was withdrawn, or only says that a crate is no
/// longer worked on.
fn read(text: &str) -> Result<Option<Advisory>> {
    let rest = text.split_once("```toml\n").context("it has no block of TOML")?.1;
    let (block, page) = rest.split_once("```").context("its block of TOML has no end")?;
    let block: toml::Table = block.parse().context("its block is not TOML")?;
    let advisory = block.get("advisory").context("it has no [advisory]")?;
    let text = |name: &str| advisory.get(name).and_then(toml::Value::as_str);
    if text("withdrawn").is_some() || matches!(text("informational"), Some("unmaintained" | "notice")) {
        return Ok(None);
    }
    let mut fine = Vec::new();
    for kind in ["patched", "unaffected"] {
        let versions = block.get("versions").and_then(|versions| versions.get(kind)?.as_array());
        for version in versions.into_iter().flatten() {
            let version = version.as_str().context("a version is no text")?;
            fine.push(version.parse().with_context(|| format!("{version} names no versions"))?);
        }
    }
    let title = page.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or_default();
    Ok(Some(Advisory {
        id: text("id").context("it has no id")?.to_owned(),
        package: text("package").context("it names no package")?.to_owned(),
        title: title.trim().to_owned(),
        fine,
    }))
}

/// What a lockfile has from a registry.
fn packages(lockfile: &str) -> Result<Vec<Package>> {
    let lockfile: toml::Table = lockfile.parse().context("a lockfile is not TOML")?;
    let locked = lockfile.get("package").and_then(toml::Value::as_array).context("a lockfile is empty")?;
    let text = |package: &toml::Value, name: &str| Some(package.get(name)?.as_str()?.to_owned());
    let foreign = locked.iter().filter(|package| package.get("source").is_some());
    foreign
        .map(|package| {
            let (name, version) =
                text(package, "name").zip(text(package, "version")).context("a package has no name")?;
            Ok(Package { version: version.parse()?, name })
        })
        .collect()
}

/// The advisories that `deny.toml` says do not concern us.
fn ignored(deny: &str) -> Result<Vec<String>> {
    let deny: toml::Table = deny.parse().context("deny.toml is not TOML")?;
    let list = deny.get("advisories").and_then(|advisories| advisories.get("ignore")?.as_array());
    Ok(list.into_iter().flatten().filter_map(|one| Some(one.get("id")?.as_str()?.to_owned())).collect())
}

/// Every advisory that concerns what is locked is told, unless it is ignored; and so is one that is ignored for nothing.
fn judge(advisories: &[Advisory], locked: &[Package], ignored: &[String]) -> Result<()> {
    let mut told = Vec::new();
    let mut needed = Vec::new();
    for package in locked {
        for advisory in advisories.iter().filter(|advisory| advisory.concerns(package)) {
            if ignored.contains(&advisory.id) {
                needed.push(&advisory.id);
            } else {
                told.push(format!(
                    "{} {}: {} ({})",
                    package.name, package.version, advisory.title, advisory.id
                ));
            }
        }
    }
    let needless = ignored.iter().filter(|id| !needed.contains(id));
    told.extend(needless.map(|id| format!("deny.toml ignores {id}, which concerns nothing that is locked")));
    told.sort();
    told.dedup();
    if !told.is_empty() {
        bail!("{}", told.join("\n"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Package, ignored, judge, packages, read, read_all};

    const ADVISORY: &str = "```toml\n[advisory]\nid = \"RUSTSEC-2025-0022\"\npackage = \"openssl\"\ndate = \"2025-04-04\"\n\n[versions]\npatched = [\">= 0.10.72\"]\nunaffected = [\"< 0.10.39\"]\n```\n\n# Use-After-Free in `Md::fetch`\n\nText.\n";

    fn locked(version: &str) -> Vec<Package> {
        vec![Package { name: "openssl".to_owned(), version: version.parse().expect("a version") }]
    }

    #[test]
    fn an_advisory_concerns_the_versions_that_are_neither_patched_nor_unaffected() {
        let advisories = [read(ADVISORY).expect("it is one").expect("and counts")];
        for (version, concerned) in
            [("0.10.38", false), ("0.10.39", true), ("0.10.71", true), ("0.10.72", false), ("1.0.0", false)]
        {
            assert_eq!(judge(&advisories, &locked(version), &[]).is_err(), concerned, "{version}");
        }
        let told = judge(&advisories, &locked("0.10.71"), &[]).expect_err("it is told").to_string();
        assert_eq!(told, "openssl 0.10.71: Use-After-Free in `Md::fetch` (RUSTSEC-2025-0022)");
        let other = [Package { name: "openssl-sys".to_owned(), version: "0.10.71".parse().expect("one") }];
        assert!(judge(&advisories, &other, &[]).is_ok());
    }

    #[test]
    fn what_is_ignored_is_not_told_unless_it_is_ignored_for_nothing() {
        let advisories = [read(ADVISORY).expect("it is one").expect("and counts")];
        let ignored = ["RUSTSEC-2025-0022".to_owned()];
        assert!(judge(&advisories, &locked("0.10.71"), &ignored).is_ok());
        let told = judge(&advisories, &locked("0.10.72"), &ignored).expect_err("it is told").to_string();
        assert!(told.contains("ignores RUSTSEC-2025-0022"), "{told}");
    }

    #[test]
    fn without_a_patch_every_version_is_concerned() {
        let unpatched = ADVISORY.replace("\">= 0.10.72\"", "").replace("\"< 0.10.39\"", "");
        let advisories = [read(&unpatched).expect("it is one").expect("and counts")];
        assert!(judge(&advisories, &locked("99.0.0"), &[]).is_err());
    }

    #[test]
    fn what_was_withdrawn_or_is_no_longer_worked_on_stops_nobody_and_what_is_unsound_does() {
        for (line, counts) in [
            ("withdrawn = \"2025-05-01\"", false),
            ("informational = \"unmaintained\"", false),
            ("informational = \"unsound\"", true),
        ] {
            let text = ADVISORY.replace("date =", &format!("{line}\ndate ="));
            assert_eq!(read(&text).expect("it is one").is_some(), counts, "{line}");
        }
        for broken in ["", "```toml\n[advisory]\n", &ADVISORY.replace(">= 0.10.72", "new")] {
            assert!(read(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn our_own_files_are_read() {
        let read = |file: &str| std::fs::read_to_string(crate::root().join(file)).expect("it is there");
        for lockfile in super::LOCKFILES {
            let packages = packages(&read(lockfile)).expect("a lockfile");
            assert!(packages.len() > 50, "{lockfile} has only {}", packages.len());
            assert!(!packages.iter().any(|package| package.name.starts_with("edgemint")));
        }
        assert_eq!(ignored(&read("deny.toml")).expect("it is read"), ["RUSTSEC-2023-0071"]);
    }

    #[test]
    fn a_database_is_a_folder_for_each_crate() {
        let folder = std::env::temp_dir().join(format!("edgemint-rustsec-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("openssl")).expect("a folder");
        for name in ["RUSTSEC-2025-0022.md", "README.md"] {
            std::fs::write(folder.join("openssl").join(name), ADVISORY).expect("a file");
        }
        let found = read_all(&folder).expect("it is read");
        std::fs::remove_dir_all(&folder).expect("it is ours");
        assert_eq!(found.len(), 1);
    }
}
