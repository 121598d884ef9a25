//! The texts of errors, as commands and logs show them to an operator.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

use std::collections::HashSet;
use std::error::Error;

use edgemint_issuer::{
    ApiId, ClientId, ClientSecret, Config, FormError, Issuer, KeyError, KeySet, KeySetUrl, Lifetime,
    PublicKey, RecordError, Scope, ScopeError, SecretHash, SigningKey, TrustedIssuerId, Unavailable,
};
use edgemint_testkit::signing_key;

/// One error of each type, and words that its text has.
fn errors() -> Vec<(Box<dyn Error>, &'static str)> {
    vec![
        (Box::new(ApiId::parse("").unwrap_err()), "the identifier of an API"),
        (Box::new(ClientId::parse("").unwrap_err()), "a client ID"),
        (Box::new(Config::parse([("ISSUER", "http://a")]).unwrap_err()), "ISSUER must be https"),
        (Box::new(FormError::Encoding), "form-urlencoded"),
        (Box::new(FormError::TooMany), "too many"),
        (Box::new(FormError::Repeated), "repeated"),
        (Box::new(Issuer::parse("x").unwrap_err()), "an absolute URL"),
        (Box::new(KeyError::Malformed), "not a private JWK"),
        (Box::new(KeySet::parse("", &[]).unwrap_err()), "not a JWK set"),
        (Box::new(KeySetUrl::parse("").unwrap_err()), "the URL of a JWKS"),
        (Box::new(Lifetime::parse("").unwrap_err()), "not a length of time"),
        (Box::new(PublicKey::parse("").unwrap_err()), "not a JWK"),
        (Box::new(RecordError::WrongId), "not the one it is stored under"),
        (Box::new(Scope::parse("a  b").unwrap_err()), "not a scope"),
        (Box::new(ScopeError::TooMany), "too many scopes"),
        (Box::new(SecretHash::parse("").unwrap_err()), "not a secret hash"),
        (Box::new(TrustedIssuerId::parse("").unwrap_err()), "the identifier of an issuer"),
        (Box::new(Unavailable::new("KV did not answer")), "KV did not answer"),
    ]
}

#[test]
fn every_error_says_what_is_wrong_in_words_of_its_own() {
    let errors = errors();
    for (error, words) in &errors {
        assert!(error.to_string().contains(words), "{error:?}: {error}");
    }
    let texts: HashSet<String> = errors.iter().map(|(error, _)| error.to_string()).collect();
    assert_eq!(texts.len(), errors.len());
}

#[test]
fn errors_in_a_configuration_are_listed_one_after_the_other() {
    let errors =
        Config::parse([("ISSUER", ""), ("CORS_ALLOWED_ORIGINS", "x"), ("CORS_ALLOWED_HEADERS", ":")]);
    let errors = errors.unwrap_err();
    let text = errors.to_string();
    let sentences: Vec<&str> = text.split("; ").collect();
    assert_eq!(sentences.len(), errors.all().len(), "{text}");
    for (sentence, error) in sentences.iter().zip(errors.all()) {
        assert_eq!(*sentence, format!("{} {}", error.name, error.message));
        assert!(error.message.split(' ').count() > 3, "{sentence}");
    }
}

#[test]
fn what_holds_a_secret_is_shown_without_it() {
    let secret = ClientSecret::new(b"hunter2".to_vec());
    let hash = SecretHash::sha256(&secret);
    let key = SigningKey::parse("A", &signing_key("ES256", &[("kid", "a".into())])).unwrap();
    assert_eq!(
        [format!("{secret:?}"), format!("{hash:?}"), format!("{key:?}")],
        ["ClientSecret(_)", "SecretHash::Sha256(_)", "SigningKey(a)"]
    );
}
