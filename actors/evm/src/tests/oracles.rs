//! All operations on words against two independent references: big integers, and
//! the stock table of revm with Ethereum's gas.

use num_bigint::{BigInt, BigUint, Sign};
use proptest::prelude::*;
use revm_interpreter::bytecode::Bytecode;
use revm_interpreter::host::DummyHost;
use revm_interpreter::interpreter::{EthInterpreter, ExtBytecode};
use revm_interpreter::primitives::U256;
use revm_interpreter::primitives::hardfork::SpecId;
use revm_interpreter::{
    InputsImpl, Interpreter, InterpreterAction, SharedMemory, gas_table, instruction_table,
};

use super::asm::asm;
use super::world::{contract_of, invoke};

/// Opcodes and how many operands they take.
const OPERATIONS: [(&str, usize); 26] = [
    ("ADD", 2),
    ("MUL", 2),
    ("SUB", 2),
    ("DIV", 2),
    ("SDIV", 2),
    ("MOD", 2),
    ("SMOD", 2),
    ("ADDMOD", 3),
    ("MULMOD", 3),
    ("EXP", 2),
    ("SIGNEXTEND", 2),
    ("LT", 2),
    ("GT", 2),
    ("SLT", 2),
    ("SGT", 2),
    ("EQ", 2),
    ("ISZERO", 1),
    ("AND", 2),
    ("OR", 2),
    ("XOR", 2),
    ("NOT", 1),
    ("BYTE", 2),
    ("SHL", 2),
    ("SHR", 2),
    ("SAR", 2),
    ("CLZ", 1),
];

/// Words near the edges come as often as others.
fn any_word() -> impl Strategy<Value = U256> {
    let anywhere = any::<[u64; 4]>().prop_map(U256::from_limbs);
    let near_a_power = (0..256usize, -2i8..=2).prop_map(|(bit, off)| {
        let power = U256::from(1) << bit;
        if off < 0 {
            power.wrapping_sub(U256::from(off.unsigned_abs()))
        } else {
            power.wrapping_add(U256::from(off.unsigned_abs()))
        }
    });
    let small = (0..300u64).prop_map(U256::from);
    let negative = (1..300u64).prop_map(|n| U256::ZERO.wrapping_sub(U256::from(n)));
    prop_oneof![anywhere, near_a_power, small, negative]
}

/// A program that returns the results of all operations in order.
fn program(operands: [U256; 3]) -> Vec<u8> {
    let mut text = String::new();
    for (position, (opcode, arity)) in OPERATIONS.iter().enumerate() {
        for operand in operands[..*arity].iter().rev() {
            text += &format!("{operand} ");
        }
        text += &format!("{opcode} {} MSTORE ", position * 32);
    }
    asm(&format!("{text} {} 0 RETURN", OPERATIONS.len() * 32))
}

fn by_stock_revm(code: &[u8]) -> Vec<u8> {
    let mut interpreter = Interpreter::<EthInterpreter>::new(
        SharedMemory::new(),
        ExtBytecode::new(Bytecode::new_legacy(code.to_vec().into())),
        InputsImpl::default(),
        false,
        SpecId::OSAKA,
        u64::MAX,
    );
    let action = interpreter.run_plain(
        &instruction_table(),
        &gas_table(),
        &mut DummyHost::new(SpecId::OSAKA),
    );
    match action {
        InterpreterAction::Return(end) => end.output.to_vec(),
        InterpreterAction::NewFrame(_) => unreachable!("no operation calls"),
    }
}

fn by_big_integers(opcode: &str, [a, b, m]: [U256; 3]) -> U256 {
    let modulus = BigInt::from(1) << 256;
    let unsigned = |word: U256| BigInt::from(BigUint::from_bytes_be(&word.to_be_bytes::<32>()));
    let signed = |word: U256| {
        let value = unsigned(word);
        if word.bit(255) {
            value - &modulus
        } else {
            value
        }
    };
    let word = |value: BigInt| {
        let reduced: BigInt = ((value % &modulus) + &modulus) % &modulus;
        let (sign, bytes) = reduced.to_bytes_be();
        assert_ne!(sign, Sign::Minus);
        U256::from_be_slice(&bytes)
    };
    let flag = |condition: bool| U256::from(condition);
    let bits = |combine: fn(u8, u8) -> u8| {
        let (a, b) = (a.to_be_bytes::<32>(), b.to_be_bytes::<32>());
        U256::from_be_bytes::<32>(std::array::from_fn(|i| combine(a[i], b[i])))
    };
    let (ua, ub, um) = (unsigned(a), unsigned(b), unsigned(m));
    let (sa, sb) = (signed(a), signed(b));
    let zero = BigInt::from(0);
    // Division of big integers truncates, and the remainder has the sign of the
    // dividend, as here.
    let unless_zero = |divisor: &BigInt, value: &dyn Fn() -> BigInt| {
        if *divisor == zero {
            U256::ZERO
        } else {
            word(value())
        }
    };
    let shift: Option<usize> = a.try_into().ok().filter(|shift| *shift < 256);
    match opcode {
        "ADD" => word(ua + ub),
        "MUL" => word(ua * ub),
        "SUB" => word(ua - ub),
        "DIV" => unless_zero(&ub, &|| &ua / &ub),
        "SDIV" => unless_zero(&sb, &|| &sa / &sb),
        "MOD" => unless_zero(&ub, &|| &ua % &ub),
        "SMOD" => unless_zero(&sb, &|| &sa % &sb),
        "ADDMOD" => unless_zero(&um, &|| (&ua + &ub) % &um),
        "MULMOD" => unless_zero(&um, &|| (&ua * &ub) % &um),
        "EXP" => word(ua.modpow(&ub, &modulus)),
        "SIGNEXTEND" => match usize::try_from(a) {
            Ok(byte) if byte < 31 => {
                let bits = 8 * (byte + 1);
                let low = &ub % (BigInt::from(1) << bits);
                if b.bit(bits - 1) {
                    word(low - (BigInt::from(1) << bits))
                } else {
                    word(low)
                }
            }
            _ => b,
        },
        "LT" => flag(ua < ub),
        "GT" => flag(ua > ub),
        "SLT" => flag(sa < sb),
        "SGT" => flag(sa > sb),
        "EQ" => flag(ua == ub),
        "ISZERO" => flag(ua == zero),
        "AND" => bits(|a, b| a & b),
        "OR" => bits(|a, b| a | b),
        "XOR" => bits(|a, b| a ^ b),
        "NOT" => word(-ua - 1),
        "BYTE" => match usize::try_from(a) {
            Ok(index) if index < 32 => U256::from(b.to_be_bytes::<32>()[index]),
            _ => U256::ZERO,
        },
        "SHL" => shift.map_or(U256::ZERO, |shift| word(ub << shift)),
        "SHR" => shift.map_or(U256::ZERO, |shift| word(ub >> shift)),
        // A shift of a negative big integer rounds down, as here.
        "SAR" => word(sb >> shift.unwrap_or(256)),
        "CLZ" => U256::from(256 - ua.bits()),
        other => unreachable!("{other} is not listed"),
    }
}

proptest! {
    #[test]
    fn operations_give_what_the_references_give(
        a in any_word(),
        b in any_word(),
        m in any_word(),
    ) {
        let code = program([a, b, m]);
        let output = invoke(&contract_of(&code), &[]).unwrap();
        prop_assert_eq!(&output, &by_stock_revm(&code));
        for (position, (opcode, _)) in OPERATIONS.iter().enumerate() {
            let result = U256::from_be_slice(&output[position * 32..][..32]);
            prop_assert_eq!(result, by_big_integers(opcode, [a, b, m]), "{} of {} {} {}", opcode, a, b, m);
        }
    }
}
