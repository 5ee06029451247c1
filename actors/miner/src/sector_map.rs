//! Sectors addressed by deadline and partition (spec 06 §14.2).

use std::collections::BTreeMap;

use boatyard_actors_shared::Policy;
use boatyard_sdk::{ActorError, ensure};
use fvm_ipld_bitfield::BitField;

use crate::deadline::PartitionSectors;
use crate::schema::MinerInfo;

/// Deadline → partition → sectors, within the limits of a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeadlineSectorMap(BTreeMap<u64, PartitionSectors>);

impl DeadlineSectorMap {
    /// Collects triples of deadline, partition and sectors. What is said of one
    /// partition at several places is united.
    ///
    /// # Errors
    /// `USR_ILLEGAL_ARGUMENT` (16) for a deadline that does not exist, too many
    /// partitions or too many sectors.
    pub fn collect<'a>(
        policy: &Policy,
        addressed: impl IntoIterator<Item = (u64, u64, &'a BitField)>,
    ) -> Result<Self, ActorError> {
        let mut said: BTreeMap<u64, BTreeMap<u64, Vec<&BitField>>> = BTreeMap::new();
        for (deadline, partition, sectors) in addressed {
            ensure!(
                deadline < policy.wpost_period_deadlines,
                USR_ILLEGAL_ARGUMENT,
                "there is no deadline {deadline}"
            );
            let partitions = said.entry(deadline).or_default();
            partitions.entry(partition).or_default().push(sectors);
        }
        let partitions = said.values().map(|partitions| partitions.len() as u64);
        let partitions: u64 = partitions.sum();
        ensure!(
            partitions <= policy.addressed_partitions_max,
            USR_ILLEGAL_ARGUMENT,
            "{partitions} partitions are more than {}",
            policy.addressed_partitions_max
        );
        let map: BTreeMap<u64, PartitionSectors> = said
            .into_iter()
            .map(|(deadline, partitions)| {
                let partitions = partitions.into_iter();
                let united = partitions.map(|(partition, sets)| (partition, unite(&sets)));
                (deadline, united.collect())
            })
            .collect();
        let sectors: u128 = map
            .values()
            .flat_map(BTreeMap::values)
            .map(|sectors| u128::from(sectors.len()))
            .sum();
        ensure!(
            sectors <= u128::from(policy.addressed_sectors_max),
            USR_ILLEGAL_ARGUMENT,
            "{sectors} sectors are more than {}",
            policy.addressed_sectors_max
        );
        Ok(Self(map))
    }

    /// The partitions of each deadline, by index.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &PartitionSectors)> {
        self.0
            .iter()
            .map(|(deadline, partitions)| (*deadline, partitions))
    }
}

/// The union of sets, by halves: uniting them one after the other would take the square
/// of the time that as many declarations of one sector each need.
fn unite(sets: &[&BitField]) -> BitField {
    match sets {
        [] => BitField::new(),
        [one] => (*one).clone(),
        _ => {
            let (left, right) = sets.split_at(sets.len() / 2);
            unite(left) | unite(right)
        }
    }
}

impl MinerInfo {
    /// How many partitions a message may address.
    pub fn partitions_max(&self, policy: &Policy) -> u64 {
        policy
            .addressed_sectors_max
            .checked_div(self.window_post_partition_sectors)
            .unwrap_or(0)
            .min(policy.addressed_partitions_max)
    }
}

#[cfg(test)]
mod tests {
    use boatyard_sdk::NetworkVariant;

    use super::*;
    use crate::bitfield_queue::bits_of;
    use crate::testing::below;

    fn collect(addressed: &[(u64, u64, BitField)]) -> Result<DeadlineSectorMap, ActorError> {
        let policy = Policy::of(NetworkVariant::Mainnet);
        let addressed = addressed
            .iter()
            .map(|(deadline, partition, sectors)| (*deadline, *partition, sectors));
        DeadlineSectorMap::collect(policy, addressed)
    }

    #[test]
    fn repeated_partitions_are_united() {
        let map = collect(&[
            (3, 1, bits_of([1, 2]).unwrap()),
            (0, 5, BitField::new()),
            (3, 1, bits_of([2, 9]).unwrap()),
            (3, 0, bits_of([7]).unwrap()),
        ])
        .unwrap();
        let found: Vec<_> = map
            .iter()
            .map(|(deadline, partitions)| (deadline, partitions.clone()))
            .collect();
        let expected = [
            (0, vec![(5, BitField::new())]),
            (
                3,
                vec![(0, bits_of([7]).unwrap()), (1, bits_of([1, 2, 9]).unwrap())],
            ),
        ];
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(deadline, partitions)| (deadline, partitions.into_iter().collect()))
            .collect();
        assert_eq!(found, expected);
        assert_eq!(collect(&[]).unwrap().iter().count(), 0);
    }

    #[test]
    fn many_declarations_of_a_sector_each_are_quick() {
        let declared: Vec<_> = (0..20_000u64)
            .map(|number| (0, 0, bits_of([number * 2]).unwrap()))
            .collect();
        let map = collect(&declared).unwrap();
        let (_, partitions) = map.iter().next().unwrap();
        assert_eq!(partitions[&0].len(), 20_000);
    }

    /// The last sets are short in bytes and name nearly all numbers there are.
    #[test]
    fn limits_hold() {
        let partitions = |count: u64| {
            let triples: Vec<_> = (0..count).map(|i| (i % 48, i, BitField::new())).collect();
            collect(&triples)
        };
        assert!(partitions(3_000).is_ok());
        assert!(collect(&[(0, 0, below(12_500)), (1, 0, below(12_500))]).is_ok());
        for refused in [
            partitions(3_001),
            collect(&[(48, 0, BitField::new())]),
            collect(&[(0, 0, below(25_001))]),
            collect(&[(0, 0, below(u64::MAX)), (1, 0, below(u64::MAX))]),
        ] {
            assert_eq!(refused.unwrap_err().exit_code().value(), 16);
        }
    }
}
