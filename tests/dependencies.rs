//! Checks the licences and sources of all dependencies against `deny.toml`. `cargo deny` checks the same and more where
//! it is installed, but this test runs everywhere.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use edgemint_testkit::checkout;
use serde_json::Value;

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

fn root() -> &'static Path {
    checkout::root()
}

/// All packages in the lockfile, for every platform.
fn all_packages() -> Vec<Value> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--locked", "--all-features", "--format-version", "1"]);
    let output = cargo.current_dir(root()).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let packages = metadata["packages"].as_array().expect("packages").clone();
    assert!(packages.len() > 50, "found only {} packages", packages.len());
    packages
}

fn is_ours(package: &Value) -> bool {
    package["source"].is_null()
}

/// An SPDX expression, parsed and evaluated by recursive descent: `OR` of `AND`s of names or of expressions in
/// parentheses.
struct Expression<'a> {
    rest: Vec<&'a str>,
    allowed: &'a dyn Fn(&str) -> bool,
}

impl Expression<'_> {
    /// Whether the licences that `allowed` accepts meet `text`. The old form `MIT/Apache-2.0` means `OR`.
    fn is_met(text: &str, allowed: &dyn Fn(&str) -> bool) -> bool {
        let spaced = text.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
        let mut rest: Vec<&str> = spaced.split_whitespace().collect();
        rest.reverse();
        let mut expression = Expression { rest, allowed };
        let met = expression.any();
        assert!(expression.rest.is_empty(), "{text} is not an SPDX expression");
        met
    }

    fn next_is(&mut self, word: &str) -> bool {
        let is = self.rest.last() == Some(&word);
        if is {
            self.rest.pop();
        }
        is
    }

    fn any(&mut self) -> bool {
        let mut met = self.all();
        while self.next_is("OR") {
            met |= self.all();
        }
        met
    }

    fn all(&mut self) -> bool {
        let mut met = self.one();
        while self.next_is("AND") {
            met &= self.one();
        }
        met
    }

    fn one(&mut self) -> bool {
        if self.next_is("(") {
            let met = self.any();
            assert!(self.next_is(")"), "a parenthesis is not closed");
            return met;
        }
        let mut name = self.rest.pop().expect("a licence").to_owned();
        if self.next_is("WITH") {
            name = format!("{name} WITH {}", self.rest.pop().expect("an exception"));
        }
        (self.allowed)(&name)
    }
}

#[test]
fn expressions_of_licences_are_decided() {
    let allowed = |name: &str| matches!(name, "MIT" | "Apache-2.0" | "X WITH E");
    for (text, met) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0/MIT", true),
        ("GPL-3.0 AND MIT", false),
        ("MIT AND GPL-3.0 OR Apache-2.0", true),
        ("MIT AND (GPL-3.0 OR Apache-2.0)", true),
        ("(MIT OR Apache-2.0) AND GPL-3.0", false),
        ("X WITH E", true),
        ("MIT WITH E", false),
    ] {
        assert_eq!(Expression::is_met(text, &allowed), met, "{text}");
    }
}

#[test]
fn every_licence_is_one_that_deny_toml_allows_and_each_of_those_is_needed() {
    let deny = std::fs::read_to_string(root().join("deny.toml")).expect("deny.toml is there");
    let deny: toml::Table = deny.parse().expect("deny.toml is TOML");
    let names = |value: &toml::Value| -> BTreeSet<String> {
        let names = value.as_array().expect("a list").iter();
        names.map(|name| name.as_str().expect("a name").to_owned()).collect()
    };
    let allowed = names(&deny["licenses"]["allow"]);
    let exceptions: BTreeMap<&str, BTreeSet<String>> = deny["licenses"]["exceptions"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|exception| (exception["crate"].as_str().expect("a name"), names(&exception["allow"])))
        .collect();
    let mut used = BTreeSet::new();
    let mut refused = Vec::new();
    for package in all_packages().iter().filter(|package| !is_ours(package)) {
        let name = package["name"].as_str().expect("a name");
        let Some(licence) = package["license"].as_str() else {
            refused.push(format!("{name} has no licence"));
            continue;
        };
        let of_its_own = exceptions.get(name);
        let may =
            |licence: &str| allowed.contains(licence) || of_its_own.is_some_and(|own| own.contains(licence));
        if !Expression::is_met(licence, &may) {
            refused.push(format!("{name} is under {licence}"));
        }
        used.extend(allowed.iter().filter(|known| licence.contains(known.as_str())).cloned());
        used.extend(of_its_own.map(|_| name.to_owned()));
    }
    assert!(refused.is_empty(), "not allowed by deny.toml:\n{}", refused.join("\n"));
    let known = allowed.iter().cloned().chain(exceptions.keys().map(|name| (*name).to_owned()));
    let needless: Vec<String> = known.filter(|name| !used.contains(name)).collect();
    assert!(needless.is_empty(), "deny.toml allows licences that no package has: {needless:?}");
}

#[test]
fn everything_comes_from_crates_io_and_no_manifest_of_ours_takes_any_version() {
    let mut wrong = Vec::new();
    for package in all_packages() {
        let name = package["name"].as_str().expect("a name");
        if is_ours(&package) {
            for dependency in package["dependencies"].as_array().expect("dependencies") {
                if dependency["req"] == "*" && dependency["path"].is_null() {
                    wrong.push(format!("{name} allows any version of {}", dependency["name"]));
                }
            }
        } else if package["source"] != CRATES_IO {
            wrong.push(format!("{name} comes from {}", package["source"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
