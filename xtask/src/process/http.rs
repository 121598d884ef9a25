//! One GET over a plain connection, for the status alone: to learn that the Worker answers.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
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

/// The path of an absolute URL, without a slash at its end: where the issuer's endpoints are.
pub(crate) fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default().trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::{path_of, status_of};

    #[test]
    fn the_status_is_read() {
        assert_eq!(status_of("HTTP/1.1 503"), Some(503));
        assert_eq!(status_of("SSH-2.0-Open"), None);
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
