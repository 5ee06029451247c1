//! Bits by epoch (spec 06 §7): which partitions expire, which pre-commits are to be
//! cleaned up, which terminations are to be settled.

use std::collections::BTreeMap;

use boatyard_actors_shared::QuantSpec;
use boatyard_sdk::{ActorError, ArrayRoot, Context, exit_codes::*};
use fvm_ipld_bitfield::BitField;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::clock::ChainEpoch;

use crate::amt::{self, Amt, AmtResult};

/// A loaded queue. Epochs are rounded up to its raster.
pub struct BitFieldQueue<'s, BS> {
    amt: Amt<'s, BS, BitField>,
    quant: QuantSpec,
}

impl<'s, BS: Blockstore> BitFieldQueue<'s, BS> {
    /// Loads what a root points at.
    pub fn load<const BITS: u32>(
        store: &'s BS,
        root: &ArrayRoot<BitField, BITS>,
        quant: QuantSpec,
    ) -> Result<Self, ActorError> {
        Ok(Self {
            amt: amt::open(root, store)?,
            quant,
        })
    }

    /// Adds bits to an epoch; no bits change nothing.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when the rounded epoch is negative.
    pub fn add(&mut self, epoch: ChainEpoch, bits: &BitField) -> Result<(), ActorError> {
        if bits.is_empty() {
            return Ok(());
        }
        let key = epoch_key(self.quant.up(epoch))?;
        let before = self.amt.get(key).amt("reading a queue")?;
        let after = before.map_or_else(|| bits.clone(), |before| before | bits);
        self.amt.set(key, after).amt("adding to a queue")
    }

    /// Adds a bit for each pair.
    ///
    /// # Errors
    /// Those of [`add`](Self::add); `USR_ASSERTION_FAILED` (24) for the bit 2^64-1.
    pub fn add_many(
        &mut self,
        pairs: impl IntoIterator<Item = (ChainEpoch, u64)>,
    ) -> Result<(), ActorError> {
        let mut by_epoch: BTreeMap<ChainEpoch, Vec<u64>> = BTreeMap::new();
        for (epoch, bit) in pairs {
            by_epoch.entry(self.quant.up(epoch)).or_default().push(bit);
        }
        for (epoch, bits) in by_epoch {
            self.add(epoch, &bits_of(bits)?)?;
        }
        Ok(())
    }

    /// Cuts bits out of every entry: the bits above move down into the gaps.
    pub fn cut(&mut self, bits: &BitField) -> Result<(), ActorError> {
        let mut emptied = Vec::new();
        self.amt
            .for_each_mut(|key, entry| {
                let left = entry.cut(bits);
                match left.is_empty() {
                    true => emptied.push(key),
                    false => **entry = left,
                }
                Ok(())
            })
            .amt("cutting a queue")?;
        self.amt
            .batch_delete(emptied, true)
            .amt("cutting a queue")?;
        Ok(())
    }

    /// Takes out all entries up to an epoch, and that epoch's, which is not rounded.
    /// `None` if there is none.
    pub fn pop_until(&mut self, until: ChainEpoch) -> Result<Option<BitField>, ActorError> {
        let mut keys = Vec::new();
        let mut popped = BitField::new();
        self.amt
            .for_each_while(|key, entry| {
                if i128::from(key) > i128::from(until) {
                    return Ok(false);
                }
                keys.push(key);
                popped |= entry;
                Ok(true)
            })
            .amt("popping a queue")?;
        if keys.is_empty() {
            return Ok(None);
        }
        self.amt.batch_delete(keys, true).amt("popping a queue")?;
        Ok(Some(popped))
    }

    /// Stores what changed and gives the new root.
    pub fn flush<const BITS: u32>(&mut self) -> Result<ArrayRoot<BitField, BITS>, ActorError> {
        amt::flush(&mut self.amt)
    }
}

/// The index of an epoch.
///
/// # Errors
/// `USR_ILLEGAL_STATE` (20) when it is negative.
pub(crate) fn epoch_key(epoch: ChainEpoch) -> Result<u64, ActorError> {
    u64::try_from(epoch).or_exit(
        USR_ILLEGAL_STATE,
        format_args!("epoch {epoch} cannot be in a queue"),
    )
}

/// The set of these bits.
///
/// # Errors
/// `USR_ASSERTION_FAILED` (24) for the bit 2^64-1, which no bitfield has.
pub fn bits_of(bits: impl IntoIterator<Item = u64>) -> Result<BitField, ActorError> {
    BitField::try_from_bits(bits).or_exit(USR_ASSERTION_FAILED, "a bit is out of range")
}

#[cfg(test)]
mod tests {
    use fvm_ipld_blockstore::MemoryBlockstore;
    use proptest::prelude::*;

    use super::*;

    const QUANT: QuantSpec = QuantSpec { unit: 5, offset: 3 };

    fn entries<BS: Blockstore>(queue: &BitFieldQueue<'_, BS>) -> Vec<(u64, Vec<u64>)> {
        let mut found = Vec::new();
        queue
            .amt
            .for_each(|key, bits| {
                found.push((key, bits.iter().collect()));
                Ok(())
            })
            .unwrap();
        found
    }

    fn queue(store: &MemoryBlockstore) -> BitFieldQueue<'_, MemoryBlockstore> {
        BitFieldQueue::load(store, &amt::empty::<_, 5>(store).unwrap(), QUANT).unwrap()
    }

    #[test]
    fn bits_meet_on_the_raster() {
        let store = MemoryBlockstore::new();
        let mut queue = queue(&store);
        queue.add(4, &bits_of([1]).unwrap()).unwrap();
        queue.add(8, &bits_of([2, 9]).unwrap()).unwrap();
        queue.add(9, &BitField::new()).unwrap();
        queue.add_many([(9, 7), (3, 5), (13, 7)]).unwrap();
        assert_eq!(
            entries(&queue),
            [(3, vec![5]), (8, vec![1, 2, 9]), (13, vec![7])]
        );
        let negative = queue.add(-9, &bits_of([1]).unwrap()).unwrap_err();
        assert_eq!(negative.exit_code(), USR_ILLEGAL_STATE);
    }

    #[test]
    fn cutting_moves_bits_down_and_drops_what_is_left_empty() {
        let store = MemoryBlockstore::new();
        let mut queue = queue(&store);
        queue.add(3, &bits_of([1, 4]).unwrap()).unwrap();
        queue.add(8, &bits_of([0, 1, 2, 5, 6]).unwrap()).unwrap();
        queue.cut(&bits_of([1, 4]).unwrap()).unwrap();
        assert_eq!(entries(&queue), [(8, vec![0, 1, 3, 4])]);
    }

    #[test]
    fn popping_takes_everything_up_to_the_epoch_itself() {
        let store = MemoryBlockstore::new();
        let mut queue = queue(&store);
        queue.add_many([(3, 1), (8, 1), (8, 2), (13, 9)]).unwrap();
        assert_eq!(queue.pop_until(2).unwrap(), None);
        assert_eq!(queue.pop_until(-2).unwrap(), None);
        assert_eq!(queue.pop_until(12).unwrap(), Some(bits_of([1, 2]).unwrap()));
        assert_eq!(entries(&queue), [(13, vec![9])]);
        assert_eq!(queue.pop_until(13).unwrap(), Some(bits_of([9]).unwrap()));
        assert_eq!(
            queue.flush::<5>().unwrap(),
            amt::empty::<_, 5>(&store).unwrap()
        );
    }

    proptest! {
        #[test]
        fn a_queue_is_a_map_of_sets(
            added in prop::collection::vec((0i64..60, 0u64..20), 0..60),
            until in -1i64..70,
        ) {
            let store = MemoryBlockstore::new();
            let mut model: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
            for (epoch, bit) in &added {
                let bits = model.entry(QUANT.up(*epoch) as u64).or_default();
                bits.push(*bit);
                bits.sort_unstable();
                bits.dedup();
            }
            let mut queue = queue(&store);
            queue.add_many(added).unwrap();
            prop_assert_eq!(entries(&queue), model.clone().into_iter().collect::<Vec<_>>());

            let popped = queue.pop_until(until).unwrap().unwrap_or_default();
            let (early, late): (Vec<_>, Vec<_>) =
                model.into_iter().partition(|(key, _)| *key as i64 <= until);
            let early = early.into_iter().flat_map(|(_, bits)| bits);
            prop_assert_eq!(popped, bits_of(early).unwrap());
            prop_assert_eq!(entries(&queue), late);
        }
    }
}
