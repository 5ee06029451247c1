//! What must hold of deadlines.

use std::collections::BTreeMap;

use boatyard_actors_shared::{Policy, Violations};
use boatyard_sdk::ActorError;
use fvm_ipld_bitfield::BitField;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;

use super::{Records, Sums, list, partition};
use crate::amt::{self, AmtResult};
use crate::bitfield_queue::bits_of;
use crate::schema::{Deadline, MinerInfo, Partition, PowerPair, State};

/// Where the walk is.
pub(super) struct Scope<'a, BS> {
    pub state: &'a State,
    pub store: &'a BS,
    pub policy: &'a Policy,
    pub info: &'a MinerInfo,
    pub records: &'a Records,
}

pub(super) fn check_all<BS: Blockstore>(
    scope: &Scope<'_, BS>,
    sums: &mut Sums,
    found: &mut Violations,
) -> Result<(), ActorError> {
    let deadlines = scope.state.load_deadlines(scope.store)?;
    let expected = scope.policy.wpost_period_deadlines;
    found.require(deadlines.due.len() as u64 == expected, || {
        format!("there are {} deadlines", deadlines.due.len())
    });
    for index in 0..deadlines.due.len() as u64 {
        let what = format!("deadline {index}");
        let Some(deadline) = found.read(&what, deadlines.load(scope.store, index)) else {
            continue;
        };
        let checked = check(scope, index, &deadline, sums, found);
        found.read(&what, checked);
    }
    Ok(())
}

fn check<BS: Blockstore>(
    scope: &Scope<'_, BS>,
    index: u64,
    deadline: &Deadline,
    sums: &mut Sums,
    found: &mut Violations,
) -> Result<(), ActorError> {
    let marked = expirations(scope, index, deadline, found)?;
    let mut all = Totals::default();
    let partitions = amt::open(&deadline.partitions, scope.store)?;
    let mut next = 0;
    partitions
        .for_each(|number, partition| {
            found.require(number == next, || {
                format!("deadline {index} has no partition {next} and a partition {number}")
            });
            next = number + 1;
            let place = partition::Place {
                deadline: index,
                partition: number,
                quant: scope.state.deadline_quant(scope.policy, index),
            };
            let facts = partition::check(scope, &place, partition, sums, found)?;
            for epoch in &facts.expirations {
                let noted = marked.get(epoch).is_some_and(|bits| bits.get(number));
                found.require(noted, || {
                    format!(
                        "{place} has something to expire at {epoch}, its deadline does not know"
                    )
                });
            }
            all.add(number, partition, facts)?;
            Ok(())
        })
        .amt("walking partitions")?;
    compare(index, deadline, &all, found);
    found.require(
        all.early_terminations.is_empty() || scope.state.early_terminations.get(index),
        || format!("deadline {index} has terminations to settle, the miner does not know"),
    );
    let highest = deadline.partitions_posted.last();
    found.require(highest.is_none_or(|highest| highest < next), || {
        format!(
            "deadline {index} has proofs of partitions {} and {next} partitions",
            list(&deadline.partitions_posted)
        )
    });
    found.require(
        deadline.partitions_posted.is_empty() || deadline.live_sectors > 0,
        || format!("deadline {index} has proofs of partitions without sectors"),
    );
    check_snapshots(scope, index, deadline, found)
}

/// What the partitions of a deadline come to.
#[derive(Default)]
struct Totals {
    live_sectors: u64,
    total_sectors: u64,
    live_power: PowerPair,
    faulty_power: PowerPair,
    daily_fee: TokenAmount,
    early_terminations: BitField,
}

impl Totals {
    fn add(
        &mut self,
        index: u64,
        partition: &Partition,
        facts: partition::Facts,
    ) -> Result<(), ActorError> {
        self.live_sectors += partition.live().len();
        self.total_sectors += partition.sectors.len();
        self.live_power += &partition.live_power;
        self.faulty_power += &partition.faulty_power;
        self.daily_fee += facts.daily_fee;
        if facts.to_settle {
            self.early_terminations |= bits_of([index])?;
        }
        Ok(())
    }
}

fn compare(index: u64, deadline: &Deadline, all: &Totals, found: &mut Violations) {
    let counted = (all.live_sectors, all.total_sectors);
    let noted = (deadline.live_sectors, deadline.total_sectors);
    found.require(counted == noted, || {
        format!("deadline {index} has {counted:?} live sectors and sectors, {noted:?} are noted")
    });
    for (what, counted, noted) in [
        ("live", &all.live_power, &deadline.live_power),
        ("faulty", &all.faulty_power, &deadline.faulty_power),
    ] {
        found.require(counted == noted, || {
            format!(
                "deadline {index} has {what} power {}, {} by quality; {}, {} is noted",
                counted.raw, counted.qa, noted.raw, noted.qa
            )
        });
    }
    found.require(all.daily_fee == deadline.daily_fee, || {
        format!(
            "sectors of deadline {index} cost {} FIL a day, {} is noted",
            all.daily_fee, deadline.daily_fee
        )
    });
    found.require(
        all.early_terminations == deadline.early_terminations,
        || {
            format!(
                "deadline {index} has terminations to settle in partitions [{}], noted is [{}]",
                list(&all.early_terminations),
                list(&deadline.early_terminations)
            )
        },
    );
}

fn expirations<BS: Blockstore>(
    scope: &Scope<'_, BS>,
    index: u64,
    deadline: &Deadline,
    found: &mut Violations,
) -> Result<BTreeMap<ChainEpoch, BitField>, ActorError> {
    let quant = scope.state.deadline_quant(scope.policy, index);
    let mut marked = BTreeMap::new();
    amt::open(&deadline.expirations_epochs, scope.store)?
        .for_each(|key, partitions| {
            let epoch = key as ChainEpoch;
            found.require(quant.up(epoch) == epoch, || {
                format!("something expires at {epoch} in deadline {index}, which is not its raster")
            });
            marked.insert(epoch, partitions.clone());
            Ok(())
        })
        .amt("walking expirations")?;
    Ok(marked)
}

fn check_snapshots<BS: Blockstore>(
    scope: &Scope<'_, BS>,
    index: u64,
    deadline: &Deadline,
    found: &mut Violations,
) -> Result<(), ActorError> {
    let partitions = amt::open(&deadline.partitions_snapshot, scope.store)?;
    partitions
        .for_each(|number, partition| {
            let settled = partition.recoveries.is_empty()
                && partition.recovering_power.is_zero()
                && partition.unproven.is_empty()
                && partition.unproven_power.is_zero();
            found.require(settled, || {
                format!(
                    "the snapshot of partition {number} of deadline {index} has unproven or recovering sectors"
                )
            });
            Ok(())
        })
        .amt("walking the snapshot of partitions")?;
    amt::open(&deadline.optimistic_post_submissions_snapshot, scope.store)?
        .for_each(|proof, submission| {
            for number in submission.partitions.iter() {
                let there = partitions.get(number)?.is_some();
                found.require(there, || {
                    format!(
                        "proof {proof} of deadline {index} is for partition {number}, which the snapshot does not have"
                    )
                });
            }
            Ok(())
        })
        .amt("walking the snapshot of proofs")
}
