//! Feeds the decoder `procedure_call` of `tests/fuzz/decoders`.

#![no_main]

tollgate_fuzz::fuzz!("procedure_call");
