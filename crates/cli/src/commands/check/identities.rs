//! Checks of keys and rules for workloads: ways to authenticate that do not work, or that end soon.

use std::collections::BTreeMap;

use edgemint_issuer::{AssertionAudience, ClientId, ClientRecord, TrustedIssuer, TrustedIssuerId};
use edgemint_printable::shell;

use crate::commands::check::findings::{Level, Scope};
use crate::records::kv::ById;
use crate::records::new_client::refused_issuer;
use crate::records::view::State;
use crate::terminal::when;
use crate::terminal::words::some_of;

/// The check reports a key if no other one of its client is valid after this time: two weeks, in seconds.
const SOON: u64 = 14 * 24 * 3600;

/// Judges the records of one target. `own`: its ISSUER. `is_fapi`: whether it serves only what FAPI 2.0 allows.
pub(crate) fn judge(
    clients: &ById<ClientRecord>,
    issuers: &ById<TrustedIssuer>,
    own: Option<&str>,
    is_fapi: bool,
    now: u64,
    findings: &mut Scope<'_>,
) {
    for (id, stored) in issuers {
        if let Err(error) = stored {
            let message = format!("cannot be read, so none of its tokens identifies a client: {error}");
            findings.add(Level::Error, &id.kv_key(), message);
        }
        if own == Some(id.as_str()) {
            let message = "is the ISSUER of this deployment, which cannot be a trusted issuer. Run `edgemint issuer \
                           remove`";
            findings.add(Level::Error, &id.kv_key(), message);
        }
        if ClientId::parse(id.as_str()).is_ok_and(|client| clients.contains_key(&client)) {
            findings.add(Level::Error, &id.kv_key(), format!("is also a client. {}", refused_issuer(id)));
        }
    }
    let mut unregistered: BTreeMap<&TrustedIssuerId, Vec<&str>> = BTreeMap::new();
    let mut disabled: BTreeMap<&TrustedIssuerId, Vec<&str>> = BTreeMap::new();
    let mut at_endpoint = Vec::new();
    for record in clients.values().flatten().filter(|record| State::of(record) == State::Active) {
        keys(record, now, findings);
        rules(record, now, findings);
        if record.assertion_audience == Some(AssertionAudience::TokenEndpoint) {
            at_endpoint.push(record.id.as_str());
        }
        for rule in &record.identities {
            match issuers.get(&rule.issuer) {
                None => unregistered.entry(&rule.issuer).or_default().push(record.id.as_str()),
                Some(Ok(issuer)) => {
                    if issuer.disabled {
                        disabled.entry(&rule.issuer).or_default().push(record.id.as_str());
                    }
                    if let Err(missing) = rule.check_pins(issuer.platform) {
                        let message = format!(
                            "has the rule {}, which does not pin {}, so the Worker skips it. Replace it with `edgemint \
                             client trust {}`",
                            rule.id,
                            missing.0,
                            shell::last(record.id.as_str())
                        );
                        findings.add(Level::Warning, &record.id.kv_key(), message);
                    }
                }
                // The loop above reports unreadable records.
                Some(Err(_)) => {}
            }
        }
    }
    for (id, mut names) in unregistered {
        names.dedup();
        let message = format!(
            "is not registered, so the rules for it have no effect. Run `edgemint issuer add {}`, or `edgemint client \
             untrust` ({})",
            shell::last(id.as_str()),
            some_of(&names)
        );
        findings.add(Level::Warning, &id.kv_key(), message);
    }
    for (id, mut names) in disabled {
        names.dedup();
        let message = format!("is disabled, so the rules for it have no effect ({})", some_of(&names));
        findings.add(Level::Warning, &id.kv_key(), message);
    }
    if !at_endpoint.is_empty() {
        let effect = if is_fapi {
            "FAPI=on does not allow. So this setting has no effect, and the Worker rejects such assertions"
        } else {
            "FAPI 2.0 does not allow"
        };
        let message = format!(
            "contains clients whose assertions may have the token endpoint as audience, which {effect}. \
             Configure them to send the issuer, and run `edgemint client key set CLIENT --assertion-audience issuer` ({})",
            some_of(&at_endpoint)
        );
        findings.add(Level::Warning, "CLIENTS", message);
    }
}

/// Reports a client whose last key has expired or expires soon.
fn keys(record: &ClientRecord, now: u64, findings: &mut Scope<'_>) {
    let last = record.keys.iter().max_by_key(|key| key.expires.unwrap_or(u64::MAX));
    let Some((kid, expires)) = last.and_then(|key| Some((&key.kid, key.expires?))) else { return };
    let add = format!("Run `edgemint client key add {}` to add one", shell::last(record.id.as_str()));
    if expires <= now {
        let message = format!("has no valid key: {kid} expired at {}. {add}", when::utc(expires));
        findings.add(Level::Warning, &record.id.kv_key(), message);
    } else if expires - now < SOON {
        let message = format!(
            "has no valid key after {} ({}), when {kid} expires. {add}",
            when::utc(expires),
            when::from_now(expires, now)
        );
        findings.add(Level::Warning, &record.id.kv_key(), message);
    }
}

/// Reports a client that has only rules, and no valid one. The checks of secrets and keys report the other clients.
fn rules(record: &ClientRecord, now: u64, findings: &mut Scope<'_>) {
    let has_other_way = record.has_keys()
        || !record.certificates.is_empty()
        || record.secrets.iter().any(|secret| secret.is_live(now));
    let last = record.identities.iter().max_by_key(|rule| rule.expires.unwrap_or(u64::MAX));
    if let Some(rule) = last.filter(|rule| !has_other_way && !rule.is_live(now)) {
        let message = format!(
            "has no valid rule and gets no token: {} expired at {}. Run `edgemint client trust {}` to add one",
            rule.id,
            when::utc(rule.expires.unwrap_or(now)),
            shell::last(record.id.as_str())
        );
        findings.add(Level::Warning, &record.id.kv_key(), message);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use edgemint_issuer::{
        ClientKey, Identity, IssuerKeys, KeySetUrl, Platform, PublicKey, RecordError, SignatureAlgorithm,
    };

    use super::*;
    use crate::commands::check::findings::Findings;

    const NOW: u64 = 100_000_000;
    const DAY: u64 = 24 * 3600;
    const KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

    fn client(id: &str) -> ClientRecord {
        ClientRecord::new(ClientId::parse(id).expect(id), id)
    }

    fn with_keys(id: &str, ends: &[Option<u64>]) -> ClientRecord {
        let mut record = client(id);
        record.keys = ends
            .iter()
            .enumerate()
            .map(|(i, expires)| ClientKey {
                kid: format!("k{i}"),
                alg: SignatureAlgorithm::EdDsa,
                jwk: PublicKey::parse(KEY).expect("a key"),
                created: 1,
                expires: *expires,
            })
            .collect();
        record
    }

    fn with_rule(id: &str, issuer: &str, claim: &str) -> ClientRecord {
        let mut record = client(id);
        record.identities.push(Identity {
            id: "r1".to_owned(),
            issuer: TrustedIssuerId::parse(issuer).expect(issuer),
            subject: None,
            subject_prefix: None,
            claims: BTreeMap::from([(claim.to_owned(), "1".into())]),
            audience: None,
            created: 1,
            expires: None,
        });
        record
    }

    fn issuer(id: &str, disabled: bool) -> TrustedIssuer {
        let keys = IssuerKeys::JwksUri(KeySetUrl::parse("https://a.example/k").expect("a URL"));
        let mut issuer =
            TrustedIssuer::new(TrustedIssuerId::parse(id).expect(id), "A", Platform::Github, keys);
        issuer.disabled = disabled;
        issuer
    }

    fn told(clients: Vec<ClientRecord>, issuers: Vec<TrustedIssuer>) -> Vec<String> {
        let clients = clients.into_iter().map(|client| (client.id.clone(), Ok(client))).collect();
        let mut issuers: ById<TrustedIssuer> =
            issuers.into_iter().map(|issuer| (issuer.id.clone(), Ok(issuer))).collect();
        let broken = TrustedIssuerId::parse("https://broken.example").expect("an ID");
        issuers.insert(broken, Err(RecordError::MaxAge));
        let mut findings = Findings::default();
        judge(&clients, &issuers, Some("https://own.example"), false, NOW, &mut findings.at(None));
        let lines = findings.iter().map(ToString::to_string);
        lines.map(|line| line.trim_start_matches("local development: ").to_owned()).collect()
    }

    #[test]
    fn only_the_last_key_of_a_client_is_told() {
        let told = told(
            vec![
                with_keys("fine", &[Some(NOW + DAY), None]),
                with_keys("far", &[Some(NOW + 15 * DAY)]),
                with_keys("soon", &[Some(NOW + 13 * DAY), Some(NOW + DAY)]),
                with_keys("over", &[Some(NOW)]),
                client("bare"),
            ],
            Vec::new(),
        );
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[1].contains("client:over has no valid key: k0 expired at"), "{told:?}");
        assert!(told[2].contains("client:soon has no valid key after") && told[2].contains("(in 312h)"));
    }

    #[test]
    fn a_client_whose_only_rules_have_expired_is_told() {
        let ended = |id: &str, expires| {
            let mut record = with_rule(id, "https://ci.example", "repository_id");
            record.identities[0].expires = Some(expires);
            record
        };
        let mut both = ended("both", NOW);
        both.keys = with_keys("both", &[None]).keys;
        let told = told(
            vec![ended("over", NOW), ended("live", NOW + 1), both],
            vec![issuer("https://ci.example", false)],
        );
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(
            told[1].starts_with("warning: client:over has no valid rule and gets no token: r1 expired at")
        );
    }

    #[test]
    fn rules_that_never_match_are_told_with_the_reason() {
        let mut off = with_rule("off", "https://unknown.example", "repository_id");
        off.disabled = true;
        let mut lax = with_keys("lax", &[None]);
        lax.assertion_audience = Some(AssertionAudience::TokenEndpoint);
        let told = told(
            vec![
                with_rule("a", "https://ci.example", "repository_id"),
                with_rule("b", "https://ci.example", "ref"),
                with_rule("c", "https://unknown.example", "repository_id"),
                with_rule("d", "https://off.example", "repository_id"),
                with_rule("e", "https://broken.example", "repository_id"),
                client("https://ci.example"),
                off,
                lax,
            ],
            vec![
                issuer("https://ci.example", false),
                issuer("https://off.example", true),
                issuer("https://own.example", false),
            ],
        );
        for (line, expected) in told.iter().zip([
            "error: issuer:https://broken.example cannot be read",
            "error: issuer:https://ci.example is also a client",
            "error: issuer:https://own.example is the ISSUER",
            "warning: client:b has the rule r1, which does not pin repository_id",
            "warning: issuer:https://unknown.example is not registered",
            "warning: issuer:https://off.example is disabled",
            "warning: CLIENTS contains clients whose assertions may have the token endpoint",
        ]) {
            assert!(line.starts_with(expected), "{line}: {expected}");
        }
        assert_eq!(told.len(), 7, "{told:?}");
        assert!(
            told[4].ends_with("(c)") && told[5].ends_with("(d)") && told[6].ends_with("(lax)"),
            "{told:?}"
        );
    }
}
