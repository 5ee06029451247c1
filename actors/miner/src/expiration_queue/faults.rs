//! Sectors that become faulty, and those that recover (EQ-FAULT, EQ-FAULTALL,
//! EQ-RECOVER).

use std::collections::BTreeMap;

use boatyard_sdk::{ActorError, ensure};
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::sector::{SectorNumber, SectorSize};

use super::{ExpirationQueue, Group, Totals, chosen, key_epoch};
use crate::amt::AmtResult;
use crate::bitfield_queue::bits_of;
use crate::power::{fee_of, power_of};
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
        let infos: BTreeMap<SectorNumber, &SectorOnChainInfo> =
            sectors.iter().map(|s| (s.sector_number, s)).collect();
        let mut remaining = bits_of(infos.keys().copied())?;
        let mut recovered = PowerPair::zero();
        let mut moved = Vec::new();
        self.walk(|entry| {
            let on_time = &entry.on_time_sectors & &remaining;
            let early = &entry.early_sectors & &remaining;
            if !on_time.is_empty() {
                let power = power_of(size, chosen(&infos, &on_time))?;
                entry.faulty_power -= &power;
                entry.active_power += &power;
                recovered += &power;
            }
            if !early.is_empty() {
                let power = power_of(size, chosen(&infos, &early))?;
                entry.early_sectors -= &early;
                entry.faulty_power -= &power;
                entry.fee_deduction -= fee_of(chosen(&infos, &early));
                recovered += &power;
                moved.extend(chosen(&infos, &early).cloned());
            }
            entry.check()?;
            remaining -= on_time | early;
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
