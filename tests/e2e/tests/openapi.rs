//! docs/reference/openapi.yaml, held against the OpenAPI standard, the vectors and a running Worker.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop"
)]

use std::path::PathBuf;
use std::process::{Command, Output};

use edgemint_e2e::{Deployment, PYTHON, has, note, python_with, run};
use edgemint_testkit::checkout;

/// The checks of schemathesis that are true of this API. Scopes and APIs are names, so a well-formed request can be
/// rejected: `positive_data_acceptance` is not among them.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance,negative_data_rejection,unsupported_method,\
    allow_header_conformance,ignored_auth";

/// What schemathesis calls its failures.
const STATUS: &str = "ST103";
const CONTENT_TYPE: &str = "ST105";
const HEADER: &str = "ST107";
const SCHEMA: &str = "ST108";
const REJECTION: &str = "ST201";
const AUTHENTICATION: &str = "ST401";

/// In the document, the header for a DPoP proof.
const PROOF: &str = "      parameters:\n        - $ref: '#/components/parameters/DPoP'\n";

/// In the document, credentials in the body are an alternative to Basic.
const OR_IN_THE_BODY: &str = "        - {}\n";

fn sources() -> PathBuf {
    xtask::root().join("tests/e2e/clients/openapi")
}

/// The document as it is, and the programs that judge it.
struct Judge {
    python: PathBuf,
    dir: PathBuf,
    document: String,
}

impl Judge {
    /// None where Python is missing.
    fn new(name: &str) -> Option<Self> {
        if !has(PYTHON, "the OpenAPI document") {
            return None;
        }
        let dir = checkout::scratch().join("openapi");
        let python = python_with(&sources().join("requirements.txt"));
        let document = std::fs::read_to_string(xtask::root().join("docs/reference/openapi.yaml")).unwrap();
        let dir = dir.join(name);
        std::fs::create_dir_all(&dir).unwrap();
        Some(Self { python, dir, document })
    }

    /// The document with `old` replaced by `new`.
    fn altered(&self, old: &str, new: &str) -> String {
        assert!(self.document.contains(old), "the document does not contain {old:?}");
        self.document.replace(old, new)
    }

    fn write(&self, document: &str) -> PathBuf {
        let file = self.dir.join("openapi.yaml");
        std::fs::write(&file, document).unwrap();
        file
    }

    /// Compares a document with the standard, with its examples and with the vectors.
    fn check(&self, document: &str) -> Output {
        let mut check = Command::new(&self.python);
        check.arg(sources().join("check.py")).arg(self.write(document));
        check.arg(xtask::root().join("vectors/token")).output().unwrap()
    }

    /// Compares a document with a Worker, without the header for a DPoP proof: a generated text is never a valid proof,
    /// so every request with one would be rejected. `bound.rs` sends valid proofs.
    fn test(&self, document: &str, worker: &str, credentials: &str, more: &[&str]) -> (bool, String) {
        let mut schemathesis = Command::new(&self.python);
        assert!(document.contains(PROOF), "the document does not contain {PROOF:?}");
        let without_proof = self.write(&document.replace(PROOF, ""));
        schemathesis.args(["-m", "schemathesis.cli", "--no-color", "run"]).arg(without_proof);
        schemathesis.args(["--url", worker, "--auth", credentials, "--checks", CHECKS]);
        schemathesis.args(["--seed", "1", "--generation-database", "none", "--warnings", "off"]);
        schemathesis.args(more).env("SCHEMATHESIS_HOOKS", "hooks").env("PYTHONPATH", sources());
        schemathesis.env("PYTHONDONTWRITEBYTECODE", "1");
        let output = schemathesis.current_dir(&self.dir).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let is_judged = matches!(output.status.code(), Some(0 | 1)) && said.contains("Test cases:");
        assert!(is_judged, "{said}\n{}", String::from_utf8_lossy(&output.stderr));
        (output.status.success(), said)
    }
}

#[test]
fn the_openapi_document_is_one_and_says_what_the_vectors_say() {
    let Some(judge) = Judge::new("check") else { return };
    let output = judge.check(&judge.document);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    note(&format!("openapi.yaml: {}", String::from_utf8_lossy(&output.stdout).trim()));
    for (old, new, fault) in [
        ("  summary: Get the public signing keys\n", "  sumary: Get the public signing keys\n", "sumary"),
        ("token_type: Bearer", "token_type: bearer", "not valid under any of the given schemas"),
        (
            "enum: [invalid_request, unauthorized_client, invalid_grant]",
            "enum: [invalid_request]",
            "invalid_grant",
        ),
        ("        '413':", "        '414':", "does not have the status 413"),
        ("        Retry-After:", "        Retry:", "does not have the header retry-after"),
        ("        text/html:", "        text/plain:", "does not have the type text/html"),
    ] {
        let output = judge.check(&judge.altered(old, new));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(fault), "{new:?} is not noticed: {said}");
    }
}

#[test]
fn the_worker_serves_what_the_openapi_document_says() {
    let Some(judge) = Judge::new("test") else { return };
    let deployment = Deployment::start();
    // The names are those of the document's examples.
    let secret = run(&mut deployment.shell(
        "edgemint api add https://api.example.com/ --scope read=Reads --env production >&2\n\
         edgemint client add test --api https://api.example.com/ --scope read --env production",
    ));
    let (issuer, right, wrong) = (deployment.issuer(), format!("test:{}", secret.trim()), "test:wrong");
    let with_basic_only = judge.altered(OR_IN_THE_BODY, "");
    let other_types = "Accept: text/html, application/token-introspection+jwt";
    let mut cases = Vec::new();
    for (what, document, credentials, more) in [
        ("a client", &judge.document, right.as_str(), &["--max-examples", "30"][..]),
        (
            "a client that prefers other types",
            &with_basic_only,
            &right,
            &["--max-examples", "10", "-H", other_types],
        ),
        (
            "a wrong secret",
            &judge.document,
            wrong,
            &["--max-examples", "5", "--include-path-regex", "^/token"],
        ),
    ] {
        let (passed, said) = judge.test(document, &issuer, credentials, more);
        assert!(passed, "{what}:\n{said}");
        cases.extend(
            said.lines().find(|line| line.contains(" generated, ")).map(|line| line.trim().to_owned()),
        );
    }
    note(&format!("openapi.yaml: {}", cases.join("; ")));

    // An error in the document is found, and by the check that is meant to find it. Some of the responses are served only to a
    // client whose credentials are right.
    let altered = [
        (
            "'200':\n          description: The client gets a token.",
            "'202':\n          description: It",
            "/token",
            STATUS,
        ),
        ("        - $ref: '#/components/schemas/ActiveOfDex'\n", "", "/token", SCHEMA),
        ("        '304':", "        '303':", "/keys", STATUS),
        ("const: nosniff", "const: sniff", "/healthz", SCHEMA),
        ("            X-Content-Type-Options:", "            X-Content-Type:", "/healthz", HEADER),
        ("            text/plain:", "            text/markdown:", "/healthz", CONTENT_TYPE),
        ("maxLength: 512", "maxLength: 5", "/token", REJECTION),
        (
            "operationId: getKeys",
            "operationId: getKeys\n      security: [clientSecretBasic: []]",
            "/keys",
            AUTHENTICATION,
        ),
    ];
    for (old, new, path, code) in altered {
        let only = ["--max-examples", "10", "--max-failures", "1", "--include-path-regex", path];
        let (passed, said) = judge.test(&judge.altered(old, new), &issuer, &right, &only);
        assert!(!passed && said.contains(code), "{new:?} is not noticed:\n{said}");
    }
    let unauthorized = judge.altered("        '401':", "        '402':");
    let (passed, said) = judge.test(&unauthorized, &issuer, wrong, &["--max-failures", "1"]);
    assert!(!passed && said.contains(STATUS), "{said}");
}
