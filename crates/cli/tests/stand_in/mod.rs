//! A project directory with a wrangler that records its calls, and an issuer on this machine with the test's responses.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "every test uses a part; a test fails by panicking"
)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use edgemint_testkit::checkout;

/// A request to the issuer.
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Starts an issuer on this machine, until the test ends. Returns its address.
pub(crate) fn issuer(answer: impl Fn(&str, &Asked) -> (u16, String) + Send + 'static) -> String {
    issuer_with_headers(move |issuer, asked| {
        let (status, text) = answer(issuer, asked);
        (status, String::new(), text)
    })
}

/// The same, with headers in the responses. Each ends with a line break.
pub(crate) fn issuer_with_headers(
    answer: impl Fn(&str, &Asked) -> (u16, String, String) + Send + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let issuer = url.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.unwrap());
            let (mut line, mut head, mut length) = (String::new(), String::new(), 0);
            reader.read_line(&mut line).unwrap();
            loop {
                let mut header = String::new();
                if reader.read_line(&mut header).unwrap() <= 2 {
                    break;
                }
                if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                head.push_str(&header);
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let body = String::from_utf8(body).unwrap();
            let line = line.trim_end_matches(" HTTP/1.1\r\n").to_owned();
            let (status, headers, text) = answer(&issuer, &Asked { line, head, body });
            let _ = write!(
                reader.get_mut(),
                "HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: \
                 close\r\n{headers}\r\n{text}",
                text.len()
            );
        }
    });
    url
}

/// A directory with a wrangler.toml and its own wrangler. It is deleted when the test ends.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(wrangler_toml: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("stand-in-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let dir = checkout::scratch().join(name);
        let bin = dir.join("node_modules/.bin");
        fs::create_dir_all(&bin).unwrap();
        fs::create_dir_all(dir.join("fake")).unwrap();
        let fake = checkout::root().join("crates/cli/tests/fake/wrangler");
        fs::copy(fake, bin.join("wrangler")).unwrap();
        fs::set_permissions(bin.join("wrangler"), fs::Permissions::from_mode(0o755)).unwrap();
        let folder = Self(dir);
        folder.write("wrangler.toml", wrangler_toml);
        folder
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.0.join(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap_or_default()
    }

    pub(crate) fn calls(&self) -> Vec<String> {
        let calls = self.read("fake/calls").replace(self.0.to_str().unwrap(), "PROJECT");
        calls.lines().map(str::to_owned).collect()
    }

    /// Runs `edgemint` in a subdirectory.
    pub(crate) fn edgemint_in(&self, folder: &str, arguments: &[&str]) -> Told {
        self.run(&self.0.join(folder), arguments, "")
    }

    /// Runs `edgemint` in a subdirectory, with `input` on its standard input.
    pub(crate) fn edgemint(&self, arguments: &[&str], input: &str) -> Told {
        self.run(&self.0, arguments, input)
    }

    fn run(&self, dir: &Path, arguments: &[&str], input: &str) -> Told {
        let mut child = Command::new(checkout::program("edgemint"))
            .args(arguments)
            .current_dir(dir)
            .env("FAKE_WRANGLER", self.0.join("fake"))
            .env("THE_SECRET", "hunter2: 100%")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        let [out, err] = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        Told { code: status.code(), out, err }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The result of a run.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}
