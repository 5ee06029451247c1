//! Random calls to the actor `storageminer`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let target = boatyard_fuzz::target("storageminer").expect("the target is in the list");
    (target.play)(bytes);
});
