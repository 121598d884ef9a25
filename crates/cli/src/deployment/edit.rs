//! Changes to wrangler.toml that keep its comments, and the lines of its settings.
//!
//! `wrangler kv namespace create --update-config` does not change a TOML file with comments.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use toml_edit::{ArrayOfTables, Document, DocumentMut, Item, Table, value};

/// The number of the line with a setting of an environment, or of its table if the setting is missing.
pub(crate) fn line(text: &str, environment: &str, table: &str, name: &str) -> Option<usize> {
    let document = Document::parse(text).ok()?;
    let environment = document.as_table().get("env")?.as_table()?.get(environment)?.as_table()?;
    let table = environment.get(table).and_then(Item::as_table);
    let setting = table.and_then(|table| table.get(name)).and_then(Item::span);
    let span = setting.or_else(|| table?.span()).or_else(|| environment.span())?;
    Some(text.get(..span.start)?.matches('\n').count() + 1)
}

/// Writes the ID of the namespace with this binding into an environment of a wrangler.toml.
pub(crate) fn write_namespace(config: &Path, environment: &str, binding: &str, id: &str) -> Result<()> {
    let text = fs::read_to_string(config).with_context(|| format!("cannot read {}", config.display()))?;
    let changed = with_namespace(&text, environment, binding, id)
        .with_context(|| format!("cannot add the KV namespace to {}", config.display()))?;
    let new = config.with_extension("toml.new");
    let write = || {
        fs::copy(config, &new)?; // with its permissions
        fs::write(&new, changed)?;
        fs::rename(&new, config)
    };
    write().with_context(|| {
        let _ = fs::remove_file(&new);
        format!("cannot write {}; the file is unchanged", config.display())
    })
}

fn with_namespace(text: &str, environment: &str, binding: &str, id: &str) -> Result<String> {
    let mut document: DocumentMut = text.parse().context("the file is not TOML")?;
    let section = document.get_mut("env").and_then(Item::as_table_mut);
    let section = section.and_then(|environments| environments.get_mut(environment)?.as_table_mut());
    let section = section.with_context(|| format!("the file has no [env.{environment}]"))?;
    let namespaces =
        section.entry("kv_namespaces").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    let namespaces =
        namespaces.as_array_of_tables_mut().context("kv_namespaces is not written as [[…kv_namespaces]]")?;
    let bound = |table: &Table| table.get("binding").and_then(Item::as_str) == Some(binding);
    if !namespaces.iter().any(bound) {
        let mut table = Table::new();
        table.insert("binding", value(binding));
        namespaces.push(table);
    }
    for table in namespaces.iter_mut().filter(|table| bound(table)) {
        table.insert("id", value(id));
        if let Some(mut key) = table.key_mut("id") {
            let decor = key.leaf_decor_mut();
            // The comment asks for what is done now.
            if decor.prefix().and_then(|prefix| prefix.as_str()).is_some_and(|text| text.contains("EDIT")) {
                decor.set_prefix("");
            }
        }
    }
    Ok(document.to_string())
}

#[cfg(test)]
mod tests {
    use super::{line, with_namespace};

    const TEXT: &str = "# top\nname = \"a\"\n\n[env.e.vars]\n# the issuer\nISSUER = \"x\"\n\n[[env.e.kv_namespaces]]\nbinding = \"CLIENTS\"\n# EDIT: the ID\nid = \"0\" # old\n";

    #[test]
    fn an_id_is_written_and_every_other_line_stays() {
        let changed = with_namespace(TEXT, "e", "CLIENTS", "1").expect("it is changed");
        assert_eq!(changed, TEXT.replace("# EDIT: the ID\nid = \"0\" # old", "id = \"1\""));
        let added = with_namespace("[env.e]\n", "e", "CLIENTS", "1").expect("it is added");
        assert_eq!(added, "[env.e]\n\n[[env.e.kv_namespaces]]\nbinding = \"CLIENTS\"\nid = \"1\"\n");
        assert!(with_namespace(TEXT, "f", "CLIENTS", "1").is_err());
    }

    #[test]
    fn a_setting_is_found_by_its_line() {
        assert_eq!(line(TEXT, "e", "vars", "ISSUER"), Some(6));
        assert_eq!(line(TEXT, "e", "vars", "OTHER"), Some(4));
        assert_eq!(line(TEXT, "f", "vars", "ISSUER"), None);
    }
}
