use alloy::consensus::{SignableTransaction, TxEip1559, TxEip2930, TxEnvelope, TxLegacy};
use alloy::eips::eip2718::Encodable2718;
use alloy::primitives::{Address as EthAddress, Bytes, TxKind, U256, keccak256};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;
use fvm_shared::message::Message;

use crate::config::MiningMode;
use crate::events::{ChainEvent, EventFilter, Notice};
use crate::testing::{chain, config, input, signed};
use crate::{Authority, ChainConfig, ChainHandle, Found, KeyKind, Rejection};

const CHAIN_ID: u64 = 31_415_926;

fn wallet(chain: &ChainHandle, index: usize) -> PrivateKeySigner {
    let bytes = chain.dev_accounts()[index].private_bytes();
    PrivateKeySigner::from_bytes(&bytes.into()).unwrap()
}

fn raw<T: SignableTransaction<alloy::primitives::Signature>>(
    signer: &PrivateKeySigner,
    tx: T,
) -> Vec<u8>
where
    TxEnvelope: From<alloy::consensus::Signed<T>>,
{
    let signature = signer.sign_hash_sync(&tx.signature_hash()).unwrap();
    TxEnvelope::from(tx.into_signed(signature)).encoded_2718()
}

fn eip1559(nonce: u64) -> TxEip1559 {
    TxEip1559 {
        chain_id: CHAIN_ID,
        nonce,
        gas_limit: 5_000_000,
        max_fee_per_gas: 1_000_000,
        max_priority_fee_per_gas: 200_000,
        to: TxKind::Call(EthAddress::repeat_byte(0x42)),
        value: U256::from(7),
        access_list: Default::default(),
        input: Bytes::new(),
    }
}

fn legacy(nonce: u64, chain_id: Option<u64>) -> TxLegacy {
    TxLegacy {
        chain_id,
        nonce,
        gas_price: 1_000_000,
        gas_limit: 5_000_000,
        to: TxKind::Call(EthAddress::repeat_byte(0x42)),
        value: U256::from(7),
        input: Bytes::from_static(b"say hello"),
    }
}

#[tokio::test]
async fn transactions_of_every_supported_kind_are_mined_under_their_own_hash() {
    let chain = chain(config());
    let signer = wallet(&chain, 0);
    let kinds = [
        raw(&signer, eip1559(0)),
        raw(&signer, legacy(1, Some(CHAIN_ID))),
        raw(&signer, legacy(2, None)),
    ];
    for (raw, length) in kinds.iter().zip([65, 69, 66]) {
        let pushed = chain.push_transaction(raw).await.unwrap();
        assert_eq!(pushed.eth_hash, keccak256(raw));
        let location = pushed.location.unwrap();
        assert_eq!(location.message().signed.signature.data.len(), length);
        assert_eq!(
            location.message().signed.message.from,
            chain.dev_accounts()[0].address()
        );
        assert!(matches!(
            chain.message_by_hash(&pushed.eth_hash),
            Some(Found::Mined(_))
        ));
        assert_eq!(chain.cid_by_hash(&pushed.eth_hash), Some(pushed.cid));
        // And back again.
        let envelope =
            crate::ethereum::transaction_of(&location.message().signed, CHAIN_ID).unwrap();
        assert_eq!(envelope.encoded_2718(), *raw);
    }
    let to = EthAddress::repeat_byte(0x42);
    let received = chain
        .head_state()
        .balance(&crate::ethereum::to_filecoin(&to))
        .unwrap();
    assert_eq!(received, TokenAmount::from_atto(21));
}

#[tokio::test]
async fn transactions_that_no_message_can_express_are_refused_with_the_reason() {
    let chain = chain(config());
    let signer = wallet(&chain, 0);
    let list = alloy::eips::eip2930::AccessList(vec![Default::default()]);
    let eip2930 = TxEip2930 {
        chain_id: CHAIN_ID,
        gas_limit: 1,
        ..Default::default()
    };
    let mut trailing = raw(&signer, eip1559(0));
    trailing.push(0);
    for (raw, expected) in [
        (vec![], "empty"),
        (vec![0xc0], "decode"),
        (vec![0x02, 0xc1, 0x80], "decode"),
        (vec![0x7f], "type 127"),
        (trailing, "follow"),
        (raw(&signer, eip2930), "type 1"),
        (
            raw(
                &signer,
                TxEip1559 {
                    access_list: list,
                    ..eip1559(0)
                },
            ),
            "access lists",
        ),
        (
            raw(
                &signer,
                TxEip1559 {
                    chain_id: 1,
                    ..eip1559(0)
                },
            ),
            "chain ID 1",
        ),
        (raw(&signer, legacy(0, Some(1))), "chain ID 1"),
    ] {
        let refused = chain.push_transaction(&raw).await.unwrap_err().to_string();
        assert!(refused.contains(expected), "{refused}");
    }
    assert_eq!(chain.head().height(), 0);
}

#[tokio::test]
async fn messages_that_may_not_be_mined_are_refused_in_the_order_of_the_sheet() {
    let chain = chain(config());
    chain.push(signed(&chain, 0, 0, |_| {})).await.unwrap();
    let stranger = crate::Key::new(KeyKind::Delegated, &[9; 32]).unwrap();
    chain.keyring().add(stranger.clone());
    type Change = Box<dyn FnOnce(&mut Message)>;
    let cases: Vec<(Change, &str)> = vec![
        (
            Box::new(|m| m.gas_premium = TokenAmount::from_atto(1_000_001)),
            "above the gas fee cap",
        ),
        (
            Box::new(|m| m.gas_limit = 10_000_000_001),
            "above a block's",
        ),
        (Box::new(|m| m.gas_limit = 1_000), "too low"),
        (
            Box::new(|m| m.value = TokenAmount::from_whole(2_000_000_001)),
            "invalid value",
        ),
        (
            Box::new(|m| {
                m.gas_fee_cap = TokenAmount::from_atto(99);
                m.gas_premium = TokenAmount::from_atto(1);
            }),
            "below the minimum",
        ),
        (Box::new(|m| m.sequence = 0), "used already"),
        (
            Box::new(move |m| m.from = stranger.address()),
            "does not exist",
        ),
        (
            Box::new(|m| m.gas_fee_cap = TokenAmount::from_whole(1)),
            "may cost",
        ),
    ];
    for (change, expected) in cases {
        let refused = chain
            .push(signed(&chain, 0, 1, change))
            .await
            .unwrap_err()
            .to_string();
        assert!(refused.contains(expected), "{refused}");
    }
    assert!(chain.pending().is_empty());
    assert_eq!(chain.head().height(), 1);
}

#[tokio::test]
async fn a_signature_of_somebody_else_is_refused() {
    let chain = chain(config());
    let native = chain.keyring().addresses()[1];
    for change in [
        Box::new(|_: &mut Message| {}) as Box<dyn FnOnce(&mut Message)>,
        Box::new(move |message: &mut Message| {
            message.from = native;
            message.method_num = 0;
        }),
    ] {
        let mut message = signed(&chain, 0, 0, change);
        message.message.value = TokenAmount::from_whole(5);
        let refused = chain.push(message).await.unwrap_err();
        assert!(
            matches!(refused, Rejection::InvalidSignature { .. }),
            "{refused}"
        );
    }
    let mut long = signed(&chain, 0, 0, |_| {});
    long.signature.data.resize(70_000, 1);
    assert!(matches!(
        chain.push(long).await,
        Err(Rejection::TooLarge { .. })
    ));
}

#[tokio::test]
async fn native_messages_are_known_by_the_digest_of_their_cid() {
    let chain = chain(config());
    let native = chain.keyring().addresses()[1];
    let message = signed(&chain, 0, 0, |message| {
        message.from = native;
        message.method_num = 0;
    });
    let pushed = chain.push(message.clone()).await.unwrap();
    assert_eq!(Some(pushed.eth_hash), crate::store::digest_of(&pushed.cid));
    assert_eq!(crate::store::cid_of(&pushed.eth_hash), pushed.cid);
    for cid in [pushed.cid, crate::message::message_cid(&message.message)] {
        assert!(matches!(chain.message(&cid), Some(Found::Mined(_))));
    }
}

#[tokio::test]
async fn the_same_message_is_not_mined_twice() {
    let chain = chain(config());
    let message = signed(&chain, 0, 0, |_| {});
    chain.push(message.clone()).await.unwrap();
    let refused = chain.push(message).await.unwrap_err();
    assert!(
        matches!(
            refused,
            Rejection::NonceTooLow {
                got: 0,
                next: 1,
                ..
            }
        ),
        "{refused}"
    );
}

#[tokio::test]
async fn a_gap_holds_messages_back_until_it_is_filled() {
    let chain = chain(config());
    let sender = chain.dev_accounts()[0].address();
    let late = chain.push(signed(&chain, 0, 1, |_| {})).await.unwrap();
    assert!(late.location.is_none());
    assert!(matches!(chain.message(&late.cid), Some(Found::Pending(_))));
    assert_eq!(
        (chain.head().height(), chain.next_nonce(&sender).unwrap()),
        (0, 0)
    );
    let first = chain.push(signed(&chain, 0, 0, |_| {})).await.unwrap();
    assert_eq!(first.location.unwrap().tipset.messages.len(), 2);
    assert_eq!(
        (chain.head().height(), chain.next_nonce(&sender).unwrap()),
        (1, 2)
    );
}

#[tokio::test]
async fn a_message_that_fails_is_mined_and_paid_for() {
    let chain = chain(config());
    let sender = chain.dev_accounts()[0].address();
    let before = chain.head_state().balance(&sender).unwrap();
    let pushed = chain
        .push(signed(&chain, 0, 0, |message| {
            message.params = input("revert no way")
        }))
        .await
        .unwrap();
    let location = pushed.location.unwrap();
    let message = location.message();
    assert_eq!(message.receipt.exit_code.value(), 33);
    let gas = &message.gas;
    let paid = &gas.base_fee_burn + &gas.over_estimation_burn + &gas.miner_tip;
    assert_eq!(chain.head_state().balance(&sender).unwrap(), before - paid);
}

#[tokio::test]
async fn messages_can_be_taken_out_of_the_pool() {
    let chain = chain(ChainConfig {
        mining: MiningMode::OnRequest,
        ..config()
    });
    let mut cids = Vec::new();
    for (account, nonce) in [(0, 0), (0, 1), (1, 0)] {
        cids.push(
            chain
                .push(signed(&chain, account, nonce, |_| {}))
                .await
                .unwrap()
                .cid,
        );
    }
    assert!(chain.drop_message(&cids[1]).await.unwrap());
    assert!(!chain.drop_message(&cids[1]).await.unwrap());
    let sender = chain.dev_accounts()[0].address();
    assert_eq!(chain.clear_pool(Some(sender)).await.unwrap(), 1);
    assert_eq!(chain.clear_pool(None).await.unwrap(), 1);
    assert!(chain.mine(1).await.unwrap()[0].messages.is_empty());
}

#[tokio::test]
async fn subscribers_hear_of_everything_in_order() {
    let chain = chain(config());
    let mut news = chain.subscribe();
    chain.push(signed(&chain, 0, 0, |_| {})).await.unwrap();
    chain.rollback(1).await.unwrap();
    let mut heard = Vec::new();
    while let Some(Notice::Event(event)) = news.try_next() {
        heard.push(match event {
            ChainEvent::Pending(_) => "pending",
            ChainEvent::Applied(tipset) => {
                assert_eq!(tipset.messages.len(), 1);
                "applied"
            }
            ChainEvent::Reverted(_) => "reverted",
            ChainEvent::Dropped(_) => "dropped",
        });
    }
    assert_eq!(heard, ["pending", "applied", "reverted"]);
}

#[tokio::test]
async fn a_slow_subscriber_is_told_that_it_missed_something() {
    let chain = chain(config());
    let mut news = chain.subscribe();
    for _ in 0..crate::core::NEWS_CAPACITY + 900 {
        chain.core().tell(ChainEvent::Applied(chain.head()));
    }
    assert!(matches!(news.next().await, Some(Notice::Missed(count)) if count >= 900));
    assert!(matches!(news.next().await, Some(Notice::Event(_))));
}

#[tokio::test]
async fn events_are_found_by_emitter_key_and_epoch() {
    let chain = chain(config());
    let receivers = [
        chain.dev_accounts()[1].address(),
        chain.dev_accounts()[2].address(),
    ];
    for (nonce, (to, text)) in [(0, "log one"), (1, "log native two"), (0, "log two three")]
        .into_iter()
        .enumerate()
    {
        let to = receivers[to];
        let message = signed(&chain, 0, nonce as u64, |message| {
            message.to = to;
            message.params = input(text);
        });
        chain.push(message).await.unwrap();
    }
    let find = |change: &dyn Fn(&mut EventFilter)| {
        let mut filter = EventFilter::default();
        change(&mut filter);
        let found = chain.events(&filter).unwrap();
        found
            .iter()
            .map(|record| (record.tipset.height(), record.event_index, record.log_index))
            .collect::<Vec<_>>()
    };
    let topic = |text: &str| {
        let mut value = vec![0; 32];
        value[..text.len()].copy_from_slice(text.as_bytes());
        (Some(0x55), value)
    };
    let all = [
        (1, 0, Some(0)),
        (2, 0, None),
        (2, 1, Some(0)),
        (3, 0, Some(0)),
        (3, 1, Some(1)),
    ];
    assert_eq!(find(&|_| {}), all);
    assert_eq!(find(&|f| f.emitters = vec![receivers[1]]), all[1..3]);
    assert_eq!(find(&|f| f.emitters = receivers.to_vec()), all);
    let two = |f: &mut EventFilter| {
        f.keys
            .insert("t1".into(), vec![topic("two"), topic("nine")]);
    };
    assert_eq!(find(&two), [all[2], all[3]]);
    assert_eq!(find(&|f| (f.from, f.to) = (2, Some(2))), all[1..3]);
    assert_eq!(find(&|f| (f.from, f.to) = (5, Some(2))), []);
    assert_eq!(find(&|f| f.from = 99), []);
    let nobody = Address::new_secp256k1(&[1; 65]).unwrap();
    assert_eq!(find(&|f| f.emitters = vec![nobody]), []);
    let limited = EventFilter {
        limit: Some(2),
        ..EventFilter::default()
    };
    assert!(matches!(
        chain.events(&limited),
        Err(crate::ChainError::TooManyEvents(2))
    ));
    chain.rollback(1).await.unwrap();
    assert_eq!(find(&|_| {}), all[..3]);
}

#[tokio::test]
async fn an_impersonated_sender_needs_no_key_and_pays_no_gas() {
    let chain = chain(config());
    let reserve = Address::new_id(90);
    let message = Message {
        from: reserve,
        to: chain.dev_accounts()[0].address(),
        sequence: u64::MAX,
        value: TokenAmount::from_whole(5),
        gas_limit: 0,
        ..signed(&chain, 0, 0, |_| {}).message
    };
    let refused = chain.push_impersonated(message.clone()).await.unwrap_err();
    assert!(
        matches!(refused, Rejection::NotImpersonated(_)),
        "{refused}"
    );
    assert!(!chain.set_impersonated(&reserve, true));
    let before = chain.head_state().balance(&reserve).unwrap();
    for _ in 0..2 {
        let pushed = chain.push_impersonated(message.clone()).await.unwrap();
        let location = pushed.location.unwrap();
        assert_eq!(location.message().authority, Authority::Impersonated);
    }
    let after = chain.head_state().balance(&reserve).unwrap();
    assert_eq!(after, before - TokenAmount::from_whole(10));
    assert!(chain.set_impersonated(&reserve, false));
    assert!(!chain.is_impersonated(&reserve));
    chain.set_auto_impersonate(true);
    assert!(chain.is_impersonated(&reserve));
}

#[tokio::test]
async fn equal_messages_of_two_impersonated_senders_have_two_hashes() {
    let chain = chain(config());
    chain.set_auto_impersonate(true);
    let mut hashes = Vec::new();
    for account in 0..2 {
        let message = signed(&chain, account, 0, |_| {}).message;
        hashes.push(chain.push_impersonated(message).await.unwrap().eth_hash);
    }
    assert_ne!(hashes[0], hashes[1]);
}

#[tokio::test]
async fn a_bls_sender_can_be_impersonated_among_its_own_messages() {
    let chain = chain(ChainConfig {
        mining: MiningMode::OnRequest,
        ..config()
    });
    let worker = chain.keyring().addresses().pop().unwrap();
    chain.set_impersonated(&worker, true);
    let native = |nonce: u64| {
        signed(&chain, 0, nonce, |message| {
            message.from = worker;
            message.method_num = 0;
        })
    };
    chain.push_impersonated(native(0).message).await.unwrap();
    chain.push(native(1)).await.unwrap();
    let tipset = chain.mine(1).await.unwrap().remove(0);
    assert_eq!(tipset.messages.len(), 2);
    assert_eq!(tipset.messages[0].authority, Authority::Impersonated);
}
