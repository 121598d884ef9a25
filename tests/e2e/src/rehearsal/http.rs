//! A small HTTP/1.1 server for 127.0.0.1: whole requests in, whole responses out, many per connection.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// The longest body. Cloudflare accepts 100 MB for a bulk write.
const MAX_BODY: usize = 110 * 1024 * 1024;

/// A request with its whole body.
#[derive(Clone, Debug, Default)]
pub(super) struct Request {
    pub(super) method: String,
    /// The path, still with `%XX`.
    pub(super) path: String,
    /// The text after `?`, still with `%XX`.
    pub(super) query: String,
    /// The names are in lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Request {
    /// The value of the first header with this name, which must be in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The decoded value of a parameter in the query.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs
            .find(|(known, _)| unescaped(known) == name)
            .map(|(_, value)| unescaped(&value.replace('+', " ")))
    }

    /// Reads the next request of a connection. `None` when the other end has closed it.
    fn read(reader: &mut BufReader<&TcpStream>) -> Option<Self> {
        let mut request = Self::default();
        let first = line(reader)?;
        let mut words = first.split(' ');
        request.method = words.next()?.to_owned();
        let target = words.next()?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        (request.path, request.query) = (path.to_owned(), query.to_owned());
        while let Some((name, value)) = line(reader)?.split_once(':') {
            request.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        if request.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
            loop {
                let size = line(reader)?;
                let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
                let begin = request.body.len();
                if size > MAX_BODY - begin {
                    return None;
                }
                request.body.resize(begin + size, 0);
                reader.read_exact(request.body.get_mut(begin..)?).ok()?;
                line(reader)?;
                if size == 0 {
                    return Some(request);
                }
            }
        }
        let length = request.header("content-length").map_or(Some(0), |length| length.parse().ok())?;
        if length > MAX_BODY {
            return None;
        }
        request.body = vec![0; length];
        reader.read_exact(&mut request.body).ok()?;
        Some(request)
    }
}

/// A line without its end. `None` at the end of the connection.
fn line(reader: &mut BufReader<&TcpStream>) -> Option<String> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
    Some(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// A response with its whole body.
#[derive(Clone, Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Response {
    /// A response with this body and content type.
    pub(super) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self { status, headers, body: body.into() }
    }

    fn write(&self, mut stream: &TcpStream, with_body: bool) -> std::io::Result<()> {
        let mut text = format!("HTTP/1.1 {} -\r\ncontent-length: {}\r\n", self.status, self.body.len());
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        if with_body {
            bytes.extend(&self.body);
        }
        stream.write_all(&bytes)
    }
}

/// Answers the requests at a free port of 127.0.0.1 with `answer`, until the process ends. Returns the port.
pub(super) fn serve(answer: impl Fn(&Request) -> Response + Clone + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let answer = answer.clone();
            thread::spawn(move || {
                // A response is one write, so nothing gains from waiting for more.
                let _ = stream.set_nodelay(true);
                let mut reader = BufReader::new(&stream);
                while let Some(request) = Request::read(&mut reader) {
                    let response = answer(&request);
                    if response.write(&stream, request.method != "HEAD").is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

/// The text with each `%XX` decoded.
pub(super) fn unescaped(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match part.split_at_checked(2).and_then(|(hex, rest)| Some((u8::from_str_radix(hex, 16).ok()?, rest)))
        {
            Some((byte, rest)) => {
                bytes.push(byte);
                bytes.extend(rest.bytes());
            }
            None => {
                bytes.push(b'%');
                bytes.extend(part.bytes());
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    use super::{Request, Response, serve, unescaped};

    #[test]
    fn requests_are_read_one_after_the_other_whatever_the_form_of_their_body() {
        let port = serve(|request: &Request| {
            let seen = format!(
                "{} {} {:?} {}\n",
                request.method,
                request.path,
                request.parameter("a"),
                String::from_utf8_lossy(&request.body)
            );
            Response::new(200, "text/plain", seen)
        });
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        let requests = "GET /x?a=1%202+3 HTTP/1.1\r\nHost: a\r\n\r\n\
                        PUT /y HTTP/1.1\r\nContent-Length: 3\r\n\r\none\
                        POST /z HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\ntw\r\n1\r\no\r\n0\r\n\r\n";
        stream.write_all(requests.as_bytes()).expect("it is read");
        stream.shutdown(std::net::Shutdown::Write).expect("it is open");
        let mut answers = String::new();
        stream.read_to_string(&mut answers).expect("it answers");
        for expected in ["GET /x Some(\"1 2 3\") \n", "PUT /y None one\n", "POST /z None two\n"] {
            assert!(answers.contains(expected), "{expected} is not in {answers}");
        }
    }

    #[test]
    fn escapes_are_decoded_and_other_percent_signs_stay() {
        assert_eq!(unescaped("client%3Aa%20%C3%A4%"), "client:a ä%");
        assert_eq!(unescaped("100%zz"), "100%zz");
    }
}
