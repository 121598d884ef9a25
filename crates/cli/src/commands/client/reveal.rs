//! Output of a new secret or of a new private key, with a request to try it.

use std::path::Path;

use anyhow::Result;
use edgemint_issuer::{ApiId, ClientId, GeneratedSecret};
use edgemint_printable::shell;

use crate::commands::client::grant;
use crate::crypto::make::KeyPair;
use crate::deployment::local_server;
use crate::deployment::project::{Project, Target};
use crate::flags::values;
use crate::host::form::encoded;
use crate::terminal::output::Output;

/// Prints a new secret or the path of its file, and a command that gets a token with it, for `api` if there is one.
pub(crate) fn reveal(
    id: &ClientId,
    secret: &GeneratedSecret,
    file: Option<&Path>,
    at: &TokenEndpoint,
    api: Option<&ApiId>,
    output: &mut Output,
) -> Result<()> {
    match file {
        Some(file) => {
            output.say(format_args!("The client secret is in {}, and nowhere else.", file.display()));
        }
        None => {
            output.say("The client secret, shown only once:");
            output.result_verbatim(secret.expose())?;
        }
    }
    output.say(format_args!(
        "To get a token, set the variable CLIENT_SECRET to the secret, and run:\n  {}",
        curl(id, &at.url, api)
    ));
    if let Some(help) = at.help {
        output.say(help);
    }
    Ok(())
}

/// Prints a new private key or the path of its file, and a command that gets a token with it.
pub(crate) fn reveal_key(
    id: &ClientId,
    key: &KeyPair,
    file: Option<&Path>,
    target: &Target,
    output: &mut Output,
) -> Result<()> {
    match file {
        Some(file) => output.say(format_args!(
            "The private key {} is in {}, and nowhere else.",
            key.kid,
            file.display()
        )),
        None => {
            output.say(format_args!("The private key {}, shown only once:", key.kid));
            output.result_verbatim(&key.private)?;
        }
    }
    let file = file.map_or_else(|| "KEY.jwk".into(), Path::to_string_lossy);
    let target = match target {
        Target::Local(_) => "--local".to_owned(),
        Target::Deployed(name) => shell::option("--env", name),
    };
    output.say(format_args!(
        "To get a token with the key in a file, run:\n  edgemint token get {} {} {target}",
        shell::option("--client", id.as_str()),
        shell::option("--key-file", &file)
    ));
    Ok(())
}

/// The token endpoint for the example request.
pub(crate) struct TokenEndpoint {
    /// The issuer, if it is known.
    pub(crate) issuer: Option<String>,
    url: String,
    /// A hint, if the URL contains a placeholder.
    help: Option<&'static str>,
}

impl TokenEndpoint {
    /// The endpoint of the target. For the local state, only a running Worker has a known port.
    pub(crate) fn of(project: &Project) -> Self {
        let configured = project.issuer().filter(|issuer| values::issuer(issuer).is_ok());
        let (issuer, base, help) = match (&project.target, local_server::running(project), configured) {
            (_, Some(server), _) => (Some(server.issuer), server.address, None),
            (Target::Local(_), None, issuer) => (
                issuer.map(str::to_owned),
                format!("http://127.0.0.1:PORT{}", issuer.map_or("", path)),
                Some(
                    "No Worker is running with this state. Replace PORT by the port that `cargo xtask dev` or \
                     `wrangler dev` prints.",
                ),
            ),
            (Target::Deployed(_), None, Some(issuer)) => (Some(issuer.to_owned()), issuer.to_owned(), None),
            (Target::Deployed(_), None, None) => (None, "https://YOUR-ISSUER".to_owned(), None),
        };
        Self { issuer, url: format!("{}/token", base.trim_end_matches('/')), help }
    }
}

/// The path of an issuer's URL, if it has one.
fn path(issuer: &str) -> &str {
    let rest = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
    rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default()
}

/// A command that gets a token. The ID is form-encoded, as RFC 6749 §2.3.1 requires for Basic. Otherwise, `curl -u`
/// would end the ID at a colon.
fn curl(id: &ClientId, token_endpoint: &str, api: Option<&ApiId>) -> String {
    let target = api.map_or_else(String::new, |api| {
        let parameter = grant::parameter(api);
        format!(" -d {parameter}={}", *encoded(api.as_str()))
    });
    format!(
        "curl -X POST {} -u \"{}:$CLIENT_SECRET\" -d grant_type=client_credentials{target}",
        shell::word(token_endpoint),
        *encoded(id.as_str())
    )
}
