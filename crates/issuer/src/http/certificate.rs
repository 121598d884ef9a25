//! The client certificate of a TLS connection, as the network in front of the host reports it (RFC 8705).

use serde::Deserialize;

use crate::error::certificate::CertificateFlaw;
use crate::grammar::limits::MAX_CERTIFICATE;
use crate::records::certificate::is_thumbprint;

/// A certificate whose private key the sender has, because the TLS handshake proves that. It is within its
/// validity, and not revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Certificate {
    /// Whether an authority that the hostname trusts issued it.
    pub(crate) is_verified: bool,
    /// The subject, in the form of RFC 2253.
    pub(crate) subject: String,
    /// The issuer, in the same form.
    pub(crate) issuer: String,
    /// Its SHA-256, in base64url.
    pub(crate) thumbprint: String,
}

/// The report, in the form in which `src/entry.js` writes it: the values of `request.cf.tlsClientAuth`, and the
/// SHA-256 of the certificate.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Report {
    verified: String,
    revoked: String,
    subject: String,
    issuer: String,
    not_before: String,
    not_after: String,
    sha256: String,
}

impl Certificate {
    /// Reads the report about the certificate of a request at `now` (seconds since 1970).
    pub(crate) fn read(report: &str, now: u64) -> Result<Self, CertificateFlaw> {
        if report.len() > MAX_CERTIFICATE {
            return Err(CertificateFlaw::Unreadable);
        }
        let report: Report = serde_json::from_str(report).map_err(|_| CertificateFlaw::Unreadable)?;
        let [from, to] = [&report.not_before, &report.not_after].map(|time| seconds_of(time));
        let (from, to) = from.zip(to).ok_or(CertificateFlaw::Unreadable)?;
        if !is_thumbprint(&report.sha256) {
            return Err(CertificateFlaw::Unreadable);
        }
        // A revoked certificate is still reported as verified.
        if report.revoked != "0" {
            return Err(CertificateFlaw::Revoked);
        }
        if !(from..=to).contains(&now) {
            return Err(CertificateFlaw::OutsideValidity);
        }
        Ok(Self {
            is_verified: report.verified == "SUCCESS",
            subject: report.subject,
            issuer: report.issuer,
            thumbprint: report.sha256,
        })
    }
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A time in OpenSSL's form, `Dec  4 23:59:59 2025 GMT`, in seconds since 1970. A day of one digit has two
/// spaces before it.
fn seconds_of(time: &str) -> Option<u64> {
    let bytes: &[u8; 24] = time.as_bytes().try_into().ok()?;
    let number = |from: usize, to: usize| -> Option<u64> {
        let digits = bytes.get(from..to)?;
        digits.iter().all(u8::is_ascii_digit).then_some(())?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    };
    let is_spaced = [3, 6, 15, 20].iter().all(|at| bytes.get(*at) == Some(&b' '))
        && [9, 12].iter().all(|at| bytes.get(*at) == Some(&b':'));
    if !is_spaced || time.get(21..) != Some("GMT") {
        return None;
    }
    let month = time.get(..3).and_then(|name| MONTHS.iter().position(|month| *month == name))?;
    let day = if bytes.get(4) == Some(&b' ') { number(5, 6) } else { number(4, 6).filter(|day| *day >= 10) };
    let (day, year) = (day?, number(16, 20)?);
    let (hour, minute, second) = (number(7, 9)?, number(10, 12)?, number(13, 15)?);
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let length = |month: usize| match month {
        1 if is_leap(year) => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    };
    let is_date = year >= 1970 && (1..=length(month)).contains(&day);
    if !is_date || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let years: u64 = (1970..year).map(|year| if is_leap(year) { 366 } else { 365 }).sum();
    let months: u64 = (0..month).map(length).sum();
    Some((((years + months + day - 1) * 24 + hour) * 60 + minute) * 60 + second)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REPORT: &str = r#"{"verified":"SUCCESS","revoked":"0","subject":"CN=a","issuer":"CN=ca",
        "not_before":"Jan  1 00:00:00 2026 GMT","not_after":"Dec 31 23:59:59 2026 GMT",
        "sha256":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#;

    const FROM: u64 = 1_767_225_600;

    const TO: u64 = 1_798_761_599;

    #[test]
    fn a_time_is_read_to_the_second() {
        for (time, seconds) in [
            ("Jan  1 00:00:00 1970 GMT", 0),
            ("Dec  4 23:59:59 2025 GMT", 1_764_892_799),
            ("Jan  1 00:00:00 2026 GMT", FROM),
            ("Dec 31 23:59:59 2026 GMT", TO),
            ("Feb 29 12:00:00 2028 GMT", 1_835_438_400),
            ("Mar  1 00:00:00 2100 GMT", 4_107_542_400),
            ("Feb 28 00:00:00 2100 GMT", 4_107_456_000),
            ("Dec 31 23:59:60 2016 GMT", 1_483_228_800),
            ("Dec 31 23:59:59 9999 GMT", 253_402_300_799),
        ] {
            assert_eq!(seconds_of(time), Some(seconds), "{time}");
        }
        for none in [
            "",
            "Dec 4 23:59:59 2025 GMT",
            "Dec 04 23:59:59 2025 GMT",
            "Dec  0 23:59:59 2025 GMT",
            "Dec 32 23:59:59 2025 GMT",
            "Feb 29 23:59:59 2026 GMT",
            "Feb 29 23:59:59 2100 GMT",
            "Apr 31 23:59:59 2026 GMT",
            "dec  4 23:59:59 2025 GMT",
            "Dec  4 24:00:00 2025 GMT",
            "Dec  4 23:60:59 2025 GMT",
            "Dec  4 23:59:61 2025 GMT",
            "Dec  4 23:59:59 1969 GMT",
            "Dec  4 23:59:59 2025 UTC",
            "Dec  4 23:59:59 2025 GMT ",
            "Dec  4 23-59-59 2025 GMT",
            "Dec  4 23:59:59 +025 GMT",
            "2025-12-04T23:59:59Z",
            "D\u{e9}c 4 23:59:59 2025 GMT",
        ] {
            assert_eq!(seconds_of(none), None, "{none}");
        }
    }

    #[test]
    fn a_certificate_is_used_within_its_validity() {
        let read = |from: &str, to: &str, now| Certificate::read(&REPORT.replace(from, to), now);
        let good = read("", "", FROM).unwrap();
        assert!(good.is_verified);
        assert_eq!(
            (good.subject.as_str(), good.issuer.as_str(), good.thumbprint.len()),
            ("CN=a", "CN=ca", 43)
        );
        assert_eq!(read("", "", TO), Ok(good));
        for now in [0, FROM - 1, TO + 1, u64::MAX] {
            assert_eq!(read("", "", now), Err(CertificateFlaw::OutsideValidity), "{now}");
        }
        for other in ["NONE", "FAILED:self signed certificate", "success", ""] {
            assert!(!read("SUCCESS", other, FROM).unwrap().is_verified, "{other}");
        }
        for revoked in [r#""revoked":"1""#, r#""revoked":"""#, r#""revoked":"x""#] {
            assert_eq!(read(r#""revoked":"0""#, revoked, FROM), Err(CertificateFlaw::Revoked), "{revoked}");
        }
        for (from, to) in [
            (r#""verified":"SUCCESS","#, ""),
            (r#""revoked":"0""#, r#""revoked":0"#),
            (r#""subject""#, r#""sub""#),
            ("Jan  1", "Jan 01"),
            ("2026 GMT\",\n", "26 GMT\",\n"),
            ("sha256\":\"A", "sha256\":\""),
            ("sha256\":\"A", "sha256\":\"="),
            ("{", "["),
            ("}", ",\"more\":1}"),
        ] {
            assert_eq!(read(from, to, FROM), Err(CertificateFlaw::Unreadable), "{from} -> {to}");
        }
        let longest = format!("CN=a{}", "a".repeat(4096 - REPORT.len()));
        assert_eq!(read("CN=a", &longest, FROM).unwrap().subject, longest);
        let longer = format!("{longest}a");
        assert_eq!(read("CN=a", &longer, FROM), Err(CertificateFlaw::Unreadable));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".*", time in "[A-Z][a-z]{2} [ 0-3][0-9] [0-2][0-9]:[0-6][0-9]:[0-6][0-9] [0-9]{4} GMT") {
            let _ = Certificate::read(&text, 0);
            let _ = seconds_of(&text);
            let _ = seconds_of(&time);
        }
    }
}
