//! Faults and recoveries that the provider declares.

use boatyard_sdk::ActorError;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::clock::ChainEpoch;

use super::{PartitionSectors, partition_at, set_partition};
use crate::amt;
use crate::partition::Frame;
use crate::schema::{Deadline, PowerPair};
use crate::sectors::Sectors;

impl Deadline {
    /// Declares faults (D-DECLARE). Gives the power that the miner gains, which is
    /// negative or nought.
    ///
    /// # Errors
    /// `USR_NOT_FOUND` (17) for a partition that is not there; those of
    /// [`Partition::declare_faults`](crate::schema::Partition::declare_faults).
    pub fn declare_faults<BS: Blockstore>(
        &mut self,
        frame: Frame<'_, BS>,
        declared: &PartitionSectors,
        sectors: &Sectors<'_, BS>,
        last: ChainEpoch,
    ) -> Result<PowerPair, ActorError> {
        let mut partitions = amt::open(&self.partitions, frame.store)?;
        let mut power_delta = PowerPair::zero();
        let mut changed = Vec::new();
        for (index, numbers) in declared {
            let mut partition = partition_at(&partitions, *index)?;
            let faulted = partition.declare_faults(frame, numbers, sectors, last)?;
            self.faulty_power += &faulted.faulty_power;
            power_delta += &faulted.power_delta;
            if !faulted.new.is_empty() {
                changed.push(*index);
            }
            set_partition(&mut partitions, *index, partition)?;
        }
        self.partitions = amt::flush(&mut partitions)?;
        self.mark_expirations(frame, last, &changed)?;
        Ok(power_delta)
    }

    /// Declares recoveries (D-DECLARERECOVERED).
    ///
    /// # Errors
    /// `USR_NOT_FOUND` (17) for a partition that is not there; those of
    /// [`Partition::declare_recovered`](crate::schema::Partition::declare_recovered).
    pub fn declare_recovered<BS: Blockstore>(
        &mut self,
        frame: Frame<'_, BS>,
        declared: &PartitionSectors,
        sectors: &Sectors<'_, BS>,
    ) -> Result<(), ActorError> {
        let mut partitions = amt::open(&self.partitions, frame.store)?;
        for (index, numbers) in declared {
            let mut partition = partition_at(&partitions, *index)?;
            partition.declare_recovered(frame, numbers, sectors)?;
            set_partition(&mut partitions, *index, partition)?;
        }
        self.partitions = amt::flush(&mut partitions)?;
        Ok(())
    }
}
