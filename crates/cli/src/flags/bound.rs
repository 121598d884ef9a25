//! Values of the flags for what tokens must be bound to.

use clap::ValueEnum;
use edgemint_issuer::Bound;

/// What tokens must be bound to, or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Demand {
    /// The key of a DPoP proof (RFC 9449)
    Dpop,
    /// A client certificate (RFC 8705)
    Mtls,
    /// Either of the two
    Any,
    /// Nothing: bearer tokens are allowed, too
    None,
}

impl Demand {
    /// The value in the record.
    pub(crate) const fn kept(self) -> Option<Bound> {
        match self {
            Self::Dpop => Some(Bound::Dpop),
            Self::Mtls => Some(Bound::Mtls),
            Self::Any => Some(Bound::Any),
            Self::None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_demand_of_a_record_has_a_value_of_the_same_name() {
        for bound in Bound::ALL {
            let value = Demand::from_str(bound.name(), false);
            assert_eq!(value.map(Demand::kept), Ok(Some(bound)));
        }
        assert_eq!(Demand::from_str("none", false).map(Demand::kept), Ok(None));
        assert!(Demand::from_str("DPoP", false).is_err() && Demand::from_str("", false).is_err());
    }
}
