//! Protection from other users of this machine: edgemint rejects a configuration or a program that another user owns
//! or can write. Otherwise, that user could choose what edgemint runs.

use std::path::{Path, PathBuf};

use anyhow::Result;

/// Fails if another user owns or can write one of `paths`, or the target of a link there. Missing paths are skipped.
///
/// `config`: the wrangler.toml that was found. The error suggests it as the value of `--config`.
#[cfg(unix)]
pub(crate) fn must_be_ours<P: AsRef<Path>>(paths: &[P], config: &Path) -> Result<()> {
    let me = nix::unistd::geteuid().as_raw();
    for path in paths {
        let path = path.as_ref();
        if let Some(problem) = unix::problem_at(path, me) {
            anyhow::bail!("{}", unix::told(path, problem, config));
        }
    }
    Ok(())
}

/// Windows has other permissions, which edgemint does not check.
#[cfg(not(unix))]
pub(crate) fn must_be_ours<P>(_: &[P], _: &Path) -> Result<()> {
    Ok(())
}

/// A program in node_modules, the target of its link, and the directories of that target.
pub(crate) fn of_program(program: &Path) -> Vec<PathBuf> {
    let mut paths = vec![program.to_owned()];
    if let Ok(target) = program.canonicalize() {
        // All directories up to the outermost node_modules. For a program elsewhere, only its own directory.
        let is_npms = |dir: &&Path| dir.components().any(|part| part.as_os_str() == "node_modules");
        let folders: Vec<&Path> = target
            .ancestors()
            .skip(1)
            .enumerate()
            .take_while(|(i, dir)| *i == 0 || is_npms(dir))
            .map(|(_, dir)| dir)
            .collect();
        paths.push(target.clone());
        paths.extend(folders.into_iter().map(Path::to_owned));
    }
    paths
}

#[cfg(unix)]
mod unix {
    use std::fs::Metadata;
    use std::os::unix::fs::MetadataExt as _;
    use std::path::Path;

    use nix::unistd::{Gid, Group, Uid, User};

    use edgemint_printable::shell;

    /// Why a file or a directory is not trusted.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Problem {
        /// This user owns it.
        Belongs(u32),
        /// Every user can write it.
        Everybody,
        /// The members of this group can write it.
        Group(u32),
    }

    /// The owner, the group and the permissions of a file.
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct Facts {
        pub(crate) owner: u32,
        pub(crate) group: u32,
        pub(crate) mode: u32,
    }

    impl Facts {
        fn of(metadata: &Metadata) -> Self {
            Self { owner: metadata.uid(), group: metadata.gid(), mode: metadata.mode() }
        }
    }

    /// The problem at `path` or, if that is a link, at its target.
    pub(crate) fn problem_at(path: &Path, me: u32) -> Option<Problem> {
        let link = std::fs::symlink_metadata(path).ok()?;
        // The permissions of a link mean nothing, but its owner can change its target.
        let link = Facts { mode: 0, ..Facts::of(&link) };
        problem(link, me, is_private)
            .or_else(|| problem(Facts::of(&std::fs::metadata(path).ok()?), me, is_private))
    }

    /// The problem with these facts. `me`: the effective user of this process. `is_private`: whether a user is the only
    /// member of a group.
    pub(crate) fn problem(facts: Facts, me: u32, is_private: impl Fn(u32, u32) -> bool) -> Option<Problem> {
        let Facts { owner, group, mode } = facts;
        // Root can do everything anyway.
        if owner != me && owner != 0 {
            Some(Problem::Belongs(owner))
        } else if mode & 0o002 != 0 {
            // The sticky bit does not help: other users cannot replace files then, but can add files that wrangler
            // reads.
            Some(Problem::Everybody)
        } else if mode & 0o020 != 0 && !is_private(me, group) && !is_private(owner, group) {
            Some(Problem::Group(group))
        } else {
            None
        }
    }

    /// Whether the group is the user's private group: it has the user's name and no other member. Most Linux
    /// distributions create one for each user, with a umask of 002. For a group without an entry, the number decides.
    fn is_private(user: u32, group: u32) -> bool {
        let known = Group::from_gid(Gid::from_raw(group)).ok().flatten();
        let named = User::from_uid(Uid::from_raw(user)).ok().flatten();
        match (known, named) {
            (Some(group), Some(user)) => {
                group.name == user.name && group.mem.iter().all(|member| *member == user.name)
            }
            (Some(_), None) => false,
            (None, _) => user == group,
        }
    }

    /// The error message: what failed, why, and what to do.
    pub(crate) fn told(path: &Path, problem: Problem, config: &Path) -> String {
        let chmod = |bits: &str| {
            let command = shell::command("chmod", &[bits.as_ref(), path.as_os_str()]);
            format!("Run `{command}`.")
        };
        let (why, help) = match problem {
            Problem::Belongs(owner) => (
                format!("it belongs to another user (uid {owner}), who"),
                "Change to the directory of your own deployment.".to_owned(),
            ),
            Problem::Everybody => ("every user of this machine can write it, and".to_owned(), chmod("go-w")),
            Problem::Group(group) => (format!("its group (gid {group}) can write it, and"), chmod("g-w")),
        };
        let trust = shell::command("--config", &[config]);
        format!(
            "cannot use {}: {why} can make edgemint run programs as you. {help} To trust it anyway, add `{trust}`.",
            path.display()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::unix::{Facts, Problem, problem, problem_at, told};
    use super::*;

    const ME: u32 = 1000;

    /// Group 1000 is the private one of user 1000, and so on; 50 is shared.
    fn found(owner: u32, group: u32, mode: u32) -> Option<Problem> {
        problem(Facts { owner, group, mode }, ME, |user, group| user == group)
    }

    #[test]
    fn only_i_and_root_decide_what_runs() {
        for (owner, group, mode, expected) in [
            (ME, 50, 0o100_644, None),
            (0, 0, 0o100_644, None),
            (1001, ME, 0o100_600, Some(Problem::Belongs(1001))),
            (1001, 1001, 0o100_666, Some(Problem::Belongs(1001))),
            (ME, 50, 0o100_646, Some(Problem::Everybody)),
            (ME, 50, 0o100_664, Some(Problem::Group(50))),
            (0, 50, 0o40_775, Some(Problem::Group(50))),
            // A user's private group has no other member (umask 002).
            (ME, ME, 0o100_664, None),
            (0, ME, 0o40_775, None),
            (0, 0, 0o40_775, None),
            (ME, 1001, 0o100_664, Some(Problem::Group(1001))),
            // /tmp: other users can put files next to mine.
            (0, 0, 0o41_777, Some(Problem::Everybody)),
            (ME, ME, 0o42_775, None),
        ] {
            assert_eq!(found(owner, group, mode), expected, "{owner} {group} {mode:o}");
        }
        // Root must not run a program that another user wrote.
        let of_user = Facts { owner: ME, group: ME, mode: 0o100_600 };
        assert_eq!(problem(of_user, 0, |_, _| true), Some(Problem::Belongs(ME)));
    }

    #[test]
    fn what_is_wrong_is_told_with_what_helps() {
        let (path, config) = (Path::new("/a b/node_modules"), Path::new("/a b/wrangler.toml"));
        assert_eq!(
            told(path, Problem::Group(50), config),
            "cannot use /a b/node_modules: its group (gid 50) can write it, and can make edgemint run programs as you. \
             Run `chmod g-w '/a b/node_modules'`. To trust it anyway, add `--config '/a b/wrangler.toml'`."
        );
    }

    #[test]
    fn what_is_not_there_is_no_problem() {
        assert_eq!(problem_at(Path::new("/nonexistent/wrangler.toml"), ME), None);
        assert_eq!(
            of_program(Path::new("/nonexistent/wrangler.toml")),
            [Path::new("/nonexistent/wrangler.toml")]
        );
    }
}
