//! The issuer of the vectors, and the rules for each of its answers.

use edgemint_issuer::ports::{ForeignVerifier, Signer, SlowHash, Verifier};
use edgemint_issuer::{
    Authority, Config, PublicKey, Request, Served, SignatureAlgorithm, SigningKey, Unavailable, Verdict,
};
use edgemint_testkit::{MemoryClients, Store, TestCrypto, signing_key, stored};

/// The origin of the pages that may request tokens.
const PAGE: &str = "https://app.example";

/// The issuer's URL.
pub const ISSUER: &str = "http://127.0.0.1:8787";

/// The issuer.
pub type Issuer = Authority<MemoryClients, Quick>;

/// Signatures as in every test, but one round of the slow hash, because more rounds only cost the fuzzer
/// time.
pub struct Quick(TestCrypto);

impl Signer for Quick {
    async fn prepare(&self, key: &SigningKey) -> Result<(), Unavailable> {
        self.0.prepare(key).await
    }

    async fn sign(&self, key: &SigningKey, input: &[u8]) -> Result<Vec<u8>, Unavailable> {
        self.0.sign(key, input).await
    }
}

impl Verifier for Quick {
    async fn verify(&self, key: &SigningKey, input: &[u8], signature: &[u8]) -> Result<bool, Unavailable> {
        self.0.verify(key, input, signature).await
    }
}

impl ForeignVerifier for Quick {
    async fn verify_foreign(
        &self,
        key: &PublicKey,
        alg: SignatureAlgorithm,
        input: &[u8],
        signature: &[u8],
    ) -> Result<Verdict, Unavailable> {
        self.0.verify_foreign(key, alg, input, signature).await
    }
}

impl SlowHash for Quick {
    async fn pbkdf2_sha256(&self, secret: &[u8], salt: &[u8], _: u32) -> Result<[u8; 32], Unavailable> {
        self.0.pbkdf2_sha256(secret, salt, 1).await
    }
}

/// The issuer's variables: all features on, and a key of the fastest algorithm.
pub fn config() -> Config {
    let key = signing_key("EdDSA", &[("kid", "EdDSA".into())]);
    let variables = [
        ("ISSUER", ISSUER),
        ("GRANT_TYPES", "client_credentials,urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("CORS_ALLOWED_ORIGINS", PAGE),
        ("SIGNING_KEY_EDDSA", &key),
    ];
    Config::parse(variables).expect("a good configuration")
}

/// The issuer, with the clients APIs and trusted issuers of the vectors.
pub fn issuer() -> Issuer {
    Authority::new(config(), stored(Store::Up), Quick(TestCrypto::default()), [7; 32])
}

/// Checks the rules for all answers.
///
/// # Panics
///
/// When a rule is broken.
pub fn check(request: &Request<'_>, outcome: &Served<'_>) {
    let response = &outcome.response;
    let header =
        |name: &str| response.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| &**value);
    let known = [200, 204, 304, 400, 401, 403, 404, 405, 500, 503];
    assert!(known.contains(&response.status), "{}", response.status);
    let mut names: Vec<&str> = response.headers.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count, "a header comes twice");
    for (name, value) in &response.headers {
        assert!(
            value.bytes().all(|c| (0x20..0x7F).contains(&c)),
            "{name} has characters that a header must not have"
        );
    }
    if !["/token", "/token/introspect", "/token/revoke"].contains(&request.path) {
        assert!(!response.body.contains("access_token\":"), "a token elsewhere");
        return;
    }
    // A page that is not allowed gets only a refusal that says so.
    let may_ask = |origin: &str| origin == ISSUER || (origin == PAGE && request.path == "/token");
    if request.method == "POST" && request.origin.is_some_and(|origin| !may_ask(origin)) {
        assert_eq!((response.status, header("Access-Control-Allow-Origin")), (400, None));
        assert!(response.body.contains("Requests from web pages of this origin"), "{}", response.body);
    }
    assert_eq!(header("Cache-Control"), Some("no-store"));
    assert_eq!(header("Pragma"), Some("no-cache"));
    let challenged = response.status == 401 && request.authorization.is_some();
    assert_eq!(header("WWW-Authenticate").is_some(), challenged);
    assert_eq!(outcome.event.is_some(), request.method == "POST", "every decision is logged");
    if response.status >= 400 {
        let body: serde_json::Value = serde_json::from_str(&response.body).expect("a refusal is JSON");
        let told = |name: &str| body[name].as_str().expect("an error says what it is").to_owned();
        let text = told("error") + &told("error_description");
        assert!(text.bytes().all(|c| matches!(c, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E)), "{text}");
    }
}
