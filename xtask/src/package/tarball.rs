//! npm tarballs and directories of the same files, with the same bytes each time.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

use crate::process::project::make_dir;

/// The time of every file. npm itself uses this one.
const MODIFIED: u64 = 499_162_500;

/// gzip's code for a system that is not named.
const ANY_SYSTEM: u8 = 255;

/// A file of a package.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub path: String,
    pub bytes: Vec<u8>,
    /// Whether it is a program.
    pub executable: bool,
}

impl File {
    /// A file with this content.
    pub(crate) fn of(path: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self { path: path.to_owned(), bytes: bytes.into(), executable: false }
    }

    /// A program.
    pub(crate) fn program(path: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self { executable: true, ..Self::of(path, bytes) }
    }

    /// A file with the content of another one.
    pub(crate) fn copy(path: &str, from: &Path) -> Result<Self> {
        let bytes = fs::read(from).with_context(|| format!("could not read {}", from.display()))?;
        Ok(Self::of(path, bytes))
    }

    fn mode(&self) -> u32 {
        if self.executable { 0o755 } else { 0o644 }
    }
}

/// The bytes of a tarball with these files, sorted, in the folder `package`.
pub(crate) fn bytes(files: &[File]) -> Result<Vec<u8>> {
    let mut sorted: Vec<&File> = files.iter().collect();
    sorted.sort_by(|a, b| a.path.cmp(&b.path));
    let compressed =
        GzBuilder::new().mtime(0).operating_system(ANY_SYSTEM).write(Vec::new(), Compression::default());
    let mut tar = Builder::new(compressed);
    for file in sorted {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_size(u64::try_from(file.bytes.len())?);
        header.set_mode(file.mode());
        header.set_mtime(MODIFIED);
        header.set_uid(0);
        header.set_gid(0);
        tar.append_data(&mut header, format!("package/{}", file.path), file.bytes.as_slice())?;
    }
    Ok(tar.into_inner()?.finish()?)
}

/// Writes the files into a directory.
pub(crate) fn unpacked(files: &[File], dir: &Path) -> Result<()> {
    for file in files {
        let path = dir.join(&file.path);
        path.parent().map_or(Ok(()), make_dir)?;
        fs::write(&path, &file.bytes).with_context(|| format!("could not write {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Read as _;

    use flate2::read::GzDecoder;

    use super::{File, MODIFIED, bytes};

    #[test]
    fn the_order_of_the_files_and_the_machine_leave_no_trace() {
        let (a, b) = (File::program("bin/a", "1"), File::of("b", "2"));
        let tarball = bytes(&[a.clone(), b.clone()]).expect("a tarball");
        assert_eq!(tarball, bytes(&[b, a]).expect("a tarball"));
        let mut archive = tar::Archive::new(GzDecoder::new(tarball.as_slice()));
        let mut found = BTreeMap::new();
        for entry in archive.entries().expect("a tarball") {
            let mut entry = entry.expect("an entry");
            let header = entry.header();
            assert_eq!((header.uid().ok(), header.gid().ok()), (Some(0), Some(0)));
            assert_eq!(header.mtime().ok(), Some(MODIFIED));
            let mode = header.mode().expect("a mode");
            let path = entry.path().expect("a path").display().to_string();
            let mut text = String::new();
            entry.read_to_string(&mut text).expect("a text");
            found.insert(path, (mode, text));
        }
        let expected = [("package/b", (0o644, "2".to_owned())), ("package/bin/a", (0o755, "1".to_owned()))];
        assert_eq!(found, expected.map(|(path, file)| (path.to_owned(), file)).into());
    }
}
