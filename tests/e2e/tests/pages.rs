//! The commands of guides and tutorials: they run as written, and print what the pages show.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop"
)]

use std::fmt::Write as _;
use std::process::Stdio;

use edgemint_e2e::{Deployment, has, note};
use edgemint_testkit::{Block, Page};

/// The mark of a command's output, after the language.
const OUTPUT: &str = "output";

/// A wildcard for any text in a command's output.
const ANYTHING: char = '…';

/// The page that begins with an empty account. Its commands run with the real wrangler, which takes seconds per command.
const FIRST_DEPLOYMENT: &str = "docs/tutorials/deploy.md";

fn is_run(block: &Block) -> bool {
    (block.info == "sh" || block.info == Block::BY_HAND) && block.not_run.is_none()
}

/// The commands that run, each with the documented output if the page has one.
fn commands(page: &Page) -> Vec<(&Block, Option<&Block>)> {
    let mut commands = Vec::new();
    let mut blocks = page.blocks.iter().peekable();
    while let Some(block) = blocks.next() {
        if is_run(block) {
            let output = blocks.next_if(|next| next.info.split(' ').nth(1) == Some(OUTPUT));
            commands.push((block, output));
        }
    }
    commands
}

/// Whether `text` matches `expected`, in which [`ANYTHING`] matches any text.
fn is_as(text: &str, expected: &str) -> bool {
    let mut pieces = expected.trim().split(ANYTHING);
    let Some(mut rest) = text.trim().strip_prefix(pieces.next().unwrap_or_default()) else { return false };
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, others)) = pieces.split_last() else { return rest.is_empty() };
    for piece in others {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

/// Runs the commands of a page, one after the other in one shell. Returns their number, or the first problem.
fn run(page: &Page) -> Result<usize, String> {
    let commands = commands(page);
    let deployment =
        if page.name == FIRST_DEPLOYMENT { Deployment::before_the_first() } else { Deployment::start() };
    let mut script = String::from("exec 3>&1\n");
    for command in &page.setup {
        writeln!(script, "{}", deployment.adapted(command)).unwrap();
    }
    for (i, (block, _)) in commands.iter().enumerate() {
        let text = deployment.adapted(&block.text);
        // Commands that stand for an edit by hand find what was printed before in `output`.
        writeln!(script, "echo {i} >&3\n{{\n{text}\n}} > output.{i} 2>&1\ncp output.{i} output").unwrap();
    }
    let output = deployment.shell(&script).stdin(Stdio::null()).output().unwrap();
    let begun = String::from_utf8_lossy(&output.stdout).lines().count();
    let printed =
        |i: usize| std::fs::read_to_string(deployment.path().join(format!("output.{i}"))).unwrap_or_default();
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let Some(last) = begun.checked_sub(1) else {
            return Err(format!("{}: the setup failed: {said}", page.name));
        };
        let (line, text) = (commands[last].0.line, &commands[last].0.text);
        return Err(format!("{}:{line}: this failed:\n{text}\n{}{said}", page.name, printed(last)));
    }
    for (i, (_, expected)) in commands.iter().enumerate() {
        let Some(expected) = expected else { continue };
        let (printed, wanted) = (printed(i), deployment.adapted(&expected.text));
        if !is_as(&printed, &wanted) {
            return Err(format!(
                "{}:{}: the command does not print this:\n{wanted}\nit prints:\n{printed}",
                page.name, expected.line
            ));
        }
    }
    let unknown = deployment.rehearsal().unknown_calls();
    if !unknown.is_empty() {
        return Err(format!("{}: the stand-in for Cloudflare does not know: {unknown:?}", page.name));
    }
    Ok(commands.len())
}

#[test]
fn what_guides_and_tutorials_say_to_type_works_and_prints_what_they_say() {
    if !has("jq --version", "the commands of the guides, which use jq") {
        return;
    }
    let pages = Page::below(xtask::root(), &["docs/guides", "docs/tutorials"]);
    let with_commands: Vec<&Page> = pages.iter().filter(|page| page.blocks.iter().any(is_run)).collect();
    assert!(with_commands.len() >= 10, "found commands on only {} pages", with_commands.len());
    let results: Vec<Result<usize, String>> = with_commands.iter().map(|page| run(page)).collect();
    let wrong: Vec<&str> =
        results.iter().filter_map(|result| result.as_ref().err()).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    let commands: usize = results.iter().flatten().sum();
    note(&format!("pages: {commands} blocks of commands on {} pages", with_commands.len()));
}

#[test]
fn what_is_printed_is_compared_but_for_what_may_be_anything() {
    assert!(is_as("a 1 b\nc\n", "a … b\nc"));
    assert!(is_as("a\nb\nc\n", "a\n…\nc"));
    assert!(is_as("abc", "…b…"));
    for (text, expected) in [("a", "b"), ("a b", "a"), ("a b", "…a"), ("b a", "a…"), ("ac", "a…b…c")]
    {
        assert!(!is_as(text, expected), "{text} {expected}");
    }
}
