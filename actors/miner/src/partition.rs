//! What happens to the sectors of a partition (spec 06 §9).
//!
//! | operation | module |
//! |---|---|
//! | adding, replacing, what is live and active | this one |
//! | faults, recoveries, proofs | [`faults`] |
//! | ends: expiration, termination, settlement | [`ends`] |
//!
//! Each operation ends with a check (VP of the sheet): what it leaves is consistent
//! or the message fails.

pub mod ends;
pub mod faults;

use boatyard_actors_shared::QuantSpec;
use boatyard_sdk::{ActorError, ensure};
use fvm_ipld_bitfield::BitField;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::SectorSize;

use crate::amt;
use crate::expiration_queue::{ExpirationQueue, Replacement, Totals};
use crate::schema::{Partition, PowerPair, SectorOnChainInfo};

/// What the operations on a deadline and its partitions need besides them.
#[derive(Debug)]
pub struct Frame<'s, BS> {
    /// Where the state lies.
    pub store: &'s BS,
    /// Size of the miner's sectors.
    pub size: SectorSize,
    /// Raster of the deadline's last epochs.
    pub quant: QuantSpec,
}

impl<BS> Clone for Frame<'_, BS> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<BS> Copy for Frame<'_, BS> {}

/// Whether sectors are new to the miner or only to the partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placing {
    /// Never proven yet; their fees are added to the deadline's.
    New,
    /// Proven before; the deadline counts their fees already.
    Again,
}

/// What replacing sectors changes in a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// Power that is more.
    pub power: PowerPair,
    /// attoFIL of pledge that are more.
    pub pledge: TokenAmount,
    /// attoFIL of daily fee that are more.
    pub fee: TokenAmount,
}

impl Partition {
    /// A partition without sectors.
    pub fn new(store: &impl Blockstore) -> Result<Self, ActorError> {
        Ok(Self {
            sectors: BitField::new(),
            unproven: BitField::new(),
            faults: BitField::new(),
            recoveries: BitField::new(),
            terminated: BitField::new(),
            expirations_epochs: amt::empty(store)?,
            early_terminated: amt::empty(store)?,
            live_power: PowerPair::zero(),
            unproven_power: PowerPair::zero(),
            faulty_power: PowerPair::zero(),
            recovering_power: PowerPair::zero(),
        })
    }

    /// Sectors that are not terminated.
    pub fn live(&self) -> BitField {
        &self.sectors - &self.terminated
    }

    /// Sectors that count for power: live, proven and not faulty.
    pub fn active(&self) -> BitField {
        self.live() - &self.faults - &self.unproven
    }

    /// Power of the active sectors.
    pub fn active_power(&self) -> PowerPair {
        &self.live_power - &self.faulty_power - &self.unproven_power
    }

    /// Puts sectors in (P-ADD). Gives their power and daily fee.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when one is there already.
    pub fn add_sectors<BS: Blockstore>(
        &mut self,
        frame: Frame<'_, BS>,
        placing: Placing,
        sectors: &[SectorOnChainInfo],
    ) -> Result<(PowerPair, TokenAmount), ActorError> {
        let mut queue = self.queue(frame)?;
        let Totals {
            sectors,
            power,
            fee,
            ..
        } = queue.add_active(sectors, frame.size)?;
        self.expirations_epochs = queue.flush()?;
        ensure!(
            !self.sectors.contains_any(&sectors),
            USR_ILLEGAL_STATE,
            "a sector is in its partition already"
        );
        self.sectors |= &sectors;
        self.live_power += &power;
        if placing == Placing::New {
            self.unproven |= &sectors;
            self.unproven_power += &power;
        }
        self.check()?;
        Ok((power, fee))
    }

    /// Exchanges active sectors for others, or for new records of the same
    /// (P-REPLACE).
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when an old one is not active.
    pub fn replace_sectors<BS: Blockstore>(
        &mut self,
        frame: Frame<'_, BS>,
        old: &[SectorOnChainInfo],
        new: &[SectorOnChainInfo],
    ) -> Result<Replaced, ActorError> {
        let mut queue = self.queue(frame)?;
        let Replacement {
            old,
            new,
            power,
            pledge,
            fee,
        } = queue.replace(old, new, frame.size)?;
        self.expirations_epochs = queue.flush()?;
        ensure!(
            self.active().contains_all(&old),
            USR_ILLEGAL_STATE,
            "only sectors that are proven, not faulty and not terminated can be replaced"
        );
        self.sectors -= &old;
        self.sectors |= &new;
        self.live_power += &power;
        self.check()?;
        Ok(Replaced { power, pledge, fee })
    }

    fn queue<'s, BS: Blockstore>(
        &self,
        frame: Frame<'s, BS>,
    ) -> Result<ExpirationQueue<'s, BS>, ActorError> {
        ExpirationQueue::load(frame.store, &self.expirations_epochs, frame.quant)
    }

    /// The relations between the sets and between the powers (check VP).
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20).
    fn check(&self) -> Result<(), ActorError> {
        let Self {
            live_power: live,
            unproven_power: unproven,
            faulty_power: faulty,
            recovering_power: recovering,
            ..
        } = self;
        ensure!(
            ![live, unproven, faulty, recovering]
                .into_iter()
                .any(PowerPair::is_negative),
            USR_ILLEGAL_STATE,
            "a partition's power would be below nought"
        );
        ensure!(
            unproven.raw <= live.raw
                && faulty.raw <= live.raw
                && recovering.raw <= live.raw
                && recovering.raw <= faulty.raw,
            USR_ILLEGAL_STATE,
            "a part of a partition would have more power than the whole"
        );
        let ill = &self.unproven | &self.faults;
        ensure!(
            !self.terminated.contains_any(&ill)
                && self.sectors.contains_all(&(ill | &self.terminated))
                && self.faults.contains_all(&self.recoveries),
            USR_ILLEGAL_STATE,
            "the sets of a partition's sectors would not fit together"
        );
        Ok(())
    }
}
