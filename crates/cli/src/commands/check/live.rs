//! What `edgemint check --live` compares: the documents that an issuer publishes, and its configuration.

use edgemint_issuer::{Config, GrantType};
use serde_json::Value;

use crate::commands::check::findings::{Findings, Level};
use crate::commands::check::seen::Seen;
use crate::host::http::{Http, below};
use crate::terminal::words::{counted, some_of};

/// The private members of a JWK (RFC 7518 §6, RFC 8037 §2).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Compares; without a configuration that holds, what is published is only compared with itself.
///
/// `seen`: what is known of the target's keys, and what is demanded of them.
pub(crate) fn compare(issuer: &str, config: Option<&Config>, seen: &Seen, findings: &mut Findings) {
    let http = Http::of(issuer);
    for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
        match http.document(&below(issuer, path)) {
            Ok(document) => metadata(issuer, path, &document, config, findings),
            Err(error) => findings.add(Level::Mistake, path, format!("is not served: {error:#}")),
        }
    }
    match http.document(&below(issuer, "/keys")) {
        Ok(jwks) => keys(&jwks, seen, findings),
        Err(error) => findings.add(Level::Mistake, "/keys", format!("is not served: {error:#}")),
    }
}

fn metadata(issuer: &str, path: &str, document: &Value, config: Option<&Config>, findings: &mut Findings) {
    for (name, expected) in [
        ("issuer", issuer.to_owned()),
        ("token_endpoint", below(issuer, "/token")),
        ("jwks_uri", below(issuer, "/keys")),
    ] {
        let published = document.get(name).and_then(Value::as_str);
        if published != Some(&expected) {
            let published = published.unwrap_or("absent");
            findings.add(
                Level::Mistake,
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
        findings.add(Level::Mistake, path, message);
    }
}

fn keys(jwks: &Value, seen: &Seen, findings: &mut Findings) {
    let keys = jwks.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if keys.is_empty() {
        findings.add(Level::Mistake, "/keys", "publishes no key: nobody can verify a token");
    }
    if let Some(there) = seen.keys.filter(|there| *there != keys.len()) {
        findings.add(
            Level::Mistake,
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
        findings.add(Level::Mistake, "/keys", message);
    }
    for (alg, apis) in &seen.demanded {
        if !algorithms.contains(&alg.name()) {
            let message = format!(
                "publishes no key for {name}, which APIs demand, so that nobody gets a token for them: `edgemint key rotate \
                 --alg {name}` adds one ({apis})",
                name = alg.name(),
                apis = some_of(apis)
            );
            findings.add(Level::Mistake, "/keys", message);
        }
    }
    if keys.iter().any(|key| PRIVATE.iter().any(|member| key.get(member).is_some())) {
        findings.add(
            Level::Mistake,
            "/keys",
            "publishes a PRIVATE key: this is not edgemint; replace the key",
        );
    }
}
