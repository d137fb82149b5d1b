//! What the tests need and the workspace doesn't bring: each named here, installed once, and left alone when
//! it is there. Debian's packages through apt-get, VoltDB's own clients from PyPI and Maven Central into the
//! target directory.

use crate::{
    steps::{Steps, Workspace, succeed},
    tools_kafka,
};
use anyhow::{Context as _, Result, bail};
use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

/// A program the tests start: how to see that it is there, and the package that brings it.
pub(crate) struct Program {
    pub probe: &'static [&'static str],
    pub package: &'static str,
}

const PROGRAMS: [Program; 9] = [
    // librdkafka is built from its source, with OpenSSL.
    Program { probe: &["sh", "-c", "make --version && c++ --version"], package: "build-essential" },
    Program { probe: &["pkg-config", "--version"], package: "pkg-config" },
    Program { probe: &["pkg-config", "--exists", "openssl"], package: "libssl-dev" },
    Program { probe: &["python3", "-c", "import venv, ensurepip"], package: "python3-venv" },
    Program { probe: &["javac", "-version"], package: "default-jdk-headless" },
    Program { probe: &["mvn", "--version"], package: "maven" },
    Program { probe: &["curl", "--version"], package: "curl" },
    // bench's peers: a server of each is started and its answers are compared with the rules.
    Program { probe: &["redis-server", "--version"], package: "redis-server" },
    Program { probe: &["sh", "-c", "ls /usr/lib/postgresql/*/bin/postgres"], package: "postgresql" },
];

/// VoltDB's Python client: the newest there is when the target directory is made.
const PYTHON_CLIENT: &str = "voltdbclient";

/// VoltDB's Java client: the newest on Maven Central, and one from before its rewrite for Java 17. What else
/// they need is in tests/java/pom.xml.
pub(crate) const JAVA_CLIENT_VERSIONS: [&str; 2] = ["13.2.2", "11.4.2"];

/// Installs what is missing. A failure doesn't keep the tests from running: those that lack a tool fail by
/// name.
pub(crate) fn install(steps: &mut Steps<'_>) {
    steps.step("Debian packages that the tests need", |_, _| install_programs());
    steps.step("VoltDB's Python client", |workspace, _| install_python_client(workspace));
    for version in JAVA_CLIENT_VERSIONS {
        steps.step(&format!("VoltDB's Java client {version}"), |workspace, _| {
            install_java_client(workspace, version)
        });
    }
    tools_kafka::install(steps);
}

fn answers(probe: &[&str]) -> bool {
    let mut command = Command::new(probe[0]);
    command.args(&probe[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn install_programs() -> Result<()> {
    let programs = PROGRAMS.iter().chain(&tools_kafka::PROGRAMS);
    let missing: Vec<&str> = programs.filter(|p| !answers(p.probe)).map(|p| p.package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("    missing: {}", missing.join(", "));
    let words: &[&str] = if answers(&["sh", "-c", "test $(id -u) = 0"]) {
        &["apt-get"]
    } else if answers(&["sudo", "--non-interactive", "true"]) {
        &["sudo", "--non-interactive", "apt-get"]
    } else {
        bail!("not root: install them with `apt-get install {}`", missing.join(" "));
    };
    let apt_get = |arguments: &[&str]| {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        succeed(&mut command)
    };
    apt_get(&["update", "--quiet"])?;
    apt_get(&[&["install", "--yes", "--quiet", "--no-install-recommends"], missing.as_slice()].concat())
}

fn install_python_client(workspace: &Workspace) -> Result<()> {
    let directory = workspace.tools().join("python");
    once(&directory, PYTHON_CLIENT, || {
        succeed(Command::new("python3").args(["-m", "venv"]).arg(&directory))?;
        let mut pip = Command::new(directory.join("bin/python"));
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--upgrade",
            PYTHON_CLIENT,
        ]);
        succeed(&mut pip)
    })
}

fn install_java_client(workspace: &Workspace, version: &str) -> Result<()> {
    let directory = workspace.tools().join("java").join(version);
    let pom = workspace.root.join("tests/java/pom.xml");
    let wanted = fs::read_to_string(&pom).with_context(|| pom.display().to_string())?;
    once(&directory, &wanted, || {
        let mut maven = Command::new("mvn");
        maven
            .args(["--quiet", "--batch-mode", "-Dstyle.color=never", "dependency:copy-dependencies"])
            .arg("--file")
            .arg(&pom);
        maven.arg(format!("-Dvoltdbclient.version={version}"));
        maven.arg(format!("-DoutputDirectory={}", directory.display()));
        succeed(&mut maven)
    })
}

/// Fills a directory unless it was filled for the same wish before; a half-filled one starts anew.
pub(crate) fn once(directory: &Path, wanted: &str, fill: impl FnOnce() -> Result<()>) -> Result<()> {
    let marker = directory.join("installed");
    if fs::read_to_string(&marker).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    if directory.exists() {
        fs::remove_dir_all(directory).with_context(|| format!("removing {}", directory.display()))?;
    }
    fs::create_dir_all(directory).with_context(|| format!("making {}", directory.display()))?;
    fill()?;
    fs::write(&marker, wanted).with_context(|| format!("writing {}", marker.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn a_directory_is_filled_once_for_each_wish_and_again_after_a_failure() {
        let directory = std::env::temp_dir().join(format!("tollgate-xtask-{}", std::process::id()));
        let fills = Cell::new(0);
        let fill = || {
            fills.set(fills.get() + 1);
            Ok(())
        };
        once(&directory, "one", fill).unwrap();
        once(&directory, "one", fill).unwrap();
        assert_eq!(fills.get(), 1);
        assert!(once(&directory, "two", || bail!("no network")).is_err());
        once(&directory, "two", fill).unwrap();
        assert_eq!(fills.get(), 2);
        fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn a_probe_of_a_program_that_is_not_there_fails() {
        assert!(answers(&["true"]));
        assert!(!answers(&["false"]));
        assert!(!answers(&["a-program-that-is-not-there"]));
    }
}
