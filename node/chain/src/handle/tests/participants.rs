//! Somebody who acts by itself, over scripted machines.

use std::sync::{Arc, Mutex};

use cid::Cid;
use fvm_ipld_encoding::RawBytes;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::message::Message;

use crate::ethereum::INVOKE_EVM;
use crate::participant::{BlockProducer, NotSent, Participant, Turn};
use crate::testing::{chain, config, signed};
use crate::{ChainConfig, ExecutedTipset, KeyKind, MiningMode, StateView};

/// Sends a message from `sender` at every multiple of `period`.
struct Clockwork {
    period: ChainEpoch,
    sender: Address,
    miner: Option<BlockProducer>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    acted: Vec<ChainEpoch>,
    sent: Vec<Cid>,
    refused: Vec<String>,
    rewound: Vec<ChainEpoch>,
}

impl Clockwork {
    fn new(period: ChainEpoch, sender: Address) -> Self {
        Self {
            period,
            sender,
            miner: None,
            seen: Mutex::default(),
        }
    }

    fn acted(&self) -> Vec<ChainEpoch> {
        self.seen.lock().unwrap().acted.clone()
    }
}

impl Participant for Clockwork {
    fn producer(&self) -> Option<BlockProducer> {
        self.miner.clone()
    }

    fn due(&self, head: &ExecutedTipset, _: &StateView) -> Option<ChainEpoch> {
        Some((head.height() / self.period + 1) * self.period)
    }

    fn act(&self, turn: &Turn<'_>) -> Vec<Message> {
        if turn.epoch() % self.period != 0 {
            return Vec::new();
        }
        self.seen.lock().unwrap().acted.push(turn.epoch());
        vec![Message {
            version: 0,
            from: self.sender,
            to: Address::new_id(100),
            sequence: 0,
            value: TokenAmount::from_whole(1),
            method_num: INVOKE_EVM,
            params: RawBytes::default(),
            gas_limit: 5_000_000,
            gas_fee_cap: TokenAmount::default(),
            gas_premium: TokenAmount::default(),
        }]
    }

    fn told(&self, _: ChainEpoch, _: &Message, outcome: Result<Cid, NotSent>) {
        let mut seen = self.seen.lock().unwrap();
        match outcome {
            Ok(cid) => seen.sent.push(cid),
            Err(reason) => seen.refused.push(reason.to_string()),
        }
    }

    fn rewound(&self, head: &ExecutedTipset) {
        self.seen.lock().unwrap().rewound.push(head.height());
    }
}

fn on_request() -> ChainConfig {
    ChainConfig {
        mining: MiningMode::OnRequest,
        ..config()
    }
}

#[tokio::test]
async fn a_jump_stops_wherever_a_participant_is_due() {
    let chain = chain(on_request());
    let clockwork = Arc::new(Clockwork::new(100, chain.dev_accounts()[0].address()));
    chain.join(clockwork.clone());
    let reached = chain.advance_to(350).await.unwrap();
    assert_eq!(reached.height(), 350);
    assert_eq!(clockwork.acted(), [100, 200, 300]);
    let seen = clockwork.seen.lock().unwrap();
    assert_eq!((seen.sent.len(), seen.refused.len()), (3, 0));
    for (index, cid) in seen.sent.iter().enumerate() {
        let crate::Found::Mined(location) = chain.message(cid).unwrap() else {
            panic!("message {index} waits");
        };
        assert_eq!(location.tipset.height(), (index as i64 + 1) * 100);
        assert_eq!(location.message().signed.message.sequence, index as u64);
    }
}

#[tokio::test]
async fn who_is_due_next_gets_its_tipset_without_being_asked_for() {
    let chain = chain(config());
    let clockwork = Arc::new(Clockwork::new(2, chain.dev_accounts()[0].address()));
    chain.join(clockwork.clone());
    chain.push(signed(&chain, 1, 0, |_| {})).await.unwrap();
    // One for the message, one for the participant; it is not due in the third.
    assert_eq!(chain.head().height(), 2);
    assert_eq!(clockwork.acted(), [2]);
}

#[tokio::test]
async fn a_message_that_cannot_be_sent_is_told_of_and_does_no_harm() {
    let chain = chain(on_request());
    let stranger = Address::new_bls(&[7; 48]).unwrap();
    let clockwork = Arc::new(Clockwork::new(1, stranger));
    chain.join(clockwork.clone());
    chain.mine(2).await.unwrap();
    let seen = clockwork.seen.lock().unwrap();
    assert_eq!(chain.head().height(), 2);
    assert_eq!(seen.refused.len(), 2);
    assert!(
        seen.refused[0].contains("has no key"),
        "{}",
        seen.refused[0]
    );
}

#[tokio::test]
async fn blocks_name_the_participants_miner_and_are_signed_by_its_worker() {
    let chain = chain(on_request());
    let worker = crate::Key::bls_from_seed(&[3; 32]);
    assert_eq!(worker.kind(), KeyKind::Bls);
    let mut clockwork = Clockwork::new(1_000, chain.dev_accounts()[0].address());
    clockwork.miner = Some(BlockProducer {
        miner: 1234,
        worker: worker.clone(),
    });
    chain.join(Arc::new(clockwork));
    let made = chain.mine(1).await.unwrap();
    let block = made[0].tipset.block();
    assert_eq!(block.miner, Address::new_id(1234));
    let signature = block.block_sig.as_ref().unwrap();
    crate::keys::verify(signature, &block.signing_bytes(), &worker.address()).unwrap();
}

#[tokio::test]
async fn going_back_is_told() {
    let chain = chain(on_request());
    let clockwork = Arc::new(Clockwork::new(1_000, chain.dev_accounts()[0].address()));
    chain.join(clockwork.clone());
    chain.mine(1).await.unwrap();
    let snapshot = chain.snapshot().await.unwrap();
    chain.mine(3).await.unwrap();
    assert!(chain.revert(snapshot).await.unwrap());
    assert_eq!(clockwork.seen.lock().unwrap().rewound, [1]);
}
