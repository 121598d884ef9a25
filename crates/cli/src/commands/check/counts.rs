//! Check of the binding of an Analytics Engine dataset.

use crate::commands::check::findings::{Level, Scope};
use crate::deployment::project::Project;

/// The binding that the Worker looks for.
const COUNTS: &str = "COUNTS";

/// Reports a dataset with another binding. Without any dataset, it reports nothing: analytics are optional.
pub(crate) fn bound(project: &Project, findings: &mut Scope<'_>) {
    let datasets = project.section().and_then(|section| section.get("analytics_engine_datasets")?.as_array());
    let mut names = datasets.into_iter().flatten().map(|dataset| dataset.get("binding")?.as_str());
    if datasets.is_some_and(|datasets| !datasets.is_empty()) && !names.any(|name| name == Some(COUNTS)) {
        let message =
            "is not bound, but another Analytics Engine dataset is. The Worker writes only to this binding";
        findings.add(Level::Warning, COUNTS, message.to_owned());
    }
}
