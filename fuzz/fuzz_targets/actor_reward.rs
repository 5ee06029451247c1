//! Random calls to the actor `reward`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let target = boatyard_fuzz::target("reward").expect("the target is in the list");
    (target.play)(bytes);
});
