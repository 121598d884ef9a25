//! Certificates that OpenSSL makes for the tests: an authority, a server, and clients.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use crate::{State, has, run};

/// The names in `billing.pem`, in the form of RFC 2253.
pub const BILLING: &str = "CN=billing,O=Acme";

/// The name of the authority, in the same form.
pub const AUTHORITY: &str = "CN=Acme CA,O=Acme";

/// A folder with certificates (`NAME.pem`) and their private keys (`NAME.key`).
///
/// The authority `ca` has signed those of the `server` and of the clients `billing` and `shipping`. The certificate
/// `stranger` has the names of `billing`, from another authority. The certificates `workload` and `expired` are signed with
/// their own keys.
pub struct Certificates(State);

impl Certificates {
    /// The certificates of this test program. `None`, and a note, without OpenSSL.
    pub fn made() -> Option<&'static Self> {
        static MADE: OnceLock<Option<Certificates>> = OnceLock::new();
        let made = MADE.get_or_init(|| {
            has("openssl version", "TLS and client certificates").then(|| {
                let dir = State::empty();
                let script = ["-c", include_str!("certificates.sh")];
                run(Command::new("sh").args(script).current_dir(dir.path()));
                Self(dir)
            })
        });
        made.as_ref()
    }

    /// The path of a file.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The SHA-256 of a certificate as OpenSSL computes it, in base64url without padding.
    pub fn sha256(&self, name: &str) -> String {
        let script =
            "openssl x509 -in \"$0\" -outform der | openssl dgst -sha256 -binary | openssl base64 -A";
        let base64 = run(Command::new("sh").args(["-c", script]).arg(self.file(&format!("{name}.pem"))));
        base64.trim().trim_end_matches('=').replace('+', "-").replace('/', "_")
    }
}
