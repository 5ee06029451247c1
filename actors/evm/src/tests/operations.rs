//! Arithmetic, comparison and bits, from the opcode table of the yellow paper.

use revm_interpreter::primitives::U256;

use super::world::eval;

const MAX: &str = "0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
const MIN: &str = "0x8000000000000000000000000000000000000000000000000000000000000000";
/// MIN + 1, the negative of the largest positive number.
const MIN_1: &str = "0x8000000000000000000000000000000000000000000000000000000000000001";
const MAX_SIGNED: &str = "0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";

/// `(operands with the top of the stack first, opcode, result)`
#[track_caller]
fn check(cases: &[(&[&str], &str, &str)]) {
    for (operands, opcode, result) in cases {
        let pushed: Vec<_> = operands.iter().rev().copied().collect();
        let expected: U256 = result.parse().unwrap();
        assert_eq!(
            eval(&format!("{} {opcode}", pushed.join(" "))),
            expected,
            "{opcode} of {operands:?}"
        );
    }
}

#[test]
fn sums_and_products_wrap() {
    check(&[
        (&["2", "3"], "ADD", "5"),
        (&[MAX, "1"], "ADD", "0"),
        (
            &[MAX, MAX],
            "ADD",
            "0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe",
        ),
        (&["6", "7"], "MUL", "42"),
        (&[MAX, MAX], "MUL", "1"),
        (&[MIN, "2"], "MUL", "0"),
        (
            &["3", "5"],
            "SUB",
            "0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe",
        ),
        (&["5", "3"], "SUB", "2"),
        (&["2", "255"], "EXP", MIN),
        (&["2", "256"], "EXP", "0"),
        (&["0", "0"], "EXP", "1"),
        (&[MAX, "3"], "EXP", MAX),
    ]);
}

#[test]
fn division_by_zero_is_zero() {
    check(&[
        (&["7", "2"], "DIV", "3"),
        (&["7", "0"], "DIV", "0"),
        (&[MAX, "1"], "DIV", MAX),
        (&["7", "4"], "MOD", "3"),
        (&["7", "0"], "MOD", "0"),
        (&["7", "0"], "SDIV", "0"),
        (&[MIN, MAX], "SDIV", MIN),
        (&[MAX, "1"], "SDIV", MAX),
        (&[MAX, MAX], "SDIV", "1"),
        (&[MIN, "0"], "SMOD", "0"),
        (
            &[
                "0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff8",
                "3",
            ],
            "SMOD",
            "0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe",
        ),
        (
            &[
                "8",
                "0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffd",
            ],
            "SMOD",
            "2",
        ),
        (&[MIN, MAX], "SMOD", "0"),
    ]);
}

#[test]
fn modular_sums_and_products_have_512_bits_between() {
    check(&[
        (&["10", "10", "8"], "ADDMOD", "4"),
        (&[MAX, MAX, MAX], "ADDMOD", "0"),
        (&[MAX, "2", "2"], "ADDMOD", "1"),
        (&[MAX, MAX, "0"], "ADDMOD", "0"),
        (&["10", "10", "8"], "MULMOD", "4"),
        (&[MAX, MAX, "12"], "MULMOD", "9"),
        (&[MAX, MAX, "0"], "MULMOD", "0"),
        (&[MIN, "2", MAX], "MULMOD", "1"),
    ]);
}

#[test]
fn sign_extension_counts_bytes_from_the_right() {
    check(&[
        (&["0", "0xff"], "SIGNEXTEND", MAX),
        (&["0", "0x7f"], "SIGNEXTEND", "0x7f"),
        (&["0", "0xff7f"], "SIGNEXTEND", "0x7f"),
        (
            &["1", "0xff7f"],
            "SIGNEXTEND",
            "0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ),
        (&["30", MAX_SIGNED], "SIGNEXTEND", MAX),
        (&["31", MIN], "SIGNEXTEND", MIN),
        (&[MAX, "0xff"], "SIGNEXTEND", "0xff"),
    ]);
}

#[test]
fn comparisons_know_signs() {
    check(&[
        (&["1", "2"], "LT", "1"),
        (&["2", "2"], "LT", "0"),
        (&[MAX, "0"], "LT", "0"),
        (&["2", "1"], "GT", "1"),
        (&["0", MAX], "GT", "0"),
        (&[MAX, "0"], "SLT", "1"),
        (&[MIN, MAX_SIGNED], "SLT", "1"),
        (&[MIN_1, MIN], "SLT", "0"),
        (&["0", MAX], "SGT", "1"),
        (&[MAX_SIGNED, MIN], "SGT", "1"),
        (&["5", "5"], "EQ", "1"),
        (&[MIN, MAX], "EQ", "0"),
        (&["0"], "ISZERO", "1"),
        (&[MIN], "ISZERO", "0"),
    ]);
}

#[test]
fn bits_combine() {
    check(&[
        (&["0b1100", "0b1010"], "AND", "8"),
        (&["0b1100", "0b1010"], "OR", "14"),
        (&["0b1100", "0b1010"], "XOR", "6"),
        (&["0"], "NOT", MAX),
        (&[MIN], "NOT", MAX_SIGNED),
        (&["0", MIN], "BYTE", "0x80"),
        (&["31", "0x1234"], "BYTE", "0x34"),
        (&["32", MAX], "BYTE", "0"),
        (&[MAX, MAX], "BYTE", "0"),
    ]);
}

#[test]
fn shifts_by_256_and_more_leave_nothing_but_the_sign() {
    check(&[
        (&["1", "1"], "SHL", "2"),
        (&["255", "1"], "SHL", MIN),
        (&["256", "1"], "SHL", "0"),
        (&[MAX, MAX], "SHL", "0"),
        (
            &["1", MIN],
            "SHR",
            "0x4000000000000000000000000000000000000000000000000000000000000000",
        ),
        (&["255", MIN], "SHR", "1"),
        (&["256", MAX], "SHR", "0"),
        (
            &["1", MIN],
            "SAR",
            "0xc000000000000000000000000000000000000000000000000000000000000000",
        ),
        (&["255", MIN], "SAR", MAX),
        (&["256", MIN], "SAR", MAX),
        (&[MAX, MIN], "SAR", MAX),
        (&[MAX, MAX_SIGNED], "SAR", "0"),
        (&["4", "0xff"], "SAR", "0x0f"),
    ]);
}

/// EIP-7939.
#[test]
fn leading_zeros_are_counted() {
    check(&[
        (&["0"], "CLZ", "256"),
        (&["1"], "CLZ", "255"),
        (&[MIN], "CLZ", "0"),
        (&[MAX_SIGNED], "CLZ", "1"),
        (&["0x8000"], "CLZ", "240"),
    ]);
}
