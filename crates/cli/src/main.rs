//! The thin binary: the only place that reads the clock, the random source, the environment and the
//! terminal. The library uses them.

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Parser as _;
use edgemint_cli::{Args, Host, Output};

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        // The message repeats the arguments. They may come from another program, so `Output` escapes them.
        Err(error) if error.use_stderr() => {
            Output::standard(false).usage(&error.render().to_string());
            return ExitCode::from(2);
        }
        // Help and version contain only our own text.
        Err(error) => error.exit(),
    };
    let mut output = Output::standard(args.json);
    // Without a handler, an interrupt still ends the process, but leaves the scratch files and children behind.
    let _ = ctrlc::set_handler(edgemint_cli::interrupted);
    let done = host().and_then(|host| edgemint_cli::run(&args, &host, &mut output));
    match done {
        Ok(code) => code,
        Err(error) => {
            output.error(&error);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "only this function reads the facts of the host")]
fn host() -> anyhow::Result<Host> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    Ok(Host {
        now,
        current_dir: std::env::current_dir()?,
        temp_dir: std::env::temp_dir(),
        variable: |name| std::env::var_os(name),
        random: |buffer| getrandom::fill(buffer).map_err(io::Error::from),
        can_ask: io::stdin().is_terminal() && io::stderr().is_terminal(),
        answer: || {
            let mut line = String::new();
            io::stdin().read_line(&mut line)?;
            Ok(line)
        },
        hidden_answer: |question| rpassword::prompt_password(question),
    })
}
