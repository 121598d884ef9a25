//! The end of processes that a test program leaves behind.

use std::process::{Child, Command, Stdio};

/// Ends a process when this value is dropped, and when the test program ends, which drops no static value.
pub(crate) struct Reaper(Child);

impl Reaper {
    /// Ends this process.
    pub(crate) fn of(process: &Child) -> Self {
        // The system closes the pipe when this program ends.
        let mut shell = Command::new("sh");
        shell.args(["-c", "cat; kill \"$1\" 2>/dev/null", "reaper"]).arg(process.id().to_string());
        let shell = shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(shell.spawn().expect("there is a shell"))
    }
}

impl Drop for Reaper {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
