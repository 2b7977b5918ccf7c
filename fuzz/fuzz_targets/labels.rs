#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| piton_fuzz::labels(bytes));
