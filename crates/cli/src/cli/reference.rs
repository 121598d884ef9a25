//! The page docs/reference/cli.md, made from the commands and their help.

use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory as _};

use super::Args;

const BEGINNING: &str = "\
# Command line

This page lists every command of `edgemint` with its arguments and flags. `edgemint COMMAND --help` prints the same text.
The flags of `edgemint` itself work with every command.

<!-- generated: do not edit this page. Edit the help in crates/cli/src, and run `EDGEMINT_UPDATE=1 cargo test -p edgemint-cli reference`. -->
";

/// Help for a place where Markdown has markup: `<` begins a tag there, unless it is in code.
fn escaped(text: &str) -> String {
    let pieces = text.split('`').enumerate();
    let escaped = pieces.map(|(i, piece)| if i % 2 == 0 { piece.replace('<', "&lt;") } else { piece.into() });
    escaped.collect::<Vec<_>>().join("`")
}

/// A row of a table.
fn row(arg: &Arg) -> String {
    let shown = arg.to_string();
    let short = arg.get_short().map(|short| format!("`-{short}`, ")).unwrap_or_default();
    let help = arg.get_long_help().or_else(|| arg.get_help()).map(ToString::to_string).unwrap_or_default();
    let mut meaning = escaped(&help.split_whitespace().collect::<Vec<_>>().join(" "));
    if arg.get_action().takes_values() {
        let values = arg.get_possible_values().into_iter().filter(|value| !value.is_hide_set());
        for (i, value) in values.enumerate() {
            let about = value.get_help().map(|help| format!(" ({})", escaped(&help.to_string())));
            let before = if i == 0 { ". Values: " } else { "; " };
            let _ = write!(meaning, "{before}`{}`{}", value.get_name(), about.unwrap_or_default());
        }
        for value in arg.get_default_values() {
            let _ = write!(meaning, " [default: {}]", value.to_string_lossy());
        }
    }
    for alias in arg.get_visible_aliases().unwrap_or_default() {
        let _ = write!(meaning, " [alias: `--{alias}`]");
    }
    format!("| {short}`{}` | {} |\n", shown.replace('|', "\\|"), meaning.replace('|', "\\|"))
}

/// What help says after the flags: the indented lines below "Example" are commands.
fn ending(text: &str) -> String {
    let mut ending = String::new();
    for paragraph in text.split("\n\n") {
        let (title, lines) = paragraph.split_once('\n').unwrap_or((paragraph, ""));
        if lines.starts_with("  ") {
            let language = if title.starts_with("Example") { "sh" } else { "text" };
            let lines: Vec<_> = lines.lines().map(|line| line.strip_prefix("  ").unwrap_or(line)).collect();
            let _ = write!(ending, "\n{title}\n\n```{language}\n{}\n```\n", lines.join("\n"));
        } else {
            let _ = write!(ending, "\n{}\n", escaped(paragraph));
        }
    }
    ending
}

/// A command and the ones below it, whose flags `is_listed` keeps.
fn section(command: &mut Command, depth: usize, is_listed: fn(&Arg) -> bool) -> String {
    let name = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
    let about = command.get_long_about().or_else(|| command.get_about());
    let about = about.map(|about| escaped(&about.to_string())).unwrap_or_default();
    let usage = command.render_usage().to_string();
    let mut text = format!("\n{} {name}\n\n{about}\n\n```text\n{usage}\n```\n", "#".repeat(depth));
    let rows: String = command.get_arguments().filter(|arg| is_listed(arg)).map(row).collect();
    if !rows.is_empty() {
        let _ = write!(text, "\n| argument or flag | meaning |\n|---|---|\n{rows}");
    }
    if let Some(after) = command.get_after_long_help().or_else(|| command.get_after_help()) {
        text.push_str(&ending(&after.to_string()));
    }
    for below in command.get_subcommands_mut().filter(|below| below.get_name() != "help") {
        let of_this_one = |arg: &Arg| !arg.is_global_set() && !arg.is_hide_set() && arg.get_id() != "help";
        text.push_str(&section(below, depth + 1, of_this_one));
    }
    text
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the environment says whether the page is to be written")]
fn the_reference_is_what_the_help_says() {
    let mut command = Args::command();
    command.build();
    let page = format!("{BEGINNING}{}", section(&mut command, 2, |arg| !arg.is_hide_set()));
    let file = edgemint_testkit::checkout::root().join("docs/reference/cli.md");
    if std::env::var_os("EDGEMINT_UPDATE").is_some() {
        std::fs::write(&file, &page).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    let differing =
        page.lines().zip(written.lines().chain(std::iter::repeat(""))).find(|(new, old)| new != old);
    assert!(
        page == written,
        "docs/reference/cli.md is not what the help says, first here: {differing:?}\n\
         To write it again: EDGEMINT_UPDATE=1 cargo test -p edgemint-cli reference"
    );
}

#[test]
fn the_reference_has_no_markup_by_accident() {
    assert_eq!(escaped("`a <B>` <C> `<D>`"), "`a <B>` &lt;C> `<D>`");
    assert_eq!(
        ending("Examples:\n  a | b\n    c\n\nA <B>"),
        "\nExamples:\n\n```sh\na | b\n  c\n```\n\nA &lt;B>\n"
    );
}
