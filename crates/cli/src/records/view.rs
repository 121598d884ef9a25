//! Records for output: every field except the hashes.

use std::collections::BTreeMap;

use edgemint_issuer::{
    Algorithm, ApiId, ApiRecord, ApiScope, AssertionAudience, Bound, ClientCertificate, ClientId, ClientKey,
    ClientRecord, Identity, Introspect, IssuerKeys, KeySetUrl, Platform, PublicKey, ScopeToken, SecretHash,
    SignatureAlgorithm, StoredSecret, TokenProfile, TrustedIssuer, TrustedIssuerId,
};
use serde::Serialize;
use serde_json::Value;

/// The state of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    Active,
    Disabled,
    Public,
    /// The record cannot be read.
    Unreadable,
}

impl State {
    pub(crate) fn of(record: &ClientRecord) -> Self {
        match (record.disabled, record.public) {
            (true, _) => Self::Disabled,
            (false, true) => Self::Public,
            (false, false) => Self::Active,
        }
    }

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Public => "public",
            Self::Unreadable => "unreadable",
        }
    }
}

/// A client record without its hashes. The fields have their stored names.
#[derive(Debug, Serialize)]
pub(crate) struct RecordView<'a> {
    pub(crate) id: &'a ClientId,
    pub(crate) name: &'a str,
    pub(crate) public: bool,
    pub(crate) disabled: bool,
    pub(crate) secrets: Vec<SecretView<'a>>,
    pub(crate) groups: &'a [String],
    pub(crate) trusted_peers: &'a [ClientId],
    pub(crate) token_lifetime: Option<u64>,
    pub(crate) revision: u64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) grants: &'a BTreeMap<ApiId, Vec<ScopeToken>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) default_api: Option<&'a ApiId>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) claims: &'a BTreeMap<String, Value>,
    /// Absent for the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) introspect: Option<Introspect>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) not_before: Option<u64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) introspects: &'a [ApiId],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) keys: Vec<KeyView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) jwks_uri: Option<&'a KeySetUrl>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) jwks_algs: &'a [SignatureAlgorithm],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) assertion_audience: Option<AssertionAudience>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) assertion_lifetime: Option<u64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) identities: &'a [Identity],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) certificates: &'a [ClientCertificate],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bound: Option<Bound>,
}

/// What tokens must be bound to, in the standard metadata of a client. For `any`, both are false, because neither way
/// is used always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct BoundMetadata {
    /// Whether every token request of the client has a DPoP proof (RFC 9449 §5.2).
    dpop_bound_access_tokens: bool,
    /// Whether every token of the client is bound to its certificate (RFC 8705 §3.4).
    tls_client_certificate_bound_access_tokens: bool,
}

impl BoundMetadata {
    pub(crate) fn of(bound: Option<Bound>) -> Self {
        Self {
            dpop_bound_access_tokens: bound == Some(Bound::Dpop),
            tls_client_certificate_bound_access_tokens: bound == Some(Bound::Mtls),
        }
    }
}

/// A public key of a client.
#[derive(Debug, Serialize)]
pub(crate) struct KeyView<'a> {
    pub(crate) kid: &'a str,
    pub(crate) alg: SignatureAlgorithm,
    pub(crate) created: u64,
    pub(crate) expires: Option<u64>,
    /// Whether the key is valid now.
    pub(crate) live: bool,
    pub(crate) thumbprint: &'a str,
    pub(crate) jwk: &'a PublicKey,
}

impl<'a> KeyView<'a> {
    pub(crate) fn of(key: &'a ClientKey, now: u64) -> Self {
        Self {
            kid: &key.kid,
            alg: key.alg,
            created: key.created,
            expires: key.expires,
            live: key.is_live(now),
            thumbprint: key.jwk.thumbprint(),
            jwk: &key.jwk,
        }
    }
}

/// A secret without its hash.
#[derive(Debug, Serialize)]
pub(crate) struct SecretView<'a> {
    pub(crate) id: &'a str,
    pub(crate) created: u64,
    pub(crate) expires: Option<u64>,
    /// Whether the secret is valid now.
    pub(crate) live: bool,
    /// The kind of the hash.
    pub(crate) kind: &'static str,
}

impl<'a> RecordView<'a> {
    pub(crate) fn of(record: &'a ClientRecord, now: u64) -> Self {
        let secret = |secret: &'a StoredSecret| SecretView {
            id: &secret.id,
            created: secret.created,
            expires: secret.expires,
            live: secret.is_live(now),
            kind: match secret.hash {
                SecretHash::Sha256(_) => "sha256",
                SecretHash::Pbkdf2 { .. } => "pbkdf2-sha256",
            },
        };
        Self {
            id: &record.id,
            name: &record.name,
            public: record.public,
            disabled: record.disabled,
            secrets: record.secrets.iter().map(secret).collect(),
            groups: &record.groups,
            trusted_peers: &record.trusted_peers,
            token_lifetime: record.token_lifetime,
            revision: record.revision,
            grants: &record.grants,
            default_api: record.default_api.as_ref(),
            claims: &record.claims,
            introspect: Some(record.introspect).filter(|introspect| *introspect != Introspect::default()),
            not_before: record.not_before,
            introspects: &record.introspects,
            keys: record.keys.iter().map(|key| KeyView::of(key, now)).collect(),
            jwks_uri: record.jwks_uri.as_ref(),
            jwks_algs: &record.jwks_algs,
            assertion_audience: record.assertion_audience,
            assertion_lifetime: record.assertion_lifetime,
            identities: &record.identities,
            certificates: &record.certificates,
            bound: record.bound,
        }
    }
}

/// An API record. The fields have their stored names.
#[derive(Debug, Serialize)]
pub(crate) struct ApiView<'a> {
    pub(crate) id: &'a ApiId,
    pub(crate) name: &'a str,
    pub(crate) scopes: &'a [ApiScope],
    pub(crate) token_lifetime: Option<u64>,
    pub(crate) alg: Option<Algorithm>,
    pub(crate) profile: Option<TokenProfile>,
    pub(crate) revision: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bound: Option<Bound>,
}

impl<'a> ApiView<'a> {
    pub(crate) fn of(record: &'a ApiRecord) -> Self {
        Self {
            id: &record.id,
            name: &record.name,
            scopes: &record.scopes,
            token_lifetime: record.token_lifetime,
            alg: record.alg,
            profile: record.profile,
            revision: record.revision,
            bound: record.bound,
        }
    }
}

/// The record of a trusted issuer. The fields have their stored names.
#[derive(Debug, Serialize)]
pub(crate) struct IssuerView<'a> {
    pub(crate) id: &'a TrustedIssuerId,
    pub(crate) name: &'a str,
    pub(crate) platform: Platform,
    pub(crate) keys: &'a IssuerKeys,
    pub(crate) algs: &'a [SignatureAlgorithm],
    pub(crate) max_age: u64,
    pub(crate) single_use: bool,
    pub(crate) disabled: bool,
    pub(crate) revision: u64,
}

impl<'a> IssuerView<'a> {
    pub(crate) fn of(record: &'a TrustedIssuer) -> Self {
        Self {
            id: &record.id,
            name: &record.name,
            platform: record.platform,
            keys: &record.keys,
            algs: &record.algs,
            max_age: record.max_age,
            single_use: record.single_use,
            disabled: record.disabled,
            revision: record.revision,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_shows_no_hash() {
        let id = ClientId::parse("a").expect("an ID");
        let mut record = ClientRecord::new(id, "A");
        let hash = SecretHash::parse(&format!("$sha256${}", "A".repeat(43))).expect("a hash");
        record.secrets.push(StoredSecret { id: "s1".to_owned(), created: 1, expires: Some(5), hash });
        for (now, live) in [(4, true), (5, false)] {
            let view = RecordView::of(&record, now);
            let shown = format!("{view:?} {}", serde_json::to_string(&view).unwrap_or_default());
            assert!(!shown.contains("AAAA"), "{shown}");
            assert_eq!(view.secrets[0].live, live);
        }
    }
}
