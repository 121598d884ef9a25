//! `edgemint check --live`: compares the documents that an issuer publishes with its configuration.

use anyhow::Result;
use edgemint_issuer::{ClientRecord, Config, GrantType};
use serde_json::Value;

use crate::commands::check::findings::{Level, Scope};
use crate::commands::check::look::Stored;
use crate::commands::check::seen::Seen;
use crate::host::http::{Http, below};
use crate::records::bound::is_newer;
use crate::records::kv::ById;
use crate::terminal::words::{counted, some_of};

/// The private members of a JWK (RFC 7518 §6, RFC 8037 §2).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// The paths of the metadata.
const METADATA: [&str; 2] = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"];

/// The documents of an issuer, or why they cannot be fetched.
pub(crate) struct Published {
    metadata: [(&'static str, Result<Value>); 2],
    keys: Result<Value>,
}

impl Published {
    /// Fetches the documents.
    pub(crate) fn of(issuer: &str) -> Self {
        let http = Http::of(issuer);
        let document = |path| http.document(&below(issuer, path));
        Self { metadata: METADATA.map(|path| (path, document(path))), keys: document("/keys") }
    }
}

/// Whether the issuer publishes its keys.
pub(crate) fn is_published(issuer: &str) -> bool {
    Http::waiting_for(issuer).document(&below(issuer, "/keys")).is_ok()
}

/// Compares the documents with the configuration. Without a valid configuration, it compares them only with `issuer`
/// and `seen`.
///
/// `seen`: the target's keys, and the algorithms that APIs require.
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
            Err(error) => findings.add(Level::Error, path, format!("cannot be fetched: {error:#}")),
        }
    }
    match &published.keys {
        Ok(jwks) => keys(jwks, seen, findings),
        Err(error) => findings.add(Level::Error, "/keys", format!("cannot be fetched: {error:#}")),
    }
}

/// Reports a running Worker that is older than the records of its clients. It rejects these clients.
pub(crate) fn compare_clients(published: &Published, clients: &ById<ClientRecord>, findings: &mut Scope<'_>) {
    let needs = |client: &&ClientRecord| client.has_keys() || !client.identities.is_empty();
    let names: Vec<&str> =
        clients.values().flatten().filter(needs).map(|client| client.id.as_str()).collect();
    let [(path, Ok(document)), _] = &published.metadata else { return };
    let methods = document.get("token_endpoint_auth_methods_supported").and_then(Value::as_array);
    let knows = methods.is_some_and(|methods| methods.iter().any(|method| method == "private_key_jwt"));
    if !names.is_empty() && !knows {
        let message = format!(
            "does not list private_key_jwt, so the running Worker is too old for clients with keys or rules for \
             workloads, and rejects them. Deploy again ({})",
            some_of(&names)
        );
        findings.add(Level::Error, path, message);
    }
}

/// Reports a running Worker that cannot read the records with bound tokens or certificates.
pub(crate) fn compare_bound(published: &Published, stored: &Stored, findings: &mut Scope<'_>) {
    let [(path, Ok(document)), _] = &published.metadata else { return };
    if document.get("dpop_signing_alg_values_supported").is_some() {
        return;
    }
    let clients = stored.clients.values().flatten().filter(|client| is_newer(client));
    let clients: Vec<&str> = clients.map(|client| client.id.as_str()).collect();
    let apis = stored.apis.values().flatten().filter(|api| api.bound.is_some());
    let apis: Vec<&str> = apis.map(|api| api.id.as_str()).collect();
    for (names, what) in [
        (clients, "clients with certificates or bound tokens, and rejects them"),
        (apis, "APIs with bound tokens, and issues no token for them"),
    ] {
        if !names.is_empty() {
            let message = format!(
                "has no dpop_signing_alg_values_supported, so the running Worker is too old for {what}. Deploy again ({})",
                some_of(&names)
            );
            findings.add(Level::Error, path, message);
        }
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
            let published =
                published.map_or_else(|| format!("has no {name}"), |live| format!("has the {name} {live}"));
            let message = format!("{published}, but the configuration has {expected}. Deploy again");
            findings.add(Level::Error, path, message);
        }
    }
    let Some(config) = config else { return };
    let grant = GrantType::ClientCredentials;
    let listed = document.get("grant_types_supported").and_then(Value::as_array);
    let live = listed.is_some_and(|grants| grants.iter().any(|name| name.as_str() == Some(grant.name())));
    if live != config.serves(grant) {
        let (there, here) = if live { ("lists", "does not allow") } else { ("does not list", "allows") };
        let message = format!("{there} {}, but the configuration {here} it. Deploy again", grant.name());
        findings.add(Level::Error, path, message);
    }
}

fn keys(jwks: &Value, seen: &Seen, findings: &mut Scope<'_>) {
    let keys = jwks.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if keys.is_empty() {
        findings.add(Level::Error, "/keys", "publishes no key, so APIs cannot verify tokens");
    }
    if let Some(there) = seen.keys.filter(|there| *there != keys.len()) {
        findings.add(
            Level::Error,
            "/keys",
            format!(
                "publishes {}, but {} stored. A key that was just added or deleted takes about 1m to take effect \
                 everywhere. After that, deploy again",
                counted(keys.len(), "key"),
                if there == 1 { "1 is".to_owned() } else { format!("{there} are") }
            ),
        );
    }
    let algorithms: Vec<&str> =
        keys.iter().filter_map(|key| key.get("alg").and_then(Value::as_str)).collect();
    // The first published key signs.
    if let (Some(alg), Some(first)) = (seen.signing_alg, algorithms.first())
        && *first != alg.name()
    {
        let message = format!(
            "shows that a key for {first} signs, but SIGNING_ALG is {alg}. Deploy again, or add a key with `edgemint \
             key rotate --alg {alg}`",
            alg = alg.name()
        );
        findings.add(Level::Error, "/keys", message);
    }
    for (alg, apis) in &seen.demanded {
        if !algorithms.contains(&alg.name()) {
            let message = format!(
                "publishes no key for {name}, which APIs require, so no client gets a token for them. Run `edgemint \
                 key rotate --alg {name}` to add one ({apis})",
                name = alg.name(),
                apis = some_of(apis)
            );
            findings.add(Level::Error, "/keys", message);
        }
    }
    if keys.iter().any(|key| PRIVATE.iter().any(|member| key.get(member).is_some())) {
        findings.add(
            Level::Error,
            "/keys",
            "publishes a PRIVATE key, so the issuer is not edgemint. Replace the key",
        );
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
        assert!(told.len() == 1 && told[0].contains("/keys publishes 1 key, but 2 are stored"), "{told:?}");
        let told = compared(&published(Err(anyhow!("no answer"))), &Seen::default());
        assert_eq!(told, ["local development: error: /keys cannot be fetched: no answer"]);
    }

    #[test]
    fn a_worker_that_is_too_old_for_its_clients_is_told() {
        let mut client = ClientRecord::new(edgemint_issuer::ClientId::parse("a").expect("an ID"), "A");
        let told = |client: &ClientRecord, methods: Value| {
            let document = json!({ "token_endpoint_auth_methods_supported": methods });
            let published = Published {
                metadata: METADATA.map(|path| (path, Ok(document.clone()))),
                keys: Ok(json!({})),
            };
            let clients = ById::<ClientRecord>::from([(client.id.clone(), Ok(client.clone()))]);
            let mut findings = Findings::default();
            compare_clients(&published, &clients, &mut findings.at(None));
            findings.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(told(&client, json!(["client_secret_basic"])), [""; 0]);
        client.jwks_uri = edgemint_issuer::KeySetUrl::parse("https://a.example/keys").ok();
        assert_eq!(told(&client, json!(["private_key_jwt"])), [""; 0]);
        for older in [json!(["client_secret_basic"]), json!(null)] {
            let told = told(&client, older);
            assert!(told.len() == 1 && told[0].contains("Deploy again (a)"), "{told:?}");
        }
    }
}
