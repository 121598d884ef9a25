//! Check of the binding of the replay memory, which accepts each assertion only once everywhere.

use std::collections::BTreeSet;

use edgemint_issuer::{ClientRecord, TrustedIssuer, TrustedIssuerId};

use crate::commands::check::findings::{Level, Scope};
use crate::deployment::project::{Project, Target};
use crate::records::kv::ById;
use crate::records::view::State;
use crate::terminal::words::some_of;

/// The binding that the Worker looks for.
const REPLAY: &str = "REPLAY";

/// The class of the Durable Object in entry.js.
const CLASS: &str = "Replay";

/// Reports a binding that is missing while clients need it, and one that cannot be deployed.
pub(crate) fn judge(
    project: &Project,
    clients: &ById<ClientRecord>,
    issuers: &ById<TrustedIssuer>,
    findings: &mut Scope<'_>,
) {
    let environment = environment(project);
    match bound(project) {
        None => {
            let names = once_only(clients, issuers);
            // `needed` reports it with FAPI=on.
            if names.is_empty() || project.is_fapi() {
                return;
            }
            let message = format!(
                "is not bound, so each isolate of the Worker remembers used assertions on its own, and an attacker can \
                 use a stolen assertion again at another one. {} ({})",
                to_bind(project),
                some_of(&names)
            );
            findings.add(Level::Warning, REPLAY, message);
        }
        Some(object) if text(object, "class_name").as_deref() != Some(CLASS) => {
            let message = format!("is bound to another class. Set class_name = \"{CLASS}\"");
            findings.add(Level::Error, REPLAY, message);
        }
        Some(object) if object.get("script_name").is_none() && !is_migrated(project) => {
            let message = format!(
                "has no migration, so it cannot be deployed. Add [[{environment}migrations]] with a tag and \
                 new_sqlite_classes = [\"{CLASS}\"]"
            );
            findings.add(Level::Error, REPLAY, message);
        }
        Some(_) => {}
    }
}

/// Reports a missing binding of a target with FAPI=on, which does not work without it.
pub(crate) fn needed(project: &Project, findings: &mut Scope<'_>) {
    if bound(project).is_none() {
        let message = format!(
            "is not bound, but FAPI=on needs it, so that no assertion is used twice. Without it, every request fails \
             with 503. {}",
            to_bind(project)
        );
        findings.add(Level::Error, REPLAY, message);
    }
}

fn text(table: &toml::Value, name: &str) -> Option<String> {
    table.get(name)?.as_str().map(str::to_owned)
}

/// The binding of the target.
fn bound(project: &Project) -> Option<&toml::Value> {
    let objects = project.section()?.get("durable_objects")?.get("bindings")?.as_array()?;
    objects.iter().find(|object| text(object, "name").as_deref() == Some(REPLAY))
}

/// The beginning of the names of the target's sections in wrangler.toml.
fn environment(project: &Project) -> String {
    project.target.environment().map_or_else(String::new, |name| format!("env.{name}."))
}

/// How to add the binding.
fn to_bind(project: &Project) -> String {
    let environment = environment(project);
    format!(
        "Add [[{environment}durable_objects.bindings]] with name = \"{REPLAY}\" and class_name = \"{CLASS}\", and \
         [[{environment}migrations]] with a tag and new_sqlite_classes = [\"{CLASS}\"]"
    )
}

/// Whether a migration creates the class. An environment without migrations inherits those of the top.
fn is_migrated(project: &Project) -> bool {
    let creates = |project: &Project| {
        let migrations = project.section().and_then(|section| section.get("migrations")?.as_array().cloned());
        migrations.map(|migrations| {
            let classes =
                migrations.iter().filter_map(|migration| migration.get("new_sqlite_classes")?.as_array());
            classes.flatten().any(|class| class.as_str() == Some(CLASS))
        })
    };
    let top = project.with_target(Target::Local(project.dir.join(".wrangler/state"))).ok();
    creates(project).or_else(|| creates(&top?)).unwrap_or(false)
}

/// The clients whose assertions or tokens are accepted only once.
fn once_only<'a>(clients: &'a ById<ClientRecord>, issuers: &ById<TrustedIssuer>) -> Vec<&'a str> {
    let once: BTreeSet<&TrustedIssuerId> =
        issuers.values().flatten().filter(|issuer| issuer.single_use).map(|issuer| &issuer.id).collect();
    let needs = |client: &&ClientRecord| {
        State::of(client) == State::Active
            && (client.has_keys() || client.identities.iter().any(|rule| once.contains(&rule.issuer)))
    };
    clients.values().flatten().filter(needs).map(|client| client.id.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use edgemint_issuer::{ClientId, KeySetUrl};

    use super::*;
    use crate::commands::check::findings::Findings;

    fn told(toml: &str, has_keys: bool) -> Vec<String> {
        let mut client = ClientRecord::new(ClientId::parse("a").expect("an ID"), "A");
        client.jwks_uri = has_keys.then(|| KeySetUrl::parse("https://a.example/keys").expect("a URL"));
        let clients = BTreeMap::from([(client.id.clone(), Ok(client))]);
        let project = Project::of_text(toml, Target::Deployed("e".to_owned())).expect("a project");
        let mut findings = Findings::default();
        judge(&project, &clients, &BTreeMap::new(), &mut findings.at(None));
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_binding_is_missing_only_if_a_client_needs_it() {
        assert_eq!(told("[env.e]", false), [""; 0]);
        let missing = told("[env.e]", true);
        assert!(missing.len() == 1 && missing[0].contains("warning: REPLAY is not bound"), "{missing:?}");
        assert!(missing[0].contains("[[env.e.durable_objects.bindings]]") && missing[0].ends_with("(a)"));
    }

    #[test]
    fn a_binding_needs_its_class_and_a_migration_also_an_inherited_one() {
        let bound = |class: &str| {
            format!("[env.e]\n[[env.e.durable_objects.bindings]]\nname = 'REPLAY'\nclass_name = '{class}'\n")
        };
        let migration =
            |at: &str| format!("[[{at}migrations]]\ntag = 'v1'\nnew_sqlite_classes = ['Replay']\n");
        for at in ["", "env.e."] {
            assert_eq!(told(&(bound("Replay") + &migration(at)), true), [""; 0], "{at}");
        }
        assert!(told(&bound("Replay"), true)[0].contains("error: REPLAY has no migration"));
        assert!(told(&bound("Other"), false)[0].contains("error: REPLAY is bound to another class"));
        let other = migration("env.e.").replace("Replay", "Other");
        assert!(told(&(bound("Replay") + &migration("") + &other), true)[0].contains("no migration"));
    }
}
