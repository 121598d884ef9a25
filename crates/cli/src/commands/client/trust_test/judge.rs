//! Compares an identity token with every rule of a client, as the Worker does.

use anyhow::Result;
use edgemint_issuer::{
    ClientRecord, Identity, IssuerKeys, KeySet, KeySetUrl, Mismatch, TrustedIssuer, TrustedIssuerId,
};
use serde::Serialize;
use serde_json::Value;

use crate::commands::client::trust::rule::described;
use crate::commands::client::trust_test::token::Token;
use crate::crypto::verify::verifies;
use crate::records::kv::{ById, Stored};

/// The most keys of an issuer that the Worker tries.
const MAX_TRIES: usize = 4;

/// The longest value of a claim in a message, in characters.
const MAX_VALUE: usize = 128;

/// What the signature was found to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Signature {
    Valid,
    Invalid,
    /// With the reason.
    NotChecked(String),
}

/// A rule, and the first condition that the token does not meet.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Compared {
    pub(crate) rule: String,
    pub(crate) matches: bool,
    /// `null` if the rule matches.
    pub(crate) failed: Option<String>,
    #[serde(skip)]
    pub(crate) described: String,
}

/// The outcome of a test.
#[derive(Debug, Serialize)]
pub(crate) struct Judged {
    /// What is wrong with the client and with the token, whatever the rule.
    pub(crate) wrong: Vec<String>,
    pub(crate) signature: Signature,
    pub(crate) rules: Vec<Compared>,
}

impl Judged {
    /// The rule that identifies the client, if the token is accepted.
    pub(crate) fn accepted_by(&self) -> Option<&str> {
        let is_right = self.wrong.is_empty() && self.signature != Signature::Invalid;
        self.rules.iter().find(|rule| rule.matches).filter(|_| is_right).map(|rule| rule.rule.as_str())
    }
}

/// The facts that a token is judged by.
pub(crate) struct Facts<'a> {
    pub(crate) record: &'a ClientRecord,
    pub(crate) issuers: &'a ById<TrustedIssuer>,
    /// The ISSUER of the deployment.
    pub(crate) own: &'a str,
    /// Whether the deployment has FAPI=on.
    pub(crate) is_fapi: bool,
    pub(crate) now: u64,
    /// Fetches a key set.
    pub(crate) fetch: &'a dyn Fn(&KeySetUrl) -> Result<String>,
}

/// Judges a token. The texts contain the values of claims that a rule compares, and never the token.
pub(crate) fn judge(text: &str, facts: &Facts<'_>) -> Judged {
    let &Facts { record, issuers, own, now, .. } = facts;
    let mut wrong = Vec::new();
    if record.disabled {
        wrong.push("the client is disabled".to_owned());
    }
    if record.public {
        wrong.push("the client is public, so it gets no tokens".to_owned());
    }
    if facts.is_fapi {
        wrong.push("FAPI=on does not allow identity tokens of workloads".to_owned());
    }
    let not_checked = |why: &str| Signature::NotChecked(why.to_owned());
    let token = match Token::parse(text) {
        Ok(token) => token,
        Err(error) => {
            wrong.push(format!("the token cannot be read: {error:#}"));
            return Judged { wrong, signature: not_checked("the token cannot be read"), rules: Vec::new() };
        }
    };
    let iss = token.text("iss");
    if iss == Some(record.id.as_str()) {
        wrong
            .push("the client signed the token itself: it is an assertion, not an identity token".to_owned());
    }
    let issuer = match iss {
        None => Err("the token has no issuer (iss)".to_owned()),
        Some(iss) => trusted(iss, record, issuers, own),
    };
    let issuer = match issuer {
        Ok(issuer) => Some(issuer),
        Err(why) => {
            wrong.push(why);
            None
        }
    };
    let signature = match issuer {
        Some(issuer) => {
            wrong.extend(token.wrong_header(issuer));
            wrong.extend(token.wrong_claims(issuer, now));
            signature(&token, issuer, facts.fetch)
        }
        None => not_checked("the issuer is not trusted"),
    };
    let rules = record.identities.iter().map(|rule| {
        let failed = first_failure(rule, &token, issuer, own, now);
        Compared { rule: rule.id.clone(), matches: failed.is_none(), failed, described: described(rule) }
    });
    Judged { rules: rules.collect(), wrong, signature }
}

/// The registered and enabled issuer of a token. A rule must name it.
fn trusted<'a>(
    iss: &str,
    record: &ClientRecord,
    issuers: &'a ById<TrustedIssuer>,
    own: &str,
) -> Result<&'a TrustedIssuer, String> {
    if iss == own {
        return Err("the token is of this deployment itself, which identifies no workload".to_owned());
    }
    let named = record.identities.iter().find(|rule| rule.issuer.as_str() == iss);
    let Some(id) = named.map(|rule| &rule.issuer) else {
        return Err(format!("no rule of the client is about the issuer (iss) {}", shown(&iss.into())));
    };
    let is_local_only = id.is_local() && !own.starts_with("http://");
    match issuers.get(id).map(Stored::as_ref) {
        None => Err(format!("the issuer {id} is not registered: `edgemint issuer add` does that")),
        Some(Err(error)) => Err(format!("the record of the trusted issuer {id} cannot be read: {error}")),
        Some(Ok(issuer)) if issuer.disabled => Err(format!("the trusted issuer {id} is disabled")),
        Some(Ok(_)) if is_local_only => Err(format!("the issuer {id} is on this machine, and ISSUER is not")),
        Some(Ok(issuer)) => Ok(issuer),
    }
}

/// Verifies the signature with the keys of the issuer.
fn signature(
    token: &Token<'_>,
    issuer: &TrustedIssuer,
    fetch: &dyn Fn(&KeySetUrl) -> Result<String>,
) -> Signature {
    let fetched;
    let keys = match &issuer.keys {
        IssuerKeys::Jwks(_) => issuer.uploaded(),
        IssuerKeys::JwksUri(url) => {
            let set = fetch(url).and_then(|set| Ok(KeySet::parse(&set, issuer.platform.key_uses())?));
            match set {
                Ok(set) => {
                    fetched = set;
                    &fetched
                }
                Err(error) => return Signature::NotChecked(format!("{error:#}")),
            }
        }
    };
    let is_named = |kid: Option<&str>| token.kid().is_none_or(|named| kid == Some(named));
    let mut candidates =
        keys.keys().iter().filter(|key| is_named(key.kid()) && key.serves(token.alg)).take(MAX_TRIES);
    let is_valid = candidates.any(|key| verifies(key, token.alg, token.input.as_bytes(), &token.signature));
    if is_valid { Signature::Valid } else { Signature::Invalid }
}

/// The first condition of a rule that the token does not meet.
fn first_failure(
    rule: &Identity,
    token: &Token<'_>,
    issuer: Option<&TrustedIssuer>,
    own: &str,
    now: u64,
) -> Option<String> {
    let value = |name: &str| token.claims.get(name).map_or_else(|| "missing".to_owned(), shown);
    let iss = &rule.issuer;
    if token.text("iss") != Some(iss.as_str()) {
        return Some(format!("the issuer (iss) is {}, not {}", value("iss"), shown(&iss.as_str().into())));
    }
    let Some(issuer) = issuer else { return Some(untrusted(iss)) };
    if let Err(missing) = rule.check_pins(issuer.platform) {
        return Some(format!("the rule does not pin {}, so it never matches", missing.0));
    }
    let mismatch = rule.matches(&token.claims, issuer.platform, own, now).err()?;
    Some(match mismatch {
        Mismatch::Expired => "the rule has expired".to_owned(),
        Mismatch::Audience => format!(
            "the audience (aud) is {}, not {}",
            value("aud"),
            shown(&rule.audience.as_deref().unwrap_or(own).into())
        ),
        Mismatch::Subject => format!(
            "the subject (sub) is {}, not {}",
            value("sub"),
            shown(&rule.subject.as_deref().unwrap_or_default().into())
        ),
        Mismatch::SubjectPrefix => format!(
            "the subject (sub) is {}, and does not begin with {}",
            value("sub"),
            shown(&rule.subject_prefix.as_deref().unwrap_or_default().into())
        ),
        Mismatch::Claim(name) => {
            // A claim of Kubernetes is within another one.
            let found = token.claims.get(name).or_else(|| {
                let mut path = name.split('/');
                let outer = token.claims.get(path.next()?)?;
                path.try_fold(outer, |value, name| value.get(name))
            });
            let found = found.map_or_else(|| "missing".to_owned(), shown);
            let expected = rule.claims.get(name).map_or_else(String::new, shown);
            format!("the claim {name} is {found}, not {expected}")
        }
    })
}

fn untrusted(id: &TrustedIssuerId) -> String {
    format!("the issuer {id} is not trusted now")
}

/// The value of a claim as JSON, which shows its type, and cut.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(MAX_VALUE) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}
