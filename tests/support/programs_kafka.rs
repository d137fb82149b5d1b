//! Callers of the Kafka endpoint in other languages, each with an unmodified client of a named version.
//! `cargo xtask tools` installs the clients; the programs stand in tests/kafka.

use super::programs::{Java, skip, tools};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

pub(crate) const JAVA_VERSIONS: [&str; 3] = ["2.3.0", "3.9.0", "4.4.0"];

/// Python's clients, and the program that is written for each.
pub(crate) const PYTHON_CLIENTS: [(&str, &str); 6] = [
    ("confluent-kafka", "confluent.py"),
    ("kafka-python-2.0", "kafka_python.py"),
    ("kafka-python-2.3", "kafka_python.py"),
    ("kafka-python-3.0", "kafka_python.py"),
    ("aiokafka", "aio.py"),
    ("faust-streaming", "faust_worker.py"),
];

fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kafka").join(path)
}

/// What is installed at a path, or `None` after [`skip`].
fn installed(path: &str) -> Option<PathBuf> {
    let path = tools().join(path);
    if !path.exists() {
        skip(&format!("{} is not installed", path.display()));
        return None;
    }
    Some(path)
}

/// A Python program with its client: the arguments are the server's address, a scenario, and what that needs.
pub(crate) fn python(client: &str, program: &str) -> Option<Command> {
    let directory = installed(&format!("kafka-python/{client}/installed"))?.with_file_name("bin");
    let mut command = Command::new(directory.join("python"));
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONUNBUFFERED", "1");
    command.arg(source("python").join(program));
    Some(command)
}

/// The program that runs kcat, which is a Debian package; with that package's librdkafka, not with the one
/// whose directory cargo names to what it starts.
pub(crate) fn kcat() -> Option<Command> {
    if !Path::new("/usr/bin/kcat").exists() {
        skip("kcat is not installed");
        return None;
    }
    let mut command = Command::new("python3");
    command.env_remove("LD_LIBRARY_PATH");
    command.env("PYTHONDONTWRITEBYTECODE", "1").arg(source("python/kcat.py"));
    Some(command)
}

pub(crate) fn javascript() -> Option<Command> {
    let modules = installed("kafka-js/installed")?.with_file_name("node_modules");
    let mut command = Command::new("node");
    command.env("NODE_PATH", modules).arg(source("js/kafka_caller.js"));
    Some(command)
}

pub(crate) fn go(client: &str) -> Option<Command> {
    installed(&format!("kafka-go/{client}")).map(Command::new)
}

/// The one Java program, compiled against one version; start its class `KafkaCaller`.
pub(crate) fn java(version: &str, sources: &[PathBuf]) -> Option<Java> {
    let jars = installed(&format!("kafka-java/{version}/installed"))?.with_file_name("");
    Some(Java::compile_with(&jars, sources))
}
