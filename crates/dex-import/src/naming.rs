//! Distinguishes a name that people give to a secret from random characters.

/// Whether a name can contain this byte.
pub(super) fn is_name_byte(c: u8) -> bool {
    c.is_ascii_alphanumeric() || b"_.-".contains(&c)
}

/// Whether the text is a name that is too short for a secret: `x`, `key`, `s3`.
pub(super) fn is_short_name(name: &str) -> bool {
    (1..=4).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(is_name_byte)
}

/// Whether the text is written like an environment variable: `UPPER_CASE_1`.
pub(super) fn is_upper_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == b'_')
}

/// Whether `name` was chosen by a person, and is not random characters: `client-secret`, `oidc.x.clientSecret`,
/// `S3_KEY`.
pub(super) fn is_name(name: &str) -> bool {
    let is_long = name.bytes().filter(u8::is_ascii_alphabetic).count() >= 3;
    is_long && name.bytes().all(is_name_byte) && name.split(['_', '.', '-']).all(is_part_of_a_name)
}

/// Whether the text can be a part of a name: `client`, `clientSecret`, `oauth2Client`, `clientID`, `SECRET2` or `k8s`.
fn is_part_of_a_name(text: &str) -> bool {
    /// Words that are usual in names of secrets.
    const USUAL: [&str; 16] = [
        "secret", "client", "token", "password", "passwd", "oidc", "oauth", "auth", "cred", "vault",
        "github", "gitlab", "google", "grafana", "argo", "config",
    ];
    let lower = text.to_ascii_lowercase();
    if text.len() <= 3 || USUAL.iter().any(|word| lower.contains(word)) {
        return true;
    }
    let humps = humps(text.trim_end_matches(|c: char| c.is_ascii_digit()));
    let is_digits = |hump: &str| hump.starts_with(|c: char| c.is_ascii_digit());
    let words: Vec<&str> = humps.iter().copied().filter(|hump| !is_digits(hump)).collect();
    let letters: usize = words.iter().map(|word| word.len()).sum();
    let is_acronym = |word: &str| word.bytes().all(|c| c.is_ascii_uppercase());
    // Random letters of both cases form many short words, and half of these have no vowel.
    let is_word = |(i, word): (usize, &&str)| match is_acronym(word) {
        true => (2..=4).contains(&word.len()) && i + 1 == words.len(),
        false => {
            word.len() == 2
                || word.len() > 2 && word.to_ascii_lowercase().contains(['a', 'e', 'i', 'o', 'u', 'y'])
        }
    };
    humps.len() <= words.len() + 1
        && !humps.first().is_some_and(|hump| is_digits(hump))
        && (words.len() == 1 || 2 * letters >= 5 * words.len() && words.iter().enumerate().all(is_word))
}

/// The parts of a camel-case name: `clientSecret` is `client` and `Secret`, `XMLFile` is `XML` and `File`, `oauth2` is
/// `oauth` and `2`.
pub(super) fn humps(text: &str) -> Vec<&str> {
    let bytes = text.as_bytes();
    let at = |i: usize| bytes.get(i).copied().unwrap_or_default();
    let begins = |i: &usize| {
        let (before, c, after) = (at(i.wrapping_sub(1)), at(*i), at(i + 1));
        c.is_ascii_digit() != before.is_ascii_digit()
            || c.is_ascii_uppercase() && before.is_ascii_lowercase()
            || c.is_ascii_uppercase() && after.is_ascii_lowercase()
    };
    let starts = [0].into_iter().chain((1..text.len()).filter(begins));
    let ends = (1..text.len()).filter(begins).chain([text.len()]);
    starts.zip(ends).filter_map(|(start, end)| text.get(start..end)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_random_characters() {
        for name in [
            "client",
            "clientSecret",
            "client-secret",
            "client_secret_2",
            "oidc.my-mcp.clientSecret",
            "oauth2Client",
            "clientID",
            "ClientSecret",
            "CLIENT_SECRET",
            "S3_KEY",
            "k8s-sso",
            "myApp.x.password1",
            "auth0Domain",
            "workflows",
        ] {
            assert!(is_name(name), "{name}");
        }
        for random in ["MBDJHebtSx0", "bqdmgAxPxIN", "yNdXJQa2xs", "a1b2c3", "Hs64nx9uckd", "x", "a b", ""] {
            assert!(!is_name(random), "{random}");
        }
    }

    #[test]
    fn a_name_falls_into_its_words() {
        for (name, words) in [
            ("clientSecret", &["client", "Secret"][..]),
            ("XMLFile", &["XML", "File"]),
            ("oauth2Client", &["oauth", "2", "Client"]),
            ("clientID", &["client", "ID"]),
            ("", &[""]),
            ("é", &["é"]),
        ] {
            assert_eq!(humps(name), words);
        }
    }
}
