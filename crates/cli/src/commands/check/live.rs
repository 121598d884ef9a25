//! What `edgemint check --live` compares: the documents that an issuer publishes, and its configuration.

use anyhow::Result;
use edgemint_issuer::{Config, GrantType};
use serde_json::Value;

use crate::commands::check::findings::{Level, Scope};
use crate::commands::check::seen::Seen;
use crate::host::http::{Http, below};
use crate::terminal::words::{counted, some_of};

/// The private members of a JWK (RFC 7518 §6, RFC 8037 §2).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// The paths of the metadata.
const METADATA: [&str; 2] = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"];

/// What an issuer publishes, or why it could not be read.
pub(crate) struct Published {
    metadata: [(&'static str, Result<Value>); 2],
    keys: Result<Value>,
}

impl Published {
    /// Asks the issuer.
    pub(crate) fn of(issuer: &str) -> Self {
        let http = Http::of(issuer);
        let document = |path| http.document(&below(issuer, path));
        Self { metadata: METADATA.map(|path| (path, document(path))), keys: document("/keys") }
    }
}

/// Compares; without a configuration that holds, what is published is only compared with itself.
///
/// `seen`: what is known of the target's keys, and what is demanded of them.
pub(crate) fn compare(
    issuer: &str,
    published: &Published,
    config: Option<&Config>,
    seen: &Seen,
    findings: &mut Scope<'_>,
) {
    for (path, document) in &published.metadata {
        match document {
            Ok(document) => metadata(issuer, path, document, config, findings),
            Err(error) => findings.add(Level::Error, path, format!("is not served: {error:#}")),
        }
    }
    match &published.keys {
        Ok(jwks) => keys(jwks, seen, findings),
        Err(error) => findings.add(Level::Error, "/keys", format!("is not served: {error:#}")),
    }
}

fn metadata(issuer: &str, path: &str, document: &Value, config: Option<&Config>, findings: &mut Scope<'_>) {
    for (name, expected) in [
        ("issuer", issuer.to_owned()),
        ("token_endpoint", below(issuer, "/token")),
        ("jwks_uri", below(issuer, "/keys")),
    ] {
        let published = document.get(name).and_then(Value::as_str);
        if published != Some(&expected) {
            let published = published.unwrap_or("absent");
            findings.add(
                Level::Error,
                path,
                format!("says that {name} is {published}, and the configuration {expected}: deploy it again"),
            );
        }
    }
    let Some(config) = config else { return };
    let grant = GrantType::ClientCredentials;
    let listed = document.get("grant_types_supported").and_then(Value::as_array);
    let live = listed.is_some_and(|grants| grants.iter().any(|name| name.as_str() == Some(grant.name())));
    if live != config.serves(grant) {
        let (there, here) = if live { ("lists", "does not serve") } else { ("does not list", "serves") };
        let message = format!("{there} {}, which the configuration {here}: deploy it again", grant.name());
        findings.add(Level::Error, path, message);
    }
}

fn keys(jwks: &Value, seen: &Seen, findings: &mut Scope<'_>) {
    let keys = jwks.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if keys.is_empty() {
        findings.add(Level::Error, "/keys", "publishes no key: nobody can verify a token");
    }
    if let Some(there) = seen.keys.filter(|there| *there != keys.len()) {
        findings.add(
            Level::Error,
            "/keys",
            format!(
                "publishes {}, and {there} are there: one that was just put or deleted takes a minute or so to be \
                 everywhere; after that, deploy again",
                counted(keys.len(), "key")
            ),
        );
    }
    let algorithms: Vec<&str> =
        keys.iter().filter_map(|key| key.get("alg").and_then(Value::as_str)).collect();
    // The key that signs comes first.
    if let (Some(alg), Some(first)) = (seen.signing_alg, algorithms.first())
        && *first != alg.name()
    {
        let message = format!(
            "says that {first} signs, and SIGNING_ALG is {}: deploy it again, or add such a key with `edgemint key rotate`",
            alg.name()
        );
        findings.add(Level::Error, "/keys", message);
    }
    for (alg, apis) in &seen.demanded {
        if !algorithms.contains(&alg.name()) {
            let message = format!(
                "publishes no key for {name}, which APIs demand, so that nobody gets a token for them: `edgemint key rotate \
                 --alg {name}` adds one ({apis})",
                name = alg.name(),
                apis = some_of(apis)
            );
            findings.add(Level::Error, "/keys", message);
        }
    }
    if keys.iter().any(|key| PRIVATE.iter().any(|member| key.get(member).is_some())) {
        findings.add(Level::Error, "/keys", "publishes a PRIVATE key: this is not edgemint; replace the key");
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;
    use serde_json::json;

    use super::*;
    use crate::commands::check::findings::Findings;

    fn compared(published: &Published, seen: &Seen) -> Vec<String> {
        let mut findings = Findings::default();
        compare("https://a", published, None, seen, &mut findings.at(None));
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_published_is_compared_with_what_was_seen_and_nothing_is_asked() {
        let metadata = || json!({ "issuer": "https://a", "token_endpoint": "https://a/token", "jwks_uri": "https://a/keys" });
        let published = |keys| Published { metadata: METADATA.map(|path| (path, Ok(metadata()))), keys };
        let one_key = || Ok(json!({ "keys": [{ "kid": "x", "alg": "ES256" }] }));
        assert_eq!(compared(&published(one_key()), &Seen::default()), [""; 0]);
        let seen = Seen { keys: Some(2), ..Seen::default() };
        let told = compared(&published(one_key()), &seen);
        assert!(told.len() == 1 && told[0].contains("/keys publishes 1 key, and 2 are there"), "{told:?}");
        let told = compared(&published(Err(anyhow!("no answer"))), &Seen::default());
        assert_eq!(told, ["local development: mistake: /keys is not served: no answer"]);
    }
}
