use bls_signatures::Serialize as _;
use fvm_shared::econ::TokenAmount;

use crate::block::BlockHeader;
use crate::config::MiningMode;
use crate::keys;
use crate::message::{Signature, SignatureKind, message_cid};
use crate::randomness;
use crate::testing::{chain, config, input, signed};
use crate::{ChainConfig, ChainHandle, TipsetRef};

async fn scenario() -> ChainHandle {
    let chain = chain(ChainConfig {
        mining: MiningMode::OnRequest,
        ..config()
    });
    let worker = chain.keyring().addresses().pop().unwrap();
    chain
        .push(signed(&chain, 0, 0, |m| {
            m.params = input("log one native two")
        }))
        .await
        .unwrap();
    chain.push(signed(&chain, 1, 0, |_| {})).await.unwrap();
    for nonce in 0..2 {
        let message = signed(&chain, 0, nonce, |message| {
            message.from = worker;
            message.method_num = 0;
        });
        chain.push(message).await.unwrap();
    }
    chain.mine(1).await.unwrap();
    chain.increase_time(300).await.unwrap();
    chain.mine(2).await.unwrap();
    chain
}

#[tokio::test]
async fn the_same_genesis_and_messages_give_the_same_blocks() {
    let (one, other) = (scenario().await, scenario().await);
    assert_eq!(one.head().key(), other.head().key());
    assert_eq!(one.head().state_root, other.head().state_root);
    assert_ne!(one.instance_id(), other.instance_id());
}

#[tokio::test]
async fn another_seed_or_time_gives_other_blocks() {
    let base = config();
    let heads: Vec<_> = [
        base.clone(),
        ChainConfig {
            beacon_seed: [1; 32],
            ..base.clone()
        },
        ChainConfig {
            genesis_timestamp: 1_700_000_030,
            ..base.clone()
        },
        ChainConfig {
            network_name: "other".into(),
            ..base
        },
    ]
    .map(chain)
    .into_iter()
    .collect();
    let mut keys = Vec::new();
    for chain in &heads {
        keys.push(chain.mine(1).await.unwrap()[0].key().clone());
    }
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 4);
}

#[tokio::test]
async fn headers_form_a_chain_that_anybody_can_check() {
    let chain = scenario().await;
    let worker = chain.keyring().addresses().pop().unwrap();
    let mut child = chain.head();
    while let Some(parent) = chain.parent(&child) {
        let block = child.tipset.block();
        assert_eq!(block.parents, parent.key().cids());
        assert_eq!(block.parent_state_root, parent.state_root);
        assert_eq!(block.parent_message_receipts, parent.receipts_root);
        assert_eq!(block.parent_base_fee, parent.next_base_fee);
        assert_eq!(block.parent_weight, chain.weight(&parent).unwrap());
        assert!(block.parent_weight > parent.tipset.block().parent_weight);
        assert_eq!(block.timestamp, chain.timestamp_of(child.height()));
        assert_eq!(block.miner, fvm_shared::address::Address::new_id(101));
        let signature = block.block_sig.as_ref().unwrap();
        keys::verify(signature, &block.signing_bytes(), &worker).unwrap();
        let stored = chain.read_block(&child.key().cids()[0]).unwrap().unwrap();
        assert_eq!(
            fvm_ipld_encoding::from_slice::<BlockHeader>(&stored).unwrap(),
            *block
        );
        assert_eq!(
            chain.read_block(&child.tipset.key_cid()).unwrap(),
            Some(child.key().to_bytes())
        );
        assert_eq!(chain.child(&parent).unwrap().key(), child.key());
        child = parent;
    }
    assert_eq!(child.height(), 0);
}

#[tokio::test]
async fn bls_messages_come_first_and_share_one_signature() {
    let chain = scenario().await;
    let tipset = chain.tipset(&TipsetRef::Height(1)).unwrap();
    let kinds: Vec<_> = tipset
        .messages
        .iter()
        .map(|m| m.signed.signature.kind)
        .collect();
    use SignatureKind::{Bls, Delegated};
    assert_eq!(kinds, [Bls, Bls, Delegated, Delegated]);
    let aggregate = tipset.tipset.block().bls_aggregate.as_ref().unwrap();
    let aggregate = bls_signatures::Signature::from_bytes(&aggregate.data).unwrap();
    let public = bls_signatures::PublicKey::from_bytes(
        &tipset.messages[0].signed.message.from.payload_bytes(),
    )
    .unwrap();
    let signed: Vec<Vec<u8>> = tipset.messages[..2]
        .iter()
        .map(|message| message_cid(&message.signed.message).to_bytes())
        .collect();
    let signed: Vec<&[u8]> = signed.iter().map(Vec::as_slice).collect();
    assert!(bls_signatures::verify_messages(
        &aggregate,
        &signed,
        &[public, public]
    ));
    // BLS messages lie in the store without their signatures.
    assert!(chain.read_block(&tipset.messages[0].cid).unwrap().is_some());
    assert_eq!(
        tipset.messages[0].cid,
        message_cid(&tipset.messages[0].signed.message)
    );
    assert_ne!(
        tipset.messages[2].cid,
        message_cid(&tipset.messages[2].signed.message)
    );
}

#[tokio::test]
async fn a_block_without_bls_messages_has_the_neutral_aggregate() {
    let chain = scenario().await;
    let mut neutral = vec![0; 96];
    neutral[0] = 0xc0;
    let expected = Signature {
        kind: SignatureKind::Bls,
        data: neutral,
    };
    assert_eq!(chain.head().tipset.block().bls_aggregate, Some(expected));
}

#[tokio::test]
async fn tickets_and_beacon_give_the_randomness_of_every_epoch() {
    let chain = scenario().await;
    let first = chain.tipset(&TipsetRef::Height(1)).unwrap();
    let ticket = first.tipset.block().ticket.as_ref().unwrap();
    // Epoch 5 is a null round.
    assert_eq!(
        chain.ticket_randomness(5).unwrap(),
        randomness::blake2b(&ticket.vrf_proof)
    );
    assert_ne!(
        chain.beacon_randomness(5).unwrap(),
        chain.beacon_randomness(6).unwrap()
    );
    assert_eq!(chain.beacon_entry(5).unwrap().round, 5);
    let head = chain.head();
    assert_eq!(
        head.tipset.block().beacon_entries,
        [chain.beacon_entry(head.height()).unwrap()]
    );
    assert!(chain.ticket_randomness(head.height() + 1).is_err());
    assert!(chain.beacon_randomness(-1).is_err());
}

#[tokio::test]
async fn a_chosen_beacon_value_counts_for_the_next_tipset_only() {
    let chain = chain(config());
    let value = alloy::primitives::B256::repeat_byte(7);
    chain.set_next_beacon(value).await.unwrap();
    chain.mine(2).await.unwrap();
    assert_eq!(chain.beacon_entry(1).unwrap().data, value.to_vec());
    assert_ne!(chain.beacon_entry(2).unwrap().data, value.to_vec());
    assert_eq!(
        chain.beacon_randomness(1).unwrap(),
        randomness::blake2b(value.as_slice())
    );
}

#[tokio::test]
async fn a_message_sees_the_ticket_of_its_own_tipset() {
    let chain = chain(config());
    let pushed = chain
        .push(signed(&chain, 0, 0, |m| m.params = input("ticket 1")))
        .await
        .unwrap();
    let seen = pushed
        .location
        .unwrap()
        .message()
        .receipt
        .return_data
        .to_vec();
    assert_eq!(seen, chain.ticket_randomness(1).unwrap());
}

#[tokio::test]
async fn receipts_and_messages_can_be_read_back_from_the_store() {
    let chain = scenario().await;
    let first = chain.tipset(&TipsetRef::Height(1)).unwrap();
    let receipts = fvm_ipld_amt::Amtv0::<fvm_shared::receipt::Receipt, _>::load(
        &first.receipts_root,
        chain.store(),
    )
    .unwrap();
    assert_eq!(receipts.count(), 4);
    let logged = first
        .messages
        .iter()
        .position(|m| !m.events.is_empty())
        .unwrap();
    let receipt = receipts.get(logged as u64).unwrap().unwrap();
    assert_eq!(*receipt, first.messages[logged].receipt);
    assert!(
        chain
            .read_block(&receipt.events_root.unwrap())
            .unwrap()
            .is_some()
    );
    assert!(
        chain
            .read_block(&first.tipset.block().messages)
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn no_fil_is_made_or_lost_by_mining() {
    let chain = scenario().await;
    let total = crate::testing::total(&chain, chain.head().state_root);
    assert_eq!(total, TokenAmount::from_whole(2_000_000_000));
}

#[tokio::test]
async fn the_base_fee_falls_on_a_quiet_chain_and_can_be_set() {
    let fee = TokenAmount::from_atto(100_000_000);
    let chain = chain(ChainConfig {
        initial_base_fee: fee,
        ..config()
    });
    chain.mine(2).await.unwrap();
    assert_eq!(
        *chain.head().tipset.base_fee(),
        TokenAmount::from_atto(87_500_000)
    );
    assert_eq!(chain.next_base_fee(), TokenAmount::from_atto(76_562_500));
    chain
        .set_next_base_fee(TokenAmount::from_atto(5_000))
        .await
        .unwrap();
    assert_eq!(
        *chain.mine(1).await.unwrap()[0].tipset.base_fee(),
        TokenAmount::from_atto(5_000)
    );
    assert!(
        chain
            .set_next_base_fee(TokenAmount::from_atto(99))
            .await
            .is_err()
    );
}

/// A long chain has many of them.
#[tokio::test]
async fn a_tipset_keeps_no_room_for_more_than_it_has() {
    let chain = chain(ChainConfig {
        mining: MiningMode::OnRequest,
        ..config()
    });
    let message = signed(&chain, 0, 0, |m| m.params = input("log one"));
    chain.push(message).await.unwrap();
    let tipset = chain.mine(1).await.unwrap().remove(0);
    let [message] = tipset.messages.as_slice() else {
        panic!("{:?}", tipset.messages);
    };
    assert_eq!(tipset.messages.capacity(), 1);
    assert_eq!((message.events.len(), message.events.capacity()), (1, 1));
}
