//! The npm packages: installed in an empty home directory without running scripts, they serve tokens and start projects.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop"
)]

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::path::Path;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::time::Instant;

use edgemint_e2e::{Npm, Rehearsal, Served, get_json, note, packaged, port, run, send};
use serde_json::Value;

/// The limit for `npx edgemint dev`, from its start to the first token, in starts of `npx wrangler`. On a machine without
/// other work, one start takes about 2 seconds.
const FIRST_TOKEN: u32 = 10;

/// Held while a time is measured, and shared by all other tests.
static ALONE: RwLock<()> = RwLock::new(());

fn beside_others() -> RwLockReadGuard<'static, ()> {
    ALONE.read().unwrap_or_else(PoisonError::into_inner)
}

/// Requests a token. Returns the response.
fn token(port: u16, id: &str, secret: &str) -> Value {
    let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    let headers =
        BTreeMap::from([("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())]);
    let answer = send("POST", &format!("http://127.0.0.1:{port}/token"), &headers, form.into_bytes());
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test has no host that gives it the time")]
fn dev_serves_a_token_in_an_empty_directory_and_ends_with_all_its_processes() {
    let npm = Npm::installed();
    let port = port();
    let number = port.number().to_string();
    std::fs::create_dir(npm.path("app/empty")).unwrap();
    let alone = ALONE.write().unwrap_or_else(PoisonError::into_inner);
    let since = Instant::now();
    run(npm.command("app", "npx").args(["wrangler", "--version"]));
    let start_of_wrangler = since.elapsed();
    let since = Instant::now();
    let mut dev = npm.command("app/empty", "npx");
    let ready = format!("ready: http://127.0.0.1:{number}");
    let mut served = Served::start(dev.args(["edgemint", "dev", "--port", &number]), &ready);
    let issued = token(port.number(), "example-app", "ZXhhbXBsZS1hcHAtc2VjcmV0");
    let took = since.elapsed();
    drop(alone);
    note(&format!(
        "npx edgemint dev: first token after {:.1} s, a start of wrangler takes {:.1} s",
        took.as_secs_f64(),
        start_of_wrangler.as_secs_f64()
    ));
    assert!(took < FIRST_TOKEN * start_of_wrangler, "{took:?}");
    assert_eq!(issued["token_type"], "bearer");
    let lines = served.lines();
    let curl = format!("curl -X POST {}/token -u \"example-app:", &ready["ready: ".len()..]);
    assert!(lines.iter().any(|line| line.starts_with(&curl)), "{lines:#?}");
    // Without a project, the local records are those of the server.
    let secret =
        run(npm.command("app/empty", "npx").args(["edgemint", "client", "add", "billing", "--local"]));
    assert_eq!(token(port.number(), "billing", secret.trim())["token_type"], "bearer");
    let deployed = npm
        .command("app/empty", "npx")
        .args(["edgemint", "client", "list", "--env", "production"])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&deployed.stderr).contains("cannot find wrangler.toml"), "{deployed:?}");
    served.interrupt();
    assert!(TcpStream::connect(("127.0.0.1", port.number())).is_err(), "a process still serves");
    let files: Vec<_> =
        std::fs::read_dir(npm.path("app/empty")).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(files, [".wrangler"], "dev keeps its files in one folder");
}

#[test]
fn init_writes_a_project_once_that_pins_both_packages() {
    let npm = Npm::installed();
    let _beside = beside_others();
    let init = || run(npm.edgemint("app").args(["init", "project", "--json"]));
    let report: Value = serde_json::from_str(&init()).unwrap();
    assert_eq!(report["written"], serde_json::json!(["package.json", "wrangler.toml", ".gitignore"]));
    let read = |name: &str| std::fs::read_to_string(npm.path("app/project").join(name)).unwrap();
    let manifest: Value = serde_json::from_str(&read("package.json")).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        manifest["dependencies"],
        serde_json::json!({ "edgemint": version, "@edgemint/worker": version })
    );
    assert!(read(".gitignore").contains(".wrangler/"));
    std::fs::write(npm.path("app/project/.gitignore"), "mine").unwrap();
    let report: Value = serde_json::from_str(&init()).unwrap();
    assert_eq!((report["written"].as_array().unwrap().len(), read(".gitignore")), (0, "mine".to_owned()));

    npm.link(&npm.path("app/project"));
    let refused = npm.edgemint("app/project").arg("deploy").output().unwrap();
    let refused = String::from_utf8_lossy(&refused.stderr).into_owned();
    let line = 1 + read("wrangler.toml")
        .lines()
        .position(|line| line.contains("https://tokens.example.com"))
        .unwrap();
    assert!(
        refused.contains(&format!("ISSUER in line {line} of")) && refused.contains("example URL"),
        "{refused}"
    );
}

#[test]
fn a_project_is_deployed_and_a_second_deployment_keeps_what_is_there() {
    let npm = Npm::installed();
    let _beside = beside_others();
    let rehearsal = Rehearsal::start();
    run(npm.edgemint("app").args(["init", "deployed"]));
    npm.link(&npm.path("app/deployed"));
    let issuer = rehearsal.url("edgemint");
    let config = npm.path("app/deployed/wrangler.toml");
    let read = || std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, read().replace("https://tokens.example.com", &issuer)).unwrap();
    let deploy = || {
        let mut deploy = npm.command("app/deployed", "npx");
        deploy.args(["edgemint", "deploy", "--json"]).envs(rehearsal.environment());
        deploy
    };
    // Without the ID, edgemint finds the account of the login.
    let first: Value = serde_json::from_str(&run(deploy().env_remove("CLOUDFLARE_ACCOUNT_ID"))).unwrap();
    let [account, ok] = [&first["account"]["name"], &first["check"]["ok"]];
    assert_eq!((account, ok), (&"Example".into(), &true.into()), "{first:#}");
    let results = |report: &Value| ["namespace", "key"].map(|step| report[step]["result"].clone());
    assert_eq!(results(&first), ["created", "created"]);
    let written = read();
    assert!(written.contains("id = \"5eed0000"), "{written}");
    assert_eq!(get_json(&format!("{issuer}/keys"))["keys"].as_array().unwrap().len(), 1);

    // The routes that create a namespace and a secret.
    let made = || {
        let ends = ["/storage/kv/namespaces", "/secrets"];
        let is_one = |call: &String| !call.starts_with("GET") && ends.iter().any(|end| call.ends_with(end));
        rehearsal.calls().iter().filter(|call| is_one(call)).count()
    };
    let before = made();
    assert!(before > 1, "{:#?}", rehearsal.calls());

    let again: Value = serde_json::from_str(&run(&mut deploy())).unwrap();
    assert_eq!(results(&again), ["kept", "kept"]);
    assert_eq!((&again["check"]["ok"], read()), (&true.into(), written));
    assert_eq!(made(), before, "{:#?}", rehearsal.calls());
    assert_eq!(rehearsal.unknown_calls(), [""; 0]);
}

#[test]
fn the_template_works_with_plain_wrangler() {
    let npm = Npm::installed();
    let _beside = beside_others();
    let template = &npm.packages.template;
    let folder = "dist/template";
    npm.link(template);
    let told = run(npm.command(folder, "npx").args(["wrangler", "deploy", "--dry-run"]));
    assert!(told.contains("env.CLIENTS") && told.contains("Total Upload"), "{told}");
    let edgemint = |arguments: &[&str]| run(npm.edgemint(folder).args(arguments));
    let key = edgemint(&["key", "generate"]);
    std::fs::write(template.join(".dev.vars"), format!("SIGNING_KEY_FIRST='{}'\n", key.trim())).unwrap();
    let secret = edgemint(&["client", "add", "my-service", "--local"]);
    let port = port();
    let mut dev = npm.command(folder, "npx");
    dev.args(["wrangler", "dev", "--port", &port.number().to_string(), "--inspector-port", "0"]);
    let _served = Served::start(&mut dev, "Ready on ");
    assert_eq!(token(port.number(), "my-service", secret.trim())["token_type"], "bearer");
}

#[test]
fn the_same_sources_make_the_same_bytes() {
    let first = &Npm::installed().packages;
    let _beside = beside_others();
    let dir = edgemint_e2e::State::empty();
    let second = packaged(dir.path());
    let files = |packages: &xtask::package::Packages| {
        let all = [&packages.cli, &packages.worker].into_iter().chain(&packages.programs).cloned();
        let names = ["package.json", "wrangler.toml", "README.md", "sbom.cdx.json", "worker/index_bg.wasm"];
        let read =
            |path: &Path| std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let template = names.map(|name| packages.template.join(name));
        all.chain(template).map(|path| read(&path)).collect::<Vec<_>>()
    };
    assert!(files(first) == files(&second));
}
