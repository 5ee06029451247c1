//! What happens to the partitions that are due together (spec 06 §10).
//!
//! | operation | module |
//! |---|---|
//! | adding sectors, marking expirations | this one |
//! | Window PoSt: submission, dispute, the end of the window | [`proofs`] |
//! | declared faults and recoveries | [`faults`] |
//! | termination, settlement, expiration | [`ends`] |
//! | compaction | [`compaction`] |

pub mod compaction;
pub mod ends;
pub mod faults;
pub mod proofs;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use boatyard_sdk::{ActorError, Context, exit_codes::*};
use fvm_ipld_bitfield::BitField;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use num_traits::Zero;

use crate::amt::{self, Amt, AmtResult};
use crate::bitfield_queue::{BitFieldQueue, bits_of};
use crate::partition::{Frame, Placing};
use crate::schema::{Deadline, Partition, PowerPair, SectorOnChainInfo};

/// Partition index → sectors.
pub type PartitionSectors = BTreeMap<u64, BitField>;

impl Deadline {
    /// A deadline without partitions.
    pub fn new(store: &impl Blockstore) -> Result<Self, ActorError> {
        let partitions = amt::empty(store)?;
        let submissions = amt::empty(store)?;
        Ok(Self {
            partitions,
            expirations_epochs: amt::empty(store)?,
            partitions_posted: BitField::new(),
            early_terminations: BitField::new(),
            live_sectors: 0,
            total_sectors: 0,
            faulty_power: PowerPair::zero(),
            optimistic_post_submissions: submissions,
            sectors_snapshot: amt::empty(store)?,
            partitions_snapshot: partitions,
            optimistic_post_submissions_snapshot: submissions,
            live_power: PowerPair::zero(),
            daily_fee: TokenAmount::zero(),
        })
    }

    /// A partition that has to be there.
    ///
    /// # Errors
    /// `USR_NOT_FOUND` (17) when it is not, `USR_ILLEGAL_STATE` (20) for the index
    /// 2^64-1, which no array can have.
    pub fn load_partition(
        &self,
        store: &impl Blockstore,
        index: u64,
    ) -> Result<Partition, ActorError> {
        partition_at(&amt::open(&self.partitions, store)?, index)
    }

    /// Puts sectors, sorted by number, into the last partition and new ones behind it
    /// (D-ADD). Gives their power, and the daily fee by which the deadline's rises.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when a sector is in its partition already.
    pub fn add_sectors<BS: Blockstore>(
        &mut self,
        frame: Frame<'_, BS>,
        partition_size: u64,
        placing: Placing,
        sectors: &[SectorOnChainInfo],
    ) -> Result<(PowerPair, TokenAmount), ActorError> {
        let (mut power, mut fee) = (PowerPair::zero(), TokenAmount::zero());
        if sectors.is_empty() {
            return Ok((power, fee));
        }
        self.live_sectors += sectors.len() as u64;
        self.total_sectors += sectors.len() as u64;

        let mut partitions = amt::open(&self.partitions, frame.store)?;
        let mut expirations = Vec::with_capacity(sectors.len());
        let mut index = partitions.count().saturating_sub(1);
        let mut left = sectors;
        while !left.is_empty() {
            let mut partition = match find_partition(&partitions, index)? {
                Some(partition) => partition,
                None => Partition::new(frame.store)?,
            };
            let room = partition_size.saturating_sub(partition.sectors.len());
            let count = usize::try_from(room).map_or(left.len(), |room| room.min(left.len()));
            let (here, further) = left.split_at(count);
            if !here.is_empty() {
                let (more_power, more_fee) = partition.add_sectors(frame, placing, here)?;
                power += &more_power;
                fee += more_fee;
                expirations.extend(here.iter().map(|sector| (sector.expiration, index)));
                set_partition(&mut partitions, index, partition)?;
            }
            left = further;
            index += 1;
        }
        self.partitions = amt::flush(&mut partitions)?;

        let mut queue = self.expirations(frame)?;
        queue.add_many(expirations)?;
        self.expirations_epochs = queue.flush()?;

        if placing == Placing::Again {
            fee = TokenAmount::zero();
        }
        self.live_power += &power;
        self.daily_fee += &fee;
        Ok((power, fee))
    }

    /// Notes that something may expire in these partitions at an epoch
    /// (D-EXPIRE-MARK).
    pub fn mark_expirations<BS: Blockstore>(
        &mut self,
        frame: Frame<'_, BS>,
        epoch: ChainEpoch,
        partitions: &[u64],
    ) -> Result<(), ActorError> {
        if partitions.is_empty() {
            return Ok(());
        }
        let mut queue = self.expirations(frame)?;
        queue.add(epoch, &bits_of(partitions.iter().copied())?)?;
        self.expirations_epochs = queue.flush()?;
        Ok(())
    }

    fn expirations<'s, BS: Blockstore>(
        &self,
        frame: Frame<'s, BS>,
    ) -> Result<BitFieldQueue<'s, BS>, ActorError> {
        BitFieldQueue::load(frame.store, &self.expirations_epochs, frame.quant)
    }
}

fn find_partition<BS: Blockstore>(
    partitions: &Amt<'_, BS, Partition>,
    index: u64,
) -> Result<Option<Partition>, ActorError> {
    let found = partitions.get(index);
    Ok(found
        .amt(format_args!("reading partition {index}"))?
        .cloned())
}

/// # Errors
/// `USR_NOT_FOUND` (17) when there is none.
pub(crate) fn partition_at<BS: Blockstore>(
    partitions: &Amt<'_, BS, Partition>,
    index: u64,
) -> Result<Partition, ActorError> {
    find_partition(partitions, index)?.or_exit(
        USR_NOT_FOUND,
        format_args!("there is no partition {index} in the deadline"),
    )
}

/// # Errors
/// `USR_ILLEGAL_STATE` (20) when there is none.
fn own_partition<BS: Blockstore>(
    partitions: &Amt<'_, BS, Partition>,
    index: u64,
) -> Result<Partition, ActorError> {
    find_partition(partitions, index)?.or_exit(
        USR_ILLEGAL_STATE,
        format_args!("partition {index} is missing in the deadline"),
    )
}

pub(crate) fn set_partition<BS: Blockstore>(
    partitions: &mut Amt<'_, BS, Partition>,
    index: u64,
    partition: Partition,
) -> Result<(), ActorError> {
    partitions
        .set(index, partition)
        .amt(format_args!("writing partition {index}"))
}

/// # Errors
/// `USR_ASSERTION_FAILED` (24) when fewer are counted than are taken away.
fn take_away(counted: &mut u64, count: u64) -> Result<(), ActorError> {
    *counted = counted.checked_sub(count).or_exit(
        USR_ASSERTION_FAILED,
        "a deadline counts fewer sectors than end in it",
    )?;
    Ok(())
}
