//! Checks of a deployment with FAPI=on: the clients that lose access, and what the FAPI 2.0 profile does not allow.

use std::collections::BTreeMap;

use edgemint_issuer::{
    Algorithm, ApiRecord, ClientRecord, Introspect, SIGNING_KEY_PREFIX, SignatureAlgorithm, SigningKey,
};

use crate::commands::check::findings::{Level, Scope};
use crate::deployment::key_names;
use crate::deployment::project::Project;
use crate::records::bound::MTLS_HOST;
use crate::records::kv::ById;
use crate::records::view::State;
use crate::terminal::words::{listed, some_of};

/// The variable that limits a deployment to the profile.
const FAPI: &str = "FAPI";

/// Why a key or a setting for RS256 is an error.
const NO_RS256: &str = "FAPI=on does not allow, so every request fails with 503";

/// Judges the variables. The Worker's parser reports the others.
pub(crate) fn settings(project: &Project, findings: &mut Scope<'_>) {
    if project.signing_alg() == Some(Algorithm::Rs256) {
        let message =
            "is RS256, which FAPI=on does not allow, so no token is issued. Set it to ES256 or EdDSA";
        findings.add(Level::Error, "SIGNING_ALG", message);
    }
}

/// Reports the keys for RS256 of a deployed environment, as far as their names say the algorithm.
pub(crate) fn deployed_keys(secrets: &[String], findings: &mut Scope<'_>) {
    let keys = secrets.iter().filter(|name| name.starts_with(SIGNING_KEY_PREFIX));
    for name in keys.filter(|name| key_names::alg(name) == Some(Algorithm::Rs256)) {
        rs256_key(name, findings);
    }
}

/// Reports the keys for RS256 of the local state.
pub(crate) fn local_keys(keys: &[SigningKey], findings: &mut Scope<'_>) {
    for key in keys.iter().filter(|key| key.alg() == Algorithm::Rs256) {
        rs256_key(key.name(), findings);
    }
}

fn rs256_key(name: &str, findings: &mut Scope<'_>) {
    let message = format!(
        "is a key for RS256, which {NO_RS256}. Add another one with `edgemint key rotate --alg ES256`, and remove this one \
         with `edgemint key retire`"
    );
    findings.add(Level::Error, name, message);
}

/// Reports the clients, resource servers and APIs that do not work under the profile.
pub(crate) fn judge(
    project: &Project,
    clients: &ById<ClientRecord>,
    apis: &ById<ApiRecord>,
    now: u64,
    findings: &mut Scope<'_>,
) {
    let has_host = project.variable(MTLS_HOST).is_some();
    let mut without: BTreeMap<(bool, String), Vec<&str>> = BTreeMap::new();
    for record in clients.values().flatten().filter(|record| State::of(record) == State::Active) {
        if let Some(only) = only_refused(record, has_host, now) {
            let introspects = record.introspect == Introspect::Any || !record.introspects.is_empty();
            without.entry((introspects, only)).or_default().push(record.id.as_str());
        }
    }
    for ((introspects, only), names) in without {
        let (who, loss) = if introspects {
            ("resource servers", "can neither introspect tokens nor get any")
        } else {
            ("clients", "get no token")
        };
        let message = format!(
            "is on, so {who} that have only {only} {loss}. Run `edgemint client key add` for them, or `edgemint client \
             certificate add` ({})",
            some_of(&names)
        );
        findings.add(Level::Warning, FAPI, message);
    }
    let rs256 = apis.values().flatten().filter(|api| api.alg == Some(Algorithm::Rs256));
    let rs256: Vec<&str> = rs256.map(|api| api.id.as_str()).collect();
    if !rs256.is_empty() {
        let message = format!(
            "is on, so no client gets a token for APIs that require RS256. Run `edgemint api set API --alg default` ({})",
            some_of(&rs256)
        );
        findings.add(Level::Warning, FAPI, message);
    }
}

/// The ways to authenticate of this client, if the profile refuses all of them. Other checks report a client without any
/// valid way.
fn only_refused(record: &ClientRecord, has_host: bool, now: u64) -> Option<String> {
    let live: Vec<SignatureAlgorithm> =
        record.keys.iter().filter(|key| key.is_live(now)).map(|key| key.alg).collect();
    let has_rs256_url = record.jwks_uri.is_some() && record.jwks_algs == [SignatureAlgorithm::Rs256];
    let works = live.iter().any(|alg| SignatureAlgorithm::OF_FAPI.contains(alg))
        || (record.jwks_uri.is_some() && !has_rs256_url)
        || (has_host && !record.certificates.is_empty());
    if works {
        return None;
    }
    let refused = [
        (record.secrets.iter().any(|secret| secret.is_live(now)), "secrets"),
        (!live.is_empty() || has_rs256_url, "keys for RS256"),
        (record.identities.iter().any(|rule| rule.is_live(now)), "rules for workloads"),
        (!record.certificates.is_empty(), "certificates (MTLS_HOST is not set)"),
    ];
    let refused: Vec<&str> = refused.into_iter().filter(|(has, _)| *has).map(|(_, what)| what).collect();
    (!refused.is_empty()).then(|| listed(&refused, ""))
}

#[cfg(test)]
mod tests {
    use edgemint_issuer::{
        ApiId, CertificateMatch, ClientCertificate, ClientId, ClientKey, Identity, KeySetUrl, PublicKey,
        SecretHash, StoredSecret, TrustedIssuerId,
    };

    use super::*;
    use crate::commands::check::findings::Findings;
    use crate::deployment::project::Target;

    const NOW: u64 = 1000;
    const ED: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

    fn project(vars: &str) -> Project {
        let toml = format!("[env.e.vars]\n{vars}");
        Project::of_text(&toml, Target::Deployed("e".to_owned())).expect("a project")
    }

    fn lines(judge: impl FnOnce(&mut Scope<'_>)) -> Vec<String> {
        let mut findings = Findings::default();
        judge(&mut findings.at(None));
        let lines = findings.iter().map(ToString::to_string);
        lines.map(|line| line.trim_start_matches("local development: ").to_owned()).collect()
    }

    fn bare(id: &str) -> ClientRecord {
        ClientRecord::new(ClientId::parse(id).expect("an ID"), id)
    }

    fn with_secret(mut record: ClientRecord) -> ClientRecord {
        let hash = SecretHash::Sha256([0; 32]);
        record.secrets.push(StoredSecret { id: "s1".into(), created: 1, expires: None, hash });
        record
    }

    fn with_key(mut record: ClientRecord, alg: SignatureAlgorithm, expires: Option<u64>) -> ClientRecord {
        // No check looks at the key itself.
        let jwk = PublicKey::parse(ED).expect("a key");
        record.keys.push(ClientKey { kid: "k".into(), alg, jwk, created: 1, expires });
        record
    }

    fn with_rule(mut record: ClientRecord) -> ClientRecord {
        record.identities.push(Identity {
            id: "r1".into(),
            issuer: TrustedIssuerId::parse("https://ci.example").expect("an ID"),
            subject: None,
            subject_prefix: None,
            claims: [("ref".to_owned(), "main".into())].into(),
            audience: None,
            created: 1,
            expires: None,
        });
        record
    }

    fn with_certificate(mut record: ClientRecord) -> ClientRecord {
        let r#match = CertificateMatch::Sha256("A".repeat(43));
        record.certificates.push(ClientCertificate { id: "c1".into(), created: 1, r#match });
        record
    }

    #[test]
    fn a_client_is_told_only_if_every_valid_way_is_refused() {
        let host = "MTLS_HOST = 'mtls.tokens.example'";
        let at_url = |alg| {
            let mut record = bare("a");
            record.jwks_uri = Some(KeySetUrl::parse("https://a.example/keys").expect("a URL"));
            record.jwks_algs = vec![alg];
            record
        };
        let mut disabled = with_secret(bare("a"));
        disabled.disabled = true;
        let (rs256, eddsa) = (SignatureAlgorithm::Rs256, SignatureAlgorithm::EdDsa);
        for (record, vars, only) in [
            (bare("a"), "", None),
            (with_secret(bare("a")), "", Some("secrets")),
            (with_key(with_secret(bare("a")), eddsa, None), "", None),
            (with_key(with_secret(bare("a")), eddsa, Some(NOW)), "", Some("secrets")),
            (with_key(bare("a"), rs256, None), "", Some("keys for RS256")),
            (with_rule(bare("a")), "", Some("rules for workloads")),
            (
                with_key(with_rule(with_secret(bare("a"))), rs256, None),
                host,
                Some("secrets, keys for RS256, rules for workloads"),
            ),
            (with_certificate(bare("a")), host, None),
            (with_certificate(bare("a")), "", Some("certificates (MTLS_HOST is not set)")),
            (at_url(rs256), "", Some("keys for RS256")),
            (at_url(SignatureAlgorithm::Ps256), "", None),
            (disabled, "", None),
        ] {
            let clients = [(record.id.clone(), Ok(record))].into();
            let told = lines(|findings| judge(&project(vars), &clients, &BTreeMap::new(), NOW, findings));
            let expected = only.map(|only| {
                format!("warning: FAPI is on, so clients that have only {only} get no token. Run `edgemint client key add` for them, or `edgemint client certificate add` (a)")
            });
            assert_eq!(told, Vec::from_iter(expected), "{only:?}");
        }
    }

    #[test]
    fn resource_servers_and_apis_are_told_apart() {
        let mut gateway = with_secret(bare("gateway"));
        gateway.introspect = Introspect::Any;
        let mut orders = with_secret(bare("orders"));
        orders.introspects.push(ApiId::parse("https://o/").expect("an ID"));
        let clients =
            [gateway, orders, with_secret(bare("a"))].map(|record| (record.id.clone(), Ok(record))).into();
        let mut api = ApiRecord::new(ApiId::parse("https://o/").expect("an ID"), "O");
        api.alg = Some(Algorithm::Rs256);
        let apis = [(api.id.clone(), Ok(api))].into();
        let told = lines(|findings| judge(&project(""), &clients, &apis, NOW, findings));
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].contains("clients that have only secrets get no token") && told[0].ends_with("(a)"));
        assert!(
            told[1].contains("resource servers that have only secrets")
                && told[1].ends_with("(gateway, orders)")
        );
        assert!(told[2].contains("APIs that require RS256") && told[2].ends_with("(https://o/)"), "{told:?}");
    }

    #[test]
    fn rs256_is_an_error_where_it_signs() {
        let on = |vars: &str| project(vars).is_fapi();
        assert!(on("FAPI = 'on'") && on("FAPI = ' on '"));
        assert!(!on("") && !on("FAPI = 'off'") && !on("FAPI = 'ON'"));
        let told = lines(|findings| settings(&project("SIGNING_ALG = 'RS256'"), findings));
        assert!(told.len() == 1 && told[0].starts_with("error: SIGNING_ALG is RS256"), "{told:?}");
        assert_eq!(lines(|findings| settings(&project("SIGNING_ALG = 'ES256'"), findings)), [""; 0]);
        let names = [
            "SIGNING_KEY_20261122T230727Z_RS256",
            "SIGNING_KEY_20261122T230727Z_ES256",
            "SIGNING_KEY_A",
            "OTHER_RS256",
        ];
        let names = names.map(str::to_owned);
        let told = lines(|findings| deployed_keys(&names, findings));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].starts_with("error: SIGNING_KEY_20261122T230727Z_RS256 is a key for RS256"),
            "{told:?}"
        );
    }
}
