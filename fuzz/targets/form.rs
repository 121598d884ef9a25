//! Any body of `POST /token`. Another implementation reads an accepted form in the same way.
use edgemint_fuzz::issuer::config;
use edgemint_issuer::{Body, Config, Request, TokenRequest, form_decode};

thread_local!(static CONFIG: Config = config());

pub(crate) fn run(body: &[u8]) {
    let request = Request {
        method: "POST",
        path: "/token",
        content_type: Some("application/x-www-form-urlencoded"),
        arrival: edgemint_issuer::Arrival::default(),
        body: Body::Whole(body),
        ..Request::default()
    };
    let _ = CONFIG.with(|config| TokenRequest::parse(&request, config));
    for half in body.split(|c| matches!(c, b'&' | b'=')).filter(|half| !half.is_empty()) {
        if let Ok(decoded) = form_decode(half) {
            let (read, _) = form_urlencoded::parse(half).next().expect("one name");
            assert_eq!(decoded, read);
        }
    }
}
