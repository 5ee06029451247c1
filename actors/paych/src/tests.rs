use boatyard_actors_shared::ext::account::{AUTHENTICATE_MESSAGE, AuthenticateMessageParams};
use boatyard_actors_shared::{INIT_ACTOR, INIT_ACTOR_ID};
use boatyard_mock::{ExpectedSend, MockRuntime};
use fvm_ipld_encoding::RawBytes;
use fvm_shared::crypto::signature::Signature;
use fvm_shared::econ::TokenAmount;
use fvm_shared::{ActorID, MethodNum};
use serde::Serialize;

use super::*;

mod hostile;
mod lifecycle;
mod money;
mod redeeming;

/// The channel under test.
const CHANNEL: ActorID = 1_000;
const PAYER: ActorID = 100;
const PAYEE: ActorID = 101;
const STRANGER: ActorID = 200;

fn id(id: ActorID) -> Address {
    Address::new_id(id)
}

fn atto(amount: i64) -> TokenAmount {
    TokenAmount::from_atto(amount)
}

/// A world with both parties, in which f01 is about to call the constructor.
fn world() -> MockRuntime {
    let rt = MockRuntime::new().receiver(CHANNEL);
    for account in [PAYER, PAYEE, STRANGER] {
        rt.actor(account, Type::Account);
    }
    rt.caller(INIT_ACTOR_ID)
}

fn parties() -> ConstructorParams {
    ConstructorParams {
        from: id(PAYER),
        to: id(PAYEE),
    }
}

/// A channel with 1000 attoFIL at epoch 10; the payee calls.
fn channel() -> MockRuntime {
    let rt = world().value(atto(1_000));
    assert_eq!(code(&rt, 1, &parties()), 0);
    rt.caller(PAYEE).epoch(10)
}

/// The exit code of a call that returns no data.
fn code(rt: &MockRuntime, method: MethodNum, params: &impl Serialize) -> u32 {
    match rt.call_with::<PaymentChannel>(method, params) {
        Ok(returned) => {
            assert_eq!(returned, None);
            0
        }
        Err(error) => error.exit_code().value(),
    }
}

fn without_params(rt: &MockRuntime, method: MethodNum) -> u32 {
    match rt.call::<PaymentChannel>(method, None) {
        Ok(returned) => {
            assert_eq!(returned, None);
            0
        }
        Err(error) => error.exit_code().value(),
    }
}

fn settle(rt: &MockRuntime) -> u32 {
    without_params(rt, 3)
}

fn collect(rt: &MockRuntime) -> u32 {
    without_params(rt, 4)
}

/// A voucher of 10 attoFIL on lane 1 with nonce 1, signed with `signed`.
fn voucher() -> SignedVoucher {
    SignedVoucher {
        channel_addr: id(CHANNEL),
        time_lock_min: 0,
        time_lock_max: 0,
        secret_pre_image: RawBytes::default(),
        extra: None,
        lane: 1,
        nonce: 1,
        amount: atto(10),
        min_settle_height: 0,
        merges: vec![],
        signature: Some(Signature::new_bls(b"signed".to_vec())),
    }
}

fn on_lane(lane: u64, nonce: u64, amount: i64) -> SignedVoucher {
    SignedVoucher {
        lane,
        nonce,
        amount: atto(amount),
        ..voucher()
    }
}

/// Presents a voucher without a secret.
fn update(rt: &MockRuntime, sv: &SignedVoucher) -> u32 {
    update_secret(rt, sv, b"")
}

fn update_secret(rt: &MockRuntime, sv: &SignedVoucher, secret: &[u8]) -> u32 {
    let params = UpdateChannelStateParams {
        sv: sv.clone(),
        secret: RawBytes::new(secret.to_vec()),
    };
    code(rt, 2, &params)
}

/// The payer is asked whether it signed a voucher, and says yes unless the test goes
/// on otherwise.
fn expect_authentication<'a>(rt: &'a MockRuntime, sv: &SignedVoucher) -> ExpectedSend<'a> {
    expect_authentication_of(rt, PAYER, sv)
}

fn expect_authentication_of<'a>(
    rt: &'a MockRuntime,
    signer: ActorID,
    sv: &SignedVoucher,
) -> ExpectedSend<'a> {
    let params = AuthenticateMessageParams {
        signature: RawBytes::new(b"signed".to_vec()),
        message: RawBytes::new(sv.signing_bytes().unwrap()),
    };
    rt.expect_send(id(signer), AUTHENTICATE_MESSAGE)
        .params(&params)
        .read_only()
        .returns(&true)
}

/// Presents a voucher whose signature is good.
fn update_signed(rt: &MockRuntime, sv: &SignedVoucher) -> u32 {
    expect_authentication(rt, sv);
    update(rt, sv)
}

fn state(rt: &MockRuntime) -> State {
    let state: State = rt.state();
    let balance = rt.balance_of(CHANNEL).unwrap();
    assert_eq!(invariants::check(&state, &balance, rt.store()), [""; 0]);
    state
}

fn lane(rt: &MockRuntime, number: u64) -> Option<(TokenAmount, u64)> {
    let lanes = state(rt).lane_states.load(rt.store()).unwrap();
    let lane = lanes.get(number).unwrap()?;
    Some((lane.redeemed.clone(), lane.nonce))
}
