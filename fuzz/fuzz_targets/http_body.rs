//! Feeds the decoder `http_body` of `tests/fuzz/decoders`.

#![no_main]

tollgate_fuzz::fuzz!("http_body");
