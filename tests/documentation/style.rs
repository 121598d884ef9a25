//! The style guide, as far as a program can check it: pages, comments, and the texts that people read.

use std::path::{Path, PathBuf};

use regex::Regex;
use syn::visit::Visit;

use super::{pages, read, root};

/// A pattern of the idiom that the project does not write, and what to write instead.
const PATTERNS: [(&str, &str); 11] = [
    (
        r"\b[Ww]ho (?:is|are|was|has|have|had|may|can|cannot|asks?|gets?|verif\w+|knows?|wants?|guess\w*|needs?|reads?|does|do)\b",
        "name the actor, and say \"that\"",
    ),
    (r"\b(?:[Ww]hoever|[Ss]omebody|[Nn]obody|[Aa]nybody|[Ee]verybody)\b", "name the actor"),
    (r"\balone\b", "write \"only\" before the noun"),
    (r"\bmend(?:s|ed|ing)?\b", "write \"fix\""),
    (r"\b[Bb]rak(?:e|es|ed|ing)\b", "write \"rate limit\""),
    (r"\b[Mm]istakes?\b", "write \"error\""),
    (r"\b(?:as long as|so many|that long|so long)\b", "give the number and its unit"),
    (r"\bstands? (?:in|for|there|at|beside|on)\b", "write \"is in\", \"means\""),
    (r"\b(?:is|are|was|were|be) (?:told|said)\b", "name the actor: \"returns\", \"logs\", \"prints\""),
    (r"(?:^|[.:] )Of (?:a|an|the|all|these|those|its|each|every|two|many)\b", "begin with the subject"),
    (r"\b(?:taken|takes?|took|taking) back\b", "write \"revoke\""),
];

/// "There is no …" and "is no longer" are plain; "is no …" of a thing is not.
const IS_NO: &str = r"(\b[Tt]here )?\b(?:is|are|was|were) (?:no|none)\b( longer)?";

/// The most words of a sentence.
const LONGEST_SENTENCE: usize = 35;

/// A text, and the line where it begins.
type Paragraph = (usize, String);

struct Style {
    patterns: Vec<(Regex, &'static str)>,
    is_no: Regex,
    code: Regex,
    link: Regex,
    end: Regex,
    block: Regex,
    comment: Regex,
}

impl Style {
    fn new() -> Self {
        let regex = |pattern: &str| Regex::new(pattern).expect("a pattern");
        Self {
            patterns: PATTERNS.iter().map(|(pattern, instead)| (regex(pattern), *instead)).collect(),
            is_no: regex(IS_NO),
            code: regex(r"`[^`]*`"),
            link: regex(r"\[([^\]]*)\]\([^)]*\)"),
            end: regex(r#"[.!?]["')*_]*\s+"#),
            block: regex(r"^(?:#+ |[-*] |\d+\. |> (?:\[!\w+\])?)"),
            comment: regex(r"^\s*(?://[/!]?|#|\*)\s?(.*)$"),
        }
    }

    /// What is wrong with a paragraph. Code in backticks is not judged.
    fn judge(&self, paragraph: &str) -> Vec<String> {
        let text = self.code.replace_all(paragraph, "CODE");
        let mut wrong = Vec::new();
        for (pattern, instead) in &self.patterns {
            wrong.extend(
                pattern.find_iter(&text).map(|found| format!("\"{}\": {instead}", found.as_str().trim())),
            );
        }
        let is_no = self.is_no.captures_iter(&text).filter(|found| found.get(1).or(found.get(2)).is_none());
        wrong.extend(is_no.map(|found| format!("\"{}\": write \"is not a\"", &found[0])));
        wrong
    }

    /// The sentences that are too long.
    fn too_long(&self, paragraph: &str) -> Vec<String> {
        let text = self.code.replace_all(paragraph, "CODE");
        let text = self.link.replace_all(&text, "$1");
        let words = |sentence: &str| {
            sentence.split_whitespace().filter(|word| word.contains(char::is_alphanumeric)).count()
        };
        let sentences = self.end.split(&text).map(|sentence| (words(sentence), sentence));
        sentences
            .filter(|(words, _)| *words > LONGEST_SENTENCE)
            .map(|(words, sentence)| format!("a sentence of {words} words: {}", sentence.trim()))
            .collect()
    }

    /// The paragraphs, list items and cells of a page, with their lines, without code blocks and HTML comments.
    fn paragraphs(&self, page: &str) -> Vec<Paragraph> {
        let (mut found, mut current): (Vec<Paragraph>, Option<Paragraph>) = (Vec::new(), None);
        let (mut in_code, mut in_comment) = (false, false);
        for (number, line) in (1..).zip(page.lines()) {
            let mut line = line.trim();
            if line.starts_with("```") {
                in_code = !in_code;
                line = "";
            }
            in_comment |= line.starts_with("<!--");
            let hidden = in_code || in_comment;
            in_comment &= !line.contains("-->");
            let line = if hidden { "" } else { line };
            if line.is_empty() || line.starts_with('|') || self.block.is_match(line) {
                found.extend(current.take());
            }
            if let Some(row) = line.strip_prefix('|') {
                found.extend(row.split('|').map(|cell| (number, cell.trim().to_owned())));
            } else if !line.is_empty() {
                let text = self.block.replace(line, "");
                let (_, paragraph) = current.get_or_insert_with(|| (number, String::new()));
                paragraph.push_str(&text);
                paragraph.push(' ');
                if line.starts_with('#') {
                    found.extend(current.take());
                }
            }
        }
        found.extend(current);
        found
    }

    /// The comments of a source file, with their lines; one for lines that follow each other.
    fn comments(&self, source: &str) -> Vec<Paragraph> {
        let (mut found, mut current): (Vec<Paragraph>, Option<Paragraph>) = (Vec::new(), None);
        for (number, line) in (1..).zip(source.lines()) {
            let is_attribute = line.trim_start().starts_with("#[") || line.trim_start().starts_with("#!");
            let text = self.comment.captures(line).filter(|_| !is_attribute);
            match text.as_ref().map(|found| found[1].trim()).filter(|text| !text.is_empty()) {
                Some(text) => {
                    let (_, paragraph) = current.get_or_insert_with(|| (number, String::new()));
                    paragraph.push_str(text);
                    paragraph.push(' ');
                }
                None => found.extend(current.take()),
            }
            if let Some((_, text)) = line.split_once("; // ").or(line.split_once(", // ")) {
                found.push((number, text.to_owned()));
            }
        }
        found.extend(current);
        found
    }
}

/// The texts in a file of Rust outside of its tests.
#[derive(Default)]
struct Texts(Vec<Paragraph>);

impl<'ast> Visit<'ast> for Texts {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let is_test = |attribute: &syn::Attribute| match &attribute.meta {
            syn::Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string().contains("test"),
            syn::Meta::Path(_) | syn::Meta::NameValue(_) => false,
        };
        if !module.attrs.iter().any(is_test) {
            syn::visit::visit_item_mod(self, module);
        }
    }

    // Comments are judged as such.
    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}

    fn visit_lit_str(&mut self, text: &'ast syn::LitStr) {
        self.0.push((text.span().start().line, text.value()));
    }

    fn visit_macro(&mut self, invoked: &'ast syn::Macro) {
        fn texts(tokens: proc_macro2::TokenStream, found: &mut Vec<Paragraph>) {
            for token in tokens {
                match token {
                    proc_macro2::TokenTree::Group(group) => texts(group.stream(), found),
                    proc_macro2::TokenTree::Literal(literal) => {
                        let line = literal.span().start().line;
                        if let syn::Lit::Str(text) = syn::Lit::new(literal) {
                            found.push((line, text.value()));
                        }
                    }
                    proc_macro2::TokenTree::Ident(_) | proc_macro2::TokenTree::Punct(_) => {}
                }
            }
        }
        texts(invoked.tokens.clone(), &mut self.0);
    }
}

fn files(folder: &Path, extensions: &[&str], found: &mut Vec<PathBuf>) {
    for path in std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path()) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if path.is_dir() {
            if !["target", "node_modules", "corpus", "artifacts"].contains(&name) {
                files(&path, extensions, found);
            }
        } else if extensions.contains(&extension) {
            found.push(path);
        }
    }
}

/// The files with these extensions in which people of the project write.
fn sources(extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["src", "crates", "xtask", "tests", "bench", "fuzz"] {
        files(&root().join(folder), extensions, &mut found);
    }
    // This file has the patterns.
    found.retain(|path| !path.ends_with("documentation/style.rs"));
    found.push(root().join("wrangler.toml"));
    assert!(found.len() > 10, "found only {found:?}");
    found
}

fn report(path: &Path, line: usize, wrong: &str) -> String {
    format!("{}:{line}: {wrong}", path.strip_prefix(root()).unwrap_or(path).display())
}

#[test]
fn pages_are_plain_english() {
    let style = Style::new();
    let mut wrong = Vec::new();
    for path in pages() {
        for (line, paragraph) in style.paragraphs(&read(&path)) {
            let found = style.judge(&paragraph).into_iter().chain(style.too_long(&paragraph));
            wrong.extend(found.map(|found| report(&path, line, &found)));
        }
    }
    assert!(wrong.is_empty(), "{} breaches of the style:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn comments_are_plain_english() {
    let style = Style::new();
    let mut wrong = Vec::new();
    for path in sources(&["rs", "js", "mjs", "toml", "py", "go", "java", "sh"]) {
        for (line, paragraph) in style.comments(&read(&path)) {
            let found = style.judge(&paragraph).into_iter().chain(style.too_long(&paragraph));
            wrong.extend(found.map(|found| report(&path, line, &found)));
        }
    }
    assert!(wrong.is_empty(), "{} breaches of the style:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn texts_that_people_read_are_plain_english() {
    let style = Style::new();
    let (mut looked_at, mut wrong) = (0, Vec::new());
    let is_product = |path: &PathBuf| {
        let is_test =
            path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "testkit");
        !is_test && path.extension().is_some_and(|extension| extension == "rs")
    };
    for path in sources(&["rs"]).into_iter().filter(is_product) {
        let file =
            syn::parse_file(&read(&path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut texts = Texts::default();
        texts.visit_file(&file);
        looked_at += texts.0.len();
        for (line, text) in texts.0 {
            wrong.extend(style.judge(&text).into_iter().map(|found| report(&path, line, &found)));
        }
    }
    assert!(looked_at > 1000, "found only {looked_at} texts");
    assert!(wrong.is_empty(), "{} breaches of the style:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_style_is_judged_as_the_guide_says() {
    let style = Style::new();
    for bad in [
        "RS256 alone is served.",
        "Who may ask is told so.",
        "Whoever asks.",
        "It is no error. Of a client nothing is known.",
        "This is none.",
        "It mends a mistake.",
        "The brake counts.",
        "It lives as long as that.",
        "It stands in the record.",
        "A token that was taken back.",
    ] {
        assert!(!style.judge(bad).is_empty(), "{bad}");
    }
    for good in [
        "There is no sign-in.",
        "It is no longer valid.",
        "The binding `CLIENT_BRAKE` is optional.",
        "Only RS256.",
    ] {
        assert_eq!(style.judge(good), Vec::<String>::new(), "{good}");
    }
    assert_eq!(style.too_long(&"word ".repeat(36)).len(), 1);
    assert!(style.too_long(&format!("{}. And more.", "word ".repeat(34))).is_empty());
    let page = "# A title\n\ntwo\nlines\n\n```sh\nalone\n```\n<!-- alone\nalone -->\n- item\n- other\n| cell | `code` |\n";
    let texts: Vec<_> =
        style.paragraphs(page).into_iter().map(|(line, text)| (line, text.trim().to_owned())).collect();
    let wanted = [
        (1, "A title"),
        (3, "two lines"),
        (11, "item"),
        (12, "other"),
        (13, "cell"),
        (13, "`code`"),
        (13, ""),
    ];
    assert_eq!(texts, wanted.map(|(line, text)| (line, text.to_owned())));
    let comments = style.comments("/// one\n/// two\nfn a() {} \n#[test]\nlet x = 1; // three\n");
    assert_eq!(comments.len(), 2, "{comments:?}");
}
