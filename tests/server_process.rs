//! The server as a process: it starts, says that it is well, stops when asked, and starts again on its data.

use crate::support::{Server, Settings, http};
use std::fs;
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

/// With `net_core`, the thread of the sockets and the log's share no core; a query, on a thread that the
/// first one starts, keeps off that core, too. With a single core there is nothing to share out, and it
/// serves all the same.
#[test]
fn its_net_thread_may_have_a_core_for_itself() {
    let server = Server::with(&Settings { keys: "net_core = true", ..Settings::default() });
    let query = [Value::Varchar("SELECT COUNT(*) FROM stations".to_string())];
    let answer = server.connect().call("@AdHoc", &query).unwrap();
    assert!(answer.is_success(), "{}", answer.status_text);
    let tasks = format!("/proc/{}/task", server.process_id());
    let threads: Vec<(String, String)> = fs::read_dir(tasks)
        .unwrap()
        .map(|task| {
            let text = fs::read_to_string(task.unwrap().path().join("status")).unwrap();
            let value =
                |key| text.lines().find_map(|line| line.strip_prefix(key)).unwrap().trim().to_string();
            (value("Name:"), value("Cpus_allowed_list:"))
        })
        .collect();
    let cores = |name: &str| -> Vec<&str> {
        threads.iter().filter(|(n, _)| n.starts_with(name)).map(|(_, cores)| cores.as_str()).collect()
    };
    let (all, net, log, queries) = (cores("tollgate"), cores("net"), cores("log"), cores("tokio"));
    assert_eq!((net.len(), log.len(), queries.len()), (1, 1, 1), "{threads:?}");
    if std::thread::available_parallelism().unwrap().get() > 1 {
        let starts_with_net = |cores: &str| cores.split([',', '-']).next() == Some(net[0]);
        assert!(net[0].parse::<u32>().is_ok() && starts_with_net(all[0]), "one core, the first: {threads:?}");
        assert!(!starts_with_net(log[0]) && !starts_with_net(queries[0]), "{threads:?}");
    }
}
