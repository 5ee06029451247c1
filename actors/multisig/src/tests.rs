use boatyard_actors_shared::INIT_ACTOR_ID;
use boatyard_mock::MockRuntime;
use boatyard_sdk::Type;
use fvm_ipld_encoding::RawBytes;
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::error::ExitCode;
use serde::Serialize;

use super::*;

mod execution;
mod hostile;
mod money;
mod proposals;
mod signers;

/// The wallet under test.
const WALLET: ActorID = 1_000;
/// The first signers in order; more follow.
const ANNE: ActorID = 100;
const BOB: ActorID = 101;
const CHUCK: ActorID = 102;
/// An account that signs nothing.
const STRANGER: ActorID = 200;

fn id(id: ActorID) -> Address {
    Address::new_id(id)
}

fn atto(amount: i64) -> TokenAmount {
    TokenAmount::from_atto(amount)
}

fn fil(amount: u64) -> TokenAmount {
    TokenAmount::from_whole(amount)
}

/// A world with accounts, in which f01 is about to call the wallet's constructor.
fn world() -> MockRuntime {
    let rt = MockRuntime::new().receiver(WALLET);
    for account in [ANNE, BOB, CHUCK, 103, 104, STRANGER] {
        rt.actor(account, Type::Account);
    }
    rt.caller(INIT_ACTOR_ID)
}

fn construction(signers: &[ActorID], num_approvals_threshold: u64) -> ConstructorParams {
    ConstructorParams {
        signers: signers.iter().copied().map(Address::new_id).collect(),
        num_approvals_threshold,
        unlock_duration: 0,
        start_epoch: 0,
    }
}

/// A wallet of Anne, Bob, Chuck … that holds 1 FIL; Anne calls.
fn wallet(signers: usize, threshold: u64) -> MockRuntime {
    let signers: Vec<_> = (ANNE..).take(signers).collect();
    let rt = world();
    rt.value(fil(1));
    assert_eq!(code(&rt, 1, &construction(&signers, threshold)), 0);
    rt.caller(ANNE)
}

/// The exit code of a call that returns no data.
fn code(rt: &MockRuntime, method: MethodNum, params: &impl Serialize) -> u32 {
    match rt.call_with::<Multisig>(method, params) {
        Ok(returned) => {
            assert_eq!(returned, None);
            0
        }
        Err(error) => error.exit_code().value(),
    }
}

/// Proposing to send Chuck 1 FIL.
fn payment() -> ProposeParams {
    ProposeParams {
        to: id(CHUCK),
        value: fil(1),
        method: 0,
        params: RawBytes::default(),
    }
}

fn propose(rt: &MockRuntime, params: &ProposeParams) -> Result<ProposeReturn, u32> {
    rt.call_for::<Multisig, _>(2, params)
        .map_err(|error| error.exit_code().value())
}

fn approve(rt: &MockRuntime, id: TxnId) -> Result<ApproveReturn, u32> {
    approve_hash(rt, id, b"")
}

fn approve_hash(rt: &MockRuntime, id: TxnId, hash: &[u8]) -> Result<ApproveReturn, u32> {
    rt.call_for::<Multisig, _>(3, &txn(id, hash))
        .map_err(|error| error.exit_code().value())
}

fn cancel(rt: &MockRuntime, id: TxnId) -> u32 {
    code(rt, 4, &txn(id, b""))
}

fn txn(id: TxnId, hash: &[u8]) -> TxnIdParams {
    TxnIdParams {
        id,
        proposal_hash: RawBytes::new(hash.to_vec()),
    }
}

fn state(rt: &MockRuntime) -> State {
    let state: State = rt.state();
    assert_eq!(invariants::check(&state, rt.store()), [""; 0]);
    state
}

/// The approvers of a pending transaction.
fn approvers(rt: &MockRuntime, id: TxnId) -> Option<Vec<Address>> {
    let pending = rt.state::<State>().pending_txs.load(rt.store()).unwrap();
    Some(pending.get(&id).unwrap()?.approved.clone())
}

fn waiting() -> ApproveReturn {
    ended(false, 0, b"")
}

fn ended(applied: bool, code: u32, ret: &[u8]) -> ApproveReturn {
    ApproveReturn {
        applied,
        code: ExitCode::new(code),
        ret: RawBytes::new(ret.to_vec()),
    }
}
