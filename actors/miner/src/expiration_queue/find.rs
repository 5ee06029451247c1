//! Finding sectors that are not faulty (EQ-FIND).

use std::collections::{BTreeMap, BTreeSet};

use boatyard_sdk::{ActorError, ensure};
use fvm_ipld_bitfield::BitField;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::sector::{SectorNumber, SectorSize};

use super::{ExpirationQueue, Totals, chosen, key_epoch};
use crate::amt::AmtResult;
use crate::bitfield_queue::bits_of;
use crate::schema::{ExpirationSet, SectorOnChainInfo};

/// Sectors that lie in the entry of one epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The entry's epoch.
    pub epoch: ChainEpoch,
    /// The sectors, and what they come to by the records searched for.
    pub totals: Totals,
}

/// Which of the sectors searched for are found where.
struct Search<'a> {
    infos: BTreeMap<SectorNumber, &'a SectorOnChainInfo>,
    size: SectorSize,
    remaining: BitField,
    groups: Vec<Group>,
}

impl Search<'_> {
    fn look_into(&mut self, epoch: ChainEpoch, entry: &ExpirationSet) -> Result<(), ActorError> {
        let here = &entry.on_time_sectors & &self.remaining;
        if here.is_empty() {
            return Ok(());
        }
        let found: Vec<&SectorOnChainInfo> = chosen(&self.infos, &here).collect();
        let totals = Totals::of(found, self.size)?;
        self.remaining -= &here;
        self.groups.push(Group { epoch, totals });
        Ok(())
    }

    fn look_anywhere(
        &mut self,
        epoch: ChainEpoch,
        entry: &ExpirationSet,
    ) -> Result<(), ActorError> {
        ensure!(
            !entry.early_sectors.contains_any(&self.remaining),
            USR_ILLEGAL_STATE,
            "a sector that should be well expires early at {epoch}"
        );
        self.look_into(epoch, entry)
    }
}

impl<BS: Blockstore> ExpirationQueue<'_, BS> {
    /// Where sectors lie, by epoch: first at the ends that they have, all of them
    /// looked for at the end of each, then anywhere.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when one is nowhere, or is met among the early ones
    /// of an entry while looking anywhere.
    pub fn find<'a>(
        &self,
        sectors: impl IntoIterator<Item = &'a SectorOnChainInfo>,
        size: SectorSize,
    ) -> Result<Vec<Group>, ActorError> {
        let infos: BTreeMap<SectorNumber, &SectorOnChainInfo> = sectors
            .into_iter()
            .map(|sector| (sector.sector_number, sector))
            .collect();
        let ends: BTreeSet<ChainEpoch> = infos
            .values()
            .map(|sector| self.quant.up(sector.expiration))
            .collect();
        let mut search = Search {
            remaining: bits_of(infos.keys().copied())?,
            infos,
            size,
            groups: Vec::new(),
        };
        for end in &ends {
            if let Some(entry) = self.get(*end)? {
                search.look_into(*end, entry)?;
            }
        }
        if !search.remaining.is_empty() {
            self.amt
                .for_each_while(|key, entry| {
                    let epoch = key_epoch(key)?;
                    if ends.contains(&epoch) {
                        return Ok(true);
                    }
                    search.look_anywhere(epoch, entry)?;
                    Ok(!search.remaining.is_empty())
                })
                .amt("looking for sectors")?;
        }
        ensure!(
            search.remaining.is_empty(),
            USR_ILLEGAL_STATE,
            "{} sectors expire nowhere",
            search.remaining.len()
        );
        search.groups.sort_by_key(|group| group.epoch);
        Ok(search.groups)
    }
}
