//! Every decoder of outside bytes, fed with mutated ones for a bounded time: none may panic, overflow its
//! stack, or hold memory out of proportion to its input. [`decoders`] are the functions, which `fuzz/` gives
//! to libFuzzer too; [`driver`] feeds them here, with what [`mutate`] makes of their seeds, under the
//! allocator in [`memory`]; [`regressions`] are the inputs that once failed.
//!
//! - `TOLLGATE_FUZZ_SECONDS=n`: seconds for each decoder instead of one.
//! - `TOLLGATE_SEED=n`: other inputs. The same seed tries the same inputs in the same order.
//! - `TOLLGATE_FUZZ_TRACE=FILE`: each input is written there before it is tried, for a crash that takes the
//!   process
//!   along.
//! - `TOLLGATE_FUZZ_CORPUS=DIRECTORY`: nothing is tried; the seeds are written there, where libFuzzer looks
//!   for them.

#[allow(unreachable_pub, reason = "`fuzz/` includes it too, as a public module")]
mod decoders;
mod driver;
mod memory;
mod mutate;
mod regressions;

/// A test for each decoder, so that each has its time, and a failure its name.
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            driver::run(decoders::find(stringify!($name)));
        })*

        #[test]
        fn every_decoder_has_its_test() {
            let tested = [$(stringify!($name)),*];
            let known: Vec<&str> = decoders::DECODERS.iter().map(|decoder| decoder.name).collect();
            assert_eq!(known, tested);
        }
    };
}

tests![
    volt_frames,
    volt_login,
    volt_call,
    volt_response,
    system_call,
    procedure_call,
    kafka_records,
    kafka_request,
    kafka_group_state,
    kafka_sasl,
    kafka_csv_record,
    kafka_json_record,
    kafka_avro_record,
    kafka_avro_schema,
    value_text,
    ddl_text,
    sql_text,
    store_effects,
    store_sections,
    block,
    log_segments,
    snapshot_file,
    raft_message,
    http_body,
    csv_lines,
    tfl_lines,
    config_text,
];

/// `fuzz/` has a program for each decoder, and no other.
#[test]
fn libfuzzer_has_every_decoder() {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    let mut programs: Vec<String> = std::fs::read_dir(directory)
        .expect("the programs' directory")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name in ASCII"))
        .collect();
    programs.sort();
    let mut expected: Vec<String> =
        decoders::DECODERS.iter().map(|decoder| format!("{}.rs", decoder.name)).collect();
    expected.sort();
    assert_eq!(programs, expected);
}
