//! A project directory with a wrangler that only records its calls, for the tests in this directory.
#![allow(clippy::unwrap_used, dead_code, reason = "a test fails by panicking; no test uses all of this")]

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use edgemint_testkit::checkout;
use serde_json::{Map, Value};

/// A project directory with its own wrangler in node_modules/.bin. It is deleted when the test ends.
pub(crate) struct Project(pub(crate) PathBuf);

impl Project {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("cli-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let dir = checkout::scratch().join(name);
        let bin = dir.join("node_modules/.bin");
        for dir in [&bin, &dir.join("fake"), &dir.join("tmp"), &dir.join("deep/down")] {
            fs::create_dir_all(dir).unwrap();
        }
        let tests = checkout::root().join("crates/cli/tests");
        fs::copy(tests.join("fake/wrangler"), bin.join("wrangler")).unwrap();
        fs::set_permissions(bin.join("wrangler"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::copy(tests.join("transcripts/client.in/wrangler.toml"), dir.join("wrangler.toml")).unwrap();
        Self(dir)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Runs `edgemint` in a directory of the project.
    pub(crate) fn edgemint_in(&self, folder: &str, arguments: &[&str]) -> Output {
        self.command_in(folder, arguments).output().unwrap()
    }

    /// Runs `edgemint` with `input` on its standard input.
    pub(crate) fn edgemint_with(&self, input: &str, arguments: &[&str]) -> Output {
        let mut command = self.command_in(".", arguments);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    fn command_in(&self, folder: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(checkout::program("edgemint"));
        command
            .args(arguments)
            .current_dir(self.path(folder))
            .env("FAKE_WRANGLER", self.path("fake"))
            .env("TMPDIR", self.path("tmp"))
            .env("CI_SECRET", "hunter2-from-env")
            .env("CLOUDFLARE_ENV", "elsewhere");
        command
    }

    pub(crate) fn edgemint(&self, arguments: &[&str]) -> Output {
        self.edgemint_in(".", arguments)
    }

    /// The calls of wrangler, without the directories that differ in every run.
    pub(crate) fn calls(&self) -> Vec<String> {
        let plain = |word: &str| match word.split_once("/tmp/edgemint-") {
            Some((_, rest)) => format!("TMP/{}", rest.split('/').next_back().unwrap_or_default()),
            None => word.replace(self.0.to_str().unwrap(), "PROJECT"),
        };
        self.read("fake/calls")
            .lines()
            .map(|call| call.split(' ').map(plain).collect::<Vec<_>>().join(" "))
            .collect()
    }

    /// The records that the last `kv bulk put` wrote.
    pub(crate) fn put(&self) -> Vec<(String, Value)> {
        let pairs: Vec<Value> = serde_json::from_str(&self.read("fake/put.json")).unwrap();
        let text = |pair: &Value, name: &str| pair[name].as_str().unwrap().to_owned();
        pairs.iter().map(|p| (text(p, "key"), serde_json::from_str(&text(p, "value")).unwrap())).collect()
    }

    /// Stores the records that were written.
    pub(crate) fn store_what_was_put(&self) {
        let pairs: Vec<Value> = serde_json::from_str(&self.read("fake/put.json")).unwrap();
        let mut stored: Map<String, Value> = fs::read_to_string(self.path("fake/stored.json"))
            .map_or_else(|_| Map::new(), |text| serde_json::from_str(&text).unwrap());
        stored.extend(
            pairs.iter().map(|pair| (pair["key"].as_str().unwrap().to_owned(), pair["value"].clone())),
        );
        self.write("fake/stored.json", &Value::from(stored).to_string());
        fs::remove_file(self.path("fake/put.json")).unwrap();
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}
