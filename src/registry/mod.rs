//! A schema registry of Avro schemas, as Confluent's: subjects, versions, numbers, compatibility. Pure: a
//! request in, an answer and a change out. Never knows HTTP's bytes, where changes are kept, or who asks.
//!
//! [`Registry::decide`] answers a request and says what it would change; [`Registry::apply`] makes a change.
//! Between the two the change can be kept, so that nothing is answered that could be lost; whoever finds that
//! another change came first applies that one and decides anew. [`Registry::handle`] is both at once.
//!
//! In reading order: `level`, what compatibility is asked for; `change`, what happens; `subject`, the state;
//! `routes`, which request is which; `read`, `write` and `settings`, the requests; `answer`, what comes back.
//!
//! Not there: references between schemas, JSON Schema, Protobuf, contexts, modes other than READWRITE.

mod answer;
mod change;
mod level;
mod read;
mod request;
mod routes;
mod settings;
mod subject;
mod write;

#[doc(hidden)]
pub mod fuzz;
#[cfg(test)]
mod tests;

/// What the bodies of requests and answers are, as Confluent's registry says it over HTTP.
pub const CONTENT_TYPE: &str = "application/vnd.schemaregistry.v1+json";

pub use answer::Answer;
pub use change::{Change, ChangeError};
pub use level::Level;
pub use subject::Registry;
