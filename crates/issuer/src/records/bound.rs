//! What the tokens of a client, or for an API, must be bound to.

use serde::{Deserialize, Serialize};

/// What tokens must be bound to, so that a thief cannot use them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bound {
    /// The key of a DPoP proof (RFC 9449).
    Dpop,
    /// A client certificate (RFC 8705 §3).
    Mtls,
    /// Either of them.
    Any,
}

impl Bound {
    /// All values.
    pub const ALL: [Self; 3] = [Self::Dpop, Self::Mtls, Self::Any];

    /// The value in records and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dpop => "dpop",
            Self::Mtls => "mtls",
            Self::Any => "any",
        }
    }

    /// What meets both demands. `None` if nothing does.
    pub fn and(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Any, demand) | (demand, Self::Any) => Some(demand),
            (Self::Dpop, Self::Dpop) => Some(Self::Dpop),
            (Self::Mtls, Self::Mtls) => Some(Self::Mtls),
            (Self::Dpop, Self::Mtls) | (Self::Mtls, Self::Dpop) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_the_one_in_records() {
        for bound in Bound::ALL {
            assert_eq!(serde_json::to_value(bound).unwrap(), bound.name());
        }
    }

    #[test]
    fn two_demands_leave_what_meets_both() {
        for a in Bound::ALL {
            for b in Bound::ALL {
                let meets = |demand: Bound, by: Bound| demand == Bound::Any || demand == by;
                let both: Vec<Bound> = [Bound::Dpop, Bound::Mtls]
                    .into_iter()
                    .filter(|by| meets(a, *by) && meets(b, *by))
                    .collect();
                let expected = match both.as_slice() {
                    [] => None,
                    [one] => Some(*one),
                    _ => Some(Bound::Any),
                };
                assert_eq!(a.and(b), expected, "{a:?} {b:?}");
            }
        }
    }
}
