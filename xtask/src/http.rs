//! One GET over a plain connection, for the status alone: to learn that the Worker answers.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);

/// The status of the answer, when there is one.
pub(crate) fn status(port: u16, path: &str) -> Option<u16> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut head = [0_u8; 12];
    stream.read_exact(&mut head).ok()?;
    status_of(&String::from_utf8_lossy(&head))
}

fn status_of(head: &str) -> Option<u16> {
    head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()
}

/// Whether nothing listens on this port of 127.0.0.1.
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// A port that nothing listened on a moment ago, another one each time.
///
/// Not one that the system hands out by itself: between now and the server's start, it would hand it out again, to
/// another server's inner connections or even to whoever asks whether the server listens yet.
pub(crate) fn free_port() -> Option<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(u64::from(std::process::id()) * 7_919 % 12_000).unwrap_or_default();
    let mut candidates =
        (0..12_000).map(|_| 20_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed) % 12_000) % 12_000);
    candidates.find(|port| is_free(*port))
}

/// The path of an absolute URL, without a slash at its end: where the issuer's endpoints are.
pub(crate) fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default().trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::{free_port, is_free, path_of, status_of};
    use std::net::TcpListener;

    #[test]
    fn the_status_is_read() {
        assert_eq!(status_of("HTTP/1.1 503"), Some(503));
        assert_eq!(status_of("SSH-2.0-Open"), None);
    }

    #[test]
    fn a_port_in_use_is_not_free() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        assert!(!is_free(listener.local_addr().expect("an address").port()));
        let (one, two) = (free_port().expect("a port"), free_port().expect("another"));
        assert!(one != two && is_free(one) && is_free(two));
    }

    #[test]
    fn the_path_of_an_issuer() {
        assert_eq!(path_of("http://127.0.0.1:8787"), "");
        assert_eq!(path_of("https://example.com/dex"), "/dex");
        assert_eq!(path_of("https://example.com/"), "");
        assert_eq!(path_of("https://example.com/a/b/"), "/a/b");
        assert_eq!(path_of("nonsense"), "");
    }
}
