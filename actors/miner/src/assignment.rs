//! Which deadline a sector gets (spec 06 §10.1).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use boatyard_actors_shared::Policy;
use boatyard_sdk::{ActorError, Context, ensure, exit_codes::*};
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::sector::SectorSize;

use crate::partition::Placing;
use crate::schema::{SectorOnChainInfo, State};

/// How full a deadline is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fill {
    /// Its index.
    pub index: u64,
    /// Sectors that are not terminated.
    pub live_sectors: u64,
    /// Sectors that take room: until compaction the terminated ones too.
    pub total_sectors: u64,
}

/// The order in which deadlines are preferred: fewest partitions to prove after the
/// sector came, then fewest to keep, then those with a partition begun and the fuller
/// of them, then fewest live sectors, then the lowest index.
type Preference = (u64, u64, bool, Reverse<u64>, u64, u64);

impl Fill {
    fn preference(self, partition_size: u64) -> Preference {
        let all_full = self.total_sectors.is_multiple_of(partition_size);
        let begun = if all_full { 0 } else { self.total_sectors };
        (
            (self.live_sectors + 1).div_ceil(partition_size),
            (self.total_sectors + 1).div_ceil(partition_size),
            all_full,
            Reverse(begun),
            self.live_sectors,
            self.index,
        )
    }
}

/// Chooses a deadline for each of `sectors`, which are sorted by number, among those
/// given (S-ASSIGN). Gives the sectors of each deadline that gets some.
///
/// # Errors
/// `USR_ILLEGAL_STATE` (20) when no deadline has room for one more.
pub fn assign(
    max_partitions: u64,
    partition_size: u64,
    candidates: impl IntoIterator<Item = Fill>,
    sectors: Vec<SectorOnChainInfo>,
) -> Result<BTreeMap<u64, Vec<SectorOnChainInfo>>, ActorError> {
    ensure!(
        partition_size > 0,
        USR_ILLEGAL_STATE,
        "partitions have no room for sectors"
    );
    let mut fills = BTreeMap::new();
    let mut order = BTreeSet::new();
    for fill in candidates {
        order.insert(fill.preference(partition_size));
        fills.insert(fill.index, fill);
    }
    let mut assigned: BTreeMap<u64, Vec<SectorOnChainInfo>> = BTreeMap::new();
    for sector in sectors {
        let (.., index) = order
            .pop_first()
            .or_exit(USR_ILLEGAL_STATE, "no deadline takes sectors now")?;
        let fill = fills
            .get_mut(&index)
            .or_exit(USR_ILLEGAL_STATE, "a deadline is missing")?;
        ensure!(
            fill.total_sectors < max_partitions.saturating_mul(partition_size),
            USR_ILLEGAL_STATE,
            "every deadline has {max_partitions} full partitions"
        );
        fill.live_sectors += 1;
        fill.total_sectors += 1;
        order.insert(fill.preference(partition_size));
        assigned.entry(index).or_default().push(sector);
    }
    Ok(assigned)
}

impl State {
    /// Gives each new sector a deadline and puts it there, unproven (spec 05 §18.1).
    ///
    /// # Errors
    /// Those of [`assign`] and
    /// [`Deadline::add_sectors`](crate::schema::Deadline::add_sectors).
    pub fn assign_sectors_to_deadlines(
        &mut self,
        policy: &Policy,
        store: &impl Blockstore,
        epoch: ChainEpoch,
        mut sectors: Vec<SectorOnChainInfo>,
        partition_size: u64,
        size: SectorSize,
    ) -> Result<(), ActorError> {
        sectors.sort_by_key(|sector| sector.sector_number);
        let mut deadlines = self.load_deadlines(store)?;
        let mut candidates = Vec::new();
        for index in 0..policy.wpost_period_deadlines {
            if self.is_deadline_mutable(policy, index, epoch) {
                let deadline = deadlines.load(store, index)?;
                candidates.push(Fill {
                    index,
                    live_sectors: deadline.live_sectors,
                    total_sectors: deadline.total_sectors,
                });
            }
        }
        let assigned = assign(
            policy.max_partitions_per_deadline,
            partition_size,
            candidates,
            sectors,
        )?;
        for (index, sectors) in assigned {
            let mut deadline = deadlines.load(store, index)?;
            let frame = self.frame(policy, store, size, index);
            deadline.add_sectors(frame, partition_size, Placing::New, &sectors)?;
            deadlines.save(store, index, &deadline)?;
        }
        self.save_deadlines(store, &deadlines)
    }

    /// Puts new sectors into a deadline, unproven (spec 05 §18.2).
    ///
    /// # Errors
    /// `USR_ILLEGAL_ARGUMENT` (16) when the deadline does not take sectors now,
    /// `USR_ILLEGAL_STATE` (20) for every other failure.
    #[allow(clippy::too_many_arguments)]
    pub fn assign_sectors_to_deadline(
        &mut self,
        policy: &Policy,
        store: &impl Blockstore,
        epoch: ChainEpoch,
        index: u64,
        mut sectors: Vec<SectorOnChainInfo>,
        partition_size: u64,
        size: SectorSize,
    ) -> Result<(), ActorError> {
        ensure!(
            self.is_deadline_mutable(policy, index, epoch),
            USR_ILLEGAL_ARGUMENT,
            "deadline {index} does not take sectors now"
        );
        sectors.sort_by_key(|sector| sector.sector_number);
        let frame = self.frame(policy, store, size, index);
        let mut place = || {
            let mut deadlines = self.load_deadlines(store)?;
            let mut deadline = deadlines.load(store, index)?;
            deadline.add_sectors(frame, partition_size, Placing::New, &sectors)?;
            deadlines.save(store, index, &deadline)?;
            self.save_deadlines(store, &deadlines)
        };
        place().map_err(|error: ActorError| error.with_code(USR_ILLEGAL_STATE))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::sector;

    fn chosen(partition_size: u64, fills: &[(u64, u64)], count: u64) -> Vec<u64> {
        let candidates = (0u64..).zip(fills).map(|(index, (live, total))| Fill {
            index,
            live_sectors: *live,
            total_sectors: *total,
        });
        let sectors = (0..count).map(sector).collect();
        let assigned = assign(3_000, partition_size, candidates, sectors).unwrap();
        let mut chosen = vec![0; count as usize];
        for (index, sectors) in assigned {
            for sector in sectors {
                chosen[sector.sector_number as usize] = index;
            }
        }
        chosen
    }

    /// One line for each rank of the order.
    #[test]
    fn each_rank_decides_when_those_before_it_are_equal() {
        assert_eq!(chosen(2, &[(2, 2), (1, 9)], 1), [1], "partitions to prove");
        assert_eq!(chosen(4, &[(1, 6), (1, 3)], 1), [1], "partitions to keep");
        assert_eq!(chosen(4, &[(1, 4), (1, 5)], 1), [1], "one begun");
        assert_eq!(chosen(4, &[(1, 5), (1, 6)], 1), [1], "the fuller one");
        assert_eq!(chosen(4, &[(2, 4), (1, 4)], 1), [1], "fewer live ones");
        assert_eq!(chosen(4, &[(1, 4), (1, 4)], 1), [0], "the lower index");
    }

    #[test]
    fn sectors_fill_a_partition_before_the_next_deadline_gets_one() {
        assert_eq!(
            chosen(2, &[(0, 0), (0, 0), (0, 0)], 7),
            [0, 0, 1, 1, 2, 2, 0]
        );
    }

    #[test]
    fn full_deadlines_refuse() {
        let full = Fill {
            index: 0,
            live_sectors: 0,
            total_sectors: 6_000,
        };
        let refused = assign(3_000, 2, [full], vec![sector(1)]).unwrap_err();
        assert_eq!(refused.exit_code(), USR_ILLEGAL_STATE);
        let none = assign(3_000, 2, [], vec![sector(1)]).unwrap_err();
        assert_eq!(none.exit_code(), USR_ILLEGAL_STATE);
        assert_eq!(assign(3_000, 2, [], vec![]).unwrap(), BTreeMap::new());
    }

    /// The order of the sheet, rank by rank.
    fn prefers(p: u64, a: Fill, b: Fill) -> bool {
        let ranks = |x: Fill| {
            (
                (x.live_sectors + p) / p,
                (x.total_sectors + p) / p,
                x.total_sectors.is_multiple_of(p),
            )
        };
        if ranks(a) != ranks(b) {
            return ranks(a) < ranks(b);
        }
        if !a.total_sectors.is_multiple_of(p) && a.total_sectors != b.total_sectors {
            return a.total_sectors > b.total_sectors;
        }
        (a.live_sectors, a.index) < (b.live_sectors, b.index)
    }

    proptest! {
        #[test]
        fn every_sector_goes_where_the_sheet_says(
            p in 1u64..6,
            fills in prop::collection::vec((0u64..20, 0u64..20), 1..8),
            count in 0u64..40,
        ) {
            let fills: Vec<(u64, u64)> =
                fills.into_iter().map(|(live, dead)| (live, live + dead)).collect();
            let mut model: Vec<Fill> = (0u64..)
                .zip(&fills)
                .map(|(index, (live_sectors, total_sectors))| Fill {
                    index,
                    live_sectors: *live_sectors,
                    total_sectors: *total_sectors,
                })
                .collect();
            let mut expected = Vec::new();
            for _ in 0..count {
                let best = (0..model.len())
                    .reduce(|a, b| if prefers(p, model[b], model[a]) { b } else { a })
                    .unwrap();
                expected.push(model[best].index);
                model[best].live_sectors += 1;
                model[best].total_sectors += 1;
            }
            prop_assert_eq!(chosen(p, &fills, count), expected);
        }
    }
}
