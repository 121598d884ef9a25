//! Check of the bindings of the rate limits, which limit attempts to guess secrets.

use crate::commands::check::findings::{Level, Scope};
use crate::deployment::project::Project;

/// The bindings that the Worker uses.
const BRAKES: [&str; 3] = ["CLIENT_BRAKE", "NETWORK_BRAKE", "PREFIX_BRAKE"];

/// Reports the bindings that the environment `name` of wrangler.toml lacks.
pub(crate) fn bound(project: &Project, name: &str, findings: &mut Scope<'_>) {
    let limits = project.section().and_then(|section| section.get("ratelimits")?.as_array());
    let is_bound = |rate_limit: &str| {
        let mut named = limits.into_iter().flatten().filter_map(|limit| limit.get("name")?.as_str());
        named.any(|bound| bound == rate_limit)
    };
    let missing: Vec<&str> = BRAKES.into_iter().filter(|rate_limit| !is_bound(rate_limit)).collect();
    if !missing.is_empty() {
        let are = if missing.len() == 1 { "is" } else { "are" };
        let message = format!(
            "{are} not bound, so attempts to guess secrets are not limited. Add [[env.{name}.ratelimits]] as in the \
             wrangler.toml of edgemint (environments do not inherit bindings)"
        );
        findings.add(Level::Warning, &missing.join(", "), message);
    }
}
