//! What must hold of the state, and across actors.

use std::collections::{BTreeMap, BTreeSet};

use boatyard_actors_shared::Violations;
use boatyard_actors_shared::ext::verifreg::AllocationId;
use boatyard_sdk::ActorError;
use cid::Cid;
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::{DAG_CBOR, to_vec};
use fvm_shared::ActorID;
use fvm_shared::address::{Address, Protocol};
use fvm_shared::clock::ChainEpoch;
use fvm_shared::deal::DealID;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::SectorNumber;
use multihash_codetable::{Code, MultihashDigest};
use num_traits::Zero;

use crate::deal::{DealProposal, DealState};
use crate::state::{BalancesRoot, State};

/// What the state says, for checks across actors.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// All deals that are not over.
    pub deals: BTreeMap<DealID, Deal>,
    /// Activated deals by provider and sector.
    pub provider_sectors: BTreeMap<ActorID, BTreeMap<SectorNumber, Vec<DealID>>>,
    /// All that is in escrow.
    pub escrow: TokenAmount,
    /// What clients locked besides fees.
    pub client_collateral: TokenAmount,
    /// What providers locked.
    pub provider_collateral: TokenAmount,
    /// What clients locked for storage.
    pub storage_fee: TokenAmount,
}

/// A deal that is not over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deal {
    /// What was agreed.
    pub proposal: DealProposal,
    /// What became of it, if it is activated.
    pub state: Option<DealState>,
    /// The datacap set aside for it, if it is verified and not activated.
    pub allocation: Option<AllocationId>,
}

impl Deal {
    /// What of the deal's price is still locked: all until it is paid first.
    fn unpaid(&self) -> TokenAmount {
        let start = self.proposal.start_epoch;
        let paid_until = self.state.and_then(|state| state.last_updated());
        let from = paid_until.map_or(start, |paid| paid.max(start));
        self.proposal.price_of(self.proposal.end_epoch - from)
    }
}

/// What the state says.
///
/// # Errors
/// `USR_ILLEGAL_STATE` (20) when it cannot be read.
pub fn summary(state: &State, store: &impl Blockstore) -> Result<Summary, ActorError> {
    let mut summary = Summary {
        escrow: sum(&balances(&state.escrow_table, store)?),
        client_collateral: state.total_client_locked_collateral.clone(),
        provider_collateral: state.total_provider_locked_collateral.clone(),
        storage_fee: state.total_client_storage_fee.clone(),
        ..Summary::default()
    };
    let states = state.states.load(store)?;
    let allocations = state.pending_deal_allocation_ids.load(store)?;
    state.proposals.load(store)?.for_each(|id, proposal| {
        let deal = Deal {
            proposal: proposal.clone(),
            state: states.get(id)?.copied(),
            allocation: allocations.get(&id)?.copied(),
        };
        summary.deals.insert(id, deal);
        Ok(())
    })?;
    state
        .provider_sectors
        .load(store)?
        .for_each(|provider, root| {
            let mut sectors = BTreeMap::new();
            root.load(store)?.for_each(|sector, ids| {
                sectors.insert(sector, ids.clone());
                Ok(())
            })?;
            summary.provider_sectors.insert(provider, sectors);
            Ok(())
        })?;
    Ok(summary)
}

/// Every violation of spec 07 §10 within the actor, which has this balance, at an
/// epoch.
pub fn check(
    state: &State,
    store: &impl Blockstore,
    balance: &TokenAmount,
    epoch: ChainEpoch,
) -> Vec<String> {
    let mut found = Violations::default();
    let Some(summary) = found.read("deals", summary(state, store)) else {
        return found.into_vec();
    };
    let read = check_money(state, store, &summary, balance, &mut found);
    found.read("balances", read);
    check_deals(state, &summary, epoch, &mut found);
    check_sectors(&summary, epoch, &mut found);
    let read = check_pending(state, store, &summary, &mut found);
    found.read("pending proposals", read);
    let read = check_schedule(state, store, &summary, &mut found);
    found.read("schedule", read);
    found.into_vec()
}

/// Every violation of spec 07 §10 that concerns others: the miners behind deals, and
/// the allocations for them by client and number, of which provider and piece are
/// asked for.
///
/// An allocation may be gone: removed after it expired, which it may do before its
/// deal starts, or claimed by a provider that did not tell the market.
pub fn check_others(
    summary: &Summary,
    allocation: impl Fn(ActorID, AllocationId) -> Option<(ActorID, Cid)>,
    is_miner: impl Fn(ActorID) -> bool,
) -> Vec<String> {
    let mut found = Violations::default();
    for (id, deal) in &summary.deals {
        let (Ok(client), Ok(provider)) = (deal.proposal.client.id(), deal.proposal.provider.id())
        else {
            continue;
        };
        found.require(deal.state.is_none() || is_miner(provider), || {
            format!("deal {id} is activated by f0{provider}, which is no miner")
        });
        let Some(number) = deal.allocation else {
            continue;
        };
        if let Some(made) = allocation(client, number) {
            found.require(made == (provider, deal.proposal.piece_cid), || {
                format!(
                    "allocation {number} is of piece {} with f0{}, not as its deal {id}",
                    made.1, made.0
                )
            });
        }
    }
    found.into_vec()
}

type Balances = BTreeMap<Address, TokenAmount>;

fn balances(root: &BalancesRoot, store: &impl Blockstore) -> Result<Balances, ActorError> {
    let mut all = Balances::new();
    root.load(store)?.for_each(|owner, amount| {
        all.insert(owner, amount.clone());
        Ok(())
    })?;
    Ok(all)
}

fn sum(balances: &Balances) -> TokenAmount {
    balances.values().sum()
}

/// The tables against each other, the sums, the deals and the actor's balance.
fn check_money(
    state: &State,
    store: &impl Blockstore,
    summary: &Summary,
    balance: &TokenAmount,
    found: &mut Violations,
) -> Result<(), ActorError> {
    let escrow = balances(&state.escrow_table, store)?;
    let locked = balances(&state.locked_table, store)?;
    let nothing = TokenAmount::zero();
    for (table, entries) in [("escrow", &escrow), ("locked", &locked)] {
        for (owner, amount) in entries {
            found.require(owner.protocol() == Protocol::ID, || {
                format!("{table}: {owner} is no ID address")
            });
            found.require(!amount.is_negative(), || {
                format!("{table}: {owner} has {amount}")
            });
        }
    }
    for (owner, amount) in &locked {
        let has = escrow.get(owner).unwrap_or(&nothing);
        found.require(amount <= has, || {
            format!("{owner} has {has} in escrow, of which {amount} is locked")
        });
    }
    found.require(summary.escrow <= *balance, || {
        format!("{} is in escrow, but there is {balance}", summary.escrow)
    });

    let mut client_collateral = TokenAmount::zero();
    let mut provider_collateral = TokenAmount::zero();
    let mut storage_fee = TokenAmount::zero();
    let mut needed = Balances::new();
    for deal in summary.deals.values() {
        let proposal = &deal.proposal;
        let unpaid = deal.unpaid();
        *needed.entry(proposal.client).or_default() += &proposal.client_collateral + &unpaid;
        *needed.entry(proposal.provider).or_default() += &proposal.provider_collateral;
        client_collateral += &proposal.client_collateral;
        provider_collateral += &proposal.provider_collateral;
        storage_fee += unpaid;
    }
    for (what, total, of_deals) in [
        (
            "client collateral",
            &summary.client_collateral,
            client_collateral,
        ),
        (
            "provider collateral",
            &summary.provider_collateral,
            provider_collateral,
        ),
        ("storage fee", &summary.storage_fee, storage_fee),
    ] {
        found.require(*total == of_deals, || {
            format!("the total {what} is {total}, but that of the deals {of_deals}")
        });
    }
    let parties: BTreeSet<_> = needed.keys().chain(locked.keys()).collect();
    for party in parties {
        let needs = needed.get(party).unwrap_or(&nothing);
        let has = locked.get(party).unwrap_or(&nothing);
        found.require(needs == has, || {
            format!("{party} has {has} locked, but its deals need {needs}")
        });
    }
    Ok(())
}

fn check_deals(state: &State, summary: &Summary, epoch: ChainEpoch, found: &mut Violations) {
    for (id, deal) in &summary.deals {
        let proposal = &deal.proposal;
        found.require(*id < state.next_id, || {
            format!("deal {id}, but the next number is {}", state.next_id)
        });
        for party in [&proposal.client, &proposal.provider] {
            found.require(party.protocol() == Protocol::ID, || {
                format!("deal {id}: {party} is no ID address")
            });
        }
        found.require(proposal.start_epoch < proposal.end_epoch, || {
            format!("deal {id} ends before it starts")
        });
        let Some(state) = &deal.state else {
            continue;
        };
        let begun = state.sector_start_epoch;
        found.require((0..=epoch).contains(&begun), || {
            format!("deal {id} was activated at {begun}")
        });
        for (what, when) in [
            ("is paid until", state.last_updated()),
            ("ended early at", state.slashed()),
        ] {
            found.require(
                when.is_none_or(|when| (begun..=epoch).contains(&when)),
                || format!("deal {id}, activated at {begun}, {what} {when:?}; it is {epoch}"),
            );
        }
        found.require(deal.allocation.is_none(), || {
            format!("deal {id} is activated, but its allocation is pending")
        });
    }
}

/// Each activated deal is in its sector, and nothing else is.
fn check_sectors(summary: &Summary, epoch: ChainEpoch, found: &mut Violations) {
    let mut listed = BTreeSet::new();
    for (provider, sectors) in &summary.provider_sectors {
        found.require(!sectors.is_empty(), || {
            format!("an empty map of f0{provider}")
        });
        for (sector, ids) in sectors {
            let place = format!("sector {sector} of f0{provider}");
            found.require(ids.is_sorted_by(|a, b| a < b), || {
                format!("the deals in {place} are not in order")
            });
            for id in ids {
                let deal = summary.deals.get(id);
                let holds = deal.is_some_and(|deal| {
                    deal.proposal.provider == Address::new_id(*provider)
                        && deal.state.is_some_and(|state| {
                            state.sector_number == *sector && state.slashed().is_none()
                        })
                });
                found.require(holds, || format!("deal {id} is not of {place}"));
                listed.insert(*id);
            }
        }
    }
    for (id, deal) in &summary.deals {
        // What ended with or before its sector waits to be settled, unlisted.
        let runs = deal.state.is_some_and(|state| state.slashed().is_none())
            && deal.proposal.end_epoch > epoch;
        found.require(!runs || listed.contains(id), || {
            format!("deal {id} is activated, but in no sector")
        });
    }
}

/// What waits is a deal's.
fn check_pending(
    state: &State,
    store: &impl Blockstore,
    summary: &Summary,
    found: &mut Violations,
) -> Result<(), ActorError> {
    let known: BTreeSet<Cid> = summary
        .deals
        .values()
        .filter_map(|deal| to_vec(&deal.proposal).ok())
        .map(|bytes| Cid::new_v1(DAG_CBOR, Code::Blake2b256.digest(&bytes)))
        .collect();
    state.pending_proposals.load(store)?.for_each(|cid, ()| {
        found.require(known.contains(&cid), || {
            format!("proposal {cid} waits, but there is no deal of it")
        });
        Ok(())
    })?;
    state.states.load(store)?.for_each(|id, _| {
        found.require(summary.deals.contains_key(&id), || {
            format!("deal {id} is activated, but there is no proposal")
        });
        Ok(())
    })?;
    let allocations = state.pending_deal_allocation_ids.load(store)?;
    allocations.for_each(|id, allocation| {
        found.require(summary.deals.contains_key(&id), || {
            format!("allocation {allocation} is pending, but there is no deal {id}")
        });
        Ok(())
    })
}

/// A deal that starts after cron's last visit is scheduled.
fn check_schedule(
    state: &State,
    store: &impl Blockstore,
    summary: &Summary,
    found: &mut Violations,
) -> Result<(), ActorError> {
    let mut scheduled = BTreeSet::new();
    let ops = state.deal_ops_by_epoch.load(store)?;
    ops.for_each(|epoch, root| {
        let set = root.load(store)?;
        found.require(!set.is_empty(), || {
            format!("nothing is scheduled for epoch {epoch}")
        });
        set.for_each(|id, ()| {
            scheduled.insert(id);
            Ok(())
        })
    })?;
    for (id, deal) in &summary.deals {
        let start = deal.proposal.start_epoch;
        found.require(start <= state.last_cron || scheduled.contains(id), || {
            format!("deal {id} starts at {start}, but is not scheduled")
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
