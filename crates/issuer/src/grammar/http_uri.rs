//! `http` and `https` URIs of others, compared after normalisation (RFC 3986 §6.2.2, §6.2.3).

use crate::grammar::issuer_url::host_of;

/// The URI in its normal form, without query and fragment (RFC 9449 §4.3 item 9): scheme and host in lower
/// case, no default port, no dot segments, and no character escaped that need not be.
///
/// `None` if it is not an absolute `http` or `https` URI, or if it has user information.
pub(crate) fn normalised(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let default_port = match scheme.as_str() {
        "https" => ":443",
        "http" => ":80",
        _ => return None,
    };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    if !rest.bytes().all(|c| c.is_ascii_graphic() && c != b'\\') {
        return None;
    }
    let (authority, path) = rest.split_at_checked(rest.find('/').unwrap_or(rest.len()))?;
    let authority = authority.to_ascii_lowercase();
    let authority =
        authority.strip_suffix(default_port).or_else(|| authority.strip_suffix(':')).unwrap_or(&authority);
    host_of(authority)?;
    Some(format!("{scheme}://{authority}{}", without_dot_segments(&unescaped(path)?)))
}

/// The path without the escapes of unreserved characters, and with the others in upper case.
fn unescaped(path: &str) -> Option<String> {
    let mut parts = path.split('%');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        if !digits.bytes().all(|c| c.is_ascii_hexdigit()) {
            return None;
        }
        let byte = u8::from_str_radix(digits, 16).ok()?;
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            plain.push(char::from(byte));
        } else {
            plain.extend(["%", &digits.to_ascii_uppercase()]);
        }
        plain.push_str(rest);
    }
    Some(plain)
}

/// The path after RFC 3986 §5.2.4. An empty path is `/`.
fn without_dot_segments(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
            other => kept.push(other),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const URI: &str = "https://tokens.example.com/a/token";

    #[test]
    fn equivalent_uris_have_one_form() {
        for other in [
            URI,
            "HTTPS://Tokens.EXAMPLE.com/a/token",
            "https://tokens.example.com:443/a/token",
            "https://tokens.example.com:/a/token",
            "https://tokens.example.com/a/token?x=/b#c",
            "https://tokens.example.com/a/token#c?d",
            "https://tokens.example.com/a/./token",
            "https://tokens.example.com/b/../a/%74oken",
            "https://tokens.example.com/../a/token",
            "https://tokens.example.com/a/b/%2e%2E/token",
        ] {
            assert_eq!(normalised(other).as_deref(), Some(URI), "{other}");
        }
        assert_eq!(normalised("https://a.example").as_deref(), Some("https://a.example/"));
        assert_eq!(normalised("http://[::1]:80/x/..").as_deref(), Some("http://[::1]/"));
        assert_eq!(normalised("https://a.example/%2f%c3").as_deref(), Some("https://a.example/%2F%C3"));
    }

    #[test]
    fn other_uris_differ() {
        for other in [
            "http://tokens.example.com/a/token",
            "https://tokens.example.com:80/a/token",
            "https://tokens.example.com:8443/a/token",
            "https://tokens.example.com.evil.example/a/token",
            "https://tokens.example.com/a/token/",
            "https://tokens.example.com/a//token",
            "https://tokens.example.com/A/token",
            "https://tokens.example.com/a%2Ftoken",
            "https://tokens.example.com/a/token%3Fx",
        ] {
            assert_ne!(normalised(other).expect("a URI"), URI, "{other}");
        }
        for none in [
            "",
            "/a/token",
            "//tokens.example.com/a/token",
            "tokens.example.com/a/token",
            "ftp://tokens.example.com/a/token",
            "https:/tokens.example.com/a/token",
            "https:///a/token",
            "https://:443/a/token",
            "https://user@tokens.example.com/a/token",
            "https://tokens.example.com\\@evil.example/a/token",
            "https://tokens%2eexample.com/a/token",
            "https://tokens.example.com/a/to%ken",
            "https://tokens.example.com/a/token%7",
            "https://tokens.example.com/a/t\u{f6}ken",
            "https://tokens.example.com/a/token ",
            " https://tokens.example.com/a/token",
        ] {
            assert_eq!(normalised(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn the_normal_form_is_its_own(text in "(https?://)?[a-z.:@]{0,9}(/([a-c.]|%2[eEfF]|%[0-9a-f]{0,2}){0,4}){0,5}.{0,3}") {
            if let Some(once) = normalised(&text) {
                prop_assert_eq!(normalised(&once), Some(once));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*", path in ".*") {
            let _ = normalised(&text);
            let _ = normalised(&format!("https://a.example/{path}"));
        }
    }
}
