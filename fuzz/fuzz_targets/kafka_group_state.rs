//! Feeds the decoder `kafka_group_state` of `tests/fuzz/decoders`.

#![no_main]

tollgate_fuzz::fuzz!("kafka_group_state");
