//! Compaction: partitions are dissolved and their live sectors placed anew.

use boatyard_sdk::{ActorError, ArrayRoot, ensure};
use fvm_ipld_bitfield::BitField;
use fvm_ipld_blockstore::Blockstore;

use super::take_away;
use crate::amt::{self, Amt, AmtResult};
use crate::partition::{Frame, Placing};
use crate::schema::deadline::PARTITIONS_BITS;
use crate::schema::{Deadline, Partition, PowerPair};
use crate::sectors::Sectors;

/// What dissolving partitions leaves.
struct Dissolved {
    kept: ArrayRoot<Partition, PARTITIONS_BITS>,
    live: BitField,
    dead: BitField,
    live_power: PowerPair,
}

impl Deadline {
    /// Dissolves partitions and puts their live sectors behind the others (D-COMPACT).
    /// Gives the terminated ones, which have no place any more.
    ///
    /// # Errors
    /// `USR_ILLEGAL_ARGUMENT` (16) for indices beyond the last partition, while early
    /// terminations are to be settled, and for partitions with faults or unproven
    /// sectors; `USR_NOT_FOUND` (17) for a live sector without a record.
    pub fn compact<BS: Blockstore>(
        &mut self,
        frame: Frame<'_, BS>,
        partition_size: u64,
        indices: &BitField,
        sectors: &Sectors<'_, BS>,
    ) -> Result<BitField, ActorError> {
        let count = amt::open(&self.partitions, frame.store)?.count();
        ensure!(
            indices.len() <= count,
            USR_ILLEGAL_ARGUMENT,
            "{} partitions are to be compacted and there are {count}",
            indices.len()
        );
        let Some(highest) = indices.last() else {
            return Ok(BitField::new());
        };
        ensure!(
            highest < count,
            USR_ILLEGAL_ARGUMENT,
            "partition {highest} is to be compacted and there are {count}"
        );
        ensure!(
            self.early_terminations.is_empty(),
            USR_ILLEGAL_ARGUMENT,
            "a deadline with early terminations to settle cannot be compacted"
        );

        let Dissolved {
            kept,
            live,
            dead,
            live_power,
        } = self.dissolve(frame.store, indices)?;
        self.partitions = kept;
        take_away(&mut self.live_sectors, live.len())?;
        take_away(&mut self.total_sectors, live.len())?;
        take_away(&mut self.total_sectors, dead.len())?;
        self.live_power -= &live_power;

        let mut queue = self.expirations(frame)?;
        queue.cut(indices)?;
        self.expirations_epochs = queue.flush()?;

        let infos = sectors.load_all(&live)?;
        let (power, fee) = self.add_sectors(frame, partition_size, Placing::Again, &infos)?;
        ensure!(
            power == live_power && fee.is_zero(),
            USR_ILLEGAL_STATE,
            "compaction would change the power or the fee of a deadline"
        );
        Ok(dead)
    }

    fn dissolve(
        &self,
        store: &impl Blockstore,
        indices: &BitField,
    ) -> Result<Dissolved, ActorError> {
        let (mut live, mut dead) = (BitField::new(), BitField::new());
        let mut live_power = PowerPair::zero();
        let mut kept = Amt::new_with_bit_width(store, PARTITIONS_BITS);
        amt::open(&self.partitions, store)?
            .for_each(|index, partition: &Partition| {
                if !indices.get(index) {
                    kept.set(kept.count(), partition.clone())
                        .amt("keeping a partition")?;
                    return Ok(());
                }
                ensure_compactable(index, partition)?;
                live |= partition.live();
                dead |= &partition.terminated;
                live_power += &partition.live_power;
                Ok(())
            })
            .amt("walking the partitions")?;
        Ok(Dissolved {
            kept: amt::flush(&mut kept)?,
            live,
            dead,
            live_power,
        })
    }
}

fn ensure_compactable(index: u64, partition: &Partition) -> Result<(), ActorError> {
    ensure!(
        partition.faults.is_empty(),
        USR_ILLEGAL_ARGUMENT,
        "partition {index} has faults"
    );
    ensure!(
        partition.unproven.is_empty(),
        USR_ILLEGAL_ARGUMENT,
        "partition {index} has unproven sectors"
    );
    Ok(())
}
