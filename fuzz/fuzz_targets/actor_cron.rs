//! Random calls to the actor `cron`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let target = boatyard_fuzz::target("cron").expect("the target is in the list");
    (target.play)(bytes);
});
