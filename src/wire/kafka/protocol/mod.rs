//! Kafka's messages: requests are read, responses written. Knows the bytes of the versions that are served;
//! never knows connections, topics, or what a request does.
//!
//! | room | holds |
//! |---|---|
//! | [`api`] | the table of APIs, versions, messages; [`Request`], [`Response`] |
//! | [`head`] | what stands before a message; frames |
//! | [`reader`], [`writer`] | the primitive types, bounded; [`out`], what is written |
//! | [`field`], [`message`] | which Rust type is which type of the format; how messages are written down |
//! | [`codes`], [`error`] | Kafka's errors; ours |
//! | the others | one family of messages each |

pub mod api;
pub mod codes;
pub mod error;
pub mod field;
pub mod head;
mod message;
pub mod out;
pub mod reader;
pub mod writer;

pub mod alter_configs;
pub mod api_versions;
pub mod create_partitions;
pub mod create_topics;
pub mod delete_groups;
pub mod delete_records;
pub mod delete_topics;
pub mod describe_acls;
pub mod describe_cluster;
pub mod describe_configs;
pub mod describe_groups;
pub mod describe_log_dirs;
pub mod fetch;
pub mod find_coordinator;
pub mod heartbeat;
pub mod incremental_alter_configs;
pub mod init_producer_id;
pub mod join_group;
pub mod leave_group;
pub mod list_groups;
pub mod list_offsets;
pub mod metadata;
pub mod offset_commit;
pub mod offset_delete;
pub mod offset_fetch;
pub mod offset_for_leader_epoch;
pub mod produce;
pub mod sasl_authenticate;
pub mod sasl_handshake;
pub mod sync_group;

#[cfg(test)]
mod tests;

pub use api::{ApiKey, Request, Response, Versions};
pub use codes::ErrorCode;
pub use error::ProtocolError;
pub use field::{Pieces, Secret, Uuid};
pub use head::{HeadError, ReadError, RequestHead, read_any, read_head, write_request, write_response};
pub use out::{Out, Parts};
pub use reader::Reader;
