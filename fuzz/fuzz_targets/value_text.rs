//! Feeds the decoder `value_text` of `tests/fuzz/decoders`.

#![no_main]

tollgate_fuzz::fuzz!("value_text");
