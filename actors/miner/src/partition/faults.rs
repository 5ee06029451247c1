//! Faults, recoveries and proofs of a partition.

use boatyard_sdk::{ActorError, ensure};
use fvm_ipld_bitfield::BitField;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::clock::ChainEpoch;

use super::Frame;
use crate::power::power_of;
use crate::schema::{Partition, PowerPair, SectorOnChainInfo};
use crate::sectors::Sectors;

/// What sectors that became faulty change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Faulted {
    /// Those that were not faulty before.
    pub new: BitField,
    /// Power that the miner gains; negative or nought.
    pub power_delta: PowerPair,
    /// Power that became faulty.
    pub faulty_power: PowerPair,
}

/// What sectors left out of a proof change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Skipped {
    /// Those that became faulty.
    pub faulted: Faulted,
    /// Power of those that were to recover and do not.
    pub retracted_power: PowerPair,
}

/// What a partition without a proof changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Missed {
    /// Power that the miner gains; negative or nought.
    pub power_delta: PowerPair,
    /// Power that became faulty, and power that was to recover and did not.
    pub penalized_power: PowerPair,
    /// Power that became faulty.
    pub faulty_power: PowerPair,
}

impl Partition {
    /// Declares faults, whatever state the sectors are in (P-DECLARE). What is faulty
    /// or terminated stays so, what is to recover is not any more.
    ///
    /// # Errors
    /// `USR_ILLEGAL_ARGUMENT` (16) for sectors that are not of the partition,
    /// `USR_NOT_FOUND` (17) for those without a record.
    pub fn declare_faults<BS: Blockstore>(
        &mut self,
        frame: Frame<'_, BS>,
        numbers: &BitField,
        sectors: &Sectors<'_, BS>,
        last: ChainEpoch,
    ) -> Result<Faulted, ActorError> {
        self.ensure_mine(numbers)?;
        let retracted = &self.recoveries & numbers;
        let new = numbers - &retracted - &self.terminated - &self.faults;

        let infos = sectors.load_all(&new)?;
        let faulted = match infos.is_empty() {
            true => Faulted::default(),
            false => self.mark_faulty(frame, new, &infos, last)?,
        };
        let infos = sectors.load_all(&retracted)?;
        if !infos.is_empty() {
            self.recoveries -= &retracted;
            self.recovering_power -= &power_of(frame.size, &infos)?;
        }
        self.check()?;
        Ok(faulted)
    }

    /// Leaves sectors out of a proof (P-SKIP): those that were well become faulty.
    ///
    /// # Errors
    /// `USR_ILLEGAL_ARGUMENT` (16) for sectors that are not of the partition,
    /// `USR_NOT_FOUND` (17) for those without a record.
    pub fn skip<BS: Blockstore>(
        &mut self,
        frame: Frame<'_, BS>,
        skipped: &BitField,
        sectors: &Sectors<'_, BS>,
        last: ChainEpoch,
    ) -> Result<Skipped, ActorError> {
        if skipped.is_empty() {
            return Ok(Skipped::default());
        }
        self.ensure_mine(skipped)?;
        let retracted = &self.recoveries & skipped;
        let retracted_power = power_of(frame.size, &sectors.load_all(&retracted)?)?;

        let new = skipped - &self.terminated - &self.faults;
        let infos = sectors.load_all(&new)?;
        let faulted = self.mark_faulty(frame, new, &infos, last)?;

        self.recoveries -= &retracted;
        self.recovering_power -= &retracted_power;
        self.check()?;
        Ok(Skipped {
            faulted,
            retracted_power,
        })
    }

    /// Makes well what is to recover (P-RECOVER). Gives its power.
    ///
    /// # Errors
    /// `USR_NOT_FOUND` (17) for a sector without a record.
    pub fn recover<BS: Blockstore>(
        &mut self,
        frame: Frame<'_, BS>,
        sectors: &Sectors<'_, BS>,
    ) -> Result<PowerPair, ActorError> {
        let infos = sectors.load_all(&self.recoveries)?;
        let mut queue = self.queue(frame)?;
        let power = queue.recover(&infos, frame.size)?;
        self.expirations_epochs = queue.flush()?;

        self.faults -= &std::mem::take(&mut self.recoveries);
        self.faulty_power -= &power;
        self.recovering_power -= &power;
        self.check()?;
        Ok(power)
    }

    /// Makes active what was never proven (P-ACTIVATE). Gives its power.
    pub fn activate_unproven(&mut self) -> PowerPair {
        self.unproven = BitField::new();
        std::mem::take(&mut self.unproven_power)
    }

    /// Declares that faulty sectors are well again (P-DECLARERECOVERED). Others are
    /// left alone.
    ///
    /// # Errors
    /// `USR_ILLEGAL_ARGUMENT` (16) for sectors that are not of the partition,
    /// `USR_NOT_FOUND` (17) for those without a record.
    pub fn declare_recovered<BS: Blockstore>(
        &mut self,
        frame: Frame<'_, BS>,
        numbers: &BitField,
        sectors: &Sectors<'_, BS>,
    ) -> Result<(), ActorError> {
        self.ensure_mine(numbers)?;
        let recovering = (numbers & &self.faults) - &self.recoveries;
        let infos = sectors.load_all(&recovering)?;
        self.recoveries |= &recovering;
        self.recovering_power += &power_of(frame.size, &infos)?;
        self.check()
    }

    /// Notes that the window closed without a proof (P-MISSED): all live sectors are
    /// faulty.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when something would have ended early after `last`.
    pub fn miss_post<BS: Blockstore>(
        &mut self,
        frame: Frame<'_, BS>,
        last: ChainEpoch,
    ) -> Result<Missed, ActorError> {
        let mut queue = self.queue(frame)?;
        queue.mark_all_faulty(last)?;
        self.expirations_epochs = queue.flush()?;

        let faulty_power = &self.live_power - &self.faulty_power;
        let missed = Missed {
            power_delta: &self.unproven_power - &faulty_power,
            penalized_power: &self.recovering_power + &faulty_power,
            faulty_power,
        };
        self.faults = self.live();
        self.recoveries = BitField::new();
        self.unproven = BitField::new();
        self.faulty_power = self.live_power.clone();
        self.recovering_power = PowerPair::zero();
        self.unproven_power = PowerPair::zero();
        self.check()?;
        Ok(missed)
    }

    /// Marks sectors faulty that are not (P-MARKFAULTY).
    fn mark_faulty<BS: Blockstore>(
        &mut self,
        frame: Frame<'_, BS>,
        numbers: BitField,
        infos: &[SectorOnChainInfo],
        last: ChainEpoch,
    ) -> Result<Faulted, ActorError> {
        let mut queue = self.queue(frame)?;
        let faulty_power = queue.mark_faulty(last, infos, frame.size)?;
        self.expirations_epochs = queue.flush()?;

        self.faults |= &numbers;
        self.faulty_power += &faulty_power;
        let unproven = &numbers & &self.unproven;
        let unproven_power = power_among(infos, &unproven, frame)?;
        self.unproven -= &unproven;
        self.unproven_power -= &unproven_power;
        self.check()?;
        Ok(Faulted {
            new: numbers,
            power_delta: unproven_power - &faulty_power,
            faulty_power,
        })
    }

    fn ensure_mine(&self, numbers: &BitField) -> Result<(), ActorError> {
        ensure!(
            self.sectors.contains_all(numbers),
            USR_ILLEGAL_ARGUMENT,
            "not all of the sectors are in the partition"
        );
        Ok(())
    }
}

/// Power of those sectors that are among `numbers`.
pub(super) fn power_among<BS>(
    infos: &[SectorOnChainInfo],
    numbers: &BitField,
    frame: Frame<'_, BS>,
) -> Result<PowerPair, ActorError> {
    let among = infos
        .iter()
        .filter(|sector| numbers.get(sector.sector_number));
    power_of(frame.size, among)
}
