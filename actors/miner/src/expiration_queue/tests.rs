use fvm_ipld_blockstore::MemoryBlockstore;
use fvm_ipld_encoding::tuple::Serialize_tuple;
use fvm_shared::bigint::BigInt;
use fvm_shared::sector::SectorNumber;
use num_traits::Zero;

use super::*;
use crate::testing::sector_until;

const SIZE: SectorSize = SectorSize::_2KiB;
/// Epochs 3, 13, 23, …
const QUANT: QuantSpec = QuantSpec {
    unit: 10,
    offset: 3,
};

type Queue<'s> = ExpirationQueue<'s, MemoryBlockstore>;

/// A sector that ends at an epoch, with a power by quality of its own.
fn ends(number: SectorNumber, epoch: ChainEpoch) -> SectorOnChainInfo {
    sector_until(number, epoch, 1_000 + number as i64 * epoch)
}

fn queue<'s>(store: &'s MemoryBlockstore, sectors: &[SectorOnChainInfo]) -> Queue<'s> {
    let mut queue = ExpirationQueue::load(store, &amt::empty(store).unwrap(), QUANT).unwrap();
    queue.add_active(sectors, SIZE).unwrap();
    queue
}

fn entry(
    on_time: &[&SectorOnChainInfo],
    early: &[&SectorOnChainInfo],
    faulty: &[SectorNumber],
) -> ExpirationSet {
    let all = || on_time.iter().chain(early).copied();
    let power = |wanted: bool| {
        power_of(
            SIZE,
            all().filter(|s| faulty.contains(&s.sector_number) == wanted),
        )
    };
    ExpirationSet {
        on_time_sectors: bits_of(on_time.iter().map(|s| s.sector_number)).unwrap(),
        early_sectors: bits_of(early.iter().map(|s| s.sector_number)).unwrap(),
        on_time_pledge: on_time.iter().map(|s| &s.initial_pledge).sum(),
        active_power: power(false).unwrap(),
        faulty_power: power(true).unwrap(),
        fee_deduction: fee_of(all()),
    }
}

fn entries(queue: &Queue<'_>) -> Vec<(ChainEpoch, ExpirationSet)> {
    let mut found = Vec::new();
    queue
        .for_each(|epoch, entry| {
            found.push((epoch, entry.clone()));
            Ok(())
        })
        .unwrap();
    found
}

fn code<T>(result: Result<T, ActorError>) -> u32 {
    result.map(|_| ()).unwrap_err().exit_code().value()
}

#[test]
fn sectors_wait_at_the_rounded_end() {
    let store = MemoryBlockstore::new();
    let [a, b, c] = [ends(1, 13), ends(2, 9), ends(3, 14)];
    let mut queue = queue(&store, &[]);
    let totals = queue
        .add_active(&[a.clone(), b.clone(), c.clone()], SIZE)
        .unwrap();
    assert_eq!(totals, Totals::of([&a, &b, &c], SIZE).unwrap());
    assert_eq!(
        entries(&queue),
        [
            (13, entry(&[&a, &b], &[], &[])),
            (23, entry(&[&c], &[], &[]))
        ]
    );
    assert_eq!(
        queue.remove_active([&b, &c], SIZE).unwrap().sectors.len(),
        2
    );
    assert_eq!(entries(&queue), [(13, entry(&[&a], &[], &[]))]);
    queue.remove_active([&a], SIZE).unwrap();
    assert_eq!(queue.flush().unwrap(), amt::empty(&store).unwrap());
}

/// A negative end cannot be a key.
#[test]
fn a_sector_that_ends_before_the_chain_began_is_refused() {
    let store = MemoryBlockstore::new();
    let mut queue = queue(&store, &[]);
    assert_eq!(code(queue.add_active(&[ends(1, -30)], SIZE)), 20);
}

/// A record may have another end than when it was put into the queue.
#[test]
fn sectors_are_found_at_others_ends_and_then_anywhere() {
    let store = MemoryBlockstore::new();
    let queue = queue(&store, &[ends(1, 13), ends(2, 23), ends(3, 33)]);
    let [moved, stayed] = [ends(1, 21), ends(2, 23)];
    let groups = queue.find([&moved, &stayed], SIZE).unwrap();
    let found: Vec<_> = groups.iter().map(|g| (g.epoch, g.totals.clone())).collect();
    assert_eq!(
        found,
        [
            (13, Totals::of([&moved], SIZE).unwrap()),
            (23, Totals::of([&stayed], SIZE).unwrap()),
        ]
    );
    let both = queue.find([&ends(3, 13), &ends(1, 13)], SIZE).unwrap();
    assert_eq!(
        both.iter().map(|group| group.epoch).collect::<Vec<_>>(),
        [13, 33]
    );
    assert_eq!(code(queue.find([&ends(4, 13)], SIZE)), 20);
}

#[test]
fn a_well_sector_met_among_early_ones_is_an_error_unless_its_end_is_there() {
    let store = MemoryBlockstore::new();
    let [a, b] = [ends(1, 43), ends(2, 53)];
    let mut queue = queue(&store, &[a.clone(), b.clone()]);
    queue
        .mark_faulty(13, std::slice::from_ref(&a), SIZE)
        .unwrap();
    assert_eq!(
        entries(&queue),
        [(13, entry(&[], &[&a], &[1])), (53, entry(&[&b], &[], &[]))]
    );
    assert_eq!(code(queue.find([&a], SIZE)), 20);
    // The declared end of `c` keeps the early entry out of the search.
    let c = ends(3, 13);
    let found = queue.find([&ends(2, 63), &c], SIZE);
    assert_eq!(code(found), 20, "sector 3 is nowhere");
    let mut with_c = queue;
    with_c.add_active(std::slice::from_ref(&c), SIZE).unwrap();
    let groups = with_c.find([&ends(2, 63), &c], SIZE).unwrap();
    assert_eq!(
        groups.iter().map(|group| group.epoch).collect::<Vec<_>>(),
        [13, 53]
    );
}

#[test]
fn a_fault_moves_what_would_outlive_it_and_leaves_its_pledge_behind() {
    let store = MemoryBlockstore::new();
    let [a, b, c] = [ends(1, 13), ends(2, 33), ends(3, 33)];
    let mut queue = queue(&store, &[a.clone(), b.clone(), c.clone()]);
    let power = queue
        .mark_faulty(20, &[a.clone(), b.clone()], SIZE)
        .unwrap();
    assert_eq!(power, power_of(SIZE, [&a, &b]).unwrap());
    let faulty = entry(&[&a], &[], &[1]);
    let early = entry(&[], &[&b], &[2]);
    assert!(early.on_time_pledge.is_zero() && early.fee_deduction == b.daily_fee);
    let moved = [
        (13, faulty.clone()),
        (23, early),
        (33, entry(&[&c], &[], &[])),
    ];
    assert_eq!(entries(&queue), moved);

    let power = queue.recover(&[a.clone(), b.clone()], SIZE).unwrap();
    assert_eq!(power, power_of(SIZE, [&a, &b]).unwrap());
    assert_eq!(
        entries(&queue),
        [
            (13, entry(&[&a], &[], &[])),
            (33, entry(&[&b, &c], &[], &[]))
        ]
    );
    assert_eq!(code(queue.recover(&[ends(9, 13)], SIZE)), 20);
}

/// The pledge of what moves is dropped, and comes back with the recovery.
#[test]
fn a_missed_window_makes_everything_faulty() {
    let store = MemoryBlockstore::new();
    let [a, b, c] = [ends(1, 13), ends(2, 33), ends(3, 43)];
    let mut queue = queue(&store, &[a.clone(), b.clone(), c.clone()]);
    queue
        .mark_faulty(50, std::slice::from_ref(&c), SIZE)
        .unwrap();
    queue.mark_all_faulty(23).unwrap();
    assert_eq!(
        entries(&queue),
        [
            (13, entry(&[&a], &[], &[1])),
            (23, entry(&[], &[&b, &c], &[2, 3])),
        ]
    );
    assert_eq!(
        code(queue.mark_all_faulty(13)),
        20,
        "early ones end still earlier"
    );
    queue.recover(&[c.clone(), b.clone()], SIZE).unwrap();
    assert_eq!(
        entries(&queue),
        [
            (13, entry(&[&a], &[], &[1])),
            (33, entry(&[&b], &[], &[])),
            (43, entry(&[&c], &[], &[])),
        ]
    );
}

#[test]
fn a_termination_takes_well_faulty_and_recovering_sectors() {
    let store = MemoryBlockstore::new();
    let [a, b, c, d] = [ends(1, 33), ends(2, 13), ends(3, 33), ends(4, 33)];
    let mut queue = queue(&store, &[a.clone(), b.clone(), c.clone(), d.clone()]);
    queue
        .mark_faulty(23, &[b.clone(), c.clone()], SIZE)
        .unwrap();
    let (faults, recoveries) = (bits_of([2, 3]).unwrap(), bits_of([3]).unwrap());
    let removed = queue
        .remove(
            &[a.clone(), b.clone(), c.clone()],
            &faults,
            &recoveries,
            SIZE,
        )
        .unwrap();
    assert_eq!(removed.expirations, entry(&[&a, &b], &[&c], &[2, 3]));
    assert_eq!(removed.recovering_power, c.power(SIZE).unwrap());
    assert_eq!(entries(&queue), [(33, entry(&[&d], &[], &[]))]);
    let absent = queue.remove(std::slice::from_ref(&b), &faults, &recoveries, SIZE);
    assert_eq!(code(absent), 20);
}

#[test]
fn popping_adds_up_what_is_due() {
    let store = MemoryBlockstore::new();
    let [a, b, c] = [ends(1, 13), ends(2, 23), ends(3, 33)];
    let mut queue = queue(&store, &[a.clone(), b.clone(), c.clone()]);
    let mut due = entry(&[&a], &[], &[]);
    due.add(&entry(&[&b], &[], &[]));
    assert_eq!(queue.pop_until(12).unwrap(), ExpirationSet::default());
    assert_eq!(queue.pop_until(32).unwrap(), due);
    assert_eq!(entries(&queue), [(33, entry(&[&c], &[], &[]))]);
}

#[test]
fn more_than_there_is_cannot_be_taken_out() {
    let store = MemoryBlockstore::new();
    let mut queue = queue(&store, &[ends(1, 13), ends(2, 23)]);
    let mut costly = ends(1, 13);
    costly.initial_pledge += TokenAmount::from_atto(1);
    assert_eq!(code(queue.remove_active([&costly], SIZE)), 20);
    let mut dear = ends(2, 23);
    dear.daily_fee += TokenAmount::from_atto(1);
    assert_eq!(code(queue.remove_active([&dear], SIZE)), 20);
    let strong = sector_until(2, 23, 1_000_000);
    assert_eq!(code(queue.mark_faulty(90, &[strong], SIZE)), 20);
}

/// An entry from before the daily fee.
#[derive(Serialize_tuple)]
struct OldSet {
    on_time_sectors: BitField,
    early_sectors: BitField,
    on_time_pledge: TokenAmount,
    active_power: PowerPair,
    faulty_power: PowerPair,
}

impl<'de> serde::Deserialize<'de> for OldSet {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (on_time_sectors, early_sectors, on_time_pledge, active_power, faulty_power) =
            serde::Deserialize::deserialize(deserializer)?;
        Ok(Self {
            on_time_sectors,
            early_sectors,
            on_time_pledge,
            active_power,
            faulty_power,
        })
    }
}

/// A free sector that ends at an epoch.
fn old(number: SectorNumber, epoch: ChainEpoch) -> SectorOnChainInfo {
    SectorOnChainInfo {
        daily_fee: TokenAmount::zero(),
        verified_deal_weight: BigInt::zero(),
        ..sector_until(number, epoch, 0)
    }
}

/// Old entries at 3, 13 (one leaf of 16 epochs), 23 (the next) and 43 (another). Gives
/// the number of elements of each entry, by epoch, after a change.
fn forms_after(change: impl FnOnce(&mut Queue<'_>)) -> Vec<(u64, u8)> {
    let store = MemoryBlockstore::new();
    let mut before = fvm_ipld_amt::Amt::<OldSet, _>::new_with_bit_width(&store, 4);
    for (number, epoch) in [(1, 3), (2, 13), (3, 23), (4, 43)] {
        let sector = old(number, epoch);
        let set = OldSet {
            on_time_sectors: bits_of([number]).unwrap(),
            early_sectors: BitField::new(),
            on_time_pledge: sector.initial_pledge.clone(),
            active_power: sector.power(SIZE).unwrap(),
            faulty_power: PowerPair::zero(),
        };
        before.set(epoch as u64, set).unwrap();
    }
    let root = ArrayRoot::from_cid(before.flush().unwrap());
    let mut queue = ExpirationQueue::load(&store, &root, QUANT).unwrap();
    change(&mut queue);
    let root = queue.flush().unwrap();
    let forms = fvm_ipld_amt::Amt::<Form, _>::load(root.cid(), &store).unwrap();
    let mut found = Vec::new();
    forms
        .for_each(|epoch, form| {
            found.push((epoch, form.0));
            Ok(())
        })
        .unwrap();
    found
}

/// How many elements an entry has.
struct Form(u8);

impl<'de> serde::Deserialize<'de> for Form {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Count;
        impl<'de> serde::de::Visitor<'de> for Count {
            type Value = Form;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "an array")
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Form, A::Error> {
                let mut count = 0;
                while seq.next_element::<serde::de::IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(Form(count))
            }
        }
        deserializer.deserialize_seq(Count)
    }
}

impl serde::Serialize for Form {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_none()
    }
}

/// Source: spec 06 §4.4. Which leaves are rewritten is visible in the state root.
#[test]
fn exactly_the_leaves_with_changed_entries_take_the_present_form() {
    let [a, b, c] = [old(1, 3), old(2, 13), old(3, 23)];
    assert_eq!(forms_after(|_| ()), [(3, 5), (13, 5), (23, 5), (43, 5)]);
    assert_eq!(
        forms_after(|queue| {
            queue.find([&a, &b, &c], SIZE).unwrap();
            queue.pop_until(2).unwrap();
            queue.recover(&[], SIZE).unwrap();
            let none = BitField::new();
            queue.remove(&[], &none, &none, SIZE).unwrap();
            queue.mark_faulty(43, &[], SIZE).unwrap();
        }),
        [(3, 5), (13, 5), (23, 5), (43, 5)],
        "looking changes nothing"
    );
    assert_eq!(
        forms_after(|queue| {
            queue.pop_until(3).unwrap();
        }),
        [(13, 6), (23, 5), (43, 5)]
    );
    assert_eq!(
        forms_after(|queue| {
            queue
                .mark_faulty(100, std::slice::from_ref(&c), SIZE)
                .unwrap();
        }),
        [(3, 5), (13, 5), (23, 6), (43, 5)]
    );
    assert_eq!(
        forms_after(|queue| queue.mark_all_faulty(23).unwrap()),
        [(3, 6), (13, 6), (23, 6)],
        "everything is written back, changed or not"
    );
    assert_eq!(
        forms_after(|queue| {
            queue
                .mark_faulty(100, std::slice::from_ref(&c), SIZE)
                .unwrap();
            queue.recover(std::slice::from_ref(&c), SIZE).unwrap();
        }),
        [(3, 5), (13, 5), (23, 6), (43, 5)],
        "entries passed on the way are not"
    );
    assert_eq!(
        forms_after(|queue| {
            queue.add_active(&[old(9, 53)], SIZE).unwrap();
        }),
        [(3, 5), (13, 5), (23, 5), (43, 5), (53, 6)]
    );
}
