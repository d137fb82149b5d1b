//! Feeds the decoder `ddl_text` of `tests/fuzz/decoders`.

#![no_main]

tollgate_fuzz::fuzz!("ddl_text");
