//! Files that another user owns or can write are not run, tested with real owners and permissions. The cases with
//! another owner need root, because only root can change the owner of a file.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers, too")]

mod stand_in;

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, lchown, symlink};

use stand_in::{Folder, Told};

const WRANGLER_TOML: &str = "[vars]\nISSUER = \"http://127.0.0.1:1\"\n";

/// The paths that determine which wrangler runs, and what it does.
const DECIDING: [&str; 5] =
    ["wrangler.toml", ".", "node_modules", "node_modules/.bin", "node_modules/.bin/wrangler"];

const OTHER: u32 = 65_534;

fn list(folder: &Folder) -> Told {
    folder.edgemint(&["client", "list", "--local"], "")
}

fn may(folder: &Folder, path: &str, mode: u32) {
    fs::set_permissions(folder.0.join(path), Permissions::from_mode(mode)).unwrap();
}

fn is_root(folder: &Folder) -> bool {
    fs::metadata(&folder.0).unwrap().uid() == 0
}

/// The command fails with the path, the reason and a fix, and runs nothing. With --config, it runs.
fn is_refused(folder: &Folder, path: &str, reasons: &[&str]) {
    let told = list(folder);
    assert_eq!((told.code, told.out.as_str(), folder.calls().len()), (Some(1), "", 0), "{path}: {told:?}");
    let path = if path == "." { folder.0.clone() } else { folder.0.join(path) };
    for reason in [&format!("cannot use {}: ", path.display())[..], "add `--config "].iter().chain(reasons) {
        assert!(told.err.contains(reason), "{reason} is not in {}", told.err);
    }
    let named = folder.edgemint(&["--config", "wrangler.toml", "client", "list", "--local"], "");
    assert_eq!((named.code, folder.calls().len()), (Some(0), 1), "{named:?}");
    fs::remove_file(folder.0.join("fake/calls")).unwrap();
}

#[test]
fn what_every_user_may_write_is_refused() {
    for path in DECIDING {
        for mode in [0o757, 0o1777] {
            let folder = Folder::new(WRANGLER_TOML);
            may(&folder, path, mode);
            is_refused(&folder, path, &["every user of this machine can write it", "Run `chmod go-w "]);
            may(&folder, path, 0o755);
            assert_eq!(list(&folder).code, Some(0));
        }
    }
}

#[test]
fn what_another_user_has_is_refused() {
    for path in DECIDING {
        let folder = Folder::new(WRANGLER_TOML);
        if !is_root(&folder) {
            return;
        }
        chown(folder.0.join(path), Some(OTHER), None).unwrap();
        is_refused(
            &folder,
            path,
            &["it belongs to another user (uid 65534)", "the directory of your own deployment"],
        );
    }
}

#[test]
fn the_private_group_of_a_user_may_write_and_a_shared_one_may_not() {
    for path in DECIDING {
        let folder = Folder::new(WRANGLER_TOML);
        if !is_root(&folder) {
            return;
        }
        // umask 002
        chown(folder.0.join(path), None, Some(0)).unwrap();
        may(&folder, path, 0o775);
        assert_eq!(list(&folder).code, Some(0), "{path}");
        fs::remove_file(folder.0.join("fake/calls")).unwrap();
        // The group `nogroup`, or one without an entry.
        chown(folder.0.join(path), None, Some(OTHER)).unwrap();
        may(&folder, path, 0o775);
        is_refused(&folder, path, &["its group (gid 65534) can write it", "Run `chmod g-w "]);
    }
}

#[test]
fn what_a_link_leads_to_is_looked_at() {
    let linked = || {
        let folder = Folder::new(WRANGLER_TOML);
        let bin = folder.0.join("node_modules/wrangler/bin");
        fs::create_dir_all(&bin).unwrap();
        let program = folder.0.join("node_modules/.bin/wrangler");
        fs::rename(&program, bin.join("wrangler.js")).unwrap();
        symlink("../wrangler/bin/wrangler.js", &program).unwrap();
        assert_eq!(list(&folder).code, Some(0), "as npm makes it");
        fs::remove_file(folder.0.join("fake/calls")).unwrap();
        folder
    };
    for path in
        ["node_modules/wrangler", "node_modules/wrangler/bin", "node_modules/wrangler/bin/wrangler.js"]
    {
        let folder = linked();
        may(&folder, path, 0o777);
        let told = list(&folder);
        assert_eq!((told.code, folder.calls().len()), (Some(1), 0), "{told:?}");
        assert!(told.err.contains("every user of this machine can write it"), "{told:?}");
    }
    let folder = linked();
    if is_root(&folder) {
        lchown(folder.0.join("node_modules/.bin/wrangler"), Some(OTHER), None).unwrap();
        is_refused(&folder, "node_modules/.bin/wrangler", &["it belongs to another user"]);
    }
}

/// The configuration also determines where secrets are sent: to its ISSUER.
#[test]
fn a_configuration_of_others_is_not_even_read() {
    let above = Folder::new("this is not TOML");
    may(&above, ".", 0o1777);
    fs::create_dir(above.0.join("mine")).unwrap();
    let get = ["token", "get", "--client", "a", "--secret-env", "THE_SECRET", "--local"];
    let told = above.edgemint_in("mine", &get);
    assert_eq!(told.code, Some(1));
    assert!(told.err.starts_with("error: cannot use "), "{told:?}");
}
