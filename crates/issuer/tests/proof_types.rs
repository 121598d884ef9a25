//! No code can get a token without authentication and authorization: it does not compile, and the compiler
//! says why.

#[test]
fn a_proof_cannot_be_made_up() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/proof/*.rs");
}
