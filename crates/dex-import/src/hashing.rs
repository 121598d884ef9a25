//! Secrets and their hashes: the hash of an imported secret, and the comparison of a secret with a stored hash.

use edgemint_issuer::{ClientSecret, GeneratedSecret, MAX_PBKDF2_ITERATIONS, SecretHash};
use edgemint_slow_hash::pbkdf2_sha256;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// A secret in clear, as written in a file. Has no `Debug` and no `==`, and is wiped when it is dropped.
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a secret from the file.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    fn sha256(&self) -> SecretHash {
        SecretHash::sha256(&ClientSecret::new(self.0.as_bytes().to_vec()))
    }

    /// The hash that a record stores: a fast hash for a secret with 256 random bits, and the slowest that the Workers
    /// runtime computes for a secret that a person may have chosen.
    pub fn hash(&self, salt: [u8; 16]) -> SecretHash {
        if GeneratedSecret::recognises(&self.0) {
            return self.sha256();
        }
        let iterations = MAX_PBKDF2_ITERATIONS;
        let derived = pbkdf2_sha256(self.0.as_bytes(), &salt, iterations);
        SecretHash::Pbkdf2 { iterations, salt: salt.to_vec(), derived }
    }

    /// Whether `stored` is a hash of this secret.
    pub fn matches(&self, stored: &SecretHash) -> bool {
        match stored {
            SecretHash::Sha256(stored) => match self.sha256() {
                SecretHash::Sha256(ours) => stored.ct_eq(&ours).into(),
                SecretHash::Pbkdf2 { .. } => false,
            },
            SecretHash::Pbkdf2 { iterations, salt, derived } => {
                let ours = pbkdf2_sha256(self.0.as_bytes(), salt, *iterations);
                derived.ct_eq(&ours).into()
            }
        }
    }
}

#[cfg(any(test, feature = "testing"))]
impl Secret {
    /// A hash that costs nothing, for tests of other code.
    pub fn fast_hash(&self) -> SecretHash {
        self.sha256()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chosen_secret_gets_a_slow_hash_and_a_generated_one_a_fast_one() {
        let chosen = Secret::new("hunter2".to_owned());
        let hash = chosen.hash([1; 16]);
        assert!(matches!(hash, SecretHash::Pbkdf2 { iterations: 100_000, .. }));
        assert!(chosen.matches(&hash) && !Secret::new("hunter3".to_owned()).matches(&hash));

        let generated = GeneratedSecret::from_random(&[7; 32]);
        let presented = Secret::new(generated.expose().to_owned());
        assert!(matches!(presented.hash([1; 16]), SecretHash::Sha256(_)));
        assert!(presented.matches(&generated.hash()) && !chosen.matches(&generated.hash()));
    }

    /// Test vectors of RFC 7914 §11.
    #[test]
    fn the_slow_hash_is_pbkdf2_hmac_sha_256() {
        let derived = pbkdf2_sha256(b"passwd", b"salt", 1);
        let begins = [0x55, 0xac, 0x04, 0x6e, 0x56, 0xe3, 0x08, 0x9f, 0xec, 0x16, 0x91, 0xc2, 0x25, 0x44];
        assert_eq!(derived[..14], begins);
    }
}
