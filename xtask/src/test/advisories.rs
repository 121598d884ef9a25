//! Known vulnerabilities in what is built and tested with: RustSec's for crates, npm's for its packages.
//!
//! Both checks query a server. A check that gets no answer is skipped with a report; a finding stops the run.

use std::process::Command;

use anyhow::{Result, bail};
use serde_json::Value;

use crate::process::{command, project};
use crate::test::rustsec;

/// Runs both checks. Returns why a check was skipped.
pub(crate) fn check() -> Result<Option<String>> {
    let why: Vec<String> = [rustsec::check()?, npm()?].into_iter().flatten().collect();
    Ok((!why.is_empty()).then(|| why.join("; ")))
}

fn npm() -> Result<Option<String>> {
    let mut npm = Command::new("npm");
    npm.args(["audit", "--json", "--fetch-retries=0", "--fetch-timeout=20000"]).current_dir(project::root());
    let Ok(ended) = command::to_its_end(&mut npm, |_| {}) else {
        return Ok(Some("npm packages were not checked: there is no npm".to_owned()));
    };
    match grave(&ended.stdout) {
        None => Ok(Some(
            "npm packages were not checked, because the registry does not answer `npm audit`".to_owned(),
        )),
        Some(0) => Ok(None),
        Some(count) => bail!("npm packages have {count} high or critical vulnerabilities; see `npm audit`"),
    }
}

/// The number of high and critical vulnerabilities, if the answer has it. Lower severities in tools that are not
/// deployed do not stop a run.
fn grave(said: &str) -> Option<u64> {
    let said: Value = serde_json::from_str(said).ok()?;
    let counts = said.get("metadata")?.get("vulnerabilities")?;
    Some(counts.get("high")?.as_u64()? + counts.get("critical")?.as_u64()?)
}

#[cfg(test)]
mod tests {
    use super::grave;

    #[test]
    fn an_answer_is_told_from_none() {
        let answer = r#"{"vulnerabilities":{},"metadata":{"vulnerabilities":{"info":0,"low":4,"moderate":0,"high":2,"critical":1}}}"#;
        assert_eq!(grave(answer), Some(3));
        for none in [r#"{"message":"405 Method Not Allowed","error":{}}"#, "", "not JSON"] {
            assert_eq!(grave(none), None, "{none}");
        }
    }
}
