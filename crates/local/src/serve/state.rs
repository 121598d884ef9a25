//! The files that `edgemint dev` keeps in its state directory, besides wrangler's.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::process::files;
use crate::serve::dotenv;

/// The lines of a project's .gitignore: what is installed or local, and files with secrets.
pub const GIT_IGNORED: &str = "node_modules/\n.wrangler/\n.dev.vars\n.env*\n*.secret\n";

/// The file with the example client, which is written again for each run.
///
/// # Errors
/// When it cannot be written.
pub fn write_example(state: &Path, text: &str) -> Result<PathBuf> {
    let path = state.join("example.yaml");
    fs::write(&path, text).with_context(|| format!("could not write {}", path.display()))?;
    Ok(path)
}

/// The path of the signing keys, stored as `NAME='value'` lines. `wrangler dev --env-file` can read the file too.
pub fn keys_file(state: &Path) -> PathBuf {
    state.join("keys.env")
}

/// The keys, if the file exists.
///
/// # Errors
/// When it cannot be read.
pub fn keys(state: &Path) -> Result<Option<Vec<(String, String)>>> {
    let path = keys_file(state);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(dotenv::read(&text))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("could not read {}", path.display())),
    }
}

/// Writes the first key. Never overwrites an existing file, which may contain the only copy of a key.
///
/// # Errors
/// When it cannot be written.
pub fn write_first_key(state: &Path, key: &str) -> Result<()> {
    let path = keys_file(state);
    let text = dotenv::write(&[("SIGNING_KEY_DEV".to_owned(), key.to_owned())])?;
    let write = || files::private().create_new(true).open(&path)?.write_all(text.as_bytes());
    write().with_context(|| format!("could not write {}", path.display()))
}

/// Gives the keys to `wrangler dev` in the checkout, which reads `.dev.vars` beside wrangler.toml. Leaves a file that is
/// there as it is.
///
/// # Errors
/// When the link cannot be made.
pub fn share_keys(state: &Path, checkout: &Path) -> Result<()> {
    let link = checkout.join(".dev.vars");
    #[cfg(unix)]
    let linked = std::os::unix::fs::symlink(keys_file(state), &link);
    #[cfg(not(unix))]
    let linked = if link.exists() { Ok(()) } else { fs::copy(keys_file(state), &link).map(drop) };
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(error).with_context(|| format!("could not make the link {}", link.display()))
        }
        _ => Ok(()),
    }
}

fn clients_file(state: &Path) -> PathBuf {
    state.join("dev-clients.json")
}

/// The IDs of the clients that `dev` loaded. Only these may be removed when it loads another file.
pub fn own_clients(state: &Path) -> Vec<String> {
    let text = fs::read_to_string(clients_file(state)).unwrap_or_default();
    let value: Value = serde_json::from_str(&text).unwrap_or_default();
    let ids = value.get("loaded").and_then(Value::as_array).into_iter().flatten();
    ids.filter_map(|id| id.as_str().map(str::to_owned)).collect()
}

/// Records these IDs.
///
/// # Errors
/// When the file cannot be written.
pub fn remember_clients(state: &Path, ids: &[String]) -> Result<()> {
    let path = clients_file(state);
    let value = json!({ "loaded": ids });
    fs::write(&path, format!("{value}\n")).with_context(|| format!("could not write {}", path.display()))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::{keys, own_clients, remember_clients, share_keys, write_first_key};
    use crate::process::files::fresh;

    #[test]
    fn the_first_key_is_private_and_never_overwritten() {
        let dir = fresh("keys");
        assert_eq!(keys(&dir).expect("a missing file is not an error"), None);
        write_first_key(&dir, r#"{"kty":"EC"}"#).expect("it is written");
        let mode = fs::metadata(dir.join("keys.env")).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(write_first_key(&dir, "{}").is_err());
        let expected = vec![("SIGNING_KEY_DEV".to_owned(), r#"{"kty":"EC"}"#.to_owned())];
        assert_eq!(keys(&dir).expect("it is read"), Some(expected));
        fs::remove_dir_all(dir).expect("it is removed");
    }

    #[test]
    fn wrangler_reads_the_keys_and_a_file_of_the_user_stays() {
        let (state, checkout) = (fresh("shared"), fresh("checkout"));
        write_first_key(&state, r#"{"kty":"EC"}"#).expect("it is written");
        share_keys(&state, &checkout).expect("it is linked");
        share_keys(&state, &checkout).expect("a second time changes nothing");
        let shared = fs::read_to_string(checkout.join(".dev.vars")).expect("the link leads to the keys");
        assert!(shared.starts_with("SIGNING_KEY_DEV="), "{shared}");
        fs::remove_file(checkout.join(".dev.vars")).expect("it is removed");
        fs::write(checkout.join(".dev.vars"), "ISSUER=x").expect("the user's file");
        share_keys(&state, &checkout).expect("it stays");
        assert_eq!(fs::read_to_string(checkout.join(".dev.vars")).expect("it is there"), "ISSUER=x");
        fs::remove_dir_all(state).expect("it is removed");
        fs::remove_dir_all(checkout).expect("it is removed");
    }

    #[test]
    fn clients_are_remembered() {
        let dir = fresh("clients");
        assert!(own_clients(&dir).is_empty());
        let ids = ["a".to_owned(), "b:c%".to_owned()];
        remember_clients(&dir, &ids).expect("it is written");
        assert_eq!(own_clients(&dir), ids);
        fs::remove_dir_all(dir).expect("it is removed");
    }
}
