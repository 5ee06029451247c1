//! EXTCODESIZE, EXTCODECOPY, EXTCODEHASH (spec 02 §8.3).

use boatyard_actors_shared::EthAddress;
use boatyard_actors_shared::ext::evm::*;
use boatyard_mock::MockRuntime;
use boatyard_sdk::Type;
use fvm_shared::address::Address;
use fvm_shared::error::{ErrorNumber, ExitCode};
use revm_interpreter::primitives::U256;

use super::world::*;
use crate::types::*;

fn about(address: EthAddress, instruction: &str) -> MockRuntime {
    contract(&returning(&format!("{} {instruction}", word_of(address))))
}

#[test]
fn native_actors_show_one_byte_and_accounts_none() {
    let empty = U256::from_be_bytes(BytecodeHash::EMPTY.0);
    let native = U256::from_be_bytes(BytecodeHash::NATIVE.0);
    for (kind, size, hash) in [
        (Some(Type::Account), 0, empty),
        (Some(Type::EthAccount), 0, empty),
        (Some(Type::Placeholder), 0, empty),
        (Some(Type::Miner), 1, native),
        (Some(Type::Eam), 1, native),
        (None, 0, U256::ZERO),
    ] {
        let set = |rt: MockRuntime| match kind {
            Some(kind) => rt.actor(OTHER, kind),
            None => rt.no_actor(OTHER),
        };
        for address in [eth(OTHER), EthAddress::from_id(OTHER)] {
            assert_eq!(
                word(&set(about(address, "EXTCODESIZE"))),
                U256::from(size),
                "{kind:?}"
            );
            assert_eq!(word(&set(about(address, "EXTCODEHASH"))), hash, "{kind:?}");
            let copy = format!("2 0 0 {} EXTCODECOPY 32 0 RETURN", word_of(address));
            let mut expected = [0; 32];
            expected[0] = if size == 1 { 0xfe } else { 0 };
            assert_eq!(
                invoke(&set(contract(&copy)), &[]).unwrap(),
                expected,
                "{kind:?}"
            );
        }
    }
}

#[test]
fn precompiles_that_exist_are_like_accounts() {
    for address in [
        "0x01",
        "0x11",
        "0x0100",
        "0xfe00000000000000000000000000000000000005",
    ] {
        assert_eq!(
            eval(&format!("{address} EXTCODEHASH")),
            U256::from_be_bytes(BytecodeHash::EMPTY.0),
            "{address}"
        );
        assert_eq!(eval(&format!("{address} EXTCODESIZE")), U256::ZERO);
    }
    for address in [
        "0",
        "0x0a",
        "0x12",
        "0xfe00000000000000000000000000000000000004",
    ] {
        assert_eq!(
            eval(&format!("{address} EXTCODEHASH")),
            U256::ZERO,
            "{address}"
        );
    }
}

#[test]
fn contracts_are_asked_for_their_code() {
    let code = [1, 2, 3, 4, 5];
    for (known, size) in [(true, 5), (false, 0)] {
        let rt = about(eth(OTHER), "EXTCODESIZE");
        let link = known.then(|| put_code(&rt, &code));
        rt.expect_send(Address::new_id(OTHER), GET_BYTECODE)
            .read_only()
            .responds(ExitCode::OK, Some(link_block(link)));
        assert_eq!(word(&rt), U256::from(size));

        let rt = contract(&format!(
            "4 3 0 {} EXTCODECOPY 32 0 RETURN",
            word_of(eth(OTHER))
        ));
        rt.expect_send(Address::new_id(OTHER), GET_BYTECODE)
            .read_only()
            .responds(
                ExitCode::OK,
                Some(link_block(known.then(|| put_code(&rt, &code)))),
            );
        let mut expected = vec![0; 32];
        if known {
            expected[..2].copy_from_slice(&[4, 5]);
        }
        assert_eq!(invoke(&rt, &[]).unwrap(), expected);
    }
    let rt = about(eth(OTHER), "EXTCODEHASH");
    rt.expect_send(Address::new_id(OTHER), GET_BYTECODE_HASH)
        .read_only()
        .returns(&BytecodeHash([9; 32]));
    assert_eq!(word(&rt), U256::from_be_bytes([9; 32]));
}

#[test]
fn a_contract_asks_itself_by_a_message_after_storing_its_state() {
    let rt = contract("6 0 SSTORE ADDRESS EXTCODEHASH POP");
    rt.expect_send(Address::new_id(CONTRACT), GET_BYTECODE_HASH)
        .read_only()
        .returns(&BytecodeHash::EMPTY)
        .effect(|rt| assert_eq!(slot(rt, 0), U256::from(6)));
    assert_eq!(exit(&rt), 0);
}

#[test]
fn a_question_that_fails_ends_the_run() {
    let data = Some(bytes_block(b"data"));
    for (code, seen) in [(16, 16), (7, 24), (4, 23), (33, 33)] {
        let rt = about(eth(OTHER), "EXTCODESIZE");
        rt.expect_send(Address::new_id(OTHER), GET_BYTECODE)
            .read_only()
            .responds(ExitCode::new(code), data.clone());
        let error = invoke(&rt, &[]).unwrap_err();
        assert_eq!(
            (error.exit_code().value(), error.data()),
            (seen, data.as_ref())
        );
    }
    for error in [
        ErrorNumber::LimitExceeded,
        ErrorNumber::InsufficientFunds,
        ErrorNumber::NotFound,
    ] {
        let rt = about(eth(OTHER), "EXTCODEHASH");
        rt.expect_send(Address::new_id(OTHER), GET_BYTECODE_HASH)
            .read_only()
            .refused(error);
        assert_eq!(exit(&rt), 23, "{error}");
    }
    let missing = put_code(&empty_world(), b"lies in another world");
    for (block, seen) in [
        (None, 24),
        (Some(bytes_block(b"no link")), 21),
        (Some(link_block(Some(missing))), 20),
    ] {
        let rt = about(eth(OTHER), "EXTCODESIZE");
        rt.expect_send(Address::new_id(OTHER), GET_BYTECODE)
            .read_only()
            .responds(ExitCode::OK, block);
        assert_eq!(exit(&rt), seen);
    }
}

/// Also for no bytes at all.
#[test]
fn code_is_asked_for_before_the_region_is_looked_at() {
    for (size, code) in [("0", 0), ("0x100000000", 38)] {
        let rt = contract(&format!("{size} 0 0 {} EXTCODECOPY", word_of(eth(OTHER))));
        rt.expect_send(Address::new_id(OTHER), GET_BYTECODE)
            .read_only()
            .responds(ExitCode::OK, Some(link_block(None)));
        assert_eq!(exit(&rt), code);
    }
}
