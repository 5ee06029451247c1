//! Numbers, codecs, callers, and a contract's life (spec 02 §2, §6).

use crate::address::to_word;
use boatyard_actors_shared::EthAddress;
use boatyard_actors_shared::ext::evm::*;
use boatyard_mock::MockRuntime;
use boatyard_sdk::Actor;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_ipld_encoding::{CBOR, DAG_CBOR, RawBytes};
use fvm_shared::MethodNum;
use revm_interpreter::primitives::U256;

use super::asm::asm;
use super::world::*;
use crate::EvmActor;
use crate::methods::handle;
use crate::state::{Lifespan, State};
use crate::types::*;
use crate::word::Word;

const INIT: u64 = 1;
const EAM: u64 = 10;
const CONSTRUCTOR: MethodNum = 1;
const RESURRECT: MethodNum = 2;
const GET_STORAGE_AT: MethodNum = 5;

fn construction(initcode: &str) -> ConstructorParams {
    ConstructorParams {
        creator: eth(CALLER),
        initcode: RawBytes::new(asm(initcode)),
    }
}

#[track_caller]
fn construct(rt: &MockRuntime, initcode: &str) -> u32 {
    exit_code(
        rt.clone()
            .caller(INIT)
            .call_with::<EvmActor>(CONSTRUCTOR, &construction(initcode)),
    )
}

fn exit_code<T>(result: Result<T, boatyard_sdk::ActorError>) -> u32 {
    result.map_or_else(|error| error.exit_code().value(), |_| 0)
}

#[test]
fn the_invocation_has_its_exported_number() {
    assert_eq!(boatyard_sdk::method_number("InvokeEVM"), INVOKE_CONTRACT);
    let numbers: Vec<_> = EvmActor::ABI
        .methods
        .iter()
        .map(|method| method.number)
        .collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, INVOKE_CONTRACT]);
}

// --- Construction ---

#[test]
fn construction_keeps_what_the_initcode_returns() {
    let rt = empty_world();
    // Five bytes of runtime code: 0x600160025b.
    assert_eq!(construct(&rt, "0x600160025b 0 MSTORE 5 27 RETURN"), 0);
    let state: State = rt.state();
    let code = hex::decode("600160025b").unwrap();
    assert_eq!(state, state_with(&rt, &code));
}

#[test]
fn initcode_sees_its_creator_and_itself() {
    for (program, seen) in [
        ("CALLER", to_word(eth(CALLER))),
        ("ADDRESS", to_word(eth(CONTRACT))),
        ("CALLVALUE", U256::from(4)),
        ("CALLDATASIZE", U256::ZERO),
        ("CODESIZE", U256::from(3)),
        ("SELFBALANCE", U256::from(4)),
    ] {
        let rt = empty_world().value(atto(4));
        assert_eq!(construct(&rt, &format!("{program} 0 SSTORE")), 0);
        assert_eq!(slot(&rt, 0), seen, "{program}");
        assert_eq!(rt.state::<State>().bytecode_hash, BytecodeHash::EMPTY);
    }
}

/// Source: spec 02 §17.
#[test]
fn without_initcode_the_contract_is_empty() {
    let rt = empty_world();
    assert_eq!(construct(&rt, ""), 0);
    assert_eq!(
        rt.head().to_string(),
        "bafy2bzaceaqgk572h47obafyy4zyfnkxberkdgmwo2kdswte6ppsrtepjs334"
    );
    assert_eq!(invoke(&rt.caller(CALLER), b"anything").unwrap(), b"");
}

#[test]
fn construction_refuses() {
    for (initcode, code) in [
        ("24576 0 RETURN", 0),
        ("24577 0 RETURN", 16),
        ("0xef 0 MSTORE8 1 0 RETURN", 16),
        ("0xffef 1 MSTORE8 2 0 RETURN", 0),
        ("0 0 REVERT", 33),
        ("INVALID", 34),
        ("SELFBALANCE POP STOP", 0),
    ] {
        assert_eq!(construct(&empty_world(), initcode), code, "{initcode}");
    }
    let rt = empty_world();
    let params = construction("0xabcd 0 MSTORE 2 30 REVERT");
    let error = rt
        .clone()
        .caller(INIT)
        .call_with::<EvmActor>(CONSTRUCTOR, &params)
        .unwrap_err();
    assert_eq!(error.data(), Some(&bytes_block(&[0xab, 0xcd])));

    let error = rt
        .caller(EAM)
        .call_with::<EvmActor>(CONSTRUCTOR, &params)
        .unwrap_err();
    assert_eq!(error.exit_code().value(), 18);
    assert_eq!(construct(&contract("STOP"), ""), 20);
    let rt = MockRuntime::new().receiver(CONTRACT);
    assert_eq!(construct(&rt, ""), 18, "no f410 address");
}

#[test]
fn a_contract_under_construction_is_stored_without_code() {
    let rt = empty_world();
    rt.expect_send(f410(OTHER), INVOKE_CONTRACT)
        .gas_limit(1_000)
        .effect(|rt| {
            let state: State = rt.state();
            assert_eq!(state.bytecode_hash, BytecodeHash::EMPTY);
            assert_eq!(slot(rt, 0), U256::from(1));
        });
    let callee = word_of(eth(OTHER));
    let initcode = format!("1 0 SSTORE 0 0 0 0 0 {callee} 1000 CALL 2 0 RETURN");
    assert_eq!(construct(&rt, &initcode), 0);
    assert_eq!(rt.state::<State>().bytecode_hash, hash_of(&[0, 0]));
}

// --- Death and resurrection ---

fn dead() -> MockRuntime {
    let rt = contract("1 0 MSTORE 32 0 RETURN").balance(CONTRACT, atto(3));
    let mut state: State = rt.state();
    state.nonce = 9;
    state.tombstone = Some(Lifespan {
        origin: CALLER,
        nonce: 6,
    });
    rt.set_state(&state);
    rt
}

#[test]
fn a_dead_contract_answers_with_nothing() {
    let rt = dead();
    let head = rt.head();
    assert_eq!(invoke(&rt, b"hello").unwrap(), b"");
    assert_eq!(rt.call::<EvmActor>(4_000, None).unwrap(), None);
    assert_eq!(
        rt.call::<EvmActor>(GET_BYTECODE, None).unwrap(),
        Some(link_block(None))
    );
    assert_eq!(
        rt.get::<EvmActor, BytecodeHash>(GET_BYTECODE_HASH).unwrap(),
        BytecodeHash::EMPTY
    );
    assert_eq!(rt.head(), head);
}

#[test]
fn a_contract_lives_until_the_end_of_the_message_that_kills_it() {
    let rt = dead().nonce(6);
    assert_eq!(word(&rt), U256::from(1));
    let params = construction("");
    let refused = rt
        .caller(EAM)
        .call_with::<EvmActor>(RESURRECT, &params)
        .unwrap_err();
    assert_eq!(refused.exit_code().value(), 18);
}

#[test]
fn resurrection_starts_from_nothing() {
    let rt = dead().caller(EAM);
    rt.call_with::<EvmActor>(RESURRECT, &construction("2 0 SSTORE 1 0 RETURN"))
        .unwrap();
    let state: State = rt.state();
    assert_eq!((state.nonce, state.tombstone), (1, None));
    assert_eq!(state.bytecode_hash, hash_of(&[0]));
    assert_eq!(slot(&rt, 0), U256::from(2));
    assert_eq!(rt.balance_of(CONTRACT), Some(atto(3)));
}

#[test]
fn resurrection_refuses() {
    let params = construction("");
    for (rt, caller, code) in [
        (dead(), INIT, 18),
        (contract("STOP"), EAM, 18),
        (empty_world(), EAM, 21),
    ] {
        let result = rt.caller(caller).call_with::<EvmActor>(RESURRECT, &params);
        assert_eq!(exit_code(result), code);
    }
}

// --- Queries ---

#[test]
fn anyone_may_ask_for_the_code() {
    let rt = contract("1 2 ADD");
    let code = asm("1 2 ADD");
    assert_eq!(
        rt.call::<EvmActor>(GET_BYTECODE, None).unwrap(),
        Some(link_block(Some(put_code(&rt, &code))))
    );
    assert_eq!(
        rt.get::<EvmActor, BytecodeHash>(GET_BYTECODE_HASH).unwrap(),
        hash_of(&code)
    );
    assert_eq!(
        exit_code(empty_world().call::<EvmActor>(GET_BYTECODE, None)),
        16
    );
}

#[test]
fn slots_are_told_to_the_system_actor() {
    let rt = contract("300 5 SSTORE");
    invoke(&rt, &[]).unwrap();
    let params = GetStorageAtParams {
        storage_key: Word(U256::from(5)),
    };
    assert_eq!(
        exit_code(rt.call_with::<EvmActor>(GET_STORAGE_AT, &params)),
        18
    );
    let rt = rt.caller(0);
    let value: Word = rt.call_for::<EvmActor, _>(GET_STORAGE_AT, &params).unwrap();
    assert_eq!(value.0, U256::from(300));
    let params = GetStorageAtParams {
        storage_key: Word(U256::from(6)),
    };
    let block = rt
        .call_with::<EvmActor>(GET_STORAGE_AT, &params)
        .unwrap()
        .unwrap();
    assert_eq!((block.codec, block.data), (CBOR, vec![0x40]));
}

// --- Dispatch ---

#[test]
fn calldata_comes_in_three_codecs() {
    for (block, code, size) in [
        (None, 0, 0),
        (Some(raw(b"raw")), 0, 3),
        (Some(raw(b"")), 0, 0),
        (Some(bytes_block(b"cbor")), 0, 4),
        (
            Some(IpldBlock {
                codec: DAG_CBOR,
                ..bytes_block(b"dag")
            }),
            0,
            3,
        ),
        (
            Some(IpldBlock {
                codec: CBOR,
                data: vec![],
            }),
            21,
            0,
        ),
        (
            Some(IpldBlock {
                codec: CBOR,
                data: vec![0x41, 1, 2],
            }),
            21,
            0,
        ),
        (
            Some(IpldBlock {
                codec: CBOR,
                data: vec![0x80],
            }),
            21,
            0,
        ),
        // Lengths may be longer than needed, and indefinite.
        (
            Some(IpldBlock {
                codec: CBOR,
                data: vec![0x58, 1, 7],
            }),
            0,
            1,
        ),
        (
            Some(IpldBlock {
                codec: CBOR,
                data: vec![0x5f, 0x41, 1, 0x41, 2, 0xff],
            }),
            0,
            2,
        ),
    ] {
        let rt = contract("CALLDATASIZE 0 SSTORE");
        let result = rt.call::<EvmActor>(INVOKE_CONTRACT, block.clone());
        assert_eq!(exit_code(result), code, "{block:?}");
        assert_eq!(slot(&rt, 0), U256::from(size), "{block:?}");
    }
}

#[test]
fn parameters_are_judged_before_the_caller() {
    let link = put_code(&empty_world(), &[]);
    let delegation = DelegateCallParams {
        code: link,
        input: RawBytes::default(),
        caller: eth(CALLER),
        value: atto(0),
    };
    let cbor = |data: &[u8]| {
        Some(IpldBlock {
            codec: CBOR,
            data: data.to_vec(),
        })
    };
    for (method, params, code) in [
        (CONSTRUCTOR, None, 16),
        (RESURRECT, None, 16),
        (GET_STORAGE_AT, None, 16),
        (INVOKE_CONTRACT_DELEGATE, None, 16),
        (GET_BYTECODE, cbor(&[0xf6]), 16),
        (GET_BYTECODE_HASH, cbor(&[]), 16),
        (CONSTRUCTOR, cbor(&[0x80]), 21),
        (RESURRECT, Some(raw(b"raw")), 21),
        (GET_STORAGE_AT, cbor(&[0x41, 1]), 21),
        (GET_STORAGE_AT, cbor(&[0x81, 0x41, 1, 0]), 21),
        (GET_STORAGE_AT, cbor(&[0x81, 0x41, 1]), 18),
        (
            INVOKE_CONTRACT_DELEGATE,
            IpldBlock::serialize_cbor(&delegation).unwrap(),
            16,
        ),
        (
            INVOKE_CONTRACT_DELEGATE,
            Some(IpldBlock {
                codec: DAG_CBOR,
                data: vec![0x80],
            }),
            21,
        ),
        (
            INVOKE_CONTRACT_DELEGATE,
            IpldBlock::serialize_dag_cbor(&delegation).unwrap(),
            18,
        ),
        (7, None, 22),
        (1023, None, 22),
    ] {
        let result = contract("STOP").call::<EvmActor>(method, params.clone());
        assert_eq!(exit_code(result), code, "method {method} with {params:?}");
    }
}

#[test]
fn a_contract_delegates_to_itself_only_what_it_can_reach() {
    let rt = contract("STOP").caller(CONTRACT);
    let delegation = |code| {
        let params = DelegateCallParams {
            code,
            input: RawBytes::default(),
            caller: eth(CALLER),
            value: atto(0),
        };
        IpldBlock::serialize_dag_cbor(&params).unwrap()
    };
    let foreign = put_code(&empty_world(), b"lies in another world");
    assert_eq!(
        exit_code(rt.call::<EvmActor>(INVOKE_CONTRACT_DELEGATE, delegation(foreign))),
        17
    );
    let empty = put_code(&rt, &[]);
    assert_eq!(
        rt.call::<EvmActor>(INVOKE_CONTRACT_DELEGATE, delegation(empty))
            .unwrap(),
        Some(bytes_block(b""))
    );
}

#[test]
fn an_unreadable_contract_fails_with_23() {
    assert_eq!(exit(&empty_world()), 23);
    assert_eq!(exit_code(empty_world().call::<EvmActor>(5_000, None)), 23);
}

// --- Any other method ---

#[test]
fn other_methods_reach_the_contract_in_soliditys_encoding() {
    // Echoes its calldata into slots 0..5.
    let rt = contract(
        "0 CALLDATALOAD 0 SSTORE 4 CALLDATALOAD 1 SSTORE 36 CALLDATALOAD 2 SSTORE
         68 CALLDATALOAD 3 SSTORE 100 CALLDATALOAD 4 SSTORE 132 CALLDATALOAD 5 SSTORE
         CALLDATASIZE 6 SSTORE",
    );
    let params = Some(IpldBlock {
        codec: DAG_CBOR,
        data: vec![0x81, 7],
    });
    assert_eq!(rt.call::<EvmActor>(1_024, params).unwrap(), None);
    assert_eq!(slot(&rt, 0) >> 224, U256::from(0x868e_10c4u32));
    assert_eq!(slot(&rt, 1), U256::from(1_024));
    assert_eq!(slot(&rt, 2), U256::from(DAG_CBOR));
    assert_eq!(slot(&rt, 3), U256::from(96));
    assert_eq!(slot(&rt, 4), U256::from(2));
    assert_eq!(slot(&rt, 5), U256::from(0x8107) << 240);
    assert_eq!(slot(&rt, 6), U256::from(4 + 5 * 32));
    rt.call::<EvmActor>(1 << 30, None).unwrap();
    assert_eq!((slot(&rt, 2), slot(&rt, 4)), (U256::ZERO, U256::ZERO));
    assert_eq!(slot(&rt, 6), U256::from(4 + 4 * 32));
}

#[test]
fn the_contracts_answer_becomes_code_and_block() {
    let wide = "0x10000000000000000";
    let answer = |exit: &str, codec: &str, offset: &str, length: &str| {
        format!(
            "{exit} 0 MSTORE {codec} 32 MSTORE {offset} 64 MSTORE {length} 96 MSTORE
             0x820102 128 MSTORE 160 0 RETURN"
        )
    };
    let block = |length: usize| {
        let mut data = vec![0; length];
        for (position, byte) in [(29, 0x82), (30, 1), (31, 2)] {
            if position < length {
                data[position] = byte;
            }
        }
        Some(IpldBlock { codec: CBOR, data })
    };
    for (program, code, returned) in [
        (answer("0", "0", "96", "0"), 0, None),
        (answer("0", "0x51", "96", "32"), 0, block(32)),
        (answer("0", "0x51", "96", "40"), 0, block(40)),
        (answer("0", "0x51", "96", "0"), 0, block(0)),
        (answer("0", "0x51", "1000", "5"), 0, block(0)),
        (answer("0", "0x51", "0xffffffff", "5"), 0, block(0)),
        (answer("77", "0x51", "96", "31"), 77, block(31)),
        (answer("77", "0", "96", "0"), 77, None),
        // What the machine makes of a system code.
        (answer("7", "0", "96", "0"), 9, None),
        (answer("7", "0x51", "96", "31"), 9, block(31)),
        (answer("0", "0", "96", "1"), 21, None),
        (answer("0", "0x71", "96", "1"), 21, None),
        (answer("0", "0x55", "96", "1"), 21, None),
        (answer("0x100000000", "0", "96", "0"), 21, None),
        (answer("0", wide, "96", "0"), 21, None),
        (answer("0", "0", "0x100000000", "0"), 21, None),
        (answer("0", "0x51", "96", "0x100000000"), 21, None),
        (answer("0", "0x51", "96", "0x100001"), 24, None),
        (answer("0", "0x51", "96", "0xffffffff"), 24, None),
        ("1 0 RETURN".into(), 0, None),
        ("0 0 REVERT".into(), 33, Some(bytes_block(b""))),
        ("STOP".into(), 0, None),
    ] {
        let result = contract(&program).call::<EvmActor>(5_000, None);
        let (seen, data) = match &result {
            Ok(block) => (0, block.as_ref()),
            Err(error) => (error.exit_code().value(), error.data()),
        };
        assert_eq!((seen, data), (code, returned.as_ref()), "{program}");
    }
}

/// Natively a contract's 4 must not pass for the trap that ends a call with 4.
#[test]
fn a_contract_cannot_answer_with_a_code_of_the_system() {
    for code in 1..=15 {
        let rt = contract(&format!(
            "{code} 0 MSTORE 0x51 32 MSTORE 96 64 MSTORE 1 96 MSTORE 160 0 RETURN"
        ));
        // Before any machine looks at it.
        let answered = rt.within(|rt| Ok(handle::filecoin_method(rt, 5_000, None)));
        let error = answered.unwrap().unwrap_err();
        assert_eq!(error.exit_code().value(), 9, "{code}");
        let data = IpldBlock {
            codec: CBOR,
            data: vec![0],
        };
        assert_eq!(error.data(), Some(&data), "{code}");
    }
}

#[test]
fn a_contract_may_be_called_without_an_ethereum_address() {
    let rt = contract(&returning("CALLER")).caller(3);
    assert_eq!(word(&rt), crate::address::to_word(EthAddress::from_id(3)));
}
