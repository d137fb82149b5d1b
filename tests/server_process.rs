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

/// What it is told to have ready is there when it serves: memory, and segments that the log goes on in.
#[test]
fn it_has_ready_what_it_is_told_to() {
    let more = "[memory]\nready_bytes = 67108864\n[log]\nsegment_bytes = 1048576\nready_segments = 6\n";
    let (plain, ready) = (Server::start(), Server::with(&Settings { more, ..Settings::default() }));
    let resident = |server: &Server| {
        let text = http::get(server.http, "/metrics").unwrap().body;
        let line = text.lines().find(|line| line.starts_with("process_resident_memory_bytes ")).unwrap();
        line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    let more = resident(&ready) - resident(&plain);
    assert!(more > f64::from(48 << 20), "{more} more bytes are resident");
    let log = std::fs::read_dir(ready.data_directory().join("log")).unwrap();
    let is_spare = |name: &str| name.starts_with("spare-");
    let spares = log.filter(|file| is_spare(&file.as_ref().unwrap().file_name().to_string_lossy())).count();
    // The one that is being written to was one of them.
    assert!(spares >= 5, "{spares} spare segments");
}
