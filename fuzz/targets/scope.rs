//! Any scope: a scope that is read is also read back after it is printed.
#![no_main]

use edgemint_issuer::Scope;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(scope) = Scope::parse(text) {
        assert_eq!(Scope::parse(&scope.to_string()), Ok(scope));
    }
});
