//! `GET /openapi.json`: the HTTP port described in OpenAPI 3.1, with a path for each procedure and its typed
//! parameters; and `GET /`, a page that lists what there is.

use super::{error::ApiError, parameters::may_be_left_out};
use serde_json::{Map, Value as Json, json};
use tollgate_procedures::{Kind, Procedure, Registry, parameter::Parameter};
use tollgate_schema::{catalog::Catalog, types::Type};

/// The fixed endpoints: method, path, what for.
pub(super) const ENDPOINTS: [(&str, &str, &str); 11] = [
    ("post", "/api/v1/procedures/{name}", "Call a procedure"),
    ("get", "/api/v1/streams", "The streams, with their offsets"),
    ("get", "/api/v1/streams/{name}", "Committed rows of a stream"),
    ("get", "/api/v1/exports", "How far each export has come"),
    ("get", "/api/v1/health", "Whether this node can do its work"),
    ("post", "/api/v1/admin/snapshot", "Take a snapshot now"),
    ("get", "/metrics", "Metrics for Prometheus"),
    ("get", "/openapi.json", "This interface as an OpenAPI document"),
    ("get", "/api/1.0/", "VoltDB's JSON interface, tables as arrays"),
    ("get", "/api/2.0/", "VoltDB's JSON interface, rows as objects"),
    ("get", "/", "What there is here"),
];

/// The document. The server's own procedures, whose names begin with `@`, are left out.
pub(super) fn document(registry: &Registry) -> Result<Vec<u8>, ApiError> {
    let mut paths = Map::new();
    for registered in registry.procedures() {
        let procedure = &registered.procedure;
        if !procedure.name.starts_with('@') {
            let path = format!("/api/v1/procedures/{}", procedure.name);
            paths.insert(path, json!({ "post": call(procedure, registry.catalog()) }));
        }
    }
    for (method, path, summary) in ENDPOINTS {
        if !path.contains("procedures") {
            paths.insert(path.to_string(), json!({ method: fixed(path, summary) }));
        }
    }
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Tollgate",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "paths": paths,
        "components": { "schemas": schemas(), "responses": responses() },
    });
    serde_json::to_vec_pretty(&document).map_err(|error| ApiError::internal(error.to_string()))
}

fn call(procedure: &Procedure, catalog: &Catalog) -> Json {
    let names: Vec<&str> = procedure.parameters.iter().map(|p| p.name.as_str()).collect();
    let items: Vec<Json> = procedure.parameters.iter().map(parameter).collect();
    let properties: Map<String, Json> =
        procedure.parameters.iter().map(|p| (p.name.clone(), parameter(p))).collect();
    let required = procedure.parameters.iter().filter(|p| !may_be_left_out(procedure, catalog, p));
    let required: Vec<&str> = required.map(|p| p.name.as_str()).collect();
    let in_order = json!({
        "type": "array",
        "description": format!("In order: {}", names.join(", ")),
        "prefixItems": items,
        "items": false,
        "minItems": names.len(),
    });
    let by_name = json!({
        "type": "object",
        "description": "By name, in any case",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });
    let mut headers = vec![];
    if !procedure.read_only {
        headers.push(json!({
            "name": "Idempotency-Key",
            "in": "header",
            "description": "The call is done once; a repetition gets the stored answer",
            "schema": { "type": "string", "minLength": 1, "maxLength": crate::limits::IDENTITY_BYTES_MAX },
        }));
    }
    if procedure.kind == Kind::Directed {
        headers.push(json!({
            "name": "partition",
            "in": "query",
            "required": true,
            "schema": { "type": "integer", "minimum": 0 },
        }));
    }
    json!({
        "operationId": procedure.name,
        "tags": ["procedures"],
        "summary": format!("Call {}", procedure.name),
        "parameters": headers,
        "requestBody": {
            "required": !names.is_empty(),
            "content": { "application/json": { "schema": {
                "type": "object",
                "properties": { "parameters": { "oneOf": [in_order, by_name] } },
                "additionalProperties": false,
            } } },
        },
        "responses": {
            "200": { "$ref": "#/components/responses/Results" },
            "400": { "$ref": "#/components/responses/Error" },
            "409": { "$ref": "#/components/responses/Error" },
            "422": { "$ref": "#/components/responses/Error" },
            "500": { "$ref": "#/components/responses/Error" },
            "503": { "$ref": "#/components/responses/Unavailable" },
        },
    })
}

fn parameter(parameter: &Parameter) -> Json {
    let mut schema = of_type(parameter.column_type);
    if parameter.nullable {
        let types = match schema["type"].take() {
            Json::Array(mut types) => {
                types.push(json!("null"));
                types
            }
            one => vec![one, json!("null")],
        };
        schema["type"] = Json::Array(types);
    }
    schema["title"] = json!(parameter.column_type.to_string());
    schema
}

/// The smallest number of each width is its null, and no value.
fn of_type(declared: Type) -> Json {
    let integer = |max: i64| json!({ "type": "integer", "minimum": -max, "maximum": max });
    match declared {
        Type::TinyInt => integer(i8::MAX.into()),
        Type::SmallInt => integer(i16::MAX.into()),
        Type::Integer => integer(i32::MAX.into()),
        Type::BigInt => json!({ "type": "integer", "format": "int64" }),
        Type::Float => json!({ "type": "number", "format": "double" }),
        Type::Decimal => json!({
            "type": ["string", "number"],
            "description": "38 digits, 12 of them behind the point; a string loses none",
        }),
        Type::Varchar { max, in_bytes: false } => json!({ "type": "string", "maxLength": max }),
        Type::Varchar { max, in_bytes: true } => {
            json!({ "type": "string", "description": format!("at most {max} bytes") })
        }
        Type::Varbinary { max } => json!({
            "type": "string",
            "pattern": "^([0-9a-fA-F]{2})*$",
            "maxLength": 2 * u64::from(max),
        }),
        Type::Timestamp => json!({
            "type": ["integer", "string"],
            "description": "microseconds since 1970-01-01 UTC, or YYYY-MM-DD hh:mm:ss.ffffff",
        }),
    }
}

fn fixed(path: &str, summary: &str) -> Json {
    let query = |name: &str, required: bool, schema: Json| json!({ "name": name, "in": "query", "required": required, "schema": schema });
    let integer = || json!({ "type": "integer", "minimum": 0 });
    let parameters = match path {
        "/api/v1/streams/{name}" => vec![
            json!({ "name": "name", "in": "path", "required": true, "schema": { "type": "string" } }),
            query("partition", true, integer()),
            query("offset", false, integer()),
            query("limit", false, json!({ "type": "integer", "minimum": 1 })),
        ],
        "/api/1.0/" | "/api/2.0/" => vec![
            query("Procedure", true, json!({ "type": "string" })),
            query("Parameters", false, json!({ "type": "string", "description": "a JSON array" })),
            query("jsonp", false, json!({ "type": "string" })),
        ],
        _ => vec![],
    };
    json!({ "summary": summary, "parameters": parameters, "responses": { "200": { "description": "As asked" } } })
}

fn schemas() -> Json {
    json!({
        "Results": {
            "type": "object",
            "required": ["status", "results"],
            "properties": {
                "status": { "const": "ok" },
                "app_status": { "type": "integer" },
                "app_status_text": { "type": "string" },
                "results": { "type": "array", "items": { "$ref": "#/components/schemas/Table" } },
            },
        },
        "Table": {
            "type": "object",
            "required": ["columns", "rows"],
            "properties": {
                "columns": { "type": "array", "items": {
                    "type": "object",
                    "required": ["name", "type"],
                    "properties": { "name": { "type": "string" }, "type": { "type": "string" } },
                } },
                "rows": { "type": "array", "items": { "type": "array" } },
            },
        },
        "Error": {
            "type": "object",
            "required": ["error"],
            "properties": { "error": {
                "type": "object",
                "required": ["code", "message"],
                "properties": {
                    "code": { "type": "string" },
                    "message": { "type": "string" },
                    "parameter": { "type": "string" },
                },
            } },
        },
    })
}

fn responses() -> Json {
    let of = |description: &str, schema: &str| {
        let schema = json!({ "$ref": format!("#/components/schemas/{schema}") });
        json!({ "description": description, "content": { "application/json": { "schema": schema } } })
    };
    let mut unavailable = of("Busy, or not able to take it now", "Error");
    unavailable["headers"] = json!({ "Retry-After": { "schema": { "type": "integer" } } });
    json!({
        "Results": of("The result tables", "Results"),
        "Error": of("What was wrong", "Error"),
        "Unavailable": unavailable,
    })
}

/// A plain page for whoever opens the port in a browser.
pub(super) fn page() -> String {
    let rows = ENDPOINTS.iter().map(|(method, path, summary)| {
        let shown = match *method {
            "get" if !path.contains('{') => format!("<a href=\"{path}\">{path}</a>"),
            _ => path.to_string(),
        };
        format!("<tr><td>{}</td><td>{shown}</td><td>{summary}</td></tr>\n", method.to_uppercase())
    });
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Tollgate</title>\n\
         <h1>Tollgate {}</h1>\n<table>\n{}</table>\n</html>\n",
        env!("CARGO_PKG_VERSION"),
        rows.collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every `$ref` of a document leads somewhere.
    fn check_references(part: &Json, whole: &Json) {
        match part {
            Json::Object(members) => {
                if let Some(Json::String(reference)) = members.get("$ref") {
                    let target = whole.pointer(reference.strip_prefix('#').expect("a local reference"));
                    assert!(target.is_some(), "{reference} leads nowhere");
                }
                members.values().for_each(|value| check_references(value, whole));
            }
            Json::Array(items) => items.iter().for_each(|item| check_references(item, whole)),
            _ => {}
        }
    }

    #[test]
    fn each_procedure_has_a_path_with_its_parameters() {
        let registry = crate::product_registry();
        let document: Json = serde_json::from_slice(&document(&registry).unwrap()).unwrap();
        check_references(&document, &document);
        let paths = document["paths"].as_object().unwrap();
        assert!(paths.keys().all(|path| !path.contains('@')), "the server's own are left out");
        let call = &document["paths"]["/api/v1/procedures/ValidateEntry"]["post"];
        let schema = &call["requestBody"]["content"]["application/json"]["schema"];
        let [in_order, by_name] = &schema["properties"]["parameters"]["oneOf"].as_array().unwrap()[..] else {
            panic!("in order or by name: {schema}")
        };
        assert_eq!(in_order["prefixItems"].as_array().map(Vec::len), Some(5));
        let activity_code = json!({ "type": "integer", "minimum": -127, "maximum": 127, "title": "TINYINT" });
        assert_eq!(by_name["properties"]["activity_code"], activity_code);
        let insert = &document["paths"]["/api/v1/procedures/CARDS.insert"]["post"]["requestBody"];
        let insert = &insert["content"]["application/json"]["schema"]["properties"]["parameters"]["oneOf"][1];
        assert_eq!(insert["properties"]["name"]["type"], json!(["string", "null"]));
        assert_eq!(insert["required"][0], "card_id");
        assert!(!insert["required"].as_array().unwrap().contains(&json!("name")), "NULL if left out");
    }

    #[test]
    fn the_page_lists_every_endpoint() {
        let page = page();
        assert!(ENDPOINTS.iter().all(|(_, path, summary)| page.contains(path) && page.contains(summary)));
    }
}
