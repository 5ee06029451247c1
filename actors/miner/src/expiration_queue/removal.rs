//! Sectors that are terminated (EQ-REMOVE).

use std::collections::BTreeMap;

use boatyard_sdk::{ActorError, ensure};
use fvm_ipld_bitfield::BitField;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::sector::{SectorNumber, SectorSize};

use super::{ExpirationQueue, chosen};
use crate::bitfield_queue::bits_of;
use crate::power::{fee_of, power_of};
use crate::schema::{ExpirationSet, PowerPair, SectorOnChainInfo};

/// How many faults or recoveries of a partition a termination can deal with.
const ADDRESSED_SECTORS_MAX: u64 = 25_000;
/// How many sectors of a kind an entry may have while faulty ones are looked for.
const ENTRY_SECTORS_MAX: u64 = 10_000;

/// What a termination took out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Removed {
    /// The sectors and what they came to.
    pub expirations: ExpirationSet,
    /// Power of those that were said to be well again.
    pub recovering_power: PowerPair,
}

impl<BS: Blockstore> ExpirationQueue<'_, BS> {
    /// Takes out sectors, of which `faults` are faulty and `recoveries` said to be
    /// well again.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when one is nowhere, or when there is too much to look
    /// through.
    pub fn remove(
        &mut self,
        sectors: &[SectorOnChainInfo],
        faults: &BitField,
        recoveries: &BitField,
        size: SectorSize,
    ) -> Result<Removed, ActorError> {
        ensure!(
            faults.len() <= ADDRESSED_SECTORS_MAX && recoveries.len() <= ADDRESSED_SECTORS_MAX,
            USR_ILLEGAL_STATE,
            "more than {ADDRESSED_SECTORS_MAX} faults or recoveries in a partition"
        );
        let (faulty, well): (Vec<&SectorOnChainInfo>, Vec<&SectorOnChainInfo>) = sectors
            .iter()
            .partition(|sector| faults.get(sector.sector_number));

        let active = self.remove_active(well, size)?;
        let mut removed = Removed {
            expirations: ExpirationSet {
                on_time_sectors: active.sectors,
                on_time_pledge: active.pledge,
                active_power: active.power,
                fee_deduction: active.fee,
                ..Default::default()
            },
            ..Default::default()
        };

        let infos: BTreeMap<SectorNumber, &SectorOnChainInfo> =
            faulty.into_iter().map(|s| (s.sector_number, s)).collect();
        let mut remaining = bits_of(infos.keys().copied())?;
        self.walk(|entry| {
            ensure!(
                entry.on_time_sectors.len() <= ENTRY_SECTORS_MAX
                    && entry.early_sectors.len() <= ENTRY_SECTORS_MAX,
                USR_ILLEGAL_STATE,
                "more than {ENTRY_SECTORS_MAX} sectors expire together"
            );
            let on_time = &entry.on_time_sectors & &remaining;
            let early = &entry.early_sectors & &remaining;
            let here = &on_time | &early;
            if !here.is_empty() {
                let part = ExpirationSet {
                    on_time_pledge: chosen(&infos, &on_time).map(|s| &s.initial_pledge).sum(),
                    on_time_sectors: on_time,
                    early_sectors: early,
                    active_power: PowerPair::zero(),
                    faulty_power: power_of(size, chosen(&infos, &here))?,
                    fee_deduction: fee_of(chosen(&infos, &here)),
                };
                entry.subtract(&part);
                removed.expirations.add(&part);
                let recovering = &here & recoveries;
                removed.recovering_power += &power_of(size, chosen(&infos, &recovering))?;
                remaining -= &here;
            }
            entry.check()?;
            Ok(!remaining.is_empty())
        })?;
        ensure!(
            remaining.is_empty(),
            USR_ILLEGAL_STATE,
            "{} terminated sectors expire nowhere",
            remaining.len()
        );
        Ok(removed)
    }
}
