//! How sectors of a partition end: at their time, after too long a fault, or because
//! the provider says so; and what of that is still to be settled.

use std::collections::BTreeMap;

use boatyard_actors_shared::NO_QUANTIZATION;
use boatyard_sdk::{ActorError, Context, ensure, exit_codes::*};
use fvm_ipld_bitfield::BitField;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::clock::ChainEpoch;

use super::Frame;
use super::faults::power_among;
use crate::amt::{self, AmtResult};
use crate::bitfield_queue::BitFieldQueue;
use crate::expiration_queue::Removed;
use crate::schema::{ExpirationSet, Partition, PowerPair};
use crate::sectors::Sectors;

/// Early terminations taken for settlement.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TerminationResult {
    /// Epoch of the termination → sectors.
    pub sectors: BTreeMap<ChainEpoch, BitField>,
    /// How many partitions were looked at.
    pub partitions_processed: u64,
    /// How many sectors were taken.
    pub sectors_processed: u64,
}

impl TerminationResult {
    /// Adds what another part of the miner gave.
    pub fn add(&mut self, other: TerminationResult) {
        self.partitions_processed += other.partitions_processed;
        self.sectors_processed += other.sectors_processed;
        for (epoch, sectors) in other.sectors {
            *self.sectors.entry(epoch).or_default() |= sectors;
        }
    }

    /// Whether one of the limits is reached.
    pub fn is_full(&self, limits: Limits) -> bool {
        self.partitions_processed >= limits.partitions || self.sectors_processed >= limits.sectors
    }
}

/// How much is settled at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Partitions looked at.
    pub partitions: u64,
    /// Sectors taken.
    pub sectors: u64,
}

impl Limits {
    /// What is left of them after `done`.
    pub fn after(self, done: &TerminationResult) -> Limits {
        Limits {
            partitions: self.partitions.saturating_sub(done.partitions_processed),
            sectors: self.sectors.saturating_sub(done.sectors_processed),
        }
    }
}

/// What a termination took out of a partition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Terminated {
    /// The sectors and what they came to; the active power is that of proven ones.
    pub expirations: ExpirationSet,
    /// Power of those that were never proven.
    pub unproven_power: PowerPair,
}

impl Partition {
    /// Terminates live sectors (P-TERMINATE).
    ///
    /// # Errors
    /// `USR_ILLEGAL_ARGUMENT` (16) for sectors that are not live in the partition,
    /// `USR_NOT_FOUND` (17) for those without a record.
    pub fn terminate<BS: Blockstore>(
        &mut self,
        frame: Frame<'_, BS>,
        numbers: &BitField,
        sectors: &Sectors<'_, BS>,
        epoch: ChainEpoch,
    ) -> Result<Terminated, ActorError> {
        ensure!(
            self.live().contains_all(numbers),
            USR_ILLEGAL_ARGUMENT,
            "not all of the sectors live in the partition"
        );
        let infos = sectors.load_all(numbers)?;
        let mut queue = self.queue(frame)?;
        let Removed {
            expirations: mut removed,
            recovering_power,
        } = queue.remove(&infos, &self.faults, &self.recoveries, frame.size)?;
        self.expirations_epochs = queue.flush()?;

        let ended = removed.sectors();
        self.queue_early_termination(frame, epoch, &ended)?;
        let unproven = &ended & &self.unproven;
        let unproven_power = power_among(&infos, &unproven, frame)?;

        self.faults -= &ended;
        self.recoveries -= &ended;
        self.terminated |= &ended;
        self.unproven -= &unproven;
        self.live_power -= &removed.active_power;
        self.live_power -= &removed.faulty_power;
        self.faulty_power -= &removed.faulty_power;
        self.recovering_power -= &recovering_power;
        self.unproven_power -= &unproven_power;
        removed.active_power -= &unproven_power;
        self.check()?;
        Ok(Terminated {
            expirations: removed,
            unproven_power,
        })
    }

    /// Ends what expires up to an epoch (P-POPEXPIRED). Gives the sum of it.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) while there is something unproven or recovering, which
    /// the end of the window makes faulty before.
    pub fn pop_expired<BS: Blockstore>(
        &mut self,
        frame: Frame<'_, BS>,
        until: ChainEpoch,
    ) -> Result<ExpirationSet, ActorError> {
        ensure!(
            self.unproven.is_empty(),
            USR_ILLEGAL_STATE,
            "sectors would expire unproven"
        );
        let mut queue = self.queue(frame)?;
        let popped = queue.pop_until(until)?;
        self.expirations_epochs = queue.flush()?;

        let ended = popped.sectors();
        ensure!(
            self.recoveries.is_empty() && self.recovering_power.is_zero(),
            USR_ILLEGAL_STATE,
            "sectors would expire while others recover"
        );
        ensure!(
            !self.terminated.contains_any(&ended),
            USR_ILLEGAL_STATE,
            "a terminated sector would expire"
        );
        self.terminated |= &ended;
        self.faults -= &ended;
        self.live_power -= &popped.active_power;
        self.live_power -= &popped.faulty_power;
        self.faulty_power -= &popped.faulty_power;
        self.queue_early_termination(frame, until, &popped.early_sectors)?;
        self.check()?;
        Ok(popped)
    }

    /// Takes early terminations for settlement, at most `max` sectors: those that
    /// ended first, and of these the lowest numbers (P-POPEARLY). Also tells whether
    /// there are more.
    pub fn pop_early_terminations(
        &mut self,
        store: &impl Blockstore,
        max: u64,
    ) -> Result<(TerminationResult, bool), ActorError> {
        let mut queue = amt::open(&self.early_terminated, store)?;
        let mut result = TerminationResult {
            partitions_processed: 1,
            ..Default::default()
        };
        let mut finished = Vec::new();
        let mut rest = None;
        queue
            .for_each_while(|key, sectors| {
                let epoch = ChainEpoch::try_from(key).or_exit(
                    USR_ILLEGAL_STATE,
                    format_args!("index {key} of a queue is no epoch"),
                )?;
                let room = max - result.sectors_processed;
                let count = sectors.len();
                let taken = if room < count {
                    let taken = lowest(sectors, room)?;
                    rest = Some((key, sectors - &taken));
                    taken
                } else {
                    finished.push(key);
                    sectors.clone()
                };
                result.sectors_processed += room.min(count);
                result.sectors.insert(epoch, taken);
                Ok(result.sectors_processed < max)
            })
            .amt("reading early terminations")?;
        queue
            .batch_delete(finished, true)
            .amt("removing early terminations")?;
        if let Some((key, left)) = rest {
            queue.set(key, left).amt("writing early terminations")?;
        }
        self.early_terminated = amt::flush(&mut queue)?;
        self.check()?;
        Ok((result, queue.count() > 0))
    }

    fn queue_early_termination<BS: Blockstore>(
        &mut self,
        frame: Frame<'_, BS>,
        epoch: ChainEpoch,
        sectors: &BitField,
    ) -> Result<(), ActorError> {
        let mut queue = BitFieldQueue::load(frame.store, &self.early_terminated, NO_QUANTIZATION)?;
        queue.add(epoch, sectors)?;
        self.early_terminated = queue.flush()?;
        Ok(())
    }
}

fn lowest(sectors: &BitField, count: u64) -> Result<BitField, ActorError> {
    sectors
        .slice(0, count)
        .or_exit(USR_ILLEGAL_STATE, "a set is smaller than its size")
}
