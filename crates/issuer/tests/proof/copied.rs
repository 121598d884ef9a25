//! A proof that is used twice.
use edgemint_issuer::AuthenticatedClient;

fn twice(client: AuthenticatedClient) -> [AuthenticatedClient; 2] {
    [client.clone(), client]
}

fn main() {}
