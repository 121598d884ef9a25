//! Any request whatever: a token if and only if credentials, targets and scope are right, and never a panic.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop, and say where"
)]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use edgemint_issuer::{
    ApiId, ApiRecord, ApiScope, Arrival, Authority, Body, ClientId, ClientRecord, Config, GeneratedSecret,
    MAX_BODY, Request, ScopeToken, StoredSecret,
};
use edgemint_testkit::{MemoryClients, TestCrypto, moment, signing_key};
use proptest::prelude::*;

fn secret() -> GeneratedSecret {
    GeneratedSecret::from_random(&[9; 32])
}

/// What the client's record says.
const GRANTED: [(&str, &[&str]); 4] = [
    ("https://a/", &["write", "read", "retired"]),
    ("https://b/", &["read"]),
    ("c", &["read", "write"]),
    ("https://gone/", &["read"]),
];

/// What the records of the APIs say.
const DEFINED: [(&str, &[&str]); 4] = [
    ("https://a/", &["read", "write", "admin"]),
    ("https://b/", &["read", "write"]),
    ("c", &["read", "write"]),
    ("https://foreign/", &["read"]),
];

/// What the client has at `api`, said a third time; nothing for an API that it does not have.
fn has(api: &str) -> Option<&'static [&'static str]> {
    match api {
        "https://a/" | "c" => Some(&["read", "write"]),
        "https://b/" => Some(&["read"]),
        _ => None,
    }
}

/// Whether a request with these targets and this scope is to be granted.
fn may(targets: &[(String, String)], scope: Option<&str>) -> bool {
    let well_formed = targets.iter().all(|(name, value)| name == "audience" || value != "c");
    let Some(at) = targets.iter().map(|(_, value)| has(value)).collect::<Option<Vec<_>>>() else {
        return false;
    };
    let granted = match scope {
        None => at.iter().all(|scopes| *scopes == at[0]),
        Some("openid groups") => true,
        Some("openid read") => !at.is_empty(),
        Some("write") => !at.is_empty() && at.iter().all(|scopes| scopes.contains(&"write")),
        Some(_) => false,
    };
    well_formed && granted
}

fn authority() -> Authority<MemoryClients, TestCrypto> {
    let mut record = ClientRecord::new(ClientId::parse("app").unwrap(), "App");
    record.secrets.push(StoredSecret { id: "s1".into(), created: 0, expires: None, hash: secret().hash() });
    let scopes = |names: &[&str]| names.iter().map(|name| ScopeToken::parse(name).unwrap()).collect();
    for (api, granted) in GRANTED {
        record.grants.insert(ApiId::parse(api).unwrap(), scopes(granted));
    }
    let mut clients = MemoryClients::default();
    clients.add(&record);
    for (api, defined) in DEFINED {
        let mut record = ApiRecord::new(ApiId::parse(api).unwrap(), "API");
        let defined: Vec<ScopeToken> = scopes(defined);
        record.scopes =
            defined.into_iter().map(|name| ApiScope { name, description: String::new() }).collect();
        clients.add_api(&record);
    }
    let key = signing_key("EdDSA", &[]);
    let variables =
        [("ISSUER", "https://example.com"), ("GRANT_TYPES", "client_credentials"), ("SIGNING_KEY_A", &key)];
    Authority::new(Config::parse(variables).unwrap(), clients, TestCrypto::default(), [0; 32])
}

fn ask(authorization: Option<&str>, content_type: &str, body: &[u8]) -> (u16, String) {
    let authority = authority();
    let request = Request {
        method: "POST",
        path: "/token",
        authorization,
        accept: None,
        content_type: Some(content_type),
        origin: None,
        if_none_match: None,
        body: if body.len() > MAX_BODY { Body::TooLarge } else { Body::Whole(body) },
        arrival: Arrival::default(),
    };
    let outcome = pollster::block_on(authority.handle(&request, &moment()));
    let response = outcome.response;
    let header = |name: &str| {
        response.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_string())
    };
    assert_eq!(header("Cache-Control").as_deref(), Some("no-store"));
    assert_eq!(header("Pragma").as_deref(), Some("no-cache"));
    assert_eq!(header("WWW-Authenticate").is_some(), response.status == 401 && authorization.is_some());
    assert!(outcome.event.is_some(), "every decision is told");
    (response.status, response.body.into_owned())
}

const FORM: &str = "application/x-www-form-urlencoded";

fn target() -> impl Strategy<Value = String> {
    "(resource=(https://(a|a|b|b|gone|foreign)/|c|)|audience=(https://(a|b)/|c|c|d))"
}

/// A piece of a request, right or not.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("grant_type=client_credentials".to_owned()),
        Just("grant_type=password".to_owned()),
        Just("client_id=app".to_owned()),
        Just(format!("client_secret={}", secret().expose())),
        Just("client_secret=wrong".to_owned()),
        Just("scope=openid+groups".to_owned()),
        Just("scope=offline_access".to_owned()),
        Just("scope=openid+read".to_owned()),
        Just("scope=write".to_owned()),
        Just("scope=admin".to_owned()),
        target(),
        target(),
        Just("scope=".to_owned()),
        Just("nonce=n".to_owned()),
        "[a-z_]{0,12}=[ -~]{0,12}",
        ".{0,8}",
    ]
}

/// A request; every other one of a client that proves itself and asks for something.
fn pieces() -> impl Strategy<Value = Vec<String>> {
    let right = format!("client_id=app&client_secret={}&grant_type=client_credentials", secret().expose());
    let asks = (
        proptest::collection::vec(target(), 0..4),
        prop_oneof![
            Just(""),
            Just("scope=openid+read"),
            Just("scope=write"),
            Just("scope=openid+groups"),
            Just("scope=retired"),
            Just("scope=admin")
        ],
    );
    let right = asks.prop_map(move |(targets, scope)| {
        let mut pieces = vec![right.clone(), scope.to_owned()];
        pieces.extend(targets);
        pieces
    });
    prop_oneof![proptest::collection::vec(piece(), 0..7), right]
}

fn authorization() -> impl Strategy<Value = Option<String>> {
    let basic = |pair: &str| Some(format!("Basic {}", STANDARD.encode(pair)));
    prop_oneof![
        3 => Just(None),
        3 => Just(basic(&format!("app:{}", secret().expose()))),
        1 => Just(basic("app:wrong")),
        1 => "(Basic|Bearer|basic)? ?[ -~]{0,40}".prop_map(Some),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_token_is_issued_if_and_only_if_credentials_and_scope_are_right(
        pieces in pieces(),
        authorization in authorization(),
    ) {
        let body = pieces.join("&");
        let (status, answer) = ask(authorization.as_deref(), FORM, body.as_bytes());

        // Written a second time, for well-formed forms alone, by another implementation's reading of them.
        let parameters: Vec<(String, String)> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        let values = |name: &str| parameters.iter().filter(|(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.clone()).collect::<Vec<_>>();
        let right = secret().expose().to_owned();
        let by_header = authorization.as_deref() == Some(&format!("Basic {}", STANDARD.encode(format!("app:{right}"))));
        let id = values("client_id");
        let proven = if by_header {
            values("client_secret").is_empty() && id.iter().all(|id| id == "app")
        } else {
            authorization.is_none() && id == ["app"] && values("client_secret") == [right]
        };
        let scope = values("scope");
        let targets: Vec<(String, String)> = parameters.iter().filter(|(n, v)| ["resource", "audience"].contains(&n.as_str()) && !v.is_empty()).cloned().collect();
        let may = scope.len() < 2 && may(&targets, scope.first().map(String::as_str));
        let asked = values("grant_type") == ["client_credentials"];
        if status == 200 {
            prop_assert!(proven && may && asked, "{body} {authorization:?} got {answer}");
        } else {
            prop_assert!([400, 401].contains(&status), "{status}");
            prop_assert!(!answer.contains("access_token"));
            let repeats = parameters.iter().enumerate().any(|(i, (n, v))| !v.is_empty() && !targets.contains(&(n.clone(), v.clone())) && parameters.iter().take(i).any(|(m, w)| m == n && !w.is_empty()));
            let well_formed = !body.contains('%') && !repeats;
            prop_assert!(!(proven && may && asked && well_formed), "{body} {authorization:?} was refused: {answer}");
        }
    }

    #[test]
    fn no_bytes_make_it_panic(
        header in proptest::option::of("[ -~]{0,60}"),
        content_type in prop_oneof![Just(FORM.to_owned()), "[ -~]{0,40}"],
        body in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let (status, _) = ask(header.as_deref(), &content_type, &body);
        prop_assert!([400, 401].contains(&status), "{status}");
    }
}
