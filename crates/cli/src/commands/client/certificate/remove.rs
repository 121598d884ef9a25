//! `edgemint client certificate remove`: removes certificates of a client.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args as ClapArgs;
use edgemint_issuer::ClientRecord;
use serde::Serialize;

use crate::commands::client::withdrawn::RevokeTokens;
use crate::deployment::session::Session;
use crate::flags::client::ClientChange;
use crate::records::change_one;
use crate::records::change_one::{Said, Which};
use crate::terminal::words::{listed, some_of};

/// Remove certificates from a client
///
/// Once the removal takes effect, these certificates no longer authenticate the client. Access tokens that the client
/// already has stay valid until they expire, unless you pass --revoke-tokens.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint client certificate remove billing c2 --env production   (`client certificate list` prints the IDs)
  edgemint client certificate remove billing c2 --revoke-tokens --env production   (the private key has leaked)")]
pub(crate) struct ClientCertificateRemove {
    #[command(flatten)]
    pub(crate) change: ClientChange,
    /// IDs of the certificates
    #[arg(required = true, value_name = "CERTIFICATE")]
    pub(crate) certificates: Vec<String>,
    #[command(flatten)]
    pub(crate) revoke: RevokeTokens,
}

/// The members that `--json` prints.
#[derive(Serialize)]
struct Removed {
    certificates: Vec<String>,
    not_before: Option<u64>,
}

pub(crate) fn run(
    args: &ClientCertificateRemove,
    Session { config, host, output }: Session<'_>,
) -> Result<ExitCode> {
    let typed = &args.change;
    let which = Which { id: &typed.id, dry_run: typed.dry_run, target: &typed.target };
    let now = host.now;
    change_one::run(&which, Session { config, host, output }, |record: &mut ClientRecord, place| {
        remove(record, &args.certificates)?;
        args.revoke.apply(record, now);
        let (id, target) = (&typed.id, &place.project.target);
        let removed = match args.certificates.as_slice() {
            [one] => format!("The certificate {one} of the client {id} in {target} is removed"),
            all => format!("The certificates {} of the client {id} in {target} are removed", listed(all, "")),
        };
        let gone = (!record.can_authenticate())
            .then(|| "the client cannot authenticate now, so it gets no token".to_owned());
        Ok(Said {
            what: Removed { certificates: args.certificates.clone(), not_before: record.not_before },
            already: removed.clone(),
            done: removed,
            notes: vec![args.revoke.note(record, place.project, now)?],
            warnings: gone.into_iter().collect(),
        })
    })
}

/// Removes the certificates from the record. Fails if it lacks one of them.
fn remove(record: &mut ClientRecord, certificates: &[String]) -> Result<()> {
    let known: Vec<&str> = record.certificates.iter().map(|one| one.id.as_str()).collect();
    if let Some(unknown) = certificates.iter().find(|id| !known.contains(&id.as_str())) {
        let known = if known.is_empty() { "none".to_owned() } else { some_of(&known) };
        bail!(
            "cannot find the certificate {unknown} of the client {}. Nothing was changed. Its certificates: {known}.",
            record.id
        );
    }
    record.certificates.retain(|one| !certificates.contains(&one.id));
    Ok(())
}

#[cfg(test)]
mod tests {
    use edgemint_issuer::{CertificateMatch, ClientCertificate, ClientId};

    use super::*;

    #[test]
    fn all_are_removed_or_none() {
        let mut record = ClientRecord::new(ClientId::parse("a").expect("an ID"), "A");
        record.certificates = ["c1", "c2", "c3"]
            .map(|id| ClientCertificate {
                id: id.to_owned(),
                created: 1,
                r#match: CertificateMatch::Sha256(id.repeat(30)),
            })
            .into();
        let ids =
            |record: &ClientRecord| record.certificates.iter().map(|c| c.id.clone()).collect::<Vec<_>>();
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let unknown = remove(&mut record, &names(&["c1", "c4"])).expect_err("c4 is not there").to_string();
        assert!(unknown.contains("the certificate c4") && unknown.contains("c1, c2, c3"), "{unknown}");
        assert_eq!(ids(&record), ["c1", "c2", "c3"]);
        remove(&mut record, &names(&["c3", "c1"])).expect("they are there");
        assert_eq!(ids(&record), ["c2"]);
    }
}
