//! The server as a process: it starts, says that it is well, stops when asked, and starts again on its data.

use crate::support::{Server, Settings, http};
use tollgate_schema::value::Value;

#[test]
fn it_starts_stops_and_starts_again() {
    let mut server = Server::start();
    let health = http::get(server.http, "/api/v1/health").unwrap();
    assert_eq!(health.status, 200, "{}", health.body);
    assert!(health.json()["status"].is_string(), "{}", health.body);

    let status = server.stop();
    assert!(status.success(), "a server that is asked to stop ends with 0, not {status}:\n{}", server.log());
    server.restart();
    server.kill();
    server.restart();
}

/// Started with few open files, as from many a shell, it allows itself as many as the system lets it.
#[test]
fn it_raises_its_limit_of_open_files() {
    let server = Server::with(&Settings { shell: "ulimit -Sn 300", ..Settings::default() });
    let limits = [Value::Varchar("LIMITS".to_string()), Value::Integer(0)];
    let table = server.connect().call("@Statistics", &limits).unwrap().into_first_table();
    let limit = table.integer(&table.rows[0], "FILE_DESCRIPTORS_LIMIT").unwrap();
    assert!(limit > 300, "{limit}");
}
