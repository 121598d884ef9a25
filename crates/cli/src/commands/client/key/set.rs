//! `edgemint client key set`: sets which assertions of a client are accepted.

use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::{ArgGroup, Args as ClapArgs, ValueEnum};
use edgemint_issuer::{
    AssertionAudience, ClientRecord, LONGEST_ASSERTION_LIFETIME, Lifetime, SHORTEST_ASSERTION_LIFETIME,
};
use serde::Serialize;

use crate::commands::client::key::list::settings;
use crate::deployment::session::Session;
use crate::flags::client::ClientChange;
use crate::records::change_one;
use crate::records::change_one::{Said, Which};

/// Set which assertions of a client are accepted
///
/// The settings apply to all keys of the client.
#[derive(Debug, ClapArgs)]
#[command(group(ArgGroup::new("what").required(true).multiple(true).args(["assertion_audience", "assertion_lifetime"])))]
#[command(after_help = "\
Examples:
  edgemint client key set billing --assertion-lifetime 60s --env production
  edgemint client key set billing --assertion-audience token-endpoint --env production   (for Spring, Authlib)")]
pub(crate) struct ClientKeySet {
    #[command(flatten)]
    pub(crate) change: ClientChange,
    /// Accepted audience (`aud`) of the client's assertions
    #[arg(long, value_enum)]
    pub(crate) assertion_audience: Option<Audience>,
    /// Maximum lifetime of the client's assertions: 30s to 1h, or default (5m)
    #[arg(long, value_name = "TIME", value_parser = lifetime)]
    pub(crate) assertion_lifetime: Option<Setting>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Audience {
    /// Only the issuer, as FAPI 2.0 requires
    Issuer,
    /// The issuer, or the URL of the token endpoint
    TokenEndpoint,
}

impl Audience {
    /// The value in the record.
    fn kept(self) -> Option<AssertionAudience> {
        match self {
            Self::Issuer => None,
            Self::TokenEndpoint => Some(AssertionAudience::TokenEndpoint),
        }
    }
}

/// A lifetime, or the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Setting(Option<Lifetime>);

fn lifetime(text: &str) -> Result<Setting, String> {
    let bounds = SHORTEST_ASSERTION_LIFETIME..=LONGEST_ASSERTION_LIFETIME;
    match Lifetime::parse(text) {
        _ if text == "default" => Ok(Setting(None)),
        Ok(lifetime) if bounds.contains(&lifetime) => Ok(Setting(Some(lifetime))),
        Ok(_) => Err("must be from 30s to 1h".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// The members that `--json` prints.
#[derive(Serialize)]
struct Assertions {
    assertion_audience: Option<AssertionAudience>,
    assertion_lifetime: Option<u64>,
}

pub(crate) fn run(args: &ClientKeySet, session: Session<'_>) -> Result<ExitCode> {
    let typed = &args.change;
    let which = Which { id: &typed.id, dry_run: typed.dry_run, target: &typed.target };
    change_one::run(&which, session, |record: &mut ClientRecord, place| {
        ensure!(
            record.has_keys(),
            "cannot set the assertions of the client {}: it has no keys. Add one with `edgemint client key add`.",
            typed.id
        );
        if let Some(audience) = args.assertion_audience {
            record.assertion_audience = audience.kept();
        }
        if let Some(Setting(lifetime)) = args.assertion_lifetime {
            record.assertion_lifetime = lifetime.map(Lifetime::seconds);
        }
        let (id, target) = (&typed.id, &place.project.target);
        let endpoint = record.assertion_audience.map(|_| {
            "the audience of an assertion should be the issuer. Configure the client to send it, and run the command \
             again with --assertion-audience issuer"
                .to_owned()
        });
        Ok(Said {
            what: Assertions {
                assertion_audience: record.assertion_audience,
                assertion_lifetime: record.assertion_lifetime,
            },
            done: format!(
                "Changed the client {id} in {target}. Its assertions can have {}",
                settings(record)
            ),
            already: format!("The client {id} in {target} already has these settings"),
            notes: Vec::new(),
            warnings: endpoint.into_iter().collect(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_is_within_the_bounds_of_the_record() {
        assert_eq!(lifetime("default"), Ok(Setting(None)));
        for (text, seconds) in [("30s", 30), ("1h", 3600)] {
            assert_eq!(lifetime(text), Ok(Setting(Some(Lifetime::from_seconds(seconds)))));
        }
        assert!(lifetime("29s").is_err() && lifetime("61m").is_err() && lifetime("x").is_err());
    }
}
