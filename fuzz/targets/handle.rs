//! Any request to the issuer of the vectors: the rules for every answer, and a token only for a client with a
//! secret.
use edgemint_fuzz::issuer::{Issuer, check, issuer};
use edgemint_fuzz::text::with_request;
use edgemint_issuer::Body;
use edgemint_testkit::{Oracle, moment};

thread_local! {
    static ISSUERS: (Issuer, Oracle) = (issuer(), Oracle::default());
}

pub(crate) fn run(text: &[u8]) {
    ISSUERS.with(|(issuer, oracle)| {
        with_request(text, |request| {
            let outcome = pollster::block_on(issuer.handle(request, &moment()));
            check(request, &outcome);
            // The oracle has another issuer, which may not know this client. It checks that issuer's answer
            // to the same request.
            if let Body::Whole(body) = request.body {
                oracle.post_from(request.origin, request.authorization, body);
            }
        });
    });
}
