use fvm_ipld_blockstore::MemoryBlockstore;
use proptest::prelude::*;

use super::*;

fn fund(epoch: ChainEpoch, amount: u128) -> VestingFund {
    VestingFund {
        epoch,
        amount: TokenAmount::from_atto(amount),
    }
}

fn atto(amount: u128) -> TokenAmount {
    TokenAmount::from_atto(amount)
}

fn total(table: &[VestingFund]) -> TokenAmount {
    table.iter().map(|fund| &fund.amount).sum()
}

fn reward_schedule(epoch: ChainEpoch, sum: u128, start: ChainEpoch) -> Vec<VestingFund> {
    schedule(epoch, &atto(sum), start, &REWARD_VESTING_SPEC)
}

/// Source: spec 06 §19.
#[test]
fn a_fil_comes_free_as_the_sheet_says() {
    let table = reward_schedule(1_000, 1_000_000_000_000_000_000, 100);
    assert_eq!(table.len(), 180);
    assert_eq!(
        table[..3],
        [
            fund(4_420, 6_597_222_222_222_222),
            fund(7_300, 5_555_555_555_555_555),
            fund(10_180, 5_555_555_555_555_556),
        ]
    );
    assert_eq!(
        table[178..],
        [
            fund(517_060, 5_555_555_555_555_556),
            fund(519_940, 4_513_888_888_888_889),
        ]
    );
    assert_eq!(total(&table), TokenAmount::from_whole(1));
}

/// Source: spec 06 §19.
#[test]
fn small_sums_have_parts_of_nought() {
    let table = reward_schedule(1_000, 100, 100);
    assert_eq!((table.len(), &table[0]), (180, &fund(4_420, 0)));
    let noughts = table.iter().filter(|fund| fund.amount.is_zero()).count();
    assert_eq!((noughts, total(&table)), (80, atto(100)));
    assert!(reward_schedule(1_000, 0, 100).is_empty());
}

#[test]
fn a_table_has_its_next_amount_in_the_root() {
    let store = MemoryBlockstore::new();
    assert_eq!(save(&store, &[]), Ok(None));
    let funds = save(&store, &[fund(5, 7)]).unwrap();
    let VestingFunds { head, tail } = funds.clone().unwrap();
    assert_eq!(head, fund(5, 7));
    assert_eq!(
        tail.to_string(),
        "bafy2bzacebc3bt6cedhoyw34drrmjvazhu4oj25er2ebk4u445pzycvq4ta4a",
        "the empty list"
    );
    assert_eq!(load(&store, &funds), Ok(vec![fund(5, 7)]));
}

#[test]
fn a_next_amount_of_nought_is_not_listed() {
    let store = MemoryBlockstore::new();
    let funds = save(&store, &[fund(5, 0), fund(6, 0), fund(7, 1)]).unwrap();
    assert_eq!(load(&store, &funds), Ok(vec![fund(6, 0), fund(7, 1)]));
}

#[test]
fn an_amount_is_free_after_its_epoch() {
    let store = MemoryBlockstore::new();
    let saved = save(&store, &[fund(5, 1), fund(6, 2), fund(8, 4)]).unwrap();
    for (epoch, vested, left) in [
        (5, 0, Some(fund(5, 1))),
        (6, 1, Some(fund(6, 2))),
        (8, 3, Some(fund(8, 4))),
        (9, 7, None),
    ] {
        let mut funds = saved.clone();
        assert_eq!(take_vested(&store, &mut funds, epoch), Ok(atto(vested)));
        assert_eq!(funds.map(|funds| funds.head), left, "{epoch}");
    }
    assert_eq!(take_vested(&store, &mut None, 9), Ok(atto(0)));
}

#[test]
fn equal_epochs_are_one_entry() {
    let (left, right) = (
        vec![fund(1, 1), fund(3, 10)],
        vec![fund(2, 5), fund(3, 20), fund(4, 7)],
    );
    let merged = merge(left.clone(), right.clone());
    assert_eq!(merged, [fund(1, 1), fund(2, 5), fund(3, 30), fund(4, 7)]);
    assert_eq!(merge(right, left), merged);
}

#[test]
fn what_the_next_amount_covers_touches_no_block() {
    let store = MemoryBlockstore::new();
    let missing = save(&MemoryBlockstore::new(), &[fund(5, 10), fund(6, 2)]).unwrap();
    let mut funds = missing.clone();
    let taken = take(&store, &mut funds, 5, &atto(10)).unwrap();
    assert_eq!((taken.vested, taken.unvested), (atto(0), atto(10)));
    let funds = funds.unwrap();
    assert_eq!(funds.head, fund(5, 0));
    assert_eq!(funds.tail, missing.unwrap().tail);
}

#[test]
fn what_is_free_already_comes_along() {
    let store = MemoryBlockstore::new();
    let table = [fund(4, 1), fund(5, 10), fund(6, 20), fund(7, 40)];
    for (target, unvested, left) in [
        (5, 5, vec![fund(5, 5), fund(6, 20), fund(7, 40)]),
        (10, 10, vec![fund(6, 20), fund(7, 40)]),
        (25, 25, vec![fund(6, 5), fund(7, 40)]),
        (70, 70, vec![]),
        (71, 70, vec![]),
    ] {
        let mut funds = save(&store, &table).unwrap();
        let taken = take(&store, &mut funds, 5, &atto(target)).unwrap();
        assert_eq!(
            (taken.vested, taken.unvested),
            (atto(1), atto(unvested)),
            "{target}"
        );
        assert_eq!(load(&store, &funds), Ok(left), "{target}");
    }
    assert_eq!(take(&store, &mut None, 5, &atto(1)), Ok(Taken::default()));
}

/// Source: spec 06 §18, point 23.
#[test]
fn a_table_used_up_stays_until_it_is_written_anew() {
    let store = MemoryBlockstore::new();
    let mut funds = save(&store, &[fund(5, 10), fund(6, 20)]).unwrap();
    take(&store, &mut funds, 5, &atto(30)).unwrap();
    assert_eq!(funds.as_ref().map(|funds| &funds.head), Some(&fund(6, 0)));
    assert_eq!(load(&store, &funds), Ok(vec![]));
    add(&store, &mut funds, 5, &atto(0), 0, &REWARD_VESTING_SPEC).unwrap();
    assert_eq!(funds, None);
}

/// Source: spec 06 §18, point 24.
#[test]
fn locking_nothing_releases_what_is_free() {
    let store = MemoryBlockstore::new();
    let mut funds = save(&store, &[fund(5, 10), fund(6, 20)]).unwrap();
    let vested = add(&store, &mut funds, 6, &atto(0), 0, &REWARD_VESTING_SPEC);
    assert_eq!(vested, Ok(atto(10)));
    assert_eq!(load(&store, &funds), Ok(vec![fund(6, 20)]));
}

proptest! {
    #[test]
    fn a_schedule_is_complete_and_in_order(
        epoch in 0i64..10_000_000,
        sum in 1u64..u64::MAX,
        start in -2_880i64..10_000_000,
    ) {
        let table = reward_schedule(epoch, sum.into(), start);
        prop_assert_eq!(total(&table), atto(sum.into()));
        prop_assert!(table.windows(2).all(|pair| pair[0].epoch < pair[1].epoch));
        prop_assert!(table.iter().all(|fund| (fund.epoch - start) % 1_440 == 0));
        prop_assert!(table.iter().all(|fund| fund.epoch >= epoch + 2_880 && !fund.amount.is_negative()));
        prop_assert!(table.len() <= 180);
    }

    /// Against a list that knows nothing of heads and tails.
    #[test]
    fn no_atto_is_lost(
        steps in prop::collection::vec((0u8..3, 0i64..4_000, 0u64..1_000_000), 1..20),
    ) {
        let store = MemoryBlockstore::new();
        let mut funds = None;
        let mut model: Vec<VestingFund> = Vec::new();
        let mut epoch = 0;
        for (operation, later, amount) in steps {
            epoch += later;
            let amount = atto(amount.into());
            let free: TokenAmount = model.iter().filter(|fund| fund.epoch < epoch).map(|fund| &fund.amount).sum();
            match operation {
                0 => {
                    let vested = add(&store, &mut funds, epoch, &amount, 100, &REWARD_VESTING_SPEC).unwrap();
                    prop_assert_eq!(vested, free);
                    model.extend(schedule(epoch, &amount, 100, &REWARD_VESTING_SPEC));
                    model.retain(|fund| fund.epoch >= epoch);
                    model.sort_by_key(|fund| fund.epoch);
                }
                1 => {
                    prop_assert_eq!(take_vested(&store, &mut funds, epoch).unwrap(), free);
                    model.retain(|fund| fund.epoch >= epoch);
                }
                _ => {
                    let before = total(&model);
                    let taken = take(&store, &mut funds, epoch, &amount).unwrap();
                    prop_assert_eq!(&taken.unvested, &amount.clone().min(&before - &free));
                    prop_assert_eq!(&taken.vested, &free);
                    model.retain(|fund| fund.epoch >= epoch);
                    let mut left = amount;
                    for fund in &mut model {
                        let part = fund.amount.clone().min(left.clone());
                        fund.amount -= &part;
                        left -= part;
                    }
                }
            }
            prop_assert_eq!(total(&load(&store, &funds).unwrap()), total(&model));
        }
    }
}
