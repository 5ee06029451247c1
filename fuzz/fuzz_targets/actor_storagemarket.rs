//! Random calls to the actor `storagemarket`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let target = boatyard_fuzz::target("storagemarket").expect("the target is in the list");
    (target.play)(bytes);
});
