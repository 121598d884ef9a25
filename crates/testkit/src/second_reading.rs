//! A second reading of requests, by other means than the issuer's: the form, and HTTP Basic.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use edgemint_issuer::MAX_BODY;
use percent_encoding::percent_decode;

/// The parameters that have a value, read by another implementation. `None` when the form is not well-formed,
/// has too many parameters, or repeats one that may occur only once.
pub(crate) fn strictly(form: &[u8]) -> Option<Vec<(String, String)>> {
    let encoded = form.split(|c| *c == b'%').skip(1);
    let mut digits = encoded.map(|after| after.iter().take(2).filter(|c| c.is_ascii_hexdigit()).count());
    let well_formed = digits.all(|count| count == 2) && percent_decode(form).decode_utf8().is_ok();
    if !well_formed || form.len() > MAX_BODY || form.split(|c| *c == b'&').count() > 64 {
        return None;
    }
    let mut parameters: Vec<(String, String)> = form_urlencoded::parse(form).into_owned().collect();
    parameters.retain(|(_, value)| !value.is_empty());
    let mut once: Vec<&str> = parameters.iter().map(|(name, _)| name.as_str()).collect();
    once.retain(|name| !["resource", "audience"].contains(name));
    let count = once.len();
    once.sort_unstable();
    once.dedup();
    (once.len() == count).then_some(parameters)
}

/// Whether `header` has this ID and secret in one of its two readings, form-encoded (RFC 6749 §2.3.1)
/// or raw.
pub(crate) fn is_right(header: &str, id: &str, secret: &str) -> bool {
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let (scheme, encoded) = header.split_once(' ').unwrap_or((header, ""));
    let Ok(pair) = GeneralPurpose::new(&STANDARD, lenient).decode(encoded.trim_matches(' ')) else {
        return false;
    };
    let raw = format!("{id}:{secret}").into_bytes();
    let mut halves = pair.splitn(2, |c| *c == b':');
    let mut half = || {
        let half = halves.next().unwrap_or_default();
        let spaced: Vec<u8> = half.iter().map(|c| if *c == b'+' { b' ' } else { *c }).collect();
        percent_decode(&spaced).collect::<Vec<u8>>()
    };
    let decoded = [half(), half()].join(&b':');
    let named = pair.contains(&b':') && (pair == raw || decoded == raw);
    header.len() <= 8192 && scheme.eq_ignore_ascii_case("basic") && named
}
