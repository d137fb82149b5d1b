//! VoltDB's JSON interface.

use super::Server;
use serde_json::json;

#[test]
fn forms_in_query_and_body() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let insert = server.post(
        "/api/1.0/",
        "Procedure=ACCOUNTS.insert&Parameters=%5B1%2C%22Ada%22%2C10%5D&User=u&Hashedpassword=",
    );
    assert_eq!(insert.status, 401);
    let insert =
        server.post("/api/1.0/", "Procedure=ACCOUNTS.insert&Parameters=%5B1%2C%22Ada%22%2C10%5D&admin=true");
    let expected = r#"{"status":1,"appstatus":-128,"statusstring":null,"appstatusstring":null,
        "results":[{"status":-128,"schema":[{"name":"modified_tuples","type":6}],"data":[[1]]}]}"#;
    assert_eq!((insert.status, insert.body), (200, expected.replace("\n        ", "")));
    let select = server.get("/api/2.0/?Procedure=ACCOUNTS.select&Parameters=[1]&jsonp=show");
    assert_eq!(select.header("content-type"), Some("application/javascript"));
    let expected = r#"show( {"status":1,"appstatus":-128,"statusstring":null,"appstatusstring":null,
        "results":{"0":[{"ID":1,"NAME":"Ada","BALANCE":10}]}} )"#;
    assert_eq!(select.body, expected.replace("\n        ", ""));
}

#[test]
fn failures_come_with_status_200() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let check = |form: &str, status: i64, text: &str| {
        let answer = server.post("/api/1.0/", form);
        assert_eq!(answer.status, 200, "{answer:?}");
        let json = answer.json();
        assert_eq!((json["status"].as_i64(), json["statusstring"].as_str()), (Some(status), Some(text)));
    };
    check("Procedure=Nothing", -3, "Procedure Nothing was not found");
    check("Procedure=Pay&Parameters=[9,1]", -1, "VOLTDB ERROR: USER ABORT\n  there is no account 9");
    check("Procedure=Pay&Parameters=[9]", -2, "parameter amount: is missing: Pay takes 2 parameters");
    let missing = server.get("/api/1.0/?Parameters=[]");
    assert_eq!((missing.status, missing.json()["status"].as_i64()), (400, Some(-3)));
}

#[test]
fn system_procedures_too() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    server.call("ACCOUNTS.insert", r#"[1, "Ada", 10]"#);
    let call = |form: &str| {
        let answer = server.post("/api/2.0/", form);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    };
    assert_eq!(call("Procedure=@Ping")["results"], json!({}));
    let topology = call("Procedure=@Statistics&Parameters=[\"TOPO\",0]");
    assert_eq!(
        topology["results"]["0"].as_array().map(Vec::len),
        Some(3),
        "two partitions and the coordinator"
    );
    let sql = r#"Procedure=@AdHoc&Parameters=["SELECT name FROM accounts WHERE id = ?", 1]"#;
    assert_eq!(call(sql)["results"]["0"], json!([{ "NAME": "Ada" }]));
    let tables = call("Procedure=@SystemCatalog&Parameters=[\"TABLES\"]").to_string();
    assert!(tables.contains("ACCOUNTS") && !tables.contains("TOLLGATE_SESSIONS"));
    assert_eq!(call("Procedure=@Nonsense")["status"], -3);
    assert_eq!(call("Procedure=@Statistics&Parameters=[[1]]")["status"], -2);
    let stream = "Procedure=@StreamBounds&Parameters=[]";
    assert_eq!(call(stream)["status"], -2, "a directed procedure needs a partition");
}
