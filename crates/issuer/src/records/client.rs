//! The client record: its fields, and the checks that a stored record must pass.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::grammar::compact_json::CompactJson;
use crate::grammar::duration::Lifetime;
use crate::grammar::json;
use crate::grammar::key_set_url::KeySetUrl;
use crate::grammar::scope::ScopeToken;
use crate::jose::signature_algorithm::SignatureAlgorithm;
use crate::records::api_id::ApiId;
use crate::records::bound::Bound;
use crate::records::certificate::{ClientCertificate, check_certificates};
use crate::records::claims::check_claims;
use crate::records::client_id::ClientId;
use crate::records::client_key::{
    AssertionAudience, ClientKey, LONGEST_ASSERTION_LIFETIME, SHORTEST_ASSERTION_LIFETIME, check_keys,
};
use crate::records::identity::{Identity, check_identities};
use crate::records::schema::{RecordError, Versioned, objects, read, unique};
use crate::secret::hash::SecretHash;

/// The version of a record that has no newer field, so that older Workers can read it.
const VERSION: u32 = 1;

/// The version of a record that has a field of version 2.
const VERSION_2: u32 = 2;

/// The version of a record that has a field of version 3.
const VERSION_3: u32 = 3;

/// One of a client's secrets.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredSecret {
    /// The name of the secret in logs and commands, unique within the record.
    pub id: String,
    /// The creation time, in seconds since 1970.
    pub created: u64,
    /// The time from which it no longer works, in seconds since 1970.
    pub expires: Option<u64>,
    /// The stored hash.
    pub hash: SecretHash,
}

impl StoredSecret {
    /// Whether it works at `now`, in seconds since 1970. It works before the second at which it expires, but
    /// not at that second.
    pub fn is_live(&self, now: u64) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }

    fn as_written(text: &mut CompactJson<'_>) -> Option<Self> {
        text.skip("{\"id\":")?;
        let id = text.string()?.to_owned();
        text.skip(",\"created\":")?;
        let created = text.number()?;
        text.skip(",\"expires\":")?;
        let expires = text.nullable_number()?;
        text.skip(",\"hash\":")?;
        let hash = SecretHash::parse(text.string()?).ok()?;
        text.skip("}")?;
        Some(Self { id, created, expires, hash })
    }
}

/// At least one grant, after the brace.
fn grants_as_written(text: &mut CompactJson<'_>) -> Option<BTreeMap<ApiId, Vec<ScopeToken>>> {
    let mut grants = BTreeMap::new();
    loop {
        let api = ApiId::parse(text.string()?).ok()?;
        text.skip(":")?;
        let scopes = text.list(|text| ScopeToken::parse(text.string()?).ok())?;
        if grants.insert(api, scopes).is_some() {
            return None;
        }
        if text.has("}") {
            return Some(grants);
        }
        text.skip(",")?;
    }
}

/// A registered client, as stored under [`ClientId::kv_key`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientRecord {
    /// The version of this schema: 3 with `introspects` or a later field, 2 with one of the five fields before
    /// it, else 1.
    v: u32,
    /// The client ID, the same as in the key.
    pub id: ClientId,
    /// A name for people. It becomes `name` and `preferred_username` of the ID token.
    pub name: String,
    /// Whether it is a public client (RFC 6749 §2.1), which cannot keep a secret. It gets no token here.
    pub public: bool,
    /// Whether it is disabled. A disabled client gets no token.
    pub disabled: bool,
    /// The secrets. There are several during a rotation.
    #[serde(deserialize_with = "objects")]
    pub secrets: Vec<StoredSecret>,
    /// The groups that the scope `groups` puts into tokens.
    pub groups: Vec<String>,
    /// The clients that may request tokens with this client as audience.
    pub trusted_peers: Vec<ClientId>,
    /// The lifetime of its tokens, in seconds, at least 30. If absent, the deployment's default.
    pub token_lifetime: Option<u64>,
    /// The number of writes, so that one operator notices the write of another.
    pub revision: u64,
    /// The APIs that it may get tokens for (RFC 8707), and the scopes at each.
    #[serde(default, deserialize_with = "unique", skip_serializing_if = "BTreeMap::is_empty")]
    pub grants: BTreeMap<ApiId, Vec<ScopeToken>>,
    /// The API that its tokens are for when a request names none. It is one of `grants`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_api: Option<ApiId>,
    /// Claims that are copied into its access tokens: at most [`MAX_CLAIMS`](crate::MAX_CLAIMS) bytes, and no
    /// name of [`RESERVED_CLAIMS`](crate::RESERVED_CLAIMS).
    #[serde(default, deserialize_with = "unique", skip_serializing_if = "BTreeMap::is_empty")]
    pub claims: BTreeMap<String, Value>,
    /// The tokens that it may introspect (RFC 7662).
    #[serde(default, skip_serializing_if = "Introspect::is_own")]
    pub introspect: Introspect,
    /// Tokens that it got up to this second since 1970 are revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<u64>,
    /// The APIs whose tokens it may introspect (RFC 7662 §4), as their resource server.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub introspects: Vec<ApiId>,
    /// The public keys that verify its own assertions (RFC 7523 §2.2). There are several during a rotation.
    #[serde(default, deserialize_with = "objects", skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<ClientKey>,
    /// The URL of its public keys, instead of `keys`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<KeySetUrl>,
    /// The algorithms of the RSA keys at `jwks_uri` that state none. If empty, PS256.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jwks_algs: Vec<SignatureAlgorithm>,
    /// The audience that its assertions may have in addition to the issuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assertion_audience: Option<AssertionAudience>,
    /// The longest lifetime of its assertions in seconds, 30 to 3600. If absent, 300.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assertion_lifetime: Option<u64>,
    /// The workloads of other issuers that are this client.
    #[serde(default, deserialize_with = "objects", skip_serializing_if = "Vec::is_empty")]
    pub identities: Vec<Identity>,
    /// The certificates that authenticate it (RFC 8705 §2). There are several during a rotation.
    #[serde(default, deserialize_with = "objects", skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<ClientCertificate>,
    /// What its tokens must be bound to. If absent, they may be bearer tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<Bound>,
}

/// The tokens that a client may ask about at the introspection endpoint (RFC 7662 §4).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Introspect {
    /// Tokens that it was issued, tokens that name it as audience, and tokens for the APIs of
    /// [`introspects`](ClientRecord::introspects).
    #[default]
    Own,
    /// All tokens.
    Any,
}

impl Introspect {
    fn is_own(&self) -> bool {
        *self == Self::Own
    }
}

impl Versioned for ClientRecord {
    const KNOWN: RangeInclusive<u32> = VERSION..=VERSION_3;

    fn version(&self) -> u32 {
        self.v
    }

    /// The record of a client that authenticates with secrets: the fields of version 1, `grants` and `default_api`, as
    /// [`ClientRecord::to_json`] writes them.
    fn as_written(json: &str) -> Option<Self> {
        let mut text = CompactJson::new(json);
        text.skip("{\"v\":")?;
        let v = u32::try_from(text.number()?).ok()?;
        text.skip(",\"id\":")?;
        let id = ClientId::parse(text.string()?).ok()?;
        text.skip(",\"name\":")?;
        let mut record = Self { v, ..Self::new(id, text.string()?) };
        text.skip(",\"public\":")?;
        record.public = text.boolean()?;
        text.skip(",\"disabled\":")?;
        record.disabled = text.boolean()?;
        text.skip(",\"secrets\":")?;
        record.secrets = text.list(StoredSecret::as_written)?;
        text.skip(",\"groups\":")?;
        record.groups = text.list(|text| text.string().map(str::to_owned))?;
        text.skip(",\"trusted_peers\":")?;
        record.trusted_peers = text.list(|text| ClientId::parse(text.string()?).ok())?;
        text.skip(",\"token_lifetime\":")?;
        record.token_lifetime = text.nullable_number()?;
        text.skip(",\"revision\":")?;
        record.revision = text.number()?;
        if text.has(",\"grants\":{") {
            record.grants = grants_as_written(&mut text)?;
        }
        if text.has(",\"default_api\":") {
            record.default_api = Some(ApiId::parse(text.string()?).ok()?);
        }
        text.end("}")?;
        Some(record)
    }
}

impl ClientRecord {
    /// A new confidential client without secrets, groups or grants.
    pub fn new(id: ClientId, name: impl Into<String>) -> Self {
        Self {
            v: VERSION,
            id,
            name: name.into(),
            public: false,
            disabled: false,
            secrets: Vec::new(),
            groups: Vec::new(),
            trusted_peers: Vec::new(),
            token_lifetime: None,
            revision: 1,
            grants: BTreeMap::new(),
            default_api: None,
            claims: BTreeMap::new(),
            introspect: Introspect::Own,
            not_before: None,
            introspects: Vec::new(),
            keys: Vec::new(),
            jwks_uri: None,
            jwks_algs: Vec::new(),
            assertion_audience: None,
            assertion_lifetime: None,
            identities: Vec::new(),
            certificates: Vec::new(),
            bound: None,
        }
    }

    /// Whether it can sign assertions itself.
    pub fn has_keys(&self) -> bool {
        !self.keys.is_empty() || self.jwks_uri.is_some()
    }

    /// Whether it can authenticate at all: with a secret, an own key, an identity or a certificate.
    pub fn can_authenticate(&self) -> bool {
        !self.secrets.is_empty()
            || self.has_keys()
            || !self.identities.is_empty()
            || !self.certificates.is_empty()
    }

    /// The version that the fields of this record need.
    fn needed_version(&self) -> u32 {
        let is_of_version_1 = self.grants.is_empty()
            && self.default_api.is_none()
            && self.claims.is_empty()
            && self.introspect.is_own()
            && self.not_before.is_none();
        let is_of_version_2 = self.introspects.is_empty()
            && !self.has_keys()
            && self.jwks_algs.is_empty()
            && self.assertion_audience.is_none()
            && self.assertion_lifetime.is_none()
            && self.identities.is_empty()
            && self.certificates.is_empty()
            && self.bound.is_none();
        match (is_of_version_2, is_of_version_1) {
            (false, _) => VERSION_3,
            (true, false) => VERSION_2,
            (true, true) => VERSION,
        }
    }

    /// Reads the record stored under `id`.
    ///
    /// # Errors
    ///
    /// When it is not a complete record of a known version, or belongs to another client.
    pub fn parse(id: &ClientId, json: &str) -> Result<Self, RecordError> {
        let record: Self = read(json)?;
        // An older Worker could not read a field that is newer than the stated version.
        let needed = record.needed_version();
        if record.v < needed {
            return Err(RecordError::Malformed(format!("it has fields of version {needed}")));
        }
        if record.id != *id {
            return Err(RecordError::WrongId);
        }
        let ids = || record.secrets.iter().map(|secret| &secret.id);
        if ids().enumerate().any(|(i, id)| ids().take(i).any(|earlier| earlier == id)) {
            return Err(RecordError::RepeatedSecretId);
        }
        if record.token_lifetime.is_some_and(|seconds| seconds < Lifetime::SHORTEST_OF_TOKENS.seconds()) {
            return Err(RecordError::Lifetime);
        }
        if record.default_api.as_ref().is_some_and(|api| !record.grants.contains_key(api)) {
            return Err(RecordError::DefaultApi);
        }
        check_claims(&record.claims)?;
        check_keys(&record.keys)?;
        if record.jwks_uri.is_some() && !record.keys.is_empty() {
            return Err(RecordError::KeysAndUrl);
        }
        let lifetimes = SHORTEST_ASSERTION_LIFETIME.seconds()..=LONGEST_ASSERTION_LIFETIME.seconds();
        if record.assertion_lifetime.is_some_and(|seconds| !lifetimes.contains(&seconds)) {
            return Err(RecordError::AssertionLifetime);
        }
        check_identities(&record.identities)?;
        check_certificates(&record.certificates)?;
        Ok(record)
    }

    /// The JSON that is stored.
    pub fn to_json(&self) -> String {
        json::of(&Self { v: self.needed_version(), ..self.clone() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::records::claims::{MAX_CLAIMS, RESERVED_CLAIMS};
    use crate::records::schema::Object;

    const RECORD: &str = r#"{"v":1,"id":"a","name":"A","public":false,"disabled":false,
        "secrets":[{"id":"s1","created":1,"expires":null,"hash":"$sha256$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}],
        "groups":[],"trusted_peers":[],"token_lifetime":null,"revision":1}"#;

    const KEYS: &str = r#""keys":[{"kid":"k","alg":"EdDSA","jwk":{"crv":"Ed25519","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},"created":1,"expires":null}]"#;

    const IDENTITIES: &str = r#""identities":[{"id":"i1","issuer":"https://id.example/","subject":"a","created":1,"expires":null}]"#;

    const CERTIFICATES: &str = r#""certificates":[{"id":"c1","created":1,"match":{"sha256":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}]"#;

    /// Reads `json` with the general reader. Without the line breaks of [`RECORD`], the quick reader must judge the same.
    fn parse(json: &str) -> Result<ClientRecord, RecordError> {
        let id = ClientId::parse("a").unwrap();
        let read = ClientRecord::parse(&id, json);
        match (&read, &ClientRecord::parse(&id, &json.replace("\n        ", ""))) {
            (Ok(read), Ok(quick)) => assert_eq!(whole(read), whole(quick)),
            (Err(RecordError::TooLarge), _)
            | (Err(RecordError::Malformed(_)), Err(RecordError::Malformed(_))) => {}
            (read, quick) => assert_eq!(read.as_ref().err(), quick.as_ref().err(), "{json}"),
        }
        read
    }

    /// The record with all that is in it. Its JSON states the version that it needs, so `v` is beside it.
    fn whole(record: &ClientRecord) -> (u32, String) {
        (record.v, record.to_json())
    }

    #[test]
    fn a_record_that_cannot_be_used_says_why() {
        assert!(parse(RECORD).is_ok());
        assert_eq!(
            parse(&RECORD.replace("\"v\":1", "\"v\":4,\"more\":0")).err(),
            Some(RecordError::Version(4))
        );
        for v in [0, 4] {
            let other = RECORD.replace("\"v\":1", &format!("\"v\":{v}"));
            assert_eq!(
                parse(&other).err(),
                Some(RecordError::Version(v)),
                "its fields are known, its meaning is not"
            );
        }
        assert_eq!(parse(&RECORD.replace("\"id\":\"a\"", "\"id\":\"b\"")).err(), Some(RecordError::WrongId));
        assert!(matches!(parse(&RECORD.replace("\"name\"", "\"nome\"")), Err(RecordError::Malformed(_))));
        assert!(matches!(
            parse(&RECORD.replace("\"name\":", "\"name\":\"B\",\"name\":")),
            Err(RecordError::Malformed(_))
        ));
        assert!(matches!(parse("garbage"), Err(RecordError::Malformed(_))));
        assert!(matches!(parse(&"[".repeat(100_000)), Err(RecordError::Malformed(_))));
        let short = RECORD.replace("\"token_lifetime\":null", "\"token_lifetime\":29");
        assert_eq!(parse(&short).err(), Some(RecordError::Lifetime));
        assert!(parse(&short.replace("29", "30")).is_ok());
        assert_eq!(parse(&" ".repeat(256 * 1024 + 1)).err(), Some(RecordError::TooLarge));
        let largest = format!("{RECORD}{}", " ".repeat(256 * 1024 - RECORD.len()));
        assert!(parse(&largest).is_ok() && parse(&(largest + " ")).is_err());
        let twice = RECORD.replace("[{\"id\"", "[{\"id\":\"s1\",\"created\":1,\"expires\":null,\"hash\":\"$sha256$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"},{\"id\"");
        assert_eq!(parse(&twice).err(), Some(RecordError::RepeatedSecretId));
    }

    #[test]
    fn what_is_wrong_with_a_record_is_told_without_its_values() {
        let error = parse(&RECORD.replace("$sha256$A", "$sha512$A")).unwrap_err().to_string();
        assert!(!error.contains("AAAA") && error.contains("schema"), "{error}");
    }

    #[test]
    fn a_secret_works_until_the_second_at_which_it_expires() {
        let secret = parse(RECORD).unwrap().secrets.remove(0);
        let ends = |expires| StoredSecret { expires, ..secret.clone() };
        assert!(ends(Some(1000)).is_live(999) && !ends(Some(1000)).is_live(1000));
        assert!(ends(None).is_live(u64::MAX) && !ends(Some(0)).is_live(0));
    }

    #[test]
    fn what_is_written_is_read_back() {
        let record = parse(RECORD).unwrap();
        assert_eq!(parse(&record.to_json()).unwrap().to_json(), record.to_json());
    }

    /// The record with `more` after its last field, and with this version.
    fn with(v: u32, more: &str) -> Result<ClientRecord, RecordError> {
        let json = RECORD.replace("\"v\":1", &format!("\"v\":{v}"));
        parse(&json.replace("\"revision\":1", &format!("\"revision\":1,{more}")))
    }

    #[test]
    fn a_record_is_of_the_version_of_its_newest_field() {
        for (version, more) in [
            (2, r#""grants":{"https://a/":["read","write"]}"#),
            (2, r#""grants":{"https://a/":[]},"default_api":"https://a/""#),
            (2, r#""claims":{"deep":{"a":[1,null]},"tenant":"t"}"#),
            (2, r#""introspect":"any""#),
            (2, r#""not_before":1"#),
            (3, r#""introspects":["https://a/","b"]"#),
            (3, r#""not_before":1,"introspects":["https://a/"]"#),
            (3, KEYS),
            (3, r#""jwks_uri":"https://a.example/keys""#),
            (3, r#""jwks_algs":["ES256"]"#),
            (3, r#""assertion_audience":"token_endpoint""#),
            (3, r#""assertion_lifetime":30"#),
            (3, IDENTITIES),
            (3, CERTIFICATES),
            (3, r#""bound":"any""#),
        ] {
            let record = with(version, more).unwrap();
            let json = record.to_json();
            assert!(json.starts_with(&format!("{{\"v\":{version},")) && json.contains(more), "{json}");
            assert_eq!(parse(&json).unwrap().to_json(), json);
            assert!(matches!(with(version - 1, more), Err(RecordError::Malformed(_))), "{more}");
        }
        assert!(parse(RECORD).unwrap().to_json().starts_with("{\"v\":1,"));
        // Only the fields count, not the version that was read.
        let mut changed = parse(RECORD).unwrap();
        changed.not_before = Some(1);
        assert!(changed.to_json().starts_with("{\"v\":2,"));
        changed = parse(&changed.to_json()).unwrap();
        changed.not_before = None;
        assert!(changed.to_json().starts_with("{\"v\":1,"));
    }

    #[test]
    fn a_client_authenticates_with_any_one_thing_that_it_has() {
        let without =
            RECORD.replace(&RECORD[RECORD.find("[{").unwrap()..=RECORD.find("}]").unwrap() + 1], "[]");
        let with = |more: &str| {
            let json = without.replace("\"v\":1", "\"v\":3");
            parse(&json.replace("\"revision\":1", &format!("\"revision\":1{more}"))).unwrap()
        };
        assert!(!with("").can_authenticate() && !with("").has_keys());
        assert!(parse(RECORD).unwrap().can_authenticate());
        for (more, is_key) in [
            (KEYS, true),
            (r#""jwks_uri":"https://a.example/keys""#, true),
            (IDENTITIES, false),
            (CERTIFICATES, false),
        ] {
            let record = with(&format!(",{more}"));
            assert_eq!((record.can_authenticate(), record.has_keys()), (true, is_key), "{more}");
        }
    }

    #[test]
    fn keys_and_what_is_accepted_of_them_fit_together() {
        let both = format!(r#"{KEYS},"jwks_uri":"https://a.example/keys""#);
        assert_eq!(with(3, &both).err(), Some(RecordError::KeysAndUrl));
        for (seconds, is_accepted) in [(29, false), (30, true), (3600, true), (3601, false)] {
            let found = with(3, &format!(r#""assertion_lifetime":{seconds}"#)).err();
            assert_eq!(found, (!is_accepted).then_some(RecordError::AssertionLifetime), "{seconds}");
        }
        for (part, broken, why) in [
            (KEYS, KEYS.replace("EdDSA", "ES256"), RecordError::ClientKey),
            (IDENTITIES, IDENTITIES.replace(r#""subject":"a","#, ""), RecordError::Identity("i1".into())),
            (CERTIFICATES, CERTIFICATES.replacen("AA", "=", 1), RecordError::Certificate("c1".into())),
        ] {
            assert!(with(3, part).is_ok(), "{part}");
            assert_eq!(with(3, &broken).err(), Some(why));
        }
    }

    #[test]
    fn what_a_record_may_not_grant_or_claim_is_refused() {
        assert_eq!(with(2, r#""default_api":"https://a/""#).err(), Some(RecordError::DefaultApi));
        for reserved in RESERVED_CLAIMS {
            let mut capital = reserved.to_owned();
            capital[..1].make_ascii_uppercase();
            let long = reserved.replacen('s', "\u{17F}", 1).replacen('k', "\u{212A}", 1);
            for name in [reserved.to_owned(), reserved.to_ascii_uppercase(), capital, long] {
                let claims = format!(r#""claims":{{"{name}":1}}"#);
                assert_eq!(with(2, &claims).err(), Some(RecordError::ReservedClaim(name)));
            }
        }
        for other in ["e_x_p", "\u{e9}xp", "tenant", "Tenant", "\u{131}ss"] {
            assert!(with(2, &format!(r#""claims":{{"{other}":1}}"#)).is_ok(), "{other}");
        }
        let large = |n: usize| with(2, &format!(r#""claims":{{"a":"{}"}}"#, "x".repeat(n)));
        assert!(large(MAX_CLAIMS - 8).is_ok());
        assert_eq!(large(MAX_CLAIMS - 7).err(), Some(RecordError::ClaimsTooLarge));
        for twice in [r#""claims":{"a":1,"a":2}"#, r#""grants":{"https://a/":[],"https://a/":["x"]}"#] {
            assert!(matches!(with(2, twice), Err(RecordError::Malformed(_))), "{twice}");
        }
    }

    /// A record with each thing that the quick reader reads.
    const WRITTEN: &str = r#"{"v":2,"id":"a","name":"Ä","public":false,"disabled":true,"secrets":[{"id":"s1","created":0,"expires":null,"hash":"$sha256$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},{"id":"s2","created":10,"expires":18446744073709551615,"hash":"$pbkdf2-sha256$i=100$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}],"groups":["g","h"],"trusted_peers":["b"],"token_lifetime":60,"revision":7,"grants":{"https://a/":["read","write"],"https://b/":[]},"default_api":"https://a/"}"#;

    fn by_serde(json: &str) -> Option<ClientRecord> {
        serde_json::from_str::<Object<ClientRecord>>(json).ok().map(|Object(record)| record)
    }

    /// What the quick reader reads, serde must read, too, and as the same.
    fn agrees_with_serde(json: &str) -> bool {
        let same = |read: ClientRecord| by_serde(json).is_some_and(|other| whole(&read) == whole(&other));
        ClientRecord::as_written(json).is_none_or(same)
    }

    #[test]
    fn a_version_is_read_whole() {
        assert!(agrees_with_serde(&WRITTEN.replacen('2', "4294967298", 1)));
    }

    #[test]
    fn a_usual_record_needs_no_general_parser() {
        let least = ClientRecord::new(ClientId::parse("a").unwrap(), "").to_json();
        for json in [WRITTEN, least.as_str()] {
            assert_eq!(ClientRecord::as_written(json).unwrap().to_json(), json);
        }
    }

    #[test]
    fn what_the_quick_reader_reads_is_what_serde_reads() {
        let (mut by_both, mut only_by_serde) = (0, 0);
        let places: Vec<usize> = WRITTEN.char_indices().map(|(i, _)| i).chain([WRITTEN.len()]).collect();
        let spans = places.iter().enumerate().flat_map(|(i, from)| {
            let places = &places;
            [0, 1, 2, 5].into_iter().filter_map(move |n| Some((*from, *places.get(i + n)?)))
        });
        for (from, to) in spans {
            let (before, changed, after) = (&WRITTEN[..from], &WRITTEN[from..to], &WRITTEN[to..]);
            let twice = changed.repeat(2);
            for with in [
                "", &twice, " ", "0", "-", ".5", "e1", "\"", "\\", "\\u0041", "\n", "{}", "[", "]", ",",
                "null",
            ] {
                let json = format!("{before}{with}{after}");
                assert!(agrees_with_serde(&json), "{json}");
                match (ClientRecord::as_written(&json), by_serde(&json)) {
                    (Some(_), _) => by_both += 1,
                    (None, Some(_)) => only_by_serde += 1,
                    (None, None) => {}
                }
            }
        }
        assert!(by_both > 100 && only_by_serde > 100, "{by_both}, {only_by_serde}");
    }

    proptest! {
        #[test]
        fn texts_and_numbers_of_a_usual_record_are_read_as_serde_reads_them(text in "\\PC*", number in "-?[0-9]{0,21}(\\.[0-9])?") {
            for (old, new) in [("\u{c4}", text.as_str()), ("60", &number), ("2", &number), ("\"g\"", &text), ("https://b/", &text)] {
                let json = WRITTEN.replacen(old, new, 1);
                prop_assert!(agrees_with_serde(&json), "{}", json);
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".*") {
            let _ = parse(&text);
        }

        #[test]
        fn a_client_id_is_printable_ascii(text in ".{0,300}") {
            let printable = text.chars().all(|c| (' '..='~').contains(&c)) && (1..=256).contains(&text.len());
            prop_assert_eq!(ClientId::parse(&text).is_ok(), printable);
        }
    }
}
