//! Any scope: what is read is printed as it is read back.
#![no_main]

use edgemint_issuer::Scope;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(scope) = Scope::parse(text) {
        assert_eq!(Scope::parse(&scope.to_string()), Ok(scope));
    }
});
