//! Names of signing keys, which contain the activation time and the algorithm. The name is the only source of both:
//! a Worker's secret cannot be read back.

use edgemint_issuer::{Algorithm, SIGNING_KEY_PREFIX};

use crate::terminal::when::{parse_stamp, stamp};

/// The name of a key that starts to sign at `begins`.
pub(crate) fn name(begins: u64, alg: Algorithm) -> String {
    format!("{SIGNING_KEY_PREFIX}{}_{}", stamp(begins), in_name(alg))
}

/// The activation time in a key's name, if the name contains one.
pub(crate) fn begins(name: &str) -> Option<u64> {
    let (time, _) = parts(name)?;
    parse_stamp(time)
}

/// The algorithm in a key's name, if the name contains one.
pub(crate) fn alg(name: &str) -> Option<Algorithm> {
    let (time, alg) = parts(name)?;
    parse_stamp(time)?;
    [Algorithm::Es256, Algorithm::Rs256, Algorithm::EdDsa].into_iter().find(|known| in_name(*known) == alg)
}

/// The parts of a name for the time and the algorithm. A name that an operator chose may contain neither.
fn parts(name: &str) -> Option<(&str, &str)> {
    let rest = name.strip_prefix(SIGNING_KEY_PREFIX)?;
    Some(rest.split_once('_').unwrap_or((rest, "")))
}

fn in_name(alg: Algorithm) -> String {
    alg.name().to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_key_tells_when_it_begins_to_sign_and_with_what() {
        for (alg, told) in [
            (Algorithm::Es256, "SIGNING_KEY_20261122T230727Z_ES256"),
            (Algorithm::Rs256, "SIGNING_KEY_20261122T230727Z_RS256"),
            (Algorithm::EdDsa, "SIGNING_KEY_20261122T230727Z_EDDSA"),
        ] {
            let name = name(1_795_388_847, alg);
            assert_eq!(
                (name.as_str(), begins(&name), super::alg(&name)),
                (told, Some(1_795_388_847), Some(alg))
            );
        }
        for (name, time) in [
            ("SIGNING_KEY_FIRST", None),
            ("SIGNING_KEY_RSA_RS256", None),
            ("SIGNING_KEY_20261122T230727Z", Some(1_795_388_847)),
            ("SIGNING_KEY_20261122T230727Z_OURS", Some(1_795_388_847)),
        ] {
            assert_eq!((begins(name), alg(name)), (time, None), "{name}");
        }
    }
}
