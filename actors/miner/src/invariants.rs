//! What must hold of a miner's state (spec 05 §24, 06 §17).
//!
//! | module | what of it |
//! |---|---|
//! | this one | identity, money, numbers, what others need to know |
//! | `deadline` | a deadline and its snapshots |
//! | `partition` | a partition and what expires in it |
//!
//! What concerns other actors (power, cron, claims) is checked by those who see them
//! all, with the [`Summary`].

mod deadline;
mod partition;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use boatyard_actors_shared::{Policy, Violations};
use boatyard_sdk::ActorError;
use fvm_ipld_bitfield::BitField;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::address::{Address, Protocol};
use fvm_shared::bigint::BigInt;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::{RegisteredPoStProof, SectorNumber};
use num_traits::Zero;

use crate::bitfield_queue::bits_of;
use crate::schema::{MinerInfo, PowerPair, SIMPLE_QA_POWER, SectorOnChainInfo, State, VestingFund};
use crate::sectors::Sectors;
use crate::{amt, blocks};

/// What other actors' states have to agree with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Decides the sector size; the power actor notes it.
    pub window_post_proof_type: RegisteredPoStProof,
    /// Live, proven and not faulty: what the power actor counts.
    pub active_power: PowerPair,
    /// Whether cron has exactly one event for the end of a deadline.
    pub deadline_cron_active: bool,
    /// attoFIL pledged by live sectors and those whose termination is not settled.
    pub initial_pledge: TokenAmount,
    /// attoFIL that vest.
    pub locked_funds: TokenAmount,
    /// attoFIL of pre-commits.
    pub pre_commit_deposits: TokenAmount,
    /// attoFIL owed.
    pub fee_debt: TokenAmount,
    /// Live sectors.
    pub sectors: BTreeMap<SectorNumber, SectorFacts>,
}

/// What of a live sector concerns the market and the registry of verified data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SectorFacts {
    /// When it was proven first.
    pub activation: ChainEpoch,
    /// From when its weights count.
    pub power_base_epoch: ChainEpoch,
    /// Its last epoch.
    pub expiration: ChainEpoch,
    /// Whether its quality counts by space alone.
    pub simple_qa_power: bool,
    /// Byte-epochs of data without datacap.
    pub deal_weight: BigInt,
    /// Byte-epochs of data with datacap.
    pub verified_deal_weight: BigInt,
    /// Whether it is faulty.
    pub faulty: bool,
}

impl SectorFacts {
    fn of(sector: &SectorOnChainInfo, faulty: bool) -> Self {
        Self {
            activation: sector.activation,
            power_base_epoch: sector.power_base_epoch,
            expiration: sector.expiration,
            simple_qa_power: sector.flags & SIMPLE_QA_POWER != 0,
            deal_weight: sector.deal_weight.clone(),
            verified_deal_weight: sector.verified_deal_weight.clone(),
            faulty,
        }
    }
}

/// Records by number.
type Records = BTreeMap<SectorNumber, SectorOnChainInfo>;

/// What a walk over the deadlines adds up.
#[derive(Default)]
struct Sums {
    /// Every sector that was met in a partition.
    placed: BitField,
    active_power: PowerPair,
    /// attoFIL of live sectors and of terminations that are not settled.
    pledge: TokenAmount,
    live: BTreeMap<SectorNumber, SectorFacts>,
}

/// Every violation within the actor, and what others have to agree with. `balance` is
/// the actor's in attoFIL. There is no summary if the identity cannot be read.
pub fn check(
    state: &State,
    store: &impl Blockstore,
    policy: &Policy,
    balance: &TokenAmount,
) -> (Option<Summary>, Vec<String>) {
    let mut found = Violations::default();
    let info = found.read("the identity", state.load_info(store));
    if let Some(info) = &info {
        check_info(info, &mut found);
    }
    check_funds(state, balance, &mut found);
    let checked = check_vesting(state, store, policy, &mut found);
    found.read("the vesting table", checked);
    let checked = check_pre_commits(state, store, policy, &mut found);
    found.read("pre-commits", checked);
    found.require(
        state.current_deadline < policy.wpost_period_deadlines,
        || format!("the current deadline is {}", state.current_deadline),
    );

    let mut sums = Sums::default();
    let records = found
        .read("sectors", load_records(state, store))
        .unwrap_or_default();
    let checked = check_records(state, store, &records, &mut found);
    found.read("used sector numbers", checked);
    if let Some(info) = &info {
        let checked = deadline::check_all(
            &deadline::Scope {
                state,
                store,
                policy,
                info,
                records: &records,
            },
            &mut sums,
            &mut found,
        );
        found.read("deadlines", checked);
        check_sums(state, &records, &sums, &mut found);
    }

    let summary = info.map(|info| Summary {
        window_post_proof_type: info.window_post_proof_type,
        active_power: sums.active_power,
        deadline_cron_active: state.deadline_cron_active,
        initial_pledge: state.initial_pledge.clone(),
        locked_funds: state.locked_funds.clone(),
        pre_commit_deposits: state.pre_commit_deposits.clone(),
        fee_debt: state.fee_debt.clone(),
        sectors: sums.live,
    });
    (summary, found.into_vec())
}

fn check_info(info: &MinerInfo, found: &mut Violations) {
    let mut ids = vec![
        ("owner", info.owner),
        ("worker", info.worker),
        ("beneficiary", info.beneficiary),
    ];
    ids.extend(
        info.control_addresses
            .iter()
            .map(|c| ("a control address", *c)),
    );
    ids.extend(info.pending_owner_address.map(|o| ("the owner to come", o)));
    if let Some(pending) = &info.pending_worker_key {
        ids.push(("the worker to come", pending.new_worker));
        found.require(pending.new_worker != info.worker, || {
            format!("{} is worker and is to become it", info.worker)
        });
    }
    if let Some(pending) = &info.pending_beneficiary_term {
        ids.push(("the beneficiary to come", pending.new_beneficiary));
    }
    for (who, address) in ids {
        found.require(Address::protocol(&address) == Protocol::ID, || {
            format!("{who} is {address}, no ID address")
        });
    }
    found.require(info.pending_owner_address != Some(info.owner), || {
        format!("{} is owner and is to become it", info.owner)
    });

    let proof = info.window_post_proof_type;
    let sizes = proof
        .sector_size()
        .and_then(|size| Ok((size, proof.window_post_partition_sectors()?)));
    found.require(
        sizes == Ok((info.sector_size, info.window_post_partition_sectors)),
        || {
            format!(
                "sectors of {} bytes, {} in a partition, do not go with proofs of type {proof:?}",
                info.sector_size, info.window_post_partition_sectors
            )
        },
    );
}

fn check_funds(state: &State, balance: &TokenAmount, found: &mut Violations) {
    for (what, amount) in [
        ("balance", balance),
        ("locked funds", &state.locked_funds),
        ("deposits", &state.pre_commit_deposits),
        ("pledge", &state.initial_pledge),
        ("debt", &state.fee_debt),
    ] {
        found.require(!amount.is_negative(), || format!("{what} of {amount} FIL"));
    }
    let spoken_for = &state.locked_funds + &state.pre_commit_deposits + &state.initial_pledge;
    found.require(*balance >= spoken_for, || {
        format!("{spoken_for} FIL are spoken for and there are {balance}")
    });
    // Locked funds alone do not start cron: a miner has them from its creation on.
    let at_stake = !state.pre_commit_deposits.is_zero() || !state.initial_pledge.is_zero();
    found.require(!at_stake || state.deadline_cron_active, || {
        "there are deposits or pledge, but cron is not enrolled".into()
    });
}

fn check_vesting(
    state: &State,
    store: &impl Blockstore,
    policy: &Policy,
    found: &mut Violations,
) -> Result<(), ActorError> {
    let table: Vec<VestingFund> = crate::vesting::load(store, &state.vesting_funds)?;
    let sum: TokenAmount = table.iter().map(|entry| &entry.amount).sum();
    found.require(sum == state.locked_funds, || {
        format!("{} FIL are locked, {sum} vest", state.locked_funds)
    });
    let raster = state.cleanup_quant(policy);
    for VestingFund { epoch, amount } in &table {
        found.require(!amount.is_negative() && raster.up(*epoch) == *epoch, || {
            format!("{amount} FIL vest at epoch {epoch}")
        });
    }
    found.require(table.is_sorted_by(|a, b| a.epoch < b.epoch), || {
        "vesting is not in the order of epochs".into()
    });
    Ok(())
}

fn check_pre_commits(
    state: &State,
    store: &impl Blockstore,
    policy: &Policy,
    found: &mut Violations,
) -> Result<(), ActorError> {
    let raster = state.cleanup_quant(policy);
    let mut to_clean_up = BitField::new();
    let queue = amt::open(&state.pre_committed_sectors_cleanup, store)?;
    amt::AmtResult::amt(
        queue.for_each(|key, numbers: &BitField| {
            found.require(raster.up(key as ChainEpoch) == key as ChainEpoch, || {
                format!("pre-commits are cleaned up at epoch {key}, which is not on the raster")
            });
            to_clean_up |= numbers;
            Ok(())
        }),
        "walking what is to be cleaned up",
    )?;

    let allocated: BitField = blocks::get(store, &state.allocated_sectors, "used numbers")?;
    let mut deposits = TokenAmount::zero();
    state
        .pre_committed_sectors
        .load(store)?
        .for_each(|number, pre_commit| {
            deposits += &pre_commit.pre_commit_deposit;
            found.require(number == pre_commit.info.sector_number, || {
                format!(
                    "pre-commit {number} is of sector {}",
                    pre_commit.info.sector_number
                )
            });
            found.require(allocated.get(number), || {
                format!("sector {number} is pre-committed, its number not used")
            });
            found.require(to_clean_up.get(number), || {
                format!("pre-commit {number} is never cleaned up")
            });
            Ok(())
        })?;
    found.require(deposits == state.pre_commit_deposits, || {
        format!(
            "pre-commits have {deposits} FIL of deposits, {} are noted",
            state.pre_commit_deposits
        )
    });
    Ok(())
}

fn load_records(state: &State, store: &impl Blockstore) -> Result<Records, ActorError> {
    let mut records = Records::new();
    Sectors::load(store, &state.sectors)?.for_each(|number, sector| {
        records.insert(number, sector.clone());
        Ok(())
    })?;
    Ok(records)
}

fn check_records(
    state: &State,
    store: &impl Blockstore,
    records: &Records,
    found: &mut Violations,
) -> Result<(), ActorError> {
    let allocated: BitField = blocks::get(store, &state.allocated_sectors, "used numbers")?;
    for (number, sector) in records {
        found.require(*number == sector.sector_number, || {
            format!(
                "the record of sector {} lies at {number}",
                sector.sector_number
            )
        });
        found.require(allocated.get(*number), || {
            format!("sector {number} is there, its number not used")
        });
        found.require(
            sector.activation <= sector.power_base_epoch
                && sector.power_base_epoch < sector.expiration,
            || {
                format!(
                    "sector {number} came at epoch {}, counts from {} and ends at {}",
                    sector.activation, sector.power_base_epoch, sector.expiration
                )
            },
        );
    }
    Ok(())
}

fn check_sums(state: &State, records: &Records, sums: &Sums, found: &mut Violations) {
    found.require(sums.pledge == state.initial_pledge, || {
        format!(
            "sectors pledge {} FIL, {} are noted",
            sums.pledge, state.initial_pledge
        )
    });
    if let Some(known) = found.read("sectors", bits_of(records.keys().copied())) {
        let nowhere = &known - &sums.placed;
        found.require(nowhere.is_empty(), || {
            format!("sectors {} are in no partition", list(&nowhere))
        });
    }
}

/// The first few of a set, for a sentence.
fn list(numbers: &BitField) -> String {
    let shown: Vec<String> = numbers.iter().take(5).map(|n| n.to_string()).collect();
    let more = if numbers.len() > 5 { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}
