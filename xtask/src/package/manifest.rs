//! The package.json of each package. The version and the licence are those of Cargo.toml, and wrangler's version is the
//! one of the repository's package.json.

use std::fs;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

use crate::package::platform::{PLATFORMS, Platform};
use crate::process::project;

/// The version of every package.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The address of the repository.
pub(crate) const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");

/// The Node that wrangler needs.
const NODE: &str = ">=22.12.0";

/// The name of the Worker's package.
const WORKER: &str = "@edgemint/worker";

fn common(name: &str, description: &str) -> Map<String, Value> {
    let members = [
        ("name", json!(name)),
        ("version", json!(VERSION)),
        ("description", json!(description)),
        ("license", json!(env!("CARGO_PKG_LICENSE"))),
        ("repository", json!({ "type": "git", "url": format!("git+{REPOSITORY}.git") })),
        ("publishConfig", json!({ "access": "public" })),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn text(manifest: Map<String, Value>) -> String {
    format!("{:#}\n", Value::Object(manifest))
}

/// The package of the Worker.
pub(crate) fn worker() -> String {
    let mut manifest =
        common(WORKER, "The Worker of edgemint: OAuth 2.0 access tokens from Cloudflare's edge");
    manifest.insert("type".to_owned(), json!("module"));
    manifest.insert("main".to_owned(), json!("entry.js"));
    text(manifest)
}

/// The package with the program of a platform.
pub(crate) fn program(platform: Platform) -> String {
    let mut manifest = common(&platform.package(), "The program of edgemint for one platform");
    manifest.insert("os".to_owned(), json!([platform.os]));
    manifest.insert("cpu".to_owned(), json!([platform.cpu]));
    if let Some(libc) = platform.libc {
        manifest.insert("libc".to_owned(), json!([libc]));
    }
    // Package managers that keep packages in archives unpack this one, because a program must be a file.
    manifest.insert("preferUnplugged".to_owned(), json!(true));
    text(manifest)
}

/// The package that people install.
pub(crate) fn cli() -> Result<String> {
    let mut manifest = common(
        "edgemint",
        "Machine-to-machine tokens at the edge: OAuth 2.0 client_credentials as a Cloudflare Worker",
    );
    let programs: Map<String, Value> =
        PLATFORMS.iter().map(|platform| (platform.package(), json!(VERSION))).collect();
    manifest.insert("type".to_owned(), json!("module"));
    manifest.insert("bin".to_owned(), json!({ "edgemint": "bin/edgemint.js" }));
    manifest.insert("engines".to_owned(), json!({ "node": NODE }));
    manifest.insert("dependencies".to_owned(), json!({ (WORKER): VERSION, "wrangler": wrangler()? }));
    manifest.insert("optionalDependencies".to_owned(), Value::Object(programs));
    Ok(text(manifest))
}

/// The template's package.
pub(crate) fn template() -> Result<String> {
    let manifest = json!({
        "name": "edgemint-issuer",
        "private": true,
        "type": "module",
        "scripts": {
            "dev": "wrangler dev --var ISSUER:http://127.0.0.1:8787",
            "deploy": "wrangler deploy",
        },
        "devDependencies": { "wrangler": wrangler()? },
        "cloudflare": {
            "bindings": {
                "ISSUER": { "description": "The URL of this issuer. It is in every token, so choose it once." },
                "GRANT_TYPES": { "description": "Keep client_credentials. Without it, every request is rejected." },
                "SIGNING_KEY_FIRST": {
                    "description": "The private key that signs tokens: the line that `npx edgemint key generate` prints."
                },
                "CLIENTS": { "description": "The clients and APIs." },
            },
        },
    });
    Ok(format!("{manifest:#}\n"))
}

/// The version of wrangler that the repository uses.
fn wrangler() -> Result<String> {
    let file = project::root().join("package.json");
    let text = fs::read_to_string(&file).with_context(|| format!("could not read {}", file.display()))?;
    let manifest: Value = serde_json::from_str(&text).context("package.json is not JSON")?;
    let version = manifest.pointer("/devDependencies/wrangler").and_then(Value::as_str);
    version.map(str::to_owned).context("package.json does not name wrangler")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{VERSION, cli, program, template, worker};
    use crate::package::platform::Platform;

    fn json(text: &str) -> Value {
        serde_json::from_str(text).expect("JSON")
    }

    #[test]
    fn what_is_installed_is_pinned_and_no_package_runs_scripts() {
        let platform = Platform::named("linux-x64-gnu").expect("it is known");
        let (cli, worker, program) =
            (json(&cli().expect("a manifest")), json(&worker()), json(&program(platform)));
        assert_eq!(cli["dependencies"]["@edgemint/worker"], VERSION);
        assert_eq!(cli["optionalDependencies"]["@edgemint/cli-linux-x64-gnu"], VERSION);
        assert_eq!(cli["optionalDependencies"].as_object().map(serde_json::Map::len), Some(6));
        let wrangler = cli["dependencies"]["wrangler"].as_str().expect("a version");
        assert!(wrangler.chars().all(|c| c.is_ascii_digit() || c == '.'), "{wrangler} is one version");
        assert_eq!(json(&template().expect("a manifest"))["devDependencies"]["wrangler"], wrangler);
        assert_eq!(program["libc"], serde_json::json!(["glibc"]));
        for manifest in [&cli, &worker, &program] {
            assert!(manifest.get("scripts").is_none() && manifest["version"] == VERSION);
        }
        assert!(worker.get("dependencies").is_none() && program.get("dependencies").is_none());
    }
}
