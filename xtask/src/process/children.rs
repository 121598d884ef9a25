//! Child processes, each in its own process group, so that none outlives this program.
//!
//! A signal ends all of them (SIGTERM, then SIGKILL three seconds later) and then this program. Dropping a [`Group`]
//! ends that group. When this program is killed with SIGKILL, none of its code runs any more, so a [`Watchdog`] ends
//! the group.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

const GRACE: Duration = Duration::from_secs(3);

const POLL: Duration = Duration::from_millis(20);

static LIVE: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

static SERVING: AtomicBool = AtomicBool::new(false);

static ENDING: AtomicBool = AtomicBool::new(false);

fn live() -> MutexGuard<'static, Vec<Pid>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes SIGINT, SIGTERM and SIGHUP end every child, and then this program.
pub(crate) fn end_on_signal() -> Result<()> {
    let handler = || {
        let again = ENDING.swap(true, Ordering::SeqCst);
        // The lock is held until the program exits, so that nothing more can be started.
        let groups = live();
        end_all(&groups);
        if again || !SERVING.load(Ordering::SeqCst) {
            std::process::exit(130);
        }
    };
    ctrlc::set_handler(handler).context("could not watch for Ctrl-C")
}

/// Makes a signal the intended end of this program: the signal ends its children, and the program finishes by itself
/// when it notices.
pub(crate) fn ending_is_success() {
    SERVING.store(true, Ordering::SeqCst);
}

/// Whether a signal has arrived.
pub(crate) fn is_ending() -> bool {
    ENDING.load(Ordering::SeqCst)
}

/// Asks every child to end, because another part of the run has already failed.
pub(crate) fn end_running() {
    for group in live().iter() {
        let _ = killpg(*group, Signal::SIGTERM);
    }
}

fn end_all(groups: &[Pid]) {
    for group in groups {
        let _ = killpg(*group, Signal::SIGTERM);
    }
    let deadline = Instant::now() + GRACE;
    while Instant::now() < deadline && groups.iter().any(|group| is_running(*group)) {
        thread::sleep(POLL);
    }
    for group in groups {
        let _ = killpg(*group, Signal::SIGKILL);
    }
}

/// Whether the group's first process runs. It may be a zombie that another thread still has to wait for.
fn is_running(group: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{group}/stat"));
    match stat {
        // The state follows the program's name, which is in parentheses and may contain any character.
        Ok(stat) => stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z')),
        Err(_) => killpg(group, None).is_ok() && !cfg!(target_os = "linux"),
    }
}

/// A program and all processes that it starts.
#[derive(Debug)]
pub(crate) struct Group {
    child: Child,
    id: Pid,
    ended: bool,
}

impl Group {
    /// Starts a program in its own group, without a terminal to read from.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let mut groups = live();
        let name = command.get_program().to_string_lossy().into_owned();
        let started = command.stdin(Stdio::null()).process_group(0).spawn();
        let child = started.with_context(|| format!("could not start `{name}`"))?;
        let id = Pid::from_raw(i32::try_from(child.id()).context("a process ID is out of range")?);
        groups.push(id);
        Ok(Self { child, id, ended: false })
    }

    /// The program, to read its output.
    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// The group's id, which is its first process's id.
    pub(crate) fn id(&self) -> Pid {
        self.id
    }

    /// Waits for the program to end by itself. Processes that it left running on purpose keep running.
    pub(crate) fn wait(&mut self) -> Result<ExitStatus> {
        let status = self.child.wait().context("could not wait for a program to end")?;
        self.forget();
        Ok(status)
    }

    fn forget(&mut self) {
        self.ended = true;
        live().retain(|group| *group != self.id);
    }

    /// The exit status of the program, when it has ended.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Ends the program and all processes that it started: SIGTERM, then SIGKILL when it takes too long.
    pub(crate) fn end(&mut self) {
        if self.ended {
            return;
        }
        let _ = killpg(self.id, Signal::SIGTERM);
        let deadline = Instant::now() + GRACE;
        while self.ended().is_none() && Instant::now() < deadline {
            thread::sleep(POLL);
        }
        let _ = killpg(self.id, Signal::SIGKILL);
        let _ = self.child.wait();
        self.forget();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}

/// A shell that waits until this program dies, for whatever reason, and then ends a group.
#[derive(Debug)]
pub(crate) struct Watchdog(Child);

impl Watchdog {
    /// Starts a watchdog for `group`.
    pub(crate) fn over(group: Pid) -> Result<Self> {
        let script = "read -r _ || { kill -TERM -$0; sleep 3; kill -KILL -$0; } 2>/dev/null";
        let mut shell = Command::new("sh");
        shell.args(["-c", script, &group.to_string()]).process_group(0);
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Self(shell.spawn().context("could not start `sh`")?))
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // The shell waits for the end of its input, not for text. So the shell must be killed before the input is
        // closed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::thread;
    use std::time::Instant;

    use super::{Group, POLL, Watchdog, is_running};
    use crate::process::lines::PATIENCE;

    #[test]
    fn a_group_that_is_dropped_is_gone() {
        let group = Group::start(Command::new("sh").args(["-c", "sleep 3600 & wait"])).expect("sh starts");
        let id = group.id();
        assert!(is_running(id));
        drop(group);
        assert!(!is_running(id));
    }

    #[test]
    fn a_watchdog_whose_pipe_closes_ends_the_group() {
        let mut group = Group::start(Command::new("sleep").arg("3600")).expect("sleep starts");
        let mut watchdog = Watchdog::over(group.id()).expect("sh starts");
        drop(watchdog.0.stdin.take());
        let deadline = Instant::now() + PATIENCE;
        while group.ended().is_none() && Instant::now() < deadline {
            thread::sleep(POLL);
        }
        assert!(group.ended().is_some());
    }
}
