use cid::Cid;
use fvm_ipld_encoding::RawBytes;
use fvm_shared::EMPTY_ARR_CID;
use multihash_codetable::{Code, MultihashDigest};
use proptest::prelude::*;

use super::*;
use crate::store::SharedStore;

fn code(name: &str) -> Cid {
    Cid::new_v1(0x55, Code::Blake2b256.digest(name.as_bytes()))
}

fn manifest() -> Manifest {
    Manifest::new(["account", "ethaccount", "placeholder", "multisig"].map(|n| (n, code(n))))
}

fn f410() -> Address {
    Address::new_delegated(EAM_ACTOR, &[7; 20]).expect("20 bytes fit")
}

fn record(kind: &str, nonce: u64, atto: u64, f4: Option<Address>) -> ActorState {
    ActorState::new(
        code(kind),
        EMPTY_ARR_CID,
        TokenAmount::from_atto(atto),
        nonce,
        f4,
    )
}

const SENDER: ActorID = 1000;

fn world(sender: ActorState) -> (StateTree<SharedStore>, Manifest) {
    let mut tree = StateTree::new(SharedStore::memory()).unwrap();
    tree.set_actor(SENDER, sender);
    tree.set_actor(BURNT_FUNDS_ACTOR, record("account", 0, 0, None));
    tree.set_actor(REWARD_ACTOR, record("reward", 0, 0, None));
    (tree, manifest())
}

fn message() -> Message {
    Message {
        version: 0,
        from: Address::new_id(SENDER),
        to: Address::new_id(1001),
        sequence: 0,
        value: TokenAmount::default(),
        method_num: 0,
        params: RawBytes::default(),
        gas_limit: 1_000,
        gas_fee_cap: TokenAmount::from_atto(10),
        gas_premium: TokenAmount::from_atto(3),
    }
}

const EXPLICIT: Mode = Mode::Explicit { chain_length: 1 };

fn try_admit(
    sender: ActorState,
    message: &Message,
    mode: Mode,
) -> (Result<ActorID, Refusal>, ActorState) {
    let (mut tree, manifest) = world(sender);
    let mut ledger = TreeLedger {
        tree: &mut tree,
        manifest: &manifest,
    };
    let verdict =
        admit(&mut ledger, message, mode, &TokenAmount::from_atto(4), 100).expect("state is sound");
    (verdict, tree.actor(SENDER).unwrap().unwrap())
}

#[test]
fn an_account_pays_ahead_for_all_gas_it_asks_for() {
    let (verdict, after) = try_admit(record("account", 0, 10_500, None), &message(), EXPLICIT);
    assert_eq!(verdict, Ok(SENDER));
    assert_eq!(after, record("account", 1, 500, None));
}

#[test]
fn refusals_have_their_codes_and_penalties_and_change_nothing() {
    let rich = 1_000_000;
    let spare = |change: fn(&mut Message)| {
        let mut changed = message();
        change(&mut changed);
        changed
    };
    for (who, sender, message, exit_code, penalty) in [
        (
            "poor",
            record("account", 0, 9_999, None),
            message(),
            2,
            4_000,
        ),
        (
            "nonce too high",
            record("account", 1, rich, None),
            message(),
            2,
            4_000,
        ),
        (
            "nonce too low",
            record("account", 0, rich, None),
            spare(|m| m.sequence = 1),
            2,
            4_000,
        ),
        (
            "multisig",
            record("multisig", 0, rich, None),
            message(),
            1,
            4_000,
        ),
        (
            "user actor",
            record("mine", 0, rich, None),
            message(),
            1,
            4_000,
        ),
        (
            "placeholder without address",
            record("placeholder", 0, rich, None),
            message(),
            1,
            4_000,
        ),
        (
            "used placeholder",
            record("placeholder", 1, rich, Some(f410())),
            message(),
            1,
            4_000,
        ),
        (
            "below inclusion",
            record("account", 0, rich, None),
            spare(|m| m.gas_limit = 99),
            7,
            400,
        ),
        (
            "no gas",
            record("account", 0, rich, None),
            spare(|m| m.gas_limit = 0),
            10,
            0,
        ),
        (
            "negative cap",
            record("account", 0, rich, None),
            spare(|m| m.gas_fee_cap = TokenAmount::from_atto(-1)),
            10,
            0,
        ),
        (
            "stranger",
            record("account", 0, rich, None),
            spare(|m| m.from = Address::new_id(5)),
            1,
            4_000,
        ),
    ] {
        let (verdict, after) = try_admit(sender.clone(), &message, EXPLICIT);
        let refusal = verdict.expect_err(who);
        assert_eq!(
            refusal.reason.exit_code(),
            ExitCode::new(exit_code),
            "{who}"
        );
        assert_eq!(
            refusal.miner_penalty,
            TokenAmount::from_atto(penalty),
            "{who}"
        );
        assert_eq!(after, sender, "{who}");
    }
}

#[test]
fn the_first_message_of_an_ethereum_placeholder_makes_it_an_ethaccount() {
    let sender = record("placeholder", 0, 10_000, Some(f410()));
    let (verdict, after) = try_admit(sender, &message(), EXPLICIT);
    assert_eq!(verdict, Ok(SENDER));
    assert_eq!(after, record("ethaccount", 1, 0, Some(f410())));
}

#[test]
fn an_unchecked_message_counts_but_pays_nothing_whoever_sends_it() {
    for kind in ["account", "multisig", "mine"] {
        let mut message = message();
        message.sequence = 77;
        let (verdict, after) = try_admit(record(kind, 4, 0, None), &message, Mode::Unchecked);
        assert_eq!(verdict, Ok(SENDER), "{kind}");
        assert_eq!(after, record(kind, 5, 0, None), "{kind}");
    }
    let sender = record("placeholder", 0, 0, Some(f410()));
    let (_, after) = try_admit(sender, &message(), Mode::Unchecked);
    assert_eq!(after, record("ethaccount", 1, 0, Some(f410())));
}

#[test]
fn an_implicit_message_leaves_its_sender_alone() {
    let (verdict, after) = try_admit(record("multisig", 4, 0, None), &message(), Mode::Implicit);
    assert_eq!(verdict, Ok(SENDER));
    assert_eq!(after, record("multisig", 4, 0, None));
}

#[test]
fn what_was_taken_is_given_to_burnt_funds_reward_and_sender() {
    let (mut tree, manifest) = world(record("account", 0, 10_000, None));
    let mut ledger = TreeLedger {
        tree: &mut tree,
        manifest: &manifest,
    };
    let base_fee = TokenAmount::from_atto(4);
    let message = message();
    admit(&mut ledger, &message, EXPLICIT, &base_fee, 100)
        .unwrap()
        .unwrap();
    let shares = settle(&mut ledger, SENDER, &message, 800, &base_fee).unwrap();
    let balance = |id| tree.actor(id).unwrap().unwrap().balance;
    assert_eq!(
        balance(BURNT_FUNDS_ACTOR),
        &shares.base_fee_burn + &shares.over_estimation_burn
    );
    assert_eq!(balance(REWARD_ACTOR), TokenAmount::from_atto(3_000));
    assert_eq!(
        balance(BURNT_FUNDS_ACTOR) + balance(REWARD_ACTOR) + balance(SENDER),
        TokenAmount::from_atto(10_000)
    );
}

#[test]
fn the_effective_premium_fits_between_base_fee_and_cap() {
    for (base, expected) in [(0, 3), (7, 3), (8, 2), (10, 0), (12, 0)] {
        let seen = effective_premium(&message(), &TokenAmount::from_atto(base));
        assert_eq!(seen, TokenAmount::from_atto(expected), "base fee {base}");
    }
}

proptest! {
    /// The FVM's executor is the reference for every figure.
    #[test]
    fn gas_money_is_shared_as_the_fvm_does(
        limit in 1..20_000_000_000u64,
        share in 0..=1_000u64,
        base in 0..200u32,
        cap in 0..200u32,
        premium in 0..200u32,
    ) {
        let used = (u128::from(limit) * u128::from(share) / 1_000) as u64;
        let [base, cap, premium] = [base, cap, premium].map(TokenAmount::from_atto);
        let ours = GasOutputs::compute(used, limit, &base, &cap, &premium);
        let theirs = ::fvm::gas::GasOutputs::compute(used, limit, &base, &cap, &premium);
        prop_assert_eq!(&ours.base_fee_burn, &theirs.base_fee_burn);
        prop_assert_eq!(&ours.over_estimation_burn, &theirs.over_estimation_burn);
        prop_assert_eq!(&ours.miner_penalty, &theirs.miner_penalty);
        prop_assert_eq!(&ours.miner_tip, &theirs.miner_tip);
        prop_assert_eq!(&ours.refund, &theirs.refund);
        prop_assert_eq!(ours.gas_refund, theirs.gas_refund);
        prop_assert_eq!(ours.gas_burned, theirs.gas_burned);
        prop_assert!(!ours.refund.is_negative());
        let total = ours.base_fee_burn + ours.over_estimation_burn + ours.miner_tip + ours.refund;
        prop_assert_eq!(total, cap * limit);
    }
}
