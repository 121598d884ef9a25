//! Any token to introspection, or any header and claims (two lines) signed with our key: active only within
//! its time.
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edgemint_fuzz::issuer::{Issuer, check, config, issuer};
use edgemint_issuer::ports::Signer;
use edgemint_issuer::{Body, Config, Request};
use edgemint_testkit::{NOW, TestCrypto, moment};
use serde_json::Value;

thread_local! {
    static ISSUER: (Issuer, Config) = (issuer(), config());
}

/// `input` unchanged, or the token from its two lines.
fn token(input: &str, config: &Config) -> String {
    let Some((header, claims)) = input.split_once('\n') else { return input.to_owned() };
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let key = config.keys().active(NOW).expect("a key");
    let signature =
        pollster::block_on(TestCrypto::default().sign(key, input.as_bytes())).expect("a signature");
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

pub(crate) fn run(input: &str) {
    ISSUER.with(|(issuer, config)| {
        let token = token(input, config);
        let mut form = form_urlencoded::Serializer::new(String::from("client_id=test"));
        form.append_pair("client_secret", "ems_TCRrf9UBwEacUY93qOzeccW4AIzPeW-li7zdr1QdGHMeUOIRG");
        let form = form.append_pair("token", &token).finish();
        let request = Request {
            method: "POST",
            path: "/token/introspect",
            content_type: Some("application/x-www-form-urlencoded"),
            arrival: edgemint_issuer::Arrival::default(),
            body: if form.len() > edgemint_issuer::MAX_BODY {
                Body::TooLarge
            } else {
                Body::Whole(form.as_bytes())
            },
            ..Request::default()
        };
        let outcome = pollster::block_on(issuer.handle(&request, &moment()));
        check(&request, &outcome);
        let told: Value = serde_json::from_str(&outcome.response.body).expect("JSON");
        if told["active"] == true {
            let claims: Vec<u8> =
                URL_SAFE_NO_PAD.decode(token.split('.').nth(1).expect("claims")).expect("base64url");
            let claims: Value = serde_json::from_slice(&claims).expect("JSON");
            assert_eq!(claims["iss"], "http://127.0.0.1:8787");
            assert!(claims["exp"].as_u64().is_some_and(|exp| exp > NOW));
            assert!(claims["iat"].as_u64().is_some_and(|iat| iat <= NOW + 60));
            assert!(claims.get("nbf").is_none_or(|nbf| nbf.as_u64().is_some_and(|nbf| nbf <= NOW + 60)));
        }
    });
}
