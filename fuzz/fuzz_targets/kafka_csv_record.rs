//! Feeds the decoder `kafka_csv_record` of `tests/fuzz/decoders`.

#![no_main]

tollgate_fuzz::fuzz!("kafka_csv_record");
