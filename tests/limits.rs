//! Checks that the Worker passes on as much of a request as the issuer reads.
#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on must stop")]

use edgemint_issuer::{LIMITS, MAX_BODY};
use edgemint_testkit::checkout;

fn entry() -> String {
    let path = checkout::root().join("src/entry.js");
    std::fs::read_to_string(path).expect("src/entry.js")
}

#[test]
fn entry_js_has_the_limits_of_the_issuer_in_their_order() {
    let entry = entry();
    let (_, list) = entry.split_once("const LIMITS = {\n").expect("entry.js has a list");
    let (list, _) = list.split_once("\n};").expect("it ends");
    let limits: Vec<(&str, usize)> = list
        .lines()
        .map(|line| {
            let line = line.trim().strip_suffix(',').expect("a line for each");
            let (name, longest) = line.split_once(": ").expect("a name and a number");
            (name.trim_matches('"'), longest.parse().unwrap_or_else(|_| panic!("{line}")))
        })
        .collect();
    assert_eq!(limits, LIMITS);
    assert_eq!(limits.last(), Some(&("body", MAX_BODY)));
}

#[test]
fn entry_js_reads_no_header_for_the_issuer_but_those_of_the_list() {
    let entry = entry();
    let read: Vec<&str> =
        entry.split("headers.get(").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert_eq!(read, ["\"content-length\"", "name"], "a header without a limit is passed on");
}
