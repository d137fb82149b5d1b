//! VoltDB's own Python client, newest on PyPI and unmodified, as a user's programs use it: both of its
//! modules. The programs are in tests/python; each checks its results itself.

use crate::support::{Server, Settings, programs};
use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
};

/// Python with VoltDB's client and a program of tests/python.
fn program(name: &str) -> Option<Command> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(name);
    let mut command = programs::python()?;
    // The client reads timestamps in the machine's time zone.
    command.arg(path).env("TZ", "UTC");
    Some(command)
}

#[test]
fn one_call_at_a_time() {
    let Some(mut python) = program("one_call_at_a_time.py") else { return };
    let server = Server::start();
    programs::run(python.arg(server.volt.port().to_string()));
}

#[test]
fn every_type() {
    let Some(mut python) = program("every_type.py") else { return };
    let server = Server::with(&Settings::example("every_type"));
    programs::run(python.arg(server.volt.port().to_string()));
}

#[test]
fn topology_aware() {
    let Some(mut python) = program("topology_aware.py") else { return };
    let settings = Settings { partitions: 8, ..Settings::example("every_type") };
    let server = Server::with(&settings);
    programs::run(python.arg(server.volt.port().to_string()).arg(settings.partitions.to_string()));
}

#[test]
fn across_a_restart() {
    let Some(mut python) = program("across_a_restart.py") else { return };
    let mut server = Server::start();
    python.arg(server.volt.port().to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut python = python.spawn().expect("Python starts");
    let mut to_python = python.stdin.take().expect("it is piped");
    let mut said = Vec::new();
    for line in BufReader::new(python.stdout.take().expect("it is piped")).lines() {
        let line = line.expect("Python prints text");
        match line.as_str() {
            "kill it" => server.kill(),
            "start it" => server.restart(),
            _ => {}
        }
        said.push(line);
        // After its last word the program reads no more.
        let _ = to_python.write_all(b"done\n");
    }
    let status = python.wait().expect("a child of ours");
    assert!(status.success(), "{status} after {said:?}");
    assert_eq!(said.last().map(String::as_str), Some("done"));
}
