//! The wrangler.toml of the packages, derived from the one of this repository.

use anyhow::{Context as _, Result};
use toml_edit::{DocumentMut, Item, value};

/// The folder of the Worker in a project that installs the package.
const INSTALLED: &str = "node_modules/@edgemint/worker/entry.js";

/// The folder of the Worker in the template.
const INCLUDED: &str = "worker/entry.js";

/// The configuration of a project that installs the Worker: as here, without the build.
pub(crate) fn of_project(ours: &str, repository: &str) -> Result<String> {
    let mut config = parse(ours, repository)?;
    config.remove("build");
    config.insert("main", value(INSTALLED));
    Ok(tidy(&config))
}

/// The configuration of the template: production at the top, because Cloudflare's button deploys the top. wrangler
/// creates the KV namespace, so it has no ID.
pub(crate) fn of_template(ours: &str, repository: &str) -> Result<String> {
    let mut config = parse(ours, repository)?;
    let mut environments = config.remove("env");
    let production = environments.as_mut().and_then(Item::as_table_mut);
    let production = production.and_then(|environments| environments.remove("production"));
    let Some(Item::Table(production)) = production else {
        anyhow::bail!("wrangler.toml has no [env.production]");
    };
    let tables: Vec<String> =
        config.iter().filter(|(_, item)| !item.is_value()).map(|(name, _)| name.to_owned()).collect();
    for name in tables {
        config.remove(&name);
    }
    for (name, item) in production {
        config.insert(&name, item);
    }
    config.insert("main", value(INCLUDED));
    let namespaces = config.get_mut("kv_namespaces").and_then(Item::as_array_of_tables_mut);
    let clients = namespaces.and_then(|namespaces| namespaces.get_mut(0));
    clients.and_then(|clients| clients.remove("id")).context("the namespace in wrangler.toml has no id")?;
    let head = "# The Worker of edgemint. Set ISSUER below before you deploy.\n\n";
    if let Some(mut first) = config.as_table_mut().key_mut("name") {
        first.leaf_decor_mut().set_prefix(head);
    }
    // The comments name the tables of the environment.
    Ok(tidy(&config).replace("env.production.", ""))
}

/// Our configuration, with links to the documentation in place of paths.
fn parse(ours: &str, repository: &str) -> Result<DocumentMut> {
    let linked = ours.replace("docs/", &format!("{repository}/blob/main/docs/"));
    linked.parse().context("wrangler.toml is not TOML")
}

fn tidy(config: &DocumentMut) -> String {
    format!("{}\n", config.to_string().trim())
}

#[cfg(test)]
mod tests {
    use toml_edit::DocumentMut;

    use super::{of_project, of_template};
    use crate::process::project;

    fn ours() -> String {
        std::fs::read_to_string(project::root().join("wrangler.toml")).expect("it is there")
    }

    fn names(config: &DocumentMut) -> Vec<&str> {
        config.iter().map(|(name, _)| name).collect()
    }

    fn read(text: &str) -> DocumentMut {
        text.parse().expect("TOML")
    }

    #[test]
    fn a_project_has_our_configuration_without_the_build() {
        let (ours, theirs) = (ours(), of_project(&ours(), "https://r").expect("it is derived"));
        let (ours, config) = (read(&ours), read(&theirs));
        assert_eq!(config["main"].as_str(), Some("node_modules/@edgemint/worker/entry.js"));
        let mut expected = names(&ours);
        expected.retain(|name| *name != "build");
        assert_eq!(names(&config), expected);
        assert!(theirs.contains("# EDIT: the URL of the issuer."), "{theirs}");
        assert!(theirs.contains("https://r/blob/main/docs/reference/configuration.md"), "{theirs}");
        assert_eq!(
            ours["env"].to_string().trim(),
            config["env"].to_string().replace("https://r/blob/main/", "").trim()
        );
    }

    #[test]
    fn the_template_deploys_production_from_the_top() {
        let text = of_template(&ours(), "https://r").expect("it is derived");
        let config = read(&text);
        assert_eq!(config["main"].as_str(), Some("worker/entry.js"));
        assert_eq!(config["vars"]["ISSUER"].as_str(), Some("https://tokens.example.com"));
        assert_eq!(config["kv_namespaces"][0]["binding"].as_str(), Some("CLIENTS"));
        assert!(config["kv_namespaces"][0].get("id").is_none());
        for absent in ["env", "build", "analytics_engine_datasets"] {
            assert!(config.get(absent).is_none(), "{absent}");
        }
        assert!(!text.contains("env.production"), "{text}");
        assert_eq!(text.matches("[[ratelimits]]").count(), 3);
    }
}
