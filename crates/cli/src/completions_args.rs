//! What may be typed behind `edgemint completions`.

use clap::Args as ClapArgs;
use clap_complete::Shell;

/// Print the completions of a shell
///
/// The shell reads the script and completes commands and flags.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint completions bash > ~/.local/share/bash-completion/completions/edgemint
  edgemint completions zsh > ~/.zfunc/_edgemint
  edgemint completions fish > ~/.config/fish/completions/edgemint.fish")]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_parser = clap::value_parser!(Shell))]
    pub(crate) shell: Shell,
}
