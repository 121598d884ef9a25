//! Slow tasks of operators: rotating keys under load, and importing thousands of clients. They run side by side,
//! because one waits while the other computes. Also checks what the command line reports about tokens.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop"
)]

use std::io::Write as _;
use std::process::{Child, Command, Stdio};

use edgemint_e2e::{
    State, comes_true, edgemint, edgemint_refuses, note, now, send, serve_with, tools, wait_for_the_clock,
};
use edgemint_issuer::GeneratedSecret;
use serde_json::Value;
use xtask::{Lines, PATIENCE, Server, ServerOptions, Variant};

/// The divisor of the real times: of the verifiers' cache time for keys, and of the time that a key is published before
/// it signs.
const SCALE: u64 = 10;

/// The maximum lifetime of tokens, in seconds: the shortest allowed.
const LIFETIME: u64 = 30;

/// A state with a client and one key, the wrangler.toml that operators have in it, and a Worker.
struct Issuer {
    state: State,
    secret: String,
    server: Server,
}

impl Issuer {
    fn start() -> Self {
        let state = State::empty();
        let secret = edgemint(&state, &["client", "add", "load"]).trim().to_owned();
        let config = std::fs::read_to_string(xtask::root().join("wrangler.toml")).unwrap();
        let config =
            config.replacen("[vars]\n", &format!("[vars]\nMAX_TOKEN_LIFETIME = \"{LIFETIME}s\"\n"), 1);
        std::fs::write(state.path().join("wrangler.toml"), config).unwrap();
        let modules = "node_modules"; // the command line looks for wrangler here
        std::os::unix::fs::symlink(xtask::root().join(modules), state.path().join(modules)).unwrap();
        let config = state.path().join("wrangler.toml");
        let arguments = ["key", "rotate", "--name", "FIRST", "--activate-in", "0s", "--force", "--config"];
        edgemint(&state, &[&arguments[..], &[config.to_str().unwrap()]].concat());
        let mut options = ServerOptions::new(state.path(), Variant::Release.worker());
        (options.vars, options.secrets) = (Self::vars(), keys(&state));
        Self { server: serve_with(options), secret, state }
    }

    fn vars() -> Vec<(String, String)> {
        let lifetime = format!("{LIFETIME}s");
        [
            ("GRANT_TYPES", "client_credentials"),
            ("TOKEN_LIFETIME", &lifetime),
            ("MAX_TOKEN_LIFETIME", &lifetime),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// Runs `edgemint key …`. Returns the object that it prints.
    fn key(&self, arguments: &[&str]) -> Value {
        let config = self.state.path().join("wrangler.toml");
        let all = [&["--config", config.to_str().unwrap(), "--json", "key"], arguments].concat();
        serde_json::from_str(&edgemint(&self.state, &all)).unwrap()
    }

    /// Gives the Worker the keys that operators have put, as a deployment would.
    fn put_keys(&mut self) {
        let keys = keys(&self.state);
        let count = keys.len();
        self.server.reconfigure(Self::vars(), keys).unwrap();
        let published = || edgemint_e2e::get_json(&format!("{}/keys", self.server.endpoints()));
        let are_published = || published()["keys"].as_array().unwrap().len() == count;
        assert!(comes_true(are_published), "the Worker never published the {count} keys");
    }
}

/// A process that continuously gets and verifies tokens, and reports the results.
struct Load {
    process: Child,
    reports: Lines,
}

impl Load {
    fn on(issuer: &Issuer) -> Self {
        let script = xtask::root().join("tests/e2e/clients/rotation.mjs");
        let mut node = tools().npm_program("node").expect("node is installed");
        node.arg(script).args([&issuer.server.base_url(), "load", &issuer.secret, &SCALE.to_string()]);
        node.current_dir(xtask::root()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = node.spawn().unwrap();
        let reports = Lines::default();
        reports.collect(process.stdout.take(), str::to_owned);
        Self { process, reports }
    }

    /// Waits until a report is as `wanted`, for up to [`PATIENCE`]. Returns the last report.
    fn comes_to(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut report = Value::Null;
        let _ = self.reports.come_to(PATIENCE, |lines| {
            report = lines.last().map_or(Value::Null, |line| serde_json::from_str(line).expect("JSON"));
            wanted(&report)
        });
        report
    }

    /// Waits until `tokens` more tokens were issued and verified.
    fn goes_on(&self, tokens: u64) {
        let issued = |report: &Value| report["issued"].as_u64().unwrap_or(0);
        let wanted = issued(&self.comes_to(|_| true)) + tokens;
        let report = self.comes_to(|report| issued(report) >= wanted);
        assert!(issued(&report) >= wanted, "only {report}");
    }

    /// Ends the process and returns the last report.
    fn ended(mut self) -> Value {
        drop(self.process.stdin.take());
        assert!(self.process.wait().unwrap().success(), "see its message on stderr");
        let reports = self.reports.to_the_end();
        serde_json::from_str(reports.last().expect("it said something")).expect("JSON")
    }
}

/// The keys that operators have put.
fn keys(state: &State) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(state.path().join("keys.env")).unwrap();
    text.lines()
        .map(|line| line.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned()))
        .collect()
}

#[test]
fn while_keys_are_rotated_no_token_is_met_that_cannot_be_verified() {
    let mut issuer = Issuer::start();
    let first = issuer.key(&["list"])["keys"][0]["kid"].as_str().unwrap().to_owned();
    let load = Load::on(&issuer);
    load.goes_on(150);

    // The minimum of `key rotate`, divided by the scale: the keys' max-age plus a minute.
    let ahead = format!("{}s", (300 + 60) / SCALE);
    let next = issuer.key(&["rotate", "--activate-in", &ahead, "--force"]);
    issuer.put_keys();
    let kid = next["kid"].as_str().unwrap().to_owned();
    let [activates, may_go] = ["activates", "old_may_go"].map(|name| next[name].as_u64().unwrap());
    assert_eq!(may_go - activates, LIFETIME + 60);
    wait_for_the_clock(activates);
    let config = issuer.state.path().join("wrangler.toml");
    let retire = ["--config", config.to_str().unwrap(), "key", "retire", "FIRST", "--yes"];
    let refused = edgemint_refuses(&issuer.state, &retire);
    assert!(refused.contains("may be valid until"), "{refused}");
    wait_for_the_clock(may_go);
    edgemint(&issuer.state, &retire);
    issuer.put_keys();
    load.goes_on(150);

    let report = load.ended();
    note(&format!(
        "rotation: {} tokens issued, {} verifications, {} refusals, {} failures",
        report["issued"],
        report["verified"],
        report["refused"].as_array().unwrap().len(),
        report["failures"].as_array().unwrap().len()
    ));
    let by = |kid: &str| report["by_key"][kid].as_u64().unwrap_or(0);
    assert_eq!(report["max_age"], 300);
    assert_eq!(report["failures"], Value::Array(Vec::new()), "{report}");
    assert!(by(&first) > 100 && by(&kid) > 100, "both keys signed under load: {report}");
    assert_eq!(Some(by(&first) + by(&kid)), report["issued"].as_u64(), "and no other");
    assert!(report["verified"].as_u64() > report["issued"].as_u64().map(|issued| 3 * issued));

    // Checks that the test would notice a failure: the same verifiers cannot know a key that signs as soon as it
    // exists.
    let load = Load::on(&issuer);
    load.goes_on(100);
    issuer.key(&["rotate", "--activate-in", "0s", "--force", "--name", "UNANNOUNCED"]);
    issuer.put_keys();
    load.comes_to(|report| report["failures"].as_array().is_some_and(|failures| failures.len() >= 10));
    let report = load.ended();
    let failures = report["failures"].as_array().unwrap();
    assert!(
        !failures.is_empty() && failures.iter().all(|one| one["code"] == "ERR_JWKS_NO_MATCHING_KEY"),
        "{report}"
    );
}

/// A project folder with the real wrangler, and a count of its starts.
fn with_a_counting_wrangler(state: &State) -> (String, std::path::PathBuf) {
    let root = xtask::root();
    let bin = state.path().join("node_modules/.bin");
    let starts = state.path().join("starts");
    std::fs::create_dir_all(&bin).unwrap();
    std::fs::copy(root.join("wrangler.toml"), state.path().join("wrangler.toml")).unwrap();
    let real = root.join("node_modules/.bin");
    let script = format!(
        "#!/bin/sh\necho started >> '{}'\nPATH='{}':\"$PATH\" exec '{}' \"$@\"\n",
        starts.display(),
        real.display(),
        real.join("wrangler").display()
    );
    std::fs::write(bin.join("wrangler"), script).unwrap();
    std::fs::set_permissions(bin.join("wrangler"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    (state.path().join("wrangler.toml").to_str().unwrap().to_owned(), starts)
}

#[test]
fn five_thousand_dex_clients_are_imported_with_few_processes() {
    const CLIENTS: usize = 5000;
    let state = State::empty();
    let (config, starts) = with_a_counting_wrangler(&state);
    let file = state.path().join("dex.yaml");
    // Every fiftieth secret was chosen by a person, so its hash is slow. One takes a quarter of a second.
    let secret = |i: usize| match i % 50 {
        0 => format!("of-service-{i}"),
        _ => {
            let mut random = [0; 32];
            random[..8].copy_from_slice(&i.to_le_bytes());
            GeneratedSecret::from_random(&random).expose().to_owned()
        }
    };
    let import = |state: &State, clients: usize| {
        let clients: String = (0..clients)
            .map(|i| {
                let secret = secret(i);
                format!("- id: service-{i}\n  name: Service {i}\n  secret: {secret}\n  trustedPeers: [service-0]\n")
            })
            .collect();
        std::fs::write(&file, format!("issuer: https://dex.example.com\nstaticClients:\n{clients}")).unwrap();
        let begin = now();
        let import = ["client", "import", file.to_str().unwrap(), "--config", &config];
        let printed = edgemint(state, &[&import[..], &["--json"]].concat());
        (printed, now() - begin)
    };
    edgemint_e2e::edgemint_program(); // so that building it is not timed
    // The current speed of this machine.
    let (_, a_hundredth) = import(&State::empty(), CLIENTS / 100);
    std::fs::remove_file(&starts).unwrap();
    let (printed, seconds) = import(&state, CLIENTS);
    let processes = std::fs::read_to_string(&starts).unwrap().lines().count();
    note(&format!("import: {CLIENTS} clients in {seconds} s, with {processes} processes of wrangler"));
    let report: Value = serde_json::from_str(&printed).unwrap();
    let added = report["clients"].as_array().unwrap().iter().filter(|one| one["result"] == "added").count();
    assert_eq!(added, CLIENTS);
    assert!(processes <= 4, "{processes} processes were started");
    assert!(seconds < 100 * a_hundredth.max(1), "it took {seconds} s, and a hundredth of it {a_hundredth} s");

    let key = edgemint_testkit::signing_key("ES256", &[]);
    let options =
        ServerOptions::new(state.path(), Variant::Release.worker()).var("GRANT_TYPES", "client_credentials");
    let server = serve_with(options.secret("SIGNING_KEY_A", &key));
    for i in [0, 1, CLIENTS / 2, CLIENTS - 1] {
        let form = |secret: &str| {
            format!("grant_type=client_credentials&client_id=service-{i}&client_secret={secret}").into_bytes()
        };
        let headers = [("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())].into();
        let url = format!("{}/token", server.endpoints());
        assert_eq!(send("POST", &url, &headers, form(&secret(i))).status, 200, "service-{i}");
        assert_eq!(send("POST", &url, &headers, form("of-another")).status, 401, "service-{i}");
    }
}

#[test]
fn tokens_are_got_and_inspected_on_the_command_line() {
    let issuer = Issuer::start();
    let url = issuer.server.base_url();
    let file = issuer.state.path().join("secret");
    std::fs::write(&file, format!("{}\n", issuer.secret)).unwrap();
    let cli = |arguments: &[&str], input: &str| {
        let mut command = Command::new(edgemint_e2e::edgemint_program());
        command.args(arguments).args(["--issuer", &url]).stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        (output.status.code(), out, err)
    };
    let get =
        ["token", "get", "--client", "load", "--secret-file", file.to_str().unwrap(), "--scope", "openid"];
    let (code, answer, said) = cli(&[&get[..], &["--nonce", "n1"]].concat(), "");
    assert_eq!(code, Some(0), "{said}");
    let answer: Value = serde_json::from_str(&answer).unwrap();
    for name in ["access_token", "id_token"] {
        let token = answer[name].as_str().unwrap();
        let (code, shown, said) = cli(&["token", "inspect", "--json"], token);
        assert_eq!(code, Some(0), "{shown} {said}");
        let shown: Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(
            (&shown["valid"], &shown["claims"]["nonce"], &shown["claims"]["aud"]),
            (&true.into(), &"n1".into(), &"load".into())
        );
        let altered = token.replacen('.', ".A", 1);
        assert_eq!(cli(&["token", "inspect"], &altered).0, Some(1));
        let (code, _, said) = cli(&["token", "inspect", "--audience", "another"], token);
        assert!(code == Some(1) && said.contains("the audience (aud) is load, not another"), "{said}");
    }
    let (code, _, said) =
        cli(&["token", "get", "--client", "stranger", "--secret-file", file.to_str().unwrap()], "");
    assert!(code == Some(1) && said.contains("invalid_client") && !said.contains(&issuer.secret), "{said}");
}
