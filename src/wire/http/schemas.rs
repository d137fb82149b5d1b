//! The schema registry, with Confluent's interface: `/subjects`, `/schemas`, `/config`, `/mode`,
//! `/compatibility`, `/contexts`. Errors have its form, not ours, for its clients read them.

use super::body;
use crate::{node::shared::Shared, registry::CONTENT_TYPE, schemas::Request};
use axum::{
    Router,
    body::Body,
    extract::State,
    http::{Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::{MethodRouter, any},
};
use std::sync::Arc;

/// The first parts of its paths.
const ROOTS: [&str; 6] = ["/subjects", "/schemas", "/config", "/mode", "/compatibility", "/contexts"];

pub(super) fn routes() -> Router<Arc<Shared>> {
    let handler = || -> MethodRouter<Arc<Shared>> { any(answer) };
    ROOTS.iter().fold(Router::new(), |router, root| {
        router.route(root, handler()).route(&format!("{root}/{{*rest}}"), handler())
    })
}

async fn answer(State(shared): State<Arc<Shared>>, method: Method, uri: Uri, body: Body) -> Response {
    if let Some(url) = shared.schemas.elsewhere() {
        let text = format!("the schema registry is at {url}");
        return error(StatusCode::NOT_FOUND, 404, &text);
    }
    let body = match body::read(body).await {
        Ok(body) => body,
        Err(refused) => {
            return error(refused.status, u32::from(refused.status.as_u16()), &refused.message);
        }
    };
    let (path, query) = (uri.path().to_string(), uri.query().unwrap_or_default().to_string());
    let request = Request { method: method.to_string(), path, query, body };
    match shared.schemas.answer(&shared, request).await {
        Ok(answer) => {
            let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, [(header::CONTENT_TYPE, CONTENT_TYPE)], answer.body).into_response()
        }
        // What Confluent's says when its store can't be written.
        Err(failed) => error(StatusCode::INTERNAL_SERVER_ERROR, 50001, &failed.to_string()),
    }
}

fn error(status: StatusCode, code: u32, message: &str) -> Response {
    let body = serde_json::json!({ "error_code": code, "message": message }).to_string();
    (status, [(header::CONTENT_TYPE, CONTENT_TYPE)], body).into_response()
}
