//! Random calls to the actor `eam`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let target = boatyard_fuzz::target("eam").expect("the target is in the list");
    (target.play)(bytes);
});
