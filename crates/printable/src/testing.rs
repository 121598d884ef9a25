//! Texts that a terminal acts on, for the tests of everything that prints.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;

/// The characters that a terminal acts on or does not show, as Unicode ranges. The list is independent of the
/// standard library: C0, DEL and C1; bidi controls; zero width; line separators; byte order mark; tags.
pub(crate) const HARMFUL: [(char, char); 12] = [
    ('\0', '\u{1f}'),
    ('\u{7f}', '\u{9f}'),
    ('\u{ad}', '\u{ad}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{180e}', '\u{180e}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{2064}'),
    ('\u{2066}', '\u{206f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{fff9}', '\u{fffb}'),
    ('\u{e0001}', '\u{e007f}'),
];

/// Whether a terminal would act on a character in this line.
pub fn is_harmful(line: &str) -> bool {
    line.chars().any(|c| HARMFUL.iter().any(|(from, to)| (*from..=*to).contains(&c)))
}

/// Texts, most of which would affect a terminal.
pub fn hostile() -> impl Strategy<Value = String> {
    let harmful =
        prop::sample::select(HARMFUL.to_vec()).prop_flat_map(|(from, to)| prop::char::range(from, to));
    let piece = prop_oneof![
        harmful.prop_map(String::from),
        any::<String>(),
        Just("\u{1b}[2J\u{1b}]0;x\u{7}".to_owned()),
        "[ -~]{0,8}",
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}
