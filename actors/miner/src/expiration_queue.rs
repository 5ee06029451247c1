//! What of a partition expires when (spec 06 §8).
//!
//! An entry holds sectors that end at their time and faulty ones that end before it.
//! A faulty sector stays in its entry if that ends no later than the fault may last;
//! otherwise it moves to the entry of that epoch as an early one, without its pledge,
//! which stays due until the termination is settled.
//!
//! | operation | module |
//! |---|---|
//! | adding, replacing, popping | this one |
//! | [`find`](ExpirationQueue::find) | `find` |
//! | faults and recoveries | `faults` |
//! | termination | `removal` |
//!
//! Entries are rewritten where, and only where, the protocol does so: an entry written
//! back brings its whole leaf into the present form (spec 06 §4.4).

mod faults;
mod find;
mod removal;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use boatyard_actors_shared::QuantSpec;
use boatyard_sdk::{ActorError, ArrayRoot, Context, ensure, exit_codes::*};
use fvm_ipld_amt::ValueMut;
use fvm_ipld_bitfield::BitField;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::{SectorNumber, SectorSize};

use crate::amt::{self, Amt, AmtResult};
use crate::bitfield_queue::{bits_of, epoch_key};
use crate::power::{fee_of, power_of};
use crate::schema::deadline::PARTITION_EXPIRATIONS_BITS;
use crate::schema::{ExpirationSet, PowerPair, SectorOnChainInfo};

pub use find::Group;
pub use removal::Removed;

/// Several sectors and what they come to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Totals {
    /// Their numbers.
    pub sectors: BitField,
    /// Their power.
    pub power: PowerPair,
    /// attoFIL pledged for them.
    pub pledge: TokenAmount,
    /// attoFIL that they cost a day.
    pub fee: TokenAmount,
}

impl Totals {
    /// What these sectors come to.
    ///
    /// # Errors
    /// `USR_ASSERTION_FAILED` (24) for a sector without duration.
    pub fn of<'a>(
        sectors: impl IntoIterator<Item = &'a SectorOnChainInfo> + Clone,
        size: SectorSize,
    ) -> Result<Self, ActorError> {
        Ok(Self {
            sectors: bits_of(sectors.clone().into_iter().map(|s| s.sector_number))?,
            power: power_of(size, sectors.clone())?,
            pledge: sectors
                .clone()
                .into_iter()
                .map(|sector| &sector.initial_pledge)
                .sum(),
            fee: fee_of(sectors),
        })
    }

    fn add(&mut self, other: &Totals) {
        self.sectors |= &other.sectors;
        self.power += &other.power;
        self.pledge += &other.pledge;
        self.fee += &other.fee;
    }
}

/// What replacing sectors changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// Numbers of those taken out.
    pub old: BitField,
    /// Numbers of those put in.
    pub new: BitField,
    /// Power that is more.
    pub power: PowerPair,
    /// attoFIL of pledge that are more.
    pub pledge: TokenAmount,
    /// attoFIL of daily fee that are more.
    pub fee: TokenAmount,
}

/// A loaded queue. Epochs are rounded up to the raster of its deadline.
pub struct ExpirationQueue<'s, BS> {
    amt: Amt<'s, BS, ExpirationSet>,
    quant: QuantSpec,
}

impl<'s, BS: Blockstore> ExpirationQueue<'s, BS> {
    /// Loads what a root points at.
    pub fn load(
        store: &'s BS,
        root: &ArrayRoot<ExpirationSet, PARTITION_EXPIRATIONS_BITS>,
        quant: QuantSpec,
    ) -> Result<Self, ActorError> {
        Ok(Self {
            amt: amt::open(root, store)?,
            quant,
        })
    }

    /// Stores what changed and gives the new root.
    pub fn flush(
        &mut self,
    ) -> Result<ArrayRoot<ExpirationSet, PARTITION_EXPIRATIONS_BITS>, ActorError> {
        amt::flush(&mut self.amt)
    }

    /// Adds sectors that are not faulty at their ends (EQ-ADDACTIVE).
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) for a negative end.
    pub fn add_active(
        &mut self,
        sectors: &[SectorOnChainInfo],
        size: SectorSize,
    ) -> Result<Totals, ActorError> {
        let mut by_end: BTreeMap<ChainEpoch, Vec<&SectorOnChainInfo>> = BTreeMap::new();
        for sector in sectors {
            let end = self.quant.up(sector.expiration);
            by_end.entry(end).or_default().push(sector);
        }
        let mut all = Totals::default();
        for (end, group) in by_end {
            let totals = Totals::of(group, size)?;
            let part = ExpirationSet {
                on_time_sectors: totals.sectors.clone(),
                on_time_pledge: totals.pledge.clone(),
                active_power: totals.power.clone(),
                fee_deduction: totals.fee.clone(),
                ..Default::default()
            };
            self.add(end, &part)?;
            all.add(&totals);
        }
        Ok(all)
    }

    /// Takes out sectors that are not faulty (EQ-REMOVEACTIVE).
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when one is not there, or its entry holds less than
    /// the sector is worth.
    pub fn remove_active<'a>(
        &mut self,
        sectors: impl IntoIterator<Item = &'a SectorOnChainInfo>,
        size: SectorSize,
    ) -> Result<Totals, ActorError> {
        let mut all = Totals::default();
        for Group { epoch, totals } in self.find(sectors, size)? {
            let mut entry = self.must_get(epoch)?;
            entry.on_time_sectors -= &totals.sectors;
            entry.on_time_pledge -= &totals.pledge;
            entry.active_power -= &totals.power;
            entry.fee_deduction -= &totals.fee;
            self.put(epoch, entry)?;
            all.add(&totals);
        }
        Ok(all)
    }

    /// Exchanges sectors that are not faulty (EQ-REPLACE).
    ///
    /// # Errors
    /// Those of [`remove_active`](Self::remove_active) and
    /// [`add_active`](Self::add_active).
    pub fn replace(
        &mut self,
        old: &[SectorOnChainInfo],
        new: &[SectorOnChainInfo],
        size: SectorSize,
    ) -> Result<Replacement, ActorError> {
        let old = self.remove_active(old, size)?;
        let new = self.add_active(new, size)?;
        Ok(Replacement {
            power: new.power - &old.power,
            pledge: new.pledge - &old.pledge,
            fee: new.fee - &old.fee,
            old: old.sectors,
            new: new.sectors,
        })
    }

    /// Takes out all entries up to an epoch, and that epoch's, which is not rounded
    /// (EQ-POP). Gives their sum.
    pub fn pop_until(&mut self, until: ChainEpoch) -> Result<ExpirationSet, ActorError> {
        let mut keys = Vec::new();
        let mut popped = ExpirationSet::default();
        self.amt
            .for_each_while(|key, entry| {
                if i128::from(key) > i128::from(until) {
                    return Ok(false);
                }
                keys.push(key);
                popped.add(entry);
                Ok(true)
            })
            .amt("popping expirations")?;
        self.amt
            .batch_delete(keys, true)
            .amt("popping expirations")?;
        Ok(popped)
    }

    /// Calls `visit` for every entry by epoch.
    pub fn for_each(
        &self,
        mut visit: impl FnMut(ChainEpoch, &ExpirationSet) -> Result<(), ActorError>,
    ) -> Result<(), ActorError> {
        self.amt
            .for_each(|key, entry| Ok(visit(key_epoch(key)?, entry)?))
            .amt("walking expirations")
    }

    /// Adds to the entry of an epoch (EQ-ADD).
    fn add(&mut self, epoch: ChainEpoch, part: &ExpirationSet) -> Result<(), ActorError> {
        let epoch = self.quant.up(epoch);
        let mut entry = self.get(epoch)?.cloned().unwrap_or_default();
        entry.add(part);
        entry.check()?;
        self.set(epoch, entry)
    }

    fn get(&self, epoch: ChainEpoch) -> Result<Option<&ExpirationSet>, ActorError> {
        let found = self.amt.get(epoch_key(epoch)?);
        found.amt(format_args!("reading what expires at {epoch}"))
    }

    fn must_get(&self, epoch: ChainEpoch) -> Result<ExpirationSet, ActorError> {
        self.get(epoch)?.cloned().or_exit(
            USR_ILLEGAL_STATE,
            format_args!("nothing expires at {epoch}"),
        )
    }

    /// Checks an entry and writes it, or removes it if no sector is left in it.
    fn put(&mut self, epoch: ChainEpoch, entry: ExpirationSet) -> Result<(), ActorError> {
        entry.check()?;
        if !entry.is_empty() {
            return self.set(epoch, entry);
        }
        self.amt
            .delete(epoch_key(epoch)?)
            .amt(format_args!("removing what expires at {epoch}"))?;
        Ok(())
    }

    fn set(&mut self, epoch: ChainEpoch, entry: ExpirationSet) -> Result<(), ActorError> {
        self.amt
            .set(epoch_key(epoch)?, entry)
            .amt(format_args!("writing what expires at {epoch}"))
    }

    /// Visits entries by epoch while `visit` says so, then removes the visited ones
    /// that have no sectors. Entries that `visit` did not change are not rewritten.
    fn walk(
        &mut self,
        mut visit: impl FnMut(&mut ValueMut<'_, ExpirationSet>) -> Result<bool, ActorError>,
    ) -> Result<(), ActorError> {
        let mut emptied = Vec::new();
        self.amt
            .for_each_while_mut(|key, entry| {
                let further = visit(entry)?;
                if entry.is_empty() {
                    emptied.push(key);
                }
                Ok(further)
            })
            .amt("changing expirations")?;
        self.amt
            .batch_delete(emptied, true)
            .amt("removing expirations")?;
        Ok(())
    }
}

/// Those of `infos` that are among `numbers`, by number.
fn chosen<'a>(
    infos: &BTreeMap<SectorNumber, &'a SectorOnChainInfo>,
    numbers: &BitField,
) -> impl Iterator<Item = &'a SectorOnChainInfo> {
    numbers
        .iter()
        .filter_map(|number| infos.get(&number).copied())
}

fn key_epoch(key: u64) -> Result<ChainEpoch, ActorError> {
    ChainEpoch::try_from(key).or_exit(
        USR_ILLEGAL_STATE,
        format_args!("index {key} of a queue is no epoch"),
    )
}

impl ExpirationSet {
    /// Whether no sector is in it, whatever its amounts.
    pub fn is_empty(&self) -> bool {
        self.on_time_sectors.is_empty() && self.early_sectors.is_empty()
    }

    /// How many sectors are in it.
    pub fn len(&self) -> u64 {
        self.on_time_sectors.len() + self.early_sectors.len()
    }

    /// All sectors in it.
    pub fn sectors(&self) -> BitField {
        &self.on_time_sectors | &self.early_sectors
    }

    /// Adds every component.
    pub fn add(&mut self, other: &ExpirationSet) {
        self.on_time_sectors |= &other.on_time_sectors;
        self.early_sectors |= &other.early_sectors;
        self.on_time_pledge += &other.on_time_pledge;
        self.active_power += &other.active_power;
        self.faulty_power += &other.faulty_power;
        self.fee_deduction += &other.fee_deduction;
    }

    /// Takes every component away.
    fn subtract(&mut self, other: &ExpirationSet) {
        self.on_time_sectors -= &other.on_time_sectors;
        self.early_sectors -= &other.early_sectors;
        self.on_time_pledge -= &other.on_time_pledge;
        self.active_power -= &other.active_power;
        self.faulty_power -= &other.faulty_power;
        self.fee_deduction -= &other.fee_deduction;
    }

    /// No amount may be below nought (check VS).
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20).
    fn check(&self) -> Result<(), ActorError> {
        ensure!(
            !self.on_time_pledge.is_negative()
                && !self.active_power.is_negative()
                && !self.faulty_power.is_negative()
                && !self.fee_deduction.is_negative(),
            USR_ILLEGAL_STATE,
            "sectors that expire together would be worth less than nothing"
        );
        Ok(())
    }
}
