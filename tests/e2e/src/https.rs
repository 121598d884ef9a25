//! A deployment with TLS and client certificates: the Worker in bare workerd, and in front of it a proxy that terminates
//! TLS and reports about certificates as Cloudflare does.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Once;

use edgemint_testkit::Answer;
use serde_json::Value;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};
use xtask::Port;

use crate::bare::REPORT;
use crate::{Bare, Certificates, Served, State, answer, note, run, tools};

/// The most lines of a certificate in PEM that nginx puts together.
const LINES: usize = 40;

/// The deployment. Its processes end with this value, or with the test program.
pub struct Https {
    _proxy: Served,
    bare: Bare,
    certificates: &'static Certificates,
    ports: [Port; 2],
    _state: State,
}

impl Https {
    /// Starts a deployment with these variables, besides its issuer and its host for certificates.
    pub fn start(vars: &[(&str, &str)], certificates: &'static Certificates) -> Self {
        let ports = [crate::port(), crate::port()];
        let [issuer, host] = ports.each_ref().map(|port| format!("127.0.0.1:{}", port.number()));
        let own = [("ISSUER", format!("https://{issuer}")), ("MTLS_HOST", host)];
        let vars = vars.iter().map(|(name, value)| (*name, (*value).to_owned())).chain(own);
        let bare = Bare::start_behind(&vars.map(|(name, value)| (name.to_owned(), value)).collect());
        let state = State::empty();
        let proxy = nginx_program().map_or_else(
            || {
                note("skipped: nginx in front of the Worker, because it is not installed. Node terminates TLS instead");
                node(&bare, &ports, certificates)
            },
            |program| nginx(program, &bare, &ports, certificates, state.path()),
        );
        Self { _proxy: proxy, bare, certificates, ports, _state: state }
    }

    /// The issuer: the URL at which no client is asked for a certificate.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.ports[0].number())
    }

    /// The URL at which clients may present a certificate.
    pub fn mtls_url(&self) -> String {
        format!("https://127.0.0.1:{}", self.ports[1].number())
    }

    /// The Worker behind the proxy.
    pub fn worker(&self) -> &Bare {
        &self.bare
    }

    /// The certificates of the server and of clients.
    pub fn certificates(&self) -> &'static Certificates {
        self.certificates
    }

    /// Sends a form to `url`, and presents the certificate with this name.
    pub fn post(&self, url: &str, headers: &[(&str, &str)], certificate: Option<&str>, form: &str) -> Answer {
        let agent = self.agent(certificate);
        let mut request = agent.post(url).header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request.send(form).unwrap_or_else(|error| panic!("POST {url}: {error}")))
    }

    /// The JSON at a path of the issuer.
    pub fn get(&self, path: &str) -> Value {
        let url = self.url() + path;
        let answer =
            answer(self.agent(None).get(&url).call().unwrap_or_else(|error| panic!("{url}: {error}")));
        assert_eq!(answer.status, 200, "{url}: {}", answer.body);
        serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    fn agent(&self, certificate: Option<&str>) -> ureq::Agent {
        let read = |name: &str| std::fs::read(self.certificates.file(name)).expect("a file");
        let pem = |name: &str| Certificate::from_pem(&read(name)).expect("a certificate");
        let identity = certificate.map(|name| {
            let key = PrivateKey::from_pem(&read(&format!("{name}.key"))).expect("a key");
            ClientCert::new_with_certs(&[pem(&format!("{name}.pem"))], key)
        });
        let roots = RootCerts::new_with_certs(&[pem("ca.pem")]);
        let tls = TlsConfig::builder().root_certs(roots).client_cert(identity).build();
        let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
        config.tls_config(tls).build().into()
    }

    /// The programs that these variables let trust the authority: Node, Python with requests, Go and curl.
    pub fn trusted_by(&self, program: &mut Command) {
        for name in ["NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"] {
            program.env(name, self.certificates.file("ca.pem"));
        }
    }

    /// Lets a program in Java trust the authority, and start quickly.
    pub fn trusted_by_java(&self, program: &mut Command) {
        static MADE: Once = Once::new();
        let store = self.certificates.file("trusted.p12");
        MADE.call_once(|| {
            let mut keytool = Command::new("keytool");
            keytool.args([
                "-importcert",
                "-noprompt",
                "-alias",
                "ca",
                "-storetype",
                "PKCS12",
                "-storepass",
                PASSWORD,
            ]);
            run(keytool.arg("-keystore").arg(&store).arg("-file").arg(self.certificates.file("ca.pem")));
        });
        // A short program does not need the optimising compiler.
        let quick = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC";
        let trust = format!("-Djavax.net.ssl.trustStore={}", store.display());
        let password = format!("-Djavax.net.ssl.trustStorePassword={PASSWORD}");
        program.env("JAVA_TOOL_OPTIONS", format!("{quick} {trust} {password}"));
    }
}

/// The password of the files that Java reads.
const PASSWORD: &str = "changeit";

/// The program of nginx, which is not on the `PATH` of every user.
fn nginx_program() -> Option<&'static str> {
    let works =
        |program: &&str| Command::new(program).arg("-v").output().is_ok_and(|output| output.status.success());
    ["nginx", "/usr/sbin/nginx"].into_iter().find(works)
}

fn nginx(
    program: &str,
    bare: &Bare,
    [port, mtls_port]: &[Port; 2],
    certificates: &Certificates,
    dir: &Path,
) -> Served {
    // nginx has a certificate only as PEM. A regular expression takes the lines, and a text joins them.
    let (mut lines, mut joined) = (String::new(), String::new());
    for i in 0..LINES {
        let _ = write!(lines, "(?:(?<l{i}>[A-Za-z0-9+/=]+)\\n)?");
        let _ = write!(joined, "$l{i}");
    }
    let text = include_str!("nginx.conf")
        .replace("DIRECTORY", &dir.display().to_string())
        .replace("CERTIFICATES", &certificates.file("").display().to_string())
        .replace("SECOND_PORT", &mtls_port.number().to_string())
        .replace("PORT", &port.number().to_string())
        .replace("WORKER", &bare.port().to_string())
        .replace("HEADER", REPORT)
        .replace("LINES", &lines)
        .replace("JOINED", &joined);
    let config = dir.join("nginx.conf");
    std::fs::write(&config, text).expect("a file");
    Served::start(Command::new(program).args(["-e", "stderr", "-c"]).arg(config), "event method")
}

fn node(bare: &Bare, [port, mtls_port]: &[Port; 2], certificates: &Certificates) -> Served {
    let mut node = tools().npm_program("node").expect("node is installed");
    node.args(["--input-type=module", "--eval", include_str!("tls_proxy.mjs")]).arg(certificates.file(""));
    node.args([bare.port(), port.number(), mtls_port.number()].map(|port| port.to_string())).arg(REPORT);
    Served::start(&mut node, "listening")
}
