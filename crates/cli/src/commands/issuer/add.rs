//! `edgemint issuer add`: registers an issuer whose tokens identify workloads.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use clap::Args as ClapArgs;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use edgemint_issuer::{
    ClientId, IssuerKeys, KeySetUrl, Lifetime, MAX_AGES, Platform, SignatureAlgorithm, TrustedIssuer,
    TrustedIssuerId,
};
use edgemint_printable::shell;
use serde::Serialize;

use crate::commands::issuer::{discovery, presets};
use crate::deployment::delay::Delay;
use crate::deployment::local_server;
use crate::deployment::project::{Project, Target};
use crate::deployment::session::Session;
use crate::flags::alg::{OF_ISSUERS, signature_algorithm};
use crate::flags::target::TargetArgs;
use crate::host::Host;
use crate::records::change;
use crate::records::kv::Records;
use crate::records::view::IssuerView;
use crate::terminal::output::sentences;
use crate::terminal::words::counted;

/// Trust an issuer to identify workloads
///
/// The URL is the claim `iss` of the issuer's tokens, byte for byte. The presets are github
/// (https://token.actions.githubusercontent.com), gitlab (https://gitlab.com) and gcp (https://accounts.google.com).
/// The command fetches the issuer's discovery document and its keys. No client accepts a token of the issuer until
/// you run `edgemint client trust`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint issuer add github --env production
  edgemint issuer add https://gitlab.example.com --platform gitlab --env production
  edgemint issuer add https://kubernetes.default.svc --platform kubernetes --jwks jwks.json --env production")]
pub(crate) struct IssuerAdd {
    /// URL of the issuer, or a preset: github, gitlab, gcp
    #[arg(value_name = "URL|PRESET", value_parser = presets::parse)]
    pub(crate) id: TrustedIssuerId,
    /// Display name of the issuer [default: the URL, or the name of the preset]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Platform of the issuer. It determines what a rule must pin, and the defaults of the flags below [default:
    /// the platform of a known URL, else custom]
    #[arg(long, value_parser = PossibleValuesParser::new(Platform::ALL.map(Platform::name)).try_map(|name| platform(&name)))]
    pub(crate) platform: Option<Platform>,
    /// File with the issuer's JWKS, for an issuer that the Worker cannot reach
    #[arg(long, value_name = "FILE", conflicts_with = "jwks_uri")]
    pub(crate) jwks: Option<PathBuf>,
    /// URL of the issuer's JWKS, for an issuer without a discovery document
    #[arg(long, value_name = "URL", value_parser = KeySetUrl::parse)]
    pub(crate) jwks_uri: Option<KeySetUrl>,
    /// Algorithm of the issuer's tokens. Repeatable [default: the algorithms of the platform]
    #[arg(long = "alg", value_parser = PossibleValuesParser::new(OF_ISSUERS).try_map(|name| signature_algorithm(&name)))]
    pub(crate) algs: Vec<SignatureAlgorithm>,
    /// Maximum age and lifetime of the issuer's tokens: 60s to 25h [default: that of the platform]
    #[arg(long, value_name = "TIME", value_parser = max_age)]
    pub(crate) max_age: Option<Lifetime>,
    /// Accept each token only once. It then needs the claim `jti` [default: true for github, else false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) single_use: Option<bool>,
    /// Replace the record of an issuer that is already registered
    #[arg(long)]
    pub(crate) replace: bool,
    /// Print the record that would be written, but do not write it
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

fn platform(name: &str) -> Result<Platform, String> {
    let found = Platform::ALL.into_iter().find(|platform| platform.name() == name);
    found.ok_or_else(|| "edgemint does not know this platform".to_owned())
}

fn max_age(text: &str) -> Result<Lifetime, String> {
    match Lifetime::parse(text) {
        Ok(age) if MAX_AGES.contains(&age) => Ok(age),
        Ok(_) => Err("must be from 60s to 25h".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// The record to write.
#[derive(Debug)]
struct Plan {
    record: TrustedIssuer,
    /// The number of keys that can verify a token.
    usable: usize,
    warnings: Vec<String>,
}

/// Decides the record. `keys`: the keys to store, and `set`: the JWKS that they are or lead to.
fn plan(args: &IssuerAdd, stored: Option<&TrustedIssuer>, keys: IssuerKeys, set: &str) -> Result<Plan> {
    let id = &args.id;
    let known = presets::platform(id);
    if let (Some(known), Some(typed)) = (known, args.platform)
        && known != typed
    {
        bail!(
            "cannot register {id} as {}: only {} uses this URL. Leave out --platform.",
            typed.name(),
            known.name()
        );
    }
    let platform = args.platform.or(known).unwrap_or(Platform::Custom);
    let name = args.name.as_deref().or_else(|| presets::name(id)).unwrap_or(id.as_str());
    let mut record = match stored {
        // It stays disabled, and no other operator overwrites the change unnoticed.
        Some(stored) => change::next(stored),
        None => TrustedIssuer::new(id.clone(), name, platform, keys.clone()),
    };
    (record.name, record.platform, record.keys) = (name.to_owned(), platform, keys);
    record.algs = if args.algs.is_empty() { platform.algs().to_vec() } else { args.algs.clone() };
    record.max_age = args.max_age.unwrap_or(platform.max_age()).seconds();
    record.single_use = args.single_use.unwrap_or(platform.single_use());
    let usable = discovery::usable(set, platform.key_uses(), &record.algs)
        .with_context(|| format!("cannot register {id}"))?;
    change::must_be_storable(&record)?;
    let mut warnings = warnings(&record);
    warnings.extend(stored.and_then(|stored| moved(stored, &record)));
    Ok(Plan { record, usable, warnings })
}

/// The warning about keys at another URL than before.
fn moved(stored: &TrustedIssuer, record: &TrustedIssuer) -> Option<String> {
    match (&stored.keys, &record.keys) {
        (IssuerKeys::JwksUri(before), IssuerKeys::JwksUri(after)) if before != after => Some(format!(
            "the keys of {} are now fetched from {after}. Before, they were fetched from {before}",
            record.id
        )),
        _ => None,
    }
}

fn warnings(record: &TrustedIssuer) -> Vec<String> {
    let id = &record.id;
    let custom = (record.platform == Platform::Custom).then(|| {
        format!(
            "edgemint does not know what the tokens of {id} are like, so it cannot check that a rule is narrow enough. \
             If it is of a known platform, pass --platform"
        )
    });
    let platform = record.platform;
    let reusable = (platform.single_use() && !record.single_use).then(|| {
        format!("each token of {id} can be used again until it expires, although {} issues a new one for each request",
            platform.name())
    });
    let uploaded = matches!(record.keys, IssuerKeys::Jwks(_)).then(|| {
        format!(
            "the keys of {id} are stored with the record. When the issuer changes its keys, run the command again with \
             --replace"
        )
    });
    [custom, reusable, uploaded].into_iter().flatten().collect()
}

/// The result: JSON for scripts, sentences for people.
#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    issuer: IssuerView<'a>,
    usable_keys: usize,
    #[serde(rename = "seen_after_seconds")]
    delay: Delay,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    warnings: &'a [String],
    #[serde(skip)]
    target: &'a Target,
    #[serde(skip)]
    replaced: bool,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let IssuerView { id, platform, keys, max_age, single_use, disabled, .. } = &self.issuer;
        let (done, to) = if self.replaced { ("Replaced", "in") } else { ("Added", "to") };
        let usable = counted(self.usable_keys, "usable key");
        let keys = match keys {
            IssuerKeys::JwksUri(url) => format!("{usable} at {url}"),
            IssuerKeys::Jwks(_) => format!("{usable} in the record"),
        };
        let uses =
            if *single_use { "Each token can be used once" } else { "A token can be used several times" };
        sentences(
            f,
            [
                format!("{done} the trusted issuer {id} {to} {}.", self.target),
                format!(
                    "Its platform is {}. It has {keys}. {uses}, up to {} after its issue.",
                    platform.name(),
                    Lifetime::from_seconds(*max_age)
                ),
                self.delay.to_string(),
            ],
        )?;
        sentences(f, self.warnings.iter().map(|warning| format!("warning: {warning}")))?;
        let asleep =
            "The issuer is disabled. Its tokens are rejected until you run `edgemint issuer enable`.";
        sentences(f, disabled.then_some(asleep))?;
        let next = format!(
            "To accept its tokens for a client, run `edgemint client trust CLIENT {}`.",
            rule_flags(*platform, id)
        );
        sentences(f, (!self.replaced).then_some(next))
    }
}

/// The flags of `client trust` for an issuer of this platform.
fn rule_flags(platform: Platform, id: &TrustedIssuerId) -> String {
    match platform {
        Platform::Github => "--github OWNER/REPO --environment NAME".to_owned(),
        Platform::Gitlab => "--gitlab GROUP/PROJECT --project-id NUMBER".to_owned(),
        Platform::Kubernetes => {
            format!("{} --service-account NAMESPACE/NAME", shell::option("--kubernetes", id.as_str()))
        }
        Platform::Aws => "--aws ARN".to_owned(),
        Platform::Gcp => "--gcp UNIQUE_ID".to_owned(),
        Platform::Azure => "--azure TENANT --object-id ID".to_owned(),
        Platform::Spiffe => "--spiffe SPIFFE_ID".to_owned(),
        Platform::Custom => format!("{} --subject SUBJECT", shell::option("--issuer", id.as_str())),
    }
}

pub(crate) fn run(args: &IssuerAdd, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    let project = Project::find(config, &args.target, host)?;
    let id = &args.id;
    may_be_trusted(id, args.jwks_uri.as_ref(), &project)?;
    let records = Records::of(&project, host)?;
    let as_client = ClientId::parse(id.as_str()).ok().map(|id| id.kv_key());
    let (stored, others) = records.read_beside::<TrustedIssuer>(id, &[as_client])?;
    ensure!(
        !others.contains(&true),
        "cannot trust the issuer {id}: a client in {} has this ID. An assertion of the client would have the same `iss` \
         as a token of the issuer. Remove the client, or add it under another ID.",
        project.target
    );
    if stored.is_some() && !args.replace {
        bail!(
            "cannot add the issuer {id}: it exists in {}. To change it, add --replace. `edgemint issuer show {}` shows \
             it.",
            project.target,
            shell::last(id.as_str())
        );
    }
    // An unreadable record is replaced, too: --replace is the way to get rid of it.
    let stored = stored.and_then(Result::ok);
    let (keys, set) = keys(args, &project, host)?;
    let plan = plan(args, stored.as_ref(), keys, &set)?;
    if args.dry_run {
        change::preview(&records, &project, &plan.record, host, output)?;
        plan.warnings.iter().for_each(|warning| output.say(format_args!("warning: {warning}")));
        return Ok(ExitCode::SUCCESS);
    }
    match &stored {
        Some(stored) => change::replace(&records, &project, stored, &plan.record)?,
        None => records.write(&plan.record)?,
    }
    output.report(&Report {
        issuer: IssuerView::of(&plan.record),
        usable_keys: plan.usable,
        delay: Delay::of(&project),
        warnings: &plan.warnings,
        target: &project.target,
        replaced: stored.is_some(),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Fails for the deployment's own issuer, and for an issuer on this machine of a deployment that is elsewhere.
fn may_be_trusted(id: &TrustedIssuerId, jwks_uri: Option<&KeySetUrl>, project: &Project) -> Result<()> {
    let running = match project.target {
        Target::Local(_) => local_server::issuer(project),
        Target::Deployed(_) => project.issuer().map(str::to_owned),
    };
    let bare = |url: &str| url.trim_end_matches('/').to_owned();
    let mut own = running.iter().map(String::as_str).chain(project.issuer());
    ensure!(
        !own.any(|own| bare(own) == bare(id.as_str())),
        "cannot trust the issuer {id}: it is the ISSUER of this deployment, so every token of it could identify a \
         client."
    );
    let is_local = id.is_local() || jwks_uri.is_some_and(KeySetUrl::is_local);
    ensure!(
        !is_local || running.is_some_and(|own| own.starts_with("http://")),
        "cannot trust the issuer {id}: http is allowed only for an issuer on this machine, and only if ISSUER is on this \
         machine, too. Use https."
    );
    Ok(())
}

/// The keys to store, and the JWKS that they are or lead to.
fn keys(args: &IssuerAdd, project: &Project, host: &Host) -> Result<(IssuerKeys, String)> {
    if let Some(file) = &args.jwks {
        let text = std::fs::read_to_string(host.current_dir.join(file));
        let text = text.with_context(|| format!("cannot read {}", file.display()))?;
        let text = text.trim_start_matches('\u{feff}').to_owned();
        let jwks = serde_json::from_str(&text)
            .map_err(|_| anyhow!("cannot read {}: it is not JSON", file.display()))?;
        return Ok((IssuerKeys::Jwks(jwks), text));
    }
    let unreachable = || {
        format!(
            "cannot register {}. If the Worker cannot reach the issuer, download its key set, and pass it with --jwks",
            args.id
        )
    };
    let url = match &args.jwks_uri {
        Some(url) => url.clone(),
        None => discovery::discover(&args.id).with_context(unreachable)?,
    };
    may_be_trusted(&args.id, Some(&url), project)?;
    let set = discovery::fetch(&url).with_context(unreachable)?;
    Ok((IssuerKeys::JwksUri(url), set))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn args(id: &str) -> IssuerAdd {
        IssuerAdd {
            id: presets::parse(id).expect(id),
            name: None,
            platform: None,
            jwks: None,
            jwks_uri: None,
            algs: Vec::new(),
            max_age: None,
            single_use: None,
            replace: false,
            dry_run: false,
            target: TargetArgs { local: true, state: None, env: None },
        }
    }

    /// A key set with a key for each of RS256, PS256, ES256, ES384 and EdDSA.
    fn set() -> String {
        let [x, long] = [43, 64].map(|length| "A".repeat(length));
        let n = format!("{}w", "_".repeat(341));
        json!({ "keys": [
            { "kty": "RSA", "n": n, "e": "AQAB" },
            { "kty": "EC", "crv": "P-256", "x": x, "y": x },
            { "kty": "EC", "crv": "P-384", "x": long, "y": long },
            { "kty": "OKP", "crv": "Ed25519", "x": x },
        ] })
        .to_string()
    }

    fn url() -> IssuerKeys {
        IssuerKeys::JwksUri(KeySetUrl::parse("https://keys.example/jwks").expect("a URL"))
    }

    #[test]
    fn a_record_has_the_defaults_of_its_platform_unless_flags_say_otherwise() {
        let planned = |args: &IssuerAdd| plan(args, None, url(), &set()).expect("a plan");
        let github = planned(&args("github")).record;
        assert_eq!((github.platform, github.max_age, github.single_use), (Platform::Github, 900, true));
        assert_eq!((github.name.as_str(), github.algs), ("GitHub Actions", vec![SignatureAlgorithm::Rs256]));
        let mut other = args("https://ci.example.com");
        let custom = planned(&other);
        assert_eq!((custom.record.platform, custom.record.single_use), (Platform::Custom, false));
        assert!(custom.warnings[0].contains("pass --platform"), "{:?}", custom.warnings);
        other.platform = Some(Platform::Kubernetes);
        other.algs = vec![SignatureAlgorithm::Es384];
        other.max_age = Some(Lifetime::from_seconds(60));
        other.single_use = Some(true);
        let kubernetes = planned(&other);
        assert_eq!((kubernetes.usable, kubernetes.warnings.len()), (1, 0));
        assert_eq!((kubernetes.record.max_age, kubernetes.record.single_use), (60, true));
        let mut reusable = args("github");
        reusable.single_use = Some(false);
        assert!(planned(&reusable).warnings[0].contains("can be used again"));
        let uploaded = IssuerKeys::Jwks(serde_json::from_str(&set()).expect("JSON"));
        let uploaded = plan(&args("github"), None, uploaded, &set()).expect("a plan");
        assert!(uploaded.warnings[0].contains("--replace"));
    }

    #[test]
    fn a_known_url_has_no_other_platform_and_a_key_set_without_its_algorithm_is_refused() {
        let mut weaker = args("github");
        weaker.platform = Some(Platform::Custom);
        let refused = plan(&weaker, None, url(), &set()).expect_err("custom pins less").to_string();
        assert!(refused.contains("only github uses this URL"), "{refused}");
        let refused = plan(&args("github"), None, url(), r#"{"keys":[]}"#).expect_err("no key");
        assert!(format!("{refused:#}").contains("no usable key for RS256"), "{refused:#}");
    }

    #[test]
    fn a_replaced_record_stays_disabled_and_its_revision_grows() {
        let mut stored = plan(&args("github"), None, url(), &set()).expect("a plan").record;
        (stored.disabled, stored.revision, stored.max_age) = (true, 4, 60);
        stored.keys = IssuerKeys::JwksUri(KeySetUrl::parse("https://old.example/jwks").expect("a URL"));
        let plan = plan(&args("github"), Some(&stored), url(), &set()).expect("a plan");
        let told = "the keys of https://token.actions.githubusercontent.com are now fetched from \
                    https://keys.example/jwks. Before, they were fetched from https://old.example/jwks";
        assert_eq!(plan.warnings, [told]);
        let record = plan.record;
        assert_eq!((record.disabled, record.revision, record.max_age), (true, 5, 900));
    }

    #[test]
    fn the_own_issuer_and_one_of_this_machine_are_refused() {
        let toml = "[vars]\nISSUER = 'http://127.0.0.1:1'\n[env.e.vars]\nISSUER = 'https://tokens.example'";
        let deployed = Project::of_text(toml, Target::Deployed("e".to_owned())).expect("a project");
        let local = Project::of_text(toml, Target::Local("/nonexistent".into())).expect("a project");
        let told = |id: &str, project: &Project| {
            let id = TrustedIssuerId::parse(id).expect(id);
            may_be_trusted(&id, None, project).err().map(|error| error.to_string()).unwrap_or_default()
        };
        for own in ["https://tokens.example", "https://tokens.example/"] {
            assert!(told(own, &deployed).contains("it is the ISSUER"), "{own}");
        }
        assert!(told("http://127.0.0.1:2", &deployed).contains("Use https"));
        assert!(told("http://127.0.0.1:1/", &local).contains("it is the ISSUER"));
        assert_eq!(told("http://127.0.0.1:2", &local), "");
        assert_eq!(told("https://tokens.example", &local), "");
    }

    #[test]
    fn an_age_is_within_the_bounds_of_the_record() {
        assert_eq!(max_age("25h"), Ok(Lifetime::from_seconds(90_000)));
        assert!(max_age("59s").is_err() && max_age("26h").is_err() && max_age("x").is_err());
    }
}
