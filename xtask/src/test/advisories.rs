//! Known vulnerabilities in what is built and tested with: RustSec's of crates, npm's of its packages.
//!
//! Both ask a server. What cannot be asked is passed over and said; what is found stops the run.

use std::process::Command;

use anyhow::{Result, bail};
use serde_json::Value;

use crate::process::{command, project};
use crate::test::rustsec;

/// Asks both; the answer is why something was not asked.
pub(crate) fn check() -> Result<Option<String>> {
    let why: Vec<String> = [rustsec::check()?, npm()?].into_iter().flatten().collect();
    Ok((!why.is_empty()).then(|| why.join("; ")))
}

fn npm() -> Result<Option<String>> {
    let mut npm = Command::new("npm");
    npm.args(["audit", "--json", "--fetch-retries=0", "--fetch-timeout=20000"]).current_dir(project::root());
    let Ok(ended) = command::to_its_end(&mut npm, |_| {}) else {
        return Ok(Some("of npm's packages nothing is known: there is no npm".to_owned()));
    };
    match grave(&ended.stdout) {
        None => Ok(Some(
            "of npm's packages nothing is known: the registry does not answer `npm audit`".to_owned(),
        )),
        Some(0) => Ok(None),
        Some(count) => bail!("npm's packages have {count} grave vulnerabilities: see `npm audit`"),
    }
}

/// How many are high or critical, if that was answered. Less grave ones in tools that are not deployed stop nobody.
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
