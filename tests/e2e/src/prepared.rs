//! What the tests prepare once for all clones, outside the checkout: packages and programs of other languages.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use xtask::recent;

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
    if !recent::was_used(&directory) {
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).expect("a directory");
        make(&directory);
    }
    recent::use_now(&directory).expect("it is written");
    recent::keep_newest(&all, KEPT);
    directory
}
