//! Sectors that are terminated (EQ-REMOVE).

use std::collections::BTreeMap;

use boatyard_sdk::{ActorError, ensure};
use fvm_ipld_bitfield::BitField;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::sector::{SectorNumber, SectorSize};

use super::ExpirationQueue;
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

        let mut remaining: BTreeMap<SectorNumber, &SectorOnChainInfo> =
            faulty.into_iter().map(|s| (s.sector_number, s)).collect();
        self.walk(|entry| {
            ensure!(
                entry.on_time_sectors.len() <= ENTRY_SECTORS_MAX
                    && entry.early_sectors.len() <= ENTRY_SECTORS_MAX,
                USR_ILLEGAL_STATE,
                "more than {ENTRY_SECTORS_MAX} sectors expire together"
            );
            let mut elsewhere = BTreeMap::new();
            for (number, sector) in std::mem::take(&mut remaining) {
                let out = &mut removed.expirations;
                if entry.on_time_sectors.get(number) {
                    entry.on_time_sectors.unset(number);
                    entry.on_time_pledge -= &sector.initial_pledge;
                    out.on_time_sectors.set(number);
                    out.on_time_pledge += &sector.initial_pledge;
                } else if entry.early_sectors.get(number) {
                    entry.early_sectors.unset(number);
                    out.early_sectors.set(number);
                } else {
                    elsewhere.insert(number, sector);
                    continue;
                }
                let power = sector.power(size)?;
                entry.faulty_power -= &power;
                entry.fee_deduction -= &sector.daily_fee;
                out.faulty_power += &power;
                out.fee_deduction += &sector.daily_fee;
                if recoveries.get(number) {
                    removed.recovering_power += &power;
                }
            }
            entry.check()?;
            remaining = elsewhere;
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
