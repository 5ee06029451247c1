//! What must hold of a partition.

use std::collections::BTreeSet;
use std::fmt;

use boatyard_actors_shared::{QuantSpec, Violations};
use boatyard_sdk::ActorError;
use fvm_ipld_bitfield::BitField;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;

use super::deadline::Scope;
use super::{Records, SectorFacts, Sums, list};
use crate::amt::{self, AmtResult};
use crate::expiration_queue::ExpirationQueue;
use crate::power::power_of;
use crate::schema::{ExpirationSet, Partition, PowerPair, SectorOnChainInfo};

/// Which partition it is.
pub(super) struct Place {
    pub deadline: u64,
    pub partition: u64,
    pub quant: QuantSpec,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "partition {} of deadline {}",
            self.partition, self.deadline
        )
    }
}

/// What the deadline has to agree with.
pub(super) struct Facts {
    /// When something expires.
    pub expirations: BTreeSet<ChainEpoch>,
    /// attoFIL, of the live sectors.
    pub daily_fee: TokenAmount,
    /// Whether there are terminations to settle.
    pub to_settle: bool,
}

pub(super) fn check<BS: Blockstore>(
    scope: &Scope<'_, BS>,
    place: &Place,
    partition: &Partition,
    sums: &mut Sums,
    found: &mut Violations,
) -> Result<Facts, ActorError> {
    let twice = &partition.sectors & &sums.placed;
    found.require(twice.is_empty(), || {
        format!("sectors {} are in {place} and in another", list(&twice))
    });
    sums.placed |= &partition.sectors;
    check_sets(place, partition, found);

    let walk = Walk {
        scope,
        place,
        partition,
    };
    let live = walk.records(&partition.live(), found);
    walk.check_powers(&live, found)?;
    let expirations = walk.check_expirations(found)?;
    let unsettled = walk.check_early_terminations(found)?;

    sums.active_power += &partition.active_power();
    for sector in &live {
        sums.pledge += &sector.initial_pledge;
        let faulty = partition.faults.get(sector.sector_number);
        let facts = SectorFacts::of(sector, faulty);
        sums.live.insert(sector.sector_number, facts);
    }
    for sector in walk.records(&unsettled, found) {
        sums.pledge += &sector.initial_pledge;
    }
    Ok(Facts {
        expirations,
        daily_fee: live.iter().map(|sector| &sector.daily_fee).sum(),
        to_settle: !unsettled.is_empty(),
    })
}

fn check_sets(place: &Place, partition: &Partition, found: &mut Violations) {
    let Partition {
        sectors,
        unproven,
        faults,
        recoveries,
        terminated,
        ..
    } = partition;
    for (part, part_name, whole, whole_name) in [
        (unproven, "unproven", sectors, "in it"),
        (faults, "faulty", sectors, "in it"),
        (terminated, "terminated", sectors, "in it"),
        (recoveries, "recovering", faults, "faulty"),
    ] {
        let outside = part - whole;
        found.require(outside.is_empty(), || {
            format!(
                "sectors {} of {place} are {part_name} but not {whole_name}",
                list(&outside)
            )
        });
    }
    for (one, one_name, other, other_name) in [
        (terminated, "terminated", faults, "faulty"),
        (terminated, "terminated", unproven, "unproven"),
        (faults, "faulty", unproven, "unproven"),
    ] {
        let both = one & other;
        found.require(both.is_empty(), || {
            format!(
                "sectors {} of {place} are {one_name} and {other_name}",
                list(&both)
            )
        });
    }
}

struct Walk<'a, BS> {
    scope: &'a Scope<'a, BS>,
    place: &'a Place,
    partition: &'a Partition,
}

impl<'a, BS: Blockstore> Walk<'a, BS> {
    /// The records of sectors; a missing one is a violation.
    fn records(&self, numbers: &BitField, found: &mut Violations) -> Vec<&'a SectorOnChainInfo> {
        let records: &'a Records = self.scope.records;
        let mut present = Vec::new();
        for number in numbers.iter() {
            match records.get(&number) {
                Some(record) => present.push(record),
                None => found.add(format!("sector {number} of {} has no record", self.place)),
            }
        }
        present
    }

    fn power<'s>(
        &self,
        sectors: impl IntoIterator<Item = &'s &'s SectorOnChainInfo>,
    ) -> Result<PowerPair, ActorError> {
        power_of(self.scope.info.sector_size, sectors.into_iter().copied())
    }

    fn check_powers(
        &self,
        live: &[&SectorOnChainInfo],
        found: &mut Violations,
    ) -> Result<(), ActorError> {
        let Partition {
            unproven,
            faults,
            recoveries,
            ..
        } = self.partition;
        let among =
            |set: &BitField| self.power(live.iter().filter(|sector| set.get(sector.sector_number)));
        for (what, counted, noted) in [
            ("live", self.power(live)?, &self.partition.live_power),
            ("unproven", among(unproven)?, &self.partition.unproven_power),
            ("faulty", among(faults)?, &self.partition.faulty_power),
            (
                "recovering",
                among(recoveries)?,
                &self.partition.recovering_power,
            ),
        ] {
            found.require(counted == *noted, || {
                format!(
                    "{} has {what} power {}, {} by quality; {}, {} is noted",
                    self.place, counted.raw, counted.qa, noted.raw, noted.qa
                )
            });
        }
        Ok(())
    }

    /// Gives the epochs at which something expires.
    fn check_expirations(
        &self,
        found: &mut Violations,
    ) -> Result<BTreeSet<ChainEpoch>, ActorError> {
        let root = &self.partition.expirations_epochs;
        let queue = ExpirationQueue::load(self.scope.store, root, self.place.quant)?;
        let mut epochs = BTreeSet::new();
        let mut all = BitField::new();
        queue.for_each(|epoch, entry| {
            epochs.insert(epoch);
            found.require(self.place.quant.up(epoch) == epoch, || {
                format!(
                    "sectors of {} expire at {epoch}, not on its raster",
                    self.place
                )
            });
            let twice =
                (&entry.on_time_sectors & &entry.early_sectors) | &(&entry.sectors() & &all);
            found.require(twice.is_empty(), || {
                format!("sectors {} of {} expire twice", list(&twice), self.place)
            });
            all |= entry.sectors();
            self.check_entry(epoch, entry, found)
        })?;
        let live = self.partition.live();
        found.require(all == live, || {
            format!(
                "of {} sectors [{}] live and never expire, [{}] expire and do not live",
                self.place,
                list(&(&live - &all)),
                list(&(&all - &live))
            )
        });
        Ok(epochs)
    }

    fn check_entry(
        &self,
        epoch: ChainEpoch,
        entry: &ExpirationSet,
        found: &mut Violations,
    ) -> Result<(), ActorError> {
        let Self {
            place, partition, ..
        } = self;
        found.require(!entry.is_empty(), || {
            format!("nothing of {place} expires at {epoch}, and it is noted")
        });
        let on_time = self.records(&entry.on_time_sectors, found);
        let early = self.records(&entry.early_sectors, found);
        for sector in &on_time {
            let end = place.quant.up(sector.expiration);
            found.require(end == epoch, || {
                format!(
                    "sector {} of {place} expires at {epoch}, in time at {end}",
                    sector.sector_number
                )
            });
        }
        for sector in &early {
            let end = place.quant.up(sector.expiration);
            found.require(epoch < end, || {
                format!(
                    "sector {} of {place} expires early at {epoch}, in time at {end}",
                    sector.sector_number
                )
            });
        }
        let well = &entry.early_sectors - &partition.faults;
        found.require(well.is_empty(), || {
            format!(
                "sectors {} of {place} expire early, but are well",
                list(&well)
            )
        });

        let pledge: TokenAmount = on_time.iter().map(|s| &s.initial_pledge).sum();
        found.require(pledge == entry.on_time_pledge, || {
            format!(
                "{pledge} FIL of pledge of {place} go with {epoch}, {} is noted",
                entry.on_time_pledge
            )
        });
        let all: Vec<&SectorOnChainInfo> = on_time.into_iter().chain(early).collect();
        let fee: TokenAmount = all.iter().map(|sector| &sector.daily_fee).sum();
        found.require(fee == entry.fee_deduction, || {
            format!(
                "{fee} FIL a day of {place} go with {epoch}, {} is noted",
                entry.fee_deduction
            )
        });
        let (faulty, active): (Vec<&SectorOnChainInfo>, Vec<&SectorOnChainInfo>) = all
            .into_iter()
            .partition(|sector| partition.faults.get(sector.sector_number));
        for (what, counted, noted) in [
            ("active", self.power(&active)?, &entry.active_power),
            ("faulty", self.power(&faulty)?, &entry.faulty_power),
        ] {
            found.require(counted == *noted, || {
                format!(
                    "{what} power {}, {} by quality of {place} goes with {epoch}; {}, {} is noted",
                    counted.raw, counted.qa, noted.raw, noted.qa
                )
            });
        }
        Ok(())
    }

    /// Gives the sectors whose termination is to be settled.
    fn check_early_terminations(&self, found: &mut Violations) -> Result<BitField, ActorError> {
        let mut all = BitField::new();
        amt::open(&self.partition.early_terminated, self.scope.store)?
            .for_each(|epoch, sectors| {
                let twice = &all & sectors;
                found.require(twice.is_empty() && !sectors.is_empty(), || {
                    format!(
                        "{} has {} sectors terminated at {epoch}, {} of them twice",
                        self.place,
                        sectors.len(),
                        twice.len()
                    )
                });
                all |= sectors;
                Ok(())
            })
            .amt("walking terminations")?;
        let alive = &all - &self.partition.terminated;
        found.require(alive.is_empty(), || {
            format!(
                "sectors {} of {} are to be settled, but not terminated",
                list(&alive),
                self.place
            )
        });
        Ok(all)
    }
}
