//! Client secrets that edgemint makes.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::secret::ClientSecret;
use crate::secret::hash::{PREFIX, SecretHash};

/// A secret that edgemint made: `ems_`, 256 random bits in base64url, and a checksum of six characters.
///
/// The prefix and the checksum let secret scanners recognise it offline. All characters are unreserved, so it
/// is the same whether a client form-encodes it or not.
pub struct GeneratedSecret(Zeroizing<String>);

impl GeneratedSecret {
    /// Makes a secret from 32 random bytes.
    pub fn from_random(random: &[u8; 32]) -> Self {
        let body = URL_SAFE_NO_PAD.encode(random);
        let checksum = Self::checksum(&body);
        Self(Zeroizing::new(format!("{PREFIX}{body}{checksum}")))
    }

    /// Whether `text` has the form of a secret that edgemint made, including the checksum.
    pub fn recognises(text: &str) -> bool {
        let Some(rest) = text.strip_prefix(PREFIX) else { return false };
        rest.is_ascii()
            && rest.len() == 49
            && rest.split_at_checked(43).is_some_and(|(body, checksum)| Self::checksum(body) == checksum)
    }

    /// Whether `text` contains such a secret anywhere.
    pub(crate) fn is_in(text: &str) -> bool {
        let starts = text.match_indices(PREFIX).map(|(at, _)| at);
        starts.filter_map(|at| text.get(at..at + PREFIX.len() + 49)).any(Self::recognises)
    }

    pub(super) fn checksum(body: &str) -> String {
        let digest = Sha256::digest(body);
        URL_SAFE_NO_PAD.encode(digest).chars().take(6).collect()
    }

    /// The secret itself, to show once.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The hash for the client's record.
    pub fn hash(&self) -> SecretHash {
        SecretHash::sha256(&ClientSecret::new(self.0.as_bytes().to_vec()))
    }
}
