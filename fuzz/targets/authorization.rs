//! Any `Authorization` header: a token if and only if it has the right credentials in one of the two
//! readings.
use edgemint_testkit::Oracle;

thread_local!(static ORACLE: Oracle = Oracle::default());

pub(crate) fn run(header: &str) {
    ORACLE.with(|oracle| oracle.post(Some(header), b"grant_type=client_credentials"));
}
