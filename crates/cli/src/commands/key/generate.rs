//! `edgemint key generate`: prints a new private signing key as one line of JSON.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use clap::Args as ClapArgs;
use edgemint_issuer::{Lifetime, SIGNING_KEY_PREFIX, SigningKey};
use jwt_compact::jwk::JsonWebKey;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::crypto::make::{Material, with_new};
use crate::flags::alg::Alg;
use crate::flags::values::key_id;
use crate::host::Host;
use crate::host::private_file::PrivateFile;
use crate::terminal::output::Output;

/// Generate a private signing key
///
/// Prints one line: a private JWK with its algorithm, its key ID (the RFC 7638 thumbprint) and its activation
/// time. Store each key in a secret of the Worker, named SIGNING_KEY_<NAME>. The Worker publishes all keys.
/// Among the keys whose activation time has passed, the one with the latest time signs.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint key generate | npx wrangler secret put SIGNING_KEY_FIRST --env production
  edgemint key generate --activate-in 1h | npx wrangler secret put SIGNING_KEY_NEXT --env production")]
pub(crate) struct KeyGenerate {
    /// Algorithm of the key
    #[arg(long, value_enum, default_value = "ES256")]
    pub(crate) alg: Alg,
    /// Time until the key starts to sign. If another key signs now, set 1h, so that every verifier fetches the new
    /// key before it signs
    #[arg(long, value_name = "TIME", value_parser = Lifetime::parse, default_value = "0s")]
    pub(crate) activate_in: Lifetime,
    /// Key ID: 1 to 128 characters of printable ASCII [default: the thumbprint]
    #[arg(long, value_parser = key_id)]
    pub(crate) kid: Option<String>,
    /// Write the key to this new file instead of stdout. Only the file's owner can read it
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// The members of `SIGNING_KEY_<NAME>`, in their printed order.
#[derive(Serialize)]
struct PrivateJwk<'a> {
    #[serde(flatten)]
    key: &'a JsonWebKey<'a>,
    alg: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
    nbf: u64,
}

/// The result with `--json` and `--out`.
#[derive(Serialize)]
struct Made<'a> {
    key_file: &'a Path,
    alg: &'static str,
    kid: &'a str,
    nbf: u64,
}

pub(crate) fn run(args: &KeyGenerate, host: &Host, output: &mut Output) -> Result<ExitCode> {
    let file = PrivateFile::named(args.out.as_deref(), host)?;
    let nbf = host.now.saturating_add(args.activate_in.seconds());
    let jwk = make(args.alg, args.kid.as_deref(), nbf, host)?;
    let shown = match file {
        Some(mut file) => {
            file.write(&jwk)?;
            let file = file.keep();
            if output.is_json() {
                let key = SigningKey::parse(SIGNING_KEY_PREFIX, &jwk)
                    .map_err(|error| anyhow::anyhow!("cannot use the generated key: the key {error}"))?;
                output.result_json(&Made { key_file: &file, alg: key.alg().name(), kid: key.kid(), nbf })?;
            }
            format!("The private key is in {}.", file.display())
        }
        None => {
            output.result_verbatim(&jwk)?;
            "The private key is shown only once.".to_owned()
        }
    };
    let when = match args.activate_in.seconds() {
        0 => "The key signs as soon as it is stored, unless a newer key signs.".to_owned(),
        _ => format!(
            "The Worker publishes the key as soon as it is stored. The key starts to sign in {} (at {nbf}, in \
             seconds since 1970).",
            args.activate_in
        ),
    };
    output.say(format_args!(
        "{shown} Store it as a secret of the Worker. Paste it at the prompt of the following command, or pipe it in:\n  npx \
         wrangler secret put SIGNING_KEY_<NAME> --env production"
    ));
    output.say(when);
    Ok(ExitCode::SUCCESS)
}

/// A new private key, as the line of JSON that the secret contains.
pub(crate) fn make(alg: Alg, kid: Option<&str>, nbf: u64, host: &Host) -> Result<Zeroizing<String>> {
    let (material, name) = match alg {
        Alg::Es256 => (Material::P256, "ES256"),
        Alg::EdDsa => (Material::Ed25519, "EdDSA"),
        Alg::Rs256 => (Material::Rsa, "RS256"),
    };
    with_new(material, host, |key| print(key, name, kid, nbf))
}

/// The line to print. The Worker's parser reads it back as a check, and computes the thumbprint.
fn print(key: &JsonWebKey<'_>, alg: &'static str, kid: Option<&str>, nbf: u64) -> Result<Zeroizing<String>> {
    let line = |kid| {
        serde_json::to_string(&PrivateJwk { key, alg, kid, nbf })
            .map(Zeroizing::new)
            .context("cannot write the key as JSON")
    };
    let with_thumbprint = SigningKey::parse("SIGNING_KEY", &line(kid)?)
        .map_err(|error| anyhow::anyhow!("cannot use the generated key: the key {error}"))?;
    let line = line(Some(with_thumbprint.kid()))?;
    let read = SigningKey::parse("SIGNING_KEY", &line);
    let same = read.is_ok_and(|read| {
        (read.kid(), read.alg(), read.nbf()) == (with_thumbprint.kid(), with_thumbprint.alg(), nbf)
    });
    ensure!(same, "cannot read back the generated key");
    Ok(line)
}
