use alloy::primitives::B256;
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;

use crate::config::MiningMode;
use crate::events::EventFilter;
use crate::testing::{chain, config, input, signed};
use crate::{ChainConfig, ChainEvent, Notice, StateEdit, TipsetRef};

#[tokio::test]
async fn a_revert_restores_head_pool_clock_fee_and_edits() {
    let chain = chain(ChainConfig {
        mining: MiningMode::OnRequest,
        ..config()
    });
    let address = Address::new_secp256k1(&[3; 65]).unwrap();
    let balance = |amount: u64| StateEdit::Balance {
        address,
        amount: TokenAmount::from_whole(amount),
    };
    chain.mine(2).await.unwrap();
    chain.edit(vec![balance(1)]).await.unwrap();
    let waiting = chain.push(signed(&chain, 0, 0, |_| {})).await.unwrap();
    chain.increase_time(600).await.unwrap();
    chain
        .set_next_base_fee(TokenAmount::from_atto(777))
        .await
        .unwrap();
    let head = chain.head();
    let next = chain.next_epoch();
    let id = chain.snapshot().await.unwrap();

    chain.edit(vec![balance(2)]).await.unwrap();
    chain.set_next_beacon(B256::repeat_byte(1)).await.unwrap();
    chain.mine(3).await.unwrap();
    let later = chain.push(signed(&chain, 1, 0, |_| {})).await.unwrap();
    assert!(chain.message(&later.cid).is_some());

    assert!(chain.revert(id).await.unwrap());
    assert_eq!(chain.head().key(), head.key());
    assert_eq!(chain.head().state_root, head.state_root);
    assert_eq!(
        chain.head_state().balance(&address).unwrap(),
        TokenAmount::from_whole(1)
    );
    assert_eq!(chain.next_base_fee(), TokenAmount::from_atto(777));
    assert_eq!(chain.next_epoch(), next);
    assert_eq!(chain.pending().len(), 1);
    assert_eq!(chain.pending()[0].cid, waiting.cid);
    assert!(chain.message(&later.cid).is_none());
    assert!(chain.core().data().beacon.is_empty());
    assert_eq!(
        chain.tipset(&TipsetRef::Height(2)).unwrap().state_root,
        head.state_root
    );
    assert!(chain.tipset(&TipsetRef::Height(3)).is_err());
}

#[tokio::test]
async fn a_snapshot_is_used_up_with_all_later_ones() {
    let chain = chain(config());
    let first = chain.snapshot().await.unwrap();
    chain.mine(1).await.unwrap();
    let second = chain.snapshot().await.unwrap();
    assert_eq!((first, second), (0, 1));
    assert!(chain.revert(first).await.unwrap());
    assert!(!chain.revert(second).await.unwrap());
    assert!(!chain.revert(first).await.unwrap());
    assert_eq!(chain.snapshot().await.unwrap(), 2);
}

#[tokio::test]
async fn the_same_messages_after_a_revert_are_not_taken_for_the_reverted_ones() {
    let chain = chain(config());
    let message = signed(&chain, 0, 0, |message| message.params = input("log again"));
    let id = chain.snapshot().await.unwrap();
    let once = chain.push(message.clone()).await.unwrap();
    let key = chain.head().key().clone();
    assert!(chain.revert(id).await.unwrap());
    assert!(chain.message_by_hash(&once.eth_hash).is_none());
    assert!(chain.tipset(&TipsetRef::Key(key.clone())).is_err());
    assert!(chain.events(&EventFilter::default()).unwrap().is_empty());
    let twice = chain.push(message).await.unwrap();
    assert_eq!(twice.cid, once.cid);
    assert_eq!(*chain.head().key(), key);
    assert_eq!(chain.events(&EventFilter::default()).unwrap().len(), 1);
}

#[tokio::test]
async fn subscribers_hear_of_reverted_tipsets_newest_first() {
    let chain = chain(config());
    let id = chain.snapshot().await.unwrap();
    chain.mine(3).await.unwrap();
    let mut news = chain.subscribe();
    chain.revert(id).await.unwrap();
    let mut heights = Vec::new();
    while let Some(Notice::Event(ChainEvent::Reverted(tipset))) = news.try_next() {
        heights.push(tipset.height());
    }
    assert_eq!(heights, [3, 2, 1]);
}

#[tokio::test]
async fn a_rollback_takes_tipsets_back_and_not_below_genesis() {
    let chain = chain(config());
    chain.advance_to(10).await.unwrap();
    let kept = chain.snapshot().await.unwrap();
    chain.advance_to(20).await.unwrap();
    let lost = chain.snapshot().await.unwrap();
    assert_eq!(chain.rollback(1).await.unwrap().height(), 10);
    assert!(!chain.revert(lost).await.unwrap());
    assert!(chain.revert(kept).await.unwrap());
    assert!(chain.rollback(2).await.is_err());
    assert_eq!(chain.rollback(1).await.unwrap().height(), 0);
}

#[tokio::test]
async fn a_reset_goes_back_to_the_very_beginning() {
    let chain = chain(config());
    let genesis = chain.head();
    let instance = chain.instance_id();
    let edit = StateEdit::Nonce {
        address: chain.dev_accounts()[0].address(),
        nonce: 5,
    };
    chain.edit(vec![edit]).await.unwrap();
    chain.snapshot().await.unwrap();
    chain.push(signed(&chain, 0, 7, |_| {})).await.unwrap();
    chain.mine(3).await.unwrap();
    chain.reset().await.unwrap();
    assert_eq!(chain.head().key(), genesis.key());
    assert_eq!(chain.head().state_root, genesis.state_root);
    assert!(chain.pending().is_empty());
    assert!(!chain.revert(0).await.unwrap());
    assert_ne!(chain.instance_id(), instance);
}
