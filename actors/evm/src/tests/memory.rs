//! Regions, growth and copies (spec 02 §7.3, §8.1).

use revm_interpreter::primitives::U256;

use super::world::*;

const U32: &str = "0xffffffff";
const ABOVE: &str = "0x100000000";
const HUGE: &str = "0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";

#[test]
fn memory_grows_by_words() {
    for (program, size) in [
        ("MSIZE", 0),
        ("0 MLOAD POP MSIZE", 32),
        ("1 MLOAD POP MSIZE", 64),
        ("5 31 MSTORE8 MSIZE", 32),
        ("5 32 MSTORE8 MSIZE", 64),
        ("5 100 MSTORE MSIZE", 160),
        ("33 0 KECCAK256 POP MSIZE", 64),
        ("1 64 0 MCOPY MSIZE", 96),
        ("1 0 64 CODECOPY MSIZE", 96),
        ("0 1000 KECCAK256 POP MSIZE", 0),
    ] {
        assert_eq!(eval(program), U256::from(size), "{program}");
    }
}

#[test]
fn words_and_bytes_are_stored_big_endian() {
    assert_eq!(eval("0x0102 0 MSTORE 1 MLOAD"), U256::from(0x10200));
    assert_eq!(eval("0xabcd 31 MSTORE8 0 MLOAD"), U256::from(0xcd));
    assert_eq!(eval("5 MLOAD"), U256::ZERO);
}

/// Region of `(offset, size)` in every instruction that has one.
#[test]
fn regions_end_below_4_gib() {
    let with_size = [
        "{size} {offset} KECCAK256",
        "{size} 0 {offset} CALLDATACOPY",
        "{size} 0 {offset} CODECOPY",
        "{size} {offset} {offset} MCOPY",
        "{size} {offset} RETURN",
        "{size} {offset} REVERT",
        "{size} {offset} LOG0",
        "{size} {offset} 0 CREATE",
        "0 0 {size} {offset} 0 0 0 CALL",
        "0 0 {size} {offset} 0 0 STATICCALL",
        "0 0 {size} {offset} 0 0 DELEGATECALL",
        "{size} 0 {offset} 0 EXTCODECOPY",
    ];
    for template in with_size {
        for (offset, size) in [
            ("0", ABOVE),
            ("0", HUGE),
            (ABOVE, "1"),
            (HUGE, "1"),
            (U32, "1"),
            ("1", U32),
            (HUGE, HUGE),
        ] {
            let program = template.replace("{size}", size).replace("{offset}", offset);
            assert_eq!(exit_of(&program), 38, "{program}");
        }
        // 2^31 bytes cannot be asked for; what an actor does not get is a trap.
        for (offset, size, code) in [
            ("0", U32, 24),
            ("0x7fffffff", "1", 24),
            ("0x7fffffdf", "1", 9),
        ] {
            let program = template.replace("{size}", size).replace("{offset}", offset);
            assert_eq!(exit_of(&program), code, "{program}");
        }
    }
    for template in ["{offset} MLOAD", "0 {offset} MSTORE", "0 {offset} MSTORE8"] {
        for offset in [ABOVE, HUGE, U32] {
            let program = template.replace("{offset}", offset);
            assert_eq!(exit_of(&program), 38, "{program}");
        }
    }
    assert_eq!(exit_of("0xffffffe0 MLOAD"), 38);
    assert_eq!(exit_of("0xffffffdf MLOAD"), 24);
}

#[test]
fn without_a_size_the_offset_does_not_matter() {
    for program in [
        "0 {huge} KECCAK256",
        "0 {huge} {huge} CALLDATACOPY",
        "0 {huge} {huge} CODECOPY",
        "0 {huge} {huge} MCOPY",
        "0 0 {huge} RETURNDATACOPY",
        "0 {huge} LOG0",
        "0 {huge} RETURN",
    ] {
        assert_eq!(exit_of(&program.replace("{huge}", HUGE)), 0, "{program}");
    }
    assert_eq!(exit_of(&format!("0 {HUGE} REVERT")), 33);
}

#[test]
fn copies_find_zeros_behind_their_source() {
    let rt = contract("64 2 0 CALLDATACOPY 64 0 RETURN");
    let mut expected = vec![3, 4];
    expected.resize(64, 0);
    assert_eq!(invoke(&rt, &[1, 2, 3, 4]).unwrap(), expected);

    let rt = contract(&format!("5 0 MSTORE 32 {HUGE} 0 CALLDATACOPY 32 0 RETURN"));
    assert_eq!(invoke(&rt, &[1, 2, 3, 4]).unwrap(), [0; 32]);

    let code = super::asm::asm("CODESIZE 0 0 CODECOPY 40 0 RETURN");
    let mut expected = code.clone();
    expected.resize(40, 0);
    assert_eq!(invoke(&contract_of(&code), &[]).unwrap(), expected);
}

#[test]
fn calldata_is_read_by_words() {
    for (offset, expected) in [
        ("0", U256::from(0x0102u64) << 240),
        ("1", U256::from(2) << 248),
        ("2", U256::ZERO),
        (HUGE, U256::ZERO),
    ] {
        let rt = contract(&returning(&format!("{offset} CALLDATALOAD")));
        assert_eq!(
            U256::from_be_slice(&invoke(&rt, &[1, 2]).unwrap()),
            expected
        );
    }
    let rt = contract(&returning("CALLDATASIZE"));
    assert_eq!(
        U256::from_be_slice(&invoke(&rt, &[1, 2]).unwrap()),
        U256::from(2)
    );
    assert_eq!(word(&rt), U256::ZERO);
}

#[test]
fn overlapping_copies_are_safe() {
    let fill = "0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f 0 MSTORE";
    for (program, first, last) in [
        ("8 0 1 MCOPY", "0000010203040506", "1f"),
        ("8 1 0 MCOPY", "0102030405060708", "1f"),
    ] {
        let output = invoke(&contract(&format!("{fill} {program} 32 0 RETURN")), &[]).unwrap();
        assert_eq!(hex::encode(&output[..8]), first);
        assert_eq!(hex::encode(&output[31..]), last);
    }
}

#[test]
fn hashes_are_keccak() {
    for (program, data) in [
        ("0 0 KECCAK256", &[][..]),
        ("3 0 KECCAK256", &[0; 3]),
        ("0xff 31 MSTORE8 1 31 KECCAK256", &[0xff]),
    ] {
        assert_eq!(
            eval(program),
            U256::from_be_bytes(hash_of(data).0),
            "{program}"
        );
    }
}

/// Here there are no zeros behind the end, not even for no bytes.
#[test]
fn return_data_must_be_there() {
    for (program, code) in [
        ("0 0 0 RETURNDATACOPY", 0),
        ("1 0 0 RETURNDATACOPY", 38),
        ("0 1 0 RETURNDATACOPY", 38),
        ("0 0x100000000 0 RETURNDATACOPY", 38),
        ("0 0xffffffff 0 RETURNDATACOPY", 38),
    ] {
        assert_eq!(exit_of(program), code, "{program}");
    }
}

#[test]
fn output_is_limited_by_the_block() {
    // The byte string's head has 5 bytes.
    let limit = (1 << 20) - 5;
    assert_eq!(
        invoke(&contract(&format!("{limit} 0 RETURN")), &[])
            .unwrap()
            .len(),
        limit
    );
    for end in ["RETURN", "REVERT"] {
        let error = invoke(&contract(&format!("{} 0 {end}", limit + 1)), &[]).unwrap_err();
        assert_eq!(
            (error.exit_code().value(), error.data()),
            (24, None),
            "{end}"
        );
    }
}
