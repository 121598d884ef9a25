//! Checks the documentation against the code: names in it exist, and it names what it must.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop"
)]

#[path = "documentation/style.rs"]
mod style;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use edgemint_issuer::{SIGNING_KEY_PREFIX, VARIABLES};
use edgemint_testkit::{Block, Page, checkout};

fn root() -> &'static Path {
    checkout::root()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All pages: at the top of the repository, and below docs/.
fn pages() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    let top = ["README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"];
    let mut found: Vec<PathBuf> = top.iter().map(|name| root().join(name)).collect();
    walk(&root().join("docs"), &mut found);
    assert!(found.len() >= 15, "found only {} pages", found.len());
    found.sort();
    found
}

/// The text in backticks, on lines outside code blocks.
fn code_spans(text: &str) -> Vec<&str> {
    let mut in_block = false;
    let mut spans = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if !in_block {
            spans.extend(line.split('`').skip(1).step_by(2));
        }
    }
    spans
}

/// The tests and vectors that a page names as its evidence, in code and in comments `<!-- proof: …, … -->`.
fn evidence(text: &str) -> Vec<&str> {
    code_spans(text).into_iter().chain(proofs(text).filter(|proof| !proof.is_empty())).collect()
}

/// The entries of the comments `<!-- proof: …, … -->`.
fn proofs(text: &str) -> impl Iterator<Item = &str> {
    let comments = text.split("<!-- proof:").skip(1).filter_map(|rest| rest.split("-->").next());
    comments.flat_map(|comment| comment.split(',')).map(str::trim)
}

/// The complaints of `find` about all pages, each with its page, and the number of items that it checked.
fn complaints(find: impl Fn(&Path, &str) -> (usize, Vec<String>)) -> (usize, Vec<String>) {
    let (mut looked_at, mut all) = (0, Vec::new());
    for path in pages() {
        let (count, found) = find(&path, &read(&path));
        looked_at += count;
        let name = path.strip_prefix(root()).unwrap_or(&path).display().to_string();
        all.extend(found.into_iter().map(|complaint| format!("{name}: {complaint}")));
    }
    (looked_at, all)
}

#[test]
fn every_vector_that_is_named_exists() {
    let (looked_at, wrong) = complaints(|_, text| {
        // `vector:<name>` is a placeholder for any vector.
        let named: Vec<&str> = evidence(text)
            .into_iter()
            .filter_map(|span| span.strip_prefix("vector:"))
            .filter(|name| !name.starts_with('<'))
            .collect();
        let folder = root().join("vectors/token");
        let missing = named.iter().filter(|name| !folder.join(format!("{name}.json")).is_file());
        (named.len(), missing.map(|name| format!("there is no vector {name}")).collect())
    });
    assert!(looked_at > 100, "found only {looked_at} names of vectors");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether `source` has a test function `name`.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let start = format!("fn {name}(");
    lines.iter().enumerate().filter(|(_, line)| line.starts_with(&start)).any(|(i, _)| {
        let above = lines[..i].iter().rev();
        above
            .take_while(|line| line.starts_with("#[") || line.starts_with("//"))
            .any(|line| *line == "#[test]")
    })
}

#[test]
fn every_test_that_is_named_exists() {
    let (looked_at, wrong) = complaints(|_, text| {
        let named: Vec<(&str, &str)> = evidence(text)
            .into_iter()
            .filter_map(|span| span.split_once("::"))
            .filter(|(path, _)| path.ends_with(".rs"))
            .collect();
        let missing = named.iter().filter(|(path, name)| {
            let path = root().join(path);
            !path.is_file() || !has_test(&read(&path), name)
        });
        (named.len(), missing.map(|(path, name)| format!("{path} has no test {name}")).collect())
    });
    assert!(looked_at > 50, "found only {looked_at} names of tests");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_proof_is_a_test_or_a_vector_and_only_internal_pages_show_one() {
    let (looked_at, wrong) = complaints(|page, text| {
        let proofs: Vec<&str> = proofs(text).collect();
        let is_proof = |text: &&str| text.starts_with("vector:") || text.contains(".rs::");
        let unknown =
            proofs.iter().filter(|proof| !is_proof(proof)).map(|proof| format!("a proof is \"{proof}\""));
        let is_internal =
            page.starts_with(root().join("docs/internals")) || page.ends_with("CONTRIBUTING.md");
        let shown = code_spans(text).into_iter().filter(|span| is_proof(span) && !is_internal);
        let shown = shown.map(|span| format!("{span} interrupts the reader: move it into a comment"));
        (proofs.len(), unknown.chain(shown).collect())
    });
    assert!(looked_at > 100, "found only {looked_at} proofs");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The cells of each row of the tables in `text`.
fn rows(text: &str) -> Vec<Vec<&str>> {
    fn cells(line: &str) -> Option<Vec<&str>> {
        let inner = line.strip_prefix('|')?.strip_suffix('|')?;
        Some(inner.split('|').map(str::trim).collect())
    }
    text.lines().filter_map(cells).collect()
}

#[test]
fn the_columns_of_counts_are_the_fields_that_the_page_says() {
    let text = read(&root().join("docs/reference/analytics.md"));
    let named = rows(&text).into_iter().filter_map(|row| {
        let number: usize = row[0].strip_prefix("`blob")?.strip_suffix('`')?.parse().ok()?;
        Some((number, row[1].split('`').nth(1)?.to_owned()))
    });
    let counted = edgemint_issuer::COUNTED.iter().enumerate().map(|(i, name)| (i + 1, (*name).to_owned()));
    assert!(
        named.eq(counted),
        "docs/reference/analytics.md does not list the columns {:?}",
        edgemint_issuer::COUNTED
    );
    // The queries in the guide must use the same names.
    let text = read(&root().join("docs/guides/monitor.md"));
    let aliases: Vec<&str> = text.split("blob").skip(1).filter(|rest| rest.contains(" AS ")).collect();
    let mut looked_at = 0;
    for rest in aliases {
        let Some((number, rest)) = rest.split_once(" AS ") else { continue };
        let Ok(number) = number.parse::<usize>() else { continue };
        let alias = rest.split([',', ' ', '\n']).next().unwrap_or_default();
        assert_eq!(alias, edgemint_issuer::COUNTED[number - 1], "blob{number}");
        looked_at += 1;
    }
    assert!(looked_at >= 8, "found only {looked_at}");
}

#[test]
fn the_page_about_trouble_has_every_reason_of_the_log() {
    let text = read(&root().join("docs/guides/troubleshoot.md"));
    let known: BTreeSet<&str> = rows(&text).into_iter().flat_map(|row| code_spans(row[0])).collect();
    let (mut looked_at, mut missing) = (0, Vec::new());
    for entry in std::fs::read_dir(root().join("crates/issuer/src/error")).expect("a folder").flatten() {
        let source = read(&entry.path());
        let (source, _) = source.split_once("#[cfg(test)]").unwrap_or((&source, ""));
        // The reason is the second argument of each row.
        let reasons = source.split("Row::new(").skip(1).filter_map(|rest| rest.split('"').nth(1));
        for reason in
            reasons.filter(|reason| reason.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
        {
            looked_at += 1;
            missing.extend((!known.contains(reason)).then(|| reason.to_owned()));
        }
    }
    assert!(looked_at > 40, "found only {looked_at} reasons");
    assert!(missing.is_empty(), "the page has no row for {missing:?}");
}

#[test]
fn every_code_block_of_guides_and_tutorials_runs_or_says_why_not() {
    let tests: String = std::fs::read_dir(root().join("tests/e2e/tests"))
        .expect("a folder")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .map(|path| read(&path))
        .collect();
    let (mut looked_at, mut wrong) = (0, Vec::new());
    for page in Page::below(root(), &["docs/guides", "docs/tutorials"]) {
        for block in page.blocks {
            looked_at += 1;
            let info = block.info.as_str();
            let is_output = info.split(' ').nth(1) == Some("output");
            // pages.rs runs `sh` blocks and edits by hand. A test selects any other block by the text behind the fence, or by its second
            // word.
            let named = [Some(info), info.split(' ').nth(1)].into_iter().flatten();
            let is_taken = named.into_iter().any(|name| tests.contains(&format!("\"{name}\"")));
            let is_run = info == "sh" || info == Block::BY_HAND || is_output || is_taken;
            let has_reason = block.not_run.as_ref().is_some_and(|reason| reason.len() > 10);
            if !(is_run || has_reason || info == "mermaid") {
                wrong.push(format!(
                    "{}:{}: no test runs this block, and no comment says why",
                    page.name, block.line
                ));
            }
        }
    }
    assert!(looked_at > 50, "found only {looked_at} blocks");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_92_assertions_have_a_row_each_and_a_status() {
    let text = read(&root().join("docs/internals/conformance.md"));
    let mut numbers: Vec<u32> = Vec::new();
    for row in rows(&text) {
        let Ok(number) = row[0].parse() else { continue };
        numbers.push(number);
        assert_eq!(row.len(), 4, "row {number}");
        let known = ["holds", "in part", "not yet", "not applicable"];
        assert!(known.contains(&row[2]), "row {number} has the status {}", row[2]);
        assert!(!row[3].is_empty(), "row {number} has no evidence");
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=92).collect::<Vec<_>>());
}

/// The variables on the page about the configuration.
fn documented_variables() -> BTreeSet<String> {
    let text = read(&root().join("docs/reference/configuration.md"));
    let (_, section) = text.split_once("\n## Variables\n").expect("the page has this section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let first_cells = rows(section).into_iter().map(|row| row[0]);
    let names = first_cells.filter_map(|cell| cell.strip_prefix('`')?.strip_suffix('`'));
    let found: BTreeSet<String> = names.map(str::to_owned).collect();
    assert!(found.len() >= 5, "found only {found:?}");
    found
}

#[test]
fn the_documented_variables_are_those_that_the_code_reads() {
    let environment = read(&root().join("src/environment.rs"));
    let documented = documented_variables();
    for name in &documented {
        assert!(
            VARIABLES.contains(&name.as_str())
                || name.starts_with(SIGNING_KEY_PREFIX)
                || environment.contains(&format!("\"{name}\"")),
            "the page has {name}, which the code does not read"
        );
    }
    for name in VARIABLES {
        assert!(documented.contains(name), "the code reads {name}, which is not in the page's table");
    }
}

/// The targets of the links outside code.
fn links(text: &str) -> Vec<&str> {
    let mut in_block = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if !in_block {
            found.extend(line.split("](").skip(1).filter_map(|rest| rest.split(')').next()));
        }
    }
    found
}

#[test]
fn every_relative_link_leads_somewhere() {
    let (looked_at, wrong) = complaints(|page, text| {
        let folder = page.parent().expect("a folder");
        let relative: Vec<&str> = links(text)
            .into_iter()
            .filter(|target| !target.contains("://") && !target.starts_with('#'))
            .map(|target| target.split('#').next().unwrap_or_default())
            .collect();
        let broken = relative.iter().filter(|target| !folder.join(target).exists());
        (relative.len(), broken.map(|target| format!("{target} does not exist")).collect())
    });
    assert!(looked_at > 20, "found only {looked_at} links");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The anchors of a page, as GitHub derives them from its headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut in_block = false;
    let mut found = BTreeSet::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if let Some(heading) = line.strip_prefix('#').filter(|_| !in_block) {
            let heading = heading.trim_start_matches('#').trim().to_lowercase();
            let kept = heading.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
            let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
            let again = (1..).map(|i| format!("{anchor}-{i}"));
            let mut names = std::iter::once(anchor.clone()).chain(again);
            found.extend(names.find(|name| !found.contains(name)));
        }
        found.extend(
            line.split("<a id=\"").skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned),
        );
    }
    found
}

#[test]
fn every_anchor_that_is_linked_exists() {
    let (looked_at, wrong) = complaints(|page, text| {
        let folder = page.parent().expect("a folder");
        let to_anchors = links(text).into_iter().filter(|target| !target.contains("://"));
        let to_anchors: Vec<_> = to_anchors.filter_map(|target| target.split_once('#')).collect();
        let broken = to_anchors.iter().filter(|(path, anchor)| {
            let target = if path.is_empty() { page.to_path_buf() } else { folder.join(path) };
            target.is_file() && !anchors(&read(&target)).contains(*anchor)
        });
        (to_anchors.len(), broken.map(|(path, anchor)| format!("{path}#{anchor} does not exist")).collect())
    });
    assert!(looked_at > 20, "found only {looked_at} links to anchors");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The direct dependencies in the manifests of the workspace, fuzz/, npm, bench/ and the tests, without our own crates.
fn direct_dependencies() -> BTreeSet<String> {
    let mut manifests = vec![root().join("Cargo.toml"), root().join("xtask/Cargo.toml")];
    manifests.extend([root().join("tests/e2e/Cargo.toml"), root().join("fuzz/Cargo.toml")]);
    manifests.push(root().join("bench/hello/Cargo.toml"));
    for entry in std::fs::read_dir(root().join("crates")).expect("a folder").flatten() {
        manifests.push(entry.path().join("Cargo.toml"));
    }
    let mut names = BTreeSet::new();
    for path in manifests {
        let manifest: toml::Table =
            read(&path).parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        // Dependencies for every platform, and for one.
        let of_one =
            manifest.get("target").and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::values);
        for table in of_one.filter_map(toml::Value::as_table).chain([&manifest]) {
            for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
                let named = table.get(kind).and_then(toml::Value::as_table);
                names.extend(named.into_iter().flat_map(toml::Table::keys).cloned());
            }
        }
    }
    names.retain(|name| !name.starts_with("edgemint-") && !name.starts_with("xtask"));
    assert!(names.len() > 20, "found only {names:?}");
    for (manifest, kind) in [
        ("package.json", "devDependencies"),
        ("bench/package.json", "dependencies"),
        ("tests/e2e/clients/mcp/package.json", "dependencies"),
    ] {
        // The only list in this manifest that has names with versions.
        let package = read(&root().join(manifest));
        let (_, listed) = package.split_once(&format!("\"{kind}\": {{")).expect("npm's dependencies");
        let (listed, _) = listed.split_once('}').expect("their end");
        names.extend(listed.lines().filter_map(|line| line.split('"').nth(1)).map(str::to_owned));
    }
    names
}

#[test]
fn every_direct_dependency_has_its_reason_and_nothing_else_has() {
    let page = read(&root().join("docs/internals/dependencies.md"));
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    let mut explained = BTreeSet::new();
    for (name, rest) in rows {
        let cells: Vec<&str> = rest.split('|').map(str::trim).filter(|cell| !cell.is_empty()).collect();
        assert_eq!(cells.len(), 2, "{name} has no licence, or no reason");
        assert!(explained.insert(name.to_owned()), "{name} is listed twice");
    }
    assert_eq!(explained, direct_dependencies());
}
