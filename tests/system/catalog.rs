//! `@SystemCatalog`, `@SystemInformation`, `@GetPartitionKeys`.

use super::Server;

#[test]
fn what_is_the_server_s_own_is_not_listed() {
    let mut server = Server::start();
    for selector in ["TABLES", "COLUMNS", "INDEXINFO", "PRIMARYKEYS", "PROCEDURES", "PROCEDURECOLUMNS"] {
        let table = server.call_texts("@SystemCatalog", &[selector]).into_first_table();
        let texts = table.rows.iter().flatten().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        assert!(texts.contains("CARDS"), "{selector}: {texts}");
        assert!(!texts.contains("TOLLGATE_") && !texts.contains("@Load"), "{selector}: {texts}");
    }
    for selector in ["FUNCTIONS", "TYPEINFO", "CLASSES", "ROLES", "USERS", "TASKS", "TOPICS", "CONFIG"] {
        assert!(server.call_texts("@SystemCatalog", &[selector]).is_success(), "{selector}");
    }
}

#[test]
fn clients_are_told_the_address_they_came_by() {
    let mut server = Server::start();
    let port = server.node.as_ref().unwrap().volt_address.port();
    for parameters in [&["OVERVIEW"][..], &[]] {
        let table = server.call_texts("@SystemInformation", parameters).into_first_table();
        let value = |key: &str| {
            let row = table.rows.iter().find(|row| table.text(row, "KEY") == Some(key));
            row.and_then(|row| table.text(row, "VALUE")).map(str::to_string)
        };
        assert_eq!(value("IPADDRESS").as_deref(), Some("127.0.0.1"));
        assert_eq!(value("CLIENTPORT"), Some(port.to_string()));
        assert_eq!(value("CLUSTERSTATE").as_deref(), Some("RUNNING"));
    }
    let deployment = super::render(&server.call_texts("@SystemInformation", &["deployment"]));
    for line in ["  hostcount | 1\n", "  sitesperhost | 4\n", "  kfactor | 0\n"] {
        assert!(deployment.contains(line), "{deployment}");
    }
    assert!(server.call_texts("@SystemInformation", &["LICENSE"]).is_success());
    assert_eq!(server.call_texts("@GetPartitionKeys", &["INTEGER"]).tables[0].rows.len(), 4);
}
