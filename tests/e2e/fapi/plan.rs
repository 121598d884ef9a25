//! The deployments in which the modules of the plan run, and the requests of the suite.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edgemint_e2e::{BoundApi, Certificates, Https, note, now};
use edgemint_issuer::{ApiId, ApiRecord, ApiScope, ScopeToken};
use edgemint_testkit::{Answer, Kind, Mint, public_key, signing_key};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The ID of the API, and the address at which clients call it. The proxies of the suite use the default port.
pub(crate) const API: &str = "https://api.fapi.example";

/// The path that the suite calls.
pub(crate) const PATH: &str = "/accounts";

/// A deployment, and the keys of this run of the plan.
pub(crate) struct Plan {
    pub(crate) https: Https,
    pub(crate) api: BoundApi,
    /// The key of client 1, by its name in the test keys.
    pub(crate) key: &'static str,
}

/// A client of the suite: its ID, the key of its assertions, and the key of its proofs, which is another one.
#[derive(Clone, Copy)]
pub(crate) struct Client {
    pub(crate) id: &'static str,
    pub(crate) key: &'static str,
    pub(crate) proofs: &'static str,
}

pub(crate) const SECOND: Client = Client { id: "fapi-2", key: "other-ES256", proofs: "platform-RSA" };

/// The difference of a request from the usual one.
#[derive(Default)]
pub(crate) struct Differs {
    /// Members of the assertion's header, and its claims.
    pub(crate) assertion: (Value, Value),
    /// Claims of the proof.
    pub(crate) proof: Value,
    /// The key of the assertion.
    pub(crate) key: Option<&'static str>,
    pub(crate) has_no_assertion: bool,
    pub(crate) has_no_proof: bool,
}

impl Plan {
    fn start(certificates: &'static Certificates, nonce: &str, key: &'static str) -> Self {
        let vars = [
            ("GRANT_TYPES", "client_credentials"),
            ("TOKEN_PROFILE", "rfc9068"),
            ("FAPI", "on"),
            ("DPOP_NONCE", nonce),
        ];
        let signing = signing_key("ES256", &[]);
        let vars: Vec<_> = vars.into_iter().chain([("SIGNING_KEY_A", signing.as_str())]).collect();
        let https = Https::start(&vars, certificates);
        let mut record = ApiRecord::new(ApiId::parse(API).unwrap(), "Accounts");
        record.scopes =
            vec![ApiScope { name: ScopeToken::parse("accounts").unwrap(), description: "Reads.".into() }];
        https.worker().put(&record.id.kv_key(), &record.to_json());
        let keys = |names: &[&str]| -> Vec<Value> {
            let key = |name: &&str| {
                let (alg, kid) = if *name == "signer-RSA" { ("PS256", "ps256") } else { ("ES256", "es256") };
                json!({ "kid": kid, "alg": alg, "jwk": public_key(name, &[]), "created": 1, "expires": null })
            };
            names.iter().map(key).collect()
        };
        for (id, keys) in
            [("fapi-1", keys(&["signer-ES256", "signer-RSA"])), (SECOND.id, keys(&[SECOND.key]))]
        {
            let record = json!({
                "v": 3, "id": id, "name": "", "public": false, "disabled": false, "secrets": [], "groups": [],
                "trusted_peers": [], "token_lifetime": null, "revision": 1, "keys": keys,
                "grants": { API: ["accounts"] }, "default_api": API,
            });
            https.worker().put(&format!("client:{id}"), &record.to_string());
        }
        let api = BoundApi::in_node(&https, API, API, 0);
        Self { https, api, key }
    }

    pub(crate) fn first(&self) -> Client {
        Client { id: "fapi-1", key: self.key, proofs: "platform-ES256" }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("{}/token", self.https.url())
    }

    /// Asks for a token, and once more if the server wants a nonce.
    fn ask(&self, client: Client, differs: &Differs) -> Answer {
        let answer = self.ask_once(client, differs, None);
        let is_sent_back = answer.status == 400 && body(&answer)["error"] == "use_dpop_nonce";
        if !is_sent_back {
            return answer;
        }
        let nonce = answer.headers.get("dpop-nonce").expect("a nonce").clone();
        let again = self.ask_once(client, differs, Some(&nonce));
        assert_ne!(body(&again)["error"], "use_dpop_nonce", "the suite repeats a request only once");
        again
    }

    fn ask_once(&self, client: Client, differs: &Differs, nonce: Option<&str>) -> Answer {
        let issuer = self.https.url();
        let mut form = "grant_type=client_credentials&scope=accounts".to_owned();
        if differs.has_no_assertion {
            form += &format!("&client_id={}", client.id);
        } else {
            // The header has no `typ`.
            let header = merged(json!({ "typ": null }), differs.assertion.0.clone());
            let claims = json!({ "iss": client.id, "sub": client.id, "nbf": "+0", "jti": token_id() });
            let assertion = Mint::of(Kind::Client, header, merged(claims, differs.assertion.1.clone()));
            let assertion = assertion.with_key(differs.key.unwrap_or(client.key)).token(&issuer, now());
            let kind = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
            form += &format!("&client_assertion={assertion}&client_assertion_type={kind}");
        }
        let mut proof = differs.proof.clone();
        if let Some(nonce) = nonce {
            proof = merged(json!({ "nonce": nonce }), proof);
        }
        let proof = prove(client.proofs, json!({}), merged(json!({ "htu": self.endpoint() }), proof));
        let mut headers = vec![("accept", "application/json"), ("dpop", proof.as_str())];
        headers.truncate(if differs.has_no_proof { 1 } else { 2 });
        self.https.post(&self.endpoint(), &headers, None, &form)
    }

    /// A token for this request, as the suite accepts it.
    pub(crate) fn granted(&self, client: Client, differs: &Differs) -> String {
        let answer = self.ask(client, differs);
        let body = body(&answer);
        assert_eq!(answer.status, 200, "{body}");
        assert!(body["token_type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("dpop")), "{body}");
        assert!(body["expires_in"].is_u64(), "{body}");
        assert_eq!((&body["id_token"], &body["refresh_token"]), (&Value::Null, &Value::Null), "{body}");
        let token = body["access_token"].as_str().unwrap();
        assert!(token.len() >= 22, "a token of less than 128 bits");
        token.to_owned()
    }

    /// Expects one of these errors, with its status.
    pub(crate) fn refused(&self, client: Client, differs: &Differs, expected: &[(u16, &str)]) {
        let answer = self.ask(client, differs);
        let body = body(&answer);
        let found = (answer.status, body["error"].as_str().unwrap_or_default());
        assert!(expected.contains(&found), "{found:?}: {body}");
        assert!(answer.headers["content-type"].starts_with("application/json"), "{:?}", answer.headers);
        assert_eq!(body["access_token"], Value::Null);
    }

    /// The status for a call of the API with this token and a good proof, apart from these differences.
    pub(crate) fn call(&self, client: Client, token: &str, header: Value, claims: Value) -> u16 {
        let proof = prove(client.proofs, header, merged(for_api(token), claims));
        self.call_with(&[("Authorization", &format!("DPoP {token}")), ("DPoP", &proof)])
    }

    pub(crate) fn call_with(&self, headers: &[(&str, &str)]) -> u16 {
        let (status, answer) = self.api.get(PATH, headers);
        assert!(answer.contains("\r\nDate: "), "{answer}");
        status
    }
}

/// Runs a module in all deployments.
pub(crate) fn in_all(module: impl Fn(&Plan)) {
    static PLANS: OnceLock<Vec<Plan>> = OnceLock::new();
    let plans = PLANS.get_or_init(|| {
        let Some(certificates) = Certificates::made() else { return Vec::new() };
        vec![
            Plan::start(certificates, "off", "signer-ES256"),
            Plan::start(certificates, "required", "signer-RSA"),
        ]
    });
    if plans.is_empty() {
        note("skipped: a module of the FAPI 2.0 plan, which needs TLS");
    }
    plans.iter().for_each(module);
}

fn body(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {}", answer.body))
}

/// `base` with the members of `over`, which may be null.
fn merged(mut base: Value, over: Value) -> Value {
    if let Value::Object(over) = over {
        over.into_iter().for_each(|(name, value)| base[name] = value);
    }
    base
}

/// An ID of 20 characters.
fn token_id() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("{:012x}{:08x}", now(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A proof by this key. As the suite's, its `jwk` also has `use`, `kid` and `alg`.
pub(crate) fn prove(key: &str, header: Value, claims: Value) -> String {
    let alg = if key.ends_with("RSA") { "PS256" } else { "ES256" };
    let jwk = public_key(key, &[("use", "sig".into()), ("kid", "proof".into()), ("alg", alg.into())]);
    let header = merged(json!({ "alg": alg, "jwk": jwk }), header);
    let claims = merged(json!({ "jti": token_id() }), claims);
    Mint::of(Kind::Dpop, header, claims).with_key(key).token("", now())
}

/// The claims of a proof for a call of the API.
pub(crate) fn for_api(token: &str) -> Value {
    let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(token));
    json!({ "htm": "GET", "htu": format!("{API}{PATH}"), "ath": hash })
}
