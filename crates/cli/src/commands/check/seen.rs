//! The state of a deployment that `edgemint check --live` compares a running issuer with.

use std::collections::BTreeMap;

use edgemint_issuer::Algorithm;

/// The algorithms that APIs require, with the IDs of these APIs.
pub(crate) type Demanded = BTreeMap<Algorithm, Vec<String>>;

/// The public example key of RFC 8037 A.1. It replaces keys that cannot be read, so that the other variables can be
/// parsed.
pub(crate) const EXAMPLE_KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}"#;

/// The state of one target.
#[derive(Default)]
pub(crate) struct Seen {
    /// The number of deployed keys, if it is known.
    pub(crate) keys: Option<usize>,
    /// The algorithm that signs unless an API requires another, if the target sets one.
    pub(crate) signing_alg: Option<Algorithm>,
    /// The algorithms that APIs require. Empty once they were compared with the stored keys.
    pub(crate) demanded: Demanded,
}
