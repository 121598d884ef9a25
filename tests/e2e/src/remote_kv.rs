//! A KV in another process than the Worker, as in Cloudflare's network: it answers in time, however busy the Worker is.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// A KV namespace on a port of 127.0.0.1, with workerd's protocol.
pub struct RemoteKv {
    port: u16,
    reads: Arc<AtomicU32>,
}

/// The source of the records.
enum Store {
    /// Fixed records. Each read takes this time.
    Fixed(BTreeMap<String, String>, Duration),
    /// Records that other threads also write.
    Shared(Arc<Mutex<BTreeMap<String, String>>>),
}

impl RemoteKv {
    /// Serves these records until the process ends. It answers only reads, each with the same delay.
    pub fn start(records: BTreeMap<String, String>, delay: Duration) -> Self {
        Self::of(Store::Fixed(records, delay))
    }

    /// Serves these records until the process ends.
    pub(crate) fn of_records(records: Arc<Mutex<BTreeMap<String, String>>>) -> Self {
        Self::of(Store::Shared(records))
    }

    fn of(store: Store) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (store, reads) = (Arc::new(store), Arc::new(AtomicU32::new(0)));
        let counted = Arc::clone(&reads);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (store, reads) = (Arc::clone(&store), Arc::clone(&counted));
                thread::spawn(move || serve(&stream, &store, &reads));
            }
        });
        Self { port, reads }
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The number of reads that it has answered.
    pub fn reads(&self) -> u32 {
        self.reads.load(Ordering::Relaxed)
    }
}

/// Answers the requests of one connection, one after the other, until the other end closes it.
fn serve(stream: &TcpStream, store: &Store, reads: &AtomicU32) {
    let mut reader = BufReader::new(stream);
    loop {
        let head = head(&mut reader);
        let Some((first, headers)) = head.split_first() else { return };
        let mut words = first.split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let key = unescaped(path.trim_start_matches('/').split('?').next().unwrap_or_default());
        let found = match (method, store) {
            ("GET", Store::Fixed(records, delay)) => {
                thread::sleep(*delay);
                reads.fetch_add(1, Ordering::Relaxed);
                records.get(&key).cloned()
            }
            ("GET", Store::Shared(records)) => {
                records.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned()
            }
            ("PUT", Store::Shared(records)) => {
                let value = body(&mut reader, headers);
                records.lock().unwrap_or_else(PoisonError::into_inner).insert(key, value);
                Some(String::new())
            }
            _ => panic!("this stand-in for KV does not support the request: {first}"),
        };
        let (status, body) = found.map_or(("404 Not Found", String::new()), |body| ("200 OK", body));
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        if (&mut &*stream).write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// The lines of the next request before its body. None at the end of the connection.
pub(crate) fn head(reader: &mut impl BufRead) -> Vec<String> {
    let mut head = Vec::new();
    // An empty line ends the head. At the end of the connection there is no line.
    while let Some(line) = reader.by_ref().lines().next().and_then(Result::ok).filter(|line| !line.is_empty())
    {
        head.push(line);
    }
    head
}

/// The body of a request with these headers.
pub(crate) fn body(reader: &mut impl Read, headers: &[String]) -> String {
    let mut body = vec![0; length(headers)];
    reader.read_exact(&mut body).expect("the body");
    String::from_utf8(body).expect("UTF-8")
}

fn length(headers: &[String]) -> usize {
    let length = headers.iter().filter_map(|line| line.split_once(':'));
    let length = length.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    length.filter_map(|(_, value)| value.trim().parse().ok()).next().expect("it says its length")
}

/// The key of a URL path, with each `%XX` decoded.
fn unescaped(key: &str) -> String {
    let mut parts = key.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (escaped, rest) = part.split_at_checked(2).expect("two digits");
        bytes.push(u8::from_str_radix(escaped, 16).expect("two digits"));
        bytes.extend(rest.bytes());
    }
    String::from_utf8(bytes).expect("UTF-8")
}
