//! A deployment without an account: the real wrangler deploys to a stand-in for Cloudflare's API, which serves what was
//! uploaded. No request fails while operators change everything, and the command line explains Cloudflare's failures.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use edgemint_e2e::{Deployment, Failure, comes_true, note, now, send, wait_for_the_clock};
use edgemint_testkit::{Page, verify};
use serde_json::Value;

/// The maximum lifetime of tokens, in seconds: the shortest allowed.
const LIFETIME: u64 = 30;

/// How long the version before a deployment still answers every second request.
const OVERLAP: Duration = Duration::from_secs(2);

/// The threads that get tokens, and the pause of each after a token.
const THREADS: usize = 3;
const PAUSE: Duration = Duration::from_millis(250);

/// Runs a script in the project. Returns whether it succeeded, its stdout and its stderr.
fn attempt(deployment: &Deployment, script: &str) -> (bool, String, String) {
    let output = deployment.shell(script).stdin(Stdio::null()).output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    (output.status.success(), out, err)
}

/// Runs a script that must succeed. Returns its stdout.
#[track_caller]
fn run(deployment: &Deployment, script: &str) -> String {
    let (succeeded, out, err) = attempt(deployment, script);
    assert!(succeeded, "{script}\n{out}\n{err}");
    out
}

/// Runs a script that must fail. Returns its stderr.
#[track_caller]
fn refused(deployment: &Deployment, script: &str) -> String {
    let (succeeded, out, err) = attempt(deployment, script);
    assert!(!succeeded, "{script}\n{out}\n{err}");
    err
}

/// The commands of the README's section about deployment.
fn commands_of_the_readme() -> String {
    let page = Page::read(xtask::root(), "README.md");
    let block = page.blocks.iter().find(|block| block.text.contains("wrangler kv namespace create")).unwrap();
    let mut script = String::new();
    let mut looked_at = 0;
    for line in block.text.lines() {
        looked_at += 1;
        match line {
            // It opens a browser. The rehearsal has a token in the environment instead.
            "npx wrangler login" => {}
            _ if line.contains("# put the id into wrangler.toml") => {
                let id = "$(grep -o '[0-9a-f]\\{32\\}' created)";
                writeln!(script, "{} | tee created", line.split_once(" #").unwrap().0.trim()).unwrap();
                writeln!(script, "sed -i \"s/0\\{{32\\}}/{id}/\" wrangler.toml").unwrap();
            }
            _ => writeln!(script, "{line}").unwrap(),
        }
    }
    assert_eq!(looked_at, 6, "the README promises six commands");
    script
}

/// Threads that get tokens all the time, and verify each with the keys that are published then. They stop at the first
/// unexpected answer.
struct Load {
    threads: Vec<JoinHandle<Result<(), String>>>,
    seen: Arc<Seen>,
}

/// What the threads share.
#[derive(Default)]
struct Seen {
    ends: AtomicBool,
    /// The number of tokens by the ID of the key that signed them.
    by_key: Mutex<BTreeMap<String, usize>>,
}

impl Load {
    /// `secrets`: each thread uses another one of them.
    fn on(issuer: &str, id: &str, secrets: &Arc<Mutex<Vec<String>>>) -> Self {
        let seen = Arc::new(Seen::default());
        let thread = |number: usize| {
            let (issuer, id, secrets) = (issuer.to_owned(), id.to_owned(), Arc::clone(secrets));
            let seen = Arc::clone(&seen);
            thread::spawn(move || {
                let mut held: Vec<(u64, String)> = Vec::new();
                while !seen.ends.load(Ordering::Relaxed) {
                    let secret = {
                        let secrets = secrets.lock().unwrap();
                        secrets[number % secrets.len()].clone()
                    };
                    let token = token(&issuer, &id, &secret)?;
                    let keys = keys(&issuer)?;
                    let kid = verified(&keys, &token)?;
                    // A token from earlier must be valid until it expires.
                    held.retain(|(expires, _)| *expires > now() + 1);
                    if let Some((_, earlier)) = held.first() {
                        verified(&keys, earlier).map_err(|why| format!("a token from earlier: {why}"))?;
                    }
                    held.push((now() + LIFETIME, token));
                    *seen.by_key.lock().unwrap().entry(kid).or_insert(0) += 1;
                    thread::sleep(PAUSE);
                }
                Ok(())
            })
        };
        Self { threads: (0..THREADS).map(thread).collect(), seen }
    }

    fn issued(&self) -> usize {
        self.seen.by_key.lock().unwrap().values().sum()
    }

    /// Waits until `tokens` more tokens were issued, or a thread has stopped.
    fn goes_on(&self, tokens: usize) {
        let wanted = self.issued() + tokens;
        let is_over = || self.threads.iter().any(JoinHandle::is_finished);
        assert!(comes_true(|| is_over() || self.issued() >= wanted));
    }

    /// Waits until a token is signed with this key, or a thread has stopped.
    fn comes_to_use(&self, kid: &str) {
        let is_over = || self.threads.iter().any(JoinHandle::is_finished);
        assert!(comes_true(|| is_over() || self.seen.by_key.lock().unwrap().contains_key(kid)));
    }

    /// Waits until a thread has stopped.
    fn stops(&self) {
        assert!(comes_true(|| self.threads.iter().any(JoinHandle::is_finished)), "the load goes on");
    }

    /// Ends the threads. Returns the number of tokens by key, or why a thread has stopped.
    fn ended(self) -> Result<BTreeMap<String, usize>, String> {
        self.seen.ends.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap()?;
        }
        let by_key = self.seen.by_key.lock().unwrap().clone();
        Ok(by_key)
    }
}

/// Gets a token, or the unexpected answer.
fn token(issuer: &str, id: &str, secret: &str) -> Result<String, String> {
    let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    let headers = [("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())].into();
    let answer = send("POST", &format!("{issuer}/token"), &headers, form.into_bytes());
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let token = body["access_token"].as_str().filter(|_| answer.status == 200);
    token.map(str::to_owned).ok_or_else(|| format!("{} {}", answer.status, answer.body))
}

/// Gets the published keys, or the unexpected answer.
fn keys(issuer: &str) -> Result<Value, String> {
    let answer = send("GET", &format!("{issuer}/keys"), &BTreeMap::new(), Vec::new());
    let keys = serde_json::from_str(&answer.body).ok().filter(|_| answer.status == 200);
    keys.ok_or_else(|| format!("{} {}", answer.status, answer.body))
}

/// Verifies a token. Returns the ID of the key that signed it.
fn verified(keys: &Value, token: &str) -> Result<String, String> {
    let (header, _) = verify(keys, token)?;
    Ok(header["kid"].as_str().unwrap_or_default().to_owned())
}

/// The ID of the key that signs: the first published one.
fn kid_that_signs(issuer: &str) -> String {
    keys(issuer).unwrap()["keys"][0]["kid"].as_str().unwrap().to_owned()
}

#[test]
fn the_commands_of_the_readme_deploy_and_no_later_change_fails_a_request() {
    let deployment = Deployment::before_the_first();
    let (rehearsal, issuer) = (deployment.rehearsal(), deployment.issuer());
    let lifetimes = format!("\nTOKEN_LIFETIME = \"{LIFETIME}s\"\nMAX_TOKEN_LIFETIME = \"{LIFETIME}s\"\n");
    deployment.edit("\nCLIENT_CACHE = \"0\"\n", &format!("\nCLIENT_CACHE = \"0\"{lifetimes}"));
    let begin = now();
    run(&deployment, &commands_of_the_readme());
    // The new key must be known everywhere before it signs. Adding it takes one command, and the README has several.
    let activate_in = now() - begin + OVERLAP.as_secs() + 1;
    rehearsal.set_overlap(OVERLAP);
    let first = kid_that_signs(&issuer);
    let dex = xtask::root().join("examples/dex.yaml");
    run(&deployment, &format!("edgemint client import '{}' --env production", dex.display()));
    token(&issuer, "example-app", "ZXhhbXBsZS1hcHAtc2VjcmV0").expect("a client of dex gets a token");
    run(&deployment, "edgemint client remove example-app --yes --env production");
    token(&issuer, "example-app", "ZXhhbXBsZS1hcHAtc2VjcmV0").expect_err("the client is removed");

    let secret = std::fs::read_to_string(deployment.path().join("billing.secret")).unwrap();
    let secrets = Arc::new(Mutex::new(vec![secret.trim().to_owned()]));
    let load = Load::on(&issuer, "billing", &secrets);
    load.goes_on(30);

    let rotate = format!("edgemint key rotate --activate-in {activate_in}s --force --json --env production");
    let rotated: Value = serde_json::from_str(&run(&deployment, &rotate)).unwrap();
    let (second, activates) = (rotated["kid"].as_str().unwrap(), rotated["activates"].as_u64().unwrap());
    deployment
        .edit("MAX_TOKEN_LIFETIME", "CORS_ALLOWED_ORIGINS = \"https://next.example\"\nMAX_TOKEN_LIFETIME");
    let deploy = "npx wrangler deploy --env production";
    run(&deployment, deploy);
    let serves_next = || {
        let headers = [("origin".to_owned(), "https://next.example".to_owned())].into();
        let answer = send("GET", &format!("{issuer}/keys"), &headers, Vec::new());
        answer.headers.keys().any(|name| name.eq_ignore_ascii_case("access-control-allow-origin"))
    };
    assert!(comes_true(serves_next), "the next version serves");

    let new = run(&deployment, "edgemint client rotate-secret billing --env production");
    secrets.lock().unwrap().push(new.trim().to_owned());
    load.goes_on(30);

    // Back to the version before. It has the same secrets, because the key was added before the next version.
    run(&deployment, "npx wrangler rollback --env production");
    load.comes_to_use(second);
    load.goes_on(30);
    // Cloudflare changes no secret of a Worker whose latest version is not deployed. So the command must say what to do.
    let told = refused(&deployment, "edgemint key retire FIRST --force --yes --env production");
    assert!(!told.contains("🌀"), "no progress: {told}");
    assert!(told.contains("hint: deploy again with `npx wrangler deploy --env production`"), "{told}");
    run(&deployment, deploy);
    wait_for_the_clock(activates + LIFETIME + 1);
    run(&deployment, "edgemint key retire FIRST --force --yes --env production");
    load.goes_on(30);

    let by_key = load.ended().unwrap_or_else(|why| panic!("{why}\n{}", rehearsal.log().join("\n")));
    note(&format!("rehearsal: {by_key:?} tokens by key"));
    assert!(by_key[&first] >= 30 && by_key[second] >= 30 && by_key.len() == 2, "{by_key:?}");
    let only_one = || keys(&issuer).unwrap()["keys"].as_array().unwrap().len() == 1;
    assert!(comes_true(only_one), "the version with both keys no longer answers");

    // Checks that the load would notice a failure: a rollback to a version that has only the deleted key.
    let load = Load::on(&issuer, "billing", &secrets);
    load.goes_on(10);
    let versions = rehearsal.versions("edgemint");
    let oldest = versions.iter().rfind(|version| version.secrets == ["SIGNING_KEY_FIRST"]).unwrap();
    let told = run(&deployment, &format!("npx wrangler rollback {} --env production", oldest.id));
    assert!(told.contains("SIGNING_KEY_FIRST"), "wrangler warns about the changed secrets: {told}");
    load.stops();
    let why = load.ended().expect_err("a token from earlier cannot be verified");
    assert!(why.contains("is not published"), "{why}");

    run(&deployment, "npx wrangler delete --env production");
    assert_eq!(send("GET", &format!("{issuer}/healthz"), &BTreeMap::new(), Vec::new()).status, 404);
    assert_eq!(rehearsal.unknown_calls(), [""; 0]);
    for line in rehearsal.log().iter().filter_map(|line| serde_json::from_str(line).ok()) {
        edgemint_testkit::check_log_line(&line).unwrap_or_else(|why| panic!("{why}"));
    }
}

#[test]
fn failures_of_cloudflare_are_explained_with_their_remedy() {
    let deployment = Deployment::before_the_first();
    let rehearsal = deployment.rehearsal();
    let add = "edgemint client add a --out a.secret --env production";
    let any_account = &format!("unset CLOUDFLARE_ACCOUNT_ID\n{add}");
    let says = |script: &str, parts: &[&str]| {
        let told = refused(&deployment, script);
        for part in parts {
            assert!(told.contains(part), "{part:?} is not in what `{script}` says:\n{told}");
        }
        for noise in ["If you think this is a bug", "🌀", "📎", "ems_"] {
            assert!(!told.contains(noise) || script.starts_with("npx"), "{noise:?} is in:\n{told}");
        }
    };
    let read = "cannot read the client records";
    // 10007: the Worker does not exist yet.
    let creates =
        "hint: the first secret creates the Worker: `edgemint key generate | npx wrangler secret put";
    says("edgemint key list --env production", &["Worker \"edgemint\"", "not found", creates]);
    let create = "npx wrangler kv namespace create CLIENTS --env production";
    says(add, &[read, "namespace not found [code: 10013]", &format!("hint: run `{create}`")]);
    run(&deployment, &format!("{create} > created"));
    // 10014: wrangler itself names the remedy.
    says(create, &["already exists", "wrangler kv namespace list"]);
    run(&deployment, "sed -i \"s/0\\{32\\}/$(grep -o '[0-9a-f]\\{32\\}' created)/\" wrangler.toml");

    rehearsal.fail(Failure::RateLimited(7), "PUT /accounts", 1);
    let again = "run the command again";
    says(
        add,
        &[
            "no secret or key is shown",
            "1 record may not have been written",
            "wait 7 second(s)",
            "hint: wait",
            again,
        ],
    );
    assert!(!deployment.path().join("a.secret").exists(), "no file with a secret stays");
    for failure in [Failure::Internal, Failure::BadGateway] {
        rehearsal.fail(failure, "POST /accounts", 1);
        says(add, &[read, "hint: run the command again", "https://www.cloudflarestatus.com"]);
    }
    rehearsal.set_token_expired(true);
    let rejects = "hint: Cloudflare rejects the login or the token";
    says(add, &[read, "[code: 10000]", rejects, "npx wrangler login", "CLOUDFLARE_API_TOKEN"]);
    says(any_account, &[read, "[code: 9109]", rejects]);
    rehearsal.set_token_expired(false);
    rehearsal.add_account("Another");
    let choose = "hint: set the variable CLOUDFLARE_ACCOUNT_ID";
    says(any_account, &[read, "`Another`", choose]);
    // In CI, wrangler omits the names.
    says(&format!("export CI=true\n{any_account}"), &[read, "`(redacted)`", choose]);
    assert_eq!(rehearsal.unknown_calls(), [""; 0]);
}

/// A Worker with a Durable Object that counts its calls.
const COUNTING: &str = r#"
import { DurableObject } from "cloudflare:workers";
export class Counter extends DurableObject {
  async next() {
    this.ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS calls (id INTEGER PRIMARY KEY)");
    this.ctx.storage.sql.exec("INSERT INTO calls DEFAULT VALUES");
    return this.ctx.storage.sql.exec("SELECT COUNT(*) AS count FROM calls").one().count;
  }
}
export default {
  async fetch(request, env) {
    return new Response(`${env.PREFIX}${await env.COUNTERS.getByName("a").next()}`);
  },
};
"#;

const COUNTING_CONFIG: &str = r#"
name = "counting"
main = "counting.js"
compatibility_date = "2026-01-01"
[vars]
PREFIX = "first "
[[durable_objects.bindings]]
name = "COUNTERS"
class_name = "Counter"
[[migrations]]
tag = "v1"
new_sqlite_classes = ["Counter"]
"#;

#[test]
fn durable_objects_keep_their_storage_in_the_next_version() {
    let deployment = Deployment::before_the_first();
    std::fs::write(deployment.path().join("counting.js"), COUNTING).unwrap();
    std::fs::write(deployment.path().join("wrangler.toml"), COUNTING_CONFIG).unwrap();
    let count = || {
        let url = format!("{}/", deployment.rehearsal().url("counting"));
        send("GET", &url, &BTreeMap::new(), Vec::new()).body
    };
    run(&deployment, "npx wrangler deploy");
    assert_eq!((count(), count()), ("first 1".to_owned(), "first 2".to_owned()));
    deployment.edit("first ", "next ");
    run(&deployment, "npx wrangler deploy");
    assert_eq!(count(), "next 3");
    assert_eq!(deployment.rehearsal().unknown_calls(), [""; 0]);
}
