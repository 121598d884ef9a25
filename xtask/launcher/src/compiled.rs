//! A cache of compiled crates outside the checkout, so that a fresh clone compiles only what it changed. The npm packages
//! and the packed Workers are in it too.
//!
//! Cargo decides whether a cached file fits, as it does within one checkout. For a crate from a registry it compares the
//! version, features, profile and compiler. For our own crates it compares the times of their files, so a file with the
//! content that was compiled also gets the time that it had then.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use std::{env, fs, io};

use crate::project::{self, about, entries};
use crate::sources::{MADE, Sources};
use crate::{outputs, recent, records};

/// The number of sets that are kept, each for one compiler: about 6 GB each. The least recently used set is deleted
/// first.
const SETS: usize = 2;

/// The depth of profile directories below the target directory: `wasm32-unknown-unknown/release`,
/// `tests/trybuild/x86_64-unknown-linux-gnu/debug`.
const DEPTH: usize = 4;

// The parts of a set. The records come last into a clone, so that cargo does not know of output that came only in part.

/// Output files of the compiler.
const OUTPUTS: &str = "outputs";
/// The list of the output files.
const OUTPUT_LIST: &str = "output-list";
/// What programs write into, so that it is copied.
const COPIED: &str = "copied";
/// Directories that are not cargo's.
const OTHERS: &str = "others";
/// The list of sources.
const SOURCES: &str = "sources";
/// Cargo's records.
const RECORDS: &str = "records";
/// The top directory of the clone that the records name.
const CLONE: &str = "clone";

/// The version of what is in a set.
const LAYOUT: u32 = 3;

/// The text in [`stamp`] until what the checkout compiled is in the cache.
const BEGUN: &str = "begun";

/// Copies the cached set into the target directory of a fresh checkout.
///
/// # Errors
/// Returns one sentence.
pub fn bring() -> io::Result<()> {
    let target = target_directory()?;
    let stamp = stamp(&target);
    let begun = || fs::read_to_string(&stamp).is_ok_and(|text| text == BEGUN);
    let is_fresh = !stamp.exists() && !target.join("wasm32-unknown-unknown").exists();
    if !is_fresh && !begun() {
        return Ok(());
    }
    let sets = sets()?;
    let _held = project::lock(&sets.join("lock"))?;
    // Another run may have copied it meanwhile.
    if begun() {
        return Ok(());
    }
    fs::write(&stamp, BEGUN).map_err(about("write", &stamp))?;
    let set = sets.join(key()?);
    if set.is_dir() {
        let since = Instant::now();
        eprintln!("copying compiled crates from the cache ...");
        let list = set.join(OUTPUT_LIST);
        let list = fs::read_to_string(&list).map_err(about("read", &list))?;
        outputs::share_listed(&list, &set.join(OUTPUTS), &target)?;
        copy([set.join(COPIED).join(".")], &target)?;
        let is_missing = |name: &&str| !project::root().join(name).exists();
        let others = MADE.into_iter().filter(is_missing);
        copy(others.map(|name| set.join(OTHERS).join(name)), project::root())?;
        copy([set.join(RECORDS).join(".")], &target)?;
        let clone = set.join(CLONE);
        let clone = fs::read(&clone).map_err(about("read", &clone))?;
        for profile in profiles(&target, DEPTH) {
            records::tell_clone(&profile.join(".fingerprint"), &clone, project::root())?;
        }
        Sources::read(&set.join(SOURCES))?.give_times(project::root())?;
        recent::use_now(&set)?;
        eprintln!("copying compiled crates from the cache: done in {:.1} s", since.elapsed().as_secs_f64());
    }
    Ok(())
}

/// Stores what the first run in a checkout compiled, unless the cache has it.
///
/// # Errors
/// Returns one sentence.
pub fn keep() -> io::Result<()> {
    let target = target_directory()?;
    let (stamp, root) = (stamp(&target), project::root());
    if !fs::read_to_string(&stamp).is_ok_and(|text| text == BEGUN) {
        return Ok(());
    }
    let began = fs::metadata(&stamp).and_then(|data| data.modified()).map_err(about("read", &stamp))?;
    let sets = sets()?;
    let set = sets.join(key()?);
    let _held = project::lock(&sets.join("lock"))?;
    let sources = Sources::of(root)?.unchanged_since(began);
    let is_known = Sources::read(&set.join(SOURCES)).is_ok_and(|known| sources.have_the_content_of(&known));
    if !is_known {
        let unfinished = sets.join("unfinished");
        let _ = fs::remove_dir_all(&unfinished);
        store(&target, &sources, &unfinished)?;
        let _ = fs::remove_dir_all(&set);
        fs::rename(&unfinished, &set).map_err(about("write", &set))?;
        recent::use_now(&set)?;
        recent::keep_newest(&sets, SETS);
    }
    fs::write(&stamp, "kept").map_err(about("write", &stamp))
}

/// Writes a set.
fn store(target: &Path, sources: &Sources, set: &Path) -> io::Result<()> {
    copy(MADE.map(|name| project::root().join(name)), &set.join(OTHERS))?;
    copy([target.join("doc")], &set.join(COPIED))?;
    let mut list = String::new();
    for profile in profiles(target, DEPTH) {
        let place = profile.strip_prefix(target).unwrap_or(&profile);
        for folder in ["deps", "examples"] {
            list +=
                &outputs::share(&profile.join(folder), &set.join(OUTPUTS).join(place).join(folder), target)?;
        }
        copy([profile.join("build")], &set.join(COPIED).join(place))?;
        copy([profile.join(".fingerprint")], &set.join(RECORDS).join(place))?;
    }
    let output_list = set.join(OUTPUT_LIST);
    fs::write(&output_list, list).map_err(about("write", &output_list))?;
    let clone = set.join(CLONE);
    fs::write(&clone, project::root().as_os_str().as_encoded_bytes()).map_err(about("write", &clone))?;
    sources.write(&set.join(SOURCES))
}

/// The target directory of cargo, which compiled this program into it.
fn target_directory() -> io::Result<PathBuf> {
    let program = env::current_exe()?;
    // Cargo marks its target directory as one that need not be in a backup.
    let target = program.ancestors().find(|directory| directory.join("CACHEDIR.TAG").is_file());
    let target = target.map(Path::to_path_buf);
    target.ok_or_else(|| {
        io::Error::other(format!("{} is not in a target directory of cargo", program.display()))
    })
}

fn stamp(target: &Path) -> PathBuf {
    target.join(".edgemint-compiled")
}

fn sets() -> io::Result<PathBuf> {
    Ok(project::cache()?.join("compiled"))
}

/// A hash of everything whose change makes most of a set useless. A collision costs only time, so a short hash is
/// enough.
fn key() -> io::Result<String> {
    let compiler = output(Command::new("rustc").arg("-vV").current_dir(project::root()))?;
    let mut hasher = DefaultHasher::new();
    (LAYOUT, compiler).hash(&mut hasher);
    for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"] {
        env::var_os(name).hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// The directories below `directory` where cargo compiles with one profile for one target.
fn profiles(directory: &Path, depth: usize) -> Vec<PathBuf> {
    if directory.join(".fingerprint").is_dir() {
        return vec![directory.to_path_buf()];
    }
    let below = if depth == 0 { Vec::new() } else { entries(directory) };
    below.iter().filter(|path| path.is_dir()).flat_map(|path| profiles(path, depth - 1)).collect()
}

/// Copies the directories that exist, with the times of their files: cargo sees by them that an output is newer than its
/// inputs.
fn copy(from: impl IntoIterator<Item = PathBuf>, to: &Path) -> io::Result<()> {
    let from: Vec<PathBuf> = from.into_iter().filter(|directory| directory.is_dir()).collect();
    fs::create_dir_all(to).map_err(about("create", to))?;
    if from.is_empty() {
        return Ok(());
    }
    // With `-f`, because this program itself is one of the files: it can only be replaced, not overwritten.
    output(Command::new("cp").args(["-a", "-f"]).args(from).arg(to)).map(drop)
}

/// What a program prints.
fn output(program: &mut Command) -> io::Result<Vec<u8>> {
    let name = program.get_program().display().to_string();
    let ended = program.output().map_err(about("run", Path::new(&name)))?;
    if ended.status.success() {
        return Ok(ended.stdout);
    }
    Err(io::Error::other(format!("{name} failed: {}", String::from_utf8_lossy(&ended.stderr).trim())))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{DEPTH, profiles};
    use crate::project::fresh;

    #[test]
    fn every_profile_is_found() {
        let dir = fresh("profiles");
        let places = [
            "debug",
            "wasm32-unknown-unknown/release",
            "tests/trybuild/debug",
            "tests/trybuild/x86_64-unknown-linux-gnu/debug",
        ];
        for place in places {
            fs::create_dir_all(dir.join(place).join(".fingerprint/serde-1")).expect("a directory");
        }
        fs::create_dir_all(dir.join("doc/serde")).expect("a directory");
        assert_eq!(profiles(&dir, DEPTH).len(), places.len());
        fs::remove_dir_all(dir).expect("it is removed");
    }
}
