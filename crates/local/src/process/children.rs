//! Child processes, each in its own process group, so that none outlives this program.
//!
//! A signal ends all of them (SIGTERM, then SIGKILL three seconds later) and then this program. Dropping a [`Group`]
//! ends that group. When this program is killed with SIGKILL, none of its code runs any more, so a [`Watchdog`] ends
//! the group.
//!
//! Windows has no such groups. There, the console sends Ctrl-C to every process, and only the first process of a group
//! is ended.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use self::platform::Id;

const GRACE: Duration = Duration::from_secs(3);

const POLL: Duration = Duration::from_millis(20);

static LIVE: Mutex<Vec<Id>> = Mutex::new(Vec::new());

static SERVING: AtomicBool = AtomicBool::new(false);

static ENDING: AtomicBool = AtomicBool::new(false);

fn live() -> MutexGuard<'static, Vec<Id>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes SIGINT, SIGTERM and SIGHUP end every child, and then this program.
///
/// # Errors
/// When the program has another handler for these signals.
pub fn end_on_signal() -> Result<()> {
    ctrlc::set_handler(signalled).context("could not watch for Ctrl-C")
}

/// The reaction to a signal, for a program that has its own handler: ends every child, and then this program, unless a
/// signal is its intended end.
pub fn signalled() {
    let again = ENDING.swap(true, Ordering::SeqCst);
    // The lock is held until the program exits, so that nothing more can be started.
    let groups = live();
    end_all(&groups);
    if again || !SERVING.load(Ordering::SeqCst) {
        std::process::exit(130);
    }
}

/// Makes a signal the intended end of this program: the signal ends its children, and the program finishes by itself
/// when it notices.
pub fn ending_is_success() {
    SERVING.store(true, Ordering::SeqCst);
}

/// Whether a signal has arrived.
pub fn is_ending() -> bool {
    ENDING.load(Ordering::SeqCst)
}

/// Asks every child to end, because another part of the run has already failed.
pub fn end_running() {
    for group in live().iter() {
        platform::terminate(*group);
    }
}

fn end_all(groups: &[Id]) {
    for group in groups {
        platform::terminate(*group);
    }
    let deadline = Instant::now() + GRACE;
    while Instant::now() < deadline && groups.iter().any(|group| platform::is_running(*group)) {
        thread::sleep(POLL);
    }
    for group in groups {
        platform::kill(*group);
    }
}

/// A program and all processes that it starts.
#[derive(Debug)]
pub struct Group {
    child: Child,
    id: Id,
    ended: bool,
}

impl Group {
    /// Starts a program in its own group, without a terminal to read from.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: &mut Command) -> Result<Self> {
        let mut groups = live();
        let name = command.get_program().to_string_lossy().into_owned();
        platform::own_group(command.stdin(Stdio::null()));
        let started = command.spawn();
        let child = started.with_context(|| format!("could not start `{name}`"))?;
        let id = platform::id(&child)?;
        groups.push(id);
        Ok(Self { child, id, ended: false })
    }

    /// The program, to read its output.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// The ID of the group's first process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the program to end by itself. Processes that it left running on purpose keep running.
    ///
    /// # Errors
    /// When the system cannot wait for it.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        let status = self.child.wait().context("could not wait for a program to end")?;
        self.forget();
        Ok(status)
    }

    fn forget(&mut self) {
        self.ended = true;
        live().retain(|group| *group != self.id);
    }

    /// The exit status of the program, when it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Ends the program and all processes that it started: SIGTERM, then SIGKILL when it takes too long.
    pub fn end(&mut self) {
        if self.ended {
            return;
        }
        platform::terminate(self.id);
        let deadline = Instant::now() + GRACE;
        while self.ended().is_none() && Instant::now() < deadline {
            thread::sleep(POLL);
        }
        platform::kill(self.id);
        let _ = self.child.kill();
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
pub struct Watchdog(Option<Child>);

impl Watchdog {
    /// Starts a watchdog for `group`.
    ///
    /// # Errors
    /// When the shell cannot be started.
    pub fn over(group: &Group) -> Result<Self> {
        platform::watchdog(group.id).map(Self)
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // The shell waits for the end of its input, not for text. So the shell must be killed before the input is
        // closed.
        if let Some(shell) = &mut self.0 {
            let _ = shell.kill();
            let _ = shell.wait();
        }
    }
}

#[cfg(unix)]
mod platform {
    use std::os::unix::process::CommandExt as _;
    use std::process::{Child, Command, Stdio};

    use anyhow::{Context as _, Result};
    use nix::sys::signal::{Signal, killpg};
    use nix::unistd::Pid;

    /// The ID of a group, which is the ID of its first process.
    pub(super) type Id = Pid;

    pub(super) fn own_group(command: &mut Command) {
        command.process_group(0);
    }

    pub(super) fn id(child: &Child) -> Result<Id> {
        Ok(Pid::from_raw(i32::try_from(child.id()).context("a process ID is out of range")?))
    }

    pub(super) fn terminate(group: Id) {
        let _ = killpg(group, Signal::SIGTERM);
    }

    pub(super) fn kill(group: Id) {
        let _ = killpg(group, Signal::SIGKILL);
    }

    /// Whether the group's first process runs. It may be a zombie that another thread still has to wait for.
    pub(super) fn is_running(group: Id) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{group}/stat"));
        match stat {
            // The state follows the program's name, which is in parentheses and may contain any character.
            Ok(stat) => stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z')),
            Err(_) => killpg(group, None).is_ok() && !cfg!(target_os = "linux"),
        }
    }

    pub(super) fn watchdog(group: Id) -> Result<Option<Child>> {
        let script = "read -r _ || { kill -TERM -$0; sleep 3; kill -KILL -$0; } 2>/dev/null";
        let mut shell = Command::new("sh");
        shell.args(["-c", script, &group.to_string()]).process_group(0);
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Some(shell.spawn().context("could not start `sh`")?))
    }
}

#[cfg(not(unix))]
mod platform {
    use std::process::{Child, Command};

    use anyhow::Result;

    /// The ID of a process.
    pub(super) type Id = u32;

    pub(super) fn own_group(_: &mut Command) {}

    pub(super) fn id(child: &Child) -> Result<Id> {
        Ok(child.id())
    }

    pub(super) fn terminate(_: Id) {}

    pub(super) fn kill(_: Id) {}

    pub(super) fn is_running(_: Id) -> bool {
        false
    }

    pub(super) fn watchdog(_: Id) -> Result<Option<Child>> {
        Ok(None)
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::process::Command;
    use std::thread;
    use std::time::Instant;

    use super::platform::is_running;
    use super::{Group, POLL, Watchdog};
    use crate::process::lines::PATIENCE;

    #[test]
    fn a_group_that_is_dropped_is_gone() {
        let group = Group::start(Command::new("sh").args(["-c", "sleep 3600 & wait"])).expect("sh starts");
        let id = group.id;
        assert!(is_running(id));
        drop(group);
        assert!(!is_running(id));
    }

    #[test]
    fn a_watchdog_whose_pipe_closes_ends_the_group() {
        let mut group = Group::start(Command::new("sleep").arg("3600")).expect("sleep starts");
        let mut watchdog = Watchdog::over(&group).expect("sh starts");
        drop(watchdog.0.as_mut().and_then(|shell| shell.stdin.take()));
        let deadline = Instant::now() + PATIENCE;
        while group.ended().is_none() && Instant::now() < deadline {
            thread::sleep(POLL);
        }
        assert!(group.ended().is_some());
    }
}
