//! The credentials of a request: read and bounded, but not yet verified.

use base64::Engine;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use crate::error::TokenError;
use crate::error::authorization::AuthorizationFlaw;
use crate::error::client::ClientError;
use crate::error::request::RequestError;
use crate::grammar::form::{Form, decode};
use crate::grammar::limits::MAX_AUTHORIZATION;
use crate::http::request::{Body, Request};
use crate::records::client_id::ClientId;
use crate::secret::ClientSecret;

/// Base64 as clients send it, with or without padding.
const BASE64: GeneralPurpose = lenient(&STANDARD);

/// The alphabet that RFC 7617 does not allow, to give the log a precise reason.
const BASE64URL: GeneralPurpose = lenient(&URL_SAFE);

const fn lenient(alphabet: &Alphabet) -> GeneralPurpose {
    let padding = DecodePaddingMode::Indifferent;
    GeneralPurpose::new(alphabet, GeneralPurposeConfig::new().with_decode_padding_mode(padding))
}

/// The flaw of credentials that are not base64.
fn not_base64(encoded: &str) -> AuthorizationFlaw {
    if encoded.contains(':') {
        AuthorizationFlaw::NotEncoded
    } else if BASE64URL.decode(encoded).map(Zeroizing::new).is_ok() {
        AuthorizationFlaw::Base64Url
    } else {
        AuthorizationFlaw::NotBase64
    }
}

/// The client ID in a request, for the log, when the request is refused before its credentials are read. The
/// ID is not proven. An ID that looks like a secret is left out.
pub(crate) fn presented_by(request: &Request<'_>) -> Option<String> {
    let by_header = request.authorization.and_then(id_in_basic);
    let id = by_header.or_else(|| match request.body {
        Body::Whole(body) => id_in_form(body),
        Body::TooLarge => None,
    });
    id.as_ref().and_then(ClientId::shown)
}

/// The part after the scheme in `Authorization: Basic` (RFC 7617 §2), still encoded.
fn encoded_in_basic(header: &str) -> Result<&str, TokenError> {
    if header.len() > MAX_AUTHORIZATION {
        return Err(ClientError::MalformedAuthorization(AuthorizationFlaw::TooLong).into());
    }
    let (scheme, encoded) = header.split_once(' ').unwrap_or((header, ""));
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(ClientError::UnsupportedScheme.into());
    }
    Ok(encoded.trim_matches(' '))
}

fn id_in_basic(header: &str) -> Option<ClientId> {
    let encoded = encoded_in_basic(header).ok()?;
    let pair = Zeroizing::new(BASE64.decode(encoded).or_else(|_| BASE64URL.decode(encoded)).ok()?);
    let colon = pair.iter().position(|&c| c == b':')?;
    id_of(pair.get(..colon)?)
}

/// The ID in a form that need not be well-formed as a whole.
fn id_in_form(body: &[u8]) -> Option<ClientId> {
    body.split(|&c| c == b'&').find_map(|pair| id_of(pair.strip_prefix(b"client_id=")?))
}

/// The ID in `bytes`, form-encoded or not.
fn id_of(bytes: &[u8]) -> Option<ClientId> {
    let decoded = decode(bytes).ok().and_then(|id| ClientId::parse(&id).ok());
    decoded.or_else(|| ClientId::parse(std::str::from_utf8(bytes).ok()?).ok())
}

/// One reading of the presented credentials.
#[derive(Debug)]
pub(crate) struct Presented {
    pub(crate) id: ClientId,
    pub(crate) secret: ClientSecret,
}

/// The identity that the request claims, by HTTP Basic or in the body (RFC 6749 §2.3.1).
///
/// Basic has two readings. RFC 6749 requires both halves to be form-encoded, but many clients do not encode
/// them. So the decoded form comes first and, if it differs, the raw form second.
#[derive(Debug)]
pub struct Credentials {
    readings: Vec<Presented>,
    by_header: bool,
}

impl Credentials {
    /// Reads the credentials of a request: `authorization` is the header, `form` the body.
    pub(crate) fn parse(authorization: Option<&str>, form: &Form<'_>) -> Result<Self, TokenError> {
        let (id, secret) = (form.get("client_id"), form.get("client_secret"));
        match (authorization, secret) {
            (Some(_), Some(_)) => Err(RequestError::TwoAuthenticationMethods.into()),
            (Some(header), None) => Self::from_basic(header, id),
            (None, _) => {
                let id = id.ok_or(TokenError::Client(ClientError::NoCredentials))?;
                let presented = present(id, secret.unwrap_or_default().as_bytes());
                Ok(Self { readings: presented.into_iter().collect(), by_header: false })
            }
        }
    }

    /// RFC 7617 §2, with the encoding of RFC 6749 §2.3.1.
    fn from_basic(header: &str, id_in_body: Option<&str>) -> Result<Self, TokenError> {
        let encoded = encoded_in_basic(header)?;
        let flaw = |_| TokenError::Client(ClientError::MalformedAuthorization(not_base64(encoded)));
        let pair = Zeroizing::new(BASE64.decode(encoded).map_err(flaw)?);
        if pair.is_empty() {
            return Err(ClientError::MalformedAuthorization(AuthorizationFlaw::Empty).into());
        }
        let no_colon = TokenError::Client(ClientError::MalformedAuthorization(AuthorizationFlaw::NoColon));
        let colon = pair.iter().position(|&c| c == b':').ok_or(no_colon)?;
        let (id, secret) = pair.split_at(colon);
        let secret = secret.get(1..).unwrap_or_default();

        let mut readings = Vec::with_capacity(2);
        let decoded = decode(id).ok().zip(decode(secret).ok());
        let differs = decoded.as_ref().is_none_or(|(i, s)| i.as_bytes() != id || s.as_bytes() != secret);
        if let Some((id, secret)) = decoded {
            let secret = Zeroizing::new(secret.into_owned());
            readings.extend(present(&id, secret.as_bytes()));
        }
        if differs && let Ok(id) = std::str::from_utf8(id) {
            readings.extend(present(id, secret));
        }

        if let Some(id) = id_in_body
            && !readings.is_empty()
        {
            // The ID in the body decides which reading is meant.
            readings.retain(|presented| presented.id.as_str() == id);
            if readings.is_empty() {
                return Err(RequestError::ClientIdMismatch.into());
            }
        }
        Ok(Self { readings, by_header: true })
    }

    /// The readings to try, in order. Empty if no reading has a possible client ID.
    pub(crate) fn readings(&self) -> &[Presented] {
        &self.readings
    }

    /// The presented client ID, for the log.
    pub(crate) fn presented_id(&self) -> Option<String> {
        self.readings.first().and_then(|presented| presented.id.shown())
    }

    /// Whether the credentials came in `Authorization`.
    pub(crate) fn by_header(&self) -> bool {
        self.by_header
    }
}

fn present(id: &str, secret: &[u8]) -> Option<Presented> {
    let id = ClientId::parse(id).ok()?;
    Some(Presented { id, secret: ClientSecret::new(secret.to_vec()) })
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;
    use crate::secret::generated::GeneratedSecret;

    fn basic(header: &str, body: &str) -> Result<Vec<(String, Vec<u8>)>, TokenError> {
        let form = Form::parse(body.as_bytes()).ok().unwrap();
        let credentials = Credentials::parse(Some(header), &form)?;
        Ok(credentials.readings.iter().map(|p| (p.id.as_str().into(), p.secret.expose().to_vec())).collect())
    }

    fn of(id: &str, secret: &str) -> (String, Vec<u8>) {
        (id.into(), secret.as_bytes().to_vec())
    }

    #[test]
    fn the_decoded_form_comes_first_and_the_raw_form_after_it() {
        let header = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        assert_eq!(basic(&header("a:b"), ""), Ok(vec![of("a", "b")]));
        assert_eq!(
            basic(&header("a%3Ab:50%25+off"), ""),
            Ok(vec![of("a:b", "50% off"), of("a%3Ab", "50%25+off")])
        );
        assert_eq!(basic(&header("a:50%off"), ""), Ok(vec![of("a", "50%off")]), "a bad escape is allowed");
        assert_eq!(basic(&header("a:b:c"), ""), Ok(vec![of("a", "b:c")]));
        assert_eq!(basic(&header("a:%ff"), ""), Ok(vec![of("a", "%ff")]));
        assert_eq!(basic(&header(":b"), ""), Ok(vec![]));
    }

    #[test]
    fn the_scheme_is_case_insensitive_and_padding_is_optional() {
        for header in ["Basic YTpiYw==", "bAsIc YTpiYw", "BASIC  YTpiYw== "] {
            assert_eq!(basic(header, ""), Ok(vec![of("a", "bc")]), "{header}");
        }
        assert_eq!(basic("Bearer YTpiYw==", ""), Err(TokenError::Client(ClientError::UnsupportedScheme)));
    }

    #[test]
    fn what_is_wrong_with_a_header_is_told_apart() {
        for (header, flaw) in [
            ("Basic", AuthorizationFlaw::Empty),
            ("Basic ", AuthorizationFlaw::Empty),
            ("Basic ****", AuthorizationFlaw::NotBase64),
            ("Basic YTpi Yw==", AuthorizationFlaw::NotBase64),
            ("Basic YTpi\tYw", AuthorizationFlaw::NotBase64),
            ("Basic a:b", AuthorizationFlaw::NotEncoded),
            ("Basic YTo_Pz8-", AuthorizationFlaw::Base64Url),
            ("Basic YQ==", AuthorizationFlaw::NoColon),
        ] {
            assert_eq!(
                basic(header, ""),
                Err(TokenError::Client(ClientError::MalformedAuthorization(flaw))),
                "{header}"
            );
        }
    }

    #[test]
    fn the_id_that_was_presented_is_found_whatever_else_is_wrong() {
        let secret = GeneratedSecret::from_random(&[9; 32]);
        let secret = secret.expose();
        let header = |pair: &str| Some(format!("Basic {}", STANDARD.encode(pair)));
        for (authorization, body, id) in [
            (header("a:b"), "", Some("a")),
            (header("a%3Ab:c"), "", Some("a:b")),
            (header("a%zz:c"), "", Some("a%zz")),
            // With another scheme or without a colon, it may be a secret.
            (Some("Bearer YTpi".to_owned()), "", None),
            (header("hunter2"), "", None),
            (Some("Basic a:b".to_owned()), "", None),
            (Some("Basic YTo_Pz8-".to_owned()), "", Some("a")),
            (Some("hunter2".to_owned()), "client_id=a", Some("a")),
            (header("a:b"), "client_id=c", Some("a")),
            (None, "%zz&client_id=a%3Ab&scope", Some("a:b")),
            (None, "client_id=a&client_id=b", Some("a")),
            (None, "client_id=&client_id=b", Some("b")),
            (None, "my_client_id=a", None),
            (None, "{\"client_id\":\"a\"}", None),
            (None, &format!("client_id={secret}"), None),
            (header(&format!("{secret}:a")), "", None),
        ] {
            let request = Request {
                method: "POST",
                path: "/token",
                authorization: authorization.as_deref(),
                body: Body::Whole(body.as_bytes()),
                arrival: crate::http::arrival::Arrival::default(),
                ..Request::default()
            };
            assert_eq!(presented_by(&request).as_deref(), id, "{authorization:?} {body}");
            let too_large = Request { body: Body::TooLarge, ..request };
            let in_header =
                id.filter(|_| authorization.as_deref().is_some_and(|text| text.starts_with("Basic")));
            assert_eq!(presented_by(&too_large).as_deref(), in_header, "{authorization:?} too large");
        }
    }

    #[test]
    fn there_is_one_way_to_authenticate_in_a_request() {
        assert_eq!(
            basic("Basic YTpiYw==", "client_secret=bc"),
            Err(TokenError::Request(RequestError::TwoAuthenticationMethods))
        );
        assert_eq!(basic("Basic YTpiYw==", "client_id=a&client_secret="), Ok(vec![of("a", "bc")]));
        assert_eq!(
            basic("Basic YTpiYw==", "client_id=b"),
            Err(TokenError::Request(RequestError::ClientIdMismatch))
        );
        let encoded = format!("Basic {}", STANDARD.encode("a%3Ab:c"));
        assert_eq!(basic(&encoded, "client_id=a:b"), Ok(vec![of("a:b", "c")]));
        assert_eq!(basic(&encoded, "client_id=a%253Ab"), Ok(vec![of("a%3Ab", "c")]), "only the raw reading");
    }

    #[test]
    fn debug_shows_nothing_of_a_secret() {
        let form = Form::parse(b"client_id=a&client_secret=hunter2").ok().unwrap();
        let credentials = Credentials::parse(None, &form).unwrap();
        let shown = format!("{credentials:?}");
        assert!(!shown.contains("hunter2") && shown.contains("ClientSecret(_)"), "{shown}");
    }

    #[test]
    fn a_header_of_8_kib_is_read_and_a_longer_one_is_not() {
        let padded = |length: usize| format!("Basic{}YTpiYw==", " ".repeat(length - 13));
        assert_eq!(basic(&padded(MAX_AUTHORIZATION), ""), Ok(vec![of("a", "bc")]));
        assert_eq!(
            basic(&padded(MAX_AUTHORIZATION + 1), ""),
            Err(TokenError::Client(ClientError::MalformedAuthorization(AuthorizationFlaw::TooLong)))
        );
        assert_eq!(MAX_AUTHORIZATION, 8192);
    }

    proptest! {
        #[test]
        fn credentials_encoded_by_another_implementation_are_read_back(id in "[ -~]{1,40}", secret in ".{1,40}") {
            let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let header = format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(&id), encode(&secret))));
            let read = basic(&header, "").unwrap();
            prop_assert_eq!(&read[0], &of(&id, &secret));
        }

        #[test]
        fn raw_credentials_are_among_the_readings(id in "[!-9;-~]{1,40}", secret in ".{1,40}") {
            let header = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
            prop_assert!(basic(&header, "").unwrap().contains(&of(&id, &secret)));
        }

        #[test]
        fn no_header_makes_the_parser_panic(header in ".*", bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = basic(&header, "");
            let _ = basic(&format!("Basic {}", STANDARD.encode(&bytes)), "client_id=a");
            let _ = (id_in_basic(&header), id_in_form(&bytes), id_of(&bytes));
        }
    }
}
