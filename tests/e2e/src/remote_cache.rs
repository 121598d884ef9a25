//! A cache of a location in another process than the Workers, as in Cloudflare's network: workerd's Cache API speaks
//! HTTP to it.

use std::collections::BTreeMap;
use std::io::{BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::remote_kv::{body, head};

/// How the cache fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CacheFault {
    /// Not at all.
    #[default]
    None,
    /// It never answers.
    Hangs,
    /// It answers 500.
    Fails,
    /// It ends the connection.
    Closes,
}

/// A cache on a port of 127.0.0.1, until the test process ends. It never forgets by itself.
pub struct RemoteCache {
    port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    fault: CacheFault,
    /// The responses that were put, by path.
    entries: BTreeMap<String, String>,
    /// The heads of all requests.
    requests: Vec<Vec<String>>,
}

impl RemoteCache {
    /// Starts an empty cache.
    pub fn start(fault: CacheFault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::new(Mutex::new(State { fault, ..State::default() }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&shared);
                thread::spawn(move || serve(&stream, &state));
            }
        });
        Self { port, state }
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The paths and the texts of all entries.
    pub fn entries(&self) -> BTreeMap<String, String> {
        let text = |response: &String| response.split_once("\r\n\r\n").expect("a response").1.to_owned();
        lock(&self.state).entries.iter().map(|(path, response)| (path.clone(), text(response))).collect()
    }

    /// The lines of the heads of all requests.
    pub fn requests(&self) -> Vec<Vec<String>> {
        lock(&self.state).requests.clone()
    }

    /// Replaces a part of each entry by a text of the same length.
    pub fn alter(&self, from: &str, to: &str) {
        assert_eq!(from.len(), to.len(), "the head of the response has the length");
        for response in lock(&self.state).entries.values_mut() {
            assert!(response.contains(from), "{from} is not in {response}");
            *response = response.replace(from, to);
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers the requests of one connection, one after the other, until the other end closes it.
fn serve(stream: &TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream);
    loop {
        let head = head(&mut reader);
        let Some((first, headers)) = head.split_first() else { return };
        let mut words = first.split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default().to_owned());
        let put = (method == "PUT").then(|| body(&mut reader, headers));
        let mut state = lock(state);
        state.requests.push(head.clone());
        let answer = match (state.fault, put) {
            (CacheFault::Closes, _) => return,
            (CacheFault::Hangs, _) => {
                drop(state);
                loop {
                    thread::park();
                }
            }
            (CacheFault::Fails, _) => answer("500 Internal Server Error", ""),
            (CacheFault::None, Some(response)) => {
                state.entries.insert(path, response);
                answer("204 No Content", "")
            }
            (CacheFault::None, None) => match state.entries.get(&path) {
                Some(response) => response.replacen("\r\n", "\r\nCF-Cache-Status: HIT\r\n", 1),
                None => answer("504 Gateway Timeout", "CF-Cache-Status: MISS\r\n"),
            },
        };
        drop(state);
        if (&mut &*stream).write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn answer(status: &str, headers: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: 0\r\n\r\n")
}
