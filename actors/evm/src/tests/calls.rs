//! CALL, STATICCALL, DELEGATECALL, and SELFDESTRUCT's transfer (spec 02 §8.6, §8.8).

use crate::address::{from_word, to_word};
use boatyard_actors_shared::EthAddress;
use boatyard_actors_shared::ext::evm::*;
use boatyard_mock::MockRuntime;
use boatyard_sdk::Type;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_ipld_encoding::{CBOR, DAG_CBOR, RawBytes};
use fvm_shared::address::Address;
use fvm_shared::error::{ErrorNumber, ExitCode};
use revm_interpreter::primitives::U256;

use super::world::*;
use crate::state::{Lifespan, State};
use crate::types::*;

/// Calls `OTHER` with two bytes of calldata and 1000 gas; returns flag, size of the
/// return data, and 32 bytes of it.
fn caller_of(instruction: &str, value: &str) -> String {
    format!(
        "0xabcd 0 MSTORE 32 64 2 30 {value} {} 1000 {instruction}
         0 MSTORE RETURNDATASIZE 32 MSTORE 96 0 RETURN",
        word_of(eth(OTHER))
    )
}

fn outcome(rt: &MockRuntime) -> (bool, u64, Vec<u8>) {
    let output = invoke(rt, &[]).unwrap();
    let words: Vec<U256> = output.chunks(32).map(U256::from_be_slice).collect();
    (
        words[0] == U256::from(1),
        words[1].to(),
        output[64..].to_vec(),
    )
}

fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut padded = bytes.to_vec();
    padded.resize(32, 0);
    padded
}

#[test]
fn a_call_is_a_send_of_raw_calldata() {
    let rt = contract(&caller_of("CALL", "5")).balance(CONTRACT, atto(5));
    rt.expect_send(f410(OTHER), INVOKE_CONTRACT)
        .block(Some(raw(&[0xab, 0xcd])))
        .value(atto(5))
        .gas_limit(1000)
        .returns(&fvm_ipld_encoding::BytesSer(b"hello"));
    assert_eq!(outcome(&rt), (true, 5, padded(b"hello")));
    assert_eq!(rt.balance_of(OTHER), Some(atto(5)));
}

#[test]
fn a_static_call_is_read_only() {
    let rt = contract(&caller_of("STATICCALL", ""));
    rt.expect_send(f410(OTHER), INVOKE_CONTRACT)
        .block(Some(raw(&[0xab, 0xcd])))
        .read_only()
        .gas_limit(1000)
        .returns(&fvm_ipld_encoding::BytesSer(b""));
    assert_eq!(outcome(&rt), (true, 0, padded(b"")));
}

#[test]
fn an_address_of_an_id_is_sent_to_as_id_and_no_calldata_is_no_block() {
    let to = word_of(EthAddress::from_id(55));
    let rt = contract(&format!("0 0 0 0 0 {to} 1000 CALL"));
    rt.expect_send(Address::new_id(55), INVOKE_CONTRACT)
        .gas_limit(1000);
    assert_eq!(exit(&rt), 0);
}

#[test]
fn return_data_is_what_any_block_holds() {
    let tuple = IpldBlock::serialize_cbor(&(1, 2)).unwrap().unwrap();
    let dag = IpldBlock {
        codec: DAG_CBOR,
        ..bytes_block(b"in dag")
    };
    let trailing = IpldBlock {
        codec: CBOR,
        data: vec![0x41, 1, 2],
    };
    for (block, seen) in [
        (None, b"".to_vec()),
        (Some(raw(b"as it is")), b"as it is".to_vec()),
        (Some(bytes_block(b"unwrapped")), b"unwrapped".to_vec()),
        (Some(dag), b"in dag".to_vec()),
        (Some(tuple.clone()), tuple.data),
        (Some(trailing.clone()), trailing.data),
    ] {
        for code in [0, 16, 33] {
            let rt = contract(&caller_of("CALL", "0"));
            rt.expect_send(f410(OTHER), INVOKE_CONTRACT)
                .block(Some(raw(&[0xab, 0xcd])))
                .gas_limit(1000)
                .responds(ExitCode::new(code), block.clone());
            assert_eq!(
                outcome(&rt),
                (code == 0, seen.len() as u64, padded(&seen)),
                "{block:?} with exit code {code}"
            );
        }
    }
}

#[test]
fn calls_that_are_not_made() {
    for (error, call, static_call) in [
        (ErrorNumber::NotFound, true, true),
        (ErrorNumber::ReadOnly, false, true),
        (ErrorNumber::InsufficientFunds, false, false),
        (ErrorNumber::LimitExceeded, false, false),
        (ErrorNumber::Forbidden, false, false),
    ] {
        let rt = contract(&caller_of("CALL", "0"));
        rt.expect_send(f410(OTHER), INVOKE_CONTRACT)
            .any_params()
            .gas_limit(1000)
            .refused(error);
        assert_eq!(outcome(&rt), (call, 0, padded(b"")), "CALL, {error}");

        let rt = contract(&caller_of("STATICCALL", ""));
        rt.expect_send(f410(OTHER), INVOKE_CONTRACT)
            .any_params()
            .read_only()
            .gas_limit(1000)
            .refused(error);
        assert_eq!(
            outcome(&rt),
            (static_call, 0, padded(b"")),
            "STATICCALL, {error}"
        );
    }
    // A call that is read-only itself meets an address that nobody uses.
    let rt = contract(&caller_of("CALL", "0")).read_only();
    rt.expect_send(f410(OTHER), INVOKE_CONTRACT)
        .any_params()
        .gas_limit(1000)
        .refused(ErrorNumber::ReadOnly);
    assert_eq!(outcome(&rt), (true, 0, padded(b"")));
}

#[test]
fn values_above_128_bits_are_never_sent() {
    let rt = contract(&caller_of("CALL", "0x100000000000000000000000000000000"));
    assert_eq!(outcome(&rt), (false, 0, padded(b"")));
}

#[test]
fn the_gas_limit_is_63_64ths_at_most() {
    let stipend = 10_000_000;
    let cap = all_but_one_64th(GAS);
    for (gas, value, instruction, limit) in [
        ("5", 0, "CALL", 5),
        ("0", 0, "CALL", 0),
        ("0", 1, "CALL", stipend),
        ("2300", 0, "CALL", stipend),
        ("2300", 1, "CALL", 2300),
        ("2300", 0, "STATICCALL", stipend),
        ("0", 0, "STATICCALL", 0),
        ("0xffffffffff", 0, "CALL", cap),
        ("0xffffffffffffffffffffffffffffffff", 0, "STATICCALL", cap),
    ] {
        let to = word_of(eth(OTHER));
        let (value_word, read_only) = match instruction {
            "CALL" => (value.to_string(), false),
            _ => (String::new(), true),
        };
        let rt = contract(&format!("0 0 0 0 {value_word} {to} {gas} {instruction}"))
            .balance(CONTRACT, atto(1));
        let send = rt
            .expect_send(f410(OTHER), INVOKE_CONTRACT)
            .value(atto(value))
            .gas_limit(limit);
        if read_only {
            send.read_only();
        }
        assert_eq!(
            exit(&rt),
            0,
            "{instruction} with {gas} gas and value {value}"
        );
    }
    // Little gas is no reason not to substitute, only to cap.
    let rt = contract(&format!("0 0 0 0 0 {} 2300 CALL", word_of(eth(OTHER)))).gas(640);
    rt.expect_send(f410(OTHER), INVOKE_CONTRACT).gas_limit(630);
    assert_eq!(exit(&rt), 0);
}

#[test]
fn the_output_region_is_looked_at_after_the_callee_ran() {
    let rt = contract(&format!(
        "1 0x100000000 0 0 0 {} 1000 CALL",
        word_of(eth(OTHER))
    ));
    rt.expect_send(f410(OTHER), INVOKE_CONTRACT).gas_limit(1000);
    assert_eq!(exit(&rt), 38);
}

#[test]
fn output_beyond_the_return_data_is_left_alone() {
    let rt = contract(&format!(
        "0xff 31 MSTORE8 32 0 0 0 0 {} 1000 CALL 32 0 RETURN",
        word_of(eth(OTHER))
    ));
    rt.expect_send(f410(OTHER), INVOKE_CONTRACT)
        .gas_limit(1000)
        .returns(&fvm_ipld_encoding::BytesSer(&[1, 2]));
    let mut expected = padded(&[1, 2]);
    expected[31] = 0xff;
    assert_eq!(invoke(&rt, &[]).unwrap(), expected);
}

// --- DELEGATECALL ---

#[test]
fn a_delegated_call_is_a_message_to_itself_with_the_code() {
    let rt = contract(&caller_of("DELEGATECALL", "")).value(atto(3));
    let code = put_code(&rt, &[0x00]);
    rt.expect_send(Address::new_id(OTHER), GET_BYTECODE)
        .read_only()
        .responds(ExitCode::OK, Some(link_block(Some(code))));
    let params = DelegateCallParams {
        code,
        input: RawBytes::new(vec![0xab, 0xcd]),
        caller: eth(CALLER),
        value: atto(3),
    };
    rt.expect_send(Address::new_id(CONTRACT), INVOKE_CONTRACT_DELEGATE)
        .block(IpldBlock::serialize_dag_cbor(&params).unwrap())
        .gas_limit(1000)
        .returns(&fvm_ipld_encoding::BytesSer(b"done"));
    assert_eq!(outcome(&rt), (true, 4, padded(b"done")));
}

#[test]
fn a_delegated_call_can_fail() {
    for (answer, code) in [(Some(33), 33), (None, 0)] {
        let rt = contract(&caller_of("DELEGATECALL", ""));
        let bytecode = put_code(&rt, &[0x00]);
        rt.expect_send(Address::new_id(OTHER), GET_BYTECODE)
            .read_only()
            .responds(ExitCode::OK, Some(link_block(Some(bytecode))));
        let send = rt
            .expect_send(Address::new_id(CONTRACT), INVOKE_CONTRACT_DELEGATE)
            .any_params()
            .gas_limit(1000);
        let seen: &[u8] = match answer {
            Some(_) => {
                send.responds(ExitCode::new(code), Some(bytes_block(b"why")));
                b"why"
            }
            None => {
                send.refused(ErrorNumber::LimitExceeded);
                b""
            }
        };
        assert_eq!(outcome(&rt), (false, seen.len() as u64, padded(seen)));
    }
}

/// The two special gas values of CALL mean nothing here.
#[test]
fn a_delegated_call_gets_the_gas_asked_for() {
    let rt = contract(&format!(
        "0 0 0 0 {} 2300 DELEGATECALL",
        word_of(eth(OTHER))
    ));
    let bytecode = put_code(&rt, &[0x00]);
    rt.expect_send(Address::new_id(OTHER), GET_BYTECODE)
        .read_only()
        .responds(ExitCode::OK, Some(link_block(Some(bytecode))));
    rt.expect_send(Address::new_id(CONTRACT), INVOKE_CONTRACT_DELEGATE)
        .any_params()
        .gas_limit(2300);
    assert_eq!(exit(&rt), 0);
}

#[test]
fn only_contracts_have_code_to_borrow() {
    for (kind, flag) in [
        (Some(Type::Account), true),
        (Some(Type::EthAccount), true),
        (Some(Type::Placeholder), true),
        (Some(Type::Miner), false),
        (Some(Type::Multisig), false),
        (None, true),
    ] {
        let rt = contract(&caller_of("DELEGATECALL", ""));
        match kind {
            Some(kind) => rt.actor(OTHER, kind),
            None => rt.no_actor(OTHER),
        };
        assert_eq!(outcome(&rt), (flag, 0, padded(b"")), "{kind:?}");
    }
    let rt = contract(&caller_of("DELEGATECALL", ""));
    rt.expect_send(Address::new_id(OTHER), GET_BYTECODE)
        .read_only()
        .responds(ExitCode::OK, Some(link_block(None)));
    assert_eq!(outcome(&rt), (true, 0, padded(b"")), "dead");
}

/// The code runs with the caller and value of the contract that delegates.
#[test]
fn a_delegate_sees_the_callers_call() {
    for (program, seen) in [
        ("CALLER", to_word(eth(OTHER))),
        ("CALLVALUE", U256::from(8)),
        ("ADDRESS", to_word(eth(CONTRACT))),
        ("CODESIZE", U256::from(7)),
        ("CALLDATASIZE", U256::from(3)),
        ("5 SLOAD", U256::from(1)),
    ] {
        let rt = contract("1 5 SSTORE");
        invoke(&rt, &[]).unwrap();
        let code = put_code(&rt, &super::asm::asm(&returning(program)));
        let params = DelegateCallParams {
            code,
            input: RawBytes::new(vec![1, 2, 3]),
            caller: eth(OTHER),
            value: atto(8),
        };
        let block = IpldBlock::serialize_dag_cbor(&params).unwrap();
        let returned = rt
            .caller(CONTRACT)
            .call::<crate::EvmActor>(INVOKE_CONTRACT_DELEGATE, block)
            .unwrap();
        assert_eq!(
            returned,
            Some(bytes_block(&seen.to_be_bytes::<32>())),
            "{program}"
        );
    }
}

// --- SELFDESTRUCT ---

#[test]
fn self_destruction_sends_everything_and_buries_the_contract() {
    let rt = contract(&format!(
        "9 0 SSTORE {} SELFDESTRUCT INVALID",
        word_of(eth(OTHER))
    ))
    .balance(CONTRACT, atto(50));
    rt.expect_send(f410(OTHER), 0)
        .value(atto(50))
        // The state is not written before this send.
        .effect(|rt| assert_eq!(slot(rt, 0), U256::ZERO));
    assert_eq!(invoke(&rt, &[]).unwrap(), b"");
    let state: State = rt.state();
    assert_eq!(
        state.tombstone,
        Some(Lifespan {
            origin: CALLER,
            nonce: 7
        })
    );
    assert_eq!(slot(&rt, 0), U256::from(9));
    assert_eq!(rt.balance_of(OTHER), Some(atto(50)));
}

#[test]
fn self_destruction_needs_a_beneficiary() {
    let program = format!("{} SELFDESTRUCT", word_of(EthAddress::from_id(12345)));
    for refused in [true, false] {
        let rt = contract(&program);
        let send = rt.expect_send(Address::new_id(12345), 0);
        if refused {
            send.refused(ErrorNumber::NotFound);
        } else {
            send.exits(16);
        }
        assert_eq!(exit(&rt), 40);
    }
}

// --- Precompiles as callees ---

#[test]
fn a_precompile_runs_inside_the_frame() {
    let to = "0x04";
    let rt = contract(&format!(
        "0xabcd 0 MSTORE 2 64 2 30 0 {to} 0 CALL RETURNDATASIZE MUL 32 MSTORE 96 0 RETURN"
    ));
    let output = invoke(&rt, &[]).unwrap();
    assert_eq!(U256::from_be_slice(&output[32..64]), U256::from(2));
    assert_eq!(output[64..66], [0xab, 0xcd]);
}

#[test]
fn value_for_a_precompile_goes_to_its_address() {
    let identity = from_word(U256::from(4));
    for (answer, flag) in [(Some(0), 1), (Some(16), 0), (None, 0)] {
        let rt = contract("1 0 SSTORE 0 0 1 0 7 4 0 CALL RETURNDATASIZE 2 MUL ADD 1 SSTORE")
            .balance(CONTRACT, atto(7));
        let send = rt.expect_send(identity.to_address(), 0).value(atto(7));
        let send = match answer {
            Some(code) => send.exits(code),
            None => send.refused(ErrorNumber::InsufficientFunds),
        };
        send.effect(|rt| assert_eq!(slot(rt, 0), U256::ZERO));
        assert_eq!(exit(&rt), 0);
        assert_eq!(slot(&rt, 1), U256::from(flag * 3), "{answer:?}");
    }
    let rt = contract(&returning(
        "0 0 0 0 0x100000000000000000000000000000000 4 0 CALL",
    ));
    assert_eq!(word(&rt), U256::ZERO);
}

#[test]
fn a_failing_precompile_moves_no_value() {
    // BLAKE2 wants 213 bytes.
    let rt = contract(&returning("0 0 0 0 7 9 0 CALL")).balance(CONTRACT, atto(7));
    assert_eq!(word(&rt), U256::ZERO);
}

/// The zero address is no precompile; those without implementation are empty.
#[test]
fn reserved_addresses_end_here() {
    for address in [
        "0x0a",
        "0x12",
        "0xff",
        "0xfe00000000000000000000000000000000000004",
        "0xfe000000000000000000000000000000000000ff",
    ] {
        for (instruction, value) in [("CALL", "0"), ("STATICCALL", ""), ("DELEGATECALL", "")] {
            let rt = contract(&returning(&format!(
                "0 0 0 0 {value} {address} 0 {instruction}"
            )));
            assert_eq!(word(&rt), U256::from(1), "{instruction} {address}");
        }
    }
    for address in [
        "0",
        "0x101",
        "0xfe00000000000000000000000000000000000000",
        "0xfe00000000000000000000000000000000000100",
    ] {
        let rt = contract(&format!("0 0 0 0 0 {address} 1 CALL"));
        let to = from_word(address.parse().unwrap()).to_address();
        rt.expect_send(to, INVOKE_CONTRACT).gas_limit(1);
        assert_eq!(exit(&rt), 0);
    }
}
