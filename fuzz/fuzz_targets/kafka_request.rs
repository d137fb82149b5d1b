//! Feeds the decoder `kafka_request` of `tests/fuzz/decoders`.

#![no_main]

tollgate_fuzz::fuzz!("kafka_request");
