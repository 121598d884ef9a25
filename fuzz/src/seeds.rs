//! The seeds: the requests of the vectors, in the format of each target.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edgemint_testkit::{NOW, Vector, apis, cast, issuers, misfits};

use crate::issuer::ISSUER;
use crate::text;

/// Configurations of dex, and the files of Kubernetes and Helm around them.
const DEX_FILES: [&str; 5] = [
    include_str!("../../examples/dex.yaml"),
    include_str!("../../crates/cli/tests/transcripts/client.in/helm-values.yaml"),
    include_str!("../../crates/cli/tests/transcripts/client.in/manifests.yaml"),
    include_str!("../../crates/cli/tests/transcripts/client.in/placeholders.yaml"),
    include_str!("../../crates/cli/tests/transcripts/client.in/template.yaml"),
];

/// All vectors, once per process: their tokens are signed here.
fn vectors() -> &'static [Vector] {
    static VECTORS: LazyLock<Vec<Vector>> =
        LazyLock::new(|| Vector::all().iter().map(|vector| vector.at(ISSUER, NOW)).collect());
    &VECTORS
}

/// The seeds of `target`, without repetitions. Empty for a target that needs none.
pub fn of(target: &str) -> BTreeSet<Vec<u8>> {
    let vectors = vectors();
    let forms = || vectors.iter().map(Vector::body);
    let bytes = String::into_bytes;
    match target {
        "handle" => vectors.iter().map(text::of).collect(),
        "form" => forms().collect(),
        "scope" => forms().flat_map(|form| values(&form, &["scope"])).map(bytes).collect(),
        "token" => forms().flat_map(|form| values(&form, &["token"])).flat_map(tokens).collect(),
        "resource" => {
            forms().map(|form| values(&form, &["resource", "audience"]).join("\n").into_bytes()).collect()
        }
        "authorization" => {
            vectors.iter().filter_map(|vector| vector.headers().remove("authorization")).map(bytes).collect()
        }
        "config" => {
            let lines = |vector: &Vector| {
                let variables = vector.variables(ISSUER, NOW);
                variables.iter().map(|(name, value)| format!("{name}={value}\n")).collect::<String>()
            };
            vectors.iter().map(lines).map(bytes).collect()
        }
        "client_record" => {
            cast().iter().map(|client| client.to_json()).chain(misfits().into_values()).map(bytes).collect()
        }
        "api_record" => {
            apis().iter().map(|api| api.to_json()).chain(misfits().into_values()).map(bytes).collect()
        }
        "assertion" => assertions(forms()).into_iter().map(bytes).collect(),
        "proof" => vectors.iter().filter_map(|vector| vector.headers().remove("dpop")).map(bytes).collect(),
        "trusted_issuer" => issuers().iter().map(|issuer| issuer.to_json().into_bytes()).collect(),
        "identity" => {
            let rules = cast().into_iter().flat_map(|client| client.identities);
            let rules: Vec<String> = rules.filter_map(|rule| serde_json::to_string(&rule).ok()).collect();
            let claims = assertions(forms()).into_iter().filter_map(|token| {
                let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
                String::from_utf8(payload).ok()
            });
            claims
                .flat_map(|claims| rules.iter().map(move |rule| format!("{rule}\n{claims}").into_bytes()))
                .collect()
        }
        "dex_import" => DEX_FILES.iter().map(|file| file.as_bytes().to_vec()).collect(),
        _ => BTreeSet::new(),
    }
}

/// The assertions in `forms`.
pub fn assertions(forms: impl Iterator<Item = Vec<u8>>) -> Vec<String> {
    forms.flat_map(|form| values(&form, &["client_assertion", "assertion"])).collect()
}

fn values(form: &[u8], names: &[&str]) -> Vec<String> {
    let pairs = form_urlencoded::parse(form);
    pairs.filter(|(name, _)| names.contains(&&**name)).map(|(_, value)| value.into_owned()).collect()
}

/// The token itself, and its header and claims for the target to sign.
fn tokens(token: String) -> Vec<Vec<u8>> {
    let segments = token.split('.').take(2).filter_map(|segment| URL_SAFE_NO_PAD.decode(segment).ok());
    let parts = segments.collect::<Vec<_>>().join(&b'\n');
    let with_our_key = String::from_utf8_lossy(&parts).replace("ES256", "EdDSA").into_bytes();
    vec![token.into_bytes(), with_our_key]
}
