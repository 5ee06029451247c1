use boatyard_actors_shared::ext::eam::{CREATE, CREATE_EXTERNAL, CREATE2, Salt};
use boatyard_mock::{ExpectedSend, MockRuntime, code_cid};
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_shared::econ::TokenAmount;
use fvm_shared::error::{ErrorNumber, ExitCode};

use super::*;
use crate::Eam;

const CALLER: ActorID = 1_000;
const CONTRACT: EthAddress = EthAddress([
    0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff,
    0x00, 0x11, 0x22, 0x33,
]);
/// What CREATE gives [`CONTRACT`] with nonce 0 (spec 01 §7).
const NEW: EthAddress = EthAddress([
    0x4d, 0x58, 0x20, 0xee, 0xb9, 0x09, 0x6f, 0x62, 0xea, 0x7b, 0x48, 0x4c, 0xf9, 0xf5, 0x34, 0x83,
    0x48, 0x41, 0x5a, 0xb6,
]);

/// The manager, called by an actor of this type that has an Ethereum address.
fn called_by(kind: Type) -> MockRuntime {
    MockRuntime::new()
        .receiver(10)
        .caller_of_type(CALLER, kind)
        .delegated(CALLER, CONTRACT.to_f410())
}

fn initcode() -> RawBytes {
    RawBytes::new(vec![0x60, 0x01, 0x60, 0x02, 0x0a])
}

fn create_params() -> CreateParams {
    CreateParams {
        initcode: initcode(),
        nonce: 0,
    }
}

fn robust() -> Address {
    Address::new_actor(b"new contract")
}

fn constructor(creator: EthAddress) -> ConstructorParams {
    ConstructorParams {
        creator,
        initcode: initcode(),
    }
}

fn expect_exec4(rt: &MockRuntime, creator: EthAddress, new: EthAddress) -> ExpectedSend<'_> {
    rt.expect_send(INIT_ACTOR, EXEC4)
        .params(&Exec4Params {
            code_cid: code_cid(Type::Evm),
            constructor_params: RawBytes::serialize(constructor(creator)).unwrap(),
            subaddress: RawBytes::new(new.0.to_vec()),
        })
        .returns(&ExecReturn {
            id_address: Address::new_id(2_000),
            robust_address: robust(),
        })
}

fn deployed(new: EthAddress) -> Return {
    Return {
        actor_id: 2_000,
        robust_address: Some(robust()),
        eth_address: new,
    }
}

fn code<T: std::fmt::Debug>(result: Result<T, ActorError>) -> u32 {
    result.unwrap_err().exit_code().value()
}

#[test]
fn construction_stores_nothing() {
    let rt = MockRuntime::new().receiver(10).caller(0);
    assert_eq!(rt.call::<Eam>(1, None), Ok(None));
    assert_eq!(rt.head(), boatyard_sdk::EMPTY_STATE);
    let elsewhere = MockRuntime::new().receiver(11).caller(0);
    assert_eq!(code(elsewhere.call::<Eam>(1, None)), 18);
    assert_eq!(code(called_by(Type::Account).call::<Eam>(1, None)), 18);
    assert_eq!(code(rt.call::<Eam>(5, None)), 22);
}

#[test]
fn a_contract_creates_with_all_value() {
    let rt = called_by(Type::Evm).value(TokenAmount::from_atto(3));
    expect_exec4(&rt, CONTRACT, NEW).value(TokenAmount::from_atto(3));
    let created = rt.call_for::<Eam, Return>(CREATE, &create_params());
    assert_eq!(created, Ok(deployed(NEW)));
}

#[test]
fn a_contract_creates_by_salt() {
    let mut salt = [0; 32];
    salt[31] = 7;
    let params = Create2Params {
        initcode: initcode(),
        salt: Salt(salt),
    };
    // Source: spec 01 §7.
    let new = EthAddress([
        0x0d, 0x4f, 0x29, 0x8f, 0xc8, 0x28, 0x5f, 0x6e, 0x6e, 0xfe, 0x3f, 0xab, 0xf8, 0x02, 0x56,
        0xcd, 0x16, 0xa0, 0x9a, 0xd1,
    ]);
    let rt = called_by(Type::Evm);
    expect_exec4(&rt, CONTRACT, new);
    assert_eq!(
        rt.call_for::<Eam, Return>(CREATE2, &params),
        Ok(deployed(new))
    );
    let short = (initcode(), RawBytes::new(vec![0; 31]));
    assert_eq!(code(rt.call_with::<Eam>(CREATE2, &short)), 21);
}

#[test]
fn only_contracts_create() {
    for kind in [Type::Account, Type::EthAccount, Type::Placeholder] {
        let rt = called_by(kind);
        assert_eq!(code(rt.call_with::<Eam>(CREATE, &create_params())), 18);
    }
    let long = Address::new_delegated(10, &[1; 21]).unwrap();
    let rt = called_by(Type::Evm).delegated(CALLER, long);
    assert_eq!(code(rt.call_with::<Eam>(CREATE, &create_params())), 18);
}

#[test]
fn an_ethereum_account_deploys_with_the_messages_nonce() {
    let rt = called_by(Type::EthAccount).nonce(0);
    expect_exec4(&rt, CONTRACT, NEW);
    let created = rt.call_for::<Eam, Return>(CREATE_EXTERNAL, &initcode());
    assert_eq!(created, Ok(deployed(NEW)));

    // Raw parameters are the initcode themselves.
    expect_exec4(&rt, CONTRACT, NEW);
    let raw = IpldBlock {
        codec: 0x55,
        data: initcode().to_vec(),
    };
    assert!(rt.call::<Eam>(CREATE_EXTERNAL, Some(raw)).is_ok());
}

#[test]
fn a_native_account_is_masked_but_its_address_comes_from_the_key() {
    let key = Address::new_secp256k1(&[4; 65]).unwrap();
    let rt = called_by(Type::Account).nonce(5);
    let new = rt
        .within(move |rt| {
            let stable = keccak_address(rt, &key.to_bytes());
            Ok(address::create(rt, &stable, 5))
        })
        .unwrap();
    rt.expect_send(Address::new_id(CALLER), PUBKEY_ADDRESS)
        .read_only()
        .returns(&key);
    expect_exec4(&rt, EthAddress::from_id(CALLER), new);
    let created = rt.call_for::<Eam, Return>(CREATE_EXTERNAL, &initcode());
    assert_eq!(created, Ok(deployed(new)));
}

#[test]
fn an_account_that_does_not_tell_its_key_deploys_nothing() {
    let rt = called_by(Type::Account);
    let ask = || {
        rt.expect_send(Address::new_id(CALLER), PUBKEY_ADDRESS)
            .read_only()
    };
    let call = || rt.call_with::<Eam>(CREATE_EXTERNAL, &initcode());
    ask().refused(ErrorNumber::NotFound);
    assert_eq!(code(call()), 24);
    ask();
    assert_eq!(code(call()), 24, "no data");
    ask().returns("text");
    assert_eq!(code(call()), 21);
    ask().responds(ExitCode::new(7), None);
    assert_eq!(code(call()), 24, "a system's code");
    let data = IpldBlock::serialize_cbor("why").unwrap();
    ask().responds(ExitCode::new(20), data);
    let error = call().unwrap_err();
    assert_eq!((error.exit_code().value(), error.data()), (20, None));
}

#[test]
fn only_the_sender_of_the_message_deploys() {
    let rt = called_by(Type::EthAccount).origin(CALLER + 1);
    assert_eq!(code(rt.call_with::<Eam>(CREATE_EXTERNAL, &initcode())), 18);
    for kind in [Type::Multisig, Type::Evm] {
        let rt = called_by(kind);
        assert_eq!(code(rt.call_with::<Eam>(CREATE_EXTERNAL, &initcode())), 18);
    }
    let foreign = called_by(Type::Account).actor_of_code(CALLER, boatyard_sdk::EMPTY_STATE);
    assert_eq!(
        code(foreign.call_with::<Eam>(CREATE_EXTERNAL, &initcode())),
        18
    );
    let gone = called_by(Type::Account).no_actor(CALLER);
    assert_eq!(
        code(gone.call_with::<Eam>(CREATE_EXTERNAL, &initcode())),
        24
    );
}

#[test]
fn reserved_addresses_are_refused_before_anything_is_sent() {
    let rt = called_by(Type::Evm);
    let mut precompile = [0; 20];
    precompile[0] = 0xfe;
    for new in [
        EthAddress::NULL,
        EthAddress(precompile),
        EthAddress::from_id(7),
    ] {
        let refused = rt.within(move |rt| deploy(rt, CONTRACT, new, initcode()));
        assert_eq!(code(refused), 18, "{new}");
    }
}

#[test]
fn a_dead_contract_is_resurrected() {
    let rt = called_by(Type::Evm)
        .actor(3_000, Type::Evm)
        .delegated(3_000, NEW.to_f410())
        .value(TokenAmount::from_atto(3));
    let target = Address::new_id(3_000);
    rt.expect_send(target, RESURRECT)
        .params(&constructor(CONTRACT))
        .value(TokenAmount::from_atto(3));
    let created = rt.call_for::<Eam, Return>(CREATE, &create_params());
    assert_eq!(
        created,
        Ok(Return {
            actor_id: 3_000,
            robust_address: None,
            eth_address: NEW,
        })
    );
    // A live one refuses by itself.
    rt.expect_send(target, RESURRECT)
        .params(&constructor(CONTRACT))
        .exits(18);
    assert_eq!(code(rt.call_with::<Eam>(CREATE, &create_params())), 18);
}

#[test]
fn a_placeholder_is_replaced_and_nothing_else() {
    let rt = called_by(Type::Evm)
        .actor(3_000, Type::Placeholder)
        .delegated(3_000, NEW.to_f410());
    expect_exec4(&rt, CONTRACT, NEW);
    assert!(rt.call_with::<Eam>(CREATE, &create_params()).is_ok());

    rt.actor(3_000, Type::EthAccount);
    assert_eq!(code(rt.call_with::<Eam>(CREATE, &create_params())), 18);
    rt.no_actor(3_000);
    assert_eq!(code(rt.call_with::<Eam>(CREATE, &create_params())), 24);
}

/// Revert data of the new contract's constructor reaches the deployer.
#[test]
fn a_failing_constructors_data_passes_through() {
    let rt = called_by(Type::Evm);
    let data = IpldBlock::serialize_cbor("revert").unwrap();
    expect_exec4(&rt, CONTRACT, NEW).responds(ExitCode::new(33), data.clone());
    let error = rt.call_with::<Eam>(CREATE, &create_params()).unwrap_err();
    assert_eq!(
        (error.exit_code().value(), error.data()),
        (33, data.as_ref())
    );

    expect_exec4(&rt, CONTRACT, NEW).responds(ExitCode::OK, None);
    assert_eq!(code(rt.call_with::<Eam>(CREATE, &create_params())), 24);
    expect_exec4(&rt, CONTRACT, NEW).returns("text");
    assert_eq!(code(rt.call_with::<Eam>(CREATE, &create_params())), 21);
}
