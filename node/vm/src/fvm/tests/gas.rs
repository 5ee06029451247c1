//! Gas and its money, against the FVM's own executor.

use ::fvm::call_manager::DefaultCallManager;
use ::fvm::engine::EnginePool;
use ::fvm::executor::{ApplyKind, DefaultExecutor, Executor as _, ThreadedExecutor};
use ::fvm::externs::{Chain, Consensus, Externs, Rand};
use ::fvm::kernel::filecoin::DefaultFilecoinKernel;
use ::fvm::machine::{DefaultMachine, NetworkConfig};
use cid::Cid;
use fvm_shared::address::Address;
use fvm_shared::chainid::ChainID;
use fvm_shared::consensus::ConsensusFault;
use fvm_shared::econ::TokenAmount;
use fvm_shared::error::ExitCode;
use fvm_shared::message::Message;

use super::world::*;
use crate::context::Tracing;
use crate::machine::{Applied, Mode};
use crate::state::{BURNT_FUNDS_ACTOR, REWARD_ACTOR};
use crate::store::SharedStore;

struct Nothing;

impl Externs for Nothing {}

impl Rand for Nothing {
    fn get_chain_randomness(&self, _: i64) -> anyhow::Result<[u8; 32]> {
        anyhow::bail!("no randomness here")
    }

    fn get_beacon_randomness(&self, _: i64) -> anyhow::Result<[u8; 32]> {
        anyhow::bail!("no randomness here")
    }
}

impl Chain for Nothing {
    fn get_tipset_cid(&self, _: i64) -> anyhow::Result<Cid> {
        anyhow::bail!("no chain here")
    }
}

impl Consensus for Nothing {
    fn verify_consensus_fault(
        &self,
        _: &[u8],
        _: &[u8],
        _: &[u8],
    ) -> anyhow::Result<(Option<ConsensusFault>, i64)> {
        anyhow::bail!("no headers here")
    }
}

/// Applies messages with the FVM's own executor and kernel.
fn reference(
    world: &World,
    root: Cid,
    messages: &[(Message, Mode)],
) -> (Cid, Vec<::fvm::executor::ApplyRet>) {
    let mut network = NetworkConfig::new(world.context.network_version);
    network.chain_id(ChainID::from(world.context.chain_id));
    let mut context = network.for_epoch(world.context.epoch, world.context.timestamp, root);
    context.set_base_fee(world.context.base_fee.clone());
    context.set_circulating_supply(world.context.circulating_supply.clone());
    let machine = DefaultMachine::<SharedStore, _>::new(&context, world.store.clone(), Nothing);
    let pool: EnginePool = world.engine.pool(&network).unwrap();
    type Kernel =
        DefaultFilecoinKernel<DefaultCallManager<Box<DefaultMachine<SharedStore, Nothing>>>>;
    let executor = DefaultExecutor::<Kernel>::new(pool, Box::new(machine.unwrap())).unwrap();
    let mut executor = ThreadedExecutor(executor);
    let returns = messages
        .iter()
        .map(|(message, mode)| {
            let (kind, length) = match mode {
                Mode::Explicit { chain_length } => (ApplyKind::Explicit, *chain_length),
                _ => (ApplyKind::Implicit, 0),
            };
            executor
                .execute_message(message.clone(), kind, length)
                .unwrap()
        })
        .collect();
    (executor.flush().unwrap(), returns)
}

fn busy_world() -> World {
    let id = |actor| Address::new_id(actor).to_bytes();
    let caller = actor_with(
        &[
            (1024, &id(TWO)),
            (1030, &key_address(44).to_bytes()),
            (1060, &f410(45).to_bytes()),
            (1100, b"\x82\x01\x02"),
        ],
        "(call $check (call $save (i32.const 1100) (i32.const 3)))
         (call $check (call $emit))
         (call $check (call $call (i32.const 1024) (i32.const 3) (i64.const 7) (i64.const 5)
           (i64.const 0) (i64.const 5000000)))
         (call $check (call $call (i32.const 1030) (i32.const 21) (i64.const 0) (i64.const 5)
           (i64.const 0) (i64.const -1)))
         (call $check (call $call (i32.const 1060) (i32.const 22) (i64.const 0) (i64.const 5)
           (i64.const 0) (i64.const -1)))
         (call $check (call $call (i32.const 1024) (i32.const 3) (i64.const 9) (i64.const 0)
           (i64.const 1) (i64.const 40000)))
         (return (call $number (i32.load (i32.const 192))))",
    );
    let callee = actor(
        "(if (i64.eq (call $method) (i64.const 9)) (then (loop $forever (br $forever))))
         (call $fail (i32.const 35))",
    );
    World::new()
        .with_actor(ONE, &caller)
        .with_actor(TWO, &callee)
        .with_balance(ONE, atto(100))
}

fn messages() -> Vec<(Message, Mode)> {
    let mut out_of_gas = to(ONE);
    out_of_gas.sequence = 2;
    out_of_gas.gas_limit = 3_000_000;
    let mut cheap = to(TWO);
    cheap.sequence = 3;
    cheap.gas_fee_cap = atto(4);
    let mut wrong_nonce = to(TWO);
    wrong_nonce.sequence = 9;
    let mut stranger = to(TWO);
    stranger.from = key_address(200);
    let mut broke = to(TWO);
    broke.sequence = 4;
    broke.gas_fee_cap = TokenAmount::from_whole(1);
    let mut short = to(TWO);
    short.gas_limit = 1000;
    let mut unknown = transfer(Address::new_actor(b"nobody"), atto(1));
    unknown.sequence = 4;
    vec![
        (transfer(key_address(7), atto(5)), EXPLICIT),
        (
            Message {
                sequence: 1,
                ..to(ONE)
            },
            EXPLICIT,
        ),
        (out_of_gas, EXPLICIT),
        (cheap, EXPLICIT),
        (wrong_nonce, EXPLICIT),
        (stranger, EXPLICIT),
        (broke, EXPLICIT),
        (short, EXPLICIT),
        (unknown, EXPLICIT),
        (
            Message {
                sequence: 77,
                ..to(ONE)
            },
            Mode::Implicit,
        ),
    ]
}

/// The one test that matters most: nothing of ours changes what a message costs
/// or does.
#[test]
fn gas_receipts_and_roots_are_those_of_the_fvms_own_executor() {
    let mut world = busy_world();
    let root = world.root();
    let (expected_root, expected) = reference(&world, root, &messages());
    for tracing in [Tracing::Off, Tracing::Calls, Tracing::Full] {
        world.context.tracing = tracing;
        let mut machine = world.open_on(root);
        for (at, ((message, mode), theirs)) in messages().iter().zip(&expected).enumerate() {
            let ours = machine.apply(message, *mode).unwrap();
            assert_eq!(
                ours.receipt, theirs.msg_receipt,
                "message {at}: {:?}",
                ours.error
            );
            assert_eq!(ours.return_codec, theirs.return_codec, "message {at}");
            assert_eq!(ours.events, theirs.events, "message {at}");
            assert_eq!(ours.gas.base_fee_burn, theirs.base_fee_burn, "message {at}");
            assert_eq!(
                ours.gas.over_estimation_burn, theirs.over_estimation_burn,
                "message {at}"
            );
            assert_eq!(ours.gas.miner_penalty, theirs.penalty, "message {at}");
            assert_eq!(ours.gas.miner_tip, theirs.miner_tip, "message {at}");
            assert_eq!(ours.gas.refund, theirs.refund, "message {at}");
            assert_eq!(ours.gas.gas_refund, theirs.gas_refund, "message {at}");
            assert_eq!(ours.gas.gas_burned, theirs.gas_burned, "message {at}");
        }
        assert_eq!(machine.flush().unwrap(), expected_root, "{tracing:?}");
    }
    // The list is worth something only if it is varied.
    let codes: Vec<_> = expected
        .iter()
        .map(|ret| ret.msg_receipt.exit_code.value())
        .collect();
    assert_eq!(codes, [0, 0, 7, 35, 2, 1, 2, 7, 5, 0]);
}

#[test]
fn gas_money_goes_from_the_sender_to_burnt_funds_and_reward() {
    let mut world = busy_world();
    let mut machine = world.open();
    let balance =
        |machine: &dyn crate::machine::Machine, id| machine.actor(id).unwrap().unwrap().balance;
    let before = [ALICE, BURNT_FUNDS_ACTOR, REWARD_ACTOR].map(|id| balance(&*machine, id));
    let applied = machine.apply(&to(TWO), EXPLICIT).unwrap();
    let after = [ALICE, BURNT_FUNDS_ACTOR, REWARD_ACTOR].map(|id| balance(&*machine, id));
    let Applied { gas, receipt, .. } = applied;
    assert_eq!(gas.base_fee_burn, atto(10) * receipt.gas_used);
    assert_eq!(gas.miner_tip, atto(3) * to(TWO).gas_limit);
    let burnt = &gas.base_fee_burn + &gas.over_estimation_burn;
    assert_eq!(&before[0] - &after[0], &burnt + &gas.miner_tip);
    assert_eq!(&after[1] - &before[1], burnt);
    assert_eq!(&after[2] - &before[2], gas.miner_tip);
    assert_eq!(gas.miner_penalty, atto(0));
}

#[test]
fn an_unchecked_message_is_metered_but_nobody_pays() {
    let mut world = busy_world();
    let mut machine = world.open();
    let before = machine.actor(ALICE).unwrap().unwrap().balance;
    let mut message = to(TWO);
    // More than anybody has, and a nonce that is not due.
    message.gas_fee_cap = TokenAmount::from_whole(1);
    message.sequence = 99;
    let applied = machine.apply(&message, Mode::Unchecked).unwrap();
    assert_eq!(applied.receipt.exit_code, ExitCode::new(35));
    assert!(applied.receipt.gas_used > 0);
    assert_eq!(applied.gas, Default::default());
    let alice = machine.actor(ALICE).unwrap().unwrap();
    assert_eq!((alice.balance, alice.sequence), (before, 1));
}
