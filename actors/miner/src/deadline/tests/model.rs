//! Deadlines as they would be without queues, sums and bitfields: a list of sectors
//! that know how they are and when they end.

use std::collections::{BTreeMap, BTreeSet};

use boatyard_actors_shared::QuantSpec;
use fvm_shared::bigint::BigInt;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::{SectorNumber, SectorSize};

use crate::partition::ends::Limits;
use crate::power::{fee_of, power_of};
use crate::schema::{PowerPair, SectorOnChainInfo};

pub type Numbers = BTreeSet<SectorNumber>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    Unproven,
    Active,
    Faulty { recovering: bool },
    Terminated { settle: Option<ChainEpoch> },
}

#[derive(Debug, Clone)]
pub struct Sector {
    pub info: SectorOnChainInfo,
    pub health: Health,
    /// In which epoch it ends unless something happens.
    pub end: ChainEpoch,
}

impl Sector {
    pub fn is_live(&self) -> bool {
        !matches!(self.health, Health::Terminated { .. })
    }

    pub fn is_faulty(&self) -> bool {
        matches!(self.health, Health::Faulty { .. })
    }
}

#[derive(Debug, Clone)]
pub struct Model {
    pub partition_size: usize,
    /// Raster by deadline.
    pub quants: Vec<QuantSpec>,
    pub sectors: BTreeMap<SectorNumber, Sector>,
    /// Deadline → partitions → sectors.
    pub partitions: Vec<Vec<Numbers>>,
}

impl Model {
    pub fn new(partition_size: usize, quants: Vec<QuantSpec>) -> Self {
        Self {
            partition_size,
            partitions: vec![Vec::new(); quants.len()],
            quants,
            sectors: BTreeMap::new(),
        }
    }

    pub fn count(
        &self,
        numbers: impl IntoIterator<Item = SectorNumber>,
        test: impl Fn(&Sector) -> bool,
    ) -> Vec<&SectorOnChainInfo> {
        let sectors = numbers.into_iter().map(|number| &self.sectors[&number]);
        let chosen = sectors.filter(|sector| test(sector));
        chosen.map(|sector| &sector.info).collect()
    }

    pub fn power(&self, deadline: usize, test: impl Fn(&Sector) -> bool) -> PowerPair {
        let chosen = self.count(self.in_deadline(deadline), test);
        power_of(SectorSize::_2KiB, chosen).unwrap()
    }

    pub fn fee(&self, deadline: usize) -> TokenAmount {
        fee_of(self.count(self.in_deadline(deadline), Sector::is_live))
    }

    pub fn active_power(&self) -> PowerPair {
        let all = self.sectors.keys().copied();
        let active = self.count(all, |sector| sector.health == Health::Active);
        power_of(SectorSize::_2KiB, active).unwrap()
    }

    /// What is pledged: by live sectors and those to be settled.
    pub fn pledge(&self) -> TokenAmount {
        let all = self.sectors.keys().copied();
        let owing = self.count(all, |sector| {
            sector.health != Health::Terminated { settle: None }
        });
        owing.iter().map(|info| &info.initial_pledge).sum()
    }

    pub fn in_deadline(&self, deadline: usize) -> Vec<SectorNumber> {
        self.partitions[deadline]
            .iter()
            .flatten()
            .copied()
            .collect()
    }

    pub fn add(&mut self, deadline: usize, infos: Vec<SectorOnChainInfo>, health: Health) {
        for info in infos {
            let (number, size) = (info.sector_number, self.partition_size);
            let partitions = &mut self.partitions[deadline];
            match partitions.last_mut() {
                Some(last) if last.len() < size => last.insert(number),
                _ => {
                    partitions.push(Numbers::from([number]));
                    true
                }
            };
            let end = self.quants[deadline].up(info.expiration);
            self.sectors.insert(number, Sector { info, health, end });
        }
    }

    /// Those of the sectors that were well become faulty.
    pub fn fault(&mut self, numbers: &Numbers, last: ChainEpoch) {
        for number in numbers {
            let sector = self.sectors.get_mut(number).unwrap();
            match sector.health {
                Health::Unproven | Health::Active => sector.end = sector.end.min(last),
                Health::Faulty { .. } => {}
                Health::Terminated { .. } => continue,
            }
            sector.health = Health::Faulty { recovering: false };
        }
    }

    pub fn declare_recovered(&mut self, numbers: &Numbers) {
        for number in numbers {
            let sector = self.sectors.get_mut(number).unwrap();
            if sector.is_faulty() {
                sector.health = Health::Faulty { recovering: true };
            }
        }
    }

    pub fn prove(
        &mut self,
        deadline: usize,
        partition: usize,
        skipped: &Numbers,
        last: ChainEpoch,
    ) {
        self.fault(skipped, last);
        for number in self.partitions[deadline][partition].clone() {
            let sector = self.sectors.get_mut(&number).unwrap();
            if let Health::Unproven | Health::Faulty { recovering: true } = sector.health {
                sector.health = Health::Active;
                sector.end = self.quants[deadline].up(sector.info.expiration);
            }
        }
    }

    /// Closes a window. Gives the pledge that is released.
    pub fn close(
        &mut self,
        deadline: usize,
        posted: &BTreeSet<usize>,
        now: ChainEpoch,
        last: ChainEpoch,
    ) -> TokenAmount {
        for partition in 0..self.partitions[deadline].len() {
            if !posted.contains(&partition) {
                self.fault(&self.partitions[deadline][partition].clone(), last);
            }
        }
        let mut released = TokenAmount::default();
        for number in self.in_deadline(deadline) {
            let nominal = self.quants[deadline].up(self.sectors[&number].info.expiration);
            let sector = self.sectors.get_mut(&number).unwrap();
            if sector.is_live() && sector.end <= now {
                let early = sector.end < nominal;
                if !early {
                    released += &sector.info.initial_pledge;
                }
                sector.health = Health::Terminated {
                    settle: early.then_some(now),
                };
            }
        }
        released
    }

    pub fn terminate(&mut self, numbers: &Numbers, epoch: ChainEpoch) {
        for number in numbers {
            self.sectors.get_mut(number).unwrap().health = Health::Terminated {
                settle: Some(epoch),
            };
        }
    }

    pub fn replace(&mut self, deadline: usize, infos: &[SectorOnChainInfo]) {
        for info in infos {
            let sector = self.sectors.get_mut(&info.sector_number).unwrap();
            sector.end = self.quants[deadline].up(info.expiration);
            sector.info = info.clone();
        }
    }

    /// Partitions with sectors to be settled: by epoch and number.
    fn to_settle(&self, partition: &Numbers) -> BTreeSet<(ChainEpoch, SectorNumber)> {
        partition
            .iter()
            .filter_map(|number| match self.sectors[number].health {
                Health::Terminated {
                    settle: Some(epoch),
                } => Some((epoch, *number)),
                _ => None,
            })
            .collect()
    }

    pub fn has_to_settle(&self, deadline: usize) -> bool {
        let mut partitions = self.partitions[deadline].iter();
        partitions.any(|partition| !self.to_settle(partition).is_empty())
    }

    /// Takes sectors for settlement; also gives how many partitions were looked at.
    pub fn settle(&mut self, limits: Limits) -> (BTreeMap<ChainEpoch, Numbers>, u64) {
        let (mut taken, mut sectors, mut partitions) = (BTreeMap::new(), 0, 0);
        for partition in self.partitions.clone().into_iter().flatten() {
            let waiting = self.to_settle(&partition);
            if waiting.is_empty() || sectors >= limits.sectors || partitions >= limits.partitions {
                continue;
            }
            partitions += 1;
            for (epoch, number) in waiting
                .into_iter()
                .take((limits.sectors - sectors) as usize)
            {
                sectors += 1;
                taken
                    .entry(epoch)
                    .or_insert_with(Numbers::new)
                    .insert(number);
                self.sectors.get_mut(&number).unwrap().health = Health::Terminated { settle: None };
            }
        }
        (taken, partitions)
    }

    pub fn is_compactable(&self, deadline: usize, chosen: &BTreeSet<usize>) -> bool {
        let partitions = &self.partitions[deadline];
        let well = |number: &SectorNumber| {
            let sector = &self.sectors[number];
            !sector.is_faulty() && sector.health != Health::Unproven
        };
        chosen.is_empty()
            || (chosen.iter().all(|index| *index < partitions.len())
                && !self.has_to_settle(deadline)
                && chosen
                    .iter()
                    .all(|index| partitions[*index].iter().all(well)))
    }

    /// Dissolves partitions. Gives the dead.
    pub fn compact(&mut self, deadline: usize, chosen: &BTreeSet<usize>) -> Numbers {
        let partitions = std::mem::take(&mut self.partitions[deadline]);
        let (mut live, mut dead) = (Vec::new(), Numbers::new());
        for (index, partition) in partitions.into_iter().enumerate() {
            if !chosen.contains(&index) {
                self.partitions[deadline].push(partition);
                continue;
            }
            for number in partition {
                let sector = self.sectors.remove(&number).unwrap();
                match sector.is_live() {
                    true => live.push(sector.info),
                    false => {
                        dead.insert(number);
                    }
                }
            }
        }
        live.sort_by_key(|info| info.sector_number);
        self.add(deadline, live, Health::Active);
        dead
    }

    /// Epoch → sectors that end then in time, and early.
    pub fn ends(&self, deadline: usize, partition: &Numbers) -> BTreeMap<ChainEpoch, [Numbers; 2]> {
        let mut ends: BTreeMap<ChainEpoch, [Numbers; 2]> = BTreeMap::new();
        for number in partition {
            let sector = &self.sectors[number];
            if sector.is_live() {
                let early = sector.end < self.quants[deadline].up(sector.info.expiration);
                let [in_time, too_early] = ends.entry(sector.end).or_default();
                if early { too_early } else { in_time }.insert(*number);
            }
        }
        ends
    }
}

/// A weight of verified data that is a part of the sector's space for its life.
pub fn weight(tenths: i64, life: ChainEpoch) -> BigInt {
    BigInt::from(SectorSize::_2KiB as u64) * life * tenths / 10
}
