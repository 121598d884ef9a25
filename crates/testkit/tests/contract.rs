//! The memory store keeps the contracts of all stores. KV's adapter runs only in workerd, where the vectors
//! check the same over HTTP.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

use edgemint_testkit::{
    MemoryClients, NOW, api_store_contract, apis, cast, client_store_contract, revocation_store_contract,
};

#[test]
fn memory_clients_keep_the_contract() {
    let record = cast().into_iter().find(|record| record.id.as_str() == "example-app").unwrap();
    let mut clients = MemoryClients::default();
    clients.add(&record);
    pollster::block_on(client_store_contract(&clients, &record));
}

#[test]
fn memory_apis_keep_the_contract() {
    let record = apis().into_iter().next().unwrap();
    let mut clients = MemoryClients::default();
    clients.add_api(&record);
    pollster::block_on(api_store_contract(&clients, &record));
}

#[test]
fn memory_revocations_keep_the_contract() {
    pollster::block_on(revocation_store_contract(&MemoryClients::default(), NOW + 600));
}
