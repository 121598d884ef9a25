//! Any request whatever: a token if and only if the credentials and the scope are right, and never a panic.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop, and say where"
)]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use edgemint_issuer::{
    Authority, Body, ClientId, ClientRecord, Config, GeneratedSecret, MAX_BODY, Request, StoredSecret,
};
use edgemint_testkit::{MemoryClients, TestCrypto, moment, signing_key};
use proptest::prelude::*;

fn secret() -> GeneratedSecret {
    GeneratedSecret::from_random(&[9; 32])
}

fn authority() -> Authority<MemoryClients, TestCrypto> {
    let mut record = ClientRecord::new(ClientId::parse("app").unwrap(), "App");
    record.secrets.push(StoredSecret { id: "s1".into(), created: 0, expires: None, hash: secret().hash() });
    let mut clients = MemoryClients::default();
    clients.add(&record);
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
        Just("scope=".to_owned()),
        Just("nonce=n".to_owned()),
        "[a-z_]{0,12}=[ -~]{0,12}",
        ".{0,8}",
    ]
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
        pieces in proptest::collection::vec(piece(), 0..7),
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
        let may = scope.iter().all(|scope| scope == "openid groups");
        let asked = values("grant_type") == ["client_credentials"];
        if status == 200 {
            prop_assert!(proven && may && asked, "{body} {authorization:?} got {answer}");
        } else {
            prop_assert!([400, 401].contains(&status), "{status}");
            prop_assert!(!answer.contains("access_token"));
            let repeats = parameters.iter().enumerate().any(|(i, (n, v))| !v.is_empty() && parameters.iter().take(i).any(|(m, w)| m == n && !w.is_empty()));
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
