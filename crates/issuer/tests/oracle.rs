//! Arbitrary requests: a token if and only if credentials, targets and scope are right, and never a panic.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use edgemint_testkit::Oracle;
use proptest::prelude::*;

thread_local! {
    static ORACLE: Oracle = Oracle::default();
}

const FORM: &str = "application/x-www-form-urlencoded";

fn target() -> impl Strategy<Value = String> {
    "(resource=(https://(a|a|b|b|gone|foreign)/|c|)|audience=(https://(a|b)/|c|c|d))"
}

/// A part of a request, right or wrong.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("grant_type=client_credentials".to_owned()),
        Just("grant_type=password".to_owned()),
        Just("client_id=app".to_owned()),
        Just("client_id=slow".to_owned()),
        Just("client_id=disabled".to_owned()),
        Just(format!("client_secret={}", Oracle::secret().expose())),
        Just("client_secret=wrong".to_owned()),
        Just(Oracle::assertion()),
        Just(format!("client_assertion={}x", Oracle::identity())),
        Just("client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer".to_owned()),
        Just("assertion=x".to_owned()),
        Just("scope=openid+groups".to_owned()),
        Just("scope=offline_access".to_owned()),
        Just("scope=openid+read".to_owned()),
        Just("scope=write".to_owned()),
        Just("scope=admin".to_owned()),
        Just("scope=write+audience:server:client_id:https://b/".to_owned()),
        target(),
        target(),
        Just("scope=".to_owned()),
        Just("nonce=n".to_owned()),
        "[a-z_]{0,12}=[ -~]{0,12}",
        ".{0,8}",
    ]
}

/// A request. Half of them come from a client with right credentials.
fn pieces() -> impl Strategy<Value = Vec<String>> {
    let secret = format!("client_id=app&client_secret={}", Oracle::secret().expose());
    let proofs = prop_oneof![2 => Just(secret), 1 => Just(Oracle::assertion())];
    let asks = (
        proptest::collection::vec(target(), 0..4),
        prop_oneof![
            Just(""),
            Just("scope=openid+read"),
            Just("scope=write"),
            Just("scope=openid+groups"),
            Just("scope=retired"),
            Just("scope=openid+audience:server:client_id:peer"),
            Just("scope=write+audience:server:client_id:https://b/"),
            Just("scope=audience:server:client_id:https://b/"),
            Just("scope=read+audience:server:client_id:app"),
            Just("scope=admin")
        ],
    );
    let right = (proofs, asks).prop_map(move |(proof, (targets, scope))| {
        let mut pieces = vec![proof, "grant_type=client_credentials".to_owned(), scope.to_owned()];
        pieces.extend(targets);
        pieces
    });
    prop_oneof![proptest::collection::vec(piece(), 0..7), right]
}

fn authorization() -> impl Strategy<Value = Option<String>> {
    let basic = |pair: &str| Some(format!("Basic {}", STANDARD.encode(pair)));
    prop_oneof![
        3 => Just(None),
        3 => Just(basic(&format!("app:{}", Oracle::secret().expose()))),
        1 => Just(basic("app:wrong")),
        1 => Just(basic("slow:wrong%21")),
        1 => "(Basic|Bearer|basic)? ?[ -~]{0,40}".prop_map(Some),
    ]
}

/// No page, an allowed page, or a forbidden one.
fn origin() -> impl Strategy<Value = Option<String>> {
    let of = |origin: &str| Some(origin.to_owned());
    prop_oneof![
        4 => Just(None),
        1 => Just(of("https://app.example")),
        1 => Just(of("https://example.com")),
        1 => "(null|https?://(app\\.)?example(\\.com)?(:443)?/?)".prop_map(Some),
        1 => "[ -~]{0,30}".prop_map(Some),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_token_is_issued_if_and_only_if_credentials_and_scope_are_right(
        pieces in pieces(),
        authorization in authorization(),
        origin in origin(),
    ) {
        let form = pieces.join("&");
        ORACLE.with(|oracle| oracle.post_from(origin.as_deref(), authorization.as_deref(), form.as_bytes()));
    }

    #[test]
    fn no_bytes_make_it_panic(
        header in proptest::option::of("[ -~]{0,60}"),
        content_type in prop_oneof![Just(FORM.to_owned()), "[ -~]{0,40}"],
        body in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let (status, _) = ORACLE.with(|oracle| oracle.ask(header.as_deref(), &content_type, &body));
        prop_assert!([400, 401].contains(&status), "{status}");
    }
}
