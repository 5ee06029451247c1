use super::*;
use boatyard_sdk::{AbiType, EventBuilder, Host, Runtime, SendResultExt, actor, ensure};
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};

/// Does what it is told.
struct Puppet;

#[derive(Serialize_tuple, Deserialize_tuple, AbiType)]
struct State {
    count: u64,
}

const FRIEND: Address = Address::new_id(200);

#[actor(name = "puppet", state = State)]
impl Puppet {
    /// Begins.
    #[method(1)]
    fn constructor(rt: &impl Runtime) -> Result<(), ActorError> {
        rt.accept_any_caller()?;
        rt.create(&State { count: 0 })
    }

    /// Counts, tells, then fails at three.
    #[method(2)]
    fn count(rt: &impl Runtime) -> Result<u64, ActorError> {
        rt.accept_any_caller()?;
        EventBuilder::named("counted").emit(rt)?;
        let count = rt.transaction(|state: &mut State| {
            state.count += 1;
            Ok(state.count)
        })?;
        ensure!(count < 3, USR_ILLEGAL_STATE, "three");
        Ok(count)
    }

    /// Panics.
    #[method(3)]
    fn panic(rt: &impl Runtime) -> Result<(), ActorError> {
        rt.accept_any_caller()?;
        panic!("at the disco");
    }

    /// Returns a long block.
    #[method(4)]
    fn long(rt: &impl Runtime, length: u64) -> Result<String, ActorError> {
        rt.accept_any_caller()?;
        Ok("a".repeat(length as usize))
    }

    /// Sends all it got to a friend.
    #[method(5)]
    fn send(rt: &impl Runtime) -> Result<(), ActorError> {
        rt.accept_any_caller()?;
        rt.send(&FRIEND, 7, None, rt.value_received().clone())
            .success()?;
        Ok(())
    }

    /// Fails with a system's code.
    #[method(6)]
    fn impostor(rt: &impl Runtime) -> Result<(), ActorError> {
        rt.accept_any_caller()?;
        Err(ActorError::new(ExitCode::SYS_OUT_OF_GAS, "not really"))
    }

    /// Replaces its own code.
    #[method(7)]
    fn replace(rt: &impl Runtime) -> Result<(), ActorError> {
        rt.accept_any_caller()?;
        Err(rt.upgrade_actor(&code_cid(Type::Multisig), None))
    }

    /// Calls a friend twice.
    #[method(8)]
    fn call_twice(rt: &impl Runtime) -> Result<(), ActorError> {
        rt.accept_any_caller()?;
        for method in [7, 8] {
            rt.send(&FRIEND, method, None, TokenAmount::default())
                .success()?;
        }
        Ok(())
    }
}

fn puppet() -> MockRuntime {
    let rt = MockRuntime::new();
    rt.call::<Puppet>(1, None).unwrap();
    rt
}

fn complaint(test: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(test)).expect_err("the mock complains");
    *panic.downcast::<String>().expect("with words")
}

#[test]
fn a_failed_call_leaves_neither_state_nor_events_nor_value() {
    let rt = puppet();
    assert_eq!(rt.get::<Puppet, u64>(2).unwrap(), 1);
    assert_eq!(rt.get::<Puppet, u64>(2).unwrap(), 2);
    assert_eq!(rt.events().len(), 2);
    let head = rt.head();
    rt.value(TokenAmount::from_atto(5));
    assert_eq!(
        rt.call::<Puppet>(2, None).unwrap_err().exit_code().value(),
        20
    );
    assert_eq!(rt.head(), head);
    assert_eq!(rt.events(), []);
    assert_eq!(rt.balance_of(1000), Some(TokenAmount::default()));
}

#[test]
fn a_call_back_makes_its_own_sends() {
    let rt = puppet();
    rt.expect_send(FRIEND, 7).effect(|rt| {
        assert_eq!(rt.get::<Puppet, u64>(2).unwrap(), 1);
        rt.expect_send(FRIEND, 7);
        rt.call::<Puppet>(5, None).unwrap();
    });
    rt.expect_send(FRIEND, 8);
    assert_eq!(rt.call::<Puppet>(8, None), Ok(None));
    assert_eq!(rt.state::<State>().count, 1);
}

#[test]
fn a_panic_is_24_a_systems_code_is_9_a_long_return_is_24() {
    let rt = puppet();
    for (method, code) in [(3, 24), (6, 9)] {
        let error = rt.call::<Puppet>(method, None).unwrap_err();
        assert_eq!(error.exit_code().value(), code, "{error}");
    }
    assert!(rt.call_with::<Puppet>(4, &1_048_571u64).is_ok());
    let error = rt.call_with::<Puppet>(4, &1_048_572u64).unwrap_err();
    assert_eq!(error.exit_code().value(), 24);
}

#[test]
fn a_read_only_call_changes_nothing() {
    let rt = puppet();
    let head = rt.head();
    rt.read_only();
    // The event comes before the transaction.
    assert_eq!(
        rt.call::<Puppet>(2, None).unwrap_err().exit_code().value(),
        24
    );
    rt.read_only().value(TokenAmount::from_atto(1));
    assert_eq!(
        rt.call::<Puppet>(5, None).unwrap_err().exit_code().value(),
        25
    );
    assert_eq!(rt.head(), head);
    assert!(rt.call::<Puppet>(2, None).is_ok(), "only that one call");
}

#[test]
fn sends_move_value_when_they_succeed() {
    let rt = puppet().actor(200, Type::Account);
    rt.value(TokenAmount::from_atto(5));
    rt.expect_send(FRIEND, 7).value(TokenAmount::from_atto(5));
    rt.call::<Puppet>(5, None).unwrap();
    assert_eq!(rt.balance_of(200), Some(TokenAmount::from_atto(5)));

    rt.value(TokenAmount::from_atto(5));
    rt.expect_send(FRIEND, 7)
        .value(TokenAmount::from_atto(5))
        .refused(ErrorNumber::NotFound);
    let error = rt.call::<Puppet>(5, None).unwrap_err();
    assert_eq!(error.exit_code().value(), 23);
    assert_eq!(rt.balance_of(200), Some(TokenAmount::from_atto(5)));
}

#[test]
fn somebody_may_answer_what_no_test_expects() {
    let rt = puppet().answer_sends(|to, method| {
        assert_eq!((*to, method), (FRIEND, 7));
        Ok(boatyard_sdk::runtime::empty_response())
    });
    rt.value(TokenAmount::from_atto(5));
    rt.call::<Puppet>(5, None).unwrap();
    assert_eq!(rt.balance_of(1_000), Some(TokenAmount::default()));
    rt.expect_send(FRIEND, 7).exits(18);
    let refused = rt.call::<Puppet>(5, None).unwrap_err();
    assert_eq!(
        refused.exit_code().value(),
        18,
        "what is expected comes first"
    );
}

#[test]
fn sends_that_differ_from_the_expected_end_the_test() {
    let rt = puppet();
    assert!(
        complaint(|| drop(rt.call::<Puppet>(5, None)))
            .contains("send 1 was not expected:\n  to f0200, method 7, params none, value 0 atto")
    );
    rt.expect_send(FRIEND, 8);
    assert!(
        complaint(|| drop(rt.call::<Puppet>(5, None)))
            .contains("send 1 is not the expected one:\n  sent     to f0200, method 7,")
    );
    rt.expect_send(FRIEND, 7);
    rt.expect_send(FRIEND, 9).any_params();
    assert!(
        complaint(|| drop(rt.call::<Puppet>(5, None))).contains(
            "succeeded, and these sends were not made:\n  to f0200, method 9, params any"
        )
    );
}

#[test]
fn an_expectation_without_a_call_ends_the_test() {
    let rt = MockRuntime::new();
    rt.expect_send(FRIEND, 1);
    assert!(complaint(|| drop(rt)).contains("no call came after"));
}

#[test]
fn an_upgrade_ends_the_call_unless_it_fails() {
    let rt = puppet();
    let failed = Response {
        exit_code: ExitCode::USR_FORBIDDEN,
        return_data: None,
    };
    for (failure, code) in [(Err(ErrorNumber::Forbidden), 24), (Ok(failed), 18)] {
        rt.upgrade_fails(failure);
        let error = rt.call::<Puppet>(7, None).unwrap_err();
        assert_eq!(error.exit_code().value(), code);
    }
    assert_eq!(rt.call::<Puppet>(7, None).unwrap(), None);
    assert_eq!(rt.code_of(1000), Some(code_cid(Type::Multisig)));
}

/// Source: spec 00 appendix A, robust addresses.
#[test]
fn new_actors_get_the_protocols_addresses() {
    let key: Vec<u8> = (0..20).collect();
    let mut binary = vec![1];
    binary.extend(&key);
    let origin = Address::from_bytes(&binary).unwrap();
    let rt = MockRuntime::new()
        .receiver(1)
        .origin_address(origin)
        .nonce(7);
    let payload = |rt: &MockRuntime| {
        rt.within(|rt| Ok(rt.host().next_actor_address().payload_bytes()))
            .unwrap()
    };
    let hex = |bytes: Vec<u8>| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    assert_eq!(
        hex(payload(&rt)),
        "2185a5b6cd6f364070c96351abf94141a8dafdbc"
    );
    let failed = rt.within(|rt| {
        rt.create_actor(&code_cid(Type::Multisig), 500, None)?;
        Err::<(), _>(ActorError::new(ExitCode::USR_ILLEGAL_STATE, "on purpose"))
    });
    assert!(failed.is_err());
    assert_eq!(rt.code_of(500), None, "the creation is undone");
    assert_eq!(
        hex(payload(&rt)),
        "a2fef0be003ab6e564631219cd01d49fd2b8304c",
        "its number is not"
    );
}

#[test]
fn drawn_randomness_differs_by_tag_epoch_and_entropy() {
    let rt = MockRuntime::new().epoch(10).ticket_randomness(9, [7; 32]);
    let drawn = rt
        .within(|rt| {
            use boatyard_sdk::RandomnessTag::{EvmPrevRandao, SealRandomness};
            Ok([
                rt.ticket_randomness(SealRandomness, 9, b"")?,
                rt.ticket_randomness(SealRandomness, 8, b"")?,
                rt.ticket_randomness(EvmPrevRandao, 9, b"")?,
                rt.ticket_randomness(SealRandomness, 9, b"x")?,
                rt.beacon_randomness(SealRandomness, 9, b"")?,
            ])
        })
        .unwrap();
    for (i, value) in drawn.iter().enumerate() {
        assert!(!drawn[..i].contains(value));
    }
    let future = rt.within(|rt| rt.raw_beacon_randomness(11));
    assert_eq!(future.unwrap_err().exit_code().value(), 16);
}

#[test]
fn a_secp_key_is_recovered_from_its_signature() {
    use k256::ecdsa::SigningKey;
    let key = SigningKey::from_slice(&[9; 32]).unwrap();
    let hash = [3; 32];
    let (signature, id) = key.sign_prehash_recoverable(&hash).unwrap();
    let mut bytes = [0; 65];
    bytes[..64].copy_from_slice(&signature.to_bytes());
    bytes[64] = id.to_byte();
    let recover = |bytes: [u8; 65]| {
        MockRuntime::new()
            .within(|rt| Ok(rt.host().recover_secp_key(&hash, &bytes)))
            .unwrap()
    };
    assert_eq!(
        recover(bytes).unwrap().as_slice(),
        key.verifying_key().to_encoded_point(false).as_bytes()
    );
    bytes[64] = 27;
    assert_eq!(recover(bytes), Err(ErrorNumber::IllegalArgument));
}
