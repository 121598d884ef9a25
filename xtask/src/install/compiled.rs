//! A cache of compiled dependencies outside the checkout, so that a fresh clone does not compile them again.
//!
//! It contains only what cargo compiled of other people's crates. A crate from a registry never changes, and cargo
//! compares only its version, features, profile and compiler. Cargo decides whether a kept file fits, as it does within
//! one checkout. Our own crates are compared by file times, which differ from clone to clone.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;
use std::{env, fs};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::install::wasm_target::TARGET;
use crate::process::progress::Progress;
use crate::process::{command, project};

/// The number of sets that are kept, each for one lockfile, set of profiles and compiler: about 2 GB each. The least
/// recently used set is deleted first.
const SETS: usize = 2;

/// The depth of profile directories below the target directory: `wasm32-unknown-unknown/release`,
/// `tests/trybuild/x86_64-unknown-linux-gnu/debug`.
const DEPTH: usize = 4;

/// The parts of a set: the compiler's output, and cargo's records of it. The records are copied last, so that cargo
/// does not know of output that was copied only in part.
const PARTS: [&str; 2] = ["made", "known"];

/// The cache as one run uses it.
#[derive(Debug)]
pub(crate) struct Compiled {
    target: PathBuf,
    set: PathBuf,
    /// Whether this run compiles everything, so that the result is worth keeping.
    keeps: bool,
}

impl Compiled {
    /// Copies the cached set into the target directory, once per checkout.
    pub(crate) fn bring(progress: &Progress) -> Result<Self> {
        let target = target_directory(&mut Command::new("cargo"))?;
        let key = key()?;
        let sets = project::cache()?.join("compiled");
        let set = sets.join(&key);
        let is_fresh = is_fresh(&target);
        let mut compiled = Self { target, set, keeps: false };
        let stamp = fs::read_to_string(compiled.stamp()).unwrap_or_default();
        if stamp == key {
            return Ok(compiled);
        }
        let _held = project::lock(&sets.join("lock"))?;
        if !compiled.set.is_dir() {
            // A run that was ended early goes on in the next one.
            let begun = format!("begun {key}");
            compiled.keeps = is_fresh || stamp == begun;
            if is_fresh {
                project::make_dir(&compiled.target)?;
                write(&compiled.stamp(), &begun)?;
            }
            return Ok(compiled);
        }
        let step = progress.step("copying compiled dependencies from the cache");
        for part in PARTS {
            copy([compiled.set.join(part).join(".")], &compiled.target)?;
        }
        compiled.used()?;
        step.done();
        Ok(compiled)
    }

    /// Stores what was compiled, after a run that began without a cached set.
    pub(crate) fn keep(&self, progress: &Progress) -> Result<()> {
        let Some(sets) = self.set.parent().filter(|_| self.keeps) else { return Ok(()) };
        let _held = project::lock(&sets.join("lock"))?;
        if self.set.is_dir() {
            return Ok(());
        }
        let step = progress.step("copying compiled dependencies to the cache");
        let unfinished = sets.join("unfinished");
        let _ = fs::remove_dir_all(&unfinished);
        for profile in profiles(&self.target, DEPTH) {
            let place = profile.strip_prefix(&self.target).unwrap_or(&profile);
            for (part, folder) in [("made", "deps"), ("made", "build"), ("known", ".fingerprint")] {
                let to = unfinished.join(part).join(place).join(folder);
                let entries = entries(&profile.join(folder));
                let foreign: Vec<_> = entries.into_iter().filter(|path| is_foreign(path)).collect();
                if !foreign.is_empty() {
                    copy(foreign, &to)?;
                }
            }
        }
        fs::rename(&unfinished, &self.set)
            .with_context(|| format!("could not move compiled dependencies to {}", self.set.display()))?;
        self.used()?;
        remove_all_but_newest(sets, SETS);
        step.done();
        Ok(())
    }

    fn stamp(&self) -> PathBuf {
        self.target.join(".edgemint-compiled")
    }

    /// Records that the checkout has the set, and that the set was used now.
    fn used(&self) -> Result<()> {
        let key = self.set.file_name().unwrap_or_default().to_string_lossy().into_owned();
        write(&self.set.join("used"), &key)?;
        write(&self.stamp(), &key)
    }
}

/// The target directory of cargo.
pub(crate) fn target_directory(cargo: &mut Command) -> Result<PathBuf> {
    cargo.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]).current_dir(project::root());
    let metadata = command::run(cargo)?;
    let metadata: Value = serde_json::from_str(&metadata).context("`cargo metadata` printed no JSON")?;
    let target = metadata.get("target_directory").and_then(Value::as_str);
    target.map(PathBuf::from).context("`cargo metadata` named no target directory")
}

/// Whether cargo has not compiled a Worker into the target directory yet.
pub(crate) fn is_fresh(target: &Path) -> bool {
    !target.join(TARGET).exists()
}

/// A hash of everything whose change makes most of a set useless. A collision costs only time, so a short hash is
/// enough.
fn key() -> Result<String> {
    let mut hasher = DefaultHasher::new();
    for file in ["Cargo.lock", "Cargo.toml"] {
        let file = project::root().join(file);
        fs::read(&file).with_context(|| format!("could not read {}", file.display()))?.hash(&mut hasher);
    }
    command::run(Command::new("rustc").arg("-vV").current_dir(project::root()))?.hash(&mut hasher);
    env::var_os("RUSTFLAGS").hash(&mut hasher);
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

fn entries(directory: &Path) -> Vec<PathBuf> {
    fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// Whether cargo made the path from another project's crate: `libserde-0123456789abcdef.rlib`, or a folder
/// `serde-0123456789abcdef`. Programs do not count, because only our own crates are compiled to programs.
fn is_foreign(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = match path.extension().map(|extension| extension.to_string_lossy()) {
        None => name.as_ref(),
        Some(extension) if ["rlib", "rmeta", "so", "dylib"].contains(&extension.as_ref()) => {
            name.strip_prefix("lib").unwrap_or_default()
        }
        Some(_) => return false,
    };
    let is_program = path.extension().is_none() && path.is_file();
    !is_program && name.contains('-') && !name.starts_with("edgemint") && !name.starts_with("xtask")
}

fn write(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text).with_context(|| format!("could not write {}", file.display()))
}

/// Copies files with their times, by which cargo sees that an output is newer than its inputs.
fn copy(from: impl IntoIterator<Item = PathBuf>, to: &Path) -> Result<()> {
    project::make_dir(to)?;
    command::run(Command::new("cp").arg("-a").args(from).arg(to)).map(drop)
}

fn remove_all_but_newest(sets: &Path, count: usize) {
    let used = |set: &PathBuf| {
        let used = fs::metadata(set.join("used")).and_then(|data| data.modified());
        used.unwrap_or(SystemTime::UNIX_EPOCH)
    };
    let mut all: Vec<PathBuf> = entries(sets).into_iter().filter(|path| path.is_dir()).collect();
    all.sort_by_key(|set| std::cmp::Reverse(used(set)));
    for old in all.iter().skip(count) {
        let _ = fs::remove_dir_all(old);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::time::{Duration, SystemTime};

    use super::{DEPTH, is_foreign, profiles, remove_all_but_newest};
    use crate::process::project::fresh;

    #[test]
    fn only_what_others_wrote_is_kept() {
        for name in ["libserde-0123456789abcdef.rlib", "libsyn-0123456789abcdef.so", "serde-0123456789abcdef"]
        {
            assert!(is_foreign(&Path::new("/t").join(name)), "{name}");
        }
        for name in [
            "libedgemint_issuer-0123456789abcdef.rlib",
            "edgemint-cli-0123456789abcdef",
            "libxtask-0123456789abcdef.rmeta",
            "serde-0123456789abcdef.d",
            "incremental",
        ] {
            assert!(!is_foreign(&Path::new("/t").join(name)), "{name}");
        }
        let dir = fresh("foreign");
        let program = dir.join("vectors-0123456789abcdef");
        fs::write(&program, "").expect("a file");
        assert!(!is_foreign(&program), "a test program");
        fs::remove_dir_all(dir).expect("it is removed");
    }

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

    #[test]
    fn what_was_used_last_stays() {
        let dir = fresh("sets");
        for (name, age) in [("a", 300), ("b", 100), ("c", 200)] {
            fs::create_dir(dir.join(name)).expect("a directory");
            let used = fs::File::create(dir.join(name).join("used")).expect("a file");
            used.set_modified(SystemTime::now() - Duration::from_secs(age)).expect("its time");
        }
        remove_all_but_newest(&dir, 2);
        assert_eq!(["a", "b", "c"].map(|name| dir.join(name).exists()), [false, true, true]);
        fs::remove_dir_all(dir).expect("it is removed");
    }
}
