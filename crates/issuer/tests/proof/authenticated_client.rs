//! A client that never authenticated.
use edgemint_issuer::{AuthenticatedClient, ClientId, ClientRecord};

fn main() {
    let record = ClientRecord::new(ClientId::parse("a").unwrap(), "A");
    let _ = AuthenticatedClient { record: record.into(), secret_id: "s1".into() };
}
