//! Sectors that become faulty, and those that recover (EQ-FAULT, EQ-FAULTALL,
//! EQ-RECOVER).

use std::collections::BTreeMap;

use boatyard_sdk::{ActorError, ensure};
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::sector::{SectorNumber, SectorSize};

use super::{ExpirationQueue, Group, Totals, key_epoch};
use crate::amt::AmtResult;
use crate::schema::{ExpirationSet, PowerPair, SectorOnChainInfo};

impl<BS: Blockstore> ExpirationQueue<'_, BS> {
    /// Marks sectors faulty that are not. Those that end after `last`, the epoch until
    /// which a fault may last, end there instead, early. Gives their power.
    ///
    /// # Errors
    /// Those of [`find`](Self::find).
    pub fn mark_faulty(
        &mut self,
        last: ChainEpoch,
        sectors: &[SectorOnChainInfo],
        size: SectorSize,
    ) -> Result<PowerPair, ActorError> {
        let last_on_raster = self.quant.up(last);
        let mut power = PowerPair::zero();
        let mut moved = Totals::default();
        for Group { epoch, totals } in self.find(sectors, size)? {
            let mut entry = self.must_get(epoch)?;
            entry.active_power -= &totals.power;
            if epoch <= last_on_raster {
                entry.faulty_power += &totals.power;
            } else {
                entry.on_time_sectors -= &totals.sectors;
                entry.on_time_pledge -= &totals.pledge;
                entry.fee_deduction -= &totals.fee;
                moved.add(&totals);
            }
            self.put(epoch, entry)?;
            power += &totals.power;
        }
        self.add_early(last, moved)?;
        Ok(power)
    }

    /// Marks everything faulty. What ends after `last` ends there instead, early.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when something would have ended early after that.
    pub fn mark_all_faulty(&mut self, last: ChainEpoch) -> Result<(), ActorError> {
        let last_on_raster = self.quant.up(last);
        let mut kept = Vec::new();
        let mut moved_keys = Vec::new();
        let mut moved = Totals::default();
        self.amt
            .for_each(|key, entry| {
                let epoch = key_epoch(key)?;
                if epoch <= last_on_raster {
                    let mut entry = entry.clone();
                    entry.faulty_power += &std::mem::take(&mut entry.active_power);
                    kept.push((epoch, entry));
                    return Ok(());
                }
                moved_keys.push(key);
                moved.add(&all_of(epoch, entry)?);
                Ok(())
            })
            .amt("marking everything faulty")?;
        for (epoch, entry) in kept {
            entry.check()?;
            self.set(epoch, entry)?;
        }
        self.add_early(last, moved)?;
        self.amt
            .batch_delete(moved_keys, true)
            .amt("removing expirations")?;
        Ok(())
    }

    /// Marks faulty sectors as well again; those that would have ended early end at
    /// their time. Gives their power.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when one is nowhere.
    pub fn recover(
        &mut self,
        sectors: &[SectorOnChainInfo],
        size: SectorSize,
    ) -> Result<PowerPair, ActorError> {
        let mut remaining: BTreeMap<SectorNumber, &SectorOnChainInfo> =
            sectors.iter().map(|s| (s.sector_number, s)).collect();
        let mut recovered = PowerPair::zero();
        let mut moved = Vec::new();
        self.walk(|entry| {
            let mut elsewhere = BTreeMap::new();
            for (number, sector) in std::mem::take(&mut remaining) {
                let on_time = entry.on_time_sectors.get(number);
                if !on_time && !entry.early_sectors.get(number) {
                    elsewhere.insert(number, sector);
                    continue;
                }
                let power = sector.power(size)?;
                entry.faulty_power -= &power;
                if on_time {
                    entry.active_power += &power;
                } else {
                    entry.early_sectors.unset(number);
                    entry.fee_deduction -= &sector.daily_fee;
                    moved.push(sector.clone());
                }
                recovered += &power;
            }
            entry.check()?;
            remaining = elsewhere;
            Ok(!remaining.is_empty())
        })?;
        ensure!(
            remaining.is_empty(),
            USR_ILLEGAL_STATE,
            "{} recovered sectors expire nowhere",
            remaining.len()
        );
        self.add_active(&moved, size)?;
        Ok(recovered)
    }

    /// Adds faulty sectors that end early; none change nothing. Their pledge stays
    /// out: it is released when the termination is settled.
    fn add_early(&mut self, last: ChainEpoch, faulty: Totals) -> Result<(), ActorError> {
        if faulty.sectors.is_empty() {
            return Ok(());
        }
        let part = ExpirationSet {
            early_sectors: faulty.sectors,
            faulty_power: faulty.power,
            fee_deduction: faulty.fee,
            ..Default::default()
        };
        self.add(last, &part)
    }
}

/// An entry in which nothing ends early, as one.
fn all_of(epoch: ChainEpoch, entry: &ExpirationSet) -> Result<Totals, ActorError> {
    ensure!(
        entry.early_sectors.is_empty(),
        USR_ILLEGAL_STATE,
        "sectors that end early at {epoch} would end still earlier"
    );
    Ok(Totals {
        sectors: entry.on_time_sectors.clone(),
        power: &entry.active_power + &entry.faulty_power,
        pledge: entry.on_time_pledge.clone(),
        fee: entry.fee_deduction.clone(),
    })
}
