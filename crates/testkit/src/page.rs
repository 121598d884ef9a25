//! Pages of the documentation: their code blocks, and which of them tests run.

use std::path::{Path, PathBuf};

/// A page.
#[derive(Debug)]
pub struct Page {
    /// The path below the top of the repository, such as `docs/guides/clients.md`.
    pub name: String,
    /// Commands that prepare the deployment for the page, one per line: `<!-- setup:`, the commands, `-->`.
    pub setup: Vec<String>,
    /// The code blocks, and what the reader does by hand between them, in order.
    pub blocks: Vec<Block>,
}

/// A code block, or commands in a comment that stand for what the reader does by hand, such as an edit:
/// `<!-- by hand:`, the commands, `-->`.
#[derive(Debug)]
pub struct Block {
    /// The line of the page where it begins.
    pub line: usize,
    /// The text after the fence: a language, and a name for the tests. `sh by-hand` for commands in a comment.
    pub info: String,
    /// The code, without the indentation of the fence.
    pub text: String,
    /// The reason why no test runs it, from the comment in the line before it: `<!-- not run: … -->`.
    pub not_run: Option<String>,
}

impl Block {
    /// The info of commands that stand for what the reader does by hand.
    pub const BY_HAND: &str = "sh by-hand";
}

impl Page {
    /// Reads a page of the repository at `root`.
    pub fn read(root: &Path, name: &str) -> Self {
        let text = std::fs::read_to_string(root.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        Self::parse(name, &text)
    }

    /// Every page below `folders` of the repository at `root`, sorted by name.
    pub fn below(root: &Path, folders: &[&str]) -> Vec<Self> {
        fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
            let entries =
                std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
            for path in entries.flatten().map(|entry| entry.path()) {
                if path.is_dir() {
                    walk(&path, found);
                } else if path.extension().is_some_and(|extension| extension == "md") {
                    found.push(path);
                }
            }
        }
        let mut paths = Vec::new();
        folders.iter().for_each(|folder| walk(&root.join(folder), &mut paths));
        paths.sort();
        let name = |path: &PathBuf| path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        paths.iter().map(|path| Self::read(root, &name(path))).collect()
    }

    fn parse(name: &str, text: &str) -> Self {
        let mut page = Self { name: name.to_owned(), setup: Vec::new(), blocks: Vec::new() };
        let mut lines = text.lines().enumerate();
        let mut before = "";
        while let Some((number, line)) = lines.next() {
            let content = line.trim_start();
            if content.trim_end() == "<!-- setup:" {
                let commands = lines.by_ref().map(|(_, line)| line.trim()).take_while(|line| *line != "-->");
                page.setup.extend(commands.filter(|line| !line.is_empty()).map(str::to_owned));
            } else if content.trim_end() == "<!-- by hand:" {
                let commands = lines.by_ref().map(|(_, line)| line.trim()).take_while(|line| *line != "-->");
                page.blocks.push(Block {
                    line: number + 1,
                    info: Block::BY_HAND.to_owned(),
                    text: commands.map(|line| format!("{line}\n")).collect(),
                    not_run: None,
                });
            } else if let Some(info) = content.strip_prefix("```") {
                let indentation = line.len() - content.len();
                let code = lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim() != "```");
                let code =
                    code.map(|line| format!("{}\n", line.get(indentation..).unwrap_or_default().trim_end()));
                let reason =
                    before.trim().strip_prefix("<!-- not run:").and_then(|rest| rest.strip_suffix("-->"));
                page.blocks.push(Block {
                    line: number + 1,
                    info: info.trim().to_owned(),
                    text: code.collect(),
                    not_run: reason.map(|reason| reason.trim().to_owned()),
                });
            }
            before = line;
        }
        page
    }

    /// The code of the block with this info, such as `go get-a-token`.
    pub fn code(&self, info: &str) -> Option<&str> {
        self.blocks.iter().find(|block| block.info == info).map(|block| block.text.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{Block, Page};

    #[test]
    fn the_code_of_a_page_is_read_with_its_reasons() {
        let text = "# Title\n\n<!-- setup:\nedgemint client add a\n\n-->\n\n```sh\none\n```\n<!-- by hand:\nedit\n-->\n1. Step\n   ```go get\n   two {\n       three\n   ```\n\n<!-- not run: needs an account -->\n```sh\nfour\n```\n";
        let page = Page::parse("docs/page.md", text);
        assert_eq!(page.setup, ["edgemint client add a"]);
        let blocks: Vec<_> =
            page.blocks.iter().map(|one| (one.line, one.info.as_str(), one.text.as_str())).collect();
        assert_eq!(
            blocks,
            [
                (8, "sh", "one\n"),
                (11, Block::BY_HAND, "edit\n"),
                (15, "go get", "two {\n    three\n"),
                (21, "sh", "four\n")
            ]
        );
        let reasons: Vec<_> = page.blocks.iter().map(|one| one.not_run.as_deref()).collect();
        assert_eq!(reasons, [None, None, None, Some("needs an account")]);
        assert_eq!(page.code("go get"), Some("two {\n    three\n"));
    }
}
