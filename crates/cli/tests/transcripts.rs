//! Transcripts: commands with their complete output.

#[test]
fn transcripts() {
    let fake = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fake");
    trycmd::TestCases::new().env("PATH", format!("{fake}:/usr/bin:/bin")).case("tests/transcripts/*.trycmd");
}
