//! `edgemint client trust-test`: says which rule of a client an identity token matches, or why none does.

pub(crate) mod judge;
pub(crate) mod token;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args as ClapArgs;
use edgemint_issuer::{ClientId, ClientRecord, TrustedIssuer};
use serde::Serialize;

use crate::commands::client::trust::own_issuer;
use crate::commands::client::trust_test::judge::{Facts, Judged, Signature};
use crate::commands::issuer::discovery;
use crate::deployment::project::Project;
use crate::deployment::session::Session;
use crate::flags::target::TargetArgs;
use crate::host::secret_text::read_text;
use crate::records::change;
use crate::records::kv::Records;

/// Test whether an identity token is accepted as a client
///
/// Compares the token of a workload with every rule of the client, as the Worker does. Prints the rule that matches,
/// or for each rule the first condition that the token does not meet. It also checks the times, the type and the
/// algorithm of the token, and its signature if the keys of its issuer can be fetched. The token is never printed,
/// and is not used up. The exit code is 0 if the token would be accepted.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint client trust-test deploy --token-file token.txt --env production
  kubectl create token billing --audience https://tokens.example.com | edgemint client trust-test billing --token-file - --env production")]
pub(crate) struct ClientTrustTest {
    /// ID of the client
    #[arg(value_parser = ClientId::parse)]
    pub(crate) id: ClientId,
    /// File that contains the token. `-` reads stdin
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: PathBuf,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// The result with `--json`.
#[derive(Serialize)]
struct Tested<'a> {
    id: &'a ClientId,
    accepted: bool,
    /// The rule that identifies the client.
    rule: Option<&'a str>,
    #[serde(flatten)]
    judged: &'a Judged,
}

pub(crate) fn run(args: &ClientTrustTest, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    let project = Project::find(config, &args.target, host)?;
    let file = Some(args.token_file.as_path()).filter(|file| *file != Path::new("-"));
    let text = read_text(file, "the token", host)?;
    let records = Records::of(&project, host)?;
    let record: ClientRecord = change::find(&records, &args.id, &project)?;
    let issuers = records.read_all::<TrustedIssuer>()?;
    let own = own_issuer(&project).with_context(|| {
        format!(
            "cannot test the token: {} does not set ISSUER for {}",
            project.config.display(),
            project.target
        )
    })?;
    let facts = Facts {
        record: &record,
        issuers: &issuers,
        own: &own,
        is_fapi: project.is_fapi(),
        now: host.now,
        fetch: &discovery::fetch,
    };
    let judged = judge::judge(text.trim(), &facts);
    let rule = judged.accepted_by();
    if output.is_json() {
        output.result_json(&Tested { id: &args.id, accepted: rule.is_some(), rule, judged: &judged })?;
    } else {
        lines(&judged, &args.id).iter().try_for_each(|line| output.result(line))?;
    }
    Ok(if rule.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The outcome as text.
fn lines(judged: &Judged, id: &ClientId) -> Vec<String> {
    let mut lines: Vec<String> = judged.wrong.iter().map(|wrong| format!("error: {wrong}")).collect();
    lines.push(match &judged.signature {
        Signature::Valid => "signature: valid".to_owned(),
        Signature::Invalid => "error: no key of the issuer verifies the signature".to_owned(),
        Signature::NotChecked(why) => format!("signature: not checked: {why}"),
    });
    for rule in &judged.rules {
        let outcome = rule.failed.as_deref().unwrap_or("matches");
        lines.push(format!("rule {} ({}): {outcome}", rule.rule, rule.described));
    }
    if judged.rules.is_empty() {
        lines.push(format!("The client {id} has no rules, or the token cannot be compared with them."));
    }
    lines.push(match judged.accepted_by() {
        Some(rule) => {
            format!("The token is accepted: the rule {rule} says that the workload is the client {id}.")
        }
        None => format!("The token is rejected for the client {id}."),
    });
    lines
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use anyhow::bail;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use edgemint_issuer::{Identity, IssuerKeys, KeySetUrl, Platform, SignatureAlgorithm, TrustedIssuerId};
    use edgemint_testkit::{Vector, cast};
    use jwt_compact::Algorithm as _;
    use jwt_compact::alg::Ed25519;
    use serde_json::{Value, json};

    use super::*;
    use crate::records::kv::ById;

    const OWN: &str = "https://tokens.example.com";
    const ISS: &str = "https://ci.example.com";
    const NOW: u64 = 1_795_000_000;

    fn key() -> ed25519_dalek::SigningKey {
        ed25519_dalek::SigningKey::from_bytes(&[7; 32])
    }

    /// The key set of the issuer.
    fn jwks() -> String {
        let x = URL_SAFE_NO_PAD.encode(key().verifying_key().as_bytes());
        json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": "k" }] }).to_string()
    }

    fn signed(header: &Value, claims: &Value) -> String {
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let input = format!("{}.{}", encode(header), encode(claims));
        let signature = Ed25519.sign(&key(), input.as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }

    fn header() -> Value {
        json!({ "alg": "EdDSA", "kid": "k", "typ": "JWT" })
    }

    fn claims(more: &Value) -> Value {
        let mut claims = json!({ "iss": ISS, "sub": "job:42", "aud": OWN, "jti": "j", "iat": NOW - 10,
            "exp": NOW + 50, "environment": "production" });
        let members = more.as_object().cloned().unwrap_or_default();
        claims.as_object_mut().into_iter().for_each(|claims| claims.extend(members.clone()));
        claims
    }

    fn rule(id: &str, environment: &str) -> Identity {
        Identity {
            id: id.to_owned(),
            issuer: TrustedIssuerId::parse(ISS).expect("an ID"),
            subject: Some("job:42".to_owned()),
            subject_prefix: None,
            claims: BTreeMap::from([("environment".to_owned(), environment.into())]),
            audience: None,
            created: 1,
            expires: None,
        }
    }

    fn record() -> ClientRecord {
        let mut record = ClientRecord::new(ClientId::parse("deploy").expect("an ID"), "Deploy");
        record.identities = vec![rule("custom2", "staging"), rule("custom3", "production")];
        record
    }

    fn issuer() -> TrustedIssuer {
        let url = KeySetUrl::parse("https://ci.example.com/keys").expect("a URL");
        let id = TrustedIssuerId::parse(ISS).expect("an ID");
        let mut issuer = TrustedIssuer::new(id, "CI", Platform::Custom, IssuerKeys::JwksUri(url));
        (issuer.single_use, issuer.max_age) = (true, 60);
        issuer
    }

    fn judged(token: &str, record: &ClientRecord, issuers: &[TrustedIssuer]) -> Judged {
        let issuers: ById<TrustedIssuer> =
            issuers.iter().map(|issuer| (issuer.id.clone(), Ok(issuer.clone()))).collect();
        let facts = Facts {
            record,
            issuers: &issuers,
            own: OWN,
            is_fapi: false,
            now: NOW,
            fetch: &|_: &KeySetUrl| Ok(jwks()),
        };
        judge::judge(token, &facts)
    }

    #[test]
    fn the_matching_rule_is_named_and_for_the_others_the_first_condition_that_fails() {
        let token = signed(&header(), &claims(&json!({})));
        let found = judged(&token, &record(), &[issuer()]);
        assert_eq!((found.accepted_by(), &found.signature), (Some("custom3"), &Signature::Valid));
        let told = lines(&found, &record().id);
        assert_eq!(
            told,
            [
                "signature: valid",
                "rule custom2 (https://ci.example.com: sub job:42, environment staging): the claim environment is \
                 \"production\", not \"staging\"",
                "rule custom3 (https://ci.example.com: sub job:42, environment production): matches",
                "The token is accepted: the rule custom3 says that the workload is the client deploy.",
            ]
        );
        let shown = format!("{told:?} {}", serde_json::to_string(&found).expect("JSON"));
        let parts: Vec<&str> = token.split('.').collect();
        assert!(parts.iter().all(|part| !shown.contains(part)), "{shown}");
        for (more, told) in [
            (
                json!({ "aud": [OWN, "x"] }),
                "the audience (aud) is [\"https://tokens.example.com\",\"x\"], not",
            ),
            (json!({ "sub": "job:421" }), "the subject (sub) is \"job:421\", not \"job:42\""),
            (json!({ "environment": null }), "the claim environment is null"),
            (json!({ "environment": "x".repeat(500) }), "xx…, not"),
        ] {
            let found = judged(&signed(&header(), &claims(&more)), &record(), &[issuer()]);
            let failed = found.rules[1].failed.clone().unwrap_or_default();
            assert!(found.accepted_by().is_none() && failed.contains(told), "{more}: {failed}");
        }
    }

    #[test]
    fn what_is_wrong_with_the_token_is_told_whatever_the_rule() {
        for (head, more, told) in [
            (header(), json!({ "exp": NOW - 11 }), "expired 11s ago"),
            (header(), json!({ "exp": null }), "the time exp is missing"),
            (header(), json!({ "iat": "1" }), "the time iat is missing, or is not a number"),
            (header(), json!({ "iat": NOW + 61, "exp": NOW + 62 }), "issued (iat) until 1m1s from now"),
            (header(), json!({ "nbf": NOW + 61 }), "valid (nbf) until"),
            (header(), json!({ "iat": NOW - 61, "exp": NOW - 5 }), "is 1m1s old, and 1m is the maximum"),
            (header(), json!({ "iat": NOW, "exp": NOW + 61 }), "lives for 1m1s"),
            (header(), json!({ "jti": "" }), "no ID (jti)"),
            (header(), json!({ "sub": 7 }), "no subject"),
            (header(), json!({ "iss": OWN }), "of this deployment itself"),
            (header(), json!({ "iss": "deploy" }), "signed the token itself"),
            (
                header(),
                json!({ "iss": "https://other.example" }),
                "no rule of the client is about the issuer",
            ),
            (json!({ "alg": "EdDSA", "kid": "k", "typ": "at+jwt" }), json!({}), "an access token"),
            (json!({ "alg": "EdDSA", "kid": "k", "typ": "JOSE" }), json!({}), "the wrong type"),
            (json!({ "alg": "EdDSA", "kid": "k", "jwk": {} }), json!({}), "the member jwk"),
            (json!({ "alg": "ES384", "kid": "k" }), json!({}), "not an algorithm of the issuer"),
            (json!({ "alg": "none" }), json!({}), "does not support the algorithm"),
        ] {
            let found = judged(&signed(&head, &claims(&more)), &record(), &[issuer()]);
            let wrong = found.wrong.join("\n");
            assert!(found.accepted_by().is_none() && wrong.contains(told), "{head} {more}: {wrong}");
        }
        let right = signed(&header(), &claims(&json!({ "exp": NOW - 9, "iat": NOW - 50 })));
        assert_eq!(judged(&right, &record(), &[issuer()]).accepted_by(), Some("custom3"), "the tolerance");
        for text in
            ["", "a.b", "a.b.c", "e30.e30.", &"a".repeat(9000), &format!("{right}x"), &format!("{right}.x")]
        {
            let found = judged(text, &record(), &[issuer()]);
            let rejected = found.accepted_by().is_none();
            assert!(rejected && (!found.wrong.is_empty() || found.signature == Signature::Invalid), "{text}");
        }
        let encoded = URL_SAFE_NO_PAD.encode(r#"{"iss":"a","iss":"b"}"#);
        let (head, _) = right.split_once('.').expect("three parts");
        let twice = judged(&format!("{head}.{encoded}.AAAA"), &record(), &[issuer()]);
        assert!(twice.wrong[0].contains("repeated members"), "{:?}", twice.wrong);
    }

    #[test]
    fn keys_that_cannot_be_fetched_leave_the_signature_unchecked_and_others_make_it_invalid() {
        let token = signed(&header(), &claims(&json!({})));
        let (record, issuers) = (record(), BTreeMap::from([(issuer().id, Ok(issuer()))]));
        let with = |token: &str, fetch: &dyn Fn(&KeySetUrl) -> Result<String>| {
            let facts =
                Facts { record: &record, issuers: &issuers, own: OWN, is_fapi: false, now: NOW, fetch };
            let found = judge::judge(token, &facts);
            (found.accepted_by().map(str::to_owned), found.signature)
        };
        let accepted = Some("custom3".to_owned());
        let unchecked = Signature::NotChecked("no answer".to_owned());
        assert_eq!(with(&token, &|_| bail!("no answer")), (accepted, unchecked));
        let other = jwks().replace("\"kid\":\"k\"", "\"kid\":\"other\"");
        assert_eq!(with(&token, &|_| Ok(other.clone())), (None, Signature::Invalid));
        let (input, signature) = token.rsplit_once('.').expect("three parts");
        let first = if signature.starts_with('A') { "B" } else { "A" };
        let altered = format!("{input}.{first}{}", signature.get(1..).unwrap_or_default());
        assert_eq!(with(&altered, &|_| Ok(jwks())), (None, Signature::Invalid));
    }

    #[test]
    fn a_client_or_an_issuer_that_is_not_used_is_told() {
        let token = signed(&header(), &claims(&json!({})));
        let (mut client, mut other) = (record(), issuer());
        client.disabled = true;
        assert_eq!(judged(&token, &client, &[issuer()]).wrong, ["the client is disabled"]);
        other.disabled = true;
        let found = judged(&token, &record(), &[other]);
        assert_eq!(found.wrong, ["the trusted issuer https://ci.example.com is disabled"]);
        assert!(found.rules[1].failed.as_deref().is_some_and(|failed| failed.contains("not trusted now")));
        assert!(judged(&token, &record(), &[]).wrong[0].contains("edgemint issuer add"));
        let mut unpinned = issuer();
        unpinned.platform = Platform::Github;
        let found = judged(&token, &record(), &[unpinned]);
        assert!(
            found.rules[0]
                .failed
                .as_deref()
                .is_some_and(|failed| failed.contains("does not pin repository_id"))
        );
    }

    #[test]
    fn uploaded_keys_and_es384_are_verified_too() {
        use p384::ecdsa::signature::Signer as _;
        let key = p384::ecdsa::SigningKey::from_slice(&[7; 48]).expect("a key");
        let point = key.verifying_key().to_encoded_point(false);
        let [x, y] = [point.x(), point.y()].map(|half| URL_SAFE_NO_PAD.encode(half.expect("a coordinate")));
        let mut issuer = issuer();
        issuer.keys = IssuerKeys::Jwks(json!({ "keys": [{ "kty": "EC", "crv": "P-384", "x": x, "y": y }] }));
        issuer.algs = vec![SignatureAlgorithm::Es384];
        let issuer = TrustedIssuer::parse(&issuer.id, &issuer.to_json()).expect("a record");
        let encode = |part: Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let input = format!("{}.{}", encode(json!({ "alg": "ES384" })), encode(claims(&json!({}))));
        let signature: p384::ecdsa::Signature = key.sign(input.as_bytes());
        let token = format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()));
        let found = judged(&token, &record(), std::slice::from_ref(&issuer));
        assert_eq!((found.accepted_by(), found.wrong.as_slice()), (Some("custom3"), &[] as &[String]));
        assert_eq!(found.signature, Signature::Valid);
        let other = format!("{input}.{}", URL_SAFE_NO_PAD.encode([7; 96]));
        assert_eq!(judged(&other, &record(), &[issuer]).signature, Signature::Invalid);
    }

    /// The parameters of a form that names each once.
    fn parameters(body: &[u8]) -> Option<BTreeMap<String, String>> {
        let mut all = BTreeMap::new();
        for pair in body.split(|c| *c == b'&') {
            let at = pair.iter().position(|c| *c == b'=')?;
            let (name, value) = pair.split_at_checked(at)?;
            let [name, value] = [name, value.get(1..)?].map(|half| edgemint_issuer::form_decode(half).ok());
            if all.insert(name?.into_owned(), value?.into_owned()).is_some() {
                return None;
            }
        }
        Some(all)
    }

    /// The outcome that a vector promises for its token, the client, and the token. `None` if the response is not
    /// about a token of a workload.
    fn promised(vector: &Vector) -> Option<(bool, ClientId, String)> {
        let file = edgemint_testkit::checkout::root().join(format!("vectors/token/{}.json", vector.name));
        let text = std::fs::read_to_string(file).expect("the file of the vector");
        let file: Value = serde_json::from_str(&text).expect("JSON");
        let reason = file["event"]["reason"].as_str().unwrap_or_default();
        let accepted = file["response"]["status"] == 200;
        let mut parameters = parameters(&vector.body())?;
        let token = parameters.remove("client_assertion").or_else(|| parameters.remove("assertion"))?;
        let client = ClientId::parse(&parameters.remove("client_id")?).ok()?;
        let is_svid =
            parameters.get("client_assertion_type").is_some_and(|kind| kind.ends_with("jwt-spiffe"));
        let is_about_token = reason.starts_with("assertion_") || reason == "issuer_not_trusted";
        ((accepted || is_about_token) && !is_svid).then_some((accepted, client, token))
    }

    #[test]
    fn a_token_passes_the_test_if_and_only_if_the_issuer_accepts_it() {
        let own = "http://127.0.0.1:8787";
        let clients: BTreeMap<ClientId, ClientRecord> =
            cast().into_iter().map(|record| (record.id.clone(), record)).collect();
        // Parsing reads the uploaded keys, too.
        let parsed = |issuer: &TrustedIssuer| TrustedIssuer::parse(&issuer.id, &issuer.to_json());
        let issuers = edgemint_testkit::issuers();
        let issuers: ById<TrustedIssuer> =
            issuers.iter().map(|issuer| (issuer.id.clone(), parsed(issuer))).collect();
        let mut compared = [0, 0];
        for vector in Vector::all() {
            let vector = vector.at(own, NOW);
            let Some((accepted, client, token)) = promised(&vector) else { continue };
            let Some(record) = clients.get(&client).filter(|record| !record.identities.is_empty()) else {
                continue;
            };
            let iss = token.split('.').nth(1).and_then(|claims| URL_SAFE_NO_PAD.decode(claims).ok());
            let iss = iss.and_then(|claims| serde_json::from_slice::<Value>(&claims).ok());
            if iss.is_some_and(|claims| claims["iss"] == client.as_str()) {
                continue;
            }
            let fetch = |url: &KeySetUrl| bail!("no vector fetches {url}");
            let is_fapi = vector.config.get("FAPI").is_some_and(|value| value == "on");
            let facts = Facts { record, issuers: &issuers, own, is_fapi, now: NOW, fetch: &fetch };
            let found = judge::judge(&token, &facts);
            assert_eq!(found.accepted_by().is_some(), accepted, "{}: {found:?}", vector.name);
            compared[usize::from(accepted)] += 1;
        }
        let [rejected, accepted] = compared;
        assert!(rejected >= 30 && accepted >= 10, "compared only {compared:?}");
    }
}
