//! Check of the binding of the KV namespace for the records.

use edgemint_printable::shell;

use crate::deployment::project::{Project, Target};

/// The placeholder `id` in the wrangler.toml of edgemint.
const PLACEHOLDER_ID: &str = "00000000000000000000000000000000";

/// The binding that the Worker looks for.
pub(crate) const BINDING: &str = "CLIENTS";

/// Whether the target has no namespace yet: no binding, no ID, or the placeholder.
pub(crate) fn is_unset(project: &Project) -> bool {
    match clients(project).map(|clients| clients.get("id")) {
        None | Some(None) => true,
        Some(Some(id)) => id.as_str() == Some(PLACEHOLDER_ID),
    }
}

/// The binding of the target.
fn clients(project: &Project) -> Option<&toml::Value> {
    let namespaces = project.section()?.get("kv_namespaces")?.as_array()?;
    namespaces
        .iter()
        .find(|namespace| namespace.get("binding").and_then(toml::Value::as_str) == Some(BINDING))
}

/// Returns the error if the binding is missing or has no namespace ID.
pub(crate) fn of(project: &Project) -> Result<(), String> {
    let Some(clients) = clients(project) else {
        let section = match &project.target {
            Target::Local(_) => "[[kv_namespaces]]".to_owned(),
            Target::Deployed(name) => format!("[[env.{name}.kv_namespaces]]"),
        };
        return Err(format!(
            "is missing. Add {section} with binding = \"CLIENTS\" (environments do not inherit bindings)"
        ));
    };
    let Target::Deployed(name) = &project.target else { return Ok(()) };
    let make = format!(
        "Run `npx wrangler kv namespace create CLIENTS {env}`, which prints one, or `edgemint deploy {env}`, which \
         writes one here",
        env = shell::option("--env", name)
    );
    let wrong = match clients.get("id").and_then(toml::Value::as_str) {
        Some(PLACEHOLDER_ID) => "still has the placeholder as namespace ID",
        Some(id) if id.len() == 32 && id.bytes().all(|c| c.is_ascii_hexdigit()) => return Ok(()),
        Some(_) => "has an ID that is not a namespace ID of Cloudflare (32 hexadecimal digits)",
        None => "has no namespace ID",
    };
    Err(format!("{wrong}. {make}"))
}
