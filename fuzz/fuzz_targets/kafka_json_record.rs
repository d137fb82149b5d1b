//! Feeds the decoder `kafka_json_record` of `tests/fuzz/decoders`.

#![no_main]

tollgate_fuzz::fuzz!("kafka_json_record");
