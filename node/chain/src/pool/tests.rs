use std::convert::Infallible;

use fvm_ipld_encoding::RawBytes;
use fvm_shared::message::Message;
use proptest::prelude::*;

use super::*;
use crate::message::{Signature, SignatureKind};

fn atto(amount: u64) -> TokenAmount {
    TokenAmount::from_atto(amount)
}

fn sender(n: u8) -> Address {
    Address::new_secp256k1(&[n; 65]).unwrap()
}

fn message(from: u8, nonce: u64, premium: u64) -> SignedMessage {
    SignedMessage {
        message: Message {
            version: 0,
            from: sender(from),
            to: sender(200),
            sequence: nonce,
            value: TokenAmount::default(),
            method_num: 0,
            params: RawBytes::default(),
            gas_limit: 1_000_000,
            gas_fee_cap: atto(1_000_000),
            gas_premium: atto(premium),
        },
        signature: Signature {
            kind: SignatureKind::Secp256k1,
            data: vec![0; 65],
        },
    }
}

fn insert(pool: &mut Pool, signed: SignedMessage) -> Result<Inserted, Rejection> {
    let hash = signed.eth_hash(314);
    pool.insert(signed, hash, Authority::Signed)
}

fn pool(messages: &[(u8, u64, u64)]) -> Pool {
    let mut pool = Pool::default();
    for (from, nonce, premium) in messages {
        insert(&mut pool, message(*from, *nonce, *premium)).unwrap();
    }
    pool
}

/// Senders and nonces in the order of the next block.
fn order(pool: &Pool, base_fee: u64, gas_limit: u64) -> Vec<(u8, u64)> {
    let chosen = pool
        .select(|_| Ok::<_, Infallible>(0), &atto(base_fee), gas_limit)
        .unwrap();
    let name = |address: Address| (0..=255).find(|n| sender(*n) == address).unwrap();
    chosen
        .iter()
        .map(|m| (name(m.signed.message.from), m.signed.message.sequence))
        .collect()
}

const ROOM: u64 = 10_000_000_000;

#[test]
fn who_tips_more_goes_first_and_of_equals_who_came_first() {
    let pool = pool(&[(1, 0, 10), (2, 0, 30), (3, 0, 10), (4, 0, 20)]);
    assert_eq!(order(&pool, 100, ROOM), [(2, 0), (4, 0), (1, 0), (3, 0)]);
}

#[test]
fn a_high_tip_does_not_overtake_a_lower_nonce() {
    let pool = pool(&[(1, 1, 900), (1, 0, 1), (2, 0, 50)]);
    assert_eq!(order(&pool, 100, ROOM), [(2, 0), (1, 0), (1, 1)]);
}

#[test]
fn messages_behind_a_gap_wait() {
    let mut pool = pool(&[(1, 0, 5), (1, 2, 5), (2, 1, 5)]);
    assert_eq!(order(&pool, 100, ROOM), [(1, 0)]);
    assert_eq!(pool.next_nonce(&sender(1), 0), 1);
    insert(&mut pool, message(1, 1, 5)).unwrap();
    assert_eq!(order(&pool, 100, ROOM), [(1, 0), (1, 1), (1, 2)]);
    assert_eq!(pool.next_nonce(&sender(1), 0), 3);
    assert_eq!(pool.next_nonce(&sender(9), 7), 7);
}

#[test]
fn a_fee_cap_below_the_base_fee_waits_with_all_that_follow() {
    let pool = pool(&[(1, 0, 5), (1, 1, 5)]);
    assert_eq!(order(&pool, 1_000_001, ROOM), []);
    assert_eq!(order(&pool, 1_000_000, ROOM), [(1, 0), (1, 1)]);
}

#[test]
fn what_does_not_fit_into_the_block_is_left_for_the_next() {
    let pool = pool(&[(1, 0, 9), (1, 1, 9), (2, 0, 5), (3, 0, 1)]);
    assert_eq!(order(&pool, 100, 2_500_000), [(1, 0), (1, 1)]);
}

#[test]
fn a_replacement_must_offer_a_quarter_more() {
    let mut pool = pool(&[(1, 0, 1_000)]);
    let refused = insert(&mut pool, message(1, 0, 1_249)).unwrap_err();
    assert!(
        matches!(&refused, Rejection::Underpriced { min, .. } if *min == atto(1_250)),
        "{refused}"
    );
    assert_eq!(pool.all().count(), 1);
    let old = message(1, 0, 1_000).cid();
    let inserted = insert(&mut pool, message(1, 0, 1_250)).unwrap();
    assert_eq!(inserted.replaced.unwrap().cid, old);
    assert!(pool.get(&old).is_none());
    assert_eq!(pool.all().count(), 1);
}

#[test]
fn a_replacement_of_nothing_must_offer_something() {
    assert_eq!(replacement_premium(&atto(0)), atto(1));
    assert_eq!(replacement_premium(&atto(1)), atto(2));
    assert_eq!(replacement_premium(&atto(101)), atto(127));
}

#[test]
fn the_same_message_is_taken_once() {
    let mut pool = pool(&[(1, 0, 1_000)]);
    let cid = message(1, 0, 1_000).cid();
    let refused = insert(&mut pool, message(1, 0, 1_000)).unwrap_err();
    assert!(matches!(refused, Rejection::AlreadyKnown(known) if known == cid));
}

#[test]
fn a_sender_may_have_a_thousand_waiting_and_replace_among_them() {
    let mut pool = Pool::default();
    for nonce in 0..MAX_PENDING_PER_SENDER as u64 {
        insert(&mut pool, message(1, nonce, 10)).unwrap();
    }
    let refused = insert(&mut pool, message(1, 5_000, 10)).unwrap_err();
    assert!(matches!(
        refused,
        Rejection::TooManyPending { max: 1_000, .. }
    ));
    insert(&mut pool, message(1, 7, 100)).unwrap();
    insert(&mut pool, message(2, 0, 10)).unwrap();
}

#[test]
fn a_message_is_found_by_every_name_until_it_is_gone() {
    let mut pool = pool(&[(1, 0, 10)]);
    let signed = message(1, 0, 10);
    let names = [signed.cid(), message_cid(&signed.message)];
    assert_ne!(names[0], names[1]);
    assert!(names.iter().all(|cid| pool.get(cid).is_some()));
    assert!(pool.by_hash(&signed.eth_hash(314)).is_some());
    assert!(pool.remove(&names[1]).is_some());
    assert!(names.iter().all(|cid| pool.get(cid).is_none()));
    assert!(pool.by_hash(&signed.eth_hash(314)).is_none());
    assert!(!pool.has_sender(&sender(1)));
}

#[test]
fn pruning_takes_what_the_state_has_overtaken() {
    let mut pool = pool(&[(1, 0, 10), (1, 1, 10), (1, 5, 10), (2, 0, 10)]);
    assert_eq!(pool.prune(&sender(1), 2).len(), 2);
    let left: Vec<u64> = pool
        .of(&sender(1))
        .map(|message| message.signed.message.sequence)
        .collect();
    assert_eq!(left, [5]);
    assert_eq!(pool.clear(None).len(), 2);
    assert_eq!(pool.all().count(), 0);
}

proptest! {
    /// Against the plainest model: again and again the best of all senders' next
    /// messages.
    #[test]
    fn selection_agrees_with_a_simple_model(
        messages in prop::collection::vec((0u8..5, 0u64..6, 0u64..40), 0..60),
        room in 1u64..30,
    ) {
        let mut pool = Pool::default();
        let mut model: Vec<(u8, u64, u64, u64)> = Vec::new();
        for (from, nonce, premium) in messages {
            if let Ok(inserted) = insert(&mut pool, message(from, nonce, premium)) {
                model.retain(|entry| (entry.0, entry.1) != (from, nonce));
                model.push((from, nonce, premium, inserted.message.arrival));
            }
        }
        prop_assert_eq!(pool.all().count(), model.len());
        let mut next = [0u64; 5];
        let mut expected = Vec::new();
        while (expected.len() as u64) < room {
            let best = model
                .iter()
                .filter(|entry| entry.1 == next[usize::from(entry.0)])
                .max_by_key(|entry| (entry.2, Reverse(entry.3)));
            let Some(best) = best else { break };
            next[usize::from(best.0)] += 1;
            expected.push((best.0, best.1));
        }
        prop_assert_eq!(order(&pool, 100, room * 1_000_000), expected);
        for from in 0..5 {
            let run = (0..).take_while(|n| model.iter().any(|e| (e.0, e.1) == (from, *n))).count();
            prop_assert_eq!(pool.next_nonce(&sender(from), 0), run as u64);
        }
    }
}
