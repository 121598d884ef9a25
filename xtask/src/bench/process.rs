//! A measured server: its process, its port, its CPU time and its memory.

use std::net::{Ipv4Addr, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context as _, Result, bail};

use crate::bench::request::Request;
use crate::process::children::Group;
use crate::process::directory::Directory;
use crate::process::http::{self, Answer};
use crate::process::lines::PATIENCE;
use crate::process::port::Port;

/// A running server, which is stopped when this is dropped.
pub(super) struct Server {
    group: Group,
    port: Port,
    /// The port of the KV stand-in in the same process, if there is one.
    kv: Option<Port>,
    /// Deleted with the server.
    directory: Directory,
}

impl Server {
    /// Starts `command` and discards what it logs.
    pub(super) fn start(
        command: &mut Command,
        port: Port,
        kv: Option<Port>,
        directory: Directory,
    ) -> Result<Self> {
        let errors = directory.path().join("stderr");
        let stderr =
            fs::File::create(&errors).context("could not create a file for a server's error output")?;
        let group = Group::start(command.stdout(Stdio::null()).stderr(stderr))?;
        Ok(Self { group, port, kv, directory })
    }

    /// Its port.
    pub(super) fn port(&self) -> u16 {
        self.port.number()
    }

    /// Waits until the server and its KV stand-in accept connections.
    pub(super) fn wait_until_it_listens(&mut self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let ports: Vec<u16> = std::iter::once(&self.port).chain(&self.kv).map(Port::number).collect();
        while ports.iter().any(|port| TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).is_err()) {
            if let Some(status) = self.group.ended() {
                bail!("a server ended before it listened ({status}): {}", self.complaint());
            }
            if Instant::now() > deadline {
                bail!("a server did not listen: {}", self.complaint());
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    fn complaint(&self) -> String {
        fs::read_to_string(self.directory.path().join("stderr")).unwrap_or_default().trim().to_owned()
    }

    /// Checks that the server answers as intended: with the expected status, and with a JWT where it issues a token.
    pub(super) fn answers_as_expected(&self, request: &Request) -> Result<()> {
        let Answer { status, body } = request.send(self.port())?;
        if status != request.expected {
            bail!("{} {} returned {status}, not {}: {body}", request.method, request.path, request.expected);
        }
        let Some((_, token)) = body.split_once("\"access_token\":\"") else { return Ok(()) };
        let token = token.split('"').next().unwrap_or_default();
        if token.split('.').count() != 3 {
            bail!("the access token is not a JWT: {token}");
        }
        Ok(())
    }

    /// The CPU time of all threads of the process, in user mode and in the system. `/proc/<pid>/stat` has it, too, but in
    /// ticks of 10 ms.
    pub(super) fn cpu(&self) -> Result<Duration> {
        let mut nanoseconds: u64 = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.group.id())).with_context(|| self.gone())? {
            let told = fs::read_to_string(thread?.path().join("schedstat")).with_context(|| self.gone())?;
            let spent = told.split(' ').next().and_then(|spent| spent.parse::<u64>().ok());
            nanoseconds += spent.context("/proc lacks the CPU time of a server's thread")?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// The memory of the process, in KiB.
    pub(super) fn memory_kib(&self) -> Result<u64> {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.group.id())).with_context(|| self.gone())?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = resident.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        kib.context("/proc lacks a server's memory")
    }

    fn gone(&self) -> String {
        format!("could not read /proc of a server, which may have ended: {}", self.complaint())
    }

    /// Puts records into the KV stand-in. Each line is a key, a tab and a value.
    pub(super) fn store(&self, lines: &str) -> Result<()> {
        let port = self.kv.as_ref().context("this server has no KV")?.number();
        let Answer { status, body } =
            http::send(ureq::http::Request::post(http::url(port, "/")).body(lines)?)?;
        if status != 200 {
            bail!("the KV stand-in did not accept the records: {status} {body}");
        }
        Ok(())
    }
}
