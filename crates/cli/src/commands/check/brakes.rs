//! Whether a deployment binds the rate limits that brake who guesses secrets.

use crate::commands::check::findings::{Findings, Level};
use crate::deployment::project::Project;

/// The bindings that the Worker looks for.
const BRAKES: [&str; 3] = ["CLIENT_BRAKE", "NETWORK_BRAKE", "PREFIX_BRAKE"];

/// Looks for all of them in the environment `name` of wrangler.toml.
pub(crate) fn bound(project: &Project, name: &str, findings: &mut Findings) {
    let limits = project.section().and_then(|section| section.get("ratelimits")?.as_array());
    let is_bound = |brake: &str| {
        let mut named = limits.into_iter().flatten().filter_map(|limit| limit.get("name")?.as_str());
        named.any(|bound| bound == brake)
    };
    let missing: Vec<&str> = BRAKES.into_iter().filter(|brake| !is_bound(brake)).collect();
    if !missing.is_empty() {
        let message = format!(
            "not bound, so that who guesses secrets is not braked: add [[env.{name}.ratelimits]] as in the wrangler.toml \
             that edgemint comes with (environments do not inherit it)"
        );
        findings.add(Level::Warning, &missing.join(", "), message);
    }
}
