//! What people see: the commands as they are typed, and everything that they print.

#[test]
fn transcripts() {
    let fake = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fake");
    trycmd::TestCases::new().env("PATH", format!("{fake}:/usr/bin:/bin")).case("tests/transcripts/*.trycmd");
}
