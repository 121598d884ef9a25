//! The metadata of RFC 8414 with its signature (§2.1), which is made when it is first asked for.

use std::cell::OnceCell;

use crate::discovery::document::Document;
use crate::jose::compact::{compact, signing_input};
use crate::jose::key_set::SigningKeys;
use crate::ports::Signer;

/// RFC 8414 names none; with one of its own it is taken for no token (RFC 8725 §3.11).
const TYP: &str = "oauth-authorization-server+jwt";

/// The document, signed once for each key that becomes the active one.
pub(crate) struct SignedMetadata {
    unsigned: Document,
    body: String,
    claims: String,
    /// By the index of the key. Two requests that come at once may both sign, and the first keeps its document:
    /// neither waits for the other, with which the runtime would cancel it.
    signed: Vec<OnceCell<Document>>,
}

impl SignedMetadata {
    /// Of the document without signature, the claims that say the same, and the number of keys.
    pub(crate) fn new(body: String, claims: String, keys: usize) -> Self {
        let unsigned = Document::weakly_tagged(body.clone(), &body);
        Self { unsigned, body, claims, signed: (0..keys).map(|_| OnceCell::new()).collect() }
    }

    /// The document, signed by the key that is active at `now`; without a signature when there is none, or when
    /// it cannot sign: the signature is optional, and what it attests is not.
    pub(crate) async fn document(&self, keys: &SigningKeys, signer: &impl Signer, now: u64) -> &Document {
        self.signed(keys, signer, now).await.unwrap_or(&self.unsigned)
    }

    async fn signed(&self, keys: &SigningKeys, signer: &impl Signer, now: u64) -> Option<&Document> {
        let active = keys.active_index(now)?;
        let (cell, key) = (self.signed.get(active)?, keys.get(active)?);
        if let Some(document) = cell.get() {
            return Some(document);
        }
        let input = signing_input(&key.header_of(TYP), self.claims.as_bytes());
        let signature = signer.sign(key, input.as_bytes()).await.ok()?;
        let jwt = compact(input, &signature);
        let members = self.body.strip_suffix('}')?;
        // ECDSA gives another signature in every isolate, and all of them attest the same. But by another key it
        // is another document: who keeps the old one could not verify it for ever.
        let named = format!("{}{}", self.body, key.kid());
        let body = format!("{members},\"signed_metadata\":\"{jwt}\"}}");
        Some(cell.get_or_init(|| Document::weakly_tagged(body, &named)))
    }
}
