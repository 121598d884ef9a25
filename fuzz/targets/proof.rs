//! Any text as a DPoP proof: the rules for every answer, no token for a text without a signature by a known key, and
//! no bearer token for a client that must not have one.
use edgemint_fuzz::issuer::{Issuer, check, issuer};
use edgemint_issuer::{Body, Request};
use edgemint_testkit::{is_signed_by_others, moment};

/// `bound-dpop` and `test` of the vectors, with their secret.
const CLIENTS: [&str; 2] = [
    "Ym91bmQtZHBvcDplbXNfVENScmY5VUJ3RWFjVVk5M3FPemVjY1c0QUl6UGVXLWxpN3pkcjFRZEdITWVVT0lSRw==",
    "dGVzdDplbXNfVENScmY5VUJ3RWFjVVk5M3FPemVjY1c0QUl6UGVXLWxpN3pkcjFRZEdITWVVT0lSRw==",
];

thread_local! {
    static ISSUER: Issuer = issuer();
}

pub(crate) fn run(text: &str) {
    ISSUER.with(|issuer| {
        for client in CLIENTS {
            let request = Request {
                method: "POST",
                path: "/token",
                authorization: Some(&format!("Basic {client}")),
                content_type: Some("application/x-www-form-urlencoded"),
                dpop: Some(text),
                body: Body::Whole(b"grant_type=client_credentials"),
                ..Request::default()
            };
            let outcome = pollster::block_on(issuer.handle(&request, &moment()));
            check(&request, &outcome);
            assert!([200, 400].contains(&outcome.response.status), "the client is proven");
            if outcome.response.status == 200 {
                assert!(is_signed_by_others(text), "a token for {text}");
                assert!(
                    outcome.response.body.contains(r#""token_type":"DPoP""#),
                    "a bearer token for {text}"
                );
            }
        }
    });
}
