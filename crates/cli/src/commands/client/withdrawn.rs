//! The tokens of a client after a key or a rule was removed: how long they are valid, and their revocation.

use anyhow::Result;
use clap::Args as ClapArgs;
use edgemint_issuer::{ClientRecord, Lifetime};

use crate::commands::key::rotate::longest_token;
use crate::deployment::delay::Delay;
use crate::deployment::project::Project;
use crate::terminal::when::utc;

/// Whether the tokens of the client are revoked, too.
#[derive(Debug, Clone, Copy, ClapArgs)]
#[group(skip)]
pub(crate) struct RevokeTokens {
    /// Also revoke all tokens that were issued to the client
    #[arg(long)]
    pub(crate) revoke_tokens: bool,
}

impl RevokeTokens {
    /// Revokes the tokens that were issued up to `now`, if the flag says so. Never moves the time back: another
    /// operator's clock can be ahead.
    pub(crate) fn apply(self, record: &mut ClientRecord, now: u64) {
        if self.revoke_tokens {
            record.not_before = record.not_before.max(Some(now));
        }
    }

    /// The sentence about the tokens that the client has.
    pub(crate) fn note(self, record: &ClientRecord, project: &Project, now: u64) -> Result<String> {
        let until = utc(ends(record, project, now)?);
        Ok(if self.revoke_tokens {
            format!(
                "Once the change takes effect, introspection reports the tokens that were issued to the client up to now \
                 as inactive. APIs that verify tokens offline accept them until they expire, at the latest at {until}."
            )
        } else {
            format!(
                "Until the change takes effect, the client can still get tokens this way. Its tokens are valid until \
                 they expire, at the latest at {until}. `edgemint client revoke-tokens` revokes them."
            )
        })
    }
}

/// The last second at which a token can be valid that the client gets before a change of its record takes effect.
pub(crate) fn ends(record: &ClientRecord, project: &Project, now: u64) -> Result<u64> {
    let longest = longest_token(project)?;
    let lifetime =
        record.token_lifetime.map_or(longest, |seconds| Lifetime::from_seconds(seconds).min(longest));
    Ok(now.saturating_add(Delay::of(project).seconds()).saturating_add(lifetime.seconds()))
}
