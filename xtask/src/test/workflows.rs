//! GitHub's workflows: actionlint's checks, and the project's own rules about what a workflow may use and do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::install::actionlint;
use crate::process::progress::Progress;
use crate::process::{command, project};
use crate::test::steps::Report;

/// The number of hexadecimal digits in the ID of a commit.
const COMMIT: usize = 40;

/// Checks all workflows. Returns why a part was skipped.
pub(crate) fn check(progress: &Progress, report: &Report) -> Result<Option<String>> {
    let files = files(&project::root().join(".github/workflows"))?;
    let mut wrong = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).with_context(|| format!("could not read {}", file.display()))?;
        let name = file.strip_prefix(project::root()).unwrap_or(file).display();
        wrong.extend(breaches(&text).into_iter().map(|(line, breach)| format!("{name}:{line}: {breach}")));
    }
    if !wrong.is_empty() {
        bail!("the workflows break rules of the project:\n{}", wrong.join("\n"));
    }
    let Some(program) = actionlint::ensure(progress)? else {
        return Ok(Some("actionlint did not run, because this machine has no Go to build it".to_owned()));
    };
    report.of(Command::new(program).args(["-no-color", "-oneline"]).args(&files))?;
    report.line(format!("{} workflows", files.len()));
    let has_shellcheck = command::ask(Command::new("shellcheck").arg("--version")).is_ok();
    Ok((!has_shellcheck).then(|| {
        "the shell scripts in the workflows were not checked, because this machine has no shellcheck"
            .to_owned()
    }))
}

/// The workflows in a folder, sorted by name. A folder without any is an error.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("could not read the folder {}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yml" || extension == "yaml"));
    files.sort();
    if files.is_empty() {
        bail!("there is no workflow in {}", folder.display());
    }
    Ok(files)
}

/// The lines of a workflow that break a rule of the project, each with the rule. It reads lines and not YAML, so it also
/// requires the indentation that every workflow has: two spaces for a job, six for a step.
fn breaches(text: &str) -> Vec<(usize, String)> {
    let lines: Vec<Line<'_>> = (1..).zip(text.lines()).collect();
    let mut found = Vec::new();
    if !lines.iter().any(|(_, line)| line.starts_with("permissions:")) {
        let rule = "set `permissions` at the top level, so that a job has only those that it names";
        found.push((1, rule.to_owned()));
    }
    for (number, line) in &lines {
        if let Some(action) = member(line).strip_prefix("uses: ").filter(|action| !is_pinned(action)) {
            let rule = "pin it by the ID of a commit, with its version: `uses: name@<40 digits> # v1.2.3`";
            found.push((*number, format!("`{action}`: {rule}")));
        }
    }
    let jobs = lines.into_iter().skip_while(|(_, line)| *line != "jobs:").collect::<Vec<_>>();
    let jobs = parts(&jobs, 2);
    if jobs.is_empty() {
        found.push((1, "there is no job, or its name is not indented by two spaces".to_owned()));
    }
    for (number, job) in jobs {
        let has = |name: &str| job.iter().any(|(_, line)| line.starts_with(&format!("    {name}:")));
        if has("uses") {
            continue;
        }
        if !has("timeout-minutes") {
            found.push((number, "set `timeout-minutes` in this job".to_owned()));
        }
        let steps = parts(&job, 6);
        let steps: Vec<_> = steps.iter().filter(|(_, step)| step.iter().any(is_item)).collect();
        if steps.is_empty() {
            found.push((number, "there is no step, or it is not indented by six spaces".to_owned()));
        }
        found.extend(steps.iter().filter_map(|(number, step)| Some((*number, breach(step)?.to_owned()))));
    }
    found
}

/// A line and its number.
type Line<'a> = (usize, &'a str);

/// The lines from each line of exactly this indentation up to the next one, or up to a line with less indentation; with
/// the number of the first line. Comments at this indentation belong to no part.
fn parts<'a>(lines: &[Line<'a>], indentation: usize) -> Vec<(usize, Vec<Line<'a>>)> {
    let mut found: Vec<(usize, Vec<Line<'_>>)> = Vec::new();
    let mut is_inside = false;
    for (number, line) in lines.iter().filter(|(_, line)| !line.trim().is_empty()) {
        let depth = line.len() - line.trim_start().len();
        if depth <= indentation {
            is_inside = depth == indentation && !line.trim_start().starts_with('#');
            if is_inside {
                found.push((*number, Vec::new()));
            }
        }
        if let (true, Some((_, part))) = (is_inside, found.last_mut()) {
            part.push((*number, line));
        }
    }
    found
}

/// A line without its indentation and without the mark of a list's item.
fn member(line: &str) -> &str {
    line.trim_start().trim_start_matches("- ")
}

fn is_item((_, line): &Line<'_>) -> bool {
    line.starts_with("      - ")
}

/// The rule that a step breaks.
fn breach(step: &[Line<'_>]) -> Option<&'static str> {
    let lines = || step.iter().map(|(_, line)| member(line));
    if lines().any(|line| line.starts_with("uses: actions/checkout@"))
        && !lines().any(|line| line == "persist-credentials: false")
    {
        return Some("set `persist-credentials: false`, so that later steps cannot read the token");
    }
    if lines().skip_while(|line| !line.starts_with("run:")).any(|line| line.contains("${{")) {
        return Some(
            "a script must not contain `${{`: pass the value in `env` before `run`, and use it as \"$NAME\"",
        );
    }
    None
}

/// Whether an action is pinned by commit with its version as a comment, or is a workflow of this repository.
fn is_pinned(action: &str) -> bool {
    if action.starts_with("./") {
        return true;
    }
    let Some((name, version)) = action.split_once(" # v") else { return false };
    let commit = name.split_once('@').map_or("", |(_, commit)| commit);
    let is_commit = commit.len() == COMMIT && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    let numbers: Vec<_> = version.split('.').map(str::parse::<u32>).collect();
    is_commit && numbers.len() == 3 && numbers.iter().all(Result::is_ok)
}

#[cfg(test)]
mod tests {
    use super::{breaches, files};
    use crate::process::project::fresh;

    const GOOD: &str = "on: push
permissions: {}
jobs:
  # The first job.
  one:
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    steps:
      # The code.
      - uses: actions/checkout@0123456789abcdef0123456789abcdef01234567 # v6.0.2
        with:
          persist-credentials: false

      - name: Print
        env:
          TAG: ${{ github.ref_name }}
        run: |
          echo \"$TAG\"
  two:
    uses: ./.github/workflows/other.yml
";

    #[test]
    fn a_workflow_that_keeps_the_rules_has_no_breach() {
        assert_eq!(breaches(GOOD), []);
    }

    #[test]
    fn every_rule_is_checked_and_its_line_is_named() {
        for (good, bad, line, rule) in [
            ("permissions: {}\n", "", 1, "set `permissions`"),
            ("0123456789abcdef0123456789abcdef01234567 # v6.0.2", "v6", 10, "pin it"),
            (" # v6.0.2", "", 10, "pin it"),
            (" # v6.0.2", " # v6", 10, "pin it"),
            (
                "          persist-credentials: false\n",
                "          depth: 0\n",
                10,
                "set `persist-credentials",
            ),
            ("echo \"$TAG\"", "echo ${{ github.ref_name }}", 14, "a script must not"),
            ("echo \"$TAG\"", "# ${{ github.ref_name }}", 14, "a script must not"),
            ("    timeout-minutes: 5\n", "", 5, "set `timeout-minutes`"),
            ("jobs:", "jobs: # all", 1, "there is no job"),
        ] {
            assert!(GOOD.contains(good), "{good}");
            let found = breaches(&GOOD.replacen(good, bad, 1));
            assert!(
                matches!(&found[..], [(at, why)] if *at == line && why.contains(rule)),
                "{bad}: {found:?}"
            );
        }
        let found = breaches(&GOOD.replace("      - ", "    - "));
        assert!(found.iter().any(|(_, why)| why.contains("there is no step")), "{found:?}");
    }

    #[test]
    fn a_folder_without_a_workflow_is_an_error() {
        let dir = fresh("workflows");
        std::fs::write(dir.join("README.md"), "").expect("a file");
        let error = files(&dir).expect_err("there is none").to_string();
        assert!(error.starts_with("there is no workflow in "), "{error}");
        std::fs::write(dir.join("ci.yml"), "").expect("a file");
        assert_eq!(files(&dir).expect("one is there"), [dir.join("ci.yml")]);
        std::fs::remove_dir_all(&dir).expect("it is removed");
        assert!(files(&dir).is_err());
    }
}
