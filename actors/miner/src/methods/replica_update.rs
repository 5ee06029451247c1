//! ProveReplicaUpdates3: sectors of zeros get data.

use std::collections::{BTreeMap, BTreeSet};

use boatyard_actors_shared::batch::{self, BatchBuilder, BatchReturn};
use boatyard_actors_shared::{Policy, PolicyExt};
use boatyard_sdk::{ActorError, Context, Host, Runtime, ensure, exit_codes::*};
use cid::Cid;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::{RegisteredUpdateProof, ReplicaUpdateInfo, SectorNumber};
use num_traits::Zero;

use super::prove_commit::some_succeed;
use crate::amt;
use crate::deadline::{partition_at, set_partition};
use crate::monies::PledgeInputs;
use crate::pieces::{self, DataSpaces, SectorPieces};
use crate::records::replica;
use crate::schema::{Deadlines, MinerInfo, PowerPair, SectorOnChainInfo, State};
use crate::sectors::Sectors;
use crate::types::{ProveReplicaUpdates3Params, SectorUpdateManifest};
use crate::{commitments, events, notifications, sends};

/// An update on its way through the stages.
#[derive(Clone, Copy)]
struct Update<'a> {
    manifest: &'a SectorUpdateManifest,
    /// The sector as it was.
    sector: &'a SectorOnChainInfo,
    proof: &'a [u8],
    /// CommD of its pieces, once it is known; `None` also for zeros.
    commd: Option<Cid>,
}

impl<'a> Update<'a> {
    fn pieces(&self) -> SectorPieces<'a> {
        SectorPieces {
            sector: self.manifest.sector,
            expiration: self.sector.expiration,
            pieces: &self.manifest.pieces,
        }
    }
}

/// Puts data into sectors of zeros. Unless one failure makes all fail, each succeeds
/// or fails on its own at validation, proof or claim.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | 16 | proofs of the wrong number, kind or length; nothing succeeds, or one fails and all should |
/// | 17 | there is no such sector, or not in that place |
/// | 18 | the caller does not control the miner |
/// | 19 | the higher pledge is not covered |
/// | 24 | a sector expires in this very epoch |
/// | 1000-1004 | funds; notifications, if they must succeed |
///
/// Source: spec 05 §16.
pub(crate) fn prove_updates(
    rt: &impl Runtime,
    params: ProveReplicaUpdates3Params,
) -> Result<BatchReturn, ActorError> {
    let policy = rt.policy();
    let store = &rt.store();
    let state: State = rt.state()?;
    let info = state.load_info(store)?;
    rt.validate_caller_is(info.controllers())?;
    check_proofs(&params)?;

    let sectors = load_sectors(store, &state, &params.sector_updates)?;
    let updates: Vec<_> = params
        .sector_updates
        .iter()
        .zip(&sectors)
        .enumerate()
        .map(|(index, (manifest, sector))| Update {
            manifest,
            sector,
            proof: params.sector_proofs.get(index).map_or(&[], |p| p.bytes()),
            commd: None,
        })
        .collect();
    let all_or_nothing = params.require_activation_success;
    let update_proof = params.update_proofs_type;
    let validation = Validation {
        policy,
        store,
        state: &state,
        deadlines: state.load_deadlines(store)?,
        now: rt.epoch(),
        update_proof,
    };
    let validated = validation.validate(&updates, all_or_nothing)?;
    ensure!(
        params.aggregate_proof.is_empty(),
        USR_ILLEGAL_ARGUMENT,
        "proofs of updates are not aggregated"
    );
    ensure!(
        params.sector_proofs.len() == updates.len(),
        USR_ILLEGAL_ARGUMENT,
        "{} proofs for {} updates",
        params.sector_proofs.len(),
        updates.len()
    );

    let mut valid = keep(&validated, &updates)?;
    let proof = verify(rt, update_proof, &mut valid, all_or_nothing)?;
    some_succeed(&proof, "is proven")?;
    let proven = keep(&proof, &valid)?;

    let contents: Vec<_> = proven.iter().map(Update::pieces).collect();
    let (data, spaces) = pieces::claim(rt, &contents, all_or_nothing)?;
    some_succeed(&data, "has its data")?;
    let updated = keep(&data, &proven)?;

    let reward = sends::this_epoch_reward(rt)?;
    let power = sends::current_total_power(rt)?;
    let pledge = PledgeInputs::new(rt, &reward, &power);
    let delta = replace(rt, &info, &updated, &spaces, &pledge)?;
    sends::update_pledge(rt, &delta.pledge)?;
    sends::update_power(rt, &delta.power)?;

    for update in &updated {
        events::sector_updated(
            rt,
            update.manifest.sector,
            update.commd.as_ref(),
            &pieces::piece_infos(&update.manifest.pieces),
        )?;
    }
    let told = updated.iter().map(Update::pieces);
    notifications::notify(rt, told, params.require_notification_success)?;
    batch::stack(&[validated, proof, data])
}

fn keep<'a>(batch: &BatchReturn, updates: &[Update<'a>]) -> Result<Vec<Update<'a>>, ActorError> {
    Ok(batch.successes(updates)?.into_iter().copied().collect())
}

/// Either a proof for each sector or one for all, and said so.
fn check_proofs(params: &ProveReplicaUpdates3Params) -> Result<(), ActorError> {
    let each = !params.sector_proofs.is_empty();
    ensure!(
        each == params.aggregate_proof.is_empty(),
        USR_ILLEGAL_ARGUMENT,
        "either a proof for each update or one for all, not both and not none"
    );
    ensure!(
        each == params.aggregate_proof_type.is_none(),
        USR_ILLEGAL_ARGUMENT,
        "a way of aggregation comes with one proof for all, and only with it"
    );
    Ok(())
}

fn load_sectors<BS: Blockstore>(
    store: &BS,
    state: &State,
    updates: &[SectorUpdateManifest],
) -> Result<Vec<SectorOnChainInfo>, ActorError> {
    let sectors = Sectors::load(store, &state.sectors)?;
    updates
        .iter()
        .map(|update| sectors.must_get(update.sector))
        .collect()
}

/// What updates are validated against.
struct Validation<'a, BS> {
    policy: &'a Policy,
    store: &'a BS,
    state: &'a State,
    deadlines: Deadlines,
    now: ChainEpoch,
    update_proof: RegisteredUpdateProof,
}

impl<BS: Blockstore> Validation<'_, BS> {
    /// Looks at each update alone. Whatever is wrong with one is 16 in the batch.
    ///
    /// # Errors
    /// The first failure with its own code if all should succeed.
    fn validate(
        &self,
        updates: &[Update<'_>],
        all_or_nothing: bool,
    ) -> Result<BatchReturn, ActorError> {
        let mut seen = BTreeSet::new();
        let mut batch = BatchBuilder::default();
        for update in updates {
            match self.check(update, &mut seen) {
                Ok(()) => batch.add_success(),
                Err(error) if all_or_nothing => {
                    let sector = update.manifest.sector;
                    return Err(error.context(format_args!("update of sector {sector}")));
                }
                Err(_) => batch.add_failure(USR_ILLEGAL_ARGUMENT),
            }
        }
        Ok(batch.build())
    }

    fn check(
        &self,
        update: &Update<'_>,
        seen: &mut BTreeSet<SectorNumber>,
    ) -> Result<(), ActorError> {
        let Update {
            manifest, sector, ..
        } = update;
        ensure!(
            seen.insert(manifest.sector),
            USR_ILLEGAL_ARGUMENT,
            "it comes twice"
        );
        let longest = self.policy.max_replica_update_proof_size;
        ensure!(
            update.proof.len() <= longest,
            USR_ILLEGAL_ARGUMENT,
            "its proof of {} bytes is longer than {longest}",
            update.proof.len()
        );
        let deadline = manifest.deadline;
        ensure!(
            deadline < self.policy.wpost_period_deadlines,
            USR_ILLEGAL_ARGUMENT,
            "there is no deadline {deadline}"
        );
        ensure!(
            commitments::is_sealed(&manifest.new_sealed_cid),
            USR_ILLEGAL_ARGUMENT,
            "{} is no CommR",
            manifest.new_sealed_cid
        );
        ensure!(
            self.state
                .is_deadline_mutable(self.policy, deadline, self.now),
            USR_ILLEGAL_ARGUMENT,
            "deadline {deadline} is open or next and does not change"
        );
        self.check_active(manifest)?;
        ensure!(
            (&sector.deal_weight + &sector.verified_deal_weight).is_zero(),
            USR_ILLEGAL_ARGUMENT,
            "it has data already"
        );
        let expected = sector.seal_proof.registered_update_proof().or_exit(
            USR_ILLEGAL_STATE,
            format_args!("seal proof {}", i64::from(sector.seal_proof)),
        )?;
        ensure!(
            expected == self.update_proof,
            USR_ILLEGAL_ARGUMENT,
            "its updates are proven by {expected:?}, not by {:?}",
            self.update_proof
        );
        Ok(())
    }

    /// The sector is where the provider says, well and proven.
    fn check_active(&self, manifest: &SectorUpdateManifest) -> Result<(), ActorError> {
        let SectorUpdateManifest {
            sector,
            deadline,
            partition: index,
            ..
        } = manifest;
        let partition = self
            .deadlines
            .load(self.store, *deadline)?
            .load_partition(self.store, *index)?;
        ensure!(
            partition.sectors.get(*sector),
            USR_NOT_FOUND,
            "it is not in partition {index} of deadline {deadline}"
        );
        for (set, state) in [
            (&partition.faults, "faulty"),
            (&partition.terminated, "terminated"),
            (&partition.unproven, "not proven yet"),
        ] {
            ensure!(!set.get(*sector), USR_ILLEGAL_ARGUMENT, "it is {state}");
        }
        Ok(())
    }
}

/// Checks the proof of each update, and notes what the pieces of each make.
///
/// # Errors
/// `USR_ILLEGAL_ARGUMENT` (16) when pieces make no sector, or a proof is not valid
/// and all should be.
fn verify(
    rt: &impl Runtime,
    update_proof_type: RegisteredUpdateProof,
    updates: &mut [Update<'_>],
    all_or_nothing: bool,
) -> Result<BatchReturn, ActorError> {
    let mut batch = BatchBuilder::default();
    for update in updates {
        let seal_proof = update.sector.seal_proof;
        update.commd = pieces::commd(rt, seal_proof, &update.manifest.pieces)?;
        let valid = rt.host().verify_replica_update(&ReplicaUpdateInfo {
            update_proof_type,
            old_sealed_cid: update.sector.sealed_cid,
            new_sealed_cid: update.manifest.new_sealed_cid,
            new_unsealed_cid: commitments::expand(update.commd.as_ref(), seal_proof)?,
            proof: update.proof.to_vec(),
        });
        if valid == Ok(true) {
            batch.add_success();
            continue;
        }
        ensure!(
            !all_or_nothing,
            USR_ILLEGAL_ARGUMENT,
            "the proof of the update of sector {} is not valid",
            update.manifest.sector
        );
        batch.add_failure(USR_ILLEGAL_ARGUMENT);
    }
    Ok(batch.build())
}

/// What the network hears of.
#[derive(Default)]
struct Delta {
    power: PowerPair,
    pledge: TokenAmount,
}

/// Replaces the records of sectors, deadline by deadline.
fn replace(
    rt: &impl Runtime,
    info: &MinerInfo,
    updates: &[Update<'_>],
    spaces: &[DataSpaces],
    pledge: &PledgeInputs,
) -> Result<Delta, ActorError> {
    let policy = rt.policy();
    let now = rt.epoch();
    let store = &rt.store();
    let size = info.sector_size;
    let mut by_deadline: BTreeMap<u64, Vec<(&Update<'_>, &DataSpaces)>> = BTreeMap::new();
    for (update, data) in updates.iter().zip(spaces) {
        let deadline = by_deadline.entry(update.manifest.deadline).or_default();
        deadline.push((update, data));
    }
    rt.transaction(|state: &mut State| {
        let mut delta = Delta::default();
        let mut records = Vec::with_capacity(updates.len());
        let mut deadlines = state.load_deadlines(store)?;
        for (index, updates) in by_deadline {
            let frame = state.frame(policy, store, size, index);
            let mut deadline = deadlines.load(store, index)?;
            let mut partitions = amt::open(&deadline.partitions, store)?;
            for (update, data) in updates {
                let old = update.sector;
                let sealed = update.manifest.new_sealed_cid;
                let new = replica::updated(policy, size, old, sealed, data, pledge, now)?;
                let place = update.manifest.partition;
                let mut partition = partition_at(&partitions, place)?;
                let (old, new) = (std::slice::from_ref(old), std::slice::from_ref(&new));
                let replaced = partition
                    .replace_sectors(frame, old, new)
                    .map_err(|error| error.with_code(USR_ILLEGAL_STATE))?;
                set_partition(&mut partitions, place, partition)?;
                deadline.live_power += &replaced.power;
                deadline.daily_fee += &replaced.fee;
                delta.power += &replaced.power;
                delta.pledge += &replaced.pledge;
                records.extend_from_slice(new);
            }
            deadline.partitions = amt::flush(&mut partitions)?;
            deadlines.save(store, index, &deadline)?;
        }
        let mut sectors = Sectors::load(store, &state.sectors)?;
        sectors.set_all(records)?;
        state.sectors = sectors.flush()?;
        state.save_deadlines(store, &deadlines)?;

        let balance = rt.current_balance();
        if delta.pledge.is_positive() {
            state.cover_pledge(&balance, &delta.pledge)?;
        }
        state.add_initial_pledge(&delta.pledge)?;
        state.check_balance_invariants(&balance)?;
        Ok(delta)
    })
}

#[cfg(test)]
mod tests;
