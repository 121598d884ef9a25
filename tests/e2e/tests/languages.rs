//! Clients and verifiers in other languages, and the configurations of products that accept tokens. Programs that are
//! missing on this machine are skipped, and the output lists them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on must stop"
)]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use edgemint_e2e::{
    NIMBUS, PYTHON, State, built, documented, example_program, go, has, java, note, port, prepared, python,
    python_program, run, serve_with, tools,
};
use edgemint_issuer::{ApiId, ApiRecord, ApiScope, ClientRecord, RESERVED_CLAIMS, ScopeToken, check_claims};
use edgemint_testkit::Page;
use xtask::{Server, ServerOptions, Variant};

const CLIENT: &str = "api-client";
const SECRET: &str = "ems_TCRrf9UBwEacUY93qOzeccW4AIzPeW-li7zdr1QdGHMeUOIRG";
const RESOURCE: &str = "https://a.example/";

/// The private keys of the clients that sign assertions.
const KEYS: &str = "crates/testkit/keys/others.json";

fn clients() -> PathBuf {
    xtask::root().join("tests/e2e/clients")
}

/// A built program. Every program takes the same arguments.
struct Client {
    name: &'static str,
    command: fn() -> Command,
    algorithms: &'static [&'static str],
}

/// The script of clients/mcp, beside its packages.
fn mcp_in_javascript() -> Command {
    let files = ["package.json", "package-lock.json", "mcp.mjs"];
    let sources = files.map(|name| std::fs::read_to_string(clients().join("mcp").join(name)).unwrap());
    let made = prepared("mcp", &sources.concat(), |directory| {
        for (name, text) in files.iter().zip(&sources) {
            std::fs::write(directory.join(name), text).unwrap();
        }
        let mut npm = Command::new("npm");
        run(npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(directory));
    });
    let mut node = tools().npm_program("node").expect("node is installed");
    node.arg(made.join("mcp.mjs"));
    node
}

fn java_client() -> Command {
    let mut java = java();
    java.arg("Client");
    java
}

fn server(state: &State, algorithm: &str) -> Server {
    let key = edgemint_testkit::signing_key(algorithm, &[]);
    let options = ServerOptions::new(state.path(), Variant::Release.worker())
        .var("GRANT_TYPES", "client_credentials")
        .var("TOKEN_PROFILE", "rfc9068")
        .secret("SIGNING_KEY_A", &key);
    serve_with(options)
}

#[test]
fn go_python_and_java_clients_get_verify_introspect_and_revoke_tokens() {
    let mut there = Vec::new();
    if has("go version", "golang.org/x/oauth2 and github.com/coreos/go-oidc") {
        there.push(Client { name: "go", command: || go("client"), algorithms: &["ES256", "RS256", "EdDSA"] });
    }
    if has(PYTHON, "Authlib and PyJWT") {
        there.push(Client {
            name: "python",
            command: || python("client.py"),
            algorithms: &["ES256", "RS256"],
        });
    }
    if has("javac --version", NIMBUS) && has("mvn --version", NIMBUS) {
        there.push(Client { name: "java", command: java_client, algorithms: &["ES256", "RS256"] });
    }
    let programs: Vec<(Client, Command)> = there
        .into_iter()
        .map(|client| {
            let command = (client.command)();
            (client, command)
        })
        .collect();
    for algorithm in ["ES256", "RS256", "EdDSA"] {
        let state = State::seeded();
        let server = server(&state, algorithm);
        let mut of_this =
            programs.iter().filter(|(client, _)| client.algorithms.contains(&algorithm)).peekable();
        assert!(of_this.peek().is_some() || programs.is_empty());
        for (client, program) in of_this {
            let mut command = Command::new(program.get_program());
            command.args(program.get_args()).args([&server.base_url(), CLIENT, SECRET, RESOURCE, algorithm]);
            // With the file, a program also signs assertions, which does not depend on the algorithm of the server.
            if algorithm == "ES256" {
                command.arg(xtask::root().join(KEYS));
            }
            let said = run(&mut command);
            assert!(said.contains("verified"), "{} with {algorithm} verified nothing: {said}", client.name);
        }
    }
    note(&format!("{} of 3 clients in other languages", programs.len()));
}

/// The built programs of a guide, by language.
fn programs_of(guide: &str) -> Vec<(&'static str, Command)> {
    let page = Page::read(xtask::root(), &format!("docs/guides/{guide}.md"));
    let code = |language: &str| {
        let mark = format!("{language} {guide}");
        page.code(&mark).unwrap_or_else(|| panic!("the guide has no code with the mark {mark}")).to_owned()
    };
    let dir = built(guide);
    let script = |name: &str, language: &str| {
        let file = dir.join(name);
        std::fs::write(&file, code(language)).unwrap();
        file
    };
    // The page's program is an example, which cargo has compiled already.
    let example = guide.replace('-', "_");
    let source = xtask::root().join(format!("tests/e2e/examples/{example}.rs"));
    let text = std::fs::read_to_string(&source).unwrap();
    assert_eq!(text.split_once("\n\n").unwrap().1, code("rust"), "{}", source.display());
    let mut programs = vec![("Rust", Command::new(example_program(&example)))];

    let modules = dir.join("node_modules");
    if !modules.exists() {
        std::os::unix::fs::symlink(xtask::root().join("node_modules"), modules).unwrap();
    }
    let mut node = tools().npm_program("node").expect("node is installed");
    node.arg(script("program.mjs", "js"));
    programs.push(("Node.js", node));
    if has("go version", "the Go programs of the guides") {
        // The compiler needs the program as a package beside those of clients/go, with their dependencies.
        let package = clients().join("go").join(guide);
        let overlay = serde_json::json!({ "Replace": { package.join("main.go").to_str().unwrap(): script("main.go", "go") } });
        let file = dir.join("overlay.json");
        std::fs::write(&file, overlay.to_string()).unwrap();
        let program = dir.join("go");
        let mut build = Command::new("go");
        build.arg("build").arg("-overlay").arg(&file).arg("-o").arg(&program).arg(format!("./{guide}"));
        run(build.current_dir(clients().join("go")));
        programs.push(("Go", Command::new(program)));
    }
    if has(PYTHON, "the Python programs of the guides") {
        let mut command = Command::new(python_program());
        command.arg(script("program.py", "python"));
        programs.push(("Python", command));
    }
    if has("javac --version", NIMBUS) && has("mvn --version", NIMBUS) {
        let class = if guide == "get-a-token" { "GetAToken" } else { "VerifyAToken" };
        let mut command = java();
        command.arg(script(&format!("{class}.java"), "java"));
        programs.push(("Java", command));
    }
    programs
}

#[test]
fn the_programs_of_the_guides_get_and_verify_tokens() {
    const OTHER: &str = "https://b.example/";
    let (mut get, mut verify) = (programs_of("get-a-token"), programs_of("verify-a-token"));
    for profile in ["dex", "rfc9068"] {
        let state = State::seeded();
        let key = edgemint_testkit::signing_key("ES256", &[]);
        let options = ServerOptions::new(state.path(), Variant::Release.worker())
            .var("GRANT_TYPES", "client_credentials");
        let server = serve_with(options.var("TOKEN_PROFILE", profile).secret("SIGNING_KEY_A", &key));
        let mut tokens = Vec::new();
        for (language, program) in &mut get {
            let with = |program: &mut Command, secret: &str| {
                program.env("ISSUER", server.base_url()).env("CLIENT_ID", CLIENT);
                program.env("CLIENT_SECRET", secret).env("RESOURCE", RESOURCE).output().unwrap()
            };
            let refused = with(program, "wrong");
            assert!(
                !refused.status.success() && refused.stdout.is_empty(),
                "{language} took 401 for a token"
            );
            let output = with(program, SECRET);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{language} got no token: {said}");
            tokens.push(String::from_utf8(output.stdout).unwrap().trim().to_owned());
        }
        for (language, program) in &mut verify {
            program.env("ISSUER", server.base_url()).env("TOKEN_PROFILE", profile);
            for token in &tokens {
                let claims =
                    judged(program, token, RESOURCE).unwrap_or_else(|why| panic!("{language}: {why}"));
                assert_eq!(claims["aud"], RESOURCE, "{language}");
            }
            let token = &tokens[0];
            let altered = token.replacen('.', ".A", 1);
            for (what, token, audience) in [
                ("for another API", token.as_str(), OTHER),
                ("altered", &altered, RESOURCE),
                ("garbage", "x", RESOURCE),
            ] {
                assert!(
                    judged(program, token, audience).is_err(),
                    "{language} accepts a token that is {what}"
                );
            }
            let other_profile = if profile == "dex" { "rfc9068" } else { "dex" };
            program.env("TOKEN_PROFILE", other_profile);
            assert!(judged(program, token, RESOURCE).is_err(), "{language} accepts another type of token");
        }
    }
    note(&format!("{} of 5 languages of the guides", get.len()));
}

/// The result of a program that verifies tokens: the claims of this token, or the reason for rejecting it.
fn judged(program: &mut Command, token: &str, audience: &str) -> Result<serde_json::Value, String> {
    program.env("AUDIENCE", audience).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = program.spawn().unwrap();
    child.stdin.take().unwrap().write_all(token.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        return Ok(serde_json::from_slice(&output.stdout).unwrap());
    }
    assert_eq!(output.status.code(), Some(1), "{said}");
    Err(said.into_owned())
}

#[test]
fn the_sdks_of_mcp_find_the_issuer_from_a_server_and_complete_the_grant() {
    let mut sdks = vec![("TypeScript", mcp_in_javascript())];
    if has(PYTHON, "MCP's SDK for Python") {
        sdks.push(("Python", python("mcp_client.py")));
    }
    if has("go version", "MCP's SDK for Go") {
        sdks.push(("Go", go("mcp")));
    }
    let state = State::empty();
    // The servers of the SDKs run in turn on the same port. An API has its URL as its ID (RFC 8707 §2).
    let port = port();
    let resource = format!("http://127.0.0.1:{}/mcp", port.number());
    let mut api = ApiRecord::new(ApiId::parse(&resource).unwrap(), "Tools");
    api.scopes =
        vec![ApiScope { name: ScopeToken::parse("tools").unwrap(), description: "Calls the tools".into() }];
    // The client has the secret of `api-client` and the keys of `signer`. The Go SDK requests without `resource`, so its
    // API is the default.
    let all = edgemint_testkit::cast();
    let known = |id: &str| all.iter().find(|client| client.id.as_str() == id).unwrap();
    let mut client: serde_json::Value = serde_json::from_str(&known("signer").to_json()).unwrap();
    client["id"] = "mcp-client".into();
    client["secrets"] = serde_json::to_value(&known(CLIENT).secrets).unwrap();
    client["grants"] = serde_json::json!({ resource.as_str(): ["tools"] });
    client["default_api"] = resource.as_str().into();
    state.put([(api.id.kv_key(), api.to_json()), ("client:mcp-client".to_owned(), client.to_string())]);
    let server = server(&state, "ES256");
    let keys = xtask::root().join(KEYS);
    for (name, sdk) in &mut sdks {
        let said = run(sdk.args([&server.base_url(), "mcp-client", SECRET, &resource]).arg(&keys));
        assert!(said.contains("verified"), "MCP's SDK for {name} verified nothing: {said}");
    }
    note(&format!("{} of 3 SDKs of MCP", sdks.len()));
}

#[test]
fn a_claim_of_a_clients_own_that_go_takes_for_a_reserved_one_is_refused() {
    if !has("go version", "the names of claims as encoding/json reads them") {
        return;
    }
    let mut claims = go("claims").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let names = serde_json::to_vec(&RESERVED_CLAIMS[..]).unwrap();
    claims.stdin.take().unwrap().write_all(&names).unwrap();
    let output = claims.wait_with_output().unwrap();
    assert!(output.status.success(), "see Go's message on stderr");
    let taken: BTreeMap<String, Vec<String>> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(taken.len(), RESERVED_CLAIMS.len());
    let record = edgemint_testkit::cast().swap_remove(0);
    let judge = |name: &str| {
        let mut with_it = record.clone();
        with_it.claims = BTreeMap::from([(name.to_owned(), "other".into())]);
        // The command line checks before it writes, and the Worker checks a record that another program has written.
        (check_claims(&with_it.claims), ClientRecord::parse(&with_it.id, &with_it.to_json()).map(drop))
    };
    assert_eq!(judge("tenant"), (Ok(()), Ok(())));
    for (name, spelling) in taken.iter().flat_map(|(name, all)| all.iter().map(move |one| (name, one))) {
        let (written, read) = judge(spelling);
        assert!(written.is_err(), "{spelling:?} is accepted, but Go reads it as {name}");
        assert_eq!(written, read, "a record with {spelling:?}, which Go reads as {name}");
    }
}

#[test]
fn the_configurations_of_the_integrations_are_what_their_products_take() {
    if !has("go version", "the configurations of Envoy, Istio and Kubernetes") {
        return;
    }
    let program = built("products").join("products");
    let mut build = Command::new("go");
    run(build.args(["build", "-o"]).arg(&program).arg(".").current_dir(clients().join("products")));
    let accepts = |product: &str, text: &str| {
        let mut child = Command::new(&program)
            .arg(product)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    for (product, mark, needed) in [
        ("envoy", "yaml envoy", "remote_jwks"),
        ("istio", "yaml istio", "jwksUri"),
        ("kubernetes", "yaml kubernetes", "audiences"),
    ] {
        let text = documented(mark);
        let (accepted, said) = accepts(product, &text);
        assert!(accepted, "{product} rejects the documented configuration: {said}");
        let (accepted, _) = accepts(product, &text.replace(needed, "mistyped"));
        assert!(!accepted, "{product} accepts an unknown field, so this test would miss errors");
    }
}
