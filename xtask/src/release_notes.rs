//! `cargo xtask release-notes`: the section of a version in CHANGELOG.md, as the text of its release on GitHub.

use std::fs;

use anyhow::{Context as _, Result, bail};

use crate::args;
use crate::process::project;

/// Runs the command.
pub(crate) fn command(options: &args::ReleaseNotes) -> Result<()> {
    let read = |name: &str| {
        let file = project::root().join(name);
        fs::read_to_string(&file).with_context(|| format!("could not read {}", file.display()))
    };
    let text = notes(&options.version, &read("Cargo.toml")?, &read("CHANGELOG.md")?)?;
    match &options.out {
        None => print!("{text}"),
        Some(file) => {
            fs::write(file, text).with_context(|| format!("could not write {}", file.display()))?;
        }
    }
    Ok(())
}

/// The text for `version`, which may be written as a tag.
fn notes(version: &str, manifest: &str, changelog: &str) -> Result<String> {
    let version = version.strip_prefix('v').unwrap_or(version);
    let manifest: toml::Table = manifest.parse().context("Cargo.toml is not TOML")?;
    let package = |name: &str| {
        let value = manifest.get("workspace")?.get("package")?.get(name)?.as_str()?;
        Some(value.to_owned())
    };
    let current = package("version").context("Cargo.toml names no version of the workspace")?;
    if version != current {
        bail!(
            "the release is {version}, but Cargo.toml has version {current}; set the version there and commit it before \
             you tag the commit"
        );
    }
    let repository = package("repository").context("Cargo.toml names no repository")?;
    let section = section(version, changelog)?;
    Ok(absolute(section, &format!("{repository}/blob/v{version}")))
}

/// The text below the heading `## [1.2.3] - 2026-12-31`, up to the next heading of this level.
fn section<'a>(version: &str, changelog: &'a str) -> Result<&'a str> {
    let heading = format!("## [{version}]");
    let mut sections = changelog.split("\n## ");
    let found = sections.find_map(|text| text.strip_prefix(&format!("[{version}]")));
    let Some((date, text)) = found.and_then(|text| text.split_once('\n')) else {
        bail!(
            "CHANGELOG.md has no section \"{heading}\"; rename the section \"[Unreleased]\" to it, with the date of the \
             release"
        );
    };
    if !date.strip_prefix(" - ").is_some_and(is_date) {
        bail!("the section \"{heading}\" of CHANGELOG.md has no date; write \"{heading} - 2026-12-31\"");
    }
    let text = text.trim();
    if text.lines().all(|line| line.is_empty() || line.starts_with('#')) {
        bail!("the section \"{heading}\" of CHANGELOG.md is empty; list what users notice");
    }
    Ok(text)
}

/// Whether a text has the form `2026-12-31`.
fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([4, 2, 2])
        && parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The text with the links to files as links to these files at `base`, because a release is not in their folder.
fn absolute(text: &str, base: &str) -> String {
    let mut parts = text.split("](");
    let mut all = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        all.push_str("](");
        let target = part.split(')').next().unwrap_or_default();
        if target.starts_with('#') {
            all.push_str(&format!("{base}/CHANGELOG.md"));
        } else if !target.contains("://") {
            all.push_str(&format!("{base}/"));
        }
        all.push_str(part);
    }
    all.push('\n');
    all
}

#[cfg(test)]
mod tests {
    use super::notes;

    const MANIFEST: &str =
        "[workspace.package]\nversion = \"1.2.0\"\nrepository = \"https://github.com/a/b\"\n";

    const CHANGELOG: &str = "# Changelog

## [Unreleased]

### Added

- Later.

## [1.2.0] - 2026-12-31

### Added

- One ([page](docs/page.md#part), [other](https://example.com/), [here](#120---2026-12-31)).

### Fixed

- Two.

## [1.1.0] - 2026-11-30

- Before.

## [1.1.0-rc.1]
";

    fn error(version: &str, changelog: &str) -> String {
        let manifest = MANIFEST.replace("1.2.0", version);
        format!("{:#}", notes(version, &manifest, changelog).expect_err("it fails"))
    }

    #[test]
    fn the_text_is_the_section_with_links_that_work_outside_the_repository() {
        let expected = "### Added

- One ([page](https://github.com/a/b/blob/v1.2.0/docs/page.md#part), [other](https://example.com/), [here](https://github.com/a/b/blob/v1.2.0/CHANGELOG.md#120---2026-12-31)).

### Fixed

- Two.
";
        for version in ["1.2.0", "v1.2.0"] {
            assert_eq!(notes(version, MANIFEST, CHANGELOG).expect("it is there"), expected);
        }
        let manifest = MANIFEST.replace("1.2.0", "1.1.0");
        assert_eq!(notes("1.1.0", &manifest, CHANGELOG).expect("it is there"), "- Before.\n");
    }

    #[test]
    fn another_version_than_that_of_the_manifest_is_an_error() {
        for version in ["1.1.0", "v1.2.1", "1.2", "vv1.2.0", ""] {
            let error = notes(version, MANIFEST, CHANGELOG).expect_err("another version").to_string();
            assert!(error.contains("Cargo.toml has version 1.2.0"), "{version}: {error}");
        }
    }

    #[test]
    fn a_section_that_is_missing_or_empty_or_has_no_date_is_an_error() {
        assert!(error("1.3.0", CHANGELOG).contains("no section \"## [1.3.0]\""));
        // A prefix of a version is another version.
        assert!(error("1.1", CHANGELOG).contains("no section"));
        assert!(error("1.1.0-rc.1", CHANGELOG).contains("no date"));
        assert!(error("1.2.0", &CHANGELOG.replace("2026-12-31", "soon")).contains("no date"));
        let empty =
            "# Changelog\n\n## [1.2.0] - 2026-12-31\n\n### Added\n\n## [1.1.0] - 2026-11-30\n\n- One.\n";
        assert!(error("1.2.0", empty).contains("is empty"));
        assert!(error("1.2.0", "").contains("no section"));
    }
}
