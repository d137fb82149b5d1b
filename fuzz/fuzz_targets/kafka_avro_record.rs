//! Feeds the decoder `kafka_avro_record` of `tests/fuzz/decoders`.

#![no_main]

tollgate_fuzz::fuzz!("kafka_avro_record");
