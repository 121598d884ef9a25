//! Writes the seeds of the named targets into one folder each, below the first argument.

// Every crate here is compiled with calls into the fuzzer's runtime.
use libfuzzer_sys as _;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let below = arguments.next().unwrap_or_default();
    for target in arguments {
        let folder = Path::new(&below).join(&target);
        std::fs::create_dir_all(&folder)?;
        for (i, seed) in edgemint_fuzz::seeds::of(&target).iter().enumerate() {
            std::fs::write(folder.join(format!("{i:03}")), seed)?;
        }
    }
    Ok(())
}
