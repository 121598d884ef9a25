//! The compiler's output files, which a cache and clones share: several gigabytes that need not be copied.
//!
//! The compiler and the usual linkers write a new file and never into an existing one, so a shared file stays as it was.
//! In case a linker does write into it, the list has the size and the time of each file.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::project::about;

/// Shares the files in `from` with `to`, and returns a line of the list for each: its size, its time and its path below
/// `root`.
pub(crate) fn share(from: &Path, to: &Path, root: &Path) -> io::Result<String> {
    let mut list = String::new();
    if !from.is_dir() {
        return Ok(list);
    }
    fs::create_dir_all(to).map_err(about("create", to))?;
    for entry in fs::read_dir(from).map_err(about("read", from))? {
        let path = entry?.path();
        // A compiled Worker has the path of package.json in it, so it is of no use in another clone.
        let is_worker = path.extension().is_some_and(|extension| extension == "wasm");
        let (Some(name), false) = (path.file_name(), is_worker || path.is_dir()) else { continue };
        let metadata = fs::metadata(&path).map_err(about("read", &path))?;
        link(&path, &to.join(name))?;
        let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        list.push_str(&format!("{} {name}\n", identity(&metadata)?));
    }
    Ok(list)
}

/// Shares the files of the list below `from` with `to`, except those that were written to since.
pub(crate) fn share_listed(list: &str, from: &Path, to: &Path) -> io::Result<()> {
    for line in list.lines() {
        let Some((known, name)) = line.split_once(' ').map(|(known, name)| (known, PathBuf::from(name)))
        else {
            continue;
        };
        let path = from.join(&name);
        if fs::metadata(&path).and_then(|metadata| identity(&metadata)).is_ok_and(|present| present == known)
        {
            link(&path, &to.join(&name))?;
        }
    }
    Ok(())
}

fn identity(metadata: &Metadata) -> io::Result<String> {
    let modified = metadata.modified()?.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Ok(format!("{}-{}", metadata.len(), modified.as_nanos()))
}

/// Links a file, or copies it with its time: to another file system, and if it is a list of dependencies, which the
/// compiler does write into.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    let _ = fs::remove_file(to);
    to.parent().map_or(Ok(()), fs::create_dir_all).map_err(about("create", to))?;
    let is_dependencies = from.extension().is_some_and(|extension| extension == "d");
    if !is_dependencies && fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    let copy = || {
        fs::copy(from, to)?;
        File::open(to)?.set_modified(fs::metadata(from)?.modified()?)
    };
    copy().map_err(about("write", to))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::unix::fs::MetadataExt as _;

    use super::{share, share_listed};
    use crate::project::fresh;

    #[test]
    fn a_clone_gets_what_another_compiled_unless_something_wrote_into_it() {
        let dir = fresh("outputs");
        let [first, cache, second] = ["first", "cache", "second"].map(|name| dir.join(name));
        let deps = first.join("debug/deps");
        fs::create_dir_all(&deps).expect("a directory");
        let names =
            ["libserde-1.rlib", "tests-2", "with a space-3", "overwritten-4", "serde-1.d", "edgemint.wasm"];
        for name in names {
            fs::write(deps.join(name), name).expect("a file");
        }
        let list = share(&deps, &cache.join("debug/deps"), &first).expect("it is shared");
        let kept = cache.join("debug/deps/overwritten-4");
        let modified = fs::metadata(&kept).and_then(|kept| kept.modified()).expect("its time");
        fs::write(&kept, "overwritten by others").expect("it is written into");
        File::open(&kept).and_then(|kept| kept.set_modified(modified)).expect("its time");
        share_listed(&list, &cache, &second).expect("it is shared");

        let brought = second.join("debug/deps");
        for name in ["libserde-1.rlib", "tests-2", "with a space-3", "serde-1.d"] {
            assert_eq!(fs::read_to_string(brought.join(name)).expect("it is there"), name);
            let (old, new) = (fs::metadata(deps.join(name)), fs::metadata(brought.join(name)));
            let (old, new) = (old.expect("it is there"), new.expect("it is there"));
            assert_eq!(old.modified().expect("its time"), new.modified().expect("its time"), "{name}");
            assert_eq!(old.ino() == new.ino(), name != "serde-1.d", "{name}");
        }
        assert!(!brought.join("overwritten-4").exists(), "it has another size");
        assert!(!brought.join("edgemint.wasm").exists(), "it is of the other clone");
        fs::remove_dir_all(dir).expect("it is removed");
    }
}
