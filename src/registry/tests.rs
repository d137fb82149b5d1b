//! Requests and answers as Confluent's registry gives them; and a naive registry beside this one.

use super::*;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use serde_json::{Value as Json, json};

const A: &str = r#"{"type":"record","name":"r","fields":[{"name":"a","type":"int"}]}"#;
const A_WITH_B: &str = r#"{"type":"record","name":"r","fields":[{"name":"a","type":"int"},{"name":"b","type":["null","string"],"default":null}]}"#;
const A_AND_B: &str =
    r#"{"type":"record","name":"r","fields":[{"name":"a","type":"int"},{"name":"b","type":"string"}]}"#;

/// A registry, and all that was changed in it.
#[derive(Default)]
struct Server {
    registry: Registry,
    kept: Vec<Vec<u8>>,
}

impl Server {
    fn ask(&mut self, method: &str, path_and_query: &str, body: &str) -> (u16, Json) {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let answer = self.registry.handle(method, path, query, body.as_bytes()).unwrap();
        self.kept.extend(answer.change.iter().map(Change::to_bytes));
        (answer.status, serde_json::from_str(&answer.body).unwrap())
    }

    #[track_caller]
    fn check(&mut self, method: &str, path: &str, body: &str, expected: Json) {
        assert_eq!(self.ask(method, path, body), (200, expected), "{method} {path}");
    }

    #[track_caller]
    fn refused(&mut self, method: &str, path: &str, body: &str, code: u32, message: &str) {
        let status = if code > 999 { code / 100 } else { code } as u16;
        let expected = json!({ "error_code": code, "message": message });
        assert_eq!(self.ask(method, path, body), (status, expected), "{method} {path}");
    }

    fn register(&mut self, subject: &str, schema: &str) -> (u16, Json) {
        self.ask("POST", &format!("/subjects/{subject}/versions"), &with(schema))
    }
}

fn with(schema: &str) -> String {
    json!({ "schema": schema }).to_string()
}

#[test]
fn registering_and_looking() {
    let mut server = Server::default();
    server.check("GET", "/", "", json!({}));
    server.check("GET", "/subjects", "", json!([]));
    assert_eq!(server.register("s-value", A), (200, json!({ "id": 1 })));
    assert_eq!(server.register("s-value", &A.replace(':', " : \n")), (200, json!({ "id": 1 })), "the same");
    assert_eq!(server.register("s-value", A_WITH_B), (200, json!({ "id": 2 })));
    assert_eq!(server.register("t%2Fu", A), (200, json!({ "id": 1 })), "one number a schema");
    assert_eq!(server.register("key", "\"int\""), (200, json!({ "id": 3 })));
    assert_eq!(server.register("key", r#"{"type":"int"}"#), (200, json!({ "id": 3 })));
    server.check("GET", "/subjects", "", json!(["key", "s-value", "t/u"]));
    server.check("GET", "/subjects?subjectPrefix=s", "", json!(["s-value"]));
    server.check("GET", "/subjects/s-value/versions", "", json!([1, 2]));
    let second = json!({ "subject": "s-value", "version": 2, "id": 2, "schema": A_WITH_B });
    for version in ["2", "latest", "-1"] {
        server.check("GET", &format!("/subjects/s-value/versions/{version}"), "", second.clone());
    }
    server.check("POST", "/subjects/s-value", &with(A_WITH_B), second);
    server.check("GET", "/subjects/s-value/versions/1/schema", "", serde_json::from_str(A).unwrap());
    server.check("GET", "/schemas/ids/1", "", json!({ "schema": A }));
    server.check("GET", "/schemas/ids/1/subjects", "", json!(["s-value", "t/u"]));
    let uses = json!([{ "subject": "s-value", "version": 1 }, { "subject": "t/u", "version": 1 }]);
    server.check("GET", "/schemas/ids/1/versions", "", uses);
    server.check("GET", "/schemas/types", "", json!(["AVRO"]));
    server.check("GET", "/subjects/s-value/versions/1/referencedby", "", json!([]));
    let latest = server.ask("GET", "/schemas?latestOnly=true", "").1;
    assert_eq!(latest.as_array().map(Vec::len), Some(3));
    assert_eq!(server.registry.schema(2), Some(A_WITH_B));
    assert_eq!(server.registry.id_of("s-value", A_WITH_B), Some(2));
    assert_eq!(server.registry.id_of("key", A), None);
}

#[test]
fn what_is_refused() {
    let mut server = Server::default();
    server.register("s", A);
    server.refused("GET", "/subjects/x/versions", "", 40401, "Subject 'x' not found.");
    server.refused("GET", "/subjects/s/versions/7", "", 40402, "Version 7 not found.");
    server.refused("GET", "/schemas/ids/7", "", 40403, "Schema 7 not found");
    server.refused("POST", "/subjects/s", &with(A_WITH_B), 40403, "Schema not found");
    server.refused("POST", "/subjects/x", &with(A), 40401, "Subject 'x' not found.");
    server.refused("GET", "/nothing", "", 404, "HTTP 404 Not Found");
    server.refused("GET", "/subjects/%ff/versions", "", 404, "HTTP 404 Not Found");
    server.refused("PATCH", "/subjects", "", 405, "HTTP 405 Method Not Allowed");
    let version = "The specified version '0' is not a valid version id. Allowed values are between [1, 2^31-1] and the string \"latest\"";
    server.refused("GET", "/subjects/s/versions/0", "", 42202, version);
    let empty = "Invalid schema: it is empty";
    server.refused("POST", "/subjects/s/versions", "{}", 42201, empty);
    let missing = "Invalid schema: schema: there is no type \"x\"";
    server.refused("POST", "/subjects/s/versions", &with("\"x\""), 42201, missing);
    for (member, value) in [("schemaType", json!("JSON")), ("references", json!([{ "name": "x" }]))] {
        let mut body = json!({ "schema": A });
        body[member] = value;
        let (status, answer) = server.ask("POST", "/subjects/s/versions", &body.to_string());
        assert_eq!((status, &answer["error_code"]), (422, &json!(42201)));
    }
    let (status, answer) = server.ask("POST", "/subjects/s/versions", "{");
    assert_eq!((status, &answer["error_code"]), (422, &json!(422)));
    let (status, answer) = server.ask("POST", "/subjects/%00/versions", &with(A));
    assert_eq!((status, &answer["error_code"]), (422, &json!(42208)));
    assert_eq!(server.kept.len(), 1);
}

#[test]
fn compatibility() {
    let mut server = Server::default();
    server.check("GET", "/config", "", json!({ "compatibilityLevel": "BACKWARD" }));
    server.register("s", A);
    let (status, answer) = server.register("s", A_AND_B);
    assert_eq!((status, &answer["error_code"]), (409, &json!(409)));
    let message = answer["message"].as_str().unwrap();
    assert!(
        message
            .starts_with("Schema being registered is incompatible with an earlier schema for subject \"s\"")
    );
    assert!(message.contains("READER_FIELD_MISSING_DEFAULT_VALUE") && message.contains("'b'"), "{message}");
    let path = "/compatibility/subjects/s/versions/latest";
    server.check("POST", path, &with(A_WITH_B), json!({ "is_compatible": true }));
    server.check("POST", path, &with(A_AND_B), json!({ "is_compatible": false }));
    let verbose = server.ask("POST", &format!("{path}?verbose=true"), &with(A_AND_B)).1;
    assert_eq!(verbose["messages"].as_array().map(Vec::len), Some(1));
    server.check("POST", "/compatibility/subjects/new/versions", &with(A), json!({ "is_compatible": true }));
    server.refused(
        "POST",
        "/compatibility/subjects/new/versions/1",
        &with(A),
        40401,
        "Subject 'new' not found.",
    );

    let unset = "Subject 's' does not have subject-level compatibility configured";
    server.refused("GET", "/config/s", "", 40408, unset);
    server.check("GET", "/config/s?defaultToGlobal=true", "", json!({ "compatibilityLevel": "BACKWARD" }));
    server.check("PUT", "/config/s", r#"{"compatibility":"forward"}"#, json!({ "compatibility": "FORWARD" }));
    server.check("GET", "/config/s", "", json!({ "compatibilityLevel": "FORWARD" }));
    assert_eq!(server.register("s", A_AND_B).0, 200, "what has more is read by those that know less");
    // To the last version, this is a field with a default less; to the first, nothing.
    server.check(
        "PUT",
        "/config",
        r#"{"compatibility":"FULL_TRANSITIVE"}"#,
        json!({ "compatibility": "FULL_TRANSITIVE" }),
    );
    server.check("DELETE", "/config/s", "", json!({ "compatibilityLevel": "FORWARD" }));
    assert_eq!(server.register("s", A_WITH_B).0, 409);
    server.check("DELETE", "/config", "", json!({ "compatibilityLevel": "FULL_TRANSITIVE" }));
    assert_eq!(server.register("s", A_WITH_B).0, 200);
    server.check("PUT", "/config/s", r#"{"compatibility":"NONE"}"#, json!({ "compatibility": "NONE" }));
    assert_eq!(server.register("s", "\"int\"").0, 200);
    let (status, answer) = server.ask("PUT", "/config", r#"{"compatibility":"SOME"}"#);
    assert_eq!((status, &answer["error_code"]), (422, &json!(42203)));
    server.check("GET", "/mode", "", json!({ "mode": "READWRITE" }));
    assert_eq!(server.ask("PUT", "/mode", r#"{"mode":"READONLY"}"#).0, 422);
}

#[test]
fn deleting() {
    let mut server = Server::default();
    server.register("s", A);
    server.register("s", A_WITH_B);
    let live = "Subject 's' Version 1 was not deleted first before being permanently deleted";
    server.refused("DELETE", "/subjects/s/versions/1?permanent=true", "", 40407, live);
    server.check("DELETE", "/subjects/s/versions/1", "", json!(1));
    let gone = "Subject 's' Version 1 was soft deleted.Set permanent=true to delete permanently";
    server.refused("DELETE", "/subjects/s/versions/1", "", 40406, gone);
    server.check("GET", "/subjects/s/versions", "", json!([2]));
    server.check("GET", "/subjects/s/versions?deleted=true", "", json!([1, 2]));
    server.check("GET", "/schemas/ids/1", "", json!({ "schema": A }));
    server.check("DELETE", "/subjects/s/versions/1?permanent=true", "", json!(1));
    server.refused("GET", "/schemas/ids/1", "", 40403, "Schema 1 not found");
    let live = "Subject 's' was not deleted first before being permanently deleted";
    server.refused("DELETE", "/subjects/s?permanent=true", "", 40405, live);
    server.check("DELETE", "/subjects/s", "", json!([2]));
    let gone = "Subject 's' was soft deleted.Set permanent=true to delete permanently";
    server.refused("DELETE", "/subjects/s", "", 40404, gone);
    server.refused("GET", "/subjects/s/versions", "", 40401, "Subject 's' not found.");
    server.check("GET", "/subjects?deleted=true", "", json!(["s"]));
    assert_eq!(server.register("s", A_WITH_B), (200, json!({ "id": 2 })), "back, as a new version");
    server.check("GET", "/subjects/s/versions", "", json!([3]));
    server.check("DELETE", "/subjects/s", "", json!([3]));
    server.check("DELETE", "/subjects/s?permanent=true", "", json!([2, 3]));
    server.refused("DELETE", "/subjects/s", "", 40401, "Subject 's' not found.");
    assert_eq!(server.register("s", A), (200, json!({ "id": 3 })), "numbers are not given twice");
    server.check("GET", "/subjects/s/versions", "", json!([1]));
}

/// The same answers after all changes were read back, whatever was asked before.
#[test]
fn restored_from_its_changes() {
    let mut random = SmallRng::seed_from_u64(41);
    for _ in 0..60 {
        let mut server = Server::default();
        let mut naive: Vec<(String, &str)> = Vec::new();
        for _ in 0..60 {
            let mut pick = |among: &[&'static str]| among[random.random_range(0..among.len())];
            let (subject, schema) = (pick(&["s", "t", "é u"]), pick(&[A, A_WITH_B, A_AND_B, "\"string\""]));
            let path = subject.replace(' ', "%20");
            let version = pick(&["1", "2", "3", "latest"]);
            let permanent = pick(&["", "?permanent=true"]);
            match pick(&["register", "register", "register", "version", "subject", "level"]) {
                "register" => {
                    let (status, answer) = server.register(&path, schema);
                    assert!(status == 200 || status == 409, "{answer}");
                    if status == 200 {
                        let given = answer["id"].to_string();
                        naive.retain(|(id, _)| *id != given);
                        naive.push((given, schema));
                    }
                }
                "version" => {
                    drop(server.ask("DELETE", &format!("/subjects/{path}/versions/{version}{permanent}"), ""))
                }
                "subject" => drop(server.ask("DELETE", &format!("/subjects/{path}{permanent}"), "")),
                _ => {
                    let level = pick(&["NONE", "FULL", "BACKWARD_TRANSITIVE", "FORWARD"]);
                    drop(server.ask(
                        "PUT",
                        &format!("/config/{path}"),
                        &json!({ "compatibility": level }).to_string(),
                    ));
                }
            }
        }
        for (id, schema) in &naive {
            let (status, answer) = server.ask("GET", &format!("/schemas/ids/{id}"), "");
            assert!(
                status == 404 || answer["schema"] == json!(schema),
                "a number stands for one schema for ever"
            );
        }
        let changes = server.kept.iter().map(|bytes| Change::of_bytes(bytes).unwrap());
        let mut again = Server { registry: Registry::restore(changes).unwrap(), kept: Vec::new() };
        assert_eq!(again.registry.changes(), server.kept.len() as u64);
        let paths =
            ["/subjects", "/subjects?deleted=true", "/schemas?deleted=true", "/config/s", "/config/t"];
        for path in paths {
            assert_eq!(again.ask("GET", path, ""), server.ask("GET", path, ""), "{path}");
        }
        assert_eq!(again.register("w", A), server.register("w", A));
    }
}

#[test]
fn changes_that_cannot_be() {
    let mut registry = Registry::default();
    let change = |version, id, schema: &str| Change::Register {
        subject: "s".to_owned(),
        version,
        id,
        schema: schema.to_owned(),
    };
    registry.apply(&change(1, 1, A)).unwrap();
    for wrong in [change(1, 2, A_WITH_B), change(2, 1, A_WITH_B), change(2, 2, "x")] {
        assert!(registry.apply(&wrong).is_err());
    }
    assert_eq!(registry.changes(), 1);
    let missing = Change::DeleteVersion { subject: "s".to_owned(), version: 2, permanent: true };
    assert_eq!(
        registry.apply(&missing).unwrap_err().to_string(),
        "subject s: version 2: there is no such version"
    );
    assert!(Change::of_bytes(b"{\"change\":\"x\"}").unwrap_err().to_string().starts_with("change: "));
}

#[test]
fn hostile_requests() {
    let mut random = SmallRng::seed_from_u64(42);
    let requests = [
        format!("POST /subjects/s/versions normalize=true\n{}", with(A_WITH_B)),
        format!("POST /compatibility/subjects/s/versions/latest verbose=true\n{}", with(A_AND_B)),
        "DELETE /subjects/s/versions/1 permanent=false\n".to_owned(),
        "PUT /config/s \n{\"compatibility\":\"FULL\"}".to_owned(),
        "GET /schemas/ids/1/versions deleted=true\n".to_owned(),
    ];
    let kept = [
        Change::Register { subject: "s".to_owned(), version: 1, id: 1, schema: A.to_owned() },
        Change::SetLevel { subject: None, level: Some(Level::Full) },
    ];
    for round in 0..6_000 {
        let mut bytes = match round % 2 {
            0 => requests[random.random_range(0..requests.len())].clone().into_bytes(),
            _ => kept[random.random_range(0..kept.len())].to_bytes(),
        };
        for _ in 0..random.random_range(0..4) {
            let at = random.random_range(0..bytes.len());
            bytes[at] = random.random();
        }
        let _ = fuzz::request(&bytes);
        let _ = fuzz::change(&bytes);
    }
}
