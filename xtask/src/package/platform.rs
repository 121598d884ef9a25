//! The platforms of the native program, as npm names them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// A platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Platform {
    /// The end of its package's name, and its name on the command line.
    pub name: &'static str,
    /// npm's `os`.
    pub os: &'static str,
    /// npm's `cpu`.
    pub cpu: &'static str,
    /// npm's `libc`, on Linux.
    pub libc: Option<&'static str>,
}

/// All platforms that a release has programs for.
pub(crate) const PLATFORMS: [Platform; 6] = [
    Platform { name: "darwin-arm64", os: "darwin", cpu: "arm64", libc: None },
    Platform { name: "darwin-x64", os: "darwin", cpu: "x64", libc: None },
    Platform { name: "linux-arm64-gnu", os: "linux", cpu: "arm64", libc: Some("glibc") },
    Platform { name: "linux-x64-gnu", os: "linux", cpu: "x64", libc: Some("glibc") },
    Platform { name: "win32-arm64-msvc", os: "win32", cpu: "arm64", libc: None },
    Platform { name: "win32-x64-msvc", os: "win32", cpu: "x64", libc: None },
];

impl Platform {
    /// The platform with this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        PLATFORMS.into_iter().find(|platform| platform.name == name)
    }

    /// The platform of this machine.
    pub(crate) fn here() -> Result<Self> {
        let os = match std::env::consts::OS {
            "macos" => "darwin",
            "windows" => "win32",
            other => other,
        };
        let cpu = match std::env::consts::ARCH {
            "x86_64" => "x64",
            "aarch64" => "arm64",
            other => other,
        };
        let here = PLATFORMS.into_iter().find(|platform| (platform.os, platform.cpu) == (os, cpu));
        here.with_context(|| format!("no package is for {os}-{cpu}; pass --cli PLATFORM=FILE"))
    }

    /// The name of its package.
    pub(crate) fn package(self) -> String {
        format!("@edgemint/cli-{}", self.name)
    }

    /// The path of the program in its package.
    pub(crate) fn file(self) -> &'static str {
        if self.os == "win32" { "bin/edgemint.exe" } else { "bin/edgemint" }
    }
}

/// A program that is built, and its platform.
#[derive(Clone, Debug)]
pub struct Program {
    pub(crate) platform: Platform,
    pub(crate) path: PathBuf,
}

impl Program {
    /// The program for the platform with this name.
    ///
    /// # Errors
    /// When there is no such platform.
    pub fn of(name: &str, path: &Path) -> Result<Self> {
        let platform = Platform::named(name).with_context(|| {
            let names = PLATFORMS.map(|platform| platform.name).join(", ");
            format!("`{name}` is not a platform; they are {names}")
        })?;
        Ok(Self { platform, path: path.to_owned() })
    }

    /// A program for the platform of this machine.
    ///
    /// # Errors
    /// When no package is for it.
    pub fn here(path: &Path) -> Result<Self> {
        Ok(Self { platform: Platform::here()?, path: path.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Platform, Program};

    #[test]
    fn a_program_is_named_with_its_platform() {
        let given = Program::of("darwin-arm64", Path::new("a")).expect("it is known");
        assert_eq!((given.platform.package(), given.path), ("@edgemint/cli-darwin-arm64".into(), "a".into()));
        let unknown = Program::of("linux-mips", Path::new("a")).expect_err("it is unknown").to_string();
        assert!(unknown.contains("linux-x64-gnu"), "{unknown}");
        assert_eq!(Platform::named("win32-x64-msvc").map(Platform::file), Some("bin/edgemint.exe"));
    }
}
