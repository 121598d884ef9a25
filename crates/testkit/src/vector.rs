//! The vectors: one case per file, shared by every host. This module reads them, and `expected` checks the
//! answers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use edgemint_issuer::{ApiRecord, Arrival, Body, ClientRecord, MAX_BODY, Request, TrustedIssuer};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::checkout;
use crate::clients::MemoryClients;
use crate::crypto::signing_key;
use crate::expected::Expected;
use crate::mint::Mint;

/// Whether the client store answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Store {
    /// It answers.
    #[default]
    Up,
    /// It fails. Only replayed natively.
    Down,
}

/// One case: a request to an issuer with a configuration, and the expected result.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vector {
    /// The name of its file.
    #[serde(skip)]
    pub name: String,
    /// The property that it shows, in a sentence.
    pub what: String,
    /// The source of the requirement.
    pub clause: String,
    /// Variables in addition to `ISSUER` and the enabled grant. An empty value unsets one.
    #[serde(default)]
    pub config: BTreeMap<String, String>,
    /// The signing keys: `ES256`, or `ES256+60` for one whose `nbf` is 60 s ahead.
    #[serde(default = "one_key")]
    pub keys: Vec<String>,
    /// Whether the client store answers.
    #[serde(default)]
    pub store: Store,
    /// The token in the request: `{token}` in its form, or `{header}`, `{claims}` and `{signature}`.
    mint: Option<Mint>,
    /// The DPoP proof of the request.
    dpop: Option<Mint>,
    request: Asked,
    /// The expected response.
    #[serde(rename = "response")]
    pub expected: Expected,
    /// The members that the event must have, among others.
    #[serde(default)]
    pub event: BTreeMap<String, Value>,
}

fn one_key() -> Vec<String> {
    vec!["ES256".into()]
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default = "post")]
    method: String,
    #[serde(default = "token")]
    path: String,
    /// `id:secret`, exactly as encoded in base64.
    basic: Option<String>,
    /// A body that is sent as a form.
    form: Option<String>,
    /// Another body.
    body: Option<String>,
    /// A text, and the number of times that the body repeats it.
    repeat: Option<(String, usize)>,
    /// The network's report about the certificate of the client.
    certificate: Option<Value>,
    /// Further headers, in lower case.
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

fn post() -> String {
    "POST".into()
}

fn token() -> String {
    "/token".into()
}

/// The folder of all vectors.
fn folder() -> PathBuf {
    checkout::root().join("vectors")
}

impl Vector {
    /// All vectors, sorted by name, at least sixty.
    pub fn all() -> Vec<Self> {
        let folder = folder().join("token");
        let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .collect();
        paths.sort();
        let vectors: Vec<Self> = paths.iter().map(|path| Self::read(path)).collect();
        assert!(vectors.len() >= 60, "found only {} vectors in {}", vectors.len(), folder.display());
        vectors
    }

    /// All vectors, and those that choose no profile a second time in the RFC 9068 profile.
    pub fn all_in_both_profiles() -> Vec<Self> {
        let all = Self::all();
        let again: Vec<Self> = all.iter().filter_map(Self::in_rfc9068).collect();
        all.into_iter().chain(again).collect()
    }

    fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let vector: Self =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { name: path.file_stem().unwrap().to_string_lossy().into_owned(), ..vector }
    }

    /// The variables of the vector's deployment, with keys that count from `now`.
    pub fn variables(&self, issuer: &str, now: u64) -> BTreeMap<String, String> {
        let mut variables = BTreeMap::from([
            ("ISSUER".to_owned(), issuer.to_owned()),
            ("GRANT_TYPES".to_owned(), "client_credentials".to_owned()),
        ]);
        variables.extend(self.config.clone());
        for key in &self.keys {
            let (alg, ahead) = key.split_once('+').unwrap_or((key, ""));
            let nbf = ahead.parse::<u64>().ok().map(|ahead| ("nbf", Value::from(now + ahead)));
            let name = format!("SIGNING_KEY_{}", key.to_uppercase().replace('+', "_IN_"));
            let kid = ("kid", Value::from(key.as_str()));
            variables.insert(name, signing_key(alg, &nbf.into_iter().chain([kid]).collect::<Vec<_>>()));
        }
        variables
    }

    /// The same vector at `now`: its token, if it has one, is made for `issuer`, and the expected times are
    /// adjusted.
    #[must_use]
    pub fn at(&self, issuer: &str, now: u64) -> Self {
        let mut vector = self.clone();
        if let Some(mint) = &self.mint {
            let [header, claims, signature] = mint.segments(issuer, now);
            vector.expected.shift(now);
            vector.request.form = self.request.form.as_ref().map(|form| {
                let form = form.replace("{token}", "{header}.{claims}.{signature}");
                let form = form.replace("{header}", &header).replace("{claims}", &claims);
                form.replace("{signature}", &signature)
            });
        }
        if let Some(proof) = &self.dpop {
            vector.request.headers.insert("dpop".into(), proof.token(issuer, now));
        }
        vector
    }

    /// Whether it makes the token that it sends.
    pub(crate) fn mints(&self) -> bool {
        self.mint.is_some()
    }

    /// The method.
    pub fn method(&self) -> &str {
        &self.request.method
    }

    /// The path and query, below the host.
    pub fn path(&self) -> &str {
        &self.request.path
    }

    /// The headers, in lower case.
    pub fn headers(&self) -> BTreeMap<String, String> {
        let mut headers = self.request.headers.clone();
        if let Some(pair) = &self.request.basic {
            headers.insert("authorization".into(), format!("Basic {}", STANDARD.encode(pair)));
        }
        if self.request.form.is_some() {
            headers.insert("content-type".into(), "application/x-www-form-urlencoded".into());
        }
        headers
    }

    /// The body.
    pub fn body(&self) -> Vec<u8> {
        let repeated = self.request.repeat.as_ref().map(|(text, times)| text.repeat(*times));
        let start = self.request.form.clone().or_else(|| self.request.body.clone()).unwrap_or_default();
        (start + &repeated.unwrap_or_default()).into_bytes()
    }

    /// Calls `with` with the request in the form in which a host hands it to the issuer.
    pub fn with_request<T>(&self, with: impl FnOnce(&Request<'_>) -> T) -> T {
        let (headers, body) = (self.headers(), self.body());
        let header = |name: &str| headers.get(name).map(String::as_str);
        let certificate = self.request.certificate.as_ref().map(Value::to_string);
        with(&Request {
            method: self.method(),
            path: self.path().split('?').next().unwrap_or_default(),
            authorization: header("authorization"),
            accept: header("accept"),
            content_type: header("content-type"),
            origin: header("origin"),
            if_none_match: header("if-none-match"),
            dpop: header("dpop"),
            certificate: certificate.as_deref(),
            body: if body.len() > MAX_BODY { Body::TooLarge } else { Body::Whole(&body) },
            arrival: Arrival {
                plain_http: true,
                host: header("host").unwrap_or("127.0.0.1:8787"),
                address: header("cf-connecting-ip"),
                country: header("cf-ipcountry"),
                ray: header("cf-ray"),
            },
        })
    }

    /// The certificate of the request in the form of `request.cf`, as Cloudflare reports it. `None` without one, and
    /// if no certificate has the hash in the vector. A host reads only the hash of a certificate, so the text
    /// `A` is one.
    pub fn network_report(&self) -> Option<Value> {
        let report = self.request.certificate.as_ref()?;
        let hash = |text: &&str| URL_SAFE_NO_PAD.encode(Sha256::digest(text));
        let certificate = ["A", "B", "C"].into_iter().find(|text| report["sha256"] == hash(text))?;
        Some(json!({ "tlsClientAuth": {
            "certPresented": "1", "certVerified": report["verified"], "certRevoked": report["revoked"],
            "certSubjectDNRFC2253": report["subject"], "certIssuerDNRFC2253": report["issuer"],
            "certNotBefore": report["not_before"], "certNotAfter": report["not_after"],
            "certRFC9440": format!(":{}:", STANDARD.encode(certificate)),
        }}))
    }

    /// Whether the case needs something that the real runtime does not do on command. The cases with a
    /// [`Vector::network_report`] run in workerd behind a proxy.
    pub fn is_native_only(&self) -> bool {
        self.store == Store::Down || self.request.certificate.is_some()
    }
}

/// The clients of the vectors.
pub fn cast() -> Vec<ClientRecord> {
    let path = folder().join("clients.json");
    let backup: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let clients: Vec<ClientRecord> = serde_json::from_value(backup["clients"].clone()).unwrap();
    assert!(!clients.is_empty());
    clients
}

/// The APIs of the vectors.
pub fn apis() -> Vec<ApiRecord> {
    let path = folder().join("apis.json");
    let apis: Vec<ApiRecord> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(!apis.is_empty());
    apis
}

/// The store of the vectors: the clients, the APIs, the trusted issuers, and the values that are not usable.
pub fn stored(store: Store) -> MemoryClients {
    thread_local! {
        static READ: MemoryClients = {
            let mut clients = MemoryClients::default();
            cast().iter().for_each(|record| clients.add(record));
            apis().iter().for_each(|api| clients.add_api(api));
            issuers().iter().for_each(|issuer| clients.add_issuer(issuer));
            misfits().into_iter().for_each(|(key, json)| clients.put(key, json));
            clients
        };
    }
    let mut clients = READ.with(Clone::clone);
    if store == Store::Down {
        clients.go_down();
    }
    clients
}

/// The trusted issuers of the vectors.
pub fn issuers() -> Vec<TrustedIssuer> {
    let path = folder().join("issuers.json");
    let issuers: Vec<TrustedIssuer> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(!issuers.is_empty());
    issuers
}

/// The stored values that are not a usable client or API, by key.
pub fn misfits() -> BTreeMap<String, String> {
    let path = folder().join("misfits.json");
    let misfits: BTreeMap<String, String> =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(!misfits.is_empty());
    misfits
}
