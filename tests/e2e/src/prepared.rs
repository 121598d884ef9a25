//! What the tests prepare once for all clones, outside the checkout: packages and programs of other languages.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The number of directories that are kept under one name. Another clone may use an older one at the same time.
const KEPT: usize = 3;

/// The directory under this name that was made from these inputs. If there is none, `make` fills it.
pub fn prepared(name: &str, inputs: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    inputs.hash(&mut hasher);
    let all = xtask::cache().expect("there is a cache").join("tests").join(name);
    // Test programs and clones run at the same time, and one of them makes it.
    let _held = xtask::lock(&all.join("lock")).expect("it can be locked");
    let directory = all.join(format!("{:016x}", hasher.finish()));
    let complete = directory.join(".complete");
    if !complete.exists() {
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).expect("a directory");
        make(&directory);
    }
    // The time says when it was used last.
    fs::write(complete, "").expect("a file");
    remove_all_but_newest(&all);
    directory
}

fn remove_all_but_newest(all: &Path) {
    let used = |directory: &PathBuf| {
        let used = fs::metadata(directory.join(".complete")).and_then(|complete| complete.modified());
        used.unwrap_or(SystemTime::UNIX_EPOCH)
    };
    let entries = fs::read_dir(all).expect("a directory").map(|entry| entry.expect("an entry").path());
    let mut directories: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    directories.sort_by_key(|directory| std::cmp::Reverse(used(directory)));
    for old in directories.iter().skip(KEPT) {
        let _ = fs::remove_dir_all(old);
    }
}
