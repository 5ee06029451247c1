//! ExtendSectorExpiration2: sectors shall live longer.

use std::collections::BTreeMap;

use boatyard_actors_shared::PolicyExt;
use boatyard_sdk::{ActorError, Context, Host, Runtime, ensure, exit_codes::*};
use fvm_ipld_bitfield::BitField;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::SectorNumber;

use crate::amt;
use crate::deadline::{partition_at, set_partition};
use crate::records::extension::{ClaimSpaces, Surroundings};
use crate::schema::{Deadlines, PowerPair, State};
use crate::sectors::Sectors;
use crate::sends;
use crate::types::{ExpirationExtension2, ExtendSectorExpiration2Params, SectorClaim};

/// Lets sectors live longer. A sector in several declarations is extended by each,
/// one after the other.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | 16 | no such deadline; claims that are not there or not of the sector; an expiration out of bounds |
/// | 17 | no such partition or sector |
/// | 18 | a claim would end before the sector; the caller does not control the miner; a sector has expired; claims are dropped too early |
/// | 20 | a sector is not in the partition, or not proven and well |
/// | 24 | a sector would expire in this very epoch; sector number 2^64 - 1 |
///
/// Source: spec 05 §19.
pub(crate) fn extend(
    rt: &impl Runtime,
    params: ExtendSectorExpiration2Params,
) -> Result<(), ActorError> {
    let claims = check_claims(rt, &params.extensions)?;
    let declarations: Vec<_> = params
        .extensions
        .into_iter()
        .map(Declaration::new)
        .collect::<Result<_, _>>()?;

    let policy = rt.policy();
    let store = &rt.store();
    let delta = rt.transaction(|state: &mut State| {
        let info = state.load_info(store)?;
        rt.validate_caller_is(info.controllers())?;
        let mut extension = Extension {
            store,
            surroundings: Surroundings {
                policy,
                now: rt.epoch(),
                network_version: rt.network().network_version,
                circulating_supply: rt.host().circulating_supply(),
                size: info.sector_size,
            },
            claims,
            sectors: Sectors::load(store, &state.sectors)?,
            delta: Delta::default(),
        };
        let mut deadlines = state.load_deadlines(store)?;
        for (index, declarations) in by_first_appearance(&declarations, |d| d.deadline) {
            extension.extend_in(state, &mut deadlines, index, &declarations)?;
        }
        state.sectors = extension.sectors.flush()?;
        state.save_deadlines(store, &deadlines)?;
        Ok(extension.delta)
    })?;
    sends::update_power(rt, &delta.power)?;
    sends::update_pledge(rt, &delta.pledge)
}

/// Looks at all claims that the declarations name, and adds up their sizes by sector.
fn check_claims(
    rt: &impl Runtime,
    extensions: &[ExpirationExtension2],
) -> Result<BTreeMap<SectorNumber, ClaimSpaces>, ActorError> {
    let mut spaces = BTreeMap::new();
    for extension in extensions {
        ensure!(
            extension.deadline < rt.policy().wpost_period_deadlines,
            USR_ILLEGAL_ARGUMENT,
            "there is no deadline {}",
            extension.deadline
        );
        for entry in &extension.sectors_with_claims {
            check_sector_claims(rt, entry, extension.new_expiration, &mut spaces)?;
        }
    }
    Ok(spaces)
}

fn check_sector_claims(
    rt: &impl Runtime,
    entry: &SectorClaim,
    new_expiration: ChainEpoch,
    spaces: &mut BTreeMap<SectorNumber, ClaimSpaces>,
) -> Result<(), ActorError> {
    let sector = entry.sector_number;
    let ids = [&entry.maintain_claims[..], &entry.drop_claims].concat();
    let count = ids.len();
    let answer = sends::get_claims(rt, ids)?;
    ensure!(
        answer.batch_info.success_count as usize >= count,
        USR_ILLEGAL_ARGUMENT,
        "of {count} claims of sector {sector} there are {}",
        answer.batch_info.success_count
    );
    for (position, claim) in answer.claims.iter().enumerate() {
        ensure!(
            claim.provider == rt.message().receiver,
            USR_ILLEGAL_ARGUMENT,
            "a claim of sector {sector} is of provider {}",
            claim.provider
        );
        ensure!(
            claim.sector == sector,
            USR_ILLEGAL_ARGUMENT,
            "a claim of sector {sector} is of sector {}",
            claim.sector
        );
        let maintained = position < entry.maintain_claims.len();
        if maintained {
            let last = claim.term_start + claim.term_max;
            ensure!(
                new_expiration <= last,
                USR_FORBIDDEN,
                "a claim of sector {sector} ends at {last}, before {new_expiration}"
            );
        }
        let space = spaces.entry(sector).or_default();
        space.checked = sum(space.checked, claim.size)?;
        if maintained {
            space.maintained = sum(space.maintained, claim.size)?;
        }
    }
    Ok(())
}

fn sum(bytes: u64, more: u64) -> Result<u64, ActorError> {
    bytes
        .checked_add(more)
        .or_exit(USR_ASSERTION_FAILED, "claims of more than 2^64 bytes")
}

/// Sectors of one partition that are to live until `new_expiration`.
struct Declaration {
    deadline: u64,
    partition: u64,
    sectors: BitField,
    new_expiration: ChainEpoch,
}

impl Declaration {
    /// # Errors
    /// `USR_ASSERTION_FAILED` (24) for a number that no set holds.
    fn new(extension: ExpirationExtension2) -> Result<Self, ActorError> {
        let with_claims = extension
            .sectors_with_claims
            .iter()
            .map(|entry| entry.sector_number);
        let with_claims = BitField::try_from_bits(with_claims)
            .or_exit(USR_ASSERTION_FAILED, "numbers of sectors with claims")?;
        Ok(Self {
            deadline: extension.deadline,
            partition: extension.partition,
            sectors: &extension.sectors | &with_claims,
            new_expiration: extension.new_expiration,
        })
    }
}

/// Items grouped by key; groups in the order in which their first items come.
fn by_first_appearance<'a, T, K: Ord + Copy>(
    items: impl IntoIterator<Item = &'a T>,
    key: impl Fn(&T) -> K,
) -> Vec<(K, Vec<&'a T>)> {
    let mut groups: Vec<(K, Vec<&T>)> = Vec::new();
    let mut positions = BTreeMap::new();
    for item in items {
        let key = key(item);
        let position = *positions.entry(key).or_insert_with(|| {
            groups.push((key, vec![]));
            groups.len() - 1
        });
        groups[position].1.push(item);
    }
    groups
}

/// What the network hears of.
#[derive(Default)]
struct Delta {
    power: PowerPair,
    pledge: TokenAmount,
}

/// Extensions in progress.
struct Extension<'s, BS> {
    store: &'s BS,
    surroundings: Surroundings<'s>,
    claims: BTreeMap<SectorNumber, ClaimSpaces>,
    sectors: Sectors<'s, BS>,
    delta: Delta,
}

impl<BS: Blockstore> Extension<'_, BS> {
    /// Extends the sectors of one deadline.
    fn extend_in(
        &mut self,
        state: &State,
        deadlines: &mut Deadlines,
        index: u64,
        declarations: &[&Declaration],
    ) -> Result<(), ActorError> {
        let Surroundings { policy, size, .. } = self.surroundings;
        let frame = state.frame(policy, self.store, size, index);
        let mut deadline = deadlines.load(self.store, index)?;
        let mut partitions = amt::open(&deadline.partitions, self.store)?;
        for declaration in declarations {
            let place = declaration.partition;
            let mut partition = partition_at(&partitions, place)?;
            let old = self.sectors.load_all(&declaration.sectors)?;
            let new: Vec<_> = old
                .iter()
                .map(|sector| {
                    let claims = self.claims.get(&sector.sector_number);
                    self.surroundings
                        .extended(sector, declaration.new_expiration, claims)
                })
                .collect::<Result<_, _>>()?;
            self.sectors.set_all(new.iter().cloned())?;
            let replaced = partition.replace_sectors(frame, &old, &new)?;
            set_partition(&mut partitions, place, partition)?;
            deadline.live_power += &replaced.power;
            deadline.daily_fee += &replaced.fee;
            self.delta.power += &replaced.power;
            self.delta.pledge += &replaced.pledge;
        }
        deadline.partitions = amt::flush(&mut partitions)?;
        let by_expiration = by_first_appearance(declarations.iter().copied(), |d| d.new_expiration);
        for (expiration, group) in by_expiration {
            let touched: Vec<_> = group.iter().map(|d| d.partition).collect();
            deadline.mark_expirations(frame, expiration, &touched)?;
        }
        deadlines.save(self.store, index, &deadline)
    }
}

#[cfg(test)]
mod tests;
