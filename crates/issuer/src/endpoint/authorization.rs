//! The authorization endpoint (RFC 6749 §3.1). It exists because clients require the metadata to name one,
//! and it refuses every request with an explanation.

use std::fmt::Write as _;

use crate::endpoint::Endpoint;
use crate::endpoint::answer::{Answer, refuse};
use crate::error::TokenError;
use crate::error::request::RequestError;
use crate::grammar::accept::prefers_html;
use crate::grammar::issuer_url::Issuer;
use crate::http::request::Request;
use crate::http::response::Response;

/// The page loads nothing, runs nothing, sends nothing, and no other page can frame it.
const POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `refusal` in the form that the client prefers: a page for a browser, JSON for a program.
///
/// There is no redirect, not even with an error (RFC 6749 §4.1.2.1): no client has registered a `redirect_uri`.
fn shown<'a>(refusal: Response<'a>, request: &Request<'_>, issuer: &Issuer) -> Response<'a> {
    let mut response = if prefers_html(request.accept) { page(refusal.status, issuer) } else { refusal };
    if request.method == "HEAD" {
        response.body = "".into();
    }
    response
}

fn page(status: u16, issuer: &Issuer) -> Response<'static> {
    let (base, issuer) = (escaped(issuer.base()), escaped(issuer.as_str()));
    let body = format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>This issuer has no sign-in</title>
</head>
<body>
<h1>This issuer has no sign-in</h1>
<p><code>{issuer}</code> issues access tokens to machines. You cannot sign in here.</p>
<p>If an application sent you here, its settings name the wrong issuer or the wrong grant. Tell its operators.</p>
<p>Machine clients get tokens with the grant <code>client_credentials</code> at <code>{base}/token</code>.</p>
<p>Error: <code>unsupported_response_type</code></p>
</body>
</html>
"#
    );
    let mut response = Response { status, ..Response::uncached("text/html; charset=utf-8", body) };
    response.header("Content-Security-Policy", POLICY);
    // The query of the request that led here can contain a state, or a hint about the user.
    response.header("Referrer-Policy", "no-referrer");
    response
}

/// `text` for HTML: every character that is not plain becomes a numeric reference.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || "-._~:/[]".contains(c) {
            escaped.push(c);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(escaped, "&#{};", u32::from(c));
        }
    }
    escaped
}

/// Answers a request to the authorization endpoint (RFC 6749 §3.1). Reads no parameter, so no parameter can
/// have an effect.
pub(crate) fn refuse_sign_in<'a>(request: &Request<'_>, issuer: &Issuer) -> Answer<'a> {
    let error = TokenError::Request(RequestError::NoSignIn);
    let (refusal, decision) = refuse(&error, Endpoint::Authorization.name(), None, false);
    (shown(refusal, request, issuer), decision)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_an_issuer_is_markup() {
        assert_eq!(escaped("https://a.example:1/b-_~.c"), "https://a.example:1/b-_~.c");
        assert_eq!(escaped("http://[::1]:8787"), "http://[::1]:8787");
        assert_eq!(escaped("<&\"'>é"), "&#60;&#38;&#34;&#39;&#62;&#233;");
    }
}
