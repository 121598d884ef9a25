//! Gateways that are not libraries: applies their own rules to the configurations in docs/guides/gateways/. Programs
//! that are missing on this machine are skipped, and the output lists them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on must stop"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use edgemint_e2e::{
    State, comes_true, documented, edgemint, has, note, port, run, send, serve_at_its_own_address, tools,
};
use xtask::Server;

/// The issuer in the documentation.
const ISSUER: &str = "https://tokens.example.com";

/// Runs a documented command against `server` in its own folder. Returns its output.
fn documented_command(mark: &str, server: &Server, dir: &Path) -> String {
    let script = documented(mark).replace(ISSUER, &server.base_url());
    assert!(!script.contains("example.com"), "every URL is the server's: {script}");
    let node = tools().npm_program("node").expect("node is installed");
    let mut shell = Command::new("sh");
    for (name, value) in node.get_envs() {
        shell.env(name, value.unwrap_or_default());
    }
    run(shell.args(["-e", "-c", &script]).current_dir(dir))
}

#[test]
fn gateways_that_fetch_or_copy_the_keys_take_the_tokens_by_their_own_rules() {
    let with_shield = has("jq --version", "the configuration of Cloudflare API Shield");
    for algorithms in [["ES256", "RS256"], ["RS256", "ES256"]] {
        let state = State::seeded();
        let server = serve_at_its_own_address(&state, &algorithms);
        let dir = state.path();
        let kong = dir.join("kong.json");
        std::fs::write(&kong, documented_command("sh kong", &server, dir)).unwrap();
        let mut node = tools().npm_program("node").expect("node is installed");
        node.arg(xtask::root().join("tests/e2e/clients/gateways.mjs"));
        node.args([&server.base_url(), algorithms[0]]).arg(&kong).current_dir(xtask::root());
        if with_shield {
            documented_command("sh api-shield", &server, dir);
            node.arg(dir.join("configuration.json"));
        }
        let said = run(&mut node);
        assert!(said.contains("verified"), "with {algorithms:?} nothing was verified: {said}");
    }
}

/// The paths of nginx and of its JavaScript module, if installed.
fn nginx() -> Option<(PathBuf, PathBuf)> {
    let found = Command::new("sh").args(["-c", "PATH=\"$PATH:/usr/sbin\" command -v nginx"]).output().ok()?;
    let nginx = PathBuf::from(String::from_utf8(found.stdout).ok()?.trim());
    let module = nginx.ancestors().nth(2)?.join("lib/nginx/modules/ngx_http_js_module.so");
    module.is_file().then_some((nginx, module))
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn nginx_asks_about_each_token_and_sees_a_revocation() {
    const API: &str = "https://api.example.com";
    let Some((program, module)) = nginx() else {
        note("skipped: nginx, because it or its JavaScript module is not on this machine");
        return;
    };
    let state = State::empty();
    let secret = |arguments: &[&str]| edgemint(&state, arguments).trim().to_owned();
    for api in [API, "https://other.example.com"] {
        edgemint(&state, &["api", "add", api, "--scope", "read=Reads"]);
    }
    let billing = secret(&["client", "add", "billing", "--api", API, "--scope", "read"]);
    edgemint(
        &state,
        &["client", "grant", "billing", "--api", "https://other.example.com", "--scope", "read"],
    );
    let gateway = secret(&["client", "add", "gateway"]);
    edgemint(&state, &["client", "allow-introspection", "gateway", "--tokens", "any"]);
    let server = serve_at_its_own_address(&state, &["ES256"]);

    let dir = state.path().join("nginx");
    std::fs::create_dir(&dir).unwrap();
    std::fs::write(dir.join("edgemint.js"), documented("js nginx")).unwrap();
    let (kept_front, kept_back) = (port(), port());
    let (front, back) = (kept_front.number(), kept_back.number());
    let locations = documented("nginx")
        .replace(ISSUER, &server.base_url())
        .replace("BASE64-OF-gateway:SECRET", &STANDARD.encode(format!("gateway:{gateway}")))
        .replace("http://backend", &format!("http://127.0.0.1:{back}"))
        // Shortened, so that the test need not wait a minute.
        .replace("200 60s", "200 1s");
    let dir = dir.display();
    let configuration = format!(
        "load_module {};\ndaemon off;\nmaster_process off;\npid {dir}/pid;\nerror_log {dir}/error.log;\nevents {{}}\nhttp {{\n\
         access_log off;\nclient_body_temp_path {dir}/body;\nproxy_temp_path {dir}/proxy;\nfastcgi_temp_path {dir}/fastcgi;\n\
         uwsgi_temp_path {dir}/uwsgi;\nscgi_temp_path {dir}/scgi;\nproxy_cache_path {dir}/cache keys_zone=tokens:1m;\n\
         js_path {dir};\njs_import edgemint.js;\nserver {{\nlisten 127.0.0.1:{front};\n{locations}\n}}\n\
         server {{\nlisten 127.0.0.1:{back};\nlocation / {{ return 200 in; }}\n}}\n}}\n",
        module.display()
    );
    let file = state.path().join("nginx/nginx.conf");
    std::fs::write(&file, configuration).unwrap();
    let mut command = Command::new(program);
    command.arg("-p").arg(state.path().join("nginx")).arg("-c").arg(&file).stderr(Stdio::null());
    let _running = Running(command.spawn().unwrap());
    let listens = |port| std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
    assert!(comes_true(|| listens(front) && listens(back)), "nginx listens");

    let post = |path: &str, form: String| {
        let basic = format!("Basic {}", STANDARD.encode(format!("billing:{billing}")));
        let headers = BTreeMap::from([
            ("authorization".to_owned(), basic),
            ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
        ]);
        let answer = send("POST", &format!("{}{path}", server.endpoints()), &headers, form.into_bytes());
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    };
    let token = |resource: &str| {
        let answer = post("/token", format!("grant_type=client_credentials&resource={resource}"));
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        answer["access_token"].as_str().unwrap().to_owned()
    };
    let call = |authorization: Option<String>| {
        let headers = authorization.map(|value| ("authorization".to_owned(), value)).into_iter().collect();
        send("GET", &format!("http://127.0.0.1:{front}/api/x"), &headers, Vec::new()).status
    };
    let bearer = |token: &str| Some(format!("Bearer {token}"));
    let good = token(API);
    assert_eq!(call(bearer(&good)), 200);
    assert_eq!(call(bearer(&good)), 200, "from nginx's memory");
    assert_eq!(call(bearer(&token("https://other.example.com"))), 401, "for another API");
    assert_eq!(call(None), 401);
    assert_eq!(call(bearer("garbled")), 401);
    assert_eq!(call(bearer(&good.replacen('.', ".A", 1))), 401);
    post("/token/revoke", format!("token={good}"));
    // KV's cache and nginx's cache may still have "not revoked".
    assert!(comes_true(|| call(bearer(&good)) == 401), "a revocation is seen");
}
