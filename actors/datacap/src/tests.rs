use boatyard_actors_shared::ext::datacap as ext;
use boatyard_actors_shared::frc46::{
    FRC46_TOKEN_TYPE, FRC46TokenReceived, RECEIVE, UniversalReceiverParams,
};
use boatyard_actors_shared::{
    DATACAP_ACTOR_ID, MARKET_ACTOR, MARKET_ACTOR_ID, VERIFREG_ACTOR, VERIFREG_ACTOR_ID,
};
use boatyard_mock::{ExpectedSend, MockRuntime};
use boatyard_sdk::{Type, method_number};
use fvm_ipld_encoding::{RawBytes, to_vec};
use fvm_shared::{ActorID, MethodNum};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::*;

mod allowances;
mod hostile;
mod minting;
mod model;
mod money;
mod transfers;

/// Clients.
const ALICE: ActorID = 100;
const BOB: ActorID = 101;

fn id(id: ActorID) -> Address {
    Address::new_id(id)
}

/// Whole tokens.
fn tokens(amount: i64) -> TokenAmount {
    TokenAmount::from_whole(amount)
}

fn atto(amount: i64) -> TokenAmount {
    TokenAmount::from_atto(amount)
}

fn key(byte: u8) -> Address {
    Address::new_secp256k1(&[byte; 65]).unwrap()
}

/// The token at genesis, with two clients; the registry calls.
fn datacap() -> MockRuntime {
    let rt = MockRuntime::new().receiver(DATACAP_ACTOR_ID).caller(0);
    assert_eq!(
        call::<()>(&rt, 1, &VERIFREG_ACTOR),
        Err(None),
        "no return block"
    );
    rt.actor(ALICE, Type::Account)
        .actor(BOB, Type::Account)
        .caller(VERIFREG_ACTOR_ID)
}

/// What a call returns; `Err(None)` for no block, `Err(Some(code))` for a failure.
fn call<R: DeserializeOwned>(
    rt: &MockRuntime,
    method: MethodNum,
    params: &impl Serialize,
) -> Result<R, Option<u32>> {
    match rt.call_with::<DataCap>(method, params) {
        Ok(Some(block)) => Ok(block.deserialize().unwrap()),
        Ok(None) => Err(None),
        Err(error) => {
            assert_eq!(error.data(), None, "failures carry no data");
            assert!(!error.message().contains("panicked"), "{error}");
            Err(Some(error.exit_code().value()))
        }
    }
}

/// Asks for the hook that tells a receiver of tokens.
fn expect_hook<'a>(
    rt: &'a MockRuntime,
    receiver: Address,
    told: &FRC46TokenReceived,
) -> ExpectedSend<'a> {
    let params = UniversalReceiverParams {
        type_: FRC46_TOKEN_TYPE,
        payload: RawBytes::serialize(told).unwrap(),
    };
    rt.expect_send(receiver, RECEIVE).params(&params)
}

fn told(from: ActorID, to: ActorID, operator: ActorID, amount: TokenAmount) -> FRC46TokenReceived {
    FRC46TokenReceived {
        from,
        to,
        operator,
        amount,
        operator_data: RawBytes::default(),
        token_data: RawBytes::default(),
    }
}

fn minting(to: Address, amount: TokenAmount) -> MintParams {
    MintParams {
        to,
        amount,
        operators: vec![],
    }
}

fn mint(rt: &MockRuntime, params: &MintParams) -> Result<MintReturn, Option<u32>> {
    call(rt, ext::MINT, params)
}

/// Mints as the registry; the market may spend it. The caller stays.
fn give(rt: &MockRuntime, to: ActorID, amount: i64) {
    let params = MintParams {
        operators: vec![MARKET_ACTOR],
        ..minting(id(to), tokens(amount))
    };
    rt.caller(VERIFREG_ACTOR_ID);
    let told = told(DATACAP_ACTOR_ID, to, VERIFREG_ACTOR_ID, tokens(amount));
    expect_hook(rt, id(to), &told);
    mint(rt, &params).unwrap();
}

fn balance(rt: &MockRuntime, owner: Address) -> TokenAmount {
    rt.read_only();
    call(rt, ext::BALANCE, &owner).unwrap()
}

fn supply(rt: &MockRuntime) -> TokenAmount {
    rt.read_only()
        .get::<DataCap, _>(method_number("TotalSupply"))
        .unwrap()
}

fn allowance(rt: &MockRuntime, owner: Address, operator: Address) -> TokenAmount {
    rt.read_only();
    call(
        rt,
        method_number("Allowance"),
        &GetAllowanceParams { owner, operator },
    )
    .unwrap()
}

fn state(rt: &MockRuntime) -> State {
    let state: State = rt.state();
    assert_eq!(invariants::check(&state, rt.store()), [""; 0]);
    state
}
