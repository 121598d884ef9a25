//! `Accept` (RFC 9110 §12.5.1), as far as introspection asks: JSON, or the signed answer of RFC 9701.

/// The media type of a signed introspection response (RFC 9701 §5).
pub(crate) const INTROSPECTION_JWT: &str = "application/token-introspection+jwt";

const JSON: &str = "application/json";

/// The longest `Accept` that is looked at, in bytes; who sends more gets JSON.
const MAX_ACCEPT: usize = 1024;

/// Whether the answer is to be a JWT (RFC 9701 §4).
///
/// It is if and only if the list names [`INTROSPECTION_JWT`] itself, with a weight above 0, and does not put
/// `application/json` before it: by a higher weight, or by the same and an earlier place. A wildcard never asks for it,
/// and a list that allows neither gets JSON: a resource server that asks whether a token is active gets an answer.
pub(crate) fn prefers_jwt(accept: Option<&str>) -> bool {
    let Some(accept) = accept.filter(|accept| accept.len() <= MAX_ACCEPT) else { return false };
    let place_of = |wanted: &str| {
        let ranges = accept.split(',').map(range).enumerate();
        let named = ranges.filter(|(_, (name, weight))| name.eq_ignore_ascii_case(wanted) && *weight > 0);
        // The heaviest, and of those the first.
        named.map(|(place, (_, weight))| (weight, std::cmp::Reverse(place))).max()
    };
    match (place_of(INTROSPECTION_JWT), place_of(JSON)) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(jwt), Some(json)) => jwt > json,
    }
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

/// `qvalue` (RFC 9110 §12.4.2); what is none counts as 0.
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
    use super::*;
    use proptest::prelude::*;

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

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "([a-z*/+]{0,9}[;,=q0-9. ]{0,5}){0,9}|.*") {
            let _ = prefers_jwt(Some(&text));
        }
    }
}
