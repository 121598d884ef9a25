//! Rust's standard library for wasm32, from rustup or, where rustup cannot fetch it, from Debian's packages.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context as _, Result, bail};

use crate::process::progress::Progress;
use crate::process::{command, project};

/// The target of Workers.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld-19"];

const DEBIAN_LINKER: &str = "wasm-ld-19";

/// The compiler that builds the Worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WasmToolchain {
    /// The same compiler that builds everything else.
    Usual,
    /// The compiler of Debian, in /usr/bin.
    Debian,
}

impl WasmToolchain {
    /// The directories to put first in PATH.
    pub(crate) fn path_dirs(&self) -> Vec<PathBuf> {
        match self {
            Self::Usual => Vec::new(),
            Self::Debian => vec![PathBuf::from("/usr/bin")],
        }
    }

    /// `cargo` in the project's directory, with this toolchain.
    pub(crate) fn cargo(&self) -> Result<Command> {
        let mut command = Command::new(match self {
            Self::Usual => "cargo",
            Self::Debian => "/usr/bin/cargo",
        });
        self.apply(&mut command);
        let rest = env::var_os("PATH").unwrap_or_default();
        let dirs = self.path_dirs().into_iter().chain(env::split_paths(&rest));
        command.env("PATH", env::join_paths(dirs).context("cannot add /usr/bin to PATH")?);
        Ok(command)
    }

    /// Sets the directory and the environment, except PATH.
    pub(crate) fn apply(&self, command: &mut Command) {
        command.current_dir(project::root());
        // Without it, js-sys is compiled for another glue, and cargo does not notice the difference.
        command.env("WASM_BINDGEN_USE_JS_SYS", "1");
        if *self == Self::Debian {
            let usual =
                env::var_os("CARGO_TARGET_DIR").map_or_else(|| project::root().join("target"), PathBuf::from);
            // In one directory, each of the two compilers would undo the other's work.
            command.env("CARGO_TARGET_DIR", project::root().join(usual).join("debian"));
            command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", DEBIAN_LINKER);
            command.env("CARGO", "/usr/bin/cargo").env_remove("RUSTC").env_remove("RUSTUP_TOOLCHAIN");
        }
    }
}

/// Checks that there is a compiler, before anything is installed.
pub(crate) fn check_compiler() -> Result<()> {
    has_target(Path::new("rustc")).map(drop)
}

/// Finds the target or installs it.
pub(crate) fn ensure(progress: &Progress) -> Result<WasmToolchain> {
    if has_target(Path::new("rustc"))? {
        return Ok(WasmToolchain::Usual);
    }
    let debian = Path::new("/usr/bin/rustc");
    if debian.is_file() && has_target(debian).unwrap_or(false) && linker_is_there() {
        return Ok(WasmToolchain::Debian);
    }
    let step = progress.step(format!("adding Rust's {TARGET} target"));
    let mut rustup = Command::new("rustup");
    let refused = match command::run(rustup.args(["target", "add", TARGET]).current_dir(project::root())) {
        Ok(_) if has_target(Path::new("rustc"))? => {
            step.done();
            return Ok(WasmToolchain::Usual);
        }
        Ok(_) => "rustup reported success, but the compiler does not have the target".to_owned(),
        Err(error) => format!("{error:#}"),
    };
    drop(step);
    if !Path::new("/etc/debian_version").is_file() || !is_root() {
        bail!(
            "could not add Rust's {TARGET} target; run `rustup target add {TARGET}` where rustup can reach its server, \
             or, on Debian, run this once as root to take the target from Debian's packages ({}); {refused}",
            DEBIAN_PACKAGES.join(", ")
        );
    }
    progress.say(&format!("rustup could not add {TARGET}; taking it from Debian's packages"));
    from_debian(progress).with_context(|| {
        format!(
            "could not add Rust's {TARGET} target, neither with rustup ({refused}) nor from Debian's packages"
        )
    })?;
    Ok(WasmToolchain::Debian)
}

/// Whether this compiler has the target's standard library.
fn has_target(rustc: &Path) -> Result<bool> {
    let dir =
        target_libdir(rustc).context("there is no working Rust compiler; install Rust: https://rustup.rs")?;
    let files = fs::read_dir(dir).map(|files| files.flatten().collect::<Vec<_>>()).unwrap_or_default();
    Ok(files.iter().any(|file| file.file_name().to_string_lossy().starts_with("libstd-")))
}

fn target_libdir(rustc: &Path) -> Result<PathBuf> {
    let mut ask = Command::new(rustc);
    ask.args(["--print", "target-libdir", "--target", TARGET]).current_dir(project::root());
    Ok(PathBuf::from(command::ask(&mut ask)?))
}

fn linker_is_there() -> bool {
    Command::new(DEBIAN_LINKER).arg("--version").output().is_ok_and(|answer| answer.status.success())
}

fn is_root() -> bool {
    command::ask(Command::new("id").arg("-u")).is_ok_and(|user| user == "0")
}

/// Builds the standard library for this target, because Debian has only the compiler and the library's sources.
fn from_debian(progress: &Progress) -> Result<()> {
    let step = progress.step(format!("installing {}", DEBIAN_PACKAGES.join(", ")));
    let install = || {
        let mut apt = Command::new("apt-get");
        apt.args(["install", "--yes", "--no-install-recommends"]).args(DEBIAN_PACKAGES);
        command::run(apt.env("DEBIAN_FRONTEND", "noninteractive"))
    };
    if install().is_err() {
        // The list of packages may be out of date or missing.
        command::run(Command::new("apt-get").arg("update"))?;
        install()?;
    }
    step.done();

    let step = progress.step("building the standard library for wasm32");
    let scratch = project::cache()?.join("debian-std");
    let _ = fs::remove_dir_all(&scratch);
    project::make_dir(&scratch.join("src"))?;
    let manifest = "[package]\nname = \"empty\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[workspace]\n";
    fs::write(scratch.join("Cargo.toml"), manifest).context("could not write an empty crate")?;
    fs::write(scratch.join("src/lib.rs"), "#![no_std]\n").context("could not write an empty crate")?;
    let mut build = WasmToolchain::Debian.cargo()?;
    build.args(["build", "--release", "-Z", "build-std=std,panic_abort", "--target", TARGET]);
    // Without the bitcode, a later build with LTO fails.
    build.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", "-Cembed-bitcode=yes");
    build.env("CARGO_TARGET_DIR", scratch.join("target")).current_dir(&scratch);
    command::run(&mut build)?;
    let libdir = target_libdir(Path::new("/usr/bin/rustc"))?;
    copy_libraries(&scratch.join("target").join(TARGET).join("release/deps"), &libdir)?;
    let _ = fs::remove_dir_all(&scratch);
    step.done();
    Ok(())
}

/// Copies the libraries of the standard library, but not the empty crate's own.
fn copy_libraries(from: &Path, to: &Path) -> Result<()> {
    project::make_dir(to)?;
    for file in fs::read_dir(from).with_context(|| format!("could not read {}", from.display()))?.flatten() {
        let name = file.file_name().to_string_lossy().into_owned();
        if name.ends_with(".rlib") && !name.starts_with("libempty-") {
            fs::copy(file.path(), to.join(&name)).with_context(|| format!("could not copy {name}"))?;
        }
    }
    Ok(())
}
