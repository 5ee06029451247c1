//! Which function runs for which opcode (spec 02 §8, §15).
//!
//! Everything not listed is undefined: besides what Ethereum has not assigned,
//! CALLCODE, BLOBHASH, BLOBBASEFEE and what comes after Osaka.

use boatyard_sdk::Runtime;
use revm_interpreter::bytecode::opcode::*;
use revm_interpreter::instructions as stock;
use revm_interpreter::interpreter::EthInterpreter;
use revm_interpreter::{Instruction, InstructionTable};

use super::{Machine, call, context, create, introspection, log, memory, stack, storage};

/// The table of all 256 opcodes.
pub(super) const fn instructions<'rt, RT: Runtime>()
-> InstructionTable<EthInterpreter, Machine<'rt, RT>> {
    let mut table = [Instruction::unknown(); 256];
    macro_rules! set {
        ($($opcode:ident => $function:expr),+ $(,)?) => {
            $(table[$opcode as usize] = Instruction::new($function);)+
        };
    }

    set! {
        STOP => stock::control::stop,
        JUMP => stock::control::jump,
        JUMPI => stock::control::jumpi,
        PC => stock::control::pc,
        JUMPDEST => stock::control::jumpdest,
        INVALID => stock::control::invalid,
        RETURN => memory::ret,
        REVERT => memory::revert,
    }
    set! {
        ADD => stock::arithmetic::add,
        MUL => stock::arithmetic::mul,
        SUB => stock::arithmetic::sub,
        DIV => stock::arithmetic::div,
        SDIV => stock::arithmetic::sdiv,
        MOD => stock::arithmetic::rem,
        SMOD => stock::arithmetic::smod,
        ADDMOD => stock::arithmetic::addmod,
        MULMOD => stock::arithmetic::mulmod,
        EXP => stock::arithmetic::exp,
        SIGNEXTEND => stock::arithmetic::signextend,
        LT => stock::bitwise::lt,
        GT => stock::bitwise::gt,
        SLT => stock::bitwise::slt,
        SGT => stock::bitwise::sgt,
        EQ => stock::bitwise::eq,
        ISZERO => stock::bitwise::iszero,
        AND => stock::bitwise::bitand,
        OR => stock::bitwise::bitor,
        XOR => stock::bitwise::bitxor,
        NOT => stock::bitwise::not,
        BYTE => stock::bitwise::byte,
        SHL => stock::bitwise::shl,
        SHR => stock::bitwise::shr,
        SAR => stock::bitwise::sar,
        CLZ => stock::bitwise::clz,
    }
    set! {
        ADDRESS => stock::system::address,
        BALANCE => context::balance,
        ORIGIN => context::origin,
        CALLER => stock::system::caller,
        CALLVALUE => stock::system::callvalue,
        CALLDATALOAD => stock::system::calldataload,
        CALLDATASIZE => stock::system::calldatasize,
        CALLDATACOPY => memory::calldatacopy,
        CODESIZE => stock::system::codesize,
        CODECOPY => memory::codecopy,
        GASPRICE => stock::tx_info::gasprice,
        EXTCODESIZE => introspection::extcodesize,
        EXTCODECOPY => introspection::extcodecopy,
        EXTCODEHASH => introspection::extcodehash,
        RETURNDATASIZE => stock::system::returndatasize,
        RETURNDATACOPY => memory::returndatacopy,
        BLOCKHASH => stock::host::blockhash,
        COINBASE => stock::block_info::coinbase,
        TIMESTAMP => stock::block_info::timestamp,
        NUMBER => stock::block_info::block_number,
        DIFFICULTY => context::prevrandao,
        GASLIMIT => stock::block_info::gaslimit,
        CHAINID => stock::block_info::chainid,
        SELFBALANCE => context::selfbalance,
        BASEFEE => stock::block_info::basefee,
        GAS => context::gas,
    }
    set! {
        KECCAK256 => memory::keccak256,
        MLOAD => memory::mload,
        MSTORE => memory::mstore,
        MSTORE8 => memory::mstore8,
        MSIZE => stock::memory::msize,
        MCOPY => memory::mcopy,
        SLOAD => storage::sload,
        SSTORE => storage::sstore,
        TLOAD => storage::tload,
        TSTORE => storage::tstore,
    }
    set! {
        LOG0 => log::log::<2, RT>,
        LOG1 => log::log::<3, RT>,
        LOG2 => log::log::<4, RT>,
        LOG3 => log::log::<5, RT>,
        LOG4 => log::log::<6, RT>,
        CREATE => create::create,
        CREATE2 => create::create2,
        SELFDESTRUCT => create::selfdestruct,
        CALL => call::call,
        STATICCALL => call::static_call,
        DELEGATECALL => call::delegate_call,
    }

    set! {
        POP => stock::stack::pop,
        PUSH0 => stock::stack::push0,
    }
    macro_rules! numbered {
        ($first:ident, $function:ident, $($n:literal)+) => {
            $(table[$first as usize + $n - 1] = Instruction::new(numbered!(@ $function, $n));)+
        };
        (@ push, $n:literal) => { stock::stack::push::<$n, _, _> };
        (@ swap, $n:literal) => { stock::stack::swap::<$n, _, _> };
        (@ dup, $n:literal) => { stack::dup::<$n, RT> };
    }
    numbered!(PUSH1, push, 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16);
    numbered!(PUSH1, push, 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32);
    numbered!(DUP1, dup, 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16);
    numbered!(SWAP1, swap, 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16);
    table
}
