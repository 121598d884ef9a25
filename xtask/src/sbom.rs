//! `cargo xtask sbom`: the bill of materials of the deployed Worker in CycloneDX 1.5; reproducible.
//!
//! It lists the crates that are linked into the wasm file. Macros and build scripts ran only on the build machine, and
//! the JavaScript around the wasm file is generated or ours.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::args;
use crate::install::wasm_target::TARGET;
use crate::process::{command, project};

/// A crate and its version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Package {
    name: String,
    version: String,
}

impl Package {
    /// The package URL, which is also its name within the document.
    fn purl(&self) -> String {
        format!("pkg:cargo/{}@{}", self.name, self.version.replace('+', "%2B"))
    }
}

/// Each crate's licence and the crates that it needs.
type Tree = BTreeMap<Package, (String, BTreeSet<Package>)>;

/// Runs the command.
pub(crate) fn command(options: &args::Sbom) -> Result<()> {
    let text = format!("{:#}\n", document()?);
    match &options.out {
        None => print!("{text}"),
        Some(file) => {
            fs::write(file, text).with_context(|| format!("could not write {}", file.display()))?;
        }
    }
    Ok(())
}

/// The document.
pub(crate) fn document() -> Result<Value> {
    let mut cargo = Command::new("cargo");
    cargo.args([
        "tree",
        "--locked",
        "--package",
        "edgemint",
        "--edges",
        "normal,no-proc-macro",
        "--target",
        TARGET,
    ]);
    cargo.args(["--prefix", "depth", "--format", "\t{p}\t{l}", "--no-dedupe"]).current_dir(project::root());
    let tree = read(&command::run(&mut cargo)?).context("`cargo tree` did not print a tree")?;
    let lock = project::root().join("Cargo.lock");
    let lock = fs::read_to_string(&lock).with_context(|| format!("could not read {}", lock.display()))?;
    describe(&tree, &hashes(&lock)?)
}

/// Parses lines of depth, name and version, and licence. The first line is the Worker.
fn read(lines: &str) -> Option<Tree> {
    let mut tree = Tree::new();
    let mut above: Vec<Package> = Vec::new();
    for line in lines.lines().filter(|line| !line.is_empty()) {
        let mut cells = line.split('\t');
        let depth: usize = cells.next()?.trim().parse().ok()?;
        let mut words = cells.next()?.split(' ');
        let (name, version) = (words.next()?.to_owned(), words.next()?.strip_prefix('v')?.to_owned());
        let package = Package { name, version };
        let licence = cells.next()?.trim().replace('/', " OR ");
        tree.entry(package.clone()).or_insert_with(|| (licence, BTreeSet::new()));
        above.truncate(depth);
        if let Some((_, needed)) = above.last().and_then(|parent| tree.get_mut(parent)) {
            needed.insert(package.clone());
        }
        above.push(package);
    }
    Some(tree)
}

/// The checksums in Cargo.lock: SHA-256 of the file from the registry. Our own crates have none.
fn hashes(lock: &str) -> Result<BTreeMap<Package, String>> {
    let lock: toml::Table = lock.parse().context("Cargo.lock is not TOML")?;
    let packages =
        lock.get("package").and_then(toml::Value::as_array).context("Cargo.lock names no package")?;
    let text = |package: &toml::Value, name: &str| Some(package.get(name)?.as_str()?.to_owned());
    Ok(packages
        .iter()
        .filter_map(|entry| {
            let package = Package { name: text(entry, "name")?, version: text(entry, "version")? };
            Some((package, text(entry, "checksum")?))
        })
        .collect())
}

fn describe(tree: &Tree, hashes: &BTreeMap<Package, String>) -> Result<Value> {
    let worker = tree
        .keys()
        .find(|package| package.name == "edgemint")
        .context("the Worker is not in its own tree")?;
    let component = |package: &Package, licence: &str| {
        let mut component = json!({
            "type": if package == worker { "application" } else { "library" },
            "bom-ref": package.purl(),
            "name": package.name,
            "version": package.version,
            "purl": package.purl(),
            "licenses": [{ "expression": licence }],
        });
        if let (Some(hash), Some(members)) = (hashes.get(package), component.as_object_mut()) {
            members.insert("hashes".to_owned(), json!([{ "alg": "SHA-256", "content": hash }]));
        }
        component
    };
    let others = tree.iter().filter(|(package, _)| *package != worker);
    let licence = tree.get(worker).map_or("", |(licence, _)| licence);
    Ok(json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": component(worker, licence) },
        "components": others.map(|(package, (licence, _))| component(package, licence)).collect::<Vec<_>>(),
        "dependencies": tree.iter().map(|(package, (_, needed))| {
            json!({ "ref": package.purl(), "dependsOn": needed.iter().map(Package::purl).collect::<Vec<_>>() })
        }).collect::<Vec<_>>(),
    }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Package, document, hashes, read};

    fn package(name: &str, version: &str) -> Package {
        Package { name: name.to_owned(), version: version.to_owned() }
    }

    #[test]
    fn a_tree_is_read_with_who_needs_whom() {
        let lines = "0\tedgemint v0.1.0 (/here)\tMIT\n1\ta v1.0.0\tMIT/Apache-2.0\n2\tb v2.0.0\tMIT\n1\tc v3.0.0\tISC\n2\tb v2.0.0\tMIT\n";
        let tree = read(lines).expect("a tree");
        assert_eq!(tree.len(), 4);
        assert_eq!(tree[&package("a", "1.0.0")].0, "MIT OR Apache-2.0");
        for (name, version) in [("a", "1.0.0"), ("c", "3.0.0")] {
            assert_eq!(tree[&package(name, version)].1, BTreeSet::from([package("b", "2.0.0")]));
        }
        assert_eq!(read("no tree\n"), None);
    }

    #[test]
    fn the_document_has_the_shape_of_cyclonedx_and_names_what_the_lockfile_has() {
        let bom = document().expect("the Worker's tree can be read");
        assert_eq!((&bom["bomFormat"], &bom["specVersion"]), (&"CycloneDX".into(), &"1.5".into()));
        assert_eq!(bom["metadata"]["component"]["name"], "edgemint");
        let lock = std::fs::read_to_string(crate::root().join("Cargo.lock")).expect("Cargo.lock is there");
        let locked = hashes(&lock).expect("it is TOML");
        let components = bom["components"].as_array().expect("a list");
        let mut refs = BTreeSet::from([bom["metadata"]["component"]["bom-ref"].as_str().expect("a name")]);
        for component in components {
            let text = |member: &str| component[member].as_str().expect("a text");
            let hash = component["hashes"][0]["content"].as_str();
            assert_eq!(hash, locked.get(&package(text("name"), text("version"))).map(String::as_str));
            assert!(
                hash.is_some_and(|hash| hash.len() == 64) || text("name") == "edgemint-issuer",
                "{component}"
            );
            assert!(text("purl").starts_with("pkg:cargo/") && text("type") == "library");
            assert!(
                component["licenses"][0]["expression"].as_str().is_some_and(|licence| !licence.is_empty())
            );
            assert!(refs.insert(text("bom-ref")), "{} is in it twice", text("bom-ref"));
        }
        let names: Vec<_> = components.iter().filter_map(|component| component["name"].as_str()).collect();
        for part in ["edgemint-issuer", "worker", "serde_json", "sha2"] {
            assert!(names.contains(&part), "{part} is not in it");
        }
        for foreign in ["serde_derive", "clap", "proptest"] {
            assert!(!names.contains(&foreign), "{foreign} is in it");
        }
        let dependencies = bom["dependencies"].as_array().expect("a list");
        assert_eq!(dependencies.len(), refs.len());
        for dependency in dependencies {
            let needed =
                dependency["dependsOn"].as_array().expect("a list").iter().chain([&dependency["ref"]]);
            assert!(needed.flat_map(|name| name.as_str()).all(|name| refs.contains(name)), "{dependency}");
        }
    }
}
