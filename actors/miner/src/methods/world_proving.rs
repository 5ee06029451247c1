//! Windows, proofs and faults for the tests of methods. Sectors 1 and 2 of a new
//! miner are partition 0 of deadline 0, 3 and 4 of deadline 1, and so on.

use boatyard_actors_shared::ext::power::{UPDATE_CLAIMED_POWER, UpdateClaimedPowerParams};
use boatyard_actors_shared::{BURNT_FUNDS_ACTOR, DeadlineInfo, POWER_ACTOR};
use boatyard_sdk::runtime::RandomnessTag;
use fvm_ipld_bitfield::BitField;
use fvm_ipld_encoding::RawBytes;
use fvm_shared::METHOD_SEND;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::{PoStProof, RegisteredPoStProof, SectorNumber, SectorSize};
use multihash_codetable::{Code, MultihashDigest};

use super::world::{MINER, SIZE, World, policy};
use crate::amt;
use crate::bitfield_queue::bits_of;
use crate::expiration_queue::ExpirationQueue;
use crate::invariants;
use crate::schema::{ExpirationSet, Partition, PowerPair, SectorOnChainInfo};
use crate::sectors::Sectors;
use crate::types::{
    DeclareFaultsParams, DeclareFaultsRecoveredParams, PoStPartition, SectorDeclaration,
    SubmitWindowedPoStParams,
};

pub(crate) const SUBMIT: u64 = 5;
pub(crate) const DECLARE_FAULTS: u64 = 10;
pub(crate) const DECLARE_RECOVERED: u64 = 11;

/// Randomness of every epoch before mixing.
const BASE: [u8; 32] = [5; 32];

/// Power of so many sectors of zeros, negative too.
pub(crate) fn sectors(count: i64) -> PowerPair {
    let bytes = count * SIZE as i64;
    PowerPair {
        raw: bytes.into(),
        qa: bytes.into(),
    }
}

pub(crate) fn numbers(numbers: &[SectorNumber]) -> BitField {
    bits_of(numbers.iter().copied()).unwrap()
}

pub(crate) fn declaration(
    deadline: u64,
    partition: u64,
    sectors: &[SectorNumber],
) -> SectorDeclaration {
    SectorDeclaration {
        deadline,
        partition,
        sectors: numbers(sectors),
    }
}

pub(crate) fn post_proof(bytes: &[u8]) -> PoStProof {
    PoStProof {
        post_proof: RegisteredPoStProof::StackedDRGWindow2KiBV1P1,
        proof_bytes: bytes.to_vec(),
    }
}

pub(crate) fn valid_proof() -> PoStProof {
    post_proof(&[9; 192])
}

/// A proof that the mock finds wrong.
pub(crate) fn invalid_proof() -> PoStProof {
    post_proof(b"i_am_invalid_post")
}

/// What the mock draws for [`BASE`].
pub(crate) fn drawn(tag: RandomnessTag, epoch: ChainEpoch, entropy: &[u8]) -> Vec<u8> {
    let mut input = (tag as i64).to_be_bytes().to_vec();
    input.extend_from_slice(&BASE);
    input.extend_from_slice(&epoch.to_be_bytes());
    input.extend_from_slice(entropy);
    Code::Blake2b256.digest(&input).digest().to_vec()
}

impl World {
    /// Sectors 1 to `count`, committed and never proven.
    pub fn committed(count: u64) -> World {
        let world = World::new();
        world.commit(&(1..=count).collect::<Vec<_>>());
        world.check();
        world
    }

    /// Sectors 1 to `count`, proven in their first windows, which are over.
    pub fn proven(count: u64) -> World {
        let world = World::committed(count);
        world.pass_windows(count.div_ceil(2), true);
        world.check();
        world
    }

    /// The next window of a deadline.
    pub fn window(&self, deadline: u64) -> DeadlineInfo {
        let now = self.rt.epoch_now();
        self.state().next_window(policy(), deadline, now)
    }

    /// Goes into the next window of a deadline, at its third epoch. Checks before are
    /// forgotten.
    pub fn enter(&self, deadline: u64) -> DeadlineInfo {
        let window = self.window(deadline);
        self.rt.epoch(window.open + 2);
        self.rt.checks();
        for epoch in window.challenge..window.close {
            self.rt.ticket_randomness(epoch, BASE);
            self.rt.beacon_randomness(epoch, BASE);
        }
        self.window(deadline)
    }

    /// Closes the window of a deadline as cron does, without money.
    pub fn close(&self, deadline: u64) {
        let last = self.window(deadline).last();
        self.rt.epoch(last);
        let store = self.rt.store();
        self.edit(|state| {
            state
                .advance_deadline(policy(), store, SectorSize::_2KiB, last)
                .unwrap();
        });
        self.rt.epoch(last + 1);
    }

    /// Lets the next windows of the first deadlines pass, with proofs or without.
    pub fn pass_windows(&self, count: u64, with_proofs: bool) {
        for deadline in 0..count {
            let window = self.enter(deadline);
            if with_proofs {
                let store = self.rt.store();
                let state = self.state();
                let sectors = crate::sectors::Sectors::load(store, &state.sectors).unwrap();
                let frame = state.frame(policy(), store, SectorSize::_2KiB, deadline);
                let mut deadlines = state.load_deadlines(store).unwrap();
                let mut changed = deadlines.load(store, deadline).unwrap();
                let posts = [PoStPartition {
                    index: 0,
                    skipped: BitField::new(),
                }];
                changed
                    .record_proven(frame, &posts, &sectors, window.last())
                    .unwrap();
                deadlines.save(store, deadline, &changed).unwrap();
                self.edit(|state| state.save_deadlines(store, &deadlines).unwrap());
            }
            self.close(deadline);
        }
    }

    /// The state is consistent.
    pub fn check(&self) {
        let balance = self.rt.balance_of(MINER).unwrap();
        let (_, violations) = invariants::check(&self.state(), self.rt.store(), policy(), &balance);
        assert_eq!(violations, [""; 0]);
    }

    pub fn partition(&self, deadline: u64, index: u64) -> Partition {
        let store = self.rt.store();
        self.deadline(deadline)
            .load_partition(store, index)
            .unwrap()
    }

    /// What expires in a partition when.
    pub fn expirations(&self, deadline: u64, index: u64) -> Vec<(ChainEpoch, ExpirationSet)> {
        let (store, state) = (self.rt.store(), self.state());
        let quant = state.deadline_quant(policy(), deadline);
        let root = self.partition(deadline, index).expirations_epochs;
        let mut found = Vec::new();
        ExpirationQueue::load(store, &root, quant)
            .unwrap()
            .for_each(|epoch, entry| {
                found.push((epoch, entry.clone()));
                Ok(())
            })
            .unwrap();
        found
    }

    /// Gives a sector of a partition another record, as an update does.
    pub fn replace(
        &self,
        deadline: u64,
        index: u64,
        old: &SectorOnChainInfo,
        new: &SectorOnChainInfo,
    ) {
        let store = self.rt.store();
        self.edit(|state| {
            let frame = state.frame(policy(), store, SectorSize::_2KiB, deadline);
            let mut deadlines = state.load_deadlines(store).unwrap();
            let mut changed = deadlines.load(store, deadline).unwrap();
            let mut partitions = amt::open(&changed.partitions, store).unwrap();
            let mut partition = partitions.get(index).unwrap().unwrap().clone();
            let (old, new) = (std::slice::from_ref(old), std::slice::from_ref(new));
            let replaced = partition.replace_sectors(frame, old, new).unwrap();
            partitions.set(index, partition).unwrap();
            changed.partitions = amt::flush(&mut partitions).unwrap();
            changed.live_power += &replaced.power;
            deadlines.save(store, deadline, &changed).unwrap();
            state.save_deadlines(store, &deadlines).unwrap();
            let mut sectors = Sectors::load(store, &state.sectors).unwrap();
            sectors.set_all(new.iter().cloned()).unwrap();
            state.sectors = sectors.flush().unwrap();
        });
    }

    pub fn expect_power(&self, delta: PowerPair) {
        self.rt
            .expect_send(POWER_ACTOR, UPDATE_CLAIMED_POWER)
            .params(&UpdateClaimedPowerParams {
                raw_byte_delta: delta.raw,
                quality_adjusted_delta: delta.qa,
            });
    }

    pub fn expect_burn(&self, amount: TokenAmount) {
        self.rt
            .expect_send(BURNT_FUNDS_ACTOR, METHOD_SEND)
            .value(amount);
    }

    /// A valid proof of partitions of a deadline whose window is open, sectors
    /// skipped.
    pub fn post(
        &self,
        deadline: u64,
        partitions: &[(u64, &[SectorNumber])],
    ) -> SubmitWindowedPoStParams {
        let epoch = self.rt.epoch_now() - 1;
        SubmitWindowedPoStParams {
            deadline,
            partitions: partitions
                .iter()
                .map(|(index, skipped)| PoStPartition {
                    index: *index,
                    skipped: numbers(skipped),
                })
                .collect(),
            proofs: vec![valid_proof()],
            chain_commit_epoch: epoch,
            chain_commit_rand: RawBytes::new(drawn(RandomnessTag::PoStChainCommit, epoch, &[])),
        }
    }

    pub fn declare_faults(&self, faults: Vec<SectorDeclaration>) -> Result<(), u32> {
        self.call(DECLARE_FAULTS, &DeclareFaultsParams { faults })
    }

    pub fn declare_recovered(&self, recoveries: Vec<SectorDeclaration>) -> Result<(), u32> {
        self.call(
            DECLARE_RECOVERED,
            &DeclareFaultsRecoveredParams { recoveries },
        )
    }
}
