//! The lists of files in cargo's records. They name files outside of a package by absolute paths: those that a crate
//! includes from elsewhere, and the configuration of clippy. In another clone, cargo must look at the files there.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::project::{about, entries};

/// Replaces the top directory `old` of a clone by `new` in the records below `folder`. They keep their times, which cargo
/// compares with those of the files.
pub(crate) fn tell_clone(folder: &Path, old: &[u8], new: &Path) -> io::Result<()> {
    for list in entries(folder).iter().flat_map(|unit| entries(unit)) {
        if !list.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"dep-")) {
            continue;
        }
        let change = || {
            let before = fs::read(&list)?;
            let after = moved(&before, old, new.as_os_str().as_encoded_bytes());
            if after != before {
                let modified = fs::metadata(&list)?.modified()?;
                fs::write(&list, after)?;
                File::open(&list)?.set_modified(modified)?;
            }
            Ok(())
        };
        change().map_err(about("write", &list))?;
    }
    Ok(())
}

/// The list with another top directory. Each path in it follows its length, in four bytes. This is cargo's own format. If
/// it changes, cargo cannot read the list, or finds no file with the path, and compiles the crate again.
fn moved(list: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut moved = Vec::with_capacity(list.len());
    let mut rest = list;
    while let Some((&first, others)) = rest.split_first() {
        if let Some((length, path)) = rest.split_first_chunk()
            && let Some(path) = path.get(..u32::from_le_bytes(*length) as usize)
            && let Some(below) = path.strip_prefix(old)
            && below.first() == Some(&b'/')
            && let Ok(length) = u32::try_from(new.len() + below.len())
        {
            moved.extend(length.to_le_bytes());
            moved.extend([new, below].concat());
            rest = rest.get(4 + path.len()..).unwrap_or_default();
        } else {
            moved.push(first);
            rest = others;
        }
    }
    moved
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::path::Path;
    use std::time::{Duration, SystemTime};

    use super::tell_clone;
    use crate::project::fresh;

    /// A list in the format of cargo: a version, and the files.
    fn list(paths: &[&str]) -> Vec<u8> {
        let paths = paths.iter().flat_map(|path| {
            let length = u32::try_from(path.len()).expect("a length").to_le_bytes();
            [&[1][..], &length, path.as_bytes(), &[0]].concat()
        });
        [1, 0, 0, 0, 0xff, 1].into_iter().chain(paths).collect()
    }

    #[test]
    fn a_crate_that_includes_a_file_of_its_clone_includes_that_of_the_other_clone() {
        let dir = fresh("records");
        let early = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789);
        let changed = dir.join("a-1/dep-lib-a");
        let before = ["src/lib.rs", "/one/Cargo.toml", "/one2/x", "/one", "docs/one/y", "/one/a/../z"];
        for (unit, file, paths) in
            [("a-1", "dep-lib-a", &before[..]), ("a-1", "lib-a", &before), ("b-2", "dep-lib-b", &[])]
        {
            fs::create_dir_all(dir.join(unit)).expect("a directory");
            fs::write(dir.join(unit).join(file), list(paths)).expect("a file");
        }
        File::open(&changed).and_then(|file| file.set_modified(early)).expect("its time");
        tell_clone(&dir, b"/one", Path::new("/a/longer path")).expect("it is written");
        let after = [
            "src/lib.rs",
            "/a/longer path/Cargo.toml",
            "/one2/x",
            "/one",
            "docs/one/y",
            "/a/longer path/a/../z",
        ];
        assert_eq!(fs::read(&changed).expect("it is there"), list(&after));
        assert_eq!(fs::metadata(&changed).and_then(|of| of.modified()).expect("its time"), early);
        assert_eq!(fs::read(dir.join("a-1/lib-a")).expect("it is there"), list(&before), "another file");
        assert_eq!(fs::read(dir.join("b-2/dep-lib-b")).expect("it is there"), list(&[]));
        fs::remove_dir_all(dir).expect("it is removed");
    }
}
