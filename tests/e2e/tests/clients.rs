//! Third-party clients: each completes a grant and strictly verifies the answer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on must stop"
)]

use edgemint_e2e::{State, run, serve_at_its_own_address, tools};
use openidconnect::core::{CoreClient, CoreProviderMetadata};
use openidconnect::{
    ClientId, ClientSecret, EndpointMaybeSet, HttpRequest, HttpResponse, IssuerUrl, Nonce,
    OAuth2TokenResponse, RedirectUrl, Scope, TokenResponse,
};
use xtask::Server;

const ALGORITHMS: [&str; 3] = ["ES256", "RS256", "EdDSA"];

/// The private keys of the clients that sign assertions.
const KEYS: &str = "crates/testkit/keys/others.json";

/// Runs one of the scripts against `server`.
fn node(script: &str, server: &Server, algorithm: &str) -> String {
    let script = xtask::root().join("tests/e2e/clients").join(script);
    let mut node = tools().npm_program("node").expect("node is installed");
    let keys = xtask::root().join(KEYS);
    run(node.arg(script).arg(server.base_url()).arg(algorithm).arg(keys).current_dir(xtask::root()))
}

/// Runs `check` with one server per algorithm. Each server publishes all three keys.
fn for_each_algorithm(check: impl Fn(&Server, &str)) {
    for algorithm in ALGORITHMS {
        let mut order = vec![algorithm];
        order.extend(ALGORITHMS.iter().filter(|other| **other != algorithm));
        let state = State::seeded();
        let server = serve_at_its_own_address(&state, &order);
        check(&server, algorithm);
    }
}

#[test]
fn javascript_clients_complete_the_grant_with_every_algorithm() {
    for_each_algorithm(|server, algorithm| {
        let mut scripts = vec!["jose.mjs", "oauth4webapi.mjs", "openid-client.mjs"];
        // Assertions do not depend on the algorithm of the server.
        scripts.extend((algorithm == "ES256").then_some("private-key-jwt.mjs"));
        for script in scripts {
            let said = node(script, server, algorithm);
            assert!(said.contains("verified"), "{script} with {algorithm} verified nothing: {said}");
        }
    });
}

fn http(request: HttpRequest) -> Result<HttpResponse, ureq::Error> {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let response = agent.run(request)?;
    let (parts, mut body) = response.into_parts();
    Ok(HttpResponse::from_parts(parts, body.read_to_vec()?))
}

#[test]
fn the_crate_oauth2_completes_the_grant() {
    let state = State::seeded();
    let server = serve_at_its_own_address(&state, &["ES256"]);
    let secret = |secret: &str| ClientSecret::new(secret.to_owned());
    // The client form-encodes both halves of Basic, as RFC 6749 requires. Two of these IDs and secrets need the
    // encoding.
    for (id, with) in
        [("example-app", "ZXhhbXBsZS1hcHAtc2VjcmV0"), ("percent", "50%off"), ("a:b%c d", "s:e%c r+et")]
    {
        let client = oauth2::basic::BasicClient::new(ClientId::new(id.to_owned()))
            .set_client_secret(secret(with))
            .set_token_uri(oauth2::TokenUrl::new(format!("{}/token", server.base_url())).unwrap());
        let request = client.exchange_client_credentials().add_scope(Scope::new("groups".to_owned()));
        let response = request.request(&http).unwrap_or_else(|error| panic!("{id}: {error:?}"));
        assert_eq!(oauth2::TokenResponse::token_type(&response), &oauth2::basic::BasicTokenType::Bearer);
        assert_eq!(oauth2::TokenResponse::expires_in(&response).unwrap().as_secs(), 600);
        assert_eq!(oauth2::TokenResponse::scopes(&response).unwrap().len(), 1);
    }
    let refused = oauth2::basic::BasicClient::new(ClientId::new("example-app".to_owned()))
        .set_client_secret(secret("wrong"))
        .set_token_uri(oauth2::TokenUrl::new(format!("{}/token", server.base_url())).unwrap())
        .exchange_client_credentials()
        .request(&http);
    let Err(oauth2::RequestTokenError::ServerResponse(error)) = refused else { panic!("{refused:?}") };
    assert_eq!(error.error(), &oauth2::basic::BasicErrorResponseType::InvalidClient);
}

#[test]
fn the_crate_openidconnect_discovers_completes_the_grant_and_verifies_the_id_token() {
    // The client knows only these two of the three algorithms.
    for algorithm in ["ES256", "RS256"] {
        let state = State::seeded();
        let server = serve_at_its_own_address(&state, &[algorithm]);
        let issuer = IssuerUrl::new(server.base_url()).unwrap();
        let metadata =
            CoreProviderMetadata::discover(&issuer, &http).unwrap_or_else(|error| panic!("{error:?}"));
        let secret = ClientSecret::new("ZXhhbXBsZS1hcHAtc2VjcmV0".to_owned());
        let client = CoreClient::from_provider_metadata(
            metadata,
            ClientId::new("example-app".to_owned()),
            Some(secret),
        );
        let client: CoreClient<_, _, _, _, EndpointMaybeSet, EndpointMaybeSet> =
            client.set_redirect_uri(RedirectUrl::new("http://127.0.0.1/unused".to_owned()).unwrap());
        let request = client.exchange_client_credentials().expect("the document names a token endpoint");
        let scopes = ["openid", "profile", "email", "groups"].map(|scope| Scope::new(scope.to_owned()));
        let response = request.add_scopes(scopes).request(&http).unwrap_or_else(|error| panic!("{error:?}"));
        let id_token = response.id_token().expect("openid asks for an ID token");
        let verifier = client.id_token_verifier();
        let claims = id_token
            .claims(&verifier, |_: Option<&Nonce>| Ok(()))
            .unwrap_or_else(|error| panic!("{algorithm}: {error:?}"));
        assert_eq!(claims.preferred_username().map(|name| name.as_str()), Some("Example App"));
        let hash = claims.access_token_hash().expect("at_hash");
        let expected = openidconnect::AccessTokenHash::from_token(
            response.access_token(),
            id_token.signing_alg().unwrap(),
            id_token.signing_key(&verifier).unwrap(),
        );
        assert_eq!(hash, &expected.unwrap(), "{algorithm}");
    }
}
