//! The schemas of messages in Avro: by number for whoever reads them, registered for whoever writes them.
//! They are in a registry that this node keeps, or in another one. Both answer the same requests, so whoever
//! asks for schemas need not know which it is. Never knows topics, or what a schema says.
//!
//! [`config`], which registry; `kept`, this node's; `external`, another one.

pub mod config;
mod external;
mod kept;
#[cfg(test)]
mod tests;

use crate::{calls::CallError, client, format::Encoder, node::shared::Shared};
use config::SchemaRegistryConfig;
use external::External;
use kept::Kept;
use serde::Deserialize;
use std::sync::Arc;

/// See the module.
pub struct Schemas(Source);

enum Source {
    Kept(Kept),
    External(External),
}

/// A request of Confluent's interface. `path`: encoded, without the query, which may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) body: Vec<u8>,
}

/// A status of HTTP, and JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// Why there is no schema, or no number for one.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum SchemasError {
    #[error("the schema registry could not keep it: {0}")]
    Call(#[from] CallError),
    #[error("the schema registry at {url}: {reason}")]
    External { url: String, reason: String },
    #[error("subject {subject}: the schema registry refuses the schema: {reason}")]
    Refused { subject: String, reason: String },
    #[error("the schema registry answers with status {status}: {reason}")]
    Status { status: u16, reason: String },
    #[error("the schema registry's changes can't be read: {0}")]
    Damaged(String),
}

impl Schemas {
    pub(crate) fn new(config: &SchemaRegistryConfig) -> anyhow::Result<Schemas> {
        Ok(Schemas(match External::new(config)? {
            Some(external) => Source::External(external),
            None => Source::Kept(Kept::default()),
        }))
    }

    /// Where the other registry is, if it is not this node's.
    pub(crate) fn elsewhere(&self) -> Option<&str> {
        match &self.0 {
            Source::Kept(_) => None,
            Source::External(external) => Some(external.url()),
        }
    }

    /// The registry's answer. What it changes is kept before.
    pub(crate) async fn answer(
        &self,
        shared: &Arc<Shared>,
        request: Request,
    ) -> Result<Answer, SchemasError> {
        match &self.0 {
            Source::Kept(kept) => kept.answer(shared, request).await,
            Source::External(external) => external.answer(request).await,
        }
    }

    /// The text of the schema with that number; `None`: there is none.
    pub(crate) async fn text(&self, shared: &Arc<Shared>, id: u32) -> Result<Option<String>, SchemasError> {
        #[derive(Deserialize)]
        struct Found {
            schema: String,
        }
        let path = format!("/schemas/ids/{id}");
        let request = Request { method: "GET".to_string(), path, query: String::new(), body: Vec::new() };
        let answer = self.answer(shared, request).await?;
        match answer.status {
            200 => answer.read::<Found>().map(|found| Some(found.schema)),
            404 => Ok(None),
            _ => Err(answer.refusal()),
        }
    }

    /// The number of a schema as a version of a subject, which it becomes unless it is one.
    async fn register(&self, shared: &Arc<Shared>, subject: &str, text: &str) -> Result<u32, SchemasError> {
        #[derive(Deserialize)]
        struct Registered {
            id: u32,
        }
        let request = Request {
            method: "POST".to_string(),
            path: format!("/subjects/{}/versions", client::http::escape(subject)),
            query: String::new(),
            body: serde_json::json!({ "schema": text }).to_string().into_bytes(),
        };
        let answer = self.answer(shared, request).await?;
        match answer.status {
            200 => answer.read::<Registered>().map(|registered| registered.id),
            409 | 422 => {
                let (subject, reason) = (subject.to_string(), answer.message());
                Err(SchemasError::Refused { subject, reason })
            }
            _ => Err(answer.refusal()),
        }
    }

    /// An encoder of a topic's messages with the numbers of its schemas, which are registered under the names
    /// that Confluent's clients look for.
    pub(crate) async fn numbered(
        &self,
        shared: &Arc<Shared>,
        topic: &str,
        draft: &Encoder,
    ) -> Result<Encoder, SchemasError> {
        let mut encoder = draft.clone();
        if let Some(text) = draft.value_schema() {
            encoder.set_value_schema_id(self.register(shared, &format!("{topic}-value"), text).await?);
        }
        if let Some(text) = draft.key_schema() {
            encoder.set_key_schema_id(self.register(shared, &format!("{topic}-key"), text).await?);
        }
        Ok(encoder)
    }
}

impl Answer {
    fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, SchemasError> {
        let status = self.status;
        serde_json::from_slice(&self.body)
            .map_err(|error| SchemasError::Status { status, reason: error.to_string() })
    }

    fn refusal(&self) -> SchemasError {
        SchemasError::Status { status: self.status, reason: self.message() }
    }

    /// What an error says; of whatever says something else, the beginning.
    fn message(&self) -> String {
        const CHARACTERS_MAX: usize = 500;
        #[derive(Deserialize)]
        struct Said {
            message: String,
        }
        let said = serde_json::from_slice(&self.body).map(|said: Said| said.message);
        let text = said.unwrap_or_else(|_| String::from_utf8_lossy(&self.body).into_owned());
        text.chars().take(CHARACTERS_MAX).collect()
    }
}
