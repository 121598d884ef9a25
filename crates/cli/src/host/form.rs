//! Encoding of form bodies (`application/x-www-form-urlencoded`).

use zeroize::Zeroizing;

/// Encodes parameters as `application/x-www-form-urlencoded`.
pub(crate) fn form<'a>(parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> Zeroizing<String> {
    let pairs: Vec<Zeroizing<String>> = parameters
        .into_iter()
        .map(|(name, value)| Zeroizing::new(format!("{name}={}", *encoded(value))))
        .collect();
    let mut form = Zeroizing::new(String::with_capacity(pairs.iter().map(|pair| pair.len() + 1).sum()));
    for pair in &pairs {
        if !form.is_empty() {
            form.push('&');
        }
        form.push_str(pair);
    }
    form
}

/// Encodes one text as `application/x-www-form-urlencoded`. HTTP Basic needs the same encoding (RFC 6749 §2.3.1).
pub(crate) fn encoded(text: &str) -> Zeroizing<String> {
    // Reserve the maximum length: a buffer that grows would leave copies of the secret in memory.
    let mut encoded = Zeroizing::new(String::with_capacity(text.len() * 3));
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => {
                encoded.push('%');
                for digit in [byte >> 4, byte & 15] {
                    encoded.push(char::from_digit(digit.into(), 16).unwrap_or('0').to_ascii_uppercase());
                }
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_come_in_order_and_encoded() {
        let parameters = [("resource", "https://a/"), ("resource", "urn:b"), ("scope", "a b&c")];
        assert_eq!(*form(parameters), "resource=https%3A%2F%2Fa%2F&resource=urn%3Ab&scope=a%20b%26c");
        assert_eq!(*form([]), "");
    }
}
