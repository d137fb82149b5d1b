//! Callers in other languages, run as a user would run them: Python with VoltDB's client from PyPI, Java with
//! VoltDB's client from Maven Central, curl. `cargo xtask test` installs them; where one is missing, a test
//! says so and why.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

pub(crate) const JAVA_CLIENT_VERSIONS: [&str; 2] = ["13.2.2", "11.4.2"];

/// Where `cargo xtask tools` puts what isn't a Debian package.
pub(super) fn tools() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is in the target directory");
    target.join("test-tools")
}

/// Says loudly that a test is skipped; under `cargo xtask test`, which installs tools, that is a failure.
pub(crate) fn skip(why: &str) {
    let required = std::env::var("TOLLGATE_TEST_TOOLS").is_ok_and(|value| value == "required");
    assert!(!required, "{why}");
    eprintln!("SKIPPED: {why}; `cargo xtask tools` installs it");
}

/// Python with VoltDB's client, or `None` after [`skip`].
pub(crate) fn python() -> Option<Command> {
    let directory = tools().join("python");
    if !directory.join("installed").exists() {
        skip("VoltDB's Python client is not installed");
        return None;
    }
    let mut command = Command::new(directory.join("bin/python"));
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONUNBUFFERED", "1");
    Some(command)
}

/// Java callers, compiled against one version of VoltDB's client.
pub(crate) struct Java {
    class_path: String,
    _classes: tempfile::TempDir,
}

impl Java {
    /// Compiles sources, or `None` after [`skip`].
    pub(crate) fn compile(version: &str, sources: &[PathBuf]) -> Option<Java> {
        let jars = tools().join("java").join(version);
        if !jars.join("installed").exists() {
            skip(&format!("VoltDB's Java client {version} is not installed"));
            return None;
        }
        Some(Java::compile_with(&jars, sources))
    }

    /// Compiles sources against the jars in a directory.
    pub(crate) fn compile_with(jars: &Path, sources: &[PathBuf]) -> Java {
        let classes = tempfile::tempdir().expect("a directory for classes");
        let class_path = format!("{}:{}/*", classes.path().display(), jars.display());
        let mut javac = Command::new("javac");
        javac.args(["-Xlint:all,-processing,-classfile,-path", "-Werror", "-cp", &class_path, "-d"]);
        run(javac.arg(classes.path()).args(sources));
        Java { class_path, _classes: classes }
    }

    /// Starts a class; older clients reach into the JDK, so that much is opened for them.
    pub(crate) fn start(&self, class: &str) -> Command {
        let mut command = Command::new("java");
        command.args(["-Xmx256m", "-ea", "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED"]);
        command.args(["-cp", &self.class_path, class]);
        command
    }
}

/// The Java sources in a directory of the repository.
pub(crate) fn java_sources(directory: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let entries = fs::read_dir(&directory).expect("a directory of Java sources");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut sources: Vec<PathBuf> = paths.filter(|p| p.extension().is_some_and(|e| e == "java")).collect();
    sources.sort();
    sources
}

/// Runs a program to its end and gives back what it printed. A test fails with all of that if the program
/// does.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} ended with {}\n{printed}\n{errors}", output.status);
    printed
}
