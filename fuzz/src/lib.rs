//! The decoders that libFuzzer feeds: the same functions that `tests/fuzz` feeds in the usual tests.

#[path = "../../tests/fuzz/decoders/mod.rs"]
pub mod decoders;

/// A program of libFuzzer's that feeds the decoder of this name.
#[macro_export]
macro_rules! fuzz {
    ($name:literal) => {
        libfuzzer_sys::fuzz_target!(
            init: {
                assert!(!$crate::decoders::find($name).name.is_empty());
            },
            |input: &[u8]| {
                ($crate::decoders::find($name).target)(input);
            }
        );
    };
}
