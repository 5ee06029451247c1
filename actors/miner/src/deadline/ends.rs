//! How sectors of a deadline end, and what of that is still to be settled.

use boatyard_sdk::ActorError;
use fvm_ipld_bitfield::BitField;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::clock::ChainEpoch;

use super::{
    PartitionSectors, find_partition, own_partition, partition_at, set_partition, take_away,
};
use crate::amt;
use crate::bitfield_queue::bits_of;
use crate::partition::Frame;
use crate::partition::ends::{Limits, TerminationResult};
use crate::schema::{Deadline, ExpirationSet, PowerPair};
use crate::sectors::Sectors;

impl Deadline {
    /// Terminates live sectors (D-TERMINATE). Gives the active power that is lost.
    ///
    /// # Errors
    /// `USR_NOT_FOUND` (17) for a partition that is not there; those of
    /// [`Partition::terminate`](crate::schema::Partition::terminate).
    pub fn terminate<BS: Blockstore>(
        &mut self,
        frame: Frame<'_, BS>,
        terminated: &PartitionSectors,
        sectors: &Sectors<'_, BS>,
        epoch: ChainEpoch,
    ) -> Result<PowerPair, ActorError> {
        let mut partitions = amt::open(&self.partitions, frame.store)?;
        let mut lost = PowerPair::zero();
        for (index, numbers) in terminated {
            let mut partition = partition_at(&partitions, *index)?;
            let ended = partition.terminate(frame, numbers, sectors, epoch)?;
            set_partition(&mut partitions, *index, partition)?;

            let removed = ended.expirations;
            if !removed.is_empty() {
                self.early_terminations |= bits_of([*index])?;
                take_away(&mut self.live_sectors, removed.len())?;
            }
            self.faulty_power -= &removed.faulty_power;
            self.live_power -= &removed.active_power;
            self.live_power -= &removed.faulty_power;
            self.live_power -= &ended.unproven_power;
            self.daily_fee -= &removed.fee_deduction;
            lost += &removed.active_power;
        }
        self.partitions = amt::flush(&mut partitions)?;
        Ok(lost)
    }

    /// Takes early terminations for settlement (D-POPEARLY). Also tells whether there
    /// are more.
    pub fn pop_early_terminations(
        &mut self,
        store: &impl Blockstore,
        limits: Limits,
    ) -> Result<(TerminationResult, bool), ActorError> {
        let mut partitions = amt::open(&self.partitions, store)?;
        let mut result = TerminationResult::default();
        let mut finished = Vec::new();
        for index in self.early_terminations.iter() {
            let Some(mut partition) = find_partition(&partitions, index)? else {
                finished.push(index);
                continue;
            };
            let room = limits.after(&result).sectors;
            let (taken, more) = partition.pop_early_terminations(store, room)?;
            result.add(taken);
            if !more {
                finished.push(index);
            }
            set_partition(&mut partitions, index, partition)?;
            if result.is_full(limits) {
                break;
            }
        }
        self.early_terminations -= &bits_of(finished)?;
        self.partitions = amt::flush(&mut partitions)?;
        Ok((result, !self.early_terminations.is_empty()))
    }

    /// Ends what expires up to an epoch (D-POPEXPIRED). Gives the sum of it.
    pub fn pop_expired<BS: Blockstore>(
        &mut self,
        frame: Frame<'_, BS>,
        until: ChainEpoch,
    ) -> Result<ExpirationSet, ActorError> {
        let mut sum = ExpirationSet::default();
        let mut queue = self.expirations(frame)?;
        let Some(indices) = queue.pop_until(until)? else {
            return Ok(sum);
        };
        self.expirations_epochs = queue.flush()?;

        let mut partitions = amt::open(&self.partitions, frame.store)?;
        let mut early = BitField::new();
        for index in indices.iter() {
            let mut partition = own_partition(&partitions, index)?;
            let expired = partition.pop_expired(frame, until)?;
            if !expired.early_sectors.is_empty() {
                early |= bits_of([index])?;
            }
            sum.add(&expired);
            set_partition(&mut partitions, index, partition)?;
        }
        self.partitions = amt::flush(&mut partitions)?;

        self.early_terminations |= early;
        take_away(&mut self.live_sectors, sum.len())?;
        self.faulty_power -= &sum.faulty_power;
        self.live_power -= &sum.faulty_power;
        self.live_power -= &sum.active_power;
        self.daily_fee -= &sum.fee_deduction;
        Ok(sum)
    }
}
