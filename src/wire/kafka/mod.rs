//! Kafka's protocol, as far as it is here: the format of record batches. Never knows rows, the log.

pub mod records;
