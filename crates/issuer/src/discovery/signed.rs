//! The metadata of RFC 8414 with its signature (§2.1), which is computed on the first request for it.

use std::cell::OnceCell;

use crate::discovery::document::Document;
use crate::jose::compact::{compact, signing_input};
use crate::jose::key_set::SigningKeys;
use crate::ports::Signer;

/// RFC 8414 defines no type. With a type of its own, it cannot be mistaken for a token (RFC 8725 §3.11).
const TYP: &str = "oauth-authorization-server+jwt";

/// The document, signed once for each key that becomes the active one.
pub(crate) struct SignedMetadata {
    unsigned: Document,
    body: String,
    claims: String,
    /// By the index of the key. Two concurrent requests may both sign, and the first keeps its document.
    /// Neither waits for the other, because the runtime would cancel a request that waits for another one.
    signed: Vec<OnceCell<Document>>,
}

impl SignedMetadata {
    /// Takes the document without signature, the same metadata as claims, and the number of keys.
    pub(crate) fn new(body: String, claims: String, keys: usize) -> Self {
        let unsigned = Document::weakly_tagged(body.clone(), &body);
        Self { unsigned, body, claims, signed: (0..keys).map(|_| OnceCell::new()).collect() }
    }

    /// The document, signed by the key that is active at `now`. Without an active key, or if it cannot sign,
    /// the document comes without a signature: the signature is optional, but the metadata is not.
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
        // An ECDSA signature differs in every isolate, but all of them attest the same. A signature by
        // another key makes another document, because a client with the old one could not verify it forever.
        let named = format!("{}{}", self.body, key.kid());
        let body = format!("{members},\"signed_metadata\":\"{jwt}\"}}");
        Some(cell.get_or_init(|| Document::weakly_tagged(body, &named)))
    }
}
