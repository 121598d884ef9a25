//! The house rules that the compiler does not know.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(arguments).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo speaks UTF-8")
}

/// The names of everything that goes into `package` when it is built for the Worker.
fn dependencies(package: &str) -> BTreeSet<String> {
    let target = "--target=wasm32-unknown-unknown";
    let tree =
        cargo(&["tree", "--package", package, "--edges=normal", target, "--prefix=none", "--format={p}"]);
    let names = tree.lines().skip(1).filter_map(|line| line.split(' ').next());
    let found: BTreeSet<String> = names.filter(|name| !name.is_empty()).map(str::to_owned).collect();
    assert!(!found.is_empty(), "{package} depends on nothing: is this the right package?");
    found
}

#[test]
fn the_issuer_knows_no_runtime_clock_or_random_source() {
    let found = dependencies("edgemint-issuer");
    for foreign in
        ["worker", "wasm-bindgen", "js-sys", "web-sys", "getrandom", "tokio", "http", "log", "tracing"]
    {
        assert!(!found.contains(foreign), "edgemint-issuer depends on {foreign}");
    }
}

#[test]
fn the_worker_carries_nothing_that_only_tests_or_operators_need() {
    let found = dependencies("edgemint");
    assert!(found.contains("worker"));
    for foreign in ["edgemint-testkit", "edgemint-cli", "clap", "rsa", "p256", "ed25519-dalek", "pbkdf2"] {
        assert!(!found.contains(foreign), "the Worker depends on {foreign}");
    }
}

#[test]
fn no_code_of_ours_is_unsafe() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &Path| -> toml::Table {
        let text = std::fs::read_to_string(path).expect("a manifest");
        text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let top = read(&root.join("Cargo.toml"));
    let forbids = |lints: &toml::Value| lints["rust"]["unsafe_code"].as_str() == Some("forbid");
    assert!(forbids(&top["workspace"]["lints"]));
    let crates =
        std::fs::read_dir(root.join("crates")).expect("a folder").flatten().map(|entry| entry.path());
    let others = ["", "xtask", "tests/e2e", "fuzz"].map(|folder| root.join(folder));
    let folders: Vec<PathBuf> = crates.chain(others).collect();
    assert!(folders.len() >= 7, "found only {folders:?}");
    for folder in folders {
        let manifest = read(&folder.join("Cargo.toml"));
        let lints = &manifest["lints"];
        let inherits = lints.get("workspace").and_then(toml::Value::as_bool) == Some(true);
        assert!(inherits || forbids(lints), "{} may be unsafe", folder.display());
    }
}

fn sources() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in ["src", "crates", "xtask", "tests", "fuzz", "bench/hello"] {
        walk(&root.join(folder), &mut found);
    }
    assert!(found.len() > 20, "found only {} sources", found.len());
    found
}

#[test]
fn no_file_has_more_than_400_lines_before_its_tests() {
    for path in sources() {
        let text = std::fs::read_to_string(&path).expect("a source");
        let lines = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count();
        assert!(lines <= 400, "{} has {lines} lines before its tests", path.display());
    }
}

#[test]
fn every_module_states_its_job_in_its_first_line() {
    for path in sources() {
        let text = std::fs::read_to_string(&path).expect("a source");
        assert!(text.starts_with("//! "), "{} does not begin with what it is for", path.display());
    }
}

#[test]
fn arithmetic_that_overflows_stops_in_the_deployed_worker_too() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let manifest: toml::Table =
        std::fs::read_to_string(manifest).expect("it is there").parse().expect("TOML");
    assert_eq!(manifest["profile"]["release"]["overflow-checks"], toml::Value::from(true));
}

#[test]
fn only_the_worker_and_what_it_is_measured_by_depend_on_the_runtime() {
    let metadata = cargo(&["metadata", "--format-version=1", "--no-deps"]);
    let metadata: serde_json::Value = serde_json::from_str(&metadata).expect("cargo speaks JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    assert!(packages.len() > 3);
    for package in packages {
        let needs = package["dependencies"].as_array().expect("dependencies").iter();
        let runtime = ["worker", "wasm-bindgen", "js-sys", "web-sys"];
        let named = needs.filter(|needed| runtime.iter().any(|name| needed["name"] == *name)).count();
        let may = package["name"] == "edgemint" || package["name"] == "edgemint-bench-hello";
        assert_eq!(named > 0, may, "{}", package["name"]);
    }
}
