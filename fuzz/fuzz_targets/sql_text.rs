//! Feeds the decoder `sql_text` of `tests/fuzz/decoders`.

#![no_main]

tollgate_fuzz::fuzz!("sql_text");
