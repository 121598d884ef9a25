//! Directories of which the most recently used stay.

use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{fs, io};

use crate::project::{about, entries};

/// The file in a directory whose time says when the directory was used last.
const USED: &str = "used";

/// Records that the directory was used now.
///
/// # Errors
/// When the directory cannot be written to.
pub fn use_now(directory: &Path) -> io::Result<()> {
    let file = directory.join(USED);
    fs::write(&file, "").map_err(about("write", &file))
}

/// Whether the directory was ever used.
#[must_use]
pub fn was_used(directory: &Path) -> bool {
    directory.join(USED).exists()
}

/// Removes the directories in `parent` except the `count` that were used last.
pub fn keep_newest(parent: &Path, count: usize) {
    let used = |directory: &PathBuf| {
        let used = fs::metadata(directory.join(USED)).and_then(|data| data.modified());
        used.unwrap_or(SystemTime::UNIX_EPOCH)
    };
    let mut all: Vec<PathBuf> = entries(parent).into_iter().filter(|path| path.is_dir()).collect();
    all.sort_by_key(|directory| std::cmp::Reverse(used(directory)));
    for old in all.iter().skip(count) {
        let _ = fs::remove_dir_all(old);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::{Duration, SystemTime};

    use super::{USED, keep_newest, use_now, was_used};
    use crate::project::fresh;

    #[test]
    fn what_was_used_last_stays() {
        let dir = fresh("recent");
        for (name, age) in [("a", 300), ("b", 100), ("c", 200), ("d", 400)] {
            fs::create_dir(dir.join(name)).expect("a directory");
            let used = fs::File::create(dir.join(name).join(USED)).expect("a file");
            used.set_modified(SystemTime::now() - Duration::from_secs(age)).expect("its time");
        }
        fs::create_dir(dir.join("never")).expect("a directory");
        assert!(!was_used(&dir.join("never")));
        use_now(&dir.join("d")).expect("it is written");
        keep_newest(&dir, 2);
        assert_eq!(
            ["a", "b", "c", "d", "never"].map(|name| was_used(&dir.join(name))),
            [false, true, false, true, false]
        );
        assert!(!dir.join("never").exists());
        fs::remove_dir_all(dir).expect("it is removed");
    }
}
