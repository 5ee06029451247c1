//! Filecoin's precompiles (spec 02 §9.2).

use boatyard_mock::MockRuntime;
use fvm_ipld_encoding::CBOR;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_shared::address::Address;
use fvm_shared::error::{ErrorNumber, ExitCode};
use revm_interpreter::primitives::U256;

use super::world::*;

const RESOLVE: &str = "0xfe00000000000000000000000000000000000001";
const LOOKUP: &str = "0xfe00000000000000000000000000000000000002";
const CALL_ACTOR: &str = "0xfe00000000000000000000000000000000000003";
const CALL_ACTOR_ID: &str = "0xfe00000000000000000000000000000000000005";
const RANDOMNESS: &str = "0xfe00000000000000000000000000000000000006";

/// A contract that hands its calldata to an address; returns flag and return data.
fn forwarding(instruction: &str, address: &str) -> MockRuntime {
    let value = if instruction == "CALL" { "0" } else { "" };
    contract(&format!(
        "CALLDATASIZE 0 0 CALLDATACOPY 0 0 CALLDATASIZE 0 {value} {address} 1000 {instruction}
         0 MSTORE RETURNDATASIZE 0 32 RETURNDATACOPY RETURNDATASIZE 32 ADD 0 RETURN"
    ))
}

/// What the precompile gave, `None` if it failed.
#[track_caller]
fn ask(rt: &MockRuntime, input: &[u8]) -> Option<Vec<u8>> {
    let output = invoke(rt, input).unwrap();
    let succeeded = U256::from_be_slice(&output[..32]);
    if succeeded.is_zero() {
        assert_eq!(output.len(), 32, "a failure has no data");
        return None;
    }
    Some(output[32..].to_vec())
}

fn words(values: &[u64]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| U256::from(*value).to_be_bytes::<32>())
        .collect()
}

#[test]
fn addresses_are_resolved() {
    let key = Address::new_secp256k1(&[4; 65]).unwrap();
    for (address, expected) in [
        (Address::new_id(u64::MAX - 1), words(&[u64::MAX - 1])),
        (key, words(&[500])),
        (f410(OTHER), words(&[OTHER])),
        (Address::new_actor(b"nobody"), vec![]),
    ] {
        let rt = forwarding("CALL", RESOLVE).resolves(key, 500);
        assert_eq!(ask(&rt, &address.to_bytes()), Some(expected), "{address}");
    }
    for garbage in [&[][..], &[9, 1], &[0], &[0, 1, 2], &[1, 2, 3]] {
        assert_eq!(
            ask(&forwarding("CALL", RESOLVE), garbage),
            None,
            "{garbage:?}"
        );
    }
}

#[test]
fn delegated_addresses_are_looked_up() {
    for (input, expected) in [
        (words(&[OTHER]), Some(f410(OTHER).to_bytes())),
        (words(&[OTHER, 1]), Some(f410(OTHER).to_bytes())),
        (words(&[10]), Some(vec![])),
        (words(&[12345]), Some(vec![])),
        (vec![], Some(vec![])),
        (vec![1], None),
    ] {
        assert_eq!(
            ask(&forwarding("STATICCALL", LOOKUP), &input),
            expected,
            "{input:?}"
        );
    }
}

#[test]
fn randomness_is_the_beacons() {
    let rt = || forwarding("CALL", RANDOMNESS).beacon_randomness(900, [8; 32]);
    assert_eq!(ask(&rt(), &words(&[900])), Some(vec![8; 32]));
    assert_eq!(ask(&rt(), &words(&[1_001])), None, "in the future");
    let mut wide = words(&[900]);
    wide[23] = 1;
    assert_eq!(ask(&rt(), &wide), None);
}

/// Head, parameters, and (for any address) the receiver's address.
fn request(method: u64, value: u64, flags: u64, codec: u64, params: &[u8], to: &[u8]) -> Vec<u8> {
    let params_offset = 6 * 32;
    let params_length = params.len().next_multiple_of(32) as u64;
    let to_offset = params_offset + 32 + params_length;
    let mut input = words(&[method, value, flags, codec, params_offset, to_offset]);
    for part in [params, to] {
        input.extend(words(&[part.len() as u64]));
        input.extend(part);
        input.resize(input.len().next_multiple_of(32), 0);
    }
    input
}

fn by_id(id: u64, method: u64, value: u64, flags: u64, codec: u64, params: &[u8]) -> Vec<u8> {
    let mut input = request(method, value, flags, codec, params, &[]);
    input[5 * 32..6 * 32].copy_from_slice(&words(&[id]));
    input
}

fn answer(exit: U256, codec: u64, data: &[u8]) -> Option<Vec<u8>> {
    let mut output = exit.to_be_bytes_vec();
    output.extend(words(&[codec, 96, data.len() as u64]));
    output.extend(data);
    output.resize(output.len().next_multiple_of(32), 0);
    Some(output)
}

#[test]
fn an_actor_is_called_by_any_address() {
    let to = Address::new_actor(b"someone");
    let rt = forwarding("DELEGATECALL", CALL_ACTOR).balance(CONTRACT, atto(9));
    rt.expect_send(to, 2_000)
        .block(Some(IpldBlock {
            codec: CBOR,
            data: vec![0x81, 7],
        }))
        .value(atto(9))
        .gas_limit(1_000)
        .returns(&"hello");
    let input = request(2_000, 9, 0, CBOR, &[0x81, 7], &to.to_bytes());
    assert_eq!(ask(&rt, &input), answer(U256::ZERO, CBOR, b"\x65hello"));
}

#[test]
fn an_actor_is_called_by_its_id() {
    let rt = forwarding("DELEGATECALL", CALL_ACTOR_ID);
    rt.expect_send(Address::new_id(OTHER), 0)
        .gas_limit(1_000)
        .read_only();
    assert_eq!(
        ask(&rt, &by_id(OTHER, 0, 0, 1, 0, &[])),
        answer(U256::ZERO, 0, &[])
    );
}

/// An empty CBOR block is a block.
#[test]
fn the_codec_decides_whether_there_are_parameters() {
    for (codec, params, block) in [
        (0, &[][..], Some(None)),
        (CBOR, &[], Some(Some(vec![]))),
        (CBOR, &[1, 2], Some(Some(vec![1, 2]))),
        (0, &[1], None),
        (0x55, &[], None),
        (0x71, &[1], None),
    ] {
        let rt = forwarding("DELEGATECALL", CALL_ACTOR_ID);
        if let Some(data) = &block {
            let data = data.clone().map(|data| IpldBlock { codec: CBOR, data });
            rt.expect_send(Address::new_id(5), 1_024)
                .block(data)
                .gas_limit(1_000);
        }
        let output = ask(&rt, &by_id(5, 1_024, 0, 0, codec, params));
        assert_eq!(output.is_some(), block.is_some(), "{codec:#x} {params:?}");
    }
}

#[test]
fn failures_are_told_by_number() {
    let negative = |number: u64| U256::ZERO.wrapping_sub(U256::from(number));
    for (error, number) in [
        (ErrorNumber::LimitExceeded, 3),
        (ErrorNumber::InsufficientFunds, 5),
        (ErrorNumber::NotFound, 6),
        (ErrorNumber::ReadOnly, 13),
    ] {
        let rt = forwarding("DELEGATECALL", CALL_ACTOR_ID);
        rt.expect_send(Address::new_id(5), 0)
            .gas_limit(1_000)
            .refused(error);
        assert_eq!(
            ask(&rt, &by_id(5, 0, 0, 0, 0, &[])),
            answer(negative(number), 0, &[]),
            "{error}"
        );
    }
    let rt = forwarding("DELEGATECALL", CALL_ACTOR_ID);
    rt.expect_send(Address::new_id(5), 0)
        .gas_limit(1_000)
        .responds(ExitCode::new(18), Some(raw(b"why")));
    assert_eq!(
        ask(&rt, &by_id(5, 0, 0, 0, 0, &[])),
        answer(U256::from(18), 0x55, b"why")
    );
    // More than 128 bits of value: insufficient funds, without a send.
    let rt = forwarding("DELEGATECALL", CALL_ACTOR_ID);
    let mut input = by_id(5, 0, 0, 0, 0, &[]);
    input[32] = 1;
    assert_eq!(ask(&rt, &input), answer(negative(5), 0, &[]));
}

#[test]
fn only_a_delegated_call_calls_actors() {
    for instruction in ["CALL", "STATICCALL"] {
        for address in [CALL_ACTOR, CALL_ACTOR_ID] {
            let rt = forwarding(instruction, address);
            assert_eq!(ask(&rt, &by_id(5, 0, 0, 0, 0, &[])), None);
        }
    }
}

#[test]
fn requests_that_are_none() {
    let good = || by_id(5, 2_000, 0, 0, CBOR, &[1]);
    let with = |word: usize, byte: usize, value: u8| {
        let mut input = good();
        input[word * 32 + byte] = value;
        input
    };
    for (what, input) in [
        ("method above 64 bits", with(0, 23, 1)),
        ("method of the network", by_id(5, 1_023, 0, 0, 0, &[])),
        ("method of the network", by_id(5, 1, 0, 0, 0, &[])),
        ("unknown flag", with(2, 31, 2)),
        ("flags above 64 bits", with(2, 0, 1)),
        ("codec above 64 bits", with(3, 0, 1)),
        ("offset above 32 bits", with(4, 27, 1)),
        ("ID above 64 bits", with(5, 23, 1)),
        ("length above 32 bits", with(6, 27, 1)),
    ] {
        assert_eq!(
            ask(&forwarding("DELEGATECALL", CALL_ACTOR_ID), &input),
            None,
            "{what}"
        );
    }
    let address = request(2_000, 0, 0, 0, &[], b"no address");
    assert_eq!(ask(&forwarding("DELEGATECALL", CALL_ACTOR), &address), None);
    let mut far = request(2_000, 0, 0, 0, &[], &Address::new_id(5).to_bytes());
    far[5 * 32 + 27] = 1;
    assert_eq!(ask(&forwarding("DELEGATECALL", CALL_ACTOR), &far), None);
}

/// The input ends in endless zeros: nothing at all sends nothing to f00.
#[test]
fn a_request_without_bytes_is_a_request() {
    let rt = forwarding("DELEGATECALL", CALL_ACTOR_ID);
    rt.expect_send(Address::new_id(0), 0).gas_limit(1_000);
    assert_eq!(ask(&rt, &[]), answer(U256::ZERO, 0, &[]));
}

#[test]
fn the_state_is_written_before_an_actor_is_called() {
    let rt = contract(&format!(
        "3 0 SSTORE 0 0 0 0 {CALL_ACTOR_ID} 1000 DELEGATECALL"
    ));
    rt.expect_send(Address::new_id(0), 0)
        .gas_limit(1_000)
        .effect(|rt| assert_eq!(slot(rt, 0), U256::from(3)));
    assert_eq!(exit(&rt), 0);
}

/// A buffer that cannot be had ends the run as it does for memory.
#[test]
fn parameters_of_gigabytes_end_the_run() {
    for (length, code) in [(0xffff_ffff, 24), (0x7fff_ffff, 9)] {
        let mut input = by_id(5, 2_000, 0, 0, CBOR, &[]);
        input[6 * 32..7 * 32].copy_from_slice(&words(&[length]));
        let rt = forwarding("DELEGATECALL", CALL_ACTOR_ID);
        let error = invoke(&rt, &input).unwrap_err();
        assert_eq!(error.exit_code().value(), code);
    }
}
