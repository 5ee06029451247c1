//! Which deals are in which sector of which provider (spec 07 §6.5).

use std::collections::BTreeMap;

use boatyard_sdk::ActorError;
use boatyard_sdk::nested::MapMap;
use fvm_ipld_bitfield::BitField;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::ActorID;
use fvm_shared::deal::DealID;
use fvm_shared::sector::SectorNumber;

use crate::state::State;

/// Deals by provider and sector.
pub(crate) type SectorDealIds = BTreeMap<ActorID, BTreeMap<SectorNumber, Vec<DealID>>>;

/// Notes that a deal leaves its sector.
pub(crate) fn note(over: &mut SectorDealIds, provider: ActorID, sector: SectorNumber, id: DealID) {
    let sectors = over.entry(provider).or_default();
    sectors.entry(sector).or_default().push(id);
}

/// Above so many sectors, the map is walked instead of asked for each.
const MANY_SECTORS: u64 = 4_096;

/// Adds deals to a provider's sectors, in order. A sector without deals gets an entry
/// too.
///
/// # Errors
/// `USR_ILLEGAL_STATE` (20) when the map cannot be read or written, here and below.
pub(crate) fn put(
    state: &mut State,
    store: impl Blockstore + Clone,
    provider: ActorID,
    sectors: &[(SectorNumber, Vec<DealID>)],
) -> Result<(), ActorError> {
    let mut map = MapMap::load(&state.provider_sectors, store)?;
    for (sector, deals) in sectors {
        let mut all = deals.clone();
        if let Some(existing) = map.get(&provider, sector)? {
            all.extend_from_slice(existing);
        }
        all.sort_unstable();
        all.dedup();
        map.set(&provider, sector, all)?;
    }
    state.provider_sectors = map.flush()?;
    Ok(())
}

/// Removes sectors of a provider and gives their deals, by sector.
pub(crate) fn pop(
    state: &mut State,
    store: impl Blockstore + Clone,
    provider: ActorID,
    sectors: &BitField,
) -> Result<Vec<DealID>, ActorError> {
    let mut map = MapMap::load(&state.provider_sectors, store)?;
    let wanted: Vec<SectorNumber> = if sectors.len() <= MANY_SECTORS {
        sectors.iter().collect()
    } else {
        let mut there = Vec::new();
        map.for_each_of(&provider, |sector, _| {
            if sectors.get(sector) {
                there.push(sector);
            }
            Ok(())
        })?;
        there.sort_unstable();
        there
    };
    let mut popped = Vec::new();
    for sector in wanted {
        popped.extend(map.remove(&provider, &sector)?.unwrap_or_default());
    }
    state.provider_sectors = map.flush()?;
    Ok(popped)
}

/// Removes deals from sectors, and sectors that have none left. What is not there is
/// left alone.
pub(crate) fn remove(
    state: &mut State,
    store: impl Blockstore + Clone,
    over: &SectorDealIds,
) -> Result<(), ActorError> {
    if over.is_empty() {
        return Ok(());
    }
    let mut map = MapMap::load(&state.provider_sectors, store)?;
    for (provider, sectors) in over {
        for (sector, deals) in sectors {
            let Some(existing) = map.get(provider, sector)? else {
                continue;
            };
            let kept: Vec<DealID> = existing
                .iter()
                .copied()
                .filter(|id| !deals.contains(id))
                .collect();
            if kept.is_empty() {
                map.remove(provider, sector)?;
            } else {
                map.set(provider, sector, kept)?;
            }
        }
    }
    state.provider_sectors = map.flush()?;
    Ok(())
}
