//! The `sub` of a client in dex's profile.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::records::client_id::ClientId;

/// The `sub` of a client in dex's profile. It is the same as dex's, so permissions that were granted to it
/// there still apply.
///
/// base64url, unpadded, of the protobuf message `{1: user_id = client_id, 2: conn_id = ""}`. proto3 omits an
/// empty field.
///
/// ```
/// # use edgemint_issuer::{ClientId, subject};
/// assert_eq!(subject(&ClientId::parse("test")?), "CgR0ZXN0");
/// # Ok::<(), edgemint_issuer::ClientIdError>(())
/// ```
pub fn subject(client: &ClientId) -> String {
    let id = client.as_str().as_bytes();
    let mut message = Vec::with_capacity(id.len() + 3);
    message.push(0x0A);
    // A varint. The longest ID, 256 bytes, needs two bytes of it.
    let mut length = id.len();
    while length >= 0x80 {
        message.push(u8::try_from(length & 0x7F).unwrap_or_default() | 0x80);
        length >>= 7;
    }
    message.push(u8::try_from(length).unwrap_or_default());
    message.extend_from_slice(id);
    URL_SAFE_NO_PAD.encode(message)
}

/// The client whose [`subject`] this text is.
///
/// In the profile of RFC 9068, `sub` is the plain client ID. So if the ID of one client is the subject of
/// another, it has the `sub` that the other one has in dex's profile. An API that identifies clients by `sub`
/// confuses the two.
///
/// ```
/// # use edgemint_issuer::{ClientId, client_of_subject};
/// assert_eq!(client_of_subject("CgR0ZXN0"), Some(ClientId::parse("test")?));
/// assert_eq!(client_of_subject("test"), None);
/// # Ok::<(), edgemint_issuer::ClientIdError>(())
/// ```
pub fn client_of_subject(sub: &str) -> Option<ClientId> {
    // A text that is longer than any subject is cut, and then does not match.
    let message = URL_SAFE_NO_PAD.decode(sub.get(..sub.len().min(512))?).ok()?;
    // The length takes one byte, or two for the longest IDs.
    [2, 3].into_iter().find_map(|at| {
        let id = ClientId::parse(std::str::from_utf8(message.get(at..)?).ok()?).ok()?;
        (subject(&id) == sub).then_some(id)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A second protobuf reader: field 1, wire type 2.
    fn read_back(sub: &str) -> Option<String> {
        let message = URL_SAFE_NO_PAD.decode(sub).ok()?;
        let rest = message.strip_prefix(&[0x0A])?;
        let (mut length, mut shift, mut used) = (0_usize, 0, 0);
        for byte in rest {
            length |= usize::from(byte & 0x7F) << shift;
            shift += 7;
            used += 1;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let id = &rest[used..];
        (id.len() == length).then(|| String::from_utf8(id.to_vec()).unwrap())
    }

    #[test]
    fn the_subject_is_dexs() {
        assert_eq!(subject(&ClientId::parse("test").unwrap()), "CgR0ZXN0");
        assert_eq!(subject(&ClientId::parse("example-app").unwrap()), "CgtleGFtcGxlLWFwcA");
    }

    proptest! {
        #[test]
        fn a_subject_names_its_client_and_another_text_none(id in "[ -~]{1,256}", other in ".{0,20}") {
            let id = ClientId::parse(&id).unwrap();
            prop_assert_eq!(client_of_subject(&subject(&id)), Some(id));
            if let Some(id) = client_of_subject(&other) {
                prop_assert_eq!(subject(&id), other);
            }
        }

        #[test]
        fn a_subject_is_read_back(id in "[ -~]{1,256}") {
            prop_assert_eq!(read_back(&subject(&ClientId::parse(&id).unwrap())), Some(id));
        }
    }
}
