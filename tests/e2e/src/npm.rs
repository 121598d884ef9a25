//! An installation of the npm packages, in an empty home directory, with a PATH of only Node and npm.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;

use serde_json::{Value, json};
use xtask::Lines;
use xtask::package::{Packages, Program, write};

use crate::reaper::Reaper;
use crate::{State, edgemint_program, run, tools};

/// The programs that a person with Node has.
const PROGRAMS: [&str; 5] = ["npm", "npx", "sh", "env", "uname"];

/// The packages, and the folders in which they are installed.
pub struct Npm {
    dir: State,
    /// The packages.
    pub packages: Packages,
}

impl Npm {
    /// Writes the packages and installs them once.
    pub fn installed() -> &'static Self {
        static NPM: OnceLock<Npm> = OnceLock::new();
        NPM.get_or_init(Self::install)
    }

    fn install() -> Self {
        crate::build(xtask::Variant::Release);
        let dir = State::empty();
        let packages = packaged(&dir.path().join("dist"));
        let npm = Self { dir, packages };
        for folder in ["home", "bin", "app"] {
            std::fs::create_dir(npm.path(folder)).expect("a folder");
        }
        let find = |name: &str| PathBuf::from(run(Command::new("which").arg(name)).trim());
        let node = tools().npm_program("node").expect("node is installed");
        let node = std::fs::canonicalize(node.get_program()).expect("it is a link to the program");
        let links = PROGRAMS.iter().map(|name| (*name, find(name))).chain([("node", node)]);
        for (name, program) in links {
            std::os::unix::fs::symlink(program, npm.path("bin").join(name)).expect("a link");
        }
        let registry = registry(&npm.packages);
        let registry = format!("@edgemint:registry=http://127.0.0.1:{registry}\n");
        std::fs::write(npm.path("app/.npmrc"), registry).expect("a file");
        let mut install = npm.command("app", "npm");
        install.args(["install", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"]);
        run(install.arg(&npm.packages.cli));
        npm
    }

    /// A folder of this installation.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The installed `edgemint` in a folder. `npx` takes half a second to find it.
    pub fn edgemint(&self, folder: &str) -> Command {
        self.command(folder, "../app/node_modules/.bin/edgemint")
    }

    /// A program in a folder, with only Node, npm and an empty home directory.
    pub fn command(&self, folder: &str, program: &str) -> Command {
        let npm_setting = |name| run(Command::new("npm").args(["config", "get", name])).trim().to_owned();
        static SETTINGS: OnceLock<[String; 2]> = OnceLock::new();
        let [user, cache] = SETTINGS.get_or_init(|| ["userconfig", "cache"].map(npm_setting));
        let mut command = Command::new(self.path("bin").join(program));
        command.current_dir(self.path(folder)).env("PATH", self.path("bin")).env("HOME", self.path("home"));
        // The registry and the cache of this machine.
        command.env("npm_config_userconfig", user).env("npm_config_cache", cache);
        command.env("WRANGLER_SEND_METRICS", "false").env("CLOUDFLARE_CF_FETCH_ENABLED", "false");
        // In CI, wrangler prints less. The tests expect the same output everywhere.
        command.env("CI", "false");
        command.env_remove("CLOUDFLARE_ENV").env_remove("CLOUDFLARE_API_TOKEN").stdin(Stdio::null());
        command
    }

    /// Gives a folder the installed packages.
    pub fn link(&self, folder: &Path) {
        std::os::unix::fs::symlink(self.path("app/node_modules"), folder.join("node_modules"))
            .expect("a link");
    }
}

/// Writes the packages of the built Worker and of the program for this machine.
pub fn packaged(out: &Path) -> Packages {
    let program = Program::here(edgemint_program()).expect("a package is for this machine");
    write(out, &xtask::root().join("build"), &[program]).expect("the packages are written")
}

/// A server that runs in its own process group, as a terminal starts it.
pub struct Served {
    _reaper: Reaper,
    child: Child,
    log: Lines,
}

impl Served {
    /// Starts the program, and waits until it prints `line`.
    pub fn start(command: &mut Command, line: &str) -> Self {
        std::os::unix::process::CommandExt::process_group(command, 0);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let log = Lines::default();
        log.collect(child.stdout.take(), str::to_owned);
        log.collect(child.stderr.take(), str::to_owned);
        let served = Self { _reaper: Reaper::of(&child), child, log };
        assert!(served.log.come_to_contain(line), "it did not print {line}: {:#?}", served.log.all());
        served
    }

    /// All lines so far.
    pub fn lines(&self) -> Vec<String> {
        self.log.all()
    }

    /// Sends a signal to the group, as a terminal does for Ctrl-C, and waits until the outputs of all processes are
    /// closed.
    pub fn interrupt(&mut self) -> Vec<String> {
        self.signal("INT");
        self.child.wait().expect("it ends");
        self.log.to_the_end()
    }

    fn signal(&self, signal: &str) {
        let kill = format!("kill -{signal} -{}", self.child.id());
        let _ = Command::new("sh").args(["-c", &kill]).stderr(Stdio::null()).status();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if self.child.try_wait().ok().flatten().is_none() {
            self.signal("TERM");
            let _ = self.child.wait();
        }
    }
}

/// The port of a registry for the packages in the scope `@edgemint`, which are not published.
fn registry(packages: &Packages) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let mut found = BTreeMap::new();
    for path in std::iter::once(&packages.worker).chain(&packages.programs) {
        let mut manifest = Command::new("tar");
        manifest.args(["-xzOf"]).arg(path).arg("package/package.json");
        let mut manifest: Value = serde_json::from_str(&run(&mut manifest)).expect("JSON");
        let file = format!("/{}", path.file_name().expect("a name").to_string_lossy());
        manifest["dist"] = json!({ "tarball": format!("http://127.0.0.1:{port}{file}") });
        let name = manifest["name"].as_str().expect("a name").replace('/', "%2f");
        let version = manifest["version"].as_str().expect("a version").to_owned();
        let document = json!({
            "name": manifest["name"], "dist-tags": { "latest": version }, "versions": { (version): manifest },
        });
        found.insert(format!("/{name}"), document.to_string().into_bytes());
        found.insert(file, std::fs::read(path).expect("a file"));
    }
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = answer(&stream, &found);
        }
    });
    port
}

fn answer(mut stream: &TcpStream, found: &BTreeMap<String, Vec<u8>>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    let _headers = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).count();
    let path = first.split(' ').nth(1).unwrap_or_default();
    let (status, body) = found.get(path).map_or(("404 Not Found", &b"{}"[..]), |body| ("200 OK", body));
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
    stream.write_all(body)
}
