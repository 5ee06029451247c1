//! What must hold of the state, and across actors.

use std::collections::BTreeMap;

use boatyard_actors_shared::ext::miner::{
    CRON_EVENT_PROCESS_EARLY_TERMINATIONS, CRON_EVENT_PROVING_DEADLINE, CronEventPayload,
};
use boatyard_actors_shared::{Policy, Violations};
use boatyard_sdk::nested::Multimap;
use boatyard_sdk::{ActorError, Context, exit_codes::*};
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::RawBytes;
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::{RegisteredPoStProof, StoragePower};
use num_traits::Signed;

use crate::{Claim, State};

/// What the state says of miners, for checks across actors.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// Claims by miner.
    pub claims: BTreeMap<ActorID, Claim>,
    /// The calls that miners wait for, in the order in which they come.
    pub events: BTreeMap<ActorID, Vec<QueuedEvent>>,
    /// What all miners pledged.
    pub total_pledge_collateral: TokenAmount,
}

/// A call that a miner waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedEvent {
    /// When it is due.
    pub epoch: ChainEpoch,
    /// What the miner wants to be told.
    pub payload: RawBytes,
}

/// What has to agree between a miner and its claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MinerFacts {
    /// Type of its Window PoSt.
    pub window_post_proof_type: RegisteredPoStProof,
    /// Raw byte power of its proven sectors without a fault.
    pub raw_byte_power: StoragePower,
    /// Their quality-adjusted power in bytes.
    pub quality_adj_power: StoragePower,
    /// Whether it waits for the end of a deadline.
    pub deadline_cron_active: bool,
}

/// Every violation of spec 03 §1.7 that concerns this actor alone, whatever miners
/// reported.
pub fn check(state: &State, store: &impl Blockstore, policy: &Policy) -> Vec<String> {
    let mut found = Violations::default();
    check_totals(state, &mut found);
    if let Some(sums) = found.read("claims", Sums::of(state, store, policy)) {
        sums.check(state, &mut found);
    }
    let walked = check_queue(state, store, &mut found);
    found.read("queue", walked);
    found.require(state.proof_validation_batch.is_none(), || {
        "proofs wait to be checked".into()
    });
    found.into_vec()
}

/// What the state says of miners.
///
/// # Errors
/// `USR_ILLEGAL_STATE` (20) when claims or queue cannot be read or are not those of
/// ID addresses.
pub fn summary(state: &State, store: &impl Blockstore) -> Result<Summary, ActorError> {
    let mut summary = Summary {
        total_pledge_collateral: state.total_pledge_collateral.clone(),
        ..Summary::default()
    };
    state.claims.load(store)?.for_each(|miner, claim| {
        summary.claims.insert(id_of(&miner)?, claim.clone());
        Ok(())
    })?;
    Multimap::load(&state.cron_event_queue, store)?.for_each(|epoch, events| {
        events.for_each(|_, event| {
            let waiting = summary.events.entry(id_of(&event.miner_addr)?).or_default();
            waiting.push(QueuedEvent {
                epoch,
                payload: event.callback_payload.clone(),
            });
            Ok(())
        })
    })?;
    for waiting in summary.events.values_mut() {
        // Stable: events of one epoch keep their order.
        waiting.sort_by_key(|event| event.epoch);
    }
    Ok(summary)
}

/// Every violation of spec 03 §1.7 that concerns miners too. `miners` are all miners
/// there are.
///
/// That raw byte power is never above the quality-adjusted one is among them: this
/// actor takes what a miner reports.
pub fn check_miners(summary: &Summary, miners: &BTreeMap<ActorID, MinerFacts>) -> Vec<String> {
    let mut found = Violations::default();
    for (id, miner) in miners {
        match summary.claims.get(id) {
            Some(claim) => check_miner(*id, claim, miner, &mut found),
            None => found.add(format!("miner f0{id} has no claim")),
        }
        let waiting = summary.events.get(id).map_or(&[][..], Vec::as_slice);
        check_events(*id, waiting, miner.deadline_cron_active, &mut found);
    }
    for (id, claim) in &summary.claims {
        found.require(miners.contains_key(id), || {
            format!("f0{id} has a claim but is no miner")
        });
        let (raw, quality_adjusted) = (&claim.raw_byte_power, &claim.quality_adj_power);
        found.require(raw <= quality_adjusted, || {
            format!("f0{id} has a power of {raw}, but quality-adjusted {quality_adjusted}")
        });
    }
    for id in summary.events.keys() {
        found.require(miners.contains_key(id), || {
            format!("f0{id} waits to be called but is no miner")
        });
    }
    found.into_vec()
}

fn id_of(address: &Address) -> Result<ActorID, ActorError> {
    address.id().or_exit(
        USR_ILLEGAL_STATE,
        format_args!("{address} is no ID address"),
    )
}

fn check_totals(state: &State, found: &mut Violations) {
    for (what, raw, quality_adjusted) in [
        (
            "at the minimum",
            &state.total_raw_byte_power,
            &state.total_quality_adj_power,
        ),
        (
            "committed",
            &state.total_bytes_committed,
            &state.total_qa_bytes_committed,
        ),
    ] {
        found.require(
            !raw.is_negative() && !quality_adjusted.is_negative(),
            || format!("negative power {what}: {raw} raw, {quality_adjusted} quality-adjusted"),
        );
    }
    for (what, counted, committed) in [
        (
            "raw",
            &state.total_raw_byte_power,
            &state.total_bytes_committed,
        ),
        (
            "quality-adjusted",
            &state.total_quality_adj_power,
            &state.total_qa_bytes_committed,
        ),
    ] {
        found.require(counted <= committed, || {
            format!("{counted} {what} bytes at the minimum, but {committed} committed")
        });
    }
    found.require(!state.total_pledge_collateral.is_negative(), || {
        format!("a pledge of {}", state.total_pledge_collateral)
    });
}

/// What the claims add up to.
#[derive(Default)]
struct Sums {
    raw: StoragePower,
    quality_adjusted: StoragePower,
    raw_at_minimum: StoragePower,
    quality_adjusted_at_minimum: StoragePower,
    at_minimum: i64,
    wrong: Violations,
}

impl Sums {
    fn of(state: &State, store: &impl Blockstore, policy: &Policy) -> Result<Self, ActorError> {
        let mut sums = Self::default();
        state.claims.load(store)?.for_each(|miner, claim| {
            sums.add(&miner, claim, policy);
            Ok(())
        })?;
        Ok(sums)
    }

    fn add(&mut self, miner: &Address, claim: &Claim, policy: &Policy) {
        let (raw, quality_adjusted) = (&claim.raw_byte_power, &claim.quality_adj_power);
        self.wrong.require(miner.id().is_ok(), || {
            format!("{miner} has a claim but is no ID address")
        });
        self.wrong.require(
            !raw.is_negative() && !quality_adjusted.is_negative(),
            || format!("{miner} has a power of {raw}, quality-adjusted {quality_adjusted}"),
        );
        self.raw += raw;
        self.quality_adjusted += quality_adjusted;
        let reaches = claim.reaches_minimum(policy);
        if self.wrong.read(&format!("claim of {miner}"), reaches) == Some(true) {
            self.raw_at_minimum += raw;
            self.quality_adjusted_at_minimum += quality_adjusted;
            self.at_minimum += 1;
        }
    }

    fn check(self, state: &State, found: &mut Violations) {
        for (what, total, sum) in [
            ("bytes committed", &state.total_bytes_committed, &self.raw),
            (
                "quality-adjusted bytes committed",
                &state.total_qa_bytes_committed,
                &self.quality_adjusted,
            ),
            (
                "raw byte power",
                &state.total_raw_byte_power,
                &self.raw_at_minimum,
            ),
            (
                "quality-adjusted power",
                &state.total_quality_adj_power,
                &self.quality_adjusted_at_minimum,
            ),
        ] {
            found.require(total == sum, || {
                format!("{what} is {total}, but the claims give {sum}")
            });
        }
        let count = state.miner_above_min_power_count;
        found.require(count == self.at_minimum, || {
            format!(
                "{count} claims reach the minimum, counted are {}",
                self.at_minimum
            )
        });
        for sentence in self.wrong.into_vec() {
            found.add(sentence);
        }
    }
}

fn check_queue(
    state: &State,
    store: &impl Blockstore,
    found: &mut Violations,
) -> Result<(), ActorError> {
    Multimap::load(&state.cron_event_queue, store)?.for_each(|epoch, events| {
        found.require(epoch >= state.first_cron_epoch, || {
            format!(
                "calls of epoch {epoch} wait, but {} is the next",
                state.first_cron_epoch
            )
        });
        found.require(events.count() > 0, || {
            format!("epoch {epoch} has an empty list of calls")
        });
        events.for_each(|position, event| {
            found.require(event.miner_addr.id().is_ok(), || {
                format!(
                    "call {position} of epoch {epoch} is for {}, no ID address",
                    event.miner_addr
                )
            });
            found.require(position < events.count(), || {
                format!("call {position} of epoch {epoch} has a gap before it")
            });
            Ok(())
        })
    })
}

fn check_miner(id: ActorID, claim: &Claim, miner: &MinerFacts, found: &mut Violations) {
    found.require(
        claim.window_post_proof_type == miner.window_post_proof_type,
        || {
            format!(
                "f0{id} proves with {:?}, its claim says {:?}",
                miner.window_post_proof_type, claim.window_post_proof_type
            )
        },
    );
    found.require(
        claim.raw_byte_power == miner.raw_byte_power
            && claim.quality_adj_power == miner.quality_adj_power,
        || {
            format!(
                "f0{id} has an active power of {} and {}, its claim says {} and {}",
                miner.raw_byte_power,
                miner.quality_adj_power,
                claim.raw_byte_power,
                claim.quality_adj_power
            )
        },
    );
}

fn check_events(id: ActorID, waiting: &[QueuedEvent], active: bool, found: &mut Violations) {
    let mut deadlines = 0;
    for QueuedEvent { epoch, payload } in waiting {
        match payload.deserialize::<CronEventPayload>() {
            Ok(CronEventPayload {
                event_type: CRON_EVENT_PROVING_DEADLINE,
            }) => deadlines += 1,
            Ok(CronEventPayload {
                event_type: CRON_EVENT_PROCESS_EARLY_TERMINATIONS,
            }) => {}
            Ok(CronEventPayload { event_type }) => found.add(format!(
                "f0{id} waits for an event of type {event_type} at {epoch}"
            )),
            Err(error) => found.add(format!(
                "what f0{id} wants to be told at {epoch} does not decode: {error}"
            )),
        }
    }
    found.require(deadlines == i64::from(active), || {
        let activity = if active { "active" } else { "inactive" };
        format!("f0{id} waits for {deadlines} deadlines while it is {activity}")
    });
}

#[cfg(test)]
mod tests;
