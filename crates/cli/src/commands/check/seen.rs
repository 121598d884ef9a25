//! What `edgemint check` has read of a deployment.

use std::collections::BTreeMap;

use edgemint_issuer::Algorithm;

/// The algorithms that APIs demand, and which APIs do.
pub(crate) type Demanded = BTreeMap<Algorithm, Vec<String>>;

/// Stands in for keys that cannot be read, so that the rest is judged: the public example of RFC 8037 A.1.
pub(crate) const EXAMPLE_KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}"#;

/// What was seen of a target, and what a running issuer is compared with.
#[derive(Default)]
pub(crate) struct Seen {
    /// How many keys are deployed, if that can be known.
    pub(crate) keys: Option<usize>,
    /// The algorithm that signs unless an API demands another, if the target has one.
    pub(crate) signing_alg: Option<Algorithm>,
    /// What APIs demand, as long as it has not been held against the keys.
    pub(crate) demanded: Demanded,
}
