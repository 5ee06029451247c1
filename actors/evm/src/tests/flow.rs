//! Jumps, the ends of a run, and opcodes that do not exist (spec 02 §7.4, §8).

use boatyard_mock::Check;
use revm_interpreter::primitives::U256;

use super::world::*;

#[test]
fn jumps_go_to_jumpdests_only() {
    assert_eq!(eval("@there JUMP .fe there: 5"), U256::from(5));
    for (program, code) in [
        ("0 JUMP", 39),
        ("3 JUMP .5b", 0),
        ("100 JUMP", 39),
        // The byte is there, as data of a push.
        ("4 JUMP 0x5b", 39),
        ("4 JUMP 0x005b5b5b", 39),
        ("0x100000000 JUMP", 39),
        ("0x10000000000000000 JUMP", 39),
        (
            "0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff JUMP",
            39,
        ),
    ] {
        assert_eq!(exit_of(program), code, "{program}");
    }
}

#[test]
fn a_conditional_jump_looks_at_its_target_only_if_it_goes() {
    assert_eq!(exit_of("0 999 JUMPI"), 0);
    assert_eq!(exit_of("1 999 JUMPI"), 39);
    let high = U256::from(1) << 255;
    assert_eq!(
        eval(&format!("{high} @there JUMPI INVALID there: 6")),
        U256::from(6)
    );
}

#[test]
fn a_loop_ends() {
    assert_eq!(
        eval("0 10 loop: DUP1 SWAP2 ADD SWAP1 1 SWAP1 SUB DUP1 @loop JUMPI POP"),
        U256::from(55)
    );
}

/// Nothing meters natively run code but what it tells itself.
#[test]
fn a_native_machine_hears_of_long_loops() {
    let rt = contract("0xffff loop: 1 SWAP1 SUB DUP1 @loop JUMPI");
    assert_eq!(exit(&rt), 0);
    let charges = rt.checks().into_iter();
    let charges = charges.filter(|check| matches!(check, Check::Gas { .. }));
    // Seven instructions a round.
    assert_eq!(charges.count(), 0xffff * 7 / 65_536);
}

/// One instruction can fill, copy or hash as much as memory holds.
#[test]
fn a_native_machine_hears_of_work_on_much_memory() {
    for (program, told) in [
        ("1 0x1000 MSTORE", vec![1_651]),
        ("0x1000 0 KECCAK256", vec![1_638, 135_168]),
        ("0x2000 0 0 CODECOPY", vec![3_276, 3_276]),
        ("0x2000 0 0 CODECOPY 0x2000 0 0x1000 MCOPY", {
            vec![3_276, 3_276, 3_276, 1_638, 3_276]
        }),
        ("0x2000 0 0 0 4 0 STATICCALL", vec![3_276]),
        ("0x1fe0 0 0 CODECOPY 0 MLOAD", vec![3_264, 3_264]),
        ("0x20 0 KECCAK256", vec![]),
    ] {
        let rt = contract(program);
        exit(&rt);
        let charges: Vec<_> = rt
            .checks()
            .into_iter()
            .filter_map(|check| match check {
                Check::Gas { compute, .. } => Some(compute),
                _ => None,
            })
            .collect();
        assert_eq!(charges, told, "{program}");
    }
}

#[test]
fn the_position_is_that_of_the_instruction() {
    assert_eq!(eval("PC"), U256::ZERO);
    assert_eq!(eval("0xffff POP PC"), U256::from(4));
}

#[test]
fn code_that_ends_stops() {
    for program in ["", "1", "STOP", "1 JUMPDEST", "0x0102"] {
        assert_eq!(
            invoke(&contract(&format!("JUMPDEST {program}")), &[]).unwrap(),
            b""
        );
    }
}

/// The zeros behind the code are no part of it.
#[test]
fn a_truncated_push_ends_the_run() {
    for tail in [".60", ".61ff", ".6312", ".7f"] {
        let rt = contract(&format!("CODESIZE 0 SSTORE {tail}"));
        assert_eq!(exit(&rt), 0);
        assert_eq!(slot(&rt, 0), U256::from(3 + tail.len() / 2));
        assert_eq!(exit_of(&format!("{} {tail}", "1 ".repeat(1024))), 37);
    }
}

#[test]
fn the_ends_of_a_run() {
    for (program, code) in [
        ("INVALID", 34),
        (".fe", 34),
        ("0 0 REVERT", 33),
        ("0 0 RETURN", 0),
        ("STOP INVALID", 0),
    ] {
        assert_eq!(exit_of(program), code, "{program}");
    }
}

#[test]
fn a_revert_always_carries_its_data() {
    let error = invoke(&contract("0 0 REVERT"), &[]).unwrap_err();
    assert_eq!(error.data(), Some(&bytes_block(b"")));
    let error = invoke(&contract("0xabcd 0 MSTORE 2 30 REVERT"), &[]).unwrap_err();
    assert_eq!(error.data(), Some(&bytes_block(&[0xab, 0xcd])));
    let error = invoke(&contract("INVALID"), &[]).unwrap_err();
    assert_eq!(error.data(), None);
}

/// Spec 02 §8: Cancun without CALLCODE, BLOBHASH and BLOBBASEFEE, and CLZ.
#[test]
fn opcodes_outside_the_table_are_undefined() {
    let undefined = (0x0c..=0x0f)
        .chain(0x1f..=0x1f)
        .chain(0x21..=0x2f)
        .chain(0x49..=0x4f)
        .chain(0xa5..=0xef)
        .chain([0xf2])
        .chain(0xf6..=0xf9)
        .chain(0xfb..=0xfc);
    for opcode in undefined {
        // Also on an empty stack, and in a read-only call.
        let rt = contract_of(&[opcode]);
        assert_eq!(exit(&rt), 35, "{opcode:#x}");
        assert_eq!(exit(&rt.read_only()), 35, "{opcode:#x}");
    }
}

/// An EIP-7702 designator is code like any other.
#[test]
fn a_delegation_designator_means_nothing() {
    let mut code = vec![0xef, 0x01, 0x00];
    code.extend([0xaa; 20]);
    assert_eq!(exit(&contract_of(&code)), 35);
}
