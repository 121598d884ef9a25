//! Check of the binding of an Analytics Engine dataset.

use crate::commands::check::findings::{Level, Scope};
use crate::deployment::project::{Project, Target};

/// The binding that the Worker looks for.
const COUNTS: &str = "COUNTS";

/// Reports a dataset that is missing while issued tokens are counted, and one with another binding. Otherwise it does not
/// report a missing dataset, because analytics are optional.
pub(crate) fn judge(project: &Project, findings: &mut Scope<'_>) {
    let datasets = project.section().and_then(|section| section.get("analytics_engine_datasets")?.as_array());
    let mut names = datasets.into_iter().flatten().map(|dataset| dataset.get("binding")?.as_str());
    if names.any(|name| name == Some(COUNTS)) {
        return;
    }
    if project.variable("LOG_ISSUED") == Some("counted") {
        let environment =
            project.target.environment().map_or_else(String::new, |name| format!("env.{name}."));
        let message = format!(
            "is not bound, but LOG_ISSUED=counted needs it, because issued tokens then have no line in the log. Without \
             it, every request fails with 503. Add [[{environment}analytics_engine_datasets]] with binding = \
             \"{COUNTS}\" and dataset = \"edgemint\", or remove LOG_ISSUED"
        );
        findings.add(Level::Error, COUNTS, message);
    } else if matches!(project.target, Target::Deployed(_)) && datasets.is_some_and(|all| !all.is_empty()) {
        let message =
            "is not bound, but another Analytics Engine dataset is. The Worker writes only to this binding";
        findings.add(Level::Warning, COUNTS, message.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::check::findings::Findings;

    fn told(toml: &str) -> Vec<String> {
        let project = Project::of_text(toml, Target::Deployed("e".to_owned())).expect("a project");
        let mut findings = Findings::default();
        judge(&project, &mut findings.at(None));
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn counted_tokens_need_the_dataset_under_its_name() {
        let bound = |name: &str| format!("\n[[env.e.analytics_engine_datasets]]\nbinding = '{name}'\n");
        let counted = "[env.e.vars]\nLOG_ISSUED = ' counted '";
        for toml in ["[env.e]", "[env.e.vars]\nLOG_ISSUED = 'all'", &format!("{counted}{}", bound(COUNTS))] {
            assert_eq!(told(toml), [""; 0], "{toml}");
        }
        for toml in [counted.to_owned(), format!("{counted}{}", bound("OTHER"))] {
            let told = told(&toml);
            assert!(
                told.len() == 1 && told[0].contains("error: COUNTS is not bound, but LOG_ISSUED"),
                "{told:?}"
            );
            assert!(told[0].contains("[[env.e.analytics_engine_datasets]]"), "{told:?}");
        }
        let other = told(&format!("[env.e]{}", bound("OTHER")));
        assert!(other.len() == 1 && other[0].contains("warning: COUNTS is not bound"), "{other:?}");
    }
}
