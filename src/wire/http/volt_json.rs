//! VoltDB's JSON interface, `/api/1.0/` and `/api/2.0/`: a call as a form, in the query or in the body, its
//! response as VoltDB writes it. What a procedure answers, failures too, comes with status 200.

use super::{
    body,
    call::{self, Reply, Request, to_json},
    error::ApiError,
    parameters::Given,
    procedures::json_response,
    results::{ByTable, RowArrays, RowObjects},
};
use crate::wire::volt::{
    invocation::Invocation,
    response::{Response as VoltResponse, Tables},
    server::{Front, answer_alone, status_of},
    status::Status,
};
use axum::{
    body::Body,
    extract::{RawQuery, State},
    http::{HeaderValue, StatusCode, header},
    response::Response,
    routing::{MethodRouter, get},
};
use bytes::Bytes;
use serde::{Serialize, Serializer, ser::SerializeMap};
use std::sync::Arc;
use tollgate_schema::codec::{TableReader, code};

/// How result tables are written.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// 1.0: schema and rows apart.
    Arrays,
    /// 2.0: each row an object.
    Objects,
}

pub(super) fn routes(form: Form) -> MethodRouter<Arc<Front>> {
    let answer = move |State(front): State<Arc<Front>>, RawQuery(query): RawQuery, body: Body| async move {
        answer(&front, form, query.as_deref().unwrap_or(""), body).await
    };
    get(answer).post(answer)
}

/// The fields that are looked at. User and password are not checked while security is off; a priority and a
/// time limit are for procedures that run long, which none here does.
#[derive(Default)]
struct Fields {
    procedure: String,
    parameters: String,
    callback: Option<String>,
}

async fn answer(front: &Arc<Front>, form: Form, query: &str, body: Body) -> Result<Response, ApiError> {
    let body = body::read(body).await?;
    let fields = match fields(query.as_bytes(), &body) {
        Ok(fields) => fields,
        Err((status, text)) => {
            let failure = VoltResponse::failure(0, Status::UnexpectedFailure, &text);
            return respond(status, None, json(form, &failure)?);
        }
    };
    let callback = fields.callback.as_deref();
    match run(front, &fields).await {
        Ok(reply) => {
            let json = reply.written(move |reply| json(form, &reply.response()?)).await?;
            respond(StatusCode::OK, callback, json)
        }
        Err(Failure { status, text }) => {
            let http = match front.shared.gate.is_stopping() {
                true => StatusCode::NOT_FOUND,
                false => StatusCode::OK,
            };
            respond(http, callback, json(form, &VoltResponse::failure(0, status, &text))?)
        }
    }
}

struct Failure {
    status: Status,
    text: String,
}

async fn run(front: &Arc<Front>, fields: &Fields) -> Result<Reply, Failure> {
    let (shared, gate) = (&front.shared, &front.shared.gate);
    let refused = |error: ApiError| Failure {
        status: if error.retry { Status::ServerUnavailable } else { Status::GracefulFailure },
        text: match &error.parameter {
            Some(name) => format!("parameter {name}: {}", error.message),
            None => error.message,
        },
    };
    let is_system = fields.procedure.starts_with('@') && gate.registry().find(&fields.procedure).is_none();
    if is_system {
        return system(front, fields).await.map_err(refused);
    }
    let procedure = gate
        .admit(&fields.procedure)
        .map_err(|refusal| Failure { status: status_of(&refusal), text: refusal.to_string() })?;
    let registry = gate.registry();
    let mut parameters = Vec::new();
    Given::of_json(&fields.parameters)
        .and_then(|given| {
            given.write(&registry.get(procedure).procedure, registry.catalog(), &mut parameters)
        })
        .map_err(refused)?;
    let request = Request { procedure, parameters, destination: None, identity: None };
    call::run(shared, request).await.map_err(refused)
}

/// A system procedure, whose parameters are of whatever types they come in.
async fn system(front: &Arc<Front>, fields: &Fields) -> Result<Reply, ApiError> {
    let mut frame = Vec::new();
    let values = Given::of_json(&fields.parameters)?.untyped()?;
    Invocation::new(&fields.procedure, 0, &[]).write_with(&mut frame, |parameters| {
        values.iter().for_each(|value| {
            parameters.put_value(value);
        });
    });
    let local = front.shared.addresses.get().expect("the ports are bound").http;
    // The answer takes the call's body, without the length in front.
    let body = Bytes::from(frame).slice(4..);
    Ok(Reply::of_frame(answer_alone(front, local, body).await))
}

/// Reads the fields; an error comes with its status over HTTP.
fn fields(query: &[u8], body: &[u8]) -> Result<Fields, (StatusCode, String)> {
    let bad = |text: &str| Err((StatusCode::BAD_REQUEST, text.to_string()));
    let mut fields = Fields::default();
    for (name, value) in form_urlencoded::parse(query).chain(form_urlencoded::parse(body)) {
        match &*name {
            "Procedure" => fields.procedure = value.into_owned(),
            "Parameters" => fields.parameters = value.into_owned(),
            "jsonp" if value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'$') => {
                fields.callback = Some(value.into_owned()).filter(|name| !name.is_empty());
            }
            "jsonp" => return bad("Invalid jsonp callback function name"),
            "Hashedpassword" => {
                let is_hash = matches!(value.len(), 40 | 64) && value.bytes().all(|b| b.is_ascii_hexdigit());
                if !is_hash {
                    let text = "Hashedpassword must be 40 or 64 hexadecimal digits";
                    return Err((StatusCode::UNAUTHORIZED, text.to_string()));
                }
            }
            "Querytimeout" if !value.parse::<i32>().is_ok_and(|ms| ms >= 1) => {
                return bad("Querytimeout must be a number of milliseconds, at least 1");
            }
            "Priority" if !value.parse::<i32>().is_ok_and(|p| (1..=8).contains(&p)) => {
                return bad("Priority must be a number from 1 to 8");
            }
            // A field of another client, or of a later version.
            _ => {}
        }
    }
    if fields.procedure.is_empty() {
        return bad("Procedure parameter is missing");
    }
    if fields.parameters.is_empty() {
        fields.parameters = "[]".to_string();
    }
    Ok(fields)
}

fn json(form: Form, response: &VoltResponse<'_>) -> Result<Vec<u8>, ApiError> {
    to_json(&Written { response, form })
}

fn respond(status: StatusCode, callback: Option<&str>, json: Vec<u8>) -> Result<Response, ApiError> {
    let Some(callback) = callback else { return json_response(status, json) };
    let script = [callback.as_bytes(), b"( ", &json, b" )"].concat();
    let mut response = json_response(status, script)?;
    let script_type = HeaderValue::from_static("application/javascript");
    response.headers_mut().insert(header::CONTENT_TYPE, script_type);
    Ok(response)
}

/// The response as VoltDB writes it.
struct Written<'a> {
    response: &'a VoltResponse<'a>,
    form: Form,
}

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let response = self.response;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("status", &response.status.code())?;
        map.serialize_entry("appstatus", &response.app_status)?;
        map.serialize_entry("statusstring", &response.status_text)?;
        map.serialize_entry("appstatusstring", &response.app_status_text)?;
        match self.form {
            Form::Arrays => map.serialize_entry("results", &ByTable(response.tables, Table))?,
            Form::Objects => map.serialize_entry("results", &Numbered(response.tables))?,
        }
        map.end()
    }
}

/// `{"status":-128,"schema":[{"name","type"}],"data":[[…]]}`.
struct Table<'a>(TableReader<'a>);

impl Serialize for Table<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Column<'a> {
            name: &'a str,
            #[serde(rename = "type")]
            code: i8,
        }
        let schema: Vec<_> = self.0.columns().map(|(name, code)| Column { name, code }).collect();
        debug_assert!(schema.iter().all(|column| code::to_type(column.code).is_some()));
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("status", &i8::MIN)?;
        map.serialize_entry("schema", &schema)?;
        map.serialize_entry("data", &RowArrays(self.0))?;
        map.end()
    }
}

/// `{"0":[{…}],"1":…}`.
struct Numbered<'a>(Tables<'a>);

impl Serialize for Numbered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(usize::from(self.0.count)))?;
        for (number, table) in self.0.iter().enumerate() {
            let table = table.map_err(serde::ser::Error::custom)?;
            map.serialize_entry(&number.to_string(), &RowObjects(table))?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_schema::{
        codec::{TableHeader, TableWriter},
        types::Type,
    };

    fn table() -> Vec<u8> {
        let header = TableHeader::new([("C", Type::BigInt)]);
        let mut bytes = Vec::new();
        let mut table = TableWriter::new(&mut bytes, &header);
        table.row(|row| {
            row.put_i64(1);
        });
        table.finish();
        bytes
    }

    fn text(form: Form, response: &VoltResponse<'_>) -> String {
        String::from_utf8(json(form, response).unwrap()).unwrap()
    }

    #[test]
    fn responses_as_published() {
        let bytes = table();
        let response = VoltResponse::success(1, Tables { count: 1, bytes: &bytes });
        let head = r#"{"status":1,"appstatus":-128,"statusstring":null,"appstatusstring":null,"results":"#;
        let tables = r#"[{"status":-128,"schema":[{"name":"C","type":6}],"data":[[1]]}]}"#;
        assert_eq!(text(Form::Arrays, &response), format!("{head}{tables}"));
        assert_eq!(text(Form::Objects, &response), format!(r#"{head}{{"0":[{{"C":1}}]}}}}"#));
        let failure = VoltResponse::failure(1, Status::UnexpectedFailure, "no");
        let head = r#"{"status":-3,"appstatus":-128,"statusstring":"no","appstatusstring":null,"results":"#;
        assert_eq!(text(Form::Arrays, &failure), format!("{head}[]}}"));
        assert_eq!(text(Form::Objects, &failure), format!("{head}{{}}}}"));
    }

    #[test]
    fn fields_from_query_and_body() {
        let read =
            fields(b"Procedure=A.insert&jsonp=f_$1", b"Parameters=%5B1%2C%22a+b%22%5D&User=me").unwrap();
        assert_eq!((&*read.procedure, &*read.parameters), ("A.insert", r#"[1,"a b"]"#));
        assert_eq!(read.callback.as_deref(), Some("f_$1"));
        assert_eq!(fields(b"Procedure=P", b"").unwrap().parameters, "[]");
        let status = |query: &[u8]| fields(query, b"").err().map(|(status, _)| status.as_u16());
        let long = format!("Procedure=P&Hashedpassword={}", "0".repeat(40));
        assert_eq!(status(long.as_bytes()), None);
        assert_eq!(status(b"Procedure=P&Hashedpassword=12"), Some(401));
        for wrong in [
            "Parameters=[]",
            "Procedure=P&jsonp=a(b)",
            "Procedure=P&Priority=9",
            "Procedure=P&Querytimeout=0",
        ] {
            assert_eq!(status(wrong.as_bytes()), Some(400), "{wrong}");
        }
    }
}
