//! Programs in other languages that the tests build: each once, even if several test programs run at the same time.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::{prepared, python_with, run};

/// The clients in Java, for the note that the tests skip them without Java or Maven.
pub const NIMBUS: &str = "Nimbus and Spring Security";

fn clients() -> PathBuf {
    xtask::root().join("tests/e2e/clients")
}

/// The directory for what the tests build under this name, outside the sources.
pub fn built(name: &str) -> PathBuf {
    // The test program is in `target/debug/deps`.
    let program = std::env::current_exe().expect("a test is a program");
    let target = program.ancestors().nth(3).expect("it is below target");
    let dir = target.join("tmp").join(name);
    std::fs::create_dir_all(&dir).expect("a directory");
    dir
}

/// Lets one process at a time build in `dir`, until the file is closed.
fn lock(dir: &Path) -> File {
    let file = File::create(dir.join(".lock")).expect("a file");
    file.lock().expect("a lock");
    file
}

/// The program of a package in clients/go. All packages are built at once.
pub fn go(name: &str) -> Command {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let programs = BUILT.get_or_init(|| {
        let programs = built("go");
        let _lock = lock(&programs);
        let mut build = Command::new("go");
        // A trailing slash makes it a folder for all programs.
        run(build
            .arg("build")
            .arg("-o")
            .arg(programs.join(""))
            .arg("./...")
            .current_dir(clients().join("go")));
        programs
    });
    Command::new(programs.join(name))
}

/// The program of a module below examples, in the folder go.
pub(crate) fn go_example(name: &str) -> Command {
    let dir = built(&format!("example-{name}"));
    let _lock = lock(&dir);
    let program = dir.join(name);
    let source = xtask::root().join("examples").join(name).join("go");
    run(Command::new("go").args(["build", "-o"]).arg(&program).arg(".").current_dir(source));
    Command::new(program)
}

/// Python in an environment with the packages of clients/python.
pub fn python_program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| python_with(&clients().join("python/requirements.txt")))
}

/// A script in clients/python.
pub fn python(script: &str) -> Command {
    let mut python = Command::new(python_program());
    // A script that imports another one leaves nothing among the sources.
    python.arg("-B").arg(clients().join("python").join(script));
    python
}

/// Java with the programs in clients/java and their libraries in its class path.
pub fn java() -> Command {
    let mut java = Command::new("java");
    // Each program runs for seconds, which the best compiler of Java would need for itself.
    java.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", java_classpath()]);
    java
}

fn java_classpath() -> &'static str {
    static CLASSPATH: OnceLock<String> = OnceLock::new();
    CLASSPATH.get_or_init(|| {
        let project = clients().join("java");
        let made = prepared("java", &java_sources(&project), |directory| {
            let mut maven = Command::new("mvn");
            maven.args(["--quiet", "--batch-mode", "--file"]).arg(project.join("pom.xml"));
            maven.arg(format!("-Dbuilt={}", directory.display()));
            maven.arg(format!("-DoutputDirectory={}", directory.join("libraries").display()));
            run(maven.args(["compile", "dependency:copy-dependencies"]));
        });
        format!("{}:{}", made.join("classes").display(), made.join("libraries/*").display())
    })
}

/// All text from which Maven builds.
fn java_sources(project: &Path) -> String {
    let folder = std::fs::read_dir(project.join("src/main/java")).expect("a folder");
    let mut files: Vec<_> = folder.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files.push(project.join("pom.xml"));
    files.iter().map(|file| std::fs::read_to_string(file).expect("a file")).collect()
}
