//! `cargo xtask package`: the npm packages and the template, in dist/. The same inputs make the same bytes.

pub(crate) mod config;
pub(crate) mod manifest;
pub(crate) mod platform;
pub(crate) mod tarball;

pub use self::platform::Program;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use edgemint_local::serve::state::GIT_IGNORED;

use crate::args;
use crate::install::Tools;
use crate::package::manifest::{REPOSITORY, VERSION};
use crate::package::tarball::{File, unpacked};
use crate::process::progress::Progress;
use crate::process::project;
use crate::sbom;
use crate::serve::operator;
use crate::serve::worker::{Variant, build_worker};

/// The files of the Worker, in the directory where it is built.
const WORKER: [&str; 3] = ["entry.js", "index.js", "index_bg.wasm"];

/// The written packages.
#[derive(Debug)]
pub struct Packages {
    /// `edgemint`.
    pub cli: PathBuf,
    /// `@edgemint/worker`.
    pub worker: PathBuf,
    /// `@edgemint/cli-PLATFORM`, one for each program.
    pub programs: Vec<PathBuf>,
    /// The template, a directory.
    pub template: PathBuf,
}

/// Runs the command.
pub(crate) fn command(options: &args::Package, progress: &Progress) -> Result<()> {
    let mut programs: Vec<Program> =
        options.cli.iter().map(|(platform, file)| Program::of(platform, file)).collect::<Result<_>>()?;
    let tools = Tools::ensure(progress)?;
    let worker = build_worker(&tools, Variant::Release, progress)?;
    if programs.is_empty() {
        let step = progress.step("building the edgemint program");
        programs.push(Program::here(&operator::build("release")?)?);
        step.done();
    }
    let out = options.out.clone().unwrap_or_else(|| project::root().join("dist"));
    let step = progress.step(format!("writing {}", out.display()));
    let packages = write(&out, &worker.out_dir, &programs)?;
    step.done();
    for path in
        [&packages.cli, &packages.worker].into_iter().chain(&packages.programs).chain([&packages.template])
    {
        println!("{}", path.display());
    }
    Ok(())
}

/// Writes the packages into `out`, with the Worker in `worker` and these programs.
///
/// # Errors
/// When a file cannot be read or written.
pub fn write(out: &Path, worker: &Path, programs: &[Program]) -> Result<Packages> {
    let ours = project::root().join("wrangler.toml");
    let ours = fs::read_to_string(&ours).with_context(|| format!("could not read {}", ours.display()))?;
    let sbom = File::of("sbom.cdx.json", format!("{:#}\n", sbom::document()?));
    let config = File::of("wrangler.template.toml", config::of_project(&ours, REPOSITORY)?);
    let manifest = |text: String| File::of("package.json", text);

    let of_worker =
        [manifest(manifest::worker()), readme(include_str!("files/worker.md")), config, sbom.clone()];
    let of_worker = [of_worker.to_vec(), worker_files(worker, "")?, licences()?].concat();
    let cli = [
        manifest(manifest::cli()?),
        readme(include_str!("files/cli.md")),
        File::program("bin/edgemint.js", include_str!("files/edgemint.js")),
        File::of("lib/platform.js", include_str!("files/platform.js")),
    ];
    let cli = [cli.to_vec(), licences()?].concat();
    let template = [
        manifest(manifest::template()?),
        readme(include_str!("files/template.md")),
        File::of("wrangler.toml", config::of_template(&ours, REPOSITORY)?),
        File::of(".gitignore", GIT_IGNORED),
        File::of(".dev.vars.example", "SIGNING_KEY_FIRST=''\n"),
        sbom,
    ];
    let template = [template.to_vec(), worker_files(worker, "worker/")?, licences()?].concat();

    project::make_dir(out)?;
    let template_dir = out.join("template");
    if template_dir.exists() {
        fs::remove_dir_all(&template_dir)
            .with_context(|| format!("could not remove {}", template_dir.display()))?;
    }
    unpacked(&template, &template_dir)?;
    Ok(Packages {
        cli: packed(out, "edgemint", &cli)?,
        worker: packed(out, "edgemint-worker", &of_worker)?,
        programs: programs.iter().map(|program| of_program(out, program)).collect::<Result<_>>()?,
        template: template_dir,
    })
}

fn of_program(out: &Path, program: &Program) -> Result<PathBuf> {
    let Program { platform, path } = program;
    let executable = File { executable: true, ..File::copy(platform.file(), path)? };
    let files = [
        File::of("package.json", manifest::program(*platform)),
        readme(include_str!("files/program.md")),
        executable,
    ];
    packed(out, &format!("edgemint-cli-{}", platform.name), &[files.to_vec(), licences()?].concat())
}

/// Writes a tarball with the name that `npm pack` gives it.
fn packed(out: &Path, name: &str, files: &[File]) -> Result<PathBuf> {
    let path = out.join(format!("{name}-{VERSION}.tgz"));
    fs::write(&path, tarball::bytes(files)?)
        .with_context(|| format!("could not write {}", path.display()))?;
    Ok(path)
}

fn readme(text: &str) -> File {
    File::of("README.md", text)
}

fn worker_files(built: &Path, folder: &str) -> Result<Vec<File>> {
    WORKER.iter().map(|name| File::copy(&format!("{folder}{name}"), &built.join(name))).collect()
}

fn licences() -> Result<Vec<File>> {
    ["LICENSE-APACHE", "LICENSE-MIT"]
        .iter()
        .map(|name| File::copy(name, &project::root().join(name)))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::platform::{PLATFORMS, Platform, Program};
    use super::{WORKER, write};
    use crate::process::command;
    use crate::process::project::fresh;

    /// What `platform.js` chooses for these facts, as JSON.
    fn chosen(platform: &str, arch: &str, glibc: bool) -> serde_json::Value {
        let module = crate::root().join("xtask/src/package/files/platform.js");
        let known = serde_json::json!(PLATFORMS.map(Platform::package));
        let script = format!(
            "import({}).then(({{ choose }}) => console.log(JSON.stringify(choose({platform:?}, {arch:?}, {glibc}, {known}))))",
            serde_json::json!(module)
        );
        let printed = command::run(Command::new("node").args(["-e", &script])).expect("node runs");
        serde_json::from_str(&printed).expect("JSON")
    }

    #[test]
    fn the_launcher_chooses_the_package_of_each_platform() {
        for platform in PLATFORMS {
            let chosen = chosen(platform.os, platform.cpu, true);
            assert_eq!(chosen["name"], platform.package());
            assert_eq!(chosen["file"], platform.file());
        }
    }

    #[test]
    fn the_launcher_names_the_remedy_where_no_program_fits() {
        let musl = chosen("linux", "x64", false)["error"].to_string();
        assert!(
            musl.contains("musl") && musl.contains("node:22-slim") && musl.contains("install.md"),
            "{musl}"
        );
        let mips = chosen("linux", "mips", true)["error"].to_string();
        assert!(mips.contains("no program for linux on mips") && mips.contains("with cargo"), "{mips}");
        let missing = chosen("darwin", "arm64", true)["missing"].to_string();
        assert!(missing.contains("cli-darwin-arm64") && missing.contains("--include=optional"), "{missing}");
    }

    #[test]
    fn the_same_inputs_make_the_same_bytes() {
        let dir = fresh("package");
        for name in WORKER.iter().chain(&["program"]) {
            fs::write(dir.join(name), name).expect("a file");
        }
        let platform = Platform::named("linux-x64-gnu").expect("it is known");
        let programs = [Program { platform, path: dir.join("program") }];
        let all = |out: &str| {
            let packages = write(&dir.join(out), &dir, &programs).expect("they are written");
            let files = [packages.cli, packages.worker].into_iter().chain(packages.programs);
            let template =
                fs::read_dir(packages.template).expect("a folder").map(|file| file.expect("a file").path());
            let files = files.chain(template).filter(|path| path.is_file());
            let mut read: Vec<_> = files
                .map(|path| (path.file_name().map(ToOwned::to_owned), fs::read(&path).expect("a file")))
                .collect();
            read.sort();
            read
        };
        let first = all("one");
        assert!(first.len() > 8 && first == all("two"));
        fs::remove_dir_all(dir).expect("it is removed");
    }
}
