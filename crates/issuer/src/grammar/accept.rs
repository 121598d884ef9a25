//! `Accept` (RFC 9110 §12.5.1): whether a client prefers a JWT or a page over JSON.

use crate::grammar::limits::MAX_ACCEPT;

/// The media type of a signed introspection response (RFC 9701 §5).
pub(crate) const INTROSPECTION_JWT: &str = "application/token-introspection+jwt";

/// The media type of a page for a browser.
const HTML: &str = "text/html";

pub(crate) const JSON: &str = "application/json";

/// Whether the answer should be a JWT (RFC 9701 §4).
///
/// It should if the list names [`INTROSPECTION_JWT`] itself, with a weight above 0, and does not prefer
/// `application/json`: by a higher weight, or by the same weight and an earlier place. A wildcard never
/// selects the JWT. A list that allows neither gets JSON, so a resource server always gets an answer about
/// the token.
pub(crate) fn prefers_jwt(accept: Option<&str>) -> bool {
    prefers(accept, INTROSPECTION_JWT)
}

/// Whether the answer should be a page for a person: browsers name [`HTML`] first. The rule is that of
/// [`prefers_jwt`], so a client that accepts anything (`*/*`) gets JSON.
pub(crate) fn prefers_html(accept: Option<&str>) -> bool {
    prefers(accept, HTML)
}

fn prefers(accept: Option<&str>, media_type: &str) -> bool {
    let Some(accept) = accept.filter(|accept| accept.len() <= MAX_ACCEPT) else { return false };
    let place_of = |wanted: &str| {
        let ranges = accept.split(',').map(range).enumerate();
        let named = ranges.filter(|(_, (name, weight))| name.eq_ignore_ascii_case(wanted) && *weight > 0);
        // The one with the highest weight, and of those the first.
        named.map(|(place, (_, weight))| (weight, std::cmp::Reverse(place))).max()
    };
    // A media type that the header does not name comes last.
    place_of(media_type) > place_of(JSON)
}

/// A media range, without its parameters, and its weight in thousandths.
fn range(item: &str) -> (&str, u16) {
    let mut parts = item.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let weight = parts.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| weight(value.trim()))
    });
    (name, weight.unwrap_or(1000))
}

/// The value of `qvalue` (RFC 9110 §12.4.2). An invalid one counts as 0.
fn weight(text: &str) -> u16 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|c| c.is_ascii_digit()) {
        return 0;
    }
    let thousandths = format!("{fraction:0<3}").parse().unwrap_or(0);
    match whole {
        "0" => thousandths,
        "1" if thousandths == 0 => 1000,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_jwt_is_given_to_who_names_it_and_json_to_everybody_else() {
        for (accept, jwt) in [
            (INTROSPECTION_JWT, true),
            ("application/token-introspection+jwt, application/json", true),
            ("application/json, application/token-introspection+jwt", false),
            ("application/json;q=0.9, application/token-introspection+jwt", true),
            ("application/token-introspection+jwt;q=0.5, application/json;q=0.6", false),
            ("application/token-introspection+jwt; Q=0.001", true),
            ("APPLICATION/Token-Introspection+JWT;v=1;q=1.000", true),
            ("application/json;q=0, application/token-introspection+jwt;q=0.1", true),
            ("application/token-introspection+jwt;q=0", false),
            ("application/token-introspection+jwt;q=0.000", false),
            ("application/token-introspection+jwt;q=high", false),
            ("application/token-introspection+jwt;q=1.5", false),
            ("application/token-introspection+jwt;q=1.a", false),
            ("application/token-introspection+jwt;q=0.+1", false),
            ("application/token-introspection+jwt;q=0.0001", false),
            ("application/token-introspection+jwt;q=0.1234", false),
            ("application/jwt", false),
            ("application/*", false),
            ("*/*", false),
            ("text/html", false),
            ("", false),
        ] {
            assert_eq!(prefers_jwt(Some(accept)), jwt, "{accept}");
        }
        assert!(!prefers_jwt(None));
        assert!(!prefers_jwt(Some(&format!("{INTROSPECTION_JWT}{}", " ".repeat(MAX_ACCEPT)))));
    }

    #[test]
    fn a_page_is_for_browsers_and_json_for_programs() {
        for (accept, html) in [
            // The header of browsers for a navigation.
            ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", true),
            ("text/html, application/json;q=0.9", true),
            ("TEXT/HTML", true),
            // Programs.
            ("*/*", false),
            ("text/*", false),
            ("application/json", false),
            ("application/json, text/plain, */*", false),
            ("application/json, text/html", false),
            ("text/html;q=0, */*", false),
            // The defaults of curl, Go, Python's requests, and Java's HttpURLConnection.
            ("", false),
            ("*/*; q=.2", false),
        ] {
            assert_eq!(prefers_html(Some(accept)), html, "{accept}");
        }
        assert!(!prefers_html(None));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "([a-z*/+]{0,9}[;,=q0-9. ]{0,5}){0,9}|.*") {
            let _ = (prefers_jwt(Some(&text)), prefers_html(Some(&text)));
        }
    }
}
