//! 1024 items, and which error comes first (spec 02 §7.2).

use revm_interpreter::primitives::U256;

use super::world::{eval, exit_of, exit_read_only};

fn pushes(count: usize) -> String {
    "1 ".repeat(count)
}

#[test]
fn the_stack_holds_1024_items() {
    assert_eq!(exit_of(&pushes(1024)), 0);
    for push in ["0", "1", "PC", "DUP1", "DUP16", "ADDRESS", "MSIZE"] {
        assert_eq!(exit_of(&format!("{} {push}", pushes(1024))), 37, "{push}");
    }
    assert_eq!(exit_of(&format!("{} SWAP16", pushes(1024))), 0);
    assert_eq!(exit_of(&format!("{} ISZERO", pushes(1024))), 0);
}

/// Nothing is asked of the machine then.
#[test]
fn a_full_stack_is_seen_before_the_value_is_fetched() {
    for opcode in ["GAS", "ORIGIN", "SELFBALANCE", "PREVRANDAO"] {
        assert_eq!(
            exit_of(&format!("{} {opcode}", pushes(1024))),
            37,
            "{opcode}"
        );
    }
}

#[test]
fn every_instruction_needs_its_operands() {
    for (opcodes, operands) in [
        (
            "POP ISZERO NOT BALANCE CALLDATALOAD EXTCODESIZE EXTCODEHASH BLOCKHASH MLOAD SLOAD TLOAD JUMP SELFDESTRUCT CLZ",
            1,
        ),
        (
            "ADD MUL SUB DIV SDIV MOD SMOD EXP SIGNEXTEND LT GT SLT SGT EQ AND OR XOR BYTE SHL SHR SAR KECCAK256 MSTORE MSTORE8 SSTORE TSTORE JUMPI RETURN REVERT LOG0",
            2,
        ),
        (
            "ADDMOD MULMOD CALLDATACOPY CODECOPY RETURNDATACOPY MCOPY CREATE LOG1",
            3,
        ),
        ("EXTCODECOPY CREATE2 LOG2", 4),
        ("LOG3", 5),
        ("LOG4 DELEGATECALL STATICCALL", 6),
        ("CALL", 7),
    ] {
        for opcode in opcodes.split_whitespace() {
            for present in 0..operands {
                let program = format!("{} {opcode}", pushes(present));
                assert_eq!(exit_of(&program), 36, "{program}");
                assert_eq!(exit_read_only(&program), 36, "{program}, read-only");
            }
        }
    }
}

#[test]
fn duplicates_and_exchanges_reach_16_deep() {
    for n in 1..=16 {
        assert_eq!(exit_of(&format!("{} DUP{n}", pushes(n - 1))), 36);
        assert_eq!(exit_of(&format!("{} SWAP{n}", pushes(n))), 36);
        let others = pushes(n - 1);
        assert_eq!(eval(&format!("7 {others} DUP{n}")), U256::from(7));
        assert_eq!(eval(&format!("7 {others} 9 SWAP{n}")), U256::from(7));
    }
}

#[test]
fn pushes_take_1_to_32_bytes_of_the_code() {
    for n in 1..=32 {
        let value = U256::MAX >> (256 - 8 * n);
        assert_eq!(eval(&format!("{value}")), value);
    }
    assert_eq!(eval("0"), U256::ZERO);
}
