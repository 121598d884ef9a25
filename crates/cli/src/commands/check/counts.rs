//! Whether a dataset of Analytics Engine is bound where the Worker looks for one.

use crate::commands::check::findings::{Level, Scope};
use crate::deployment::project::Project;

/// The binding that the Worker looks for.
const COUNTS: &str = "COUNTS";

/// Nothing is said where no dataset is bound: counts are for who wants them.
pub(crate) fn bound(project: &Project, findings: &mut Scope<'_>) {
    let datasets = project.section().and_then(|section| section.get("analytics_engine_datasets")?.as_array());
    let mut names = datasets.into_iter().flatten().map(|dataset| dataset.get("binding")?.as_str());
    if datasets.is_some_and(|datasets| !datasets.is_empty()) && !names.any(|name| name == Some(COUNTS)) {
        let message = "is not bound, though another dataset of Analytics Engine is: the Worker counts under this binding \
                       alone";
        findings.add(Level::Warning, COUNTS, message.to_owned());
    }
}
