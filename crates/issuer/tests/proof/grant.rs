//! A grant that says more than was decided.
use edgemint_issuer::Grant;

fn for_ever(grant: Grant) -> Grant {
    Grant { lifetime: u64::MAX, ..grant }
}

fn main() {}
