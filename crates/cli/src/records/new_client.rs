//! Checks of a new client's ID and secrets: reasons to reject it, and warnings for the operator.

use std::collections::BTreeSet;

use edgemint_issuer::{
    ApiId, ClientId, ClientRecord, MAX_SLOW_HASHES, SecretHash, StoredSecret, TrustedIssuerId,
    client_of_subject,
};
use edgemint_printable::shell;

/// Why this ID is rejected, if it is.
pub(crate) fn refused_id(id: &ClientId) -> Option<String> {
    let other = client_of_subject(id.as_str())?;
    Some(format!(
        "the ID {id} is also the `sub` in tokens of the client {other} in dex's profile, so an API could confuse the \
         two clients. Choose another ID"
    ))
}

/// Why the ID of a trusted issuer is rejected for a client.
pub(crate) fn refused_issuer(id: impl std::fmt::Display) -> String {
    format!(
        "{id} is the ID of a trusted issuer. An assertion of the client would have the same `iss` as a token of that \
         issuer. Choose another ID"
    )
}

/// Whether one of these trusted issuers has the client's ID.
pub(crate) fn is_an_issuer(id: &ClientId, issuers: &BTreeSet<TrustedIssuerId>) -> bool {
    TrustedIssuerId::parse(id.as_str()).is_ok_and(|id| issuers.contains(&id))
}

/// The note about the first key or rule of a client.
pub(crate) fn of_version_3() -> String {
    "The record has version 3 now. A Worker of an older edgemint rejects this client. `edgemint check --live URL` says \
     whether the running one is new enough."
        .to_owned()
}

/// Whether the client has a way to authenticate that is stronger than a secret.
pub(crate) fn has_other_way(record: &ClientRecord) -> bool {
    record.has_keys() || !record.identities.is_empty() || !record.certificates.is_empty()
}

/// The warning about a client that keeps a secret beside a stronger way to authenticate.
pub(crate) fn keeps_secrets(record: &ClientRecord, now: u64) -> Option<String> {
    let mut live =
        record.secrets.iter().filter(|secret| secret.is_live(now)).map(|secret| secret.id.as_str());
    let first = live.next()?;
    let ids = live.fold(first.to_owned(), |ids, id| format!("{ids} {id}"));
    Some(format!(
        "the client can still authenticate with a secret, which is the weaker way. Once it does not need the secret, \
         run `edgemint client revoke-secret {} {}`",
        shell::last(record.id.as_str()),
        ids
    ))
}

/// Why the secrets of this record are rejected, if they are.
pub(crate) fn refused_secrets(record: &ClientRecord, now: u64) -> Option<String> {
    let live = live_slow_hashes(record, now).count();
    (live > MAX_SLOW_HASHES).then(|| {
        format!(
            "{live} of its valid secrets have slow hashes, but the Worker computes at most {MAX_SLOW_HASHES} per \
             request and would reject the others"
        )
    })
}

/// The valid secrets with slow hashes.
pub(crate) fn live_slow_hashes(record: &ClientRecord, now: u64) -> impl Iterator<Item = &StoredSecret> {
    let is_slow = |secret: &&StoredSecret| matches!(secret.hash, SecretHash::Pbkdf2 { .. });
    record.secrets.iter().filter(is_slow).filter(move |secret| secret.is_live(now))
}

/// Warnings about a client with this ID. `is_api`: whether an API has the same ID.
pub(crate) fn warnings(record: &ClientRecord, is_api: bool) -> Vec<String> {
    let id = &record.id;
    let api = is_api.then(|| also_an_api(id));
    // A public client presents no secret.
    let colon = (id.as_str().contains(':') && !record.public).then(|| {
        format!(
            "the ID {id} contains a colon. With HTTP Basic, the client must encode it as %3A (RFC 6749 §2.3.1), \
             because the ID ends at a colon. A client that cannot do that must send \
             client_id and client_secret in the body"
        )
    });
    api.into_iter().chain(colon).collect()
}

/// The warning about a client and an API with the same ID.
pub(crate) fn also_an_api(id: impl std::fmt::Display) -> String {
    format!(
        "{id} is the ID of a client and of an API. In dex's profile, tokens that the client gets without a resource \
         have its ID as audience, so the API accepts them without a grant. Use another ID for the client. If it is a \
         resource \
         server, let it introspect tokens with `edgemint client allow-introspection`"
    )
}

/// Whether one of these APIs has the client's ID.
pub(crate) fn is_an_api(id: &ClientId, apis: &BTreeSet<ApiId>) -> bool {
    ApiId::parse(id.as_str()).is_ok_and(|id| apis.contains(&id))
}

#[cfg(test)]
mod tests {
    use edgemint_issuer::subject;
    use proptest::prelude::*;

    use super::*;

    const NOW: u64 = 1000;

    fn client(id: &str) -> ClientRecord {
        ClientRecord::new(ClientId::parse(id).expect("an ID"), "A")
    }

    proptest! {
        #[test]
        fn no_client_has_the_subject_of_another_one_as_its_id(id in "[ -~]{1,185}") {
            let id = ClientId::parse(&id).expect("an ID");
            let taken = ClientId::parse(&subject(&id)).expect("it is short enough");
            let told = refused_id(&taken);
            prop_assert!(told.is_some_and(|told| told.contains("Choose another ID")));
        }
    }

    #[test]
    fn usual_ids_are_taken_without_a_word() {
        for id in
            ["billing", "example-app", "Cg", "CgR0ZXN", "3c9f5f1e-9b1d-4d0c-8a65-0f6d9c5c4c11", "a b", "~"]
        {
            let record = client(id);
            assert_eq!((refused_id(&record.id), warnings(&record, false)), (None, Vec::new()), "{id}");
        }
    }

    #[test]
    fn an_id_with_a_colon_and_one_of_an_api_are_told() {
        let mut record = client("https://a/");
        let told = warnings(&record, true);
        assert_eq!(told.len(), 2);
        assert!(told[0].contains("without a grant") && told[1].contains("%3A"), "{told:?}");
        record.public = true;
        assert!(warnings(&record, false).is_empty());
    }

    #[test]
    fn four_slow_hashes_that_work_are_enough() {
        let slow = |i: usize, expires| StoredSecret {
            id: format!("dex{i}"),
            created: 1,
            expires,
            hash: SecretHash::Pbkdf2 { iterations: 1, salt: vec![0; 8], derived: [0; 32] },
        };
        let mut record = client("a");
        record.secrets.extend((0..9).map(|i| slow(i, Some(NOW))));
        record.secrets.extend((10..14).map(|i| slow(i, Some(NOW + 1))));
        let fast = StoredSecret { hash: SecretHash::Sha256([0; 32]), ..slow(14, None) };
        record.secrets.push(fast);
        assert_eq!(refused_secrets(&record, NOW), None);
        record.secrets.push(slow(15, None));
        assert!(refused_secrets(&record, NOW).is_some_and(|told| told.starts_with("5 of its valid secrets")));
    }
}
