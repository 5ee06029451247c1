//! Window PoSt: what a submission changes, what a dispute needs, what the end of the
//! window leaves behind.

use boatyard_sdk::{ActorError, ArrayRoot, Context, ensure, exit_codes::*};
use fvm_ipld_bitfield::BitField;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::sector::PoStProof;

use super::{PartitionSectors, own_partition, partition_at, set_partition};
use crate::amt::{self, AmtResult};
use crate::partition::Frame;
use crate::schema::state::SECTORS_BITS;
use crate::schema::{Deadline, PowerPair, SectorOnChainInfo, WindowedPoSt};
use crate::sectors::Sectors;
use crate::types::PoStPartition;

/// What a Window PoSt is about and what it changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PoStResult {
    /// Power that the miner gains, perhaps negative.
    pub power_delta: PowerPair,
    /// Power that recovered.
    pub recovered_power: PowerPair,
    /// All sectors of the partitions.
    pub all: BitField,
    /// Those that need no proof.
    pub ignored: BitField,
    /// The partitions.
    pub partitions: BitField,
}

/// What a disputed Window PoSt was about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DisputeInfo {
    /// All sectors of the partitions.
    pub all: BitField,
    /// Those that needed no proof.
    pub ignored: BitField,
    /// Sectors by partition that were said to be proven.
    pub disputed: PartitionSectors,
    /// Their power.
    pub power: PowerPair,
}

/// What the end of the window changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WindowEnd {
    /// Power that the miner gains; negative or nought.
    pub power_delta: PowerPair,
    /// Power that became faulty or did not recover as was said.
    pub penalized_power: PowerPair,
}

impl Deadline {
    /// Counts partitions as proven (D-POST).
    ///
    /// # Errors
    /// `USR_ILLEGAL_ARGUMENT` (16) for a partition named twice or proven before in
    /// this window; `USR_NOT_FOUND` (17) for one that is not there; those of
    /// [`Partition::skip`](crate::schema::Partition::skip) and
    /// [`Partition::recover`](crate::schema::Partition::recover).
    pub fn record_proven<BS: Blockstore>(
        &mut self,
        frame: Frame<'_, BS>,
        posts: &[PoStPartition],
        sectors: &Sectors<'_, BS>,
        last: ChainEpoch,
    ) -> Result<PoStResult, ActorError> {
        let indices = BitField::try_from_bits(posts.iter().map(|post| post.index))
            .or_exit(USR_ILLEGAL_ARGUMENT, "an index of a partition is too large")?;
        ensure!(
            indices.len() == posts.len() as u64,
            USR_ILLEGAL_ARGUMENT,
            "a partition is named twice"
        );
        ensure!(
            !self.partitions_posted.contains_any(&indices),
            USR_ILLEGAL_ARGUMENT,
            "a partition is proven already in this window"
        );

        let mut partitions = amt::open(&self.partitions, frame.store)?;
        let mut result = PoStResult::default();
        let mut faulty_power = PowerPair::zero();
        let mut changed = Vec::new();
        for post in posts {
            let mut partition = partition_at(&partitions, post.index)?;
            let faulted = partition.skip(frame, &post.skipped, sectors, last)?.faulted;
            if !faulted.new.is_empty() {
                changed.push(post.index);
            }
            let recovered = partition.recover(frame, sectors)?;
            let activated = partition.activate_unproven();

            result.all |= &partition.sectors;
            result.ignored |= &partition.faults;
            result.ignored |= &partition.terminated;
            set_partition(&mut partitions, post.index, partition)?;

            faulty_power += &faulted.faulty_power;
            result.power_delta += &faulted.power_delta;
            result.power_delta += &activated;
            result.power_delta += &recovered;
            result.recovered_power += &recovered;
        }
        self.partitions = amt::flush(&mut partitions)?;
        self.mark_expirations(frame, last, &changed)?;
        self.partitions_posted |= &indices;
        self.faulty_power -= &result.recovered_power;
        self.faulty_power += &faulty_power;
        result.partitions = indices;
        Ok(result)
    }

    /// Keeps proofs that were taken on trust (D-STOREPROOFS).
    pub fn store_proofs(
        &mut self,
        store: &impl Blockstore,
        partitions: BitField,
        proofs: Vec<PoStProof>,
    ) -> Result<(), ActorError> {
        let mut submissions = amt::open(&self.optimistic_post_submissions, store)?;
        let submission = WindowedPoSt { partitions, proofs };
        submissions
            .set(submissions.count(), submission)
            .amt("keeping a proof")?;
        self.optimistic_post_submissions = amt::flush(&mut submissions)?;
        Ok(())
    }

    /// Takes a proof of the last window out for good (D-TAKEPROOFS).
    ///
    /// # Errors
    /// `USR_ILLEGAL_ARGUMENT` (16) when there is none at the index,
    /// `USR_ILLEGAL_STATE` (20) for the index 2^64-1, which no array can have.
    pub fn take_proofs(
        &mut self,
        store: &impl Blockstore,
        index: u64,
    ) -> Result<WindowedPoSt, ActorError> {
        let mut submissions = amt::open(&self.optimistic_post_submissions_snapshot, store)?;
        let taken = submissions
            .delete(index)
            .amt(format_args!("taking proof {index}"))?
            .or_exit(
                USR_ILLEGAL_ARGUMENT,
                format_args!("there is no proof {index} to dispute"),
            )?;
        self.optimistic_post_submissions_snapshot = amt::flush(&mut submissions)?;
        Ok(taken)
    }

    /// What a proof of the last window was about (D-DISPUTEINFO).
    pub fn dispute_info(
        &self,
        store: &impl Blockstore,
        indices: &BitField,
    ) -> Result<DisputeInfo, ActorError> {
        let partitions = amt::open(&self.partitions_snapshot, store)?;
        let mut info = DisputeInfo::default();
        for index in indices.iter() {
            let partition = own_partition(&partitions, index)?;
            info.all |= &partition.sectors;
            info.ignored |= &partition.faults;
            info.ignored |= &partition.terminated;
            info.ignored |= &partition.unproven;
            info.disputed.insert(index, partition.active());
            info.power += &partition.active_power();
        }
        Ok(info)
    }

    /// Closes the window (D-END): what was not proven is faulty, what was proven on
    /// trust is kept for disputes.
    pub fn end_window<BS: Blockstore>(
        &mut self,
        frame: Frame<'_, BS>,
        last: ChainEpoch,
        sectors: ArrayRoot<SectorOnChainInfo, SECTORS_BITS>,
    ) -> Result<WindowEnd, ActorError> {
        let mut partitions = amt::open(&self.partitions, frame.store)?;
        let mut end = WindowEnd::default();
        let mut changed = Vec::new();
        for index in 0..partitions.count() {
            if self.partitions_posted.get(index) {
                continue;
            }
            let mut partition = own_partition(&partitions, index)?;
            if partition.recovering_power.is_zero()
                && partition.faulty_power == partition.live_power
            {
                continue;
            }
            let missed = partition.miss_post(frame, last)?;
            if !missed.faulty_power.is_zero() {
                changed.push(index);
            }
            set_partition(&mut partitions, index, partition)?;
            self.faulty_power += &missed.faulty_power;
            end.power_delta += &missed.power_delta;
            end.penalized_power += &missed.penalized_power;
        }
        self.partitions = amt::flush(&mut partitions)?;
        self.mark_expirations(frame, last, &changed)?;

        let nothing = amt::empty(frame.store)?;
        self.partitions_posted = BitField::new();
        self.partitions_snapshot = self.partitions;
        self.optimistic_post_submissions_snapshot =
            std::mem::replace(&mut self.optimistic_post_submissions, nothing);
        self.sectors_snapshot = if self.optimistic_post_submissions_snapshot == nothing {
            amt::empty(frame.store)?
        } else {
            sectors
        };
        Ok(end)
    }

    /// Whether the end of the window has anything to do (D-LIVE).
    pub fn is_live(&self) -> bool {
        self.live_sectors > 0
            || !self.partitions_posted.is_empty()
            || self.partitions != self.partitions_snapshot
            || self.optimistic_post_submissions != self.optimistic_post_submissions_snapshot
    }
}
