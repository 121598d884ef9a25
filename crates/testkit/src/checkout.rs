//! Paths of the checkout whose tests run.
//!
//! They are found at run time, because a fresh clone may run a test program that was compiled in another one.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// The top directory of the checkout.
#[expect(clippy::disallowed_methods, reason = "cargo names the package whose tests run")]
pub fn root() -> &'static Path {
    static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
        let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let below = package.unwrap_or_else(|| std::env::current_dir().unwrap());
        let is_top = |dir: &&Path| dir.join("vectors").is_dir() && dir.join("wrangler.toml").is_file();
        below.ancestors().find(is_top).expect("the test runs in a checkout").to_path_buf()
    });
    &ROOT
}

/// A program of the package whose tests run. Cargo compiles it before them.
pub fn program(name: &str) -> PathBuf {
    compiled().join(name)
}

/// The directory for files of tests, in the target directory.
pub fn scratch() -> PathBuf {
    compiled().with_file_name("tmp")
}

/// The directory of compiled programs: the tests are in the directory `deps` below it.
fn compiled() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(2).expect("a test program is below the target directory").to_path_buf()
}
