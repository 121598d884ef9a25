//! A grant that exceeds the decision.
use edgemint_issuer::Grant;

fn for_ever(grant: Grant) -> Grant {
    Grant { lifetime: u64::MAX, ..grant }
}

fn main() {}
