//! Clients of Kafka for the tests, unmodified and of the versions named here, and Apache Kafka's broker: from
//! PyPI, npm, Maven Central and Go's modules into the target directory, each once.

use crate::{
    steps::{Steps, Workspace, succeed},
    tools::{Program, once},
};
use anyhow::{Context as _, Result};
use std::{fs, path::Path, process::Command};

/// What comes from Debian, or has to be there before: kcat and the languages that the callers are written in.
pub(crate) const PROGRAMS: [Program; 10] = [
    Program { probe: &["kcat", "-V"], package: "kcat" },
    Program { probe: &["node", "--version"], package: "nodejs" },
    Program { probe: &["npm", "--version"], package: "npm" },
    Program { probe: &["go", "version"], package: "golang-go" },
    // librdkafka's tests are built from source.
    Program { probe: &["c++", "--version"], package: "g++" },
    Program { probe: &["make", "--version"], package: "make" },
    Program { probe: &["test", "-e", "/usr/include/openssl/ssl.h"], package: "libssl-dev" },
    Program { probe: &["test", "-e", "/usr/include/sasl/sasl.h"], package: "libsasl2-dev" },
    Program { probe: &["test", "-e", "/usr/include/zlib.h"], package: "zlib1g-dev" },
    Program { probe: &["test", "-e", "/usr/include/zstd.h"], package: "libzstd-dev" },
];

/// kafka-python's codecs are packages of their own.
const PYTHON_CODECS: [&str; 3] = ["python-snappy==0.7.3", "lz4==4.4.5", "zstandard==0.25.0"];

/// Python's clients: an environment for each, and what is installed into it.
const PYTHON_CLIENTS: [(&str, &[&str]); 6] = [
    ("confluent-kafka", &["confluent-kafka[avro,schemaregistry]==2.16.1"]),
    ("kafka-python-2.0", &["kafka-python==2.0.2", PYTHON_CODECS[0], PYTHON_CODECS[1], PYTHON_CODECS[2]]),
    ("kafka-python-2.3", &["kafka-python==2.3.3", PYTHON_CODECS[0], PYTHON_CODECS[1], PYTHON_CODECS[2]]),
    ("kafka-python-3.0", &["kafka-python==3.0.12", PYTHON_CODECS[0], PYTHON_CODECS[1], PYTHON_CODECS[2]]),
    ("aiokafka", &["aiokafka==0.14.0", "cramjam==2.14.0"]),
    ("faust-streaming", &["faust-streaming==0.15.3", "aiokafka==0.14.0", "cramjam==2.14.0"]),
];

/// Apache's Java client: the one that the metro's demo brought, one of the last before 4.0 dropped
/// old protocol versions, and the newest.
pub(crate) const JAVA_CLIENT_VERSIONS: [&str; 3] = ["2.3.0", "3.9.0", "4.4.0"];

/// Installs all of them but the Debian packages, which are installed with the others.
pub(crate) fn install(steps: &mut Steps<'_>) {
    for (name, packages) in PYTHON_CLIENTS {
        steps.step(&format!("Kafka client {name} for Python"), |workspace, _| {
            install_python_client(workspace, name, packages)
        });
    }
    steps.step("Kafka client KafkaJS", |workspace, _| install_javascript_client(workspace));
    for version in JAVA_CLIENT_VERSIONS {
        steps.step(&format!("Kafka client {version} for Java"), |workspace, _| {
            install_jars(workspace, "java", &format!("kafka-java/{version}"), Some(version))
        });
    }
    steps.step("Kafka clients for Go", |workspace, _| build_go_clients(workspace));
    steps.step("Apache Kafka's broker", |workspace, _| {
        install_jars(workspace, "broker", "kafka-broker", None)
    });
}

fn install_python_client(workspace: &Workspace, name: &str, packages: &[&str]) -> Result<()> {
    let directory = workspace.tools().join("kafka-python").join(name);
    once(&directory, &packages.join(" "), || {
        succeed(Command::new("python3").args(["-m", "venv"]).arg(&directory))?;
        let mut pip = Command::new(directory.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(packages);
        succeed(&mut pip)
    })
}

/// npm wants its wishes in the directory that it fills.
fn install_javascript_client(workspace: &Workspace) -> Result<()> {
    let directory = workspace.tools().join("kafka-js");
    let wanted = read(&workspace.root.join("tests/kafka/js/package.json"))?;
    once(&directory, &wanted, || {
        fs::write(directory.join("package.json"), &wanted).context("writing package.json")?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"]);
        succeed(npm.current_dir(&directory))
    })
}

/// Copies what a pom under tests/kafka names, and what that needs, into one directory.
fn install_jars(workspace: &Workspace, pom: &str, directory: &str, version: Option<&str>) -> Result<()> {
    let directory = workspace.tools().join(directory);
    let pom = workspace.root.join("tests/kafka").join(pom).join("pom.xml");
    once(&directory, &read(&pom)?, || {
        let mut maven = Command::new("mvn");
        maven
            .args(["--quiet", "--batch-mode", "-Dstyle.color=never", "dependency:copy-dependencies"])
            .arg("-DincludeScope=runtime")
            .arg("--file")
            .arg(&pom);
        maven.args(version.map(|version| format!("-Dkafka-clients.version={version}")));
        maven.arg(format!("-DoutputDirectory={}", directory.display()));
        succeed(&mut maven)
    })
}

/// Go knows itself what has changed, so it is asked each time.
fn build_go_clients(workspace: &Workspace) -> Result<()> {
    let directory = workspace.tools().join("kafka-go");
    fs::create_dir_all(&directory).with_context(|| format!("making {}", directory.display()))?;
    let mut go = Command::new("go");
    go.args(["build", "-mod=readonly", "-o"]).arg(&directory).args(["./franz", "./sarama"]);
    go.current_dir(workspace.root.join("tests/kafka/go")).env("CGO_ENABLED", "0");
    succeed(&mut go)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| path.display().to_string())
}
