//! HTTP requests to servers on this machine, each over its own connection.

use std::time::Duration;

use anyhow::{Context as _, Result};
use ureq::http::Request;
use ureq::{Agent, AsSendBody};

use crate::process::lines::PATIENCE;

const BRIEFLY: Duration = Duration::from_secs(10);

/// The answer of a server, with any status.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// Sends a request and reads the answer to its end.
///
/// # Errors
/// When the server does not answer, or not completely.
pub fn send(request: Request<impl AsSendBody>) -> Result<Answer> {
    let mut response = agent(PATIENCE).run(request).context("a server does not answer")?;
    let body = response.body_mut().read_to_string().context("a server's answer is incomplete")?;
    Ok(Answer { status: response.status().as_u16(), body })
}

/// The status of the answer to a GET, if there is an answer; shows whether the Worker answers.
pub fn status(port: u16, path: &str) -> Option<u16> {
    let response = agent(BRIEFLY).get(url(port, path)).call().ok()?;
    Some(response.status().as_u16())
}

/// The URL of a path at a server on this machine.
pub fn url(port: u16, path: &str) -> String {
    format!("http://127.0.0.1:{port}{path}")
}

fn agent(patience: Duration) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        // With a timeout for the whole request, ureq starts a thread per request, which a measurement would include.
        .timeout_connect(Some(patience))
        .timeout_recv_response(Some(patience))
        .timeout_recv_body(Some(patience));
    config.build().new_agent()
}

/// The path of an absolute URL without a trailing slash, where the issuer's endpoints are.
pub fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default().trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;
    use std::thread;

    use ureq::http::Request;

    use super::{path_of, send, status, url};

    /// The port of a server that gives this answer once.
    fn answering(answer: &'static str) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a connection");
            let head = BufReader::new(&stream).lines().map_while(Result::ok);
            assert!(head.take_while(|line| !line.is_empty()).count() > 1, "a request has headers");
            (&stream).write_all(answer.as_bytes()).expect("it is read");
        });
        port
    }

    #[test]
    fn the_status_is_read() {
        assert_eq!(status(answering("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"), "/healthz"), Some(503));
        assert_eq!(status(answering("SSH-2.0-OpenSSH\r\n"), "/healthz"), None);
    }

    #[test]
    fn every_answer_is_read_to_its_end() {
        for (answer, expected) in [
            ("HTTP/1.1 401 No\r\nContent-Length: 4\r\n\r\nbody", (401, "body")),
            ("HTTP/1.1 302 Found\r\nLocation: /\r\nConnection: close\r\n\r\nelsewhere", (302, "elsewhere")),
        ] {
            let request = Request::get(url(answering(answer), "/")).body(()).expect("a request");
            let answer = send(request).expect("it answers");
            assert_eq!((answer.status, answer.body.as_str()), expected);
        }
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
