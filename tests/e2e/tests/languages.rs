//! Clients and verifiers in other languages, and the configurations of products that take tokens. What is not on this
//! machine is passed over, and the output says so.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on must stop"
)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use edgemint_e2e::{State, documented, has, note, run, serve_with};
use xtask::{Server, ServerOptions};

const CLIENT: &str = "api-client";
const SECRET: &str = "ems_TCRrf9UBwEacUY93qOzeccW4AIzPeW-li7zdr1QdGHMeUOIRG";
const RESOURCE: &str = "https://a.example/";

fn clients() -> PathBuf {
    xtask::root().join("tests/e2e/clients")
}

/// Where these tests put what they build, outside of the sources.
fn built(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

/// A program that is built already, to be run with the arguments that all of them take.
struct Client {
    name: &'static str,
    command: fn() -> Command,
    algorithms: &'static [&'static str],
}

fn go() -> Command {
    let program = built("go").join("client");
    let mut build = Command::new("go");
    run(build.args(["build", "-o"]).arg(&program).arg(".").current_dir(clients().join("go")));
    Command::new(program)
}

/// In an environment of its own, which is made once for a list of packages.
fn python() -> Command {
    let requirements = clients().join("python/requirements.txt");
    let environment = built("python");
    let (program, done) = (environment.join("bin/python"), environment.join("requirements.txt"));
    if std::fs::read(&done).ok() != std::fs::read(&requirements).ok() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment));
        let mut pip = Command::new(&program);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
        run(pip.arg(&requirements));
        std::fs::copy(&requirements, &done).unwrap();
    }
    let mut python = Command::new(program);
    python.arg(clients().join("python/client.py"));
    python
}

fn java() -> Command {
    let project = clients().join("java");
    let dir = built("java");
    let classpath = dir.join("classpath");
    let mut maven = Command::new("mvn");
    maven.args(["--quiet", "--batch-mode", "--file"]).arg(project.join("pom.xml"));
    maven.arg(format!("-Dbuilt={}", dir.display())).arg(format!("-Dmdep.outputFile={}", classpath.display()));
    run(maven.args(["compile", "dependency:build-classpath"]));
    let classpath = std::fs::read_to_string(classpath).unwrap();
    let mut java = Command::new("java");
    java.arg("-cp").arg(format!("{}:{}", dir.join("classes").display(), classpath.trim())).arg("Client");
    java
}

fn server(state: &State, algorithm: &str) -> Server {
    let key = edgemint_testkit::signing_key(algorithm, &[]);
    let options = ServerOptions::new(state.path())
        .var("GRANT_TYPES", "client_credentials")
        .var("TOKEN_PROFILE", "rfc9068")
        .secret("SIGNING_KEY_A", &key);
    serve_with(options)
}

const NIMBUS: &str = "Nimbus and Spring Security";

#[test]
fn go_python_and_java_clients_get_verify_introspect_and_revoke_tokens() {
    let mut there = Vec::new();
    if has("go version", "golang.org/x/oauth2 and github.com/coreos/go-oidc") {
        there.push(Client { name: "go", command: go, algorithms: &["ES256", "RS256", "EdDSA"] });
    }
    if has("python3 -m ensurepip --version", "Authlib and PyJWT") {
        there.push(Client { name: "python", command: python, algorithms: &["ES256", "RS256"] });
    }
    if has("javac --version", NIMBUS) && has("mvn --version", NIMBUS) {
        there.push(Client { name: "java", command: java, algorithms: &["ES256", "RS256"] });
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
            let said = run(&mut command);
            assert!(said.contains("verified"), "{} with {algorithm} verified nothing: {said}", client.name);
        }
    }
    note(&format!("{} of 3 clients in other languages", programs.len()));
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
        assert!(accepted, "{product} refuses what the documentation says: {said}");
        let (accepted, _) = accepts(product, &text.replace(needed, "mistyped"));
        assert!(!accepted, "{product} takes a field that it does not have: the check sees nothing");
    }
}
