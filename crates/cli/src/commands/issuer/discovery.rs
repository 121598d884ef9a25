//! The documents of issuers and clients of others: discovery (OpenID Connect Discovery §4) and key sets (RFC 7517 §5).

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use edgemint_issuer::{KeySet, KeySetUrl, PublicKeyError, SignatureAlgorithm, TrustedIssuerId};
use serde_json::Value;

use crate::host::http::{Http, below};

/// The longest key set that the Worker reads, in bytes.
pub(crate) const MAX_KEY_SET: usize = 64 * 1024;

/// The URL of the key set of an issuer, from its discovery document.
pub(crate) fn discover(id: &TrustedIssuerId) -> Result<KeySetUrl> {
    let url = below(id.as_str(), "/.well-known/openid-configuration");
    let text = Http::of(id.as_str()).text(&url)?;
    let document: Value = serde_json::from_str(&text).map_err(|_| anyhow!("{url} did not return JSON"))?;
    jwks_uri(id, &document).with_context(|| format!("cannot use {url}"))
}

/// The URL of the key set in a discovery document of the issuer.
fn jwks_uri(id: &TrustedIssuerId, document: &Value) -> Result<KeySetUrl> {
    let text = |name: &str| document.get(name).and_then(Value::as_str);
    match text("issuer") {
        Some(issuer) if issuer == id.as_str() => {}
        Some(issuer) => bail!(
            "its `issuer` is {issuer}, not {id}. The tokens have that `iss`, byte for byte: register that URL, if it is \
             the one that you mean"
        ),
        None => bail!("it has no `issuer`"),
    }
    let url = text("jwks_uri").context("it has no `jwks_uri`")?;
    KeySetUrl::parse(url).map_err(|error| {
        anyhow!("its `jwks_uri` is {url}, but {error}. Download the key set, and pass it with --jwks")
    })
}

/// Fetches a key set.
pub(crate) fn fetch(url: &KeySetUrl) -> Result<String> {
    Http::of(url.as_str()).text(url.as_str())
}

/// Reads a key set with the Worker's parser. Fails if no key of it can verify a signature with one of `algs`, and if
/// it has a private key.
pub(crate) fn usable(json: &str, uses: &[&str], algs: &[SignatureAlgorithm]) -> Result<usize> {
    ensure!(
        json.len() <= MAX_KEY_SET,
        "the key set has more than {MAX_KEY_SET} bytes, and the Worker reads no more"
    );
    let flaw = KeySet::first_flaw(json)?;
    ensure!(
        flaw != Some(PublicKeyError::Private),
        "the key set contains a PRIVATE key, so each reader of it can sign as its owner"
    );
    let set = KeySet::parse(json, uses)?;
    let count = set.keys().iter().filter(|key| algs.iter().any(|alg| key.serves(*alg))).count();
    if count == 0 {
        let names: Vec<&str> = algs.iter().map(|alg| alg.name()).collect();
        let why = flaw.map_or_else(String::new, |flaw| format!(" ({flaw})"));
        bail!("the key set has no usable key for {}{why}", names.join(", "));
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

    #[test]
    fn a_discovery_document_is_of_this_issuer_byte_for_byte() {
        let id = TrustedIssuerId::parse("https://a.example/").expect("an ID");
        let told = |document: Value| jwks_uri(&id, &document).map(|url| url.to_string());
        let keys = "https://keys.example/jwks?v=1";
        assert_eq!(
            told(json!({ "issuer": "https://a.example/", "jwks_uri": keys })).ok().as_deref(),
            Some(keys)
        );
        for (document, expected) in [
            (json!({ "issuer": "https://a.example", "jwks_uri": keys }), "is https://a.example, not"),
            (json!({ "issuer": "https://A.example/", "jwks_uri": keys }), "byte for byte"),
            (json!({ "jwks_uri": keys }), "no `issuer`"),
            (json!({ "issuer": "https://a.example/" }), "no `jwks_uri`"),
            (json!({ "issuer": "https://a.example/", "jwks_uri": "https://10.0.0.1/keys" }), "--jwks"),
            (json!({ "issuer": "https://a.example/", "jwks_uri": "http://a.example/keys" }), "--jwks"),
            (json!([]), "no `issuer`"),
        ] {
            let refused = told(document.clone()).expect_err("a document of another issuer").to_string();
            assert!(refused.contains(expected), "{document}: {refused}");
        }
    }

    #[test]
    fn a_key_set_needs_a_usable_key_and_has_no_private_one() {
        let algs = [SignatureAlgorithm::EdDsa];
        let count = |json: &str| usable(json, &["sig"], &algs).map_err(|error| error.to_string());
        assert_eq!(count(&format!(r#"{{"keys":[{KEY},{{"kty":"oct"}},{KEY}]}}"#)), Ok(2));
        let private = KEY.replace("}", r#","d":"x"}"#);
        for (json, told) in [
            (format!(r#"{{"keys":[{KEY},{private}]}}"#), "PRIVATE"),
            (r#"{"keys":[]}"#.to_owned(), "no usable key for EdDSA"),
            (r#"{"keys":[{"kty":"EC","crv":"P-521"}]}"#.to_owned(), "(its type is not"),
            ("[]".to_owned(), "not a JWK set"),
            (" ".repeat(MAX_KEY_SET + 1), "65536 bytes"),
        ] {
            assert!(count(&json).is_err_and(|error| error.contains(told)), "{json}: {:?}", count(&json));
        }
        assert!(usable(&format!(r#"{{"keys":[{KEY}]}}"#), &["sig"], &[SignatureAlgorithm::Es256]).is_err());
    }
}
