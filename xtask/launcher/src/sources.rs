//! The files of a checkout by their content, so that a file that is the same in another clone gets the same time.
//!
//! Cargo compiles a crate of ours again when one of its files is newer than the output. In a fresh clone, every file is.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::project::about;

/// The directories that xtask makes in the checkout. Each has a file that says from what it was made, and xtask makes it
/// again from something else.
pub(crate) const MADE: [&str; 3] = ["build", "build-panic", "node_modules"];

/// More directories without sources. The files in a directory that only has such a name are compiled in each clone.
const SKIPPED: [&str; 4] = [".git", ".wrangler", "dist", "target"];

/// The files, by their path below the top of the checkout.
#[derive(Debug, Default)]
pub(crate) struct Sources(BTreeMap<String, Source>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Source {
    content: Content,
    modified: SystemTime,
}

/// The content of a file: its size in bytes, and a hash of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Content {
    size: u64,
    hash: u64,
}

impl Sources {
    /// The files below `root` as they are.
    pub(crate) fn of(root: &Path) -> io::Result<Self> {
        let mut files = BTreeMap::new();
        let mut folders = vec![root.to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).map_err(about("read", &folder))? {
                let (kind, path) = entry.and_then(|entry| Ok((entry.file_type()?, entry.path())))?;
                if kind.is_dir() && !MADE.iter().chain(&SKIPPED).any(|name| path.ends_with(name)) {
                    folders.push(path);
                } else if kind.is_file() {
                    let source = Source::of(&path).map_err(about("read", &path))?;
                    let name = path.strip_prefix(root).unwrap_or(&path).to_str();
                    // Another name would not come back from the list of files.
                    files.extend(
                        name.filter(|name| !name.contains('\n')).map(|name| (name.to_owned(), source)),
                    );
                }
            }
        }
        Ok(Self(files))
    }

    /// Reads the list that [`Self::write`] wrote.
    pub(crate) fn read(list: &Path) -> io::Result<Self> {
        let text = fs::read_to_string(list).map_err(about("read", list))?;
        Ok(Self(text.lines().filter_map(line).collect()))
    }

    /// Writes the list.
    pub(crate) fn write(&self, list: &Path) -> io::Result<()> {
        let lines = self.0.iter().map(|(name, Source { content: Content { size, hash }, modified })| {
            let modified = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            format!("{size} {hash} {} {} {name}\n", modified.as_secs(), modified.subsec_nanos())
        });
        fs::write(list, lines.collect::<String>()).map_err(about("write", list))
    }

    /// Without files that were changed after `time`.
    pub(crate) fn unchanged_since(mut self, time: SystemTime) -> Self {
        self.0.retain(|_, source| source.modified <= time);
        self
    }

    /// Whether both have the same files with the same content.
    pub(crate) fn have_the_content_of(&self, other: &Self) -> bool {
        let contents = |of: &Self| -> Vec<_> {
            of.0.iter().map(|(name, source)| (name.clone(), source.content)).collect()
        };
        contents(self) == contents(other)
    }

    /// Gives each file below `root` that has the same content as here the time that it has here.
    pub(crate) fn give_times(&self, root: &Path) -> io::Result<()> {
        for (name, present) in Self::of(root)?.0 {
            let Some(known) = self.0.get(&name).filter(|known| known.content == present.content) else {
                continue;
            };
            let path = root.join(name);
            let set = || File::open(&path)?.set_modified(known.modified);
            set().map_err(about("set the time of", &path))?;
        }
        Ok(())
    }
}

impl Source {
    fn of(path: &Path) -> io::Result<Self> {
        let modified = fs::metadata(path)?.modified()?;
        let content = fs::read(path)?;
        let mut hasher = DefaultHasher::new();
        content.hash(&mut hasher);
        Ok(Self { content: Content { size: content.len() as u64, hash: hasher.finish() }, modified })
    }
}

fn line(line: &str) -> Option<(String, Source)> {
    let mut parts = line.splitn(5, ' ');
    let mut number = || parts.next()?.parse::<u64>().ok();
    let content = Content { size: number()?, hash: number()? };
    let since = Duration::from_secs(number()?) + Duration::from_nanos(number()?);
    let modified = SystemTime::UNIX_EPOCH.checked_add(since)?;
    Some((parts.next()?.to_owned(), Source { content, modified }))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::time::{Duration, SystemTime};

    use super::Sources;
    use crate::project::fresh;

    #[test]
    fn only_a_file_with_the_same_content_gets_the_time_of_the_other_clone() {
        let dir = fresh("sources");
        let (one, other) = (dir.join("one"), dir.join("other"));
        for (clone, changed) in [(&one, "before"), (&other, "behind")] {
            fs::create_dir_all(clone.join("src/a folder")).expect("a directory");
            fs::create_dir_all(clone.join("target")).expect("a directory");
            for (name, text) in
                [("src/same.rs", "same"), ("src/a folder/same.rs", ""), ("src/changed.rs", changed)]
            {
                fs::write(clone.join(name), text).expect("a file");
            }
        }
        fs::write(one.join("src/removed.rs"), "").expect("a file");
        fs::write(one.join("target/output"), "").expect("a file");
        fs::write(other.join("src/added.rs"), "").expect("a file");
        let early = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789);
        for name in ["src/same.rs", "src/a folder/same.rs", "src/changed.rs", "src/removed.rs"] {
            let file = File::open(one.join(name)).expect("it is there");
            file.set_modified(early).expect("its time");
        }

        let list = dir.join("list");
        Sources::of(&one).expect("it is read").write(&list).expect("it is written");
        let known = Sources::read(&list).expect("it is read");
        assert_eq!(known.0, Sources::of(&one).expect("it is read").0);
        assert!(!known.0.contains_key("target/output"));
        known.give_times(&other).expect("it can set times");

        let modified = |name| fs::metadata(other.join(name)).and_then(|of| of.modified()).expect("a time");
        assert_eq!(modified("src/same.rs"), early);
        assert_eq!(modified("src/a folder/same.rs"), early);
        assert_ne!(modified("src/changed.rs"), early);
        assert_ne!(modified("src/added.rs"), early);
        fs::remove_dir_all(dir).expect("it is removed");
    }

    #[test]
    fn a_file_that_changed_during_the_run_is_not_trusted() {
        let dir = fresh("changed-sources");
        for name in ["before", "during"] {
            fs::write(dir.join(name), "text").expect("a file");
        }
        let began = SystemTime::now();
        let time =
            |name, time| File::open(dir.join(name)).and_then(|file| file.set_modified(time)).expect("a time");
        time("before", began);
        time("during", began + Duration::from_nanos(1));
        let all = Sources::of(&dir).expect("it is read");
        let trusted = Sources::of(&dir).expect("it is read").unchanged_since(began);
        assert_eq!(trusted.0.keys().collect::<Vec<_>>(), ["before"]);
        assert!(!trusted.have_the_content_of(&all));
        time("before", began - Duration::from_secs(1));
        assert!(Sources::of(&dir).expect("it is read").have_the_content_of(&all), "the time does not count");
        fs::write(dir.join("before"), "other").expect("a file");
        assert!(!Sources::of(&dir).expect("it is read").have_the_content_of(&all));
        fs::remove_dir_all(dir).expect("it is removed");
    }
}
