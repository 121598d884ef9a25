//! Sender-constrained tokens: what a token is bound to, so that no other sender can use it (RFC 9449, RFC 8705 §3).

pub(crate) mod dpop;
pub(crate) mod nonce;

use crate::error::proof::BindingError;
use crate::grammar::json::Object;
use crate::records::bound::Bound;

/// What the sender of a request proved to possess.
#[derive(Debug, Default)]
pub(crate) struct Possession {
    /// The thumbprint (RFC 7638) of the key of its DPoP proof.
    pub(crate) key: Option<String>,
    /// The SHA-256 of its certificate, in base64url.
    pub(crate) certificate: Option<String>,
}

/// What a token is bound to: the claim `cnf` (RFC 7800 §3.1), which has one member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Confirmation {
    /// A key, by its thumbprint (RFC 9449 §6.1).
    Key(String),
    /// A certificate, by its thumbprint (RFC 8705 §3.1).
    Certificate(String),
}

impl Possession {
    /// Decides what the token is bound to. `demand` is what the records of the client and the APIs demand.
    ///
    /// A proof always binds, because only a client that wants a bound token sends one. A certificate binds only on
    /// demand, because a client may present it for other reasons.
    pub(crate) fn confirm(self, demand: Option<Bound>) -> Result<Option<Confirmation>, BindingError> {
        match (demand, self.key, self.certificate) {
            (None | Some(Bound::Dpop | Bound::Any), Some(key), _) => Ok(Some(Confirmation::Key(key))),
            (Some(Bound::Mtls), Some(_), _) => Err(BindingError::ProofNotAllowed),
            (Some(Bound::Mtls | Bound::Any), None, Some(certificate)) => {
                Ok(Some(Confirmation::Certificate(certificate)))
            }
            (Some(Bound::Dpop), None, _) => Err(BindingError::ProofMissing),
            (Some(Bound::Mtls | Bound::Any), None, None) => Err(BindingError::Unbound),
            (None, None, _) => Ok(None),
        }
    }
}

impl Confirmation {
    /// The value of `cnf`.
    pub(crate) fn json(&self) -> Object {
        let mut cnf = Object::with_capacity(64);
        match self {
            Self::Key(thumbprint) => cnf.plain("jkt", thumbprint),
            Self::Certificate(thumbprint) => cnf.plain("x5t#S256", thumbprint),
        }
        cnf
    }

    /// Its name in the log.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Key(_) => "dpop",
            Self::Certificate(_) => "mtls",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demand_is_met_or_refused() {
        let key = || Some("K".to_owned());
        let certificate = || Some("C".to_owned());
        let (by_key, by_certificate) = (Confirmation::Key("K".into()), Confirmation::Certificate("C".into()));
        for (demand, key, certificate, expected) in [
            (None, None, None, Ok(None)),
            (None, None, certificate(), Ok(None)),
            (None, key(), None, Ok(Some(&by_key))),
            (None, key(), certificate(), Ok(Some(&by_key))),
            (Some(Bound::Dpop), None, None, Err(BindingError::ProofMissing)),
            (Some(Bound::Dpop), None, certificate(), Err(BindingError::ProofMissing)),
            (Some(Bound::Dpop), key(), None, Ok(Some(&by_key))),
            (Some(Bound::Dpop), key(), certificate(), Ok(Some(&by_key))),
            (Some(Bound::Mtls), None, None, Err(BindingError::Unbound)),
            (Some(Bound::Mtls), None, certificate(), Ok(Some(&by_certificate))),
            (Some(Bound::Mtls), key(), None, Err(BindingError::ProofNotAllowed)),
            (Some(Bound::Mtls), key(), certificate(), Err(BindingError::ProofNotAllowed)),
            (Some(Bound::Any), None, None, Err(BindingError::Unbound)),
            (Some(Bound::Any), None, certificate(), Ok(Some(&by_certificate))),
            (Some(Bound::Any), key(), None, Ok(Some(&by_key))),
            (Some(Bound::Any), key(), certificate(), Ok(Some(&by_key))),
        ] {
            let what = format!("{demand:?} {key:?} {certificate:?}");
            let confirmed = Possession { key, certificate }.confirm(demand);
            assert_eq!(confirmed.as_ref().map(Option::as_ref), expected.as_ref().map(|cnf| *cnf), "{what}");
        }
        assert_eq!(by_key.json().end(), r#"{"jkt":"K"}"#);
        assert_eq!(by_certificate.json().end(), r#"{"x5t#S256":"C"}"#);
    }
}
