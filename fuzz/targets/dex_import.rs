//! Any text as a dex configuration.
use edgemint_dex_import as dex;

pub(crate) fn run(text: &str) {
    let variable = |name: &str| (name.len() < 8).then(|| name.to_lowercase());
    let read = |literal: &[edgemint_issuer::ClientId]| {
        dex::read(text, &dex::Asked { file: "dex.yaml", variable: &variable, literal })
    };
    let Ok(file) = read(&[]) else { return };
    for (i, entry) in file.entries.iter().enumerate() {
        let of = match entry {
            Ok(client) => client.entry,
            Err(refused) => refused.entry,
        };
        assert_eq!(of, i + 1, "every client is taken or refused, in order");
    }
    // If all clients are allowed literals, no client is refused that is accepted without that.
    let ids: Vec<_> = file.entries.iter().flatten().map(|client| client.id.clone()).collect();
    let taken = read(&ids).map(|file| file.entries.iter().flatten().count());
    assert!(taken.is_ok_and(|taken| taken == ids.len()), "the same clients are taken");
}
