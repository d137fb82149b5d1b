//! Feeds the decoder `kafka_sasl` of `tests/fuzz/decoders`.

#![no_main]

tollgate_fuzz::fuzz!("kafka_sasl");
