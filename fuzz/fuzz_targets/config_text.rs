//! Feeds the decoder `config_text` of `tests/fuzz/decoders`.

#![no_main]

tollgate_fuzz::fuzz!("config_text");
