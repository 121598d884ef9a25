//! Client IDs (RFC 6749 §2.2).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::secret::generated::GeneratedSecret;

/// The prefix of the key of a client record. The client ID follows.
pub const KV_PREFIX: &str = "client:";

/// A client ID: 1 to 256 characters of `VSCHAR = %x20-7E` (RFC 6749 Appendix A.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ClientId(String);

/// Why a text is not a [`ClientId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientIdError;

impl fmt::Display for ClientIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a client ID is 1 to 256 characters of printable ASCII")
    }
}

impl std::error::Error for ClientIdError {}

impl ClientId {
    /// The ID as the log may show it. If a client sends its secret as the ID, the log must not show it.
    pub(crate) fn shown(&self) -> Option<String> {
        (!GeneratedSecret::recognises(&self.0)).then(|| self.0.clone())
    }

    /// Reads a client ID.
    ///
    /// # Errors
    ///
    /// When it is empty, too long, or has other characters.
    pub fn parse(text: &str) -> Result<Self, ClientIdError> {
        if (1..=256).contains(&text.len()) && text.bytes().all(|c| matches!(c, 0x20..=0x7E)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ClientIdError)
        }
    }

    /// The ID as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key of this client's record in KV.
    pub fn kv_key(&self) -> String {
        format!("{KV_PREFIX}{}", self.0)
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ClientId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn what_is_no_client_id_is_told_what_one_is() {
        assert!(ClientId::parse("").unwrap_err().to_string().contains("1 to 256 characters"));
    }
}
