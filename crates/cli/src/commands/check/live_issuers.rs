//! `edgemint check --live`: the documents of the trusted issuers and of clients, compared with the records.

use anyhow::Result;
use edgemint_issuer::{ClientRecord, IssuerKeys, KeySetUrl, SignatureAlgorithm, TrustedIssuer};
use edgemint_printable::shell;

use crate::commands::check::findings::{Level, Scope};
use crate::commands::issuer::discovery;

/// What an issuer publishes, or why that cannot be fetched.
pub(crate) struct Published {
    /// The URL of its key set, from its discovery document.
    pub(crate) jwks_uri: Result<KeySetUrl>,
    /// The number of usable keys at the registered URL.
    pub(crate) keys: Result<usize>,
}

/// Fetches the documents of an enabled issuer, unless its keys are in the record.
pub(crate) fn of_issuer(issuer: &TrustedIssuer) -> Option<Published> {
    let IssuerKeys::JwksUri(url) = &issuer.keys else { return None };
    (!issuer.disabled).then(|| Published {
        jwks_uri: discovery::discover(&issuer.id),
        keys: discovery::fetch(url)
            .and_then(|set| discovery::usable(&set, issuer.platform.key_uses(), &issuer.algs)),
    })
}

/// Compares what an issuer publishes with its record.
pub(crate) fn compare(issuer: &TrustedIssuer, published: &Published, findings: &mut Scope<'_>) {
    let IssuerKeys::JwksUri(registered) = &issuer.keys else { return };
    let (name, replace) = (issuer.id.kv_key(), shell::last(issuer.id.as_str()));
    if let Err(error) = &published.keys {
        let message = format!("has keys that the Worker cannot use: {error:#}");
        findings.add(Level::Warning, &name, message);
    }
    match &published.jwks_uri {
        Ok(today) if today != registered => {
            let message = format!(
                "publishes its keys at {today} now, but {registered} is registered. Run `edgemint issuer add --replace \
                 {replace}`"
            );
            findings.add(Level::Warning, &name, message);
        }
        Ok(_) => {}
        // Keys at the registered URL are enough: `issuer add --jwks-uri` is for an issuer without the document.
        Err(_) if published.keys.is_ok() => {}
        Err(error) => findings.add(Level::Warning, &name, format!("cannot be compared: {error:#}")),
    }
}

/// Reports a client whose keys cannot be fetched.
pub(crate) fn client(record: &ClientRecord, findings: &mut Scope<'_>) {
    let Some(url) = record.jwks_uri.as_ref().filter(|_| !record.disabled) else { return };
    let keys = discovery::fetch(url)
        .and_then(|set| discovery::usable(&set, &["sig"], &SignatureAlgorithm::OF_CLIENTS));
    if let Err(error) = keys {
        let message = format!("has keys that the Worker cannot use: {error:#}");
        findings.add(Level::Warning, &record.id.kv_key(), message);
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;
    use edgemint_issuer::{Platform, TrustedIssuerId};

    use super::*;
    use crate::commands::check::findings::Findings;

    fn told(jwks_uri: Result<&str>, keys: Result<usize>) -> Vec<String> {
        let url = |url: &str| KeySetUrl::parse(url).expect("a URL");
        let id = TrustedIssuerId::parse("https://a.example").expect("an ID");
        let registered = IssuerKeys::JwksUri(url("https://a.example/keys"));
        let issuer = TrustedIssuer::new(id, "A", Platform::Custom, registered);
        let published = Published { jwks_uri: jwks_uri.map(url), keys };
        let mut findings = Findings::default();
        compare(&issuer, &published, &mut findings.at(None));
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn keys_that_moved_or_are_gone_are_told() {
        assert_eq!(told(Ok("https://a.example/keys"), Ok(1)), [""; 0]);
        assert_eq!(told(Err(anyhow!("404")), Ok(1)), [""; 0], "there is no discovery document");
        let moved = told(Ok("https://a.example/new"), Ok(1));
        assert!(moved.len() == 1 && moved[0].contains("issuer add --replace https://a.example"), "{moved:?}");
        let gone = told(Err(anyhow!("503")), Err(anyhow!("no answer")));
        assert!(gone.len() == 2 && gone[0].contains("cannot use: no answer"), "{gone:?}");
    }
}
