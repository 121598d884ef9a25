//! A client that never authenticated.
use edgemint_issuer::{AuthenticatedClient, ClientId, ClientRecord, Proof};

fn main() {
    let record = ClientRecord::new(ClientId::parse("a").unwrap(), "A");
    let _ = AuthenticatedClient { record: record.into(), proof: Proof::Secret("s1".into()), used: None };
}
