//! A KV that is another process than the Worker's, as Cloudflare's is: it answers in time, however busy the Worker is.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

/// A KV namespace on a port of 127.0.0.1, as workerd speaks to one. It answers reads, each after the same time.
pub struct RemoteKv {
    port: u16,
    reads: Arc<AtomicU32>,
}

impl RemoteKv {
    /// Serves these records until the process ends.
    pub fn start(records: BTreeMap<String, String>, delay: Duration) -> Self {
        Self::serve(move |key| records.get(key).cloned(), delay)
    }

    /// Serves, until the process ends, the records that are in a file of JSON at the time of each read.
    pub fn of_file(file: PathBuf) -> Self {
        let read = move |key: &str| -> Option<String> {
            let text = std::fs::read_to_string(&file).ok()?;
            serde_json::from_str::<BTreeMap<String, String>>(&text).expect("records").remove(key)
        };
        Self::serve(read, Duration::ZERO)
    }

    fn serve(read: impl Fn(&str) -> Option<String> + Send + Sync + 'static, delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (read, reads) = (Arc::new(read), Arc::new(AtomicU32::new(0)));
        let counted = Arc::clone(&reads);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (read, reads) = (Arc::clone(&read), Arc::clone(&counted));
                thread::spawn(move || serve(&stream, &*read, &reads, delay));
            }
        });
        Self { port, reads }
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many reads it has answered.
    pub fn reads(&self) -> u32 {
        self.reads.load(Ordering::Relaxed)
    }
}

/// Answers the requests of one connection, one after the other, until its other end closes it.
fn serve(stream: &TcpStream, read: &dyn Fn(&str) -> Option<String>, reads: &AtomicU32, delay: Duration) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    while let Some(first) = lines.next() {
        let headers = lines.by_ref().take_while(|line| !line.is_empty()).count();
        assert!(first.starts_with("GET /") && headers > 0, "KV is asked for something else: {first}");
        let path = first.split(' ').nth(1).unwrap_or_default();
        let key = path.trim_start_matches('/').split('?').next().unwrap_or_default();
        thread::sleep(delay);
        reads.fetch_add(1, Ordering::Relaxed);
        let (status, body) = match read(&unescaped(key)) {
            Some(record) => ("200 OK", record),
            None => ("404 Not Found", String::new()),
        };
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        if (&mut &*stream).write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// A key as it is in a URL, with each `%XX` decoded.
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
