//! Any text as an assertion, in each way that one can come: the rules for every answer, and no token for a text
//! without a signature by a known key.
use edgemint_fuzz::issuer::{Issuer, check, issuer};
use edgemint_issuer::{Body, Request};
use edgemint_testkit::{is_signed_by_others, moment};

thread_local! {
    static ISSUER: Issuer = issuer();
}

pub(crate) fn run(text: &str) {
    let assertion: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
    let kind = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
    let bearer = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";
    ISSUER.with(|issuer| {
        for form in [
            format!("grant_type=client_credentials&client_assertion_type={kind}&client_assertion={assertion}"),
            format!("grant_type=client_credentials&client_assertion_type={kind}&client_assertion={assertion}&client_id=workload"),
            format!("grant_type={bearer}&assertion={assertion}&client_id=workload"),
        ] {
            let request = Request {
                method: "POST",
                path: "/token",
                content_type: Some("application/x-www-form-urlencoded"),
                body: Body::Whole(form.as_bytes()),
                ..Request::default()
            };
            let outcome = pollster::block_on(issuer.handle(&request, &moment()));
            check(&request, &outcome);
            assert!(outcome.response.status != 200 || is_signed_by_others(text), "a token for {text}");
        }
    });
}
