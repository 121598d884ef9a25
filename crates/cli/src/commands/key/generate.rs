//! `edgemint key generate`: a new private signing key as one line of JSON.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args as ClapArgs;
use edgemint_issuer::{Lifetime, SIGNING_KEY_PREFIX, SigningKey};
use jwt_compact::alg::SecretBytes;
use jwt_compact::jwk::JsonWebKey;
use rsa::rand_core::{CryptoRng, Error, RngCore, impls};
use rsa::traits::PrivateKeyParts as _;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::flags::alg::Alg;
use crate::flags::values::key_id;
use crate::host::Host;
use crate::host::private_file::PrivateFile;
use crate::terminal::output::Output;

/// Make a private signing key
///
/// Prints one line: a private JWK with its algorithm, its key ID (the RFC 7638 thumbprint) and the time
/// from which on it signs. Each key belongs into a secret of the Worker of its own, called SIGNING_KEY_
/// and a name of your choice. All keys that are there are published; of those whose time has come, the
/// one with the latest time signs.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint key generate | npx wrangler secret put SIGNING_KEY_FIRST --env production
  edgemint key generate --activate-in 1h | npx wrangler secret put SIGNING_KEY_NEXT --env production")]
pub(crate) struct KeyGenerate {
    /// The algorithm
    #[arg(long, value_enum, default_value = "ES256")]
    pub(crate) alg: Alg,
    /// When it begins to sign: 0s at once; 1h when another key signs now, so that everybody has fetched
    /// the new one before they meet it
    #[arg(long, value_name = "TIME", value_parser = Lifetime::parse, default_value = "0s")]
    pub(crate) activate_in: Lifetime,
    /// The key ID, instead of the thumbprint: 1 to 128 characters of printable ASCII
    #[arg(long, value_parser = key_id)]
    pub(crate) kid: Option<String>,
    /// Write the key into this new file, which its owner alone may read, and not to stdout
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

const RSA_BITS: usize = 2048;

/// The members of `SIGNING_KEY_<NAME>`, in the order in which they are printed.
#[derive(Serialize)]
struct PrivateJwk<'a> {
    #[serde(flatten)]
    key: &'a JsonWebKey<'a>,
    alg: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
    nbf: u64,
}

/// What `--json` prints when the key is in a file.
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
                    .map_err(|error| anyhow::anyhow!("the key that was made {error}"))?;
                output.result_json(&Made { key_file: &file, alg: key.alg().name(), kid: key.kid(), nbf })?;
            }
            format!("in {}", file.display())
        }
        None => {
            output.result_verbatim(&jwk)?;
            "shown this once".to_owned()
        }
    };
    let when = match args.activate_in.seconds() {
        0 => "It signs from now on, unless a newer key does.".to_owned(),
        _ => format!(
            "It is published at once, and signs in {} (at {nbf}, in seconds since 1970).",
            args.activate_in
        ),
    };
    output.say(format_args!(
        "A private key, {shown}. Put it into a secret of the Worker, at the prompt of this command or \
         through a pipe:\n  npx wrangler secret put SIGNING_KEY_<NAME> --env production"
    ));
    output.say(when);
    Ok(ExitCode::SUCCESS)
}

/// A new private key, as the line of JSON that a secret holds.
pub(crate) fn make(alg: Alg, kid: Option<&str>, nbf: u64, host: &Host) -> Result<Zeroizing<String>> {
    match alg {
        Alg::Es256 => {
            let secret = Zeroizing::new(host.random_bytes::<32>()?);
            // Of 2^256 numbers fewer than 2^225 are not below the order of the curve.
            let key = p256::ecdsa::SigningKey::from_slice(secret.as_slice());
            let key = key.context("the random bytes make no key: try again")?;
            print(&JsonWebKey::from(&key), "ES256", kid, nbf)
        }
        Alg::EdDsa => {
            let secret = Zeroizing::new(host.random_bytes::<32>()?);
            let key = ed25519_dalek::SigningKey::from_bytes(&secret);
            print(&JsonWebKey::from(&key), "EdDSA", kid, nbf)
        }
        Alg::Rs256 => {
            let mut key =
                rsa::RsaPrivateKey::new(&mut Random(host), RSA_BITS).context("no RSA key could be made")?;
            key.precompute().context("no RSA key could be made")?;
            print(&with_crt_values(&key)?, "RS256", kid, nbf)
        }
    }
}

/// The line that is printed: read back by the parser that the Worker uses, which also knows the thumbprint.
fn print(key: &JsonWebKey<'_>, alg: &'static str, kid: Option<&str>, nbf: u64) -> Result<Zeroizing<String>> {
    let line = |kid| {
        serde_json::to_string(&PrivateJwk { key, alg, kid, nbf })
            .map(Zeroizing::new)
            .context("no JSON came out")
    };
    let with_thumbprint = SigningKey::parse("SIGNING_KEY", &line(kid)?)
        .map_err(|error| anyhow::anyhow!("the key that was made {error}"))?;
    let line = line(Some(with_thumbprint.kid()))?;
    let read = SigningKey::parse("SIGNING_KEY", &line);
    let same = read.is_ok_and(|read| {
        (read.kid(), read.alg(), read.nbf()) == (with_thumbprint.kid(), with_thumbprint.alg(), nbf)
    });
    ensure!(same, "the key that was made cannot be read back");
    Ok(line)
}

/// RFC 7518 §6.3.2: WebCrypto wants the prime factors and the CRT values, which jwt-compact leaves out.
fn with_crt_values(key: &rsa::RsaPrivateKey) -> Result<JsonWebKey<'_>> {
    let bytes = |n: &rsa::BigUint| SecretBytes::owned(n.to_bytes_be());
    let mut jwk = JsonWebKey::from(key);
    if let JsonWebKey::Rsa { private_parts: Some(parts), .. } = &mut jwk
        && let (Some(dp), Some(dq), Some(qi)) = (key.dp(), key.dq(), key.crt_coefficient())
    {
        parts.p_crt_exponent = Some(bytes(dp));
        parts.q_crt_exponent = Some(bytes(dq));
        parts.q_crt_coefficient = Some(bytes(&qi));
        return Ok(jwk);
    }
    bail!("the RSA key that was made lacks CRT values")
}

/// The host's random source, as the `rsa` crate asks for it.
struct Random<'a>(&'a Host);

impl RngCore for Random<'_> {
    fn next_u32(&mut self) -> u32 {
        impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, buffer: &mut [u8]) {
        // A machine without randomness must not make keys, and this trait cannot say so otherwise.
        #[expect(clippy::expect_used, reason = "no error can be returned here, and none may be ignored")]
        (self.0.random)(buffer).expect("this machine gives no random bytes");
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), Error> {
        (self.0.random)(buffer).map_err(Error::new)
    }
}

impl CryptoRng for Random<'_> {}
