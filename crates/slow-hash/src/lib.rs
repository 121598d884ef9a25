//! PBKDF2-HMAC-SHA-256, as the Workers runtime computes it.
//!
//! It is a separate crate because its loop is generic, and so compiled where it is called. The profile of a
//! debug build optimises this crate, and need not optimise its callers.

use sha2::Sha256;

/// The key that is derived from `secret` with this number of iterations.
#[must_use]
pub fn pbkdf2_sha256(secret: &[u8], salt: &[u8], iterations: u32) -> [u8; 32] {
    pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(secret, salt, iterations)
}

#[cfg(test)]
mod tests {
    use super::pbkdf2_sha256;

    /// The first 32 bytes of the vector in RFC 7914 §11.
    #[test]
    fn the_vector_of_rfc_7914_holds() {
        let derived = pbkdf2_sha256(b"Password", b"NaCl", 80_000);
        let hex: String = derived.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56");
    }
}
