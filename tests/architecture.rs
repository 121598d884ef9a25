//! The house rules that the compiler does not check.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use edgemint_testkit::checkout;
use syn::visit::Visit;

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(arguments).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}

/// The names of all dependencies of `package` in a build for the Worker.
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
    let root = checkout::root();
    let read = |path: &Path| -> toml::Table {
        let text = std::fs::read_to_string(path).expect("a manifest");
        text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let top = read(&root.join("Cargo.toml"));
    let forbids = |lints: &toml::Value| lints["rust"]["unsafe_code"].as_str() == Some("forbid");
    assert!(forbids(&top["workspace"]["lints"]));
    let crates =
        std::fs::read_dir(root.join("crates")).expect("a folder").flatten().map(|entry| entry.path());
    let others = ["", "xtask", "xtask/launcher", "tests/e2e", "fuzz"].map(|folder| root.join(folder));
    let folders: Vec<PathBuf> = crates.chain(others).collect();
    assert!(folders.len() >= 7, "found only {folders:?}");
    for folder in folders {
        let manifest = read(&folder.join("Cargo.toml"));
        let lints = &manifest["lints"];
        let inherits = lints.get("workspace").and_then(toml::Value::as_bool) == Some(true);
        assert!(inherits || forbids(lints), "{} allows unsafe code", folder.display());
    }
}

/// Adds the Rust files below `folder`.
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

fn sources() -> Vec<PathBuf> {
    let root = checkout::root();
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
        assert!(text.starts_with("//! "), "{} does not begin with its purpose", path.display());
    }
}

#[test]
fn no_program_knows_the_clone_that_it_was_compiled_in() {
    let knows =
        ["MANIFEST_DIR", "TARGET_TMPDIR", "BIN_EXE_edgemint"].map(|name| format!("env!(\"CARGO_{name}\")"));
    for path in sources() {
        let text = std::fs::read_to_string(&path).expect("a source");
        let known = knows.iter().find(|known| text.contains(*known));
        assert_eq!(known, None, "{}: another clone may run the program", path.display());
    }
}

#[test]
fn arithmetic_that_overflows_stops_in_the_deployed_worker_too() {
    let manifest = checkout::root().join("Cargo.toml");
    let manifest: toml::Table =
        std::fs::read_to_string(manifest).expect("it is there").parse().expect("TOML");
    assert_eq!(manifest["profile"]["release"]["overflow-checks"], toml::Value::from(true));
}

#[test]
fn only_the_worker_and_what_it_is_measured_by_depend_on_the_runtime() {
    let metadata = cargo(&["metadata", "--format-version=1", "--no-deps"]);
    let metadata: serde_json::Value = serde_json::from_str(&metadata).expect("cargo prints JSON");
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

/// The rooms of each crate, from top to bottom: a file imports only from its own room and from rooms below it.
const ROOMS: [(&str, &[&str]); 6] = [
    (
        "crates/issuer/src",
        &[
            "lib",
            "authority",
            "endpoint",
            "mint",
            "grant",
            "binding",
            "authenticate",
            "registry",
            "request",
            "discovery",
            "log",
            "verify",
            "http",
            "error",
            "ports",
            "records",
            "config",
            "secret",
            "jose",
            "grammar",
        ],
    ),
    (
        "crates/cli/src",
        &["lib", "cli", "commands", "records", "deployment", "terminal", "crypto", "flags", "host"],
    ),
    (
        "src",
        &["lib", "environment", "bindings", "http", "event_log", "steps", "waiting", "random", "patience"],
    ),
    (
        "xtask/src",
        &[
            "lib",
            "dev",
            "test",
            "fuzz",
            "package",
            "release_notes",
            "sbom",
            "simulate",
            "bench",
            "serve",
            "install",
            "process",
            "args",
        ],
    ),
    ("crates/local/src", &["lib", "dev", "serve", "process"]),
    (
        "crates/testkit/src",
        &[
            "lib",
            "oracle",
            "second_reading",
            "rfc9068",
            "vector",
            "mint",
            "expected",
            "audit_log",
            "page",
            "clients",
            "location",
            "platforms",
            "others",
            "crypto",
            "moment",
            "checkout",
        ],
    ),
];

/// The imports of a file: the paths below `crate` in code that is not a test.
struct Imports {
    /// The module that is being read.
    module: Vec<String>,
    found: Vec<Vec<String>>,
}

impl Imports {
    fn of(file: &syn::File, module: Vec<String>) -> Vec<Vec<String>> {
        let mut imports = Self { module, found: Vec::new() };
        imports.visit_file(file);
        imports.found
    }

    /// Adds a path if it leads to a module of this crate.
    fn add(&mut self, path: &[String]) {
        let ups = path.iter().take_while(|segment| *segment == "super").count();
        let base = match path.first().map(String::as_str) {
            Some("crate") => &[],
            Some("self") => self.module.as_slice(),
            Some("super") => &self.module[..self.module.len() - ups],
            _ => return,
        };
        let rest = &path[ups.max(1)..];
        self.found.push([base, rest].concat());
    }

    fn add_tree(&mut self, tree: &syn::UseTree, before: &[String]) {
        let and = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.add_tree(&path.tree, &and(&path.ident)),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.add_tree(tree, before)),
            syn::UseTree::Glob(_) => self.add(before),
            syn::UseTree::Name(name) => self.add(&and(&name.ident)),
            syn::UseTree::Rename(name) => self.add(&and(&name.ident)),
        }
    }
}

impl<'a> Visit<'a> for Imports {
    fn visit_item_mod(&mut self, module: &'a syn::ItemMod) {
        let is_test = |attribute: &syn::Attribute| {
            attribute.path().is_ident("cfg")
                && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
        };
        if module.content.is_some() && !module.attrs.iter().any(is_test) {
            self.module.push(module.ident.to_string());
            syn::visit::visit_item_mod(self, module);
            self.module.pop();
        }
    }

    fn visit_item_use(&mut self, item: &'a syn::ItemUse) {
        self.add_tree(&item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if segments.len() > 1 {
            self.add(&segments);
        }
        syn::visit::visit_path(self, path);
    }
}

/// The files of a crate, each with the files that it imports.
fn imports(folder: &Path) -> BTreeMap<PathBuf, BTreeSet<PathBuf>> {
    let module_of = |path: &Path| {
        let mut module: Vec<String> =
            path.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
        module.pop_if(|last| ["mod", "lib", "main"].contains(&last.as_str()));
        module
    };
    let mut files = Vec::new();
    walk(folder, &mut files);
    let files: Vec<PathBuf> =
        files.iter().map(|path| path.strip_prefix(folder).expect("below it").to_owned()).collect();
    // A binary beside the library is its own crate, so `crate` in it means the binary.
    let modules: BTreeMap<Vec<String>, &PathBuf> =
        files.iter().filter(|file| !file.ends_with("main.rs")).map(|file| (module_of(file), file)).collect();
    let mut found = BTreeMap::new();
    for file in files.iter().filter(|file| !file.ends_with("main.rs")) {
        let text = std::fs::read_to_string(folder.join(file)).expect("a source");
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let paths = Imports::of(&parsed, module_of(file));
        let target = |path: &Vec<String>| {
            (0..=path.len()).rev().find_map(|length| modules.get(&path[..length]).map(|file| (*file).clone()))
        };
        let targets = paths.iter().filter_map(target).filter(|target| target != file);
        found.insert(file.clone(), targets.collect());
    }
    found
}

/// The room of a file, which is the first part of its path.
fn room(file: &Path) -> String {
    let first = file.iter().next().expect("a path");
    Path::new(first).with_extension("").to_string_lossy().into_owned()
}

#[test]
fn rooms_import_only_from_rooms_below_them() {
    for (folder, rooms) in ROOMS {
        let place = |file: &Path| {
            let known = rooms.iter().position(|name| *name == room(file));
            known.unwrap_or_else(|| panic!("{folder}/{} is not in a room of the list", file.display()))
        };
        let imports = imports(&checkout::root().join(folder));
        assert!(
            imports.values().map(BTreeSet::len).sum::<usize>() > rooms.len(),
            "{folder}: found no imports"
        );
        for (file, targets) in &imports {
            // `lib.rs` may import from every room.
            for target in targets.iter().filter(|_| room(file) != "lib") {
                assert!(
                    place(file) <= place(target),
                    "{folder}: {} ({}) imports {} ({}), which is a room above",
                    file.display(),
                    room(file),
                    target.display(),
                    room(target)
                );
            }
        }
        for name in rooms {
            assert!(imports.keys().any(|file| room(file) == **name), "{folder} has no room {name}");
        }
    }
}

#[test]
fn no_file_imports_itself_by_way_of_others() {
    for (folder, _) in ROOMS {
        let mut left = imports(&checkout::root().join(folder));
        left.retain(|file, _| room(file) != "lib");
        // Repeatedly removes each file that imports none of the remaining files, or that none of them imports. Only
        // circles remain.
        loop {
            let before = left.len();
            let names: BTreeSet<PathBuf> = left.keys().cloned().collect();
            left.retain(|_, targets| targets.iter().any(|target| names.contains(target)));
            let imported: BTreeSet<PathBuf> = left.values().flatten().cloned().collect();
            left.retain(|file, _| imported.contains(file));
            if left.len() == before {
                break;
            }
        }
        assert!(left.is_empty(), "{folder}: these files import each other in a circle: {:?}", left.keys());
    }
}
