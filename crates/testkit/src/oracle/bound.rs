//! The oracle's rule for bound tokens: a client that must get bound tokens never gets a bearer token, and a proof changes
//! nothing else.

use std::sync::LazyLock;

use edgemint_issuer::{PublicKey, Request};
use serde_json::{Value, json};

use crate::mint::{Kind, Mint};
use crate::moment::{NOW, moment};
use crate::oracle::{Oracle, claims_of};
use crate::others::public_key;

impl Oracle {
    /// A DPoP proof for the token endpoint, and the thumbprint of its key. The oracle's time stands still, so that it
    /// stays valid.
    fn proof() -> &'static (String, String) {
        static PROOF: LazyLock<(String, String)> = LazyLock::new(|| {
            let key = "signer-EdDSA";
            let mint = Mint::of(Kind::Dpop, json!({}), json!({})).with_key(key);
            let public = PublicKey::parse(&public_key(key, &[]).to_string()).unwrap();
            (mint.token("https://example.com", NOW), public.thumbprint().to_owned())
        });
        &PROOF
    }

    /// Sends the same request to the issuer that binds every token, with a proof and without.
    ///
    /// # Panics
    ///
    /// When a token is not bound. When a proof changes the answer in another way than by binding the token.
    pub(super) fn check_bound(&self, request: &Request<'_>, status: u16, answer: &str) {
        let (proof, thumbprint) = Self::proof();
        let send = |dpop| {
            let request = Request { dpop, ..*request };
            let response = pollster::block_on(self.bound.handle(&request, &moment())).response;
            (response.status, response.body.into_owned())
        };
        let (with_status, with) = send(Some(proof));
        assert_eq!(with_status, status, "with a proof: {with}");
        if status == 200 {
            let with: Value = serde_json::from_str(&with).unwrap();
            let claims = claims_of(&with);
            assert_eq!(
                (&with["token_type"], &claims["cnf"]),
                (&json!("DPoP"), &json!({ "jkt": thumbprint }))
            );
        } else {
            assert_eq!(with, answer, "with a proof");
        }
        let (without_status, without) = send(None);
        let is_told = without_status == 400 && without.contains(r#""error":"invalid_dpop_proof""#);
        assert!(is_told || status != 200, "a client got a token that is not bound: {without}");
        assert!(is_told || without == answer, "without a proof: {without}");
    }
}
