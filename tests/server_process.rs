//! The server as a process: it starts, says that it is well, stops when asked, and starts again on its data.

use crate::support::{Server, http};

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
