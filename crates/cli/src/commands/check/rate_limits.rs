//! Whether a deployment binds the rate limits that rate limit who guesses secrets.

use crate::commands::check::findings::{Level, Scope};
use crate::deployment::project::Project;

/// The bindings that the Worker looks for.
const BRAKES: [&str; 3] = ["CLIENT_BRAKE", "NETWORK_BRAKE", "PREFIX_BRAKE"];

/// Looks for all of them in the environment `name` of wrangler.toml.
pub(crate) fn bound(project: &Project, name: &str, findings: &mut Scope<'_>) {
    let limits = project.section().and_then(|section| section.get("ratelimits")?.as_array());
    let is_bound = |rate_limit: &str| {
        let mut named = limits.into_iter().flatten().filter_map(|limit| limit.get("name")?.as_str());
        named.any(|bound| bound == rate_limit)
    };
    let missing: Vec<&str> = BRAKES.into_iter().filter(|rate_limit| !is_bound(rate_limit)).collect();
    if !missing.is_empty() {
        let message = format!(
            "not bound, so that who guesses secrets is not braked: add [[env.{name}.ratelimits]] as in the wrangler.toml \
             that edgemint comes with (environments do not inherit it)"
        );
        findings.add(Level::Warning, &missing.join(", "), message);
    }
}
