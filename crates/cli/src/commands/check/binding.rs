//! Whether a KV namespace for the records is bound where the Worker looks for one.

use edgemint_printable::shell;

use crate::deployment::project::{Project, Target};

/// The `id` that wrangler.toml is shipped with.
const PLACEHOLDER_ID: &str = "00000000000000000000000000000000";

/// Whether the binding is there, and names what may be a namespace; else what is wrong with it.
pub(crate) fn of(project: &Project) -> Result<(), String> {
    let namespaces = project.section().and_then(|section| section.get("kv_namespaces")?.as_array());
    let clients = namespaces
        .into_iter()
        .flatten()
        .find(|namespace| namespace.get("binding").and_then(toml::Value::as_str) == Some("CLIENTS"));
    let Some(clients) = clients else {
        let section = match &project.target {
            Target::Local(_) => "[[kv_namespaces]]".to_owned(),
            Target::Deployed(name) => format!("[[env.{name}.kv_namespaces]]"),
        };
        return Err(format!(
            "is missing: add {section} with binding = \"CLIENTS\" (environments do not inherit it)"
        ));
    };
    let Target::Deployed(name) = &project.target else { return Ok(()) };
    let make =
        format!("`npx wrangler kv namespace create CLIENTS {}` prints one", shell::option("--env", name));
    let wrong = match clients.get("id").and_then(toml::Value::as_str) {
        Some(PLACEHOLDER_ID) => "still has the id that stands in for yours",
        Some(id) if id.len() == 32 && id.bytes().all(|c| c.is_ascii_hexdigit()) => return Ok(()),
        Some(_) => "has an id that is none of Cloudflare's (32 hexadecimal digits)",
        None => "has no id",
    };
    Err(format!("{wrong}: {make}"))
}
