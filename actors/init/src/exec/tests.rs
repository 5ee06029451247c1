use boatyard_actors_shared::ext::init::{EXEC, EXEC4};
use boatyard_mock::{MockRuntime, code_cid};
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_shared::econ::TokenAmount;
use fvm_shared::error::{ErrorNumber, ExitCode};

use super::*;
use crate::{ConstructorParams, Init};

const CALLER: ActorID = 1_000;
const F0100: Address = Address::new_id(100);

/// The init actor of a new network, called by an account.
fn init() -> MockRuntime {
    let rt = MockRuntime::new().receiver(1).caller(0);
    let params = ConstructorParams {
        network_name: "mainnet".into(),
    };
    assert_eq!(rt.call_with::<Init>(1, &params), Ok(None));
    rt.caller_of_type(CALLER, Type::Account)
}

fn params(code: Cid) -> ExecParams {
    ExecParams {
        code_cid: code,
        constructor_params: RawBytes::new(vec![0x80]),
    }
}

fn params4(code: Cid, subaddress: &[u8]) -> Exec4Params {
    Exec4Params {
        code_cid: code,
        constructor_params: RawBytes::new(vec![0x80]),
        subaddress: RawBytes::new(subaddress.to_vec()),
    }
}

fn exit(result: Result<ExecReturn, ActorError>) -> u32 {
    result.map_or_else(|error| error.exit_code().value(), |_| 0)
}

fn constructor_of(rt: &MockRuntime, id: u64) -> boatyard_mock::ExpectedSend<'_> {
    rt.expect_send(Address::new_id(id), METHOD_CONSTRUCTOR)
        .block(Some(IpldBlock {
            codec: 0x51,
            data: vec![0x80],
        }))
}

/// Source: spec 01 §2.
#[test]
fn construction_gives_the_protocols_state() {
    let rt = init();
    assert_eq!(
        rt.head().to_string(),
        "bafy2bzacec45ccgtxk7v7p7uwep6kcrslrp64n6miz7tcjymk4zodfhini3ow"
    );
    let params = ConstructorParams {
        network_name: "mainnet".into(),
    };
    let stranger = rt.call_with::<Init>(1, &params).unwrap_err();
    assert_eq!(stranger.exit_code().value(), 18);
    let twice = rt.caller(0).call_with::<Init>(1, &params).unwrap_err();
    assert_eq!(twice.exit_code().value(), 20);
}

#[test]
fn exec_creates_and_constructs_with_all_value() {
    let rt = init().value(TokenAmount::from_atto(7));
    let code = code_cid(Type::Multisig);
    constructor_of(&rt, 100).value(TokenAmount::from_atto(7));
    let created: ExecReturn = rt.call_for::<Init, _>(EXEC, &params(code)).unwrap();
    assert_eq!(created.id_address, F0100);
    assert_eq!(rt.code_of(100), Some(code));
    assert_eq!(rt.balance_of(100), Some(TokenAmount::from_atto(7)));
    assert_eq!(rt.delegated_of(100), None);
    let state: State = rt.state();
    assert_eq!(
        state.resolve(rt.store(), &created.robust_address),
        Ok(Some(100))
    );
    assert_eq!(state.next_id, 101);

    // The next one has other addresses.
    constructor_of(&rt, 101);
    let second: ExecReturn = rt.call_for::<Init, _>(EXEC, &params(code)).unwrap();
    assert_ne!(second.robust_address, created.robust_address);
}

#[test]
fn empty_constructor_parameters_are_sent_as_none() {
    let rt = init();
    rt.expect_send(F0100, METHOD_CONSTRUCTOR);
    let params = ExecParams {
        code_cid: code_cid(Type::PaymentChannel),
        constructor_params: RawBytes::default(),
    };
    assert_eq!(exit(rt.call_for::<Init, _>(EXEC, &params)), 0);
}

#[test]
fn exec_knows_who_may_create_what() {
    for (caller, code, allowed) in [
        (Type::Account, Type::Multisig, true),
        (Type::Multisig, Type::PaymentChannel, true),
        (Type::Power, Type::Miner, true),
        (Type::Account, Type::Miner, false),
        (Type::Power, Type::Power, false),
        (Type::Account, Type::Evm, false),
        (Type::System, Type::Account, false),
        (Type::Account, Type::Placeholder, false),
    ] {
        let rt = init().actor(CALLER, caller);
        if allowed {
            constructor_of(&rt, 100);
        }
        let result = exit(rt.call_for::<Init, _>(EXEC, &params(code_cid(code))));
        assert_eq!(result == 0, allowed, "{caller:?} creates {code:?}");
        assert!(allowed || result == 18);
    }
}

/// The constructor's exit code and data reach the caller; nothing is created.
#[test]
fn a_failing_constructor_undoes_everything() {
    let rt = init();
    let head = rt.head();
    let data = IpldBlock::serialize_cbor(&"why").unwrap();
    constructor_of(&rt, 100).responds(ExitCode::new(33), data.clone());
    let error = rt
        .call_with::<Init>(EXEC, &params(code_cid(Type::Multisig)))
        .unwrap_err();
    assert_eq!(
        (error.exit_code().value(), error.data()),
        (33, data.as_ref())
    );
    assert_eq!((rt.head(), rt.code_of(100)), (head, None));
}

#[test]
fn exec_refuses_a_read_only_call_with_25() {
    let rt = init().read_only();
    let result = rt.call_for::<Init, _>(EXEC, &params(code_cid(Type::Multisig)));
    assert_eq!(exit(result), 25);
}

#[test]
fn a_caller_without_code_gets_20() {
    let rt = init().no_actor(CALLER);
    let result = rt.within(|rt| exec(rt, params(code_cid(Type::Multisig))));
    assert_eq!(exit(result), 20);
    let gated = rt.call_for::<Init, _>(EXEC, &params(code_cid(Type::Multisig)));
    assert_eq!(exit(gated), 18, "but the gate comes first");
}

mod installed_code {
    use super::*;

    fn foreign() -> Cid {
        // Any code CID that is not built in.
        boatyard_sdk::EMPTY_STATE
    }

    fn devnet() -> MockRuntime {
        init()
            .variant(NetworkVariant::Devnet)
            .actor_of_code(REGISTRY_ACTOR_ID, foreign())
    }

    fn question(rt: &MockRuntime) -> boatyard_mock::ExpectedSend<'_> {
        rt.expect_send(REGISTRY_ACTOR, IS_INSTALLED)
            .read_only()
            .params(&foreign())
    }

    #[test]
    fn a_devnet_asks_the_registry() {
        let rt = devnet();
        question(&rt).returns(&true);
        constructor_of(&rt, 100);
        let created = rt.call_for::<Init, _>(EXEC, &params(foreign()));
        assert_eq!(exit(created), 0);
        assert_eq!(rt.code_of(100), Some(foreign()));

        question(&rt).returns(&false);
        assert_eq!(exit(rt.call_for::<Init, _>(EXEC, &params(foreign()))), 18);
        question(&rt).exits(20);
        assert_eq!(exit(rt.call_for::<Init, _>(EXEC, &params(foreign()))), 18);
        question(&rt).refused(ErrorNumber::NotFound);
        assert_eq!(exit(rt.call_for::<Init, _>(EXEC, &params(foreign()))), 18);
    }

    #[test]
    fn elsewhere_nobody_is_asked() {
        for variant in [
            NetworkVariant::Mainnet,
            NetworkVariant::Calibration,
            NetworkVariant::Butterfly,
            NetworkVariant::Caterpillar,
        ] {
            let rt = devnet().variant(variant);
            assert_eq!(exit(rt.call_for::<Init, _>(EXEC, &params(foreign()))), 18);
        }
        let without_registry = devnet().no_actor(REGISTRY_ACTOR_ID);
        let result = without_registry.call_for::<Init, _>(EXEC, &params(foreign()));
        assert_eq!(exit(result), 18);
    }

    /// A built-in type keeps its rule even if somebody installs the same code.
    #[test]
    fn built_in_types_are_not_asked_for() {
        let rt = devnet();
        let result = rt.call_for::<Init, _>(EXEC, &params(code_cid(Type::Evm)));
        assert_eq!(exit(result), 18);
    }
}

mod at_an_f4_address {
    use super::*;

    const SUBADDRESS: [u8; 20] = [7; 20];

    fn f410() -> Address {
        Address::new_delegated(10, &SUBADDRESS).unwrap()
    }

    fn eam() -> MockRuntime {
        init().caller(10)
    }

    fn call(rt: &MockRuntime, code: Type) -> Result<ExecReturn, ActorError> {
        rt.call_for::<Init, _>(EXEC4, &params4(code_cid(code), &SUBADDRESS))
    }

    /// As the machine does when f410 address receives a transfer.
    fn with_placeholder(rt: &MockRuntime) {
        let mut state: State = rt.state();
        let mut map = state.address_map.load(rt.store()).unwrap();
        map.set(&f410(), state.next_id).unwrap();
        state.address_map = map.flush().unwrap();
        rt.actor(state.next_id, Type::Placeholder)
            .delegated(state.next_id, f410());
        state.next_id += 1;
        rt.set_state(&state);
    }

    #[test]
    fn a_new_actor_has_both_addresses() {
        let rt = eam();
        constructor_of(&rt, 100);
        let created = call(&rt, Type::Evm).unwrap();
        let state: State = rt.state();
        for address in [created.robust_address, f410()] {
            assert_eq!(state.resolve(rt.store(), &address), Ok(Some(100)));
        }
        assert_eq!(rt.delegated_of(100), Some(f410()));
        assert_eq!(state.next_id, 101);
    }

    #[test]
    fn a_placeholder_is_replaced_and_keeps_its_balance() {
        let rt = eam();
        with_placeholder(&rt);
        rt.balance(100, TokenAmount::from_atto(5));
        constructor_of(&rt, 100);
        let created = call(&rt, Type::Evm).unwrap();
        assert_eq!(created.id_address, F0100);
        assert_eq!(rt.code_of(100), Some(code_cid(Type::Evm)));
        assert_eq!(rt.balance_of(100), Some(TokenAmount::from_atto(5)));
        assert_eq!(rt.state::<State>().next_id, 101);
    }

    #[test]
    fn nothing_else_is_replaced() {
        let rt = eam();
        with_placeholder(&rt);
        rt.actor(100, Type::EthAccount);
        assert_eq!(exit(call(&rt, Type::Evm)), 18);
        rt.no_actor(100);
        assert_eq!(exit(call(&rt, Type::Evm)), 18, "deleted");
    }

    #[test]
    fn exec4_refuses() {
        assert_eq!(exit(call(&init(), Type::Evm)), 18, "not f010");
        let rt = eam();
        assert_eq!(exit(call(&rt, Type::Placeholder)), 18, "placeholder code");
        let long = params4(code_cid(Type::Evm), &[7; 55]);
        assert_eq!(exit(rt.call_for::<Init, _>(EXEC4, &long)), 16);
        constructor_of(&rt, 100);
        let longest = params4(code_cid(Type::Evm), &[7; 54]);
        assert_eq!(exit(rt.call_for::<Init, _>(EXEC4, &longest)), 0);
    }
}
