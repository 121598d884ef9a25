//! The programs of examples/bound: APIs that accept only bound tokens.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;

use crate::languages::go_example;
use crate::{Https, NIMBUS, Served, has, java, tools};

/// A running API, and the address at which its clients call it.
pub struct BoundApi {
    _served: Served,
    port: u16,
}

impl BoundApi {
    /// Starts the program in JavaScript.
    pub fn in_node(https: &Https, audience: &str, address: &str, port: u16) -> Self {
        let mut node = tools().npm_program("node").expect("node is installed");
        node.arg(xtask::root().join("examples/bound/node/api.mjs"));
        Self::start(node, https, audience, address, port)
    }

    /// Starts the program in Go, if Go is there.
    pub fn in_go(https: &Https, audience: &str, address: &str) -> Option<Self> {
        has("go version", "the API in Go")
            .then(|| Self::start(go_example("bound"), https, audience, address, 0))
    }

    /// Starts the program in Java, if Java and Maven are there.
    pub fn in_java(https: &Https, audience: &str, address: &str) -> Option<Self> {
        if !has("javac --version", NIMBUS) || !has("mvn --version", NIMBUS) {
            return None;
        }
        let mut java = java();
        java.arg(xtask::root().join("examples/bound/java/Api.java"));
        https.trusted_by_java(&mut java);
        Some(Self::start(java, https, audience, address, 0))
    }

    fn start(mut program: Command, https: &Https, audience: &str, address: &str, port: u16) -> Self {
        https.trusted_by(&mut program);
        program.env("ISSUER", https.url()).env("AUDIENCE", audience).env("URL", address);
        let served = Served::start(program.env("PORT", port.to_string()), "listening on ");
        let told = served.lines().iter().find_map(|line| line.strip_prefix("listening on ")?.parse().ok());
        let port = told.expect("it says at which port");
        Self { _served: served, port }
    }

    /// The status for a GET of `path` with exactly these headers, and the whole answer.
    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        let mut request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n");
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        stream.write_all(format!("{request}\r\n").as_bytes()).expect("it reads");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("it answers");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.unwrap_or_else(|| panic!("this is no answer: {answer}")), answer)
    }
}
