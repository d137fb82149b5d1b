//! Feeds the decoder `kafka_records` of `tests/fuzz/decoders`.

#![no_main]

tollgate_fuzz::fuzz!("kafka_records");
