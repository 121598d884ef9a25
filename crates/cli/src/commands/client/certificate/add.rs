//! `edgemint client certificate add`: adds a certificate that authenticates a client, by its hash or by its names.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use clap::{ArgGroup, Args as ClapArgs};
use edgemint_issuer::{CertificateMatch, ClientCertificate, ClientRecord, MAX_CERTIFICATES};
use serde::Serialize;

use crate::commands::client::certificate::list::described;
use crate::crypto::certificate;
use crate::crypto::certificate::CertificateFacts;
use crate::deployment::session::Session;
use crate::flags::client::ClientChange;
use crate::records::bound::{is_newer, of_newer_record, without_mtls_host};
use crate::records::change_one::{Said, Which};
use crate::records::{change, change_one, new_client};
use crate::terminal::when::utc;

/// The longest distinguished name of a record, in bytes.
const MAX_NAME: usize = 1024;

/// Add a certificate that authenticates a client
///
/// FILE is the client's certificate in PEM (RFC 8705, `self_signed_tls_client_auth`). The record gets its SHA-256, so
/// any authority can have issued it, or the client itself. To replace a certificate, add the new one before the client
/// uses it, and then remove the old one.
///
/// With --subject-dn and --issuer-dn, every certificate with these names authenticates the client, if Cloudflare has
/// verified it for MTLS_HOST (`tls_client_auth`). So a renewed certificate needs no change. Both names must be those
/// that Cloudflare reports, byte for byte: `openssl x509 -in FILE -noout -subject -issuer -nameopt RFC2253` prints them.
///
/// The Worker looks at certificates only at MTLS_HOST. Workers that are older than this version of edgemint cannot read
/// the record, and reject the client. So deploy the Worker first.
#[derive(Debug, ClapArgs)]
#[command(
    override_usage = "edgemint client certificate add [OPTIONS] <--local|--env <NAME>> <ID> <FILE>\n       edgemint client certificate add [OPTIONS] <--local|--env <NAME>> <ID> --subject-dn <DN> --issuer-dn <DN>"
)]
#[command(group(ArgGroup::new("source").required(true).args(["file", "subject_dn"])))]
#[command(after_help = "\
Examples:
  edgemint client certificate add billing billing.pem --env production
  edgemint client certificate add billing --subject-dn 'CN=billing,O=Example' --issuer-dn 'CN=Example CA,O=Example' --env production")]
pub(crate) struct ClientCertificateAdd {
    #[command(flatten)]
    pub(crate) change: ClientChange,
    /// PEM file with the certificate of the client, and no other
    pub(crate) file: Option<PathBuf>,
    /// Subject of the client's certificates, in the form of RFC 2253
    #[arg(long, value_name = "DN", value_parser = name, requires = "issuer_dn")]
    pub(crate) subject_dn: Option<String>,
    /// Issuer of the client's certificates, in the form of RFC 2253
    #[arg(long, value_name = "DN", value_parser = name, requires = "subject_dn", conflicts_with = "file")]
    pub(crate) issuer_dn: Option<String>,
}

/// Rejects a distinguished name that is certainly not in the form of RFC 2253 (§2). The Worker compares bytes, so a name in
/// another form never matches.
fn name(text: &str) -> Result<String, String> {
    let wrong = |why: &str| {
        Err(format!(
            "{why}. Write the name as `openssl x509 -in FILE -noout -subject -issuer -nameopt RFC2253` prints it"
        ))
    };
    if !(1..=MAX_NAME).contains(&text.len()) {
        return wrong("a name has 1 to 1024 bytes");
    }
    if text.chars().any(char::is_control) {
        return wrong("a name has no control characters");
    }
    if text.starts_with('/') {
        return wrong("RFC 2253 separates the parts of a name with commas, not with slashes");
    }
    let mut parts = vec![String::new()];
    let mut is_escaped = false;
    for c in text.chars() {
        match (c, parts.last_mut()) {
            (',', Some(_)) if !is_escaped => parts.push(String::new()),
            (_, Some(part)) => part.push(c),
            (_, None) => {}
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    for part in &parts {
        let Some((kind, _)) = part.split_once('=') else {
            return wrong("each part of a name is TYPE=VALUE, as in CN=billing,O=Example");
        };
        if kind.is_empty() || !kind.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-')) {
            return wrong("RFC 2253 has no spaces around the commas and the type of a part");
        }
    }
    Ok(text.to_owned())
}

/// The new certificate.
#[derive(Debug)]
enum Source {
    File(CertificateFacts),
    Names { subject_dn: String, issuer_dn: String },
}

/// The change to make.
#[derive(Debug)]
struct Plan {
    after: ClientRecord,
    added: ClientCertificate,
    warnings: Vec<String>,
}

/// Decides the change of the stored record.
fn plan(stored: &ClientRecord, source: &Source, now: u64) -> Result<Plan> {
    let id = &stored.id;
    if stored.public {
        bail!("cannot add a certificate to the client {id}: a public client does not authenticate");
    }
    let mut warnings = Vec::new();
    let matched = match source {
        Source::File(facts) => {
            ensure!(
                now <= facts.not_after,
                "cannot add the certificate to the client {id}: it expired at {}. Pass a valid one.",
                utc(facts.not_after)
            );
            if now < facts.not_before {
                warnings.push(format!(
                    "the certificate authenticates the client only from {} on",
                    utc(facts.not_before)
                ));
            }
            CertificateMatch::Sha256(facts.sha256.clone())
        }
        Source::Names { subject_dn, issuer_dn } => {
            CertificateMatch::Names { subject_dn: subject_dn.clone(), issuer_dn: issuer_dn.clone() }
        }
    };
    if let Some(same) = stored.certificates.iter().find(|one| one.r#match == matched) {
        bail!("cannot add the certificate to the client {id}: it has the same as {}.", same.id);
    }
    ensure!(
        stored.certificates.len() < MAX_CERTIFICATES,
        "cannot add a certificate to the client {id}: it has {MAX_CERTIFICATES}, which is the maximum. Remove old ones \
         with `edgemint client certificate remove`."
    );
    let added = ClientCertificate { id: next_id(stored), created: now, r#match: matched };
    let mut after = stored.clone();
    after.certificates.push(added.clone());
    change::must_be_storable(&after)?;
    warnings.extend(new_client::keeps_secrets(&after, now));
    Ok(Plan { after, added, warnings })
}

/// An ID that no certificate of this client has had, including removed ones: each is added with a new revision, and its
/// number is at least the one before.
fn next_id(stored: &ClientRecord) -> String {
    let number = |one: &ClientCertificate| one.id.strip_prefix('c')?.parse::<u64>().ok();
    let last = stored.certificates.iter().filter_map(number).max().unwrap_or_default();
    format!("c{}", last.max(stored.revision).saturating_add(1))
}

/// The members that `--json` prints.
#[derive(Serialize)]
struct Added {
    certificate: ClientCertificate,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_after: Option<u64>,
}

pub(crate) fn run(
    args: &ClientCertificateAdd,
    Session { config, host, output }: Session<'_>,
) -> Result<ExitCode> {
    let typed = &args.change;
    let which = Which { id: &typed.id, dry_run: typed.dry_run, target: &typed.target };
    let source = match (&args.file, &args.subject_dn, &args.issuer_dn) {
        (Some(file), ..) => {
            let name = file.display();
            let read = std::fs::read(host.current_dir.join(file));
            let read = read.with_context(|| format!("cannot read {name}"))?;
            let facts = certificate::read(&read);
            Source::File(facts.with_context(|| format!("cannot use the certificate in {name}"))?)
        }
        (None, Some(subject_dn), Some(issuer_dn)) => {
            Source::Names { subject_dn: subject_dn.clone(), issuer_dn: issuer_dn.clone() }
        }
        (None, ..) => bail!("cannot add a certificate: pass a file, or --subject-dn and --issuer-dn"),
    };
    let now = host.now;
    change_one::run(&which, Session { config, host, output }, |record: &mut ClientRecord, place| {
        let was_newer = is_newer(record);
        let Plan { after, added, mut warnings } = plan(record, &source, now)?;
        *record = after;
        warnings.extend(without_mtls_host(place.project, ""));
        let (id, target) = (&typed.id, &place.project.target);
        let facts = if let Source::File(facts) = &source { Some(facts) } else { None };
        let validity = facts.map(|facts| {
            format!(
                "Its subject is {}. It is valid from {} to {}.",
                facts.subject,
                utc(facts.not_before),
                utc(facts.not_after)
            )
        });
        let mut notes: Vec<String> = validity.into_iter().collect();
        notes.extend((!was_newer).then(|| of_newer_record("rejects the client")));
        Ok(Said {
            done: format!(
                "The client {id} in {target} has the new certificate {} ({})",
                added.id,
                described(&added.r#match)
            ),
            already: format!("The client {id} in {target} already has the certificate {}", added.id),
            what: Added {
                certificate: added,
                subject: facts.map(|facts| facts.subject.clone()),
                not_before: facts.map(|facts| facts.not_before),
                not_after: facts.map(|facts| facts.not_after),
            },
            notes,
            warnings,
        })
    })
}

#[cfg(test)]
mod tests {
    use edgemint_issuer::{ClientId, SecretHash, StoredSecret};

    use super::*;

    const NOW: u64 = 1_000;

    fn client() -> ClientRecord {
        ClientRecord::new(ClientId::parse("a").expect("an ID"), "A")
    }

    fn file(name: char) -> Source {
        let sha256 = name.to_string().repeat(43);
        Source::File(CertificateFacts { sha256, subject: "CN=a".into(), not_before: 900, not_after: NOW })
    }

    #[test]
    fn each_certificate_gets_an_id_that_none_has_had() {
        let first = plan(&client(), &file('A'), NOW).expect("it is valid in its last second");
        assert_eq!((first.added.id.as_str(), first.added.created), ("c2", NOW));
        assert_eq!(first.warnings, [""; 0]);
        let mut stored = first.after;
        stored.revision = 7;
        let names = Source::Names { subject_dn: "CN=a".into(), issuer_dn: "CN=b".into() };
        let second = plan(&stored, &names, NOW).expect("another one");
        assert_eq!(second.added.id, "c8");
        stored.certificates[0].id = "c12".to_owned();
        assert_eq!(plan(&stored, &names, NOW).expect("another one").added.id, "c13");
    }

    #[test]
    fn what_cannot_authenticate_is_refused_and_weak_ways_are_told() {
        let refused = |record: &ClientRecord, now| {
            plan(record, &file('A'), now).map(|plan| plan.warnings).map_err(|error| error.to_string())
        };
        let expired = refused(&client(), NOW + 1).expect_err("it has expired");
        assert!(expired.contains("it expired at 1970-01-01 00:16:40 UTC"), "{expired}");
        let early = refused(&client(), 899).expect("it becomes valid");
        assert!(early.len() == 1 && early[0].contains("only from 1970-01-01 00:15:00 UTC on"), "{early:?}");
        let mut public = client();
        public.public = true;
        assert!(refused(&public, NOW).is_err_and(|told| told.contains("public client")));
        let same = plan(&client(), &file('A'), NOW).expect("it is the first").after;
        assert!(refused(&same, NOW).is_err_and(|told| told.contains("the same as c2")));
        let mut full = client();
        for name in "BCDEFGHI".chars() {
            full = plan(&full, &file(name), NOW).expect("up to eight").after;
        }
        assert!(refused(&full, NOW).is_err_and(|told| told.contains("it has 8, which is the maximum")));
        let mut with_secret = client();
        let hash = SecretHash::Sha256([0; 32]);
        with_secret.secrets.push(StoredSecret { id: "s1".into(), created: 1, expires: None, hash });
        let told = refused(&with_secret, NOW).expect("a warning");
        assert!(told.len() == 1 && told[0].contains("revoke-secret a s1"), "{told:?}");
    }

    #[test]
    fn a_name_in_another_form_is_refused() {
        for fine in [
            "CN=a",
            r"CN=a\, b,O=x",
            "CN=a+OU=b,O=Ex ample",
            "1.2.840.113549.1.9.1=#16",
            "CN=",
            r"O=a\\,CN=b",
        ] {
            assert_eq!(name(fine).as_deref(), Ok(fine));
        }
        for (other, told) in [
            ("", "1 to 1024 bytes"),
            (&"CN=a,".repeat(300) as &str, "1 to 1024 bytes"),
            ("/C=DE/CN=a", "not with slashes"),
            ("CN=a, O=x", "no spaces"),
            ("CN = a", "no spaces"),
            ("CN=a,", "TYPE=VALUE"),
            ("billing", "TYPE=VALUE"),
            (r"O=a\\, CN=b", "no spaces"),
            ("CN=a\n", "control characters"),
        ] {
            let refused = name(other).expect_err(other);
            assert!(refused.contains(told) && refused.contains("-nameopt RFC2253"), "{other}: {refused}");
        }
    }
}
