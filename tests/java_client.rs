//! VoltDB's own Java clients, unmodified, from Maven Central: both clients, the bulk loader, the JDBC driver,
//! of two versions. The programs are in tests/java; each checks its results itself.

use crate::support::{
    Server, Settings,
    programs::{self, Java},
};

const PARTITIONS: u16 = 8;

/// Runs each program of tests/java on a server of its own.
fn run_all(version: &str) {
    let Some(java) = Java::compile(version, &programs::java_sources("tests/java/src")) else { return };
    for class in ["ClassicClient", "NewClient", "BulkLoader", "Jdbc"] {
        let server = Server::with(&Settings { partitions: PARTITIONS, ..Settings::example("every_type") });
        let port = server.volt.port().to_string();
        let printed = programs::run(java.start(class).args([port, PARTITIONS.to_string()]));
        assert!(printed.ends_with("done\n"), "{class} came to its end: {printed}");
    }
}

#[test]
fn version_13() {
    run_all(programs::JAVA_CLIENT_VERSIONS[0]);
}

#[test]
fn version_11() {
    run_all(programs::JAVA_CLIENT_VERSIONS[1]);
}
