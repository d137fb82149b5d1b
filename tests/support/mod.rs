//! What the tests share: a server in a directory of its own ([`server`]), HTTP by hand ([`http`]), the
//! metro's line ([`line`]), streams ([`stream`]), a Kafka broker ([`kafka_broker`]), a client of the Kafka
//! port ([`kafka_client`]), programs in other languages ([`programs`], [`programs_kafka`]), the limit of open
//! files ([`files`]), and the one place where a test waits ([`wait`]).

pub(crate) mod files;
pub(crate) mod http;
pub(crate) mod kafka_broker;
pub(crate) mod kafka_client;
pub(crate) mod line;
pub(crate) mod programs;
pub(crate) mod programs_kafka;
pub(crate) mod server;
pub(crate) mod stream;
pub(crate) mod wait;

pub(crate) use kafka_broker::KafkaBroker;
pub(crate) use server::{Server, Settings};
