//! Client secrets: presented, stored, and generated ones.

pub(crate) mod generated;
pub(crate) mod hash;
pub(crate) mod shown;

use std::fmt;

use zeroize::Zeroizing;

/// A presented secret. It is opaque (no `Debug` of its value, no `==`), and wiped when dropped.
pub struct ClientSecret(Zeroizing<Vec<u8>>);

impl ClientSecret {
    /// Takes the bytes of a secret.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(_)")
    }
}
