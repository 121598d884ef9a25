//! Transcripts: commands with their complete output.

#[test]
fn transcripts() {
    let fake = edgemint_testkit::checkout::root().join("crates/cli/tests/fake");
    trycmd::TestCases::new()
        .env("PATH", format!("{}:/usr/bin:/bin", fake.display()))
        .case("tests/transcripts/*.trycmd");
}
