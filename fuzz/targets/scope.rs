//! Any scope: a scope that is read is also read back after it is printed.
use edgemint_issuer::Scope;

pub(crate) fn run(text: &str) {
    if let Ok(scope) = Scope::parse(text) {
        assert_eq!(Scope::parse(&scope.to_string()), Ok(scope));
    }
}
