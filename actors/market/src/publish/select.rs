//! Which proposals their parties can afford (spec 07 §7, PublishStorageDeals 8).

use std::collections::{BTreeMap, BTreeSet};

use boatyard_actors_shared::DATACAP_ACTOR;
use boatyard_actors_shared::ext::datacap::BALANCE;
use boatyard_sdk::{ActorError, Context, Map, Runtime, SendResultExt, cbor_params, exit_codes::*};
use cid::Cid;
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::RawBytes;
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;
use fvm_shared::piece::PaddedPieceSize;

use super::{Accepted, Provider};
use crate::balances::BalanceTable;
use crate::deal::{DealProposal, proposal_cid};
use crate::state::State;

/// Goes through the proposals in order. What is left out counts for nothing later.
///
/// # Errors
/// `USR_NOT_FOUND` (17) when a client's datacap cannot be asked for;
/// `USR_ILLEGAL_STATE` (20) when the state cannot be read.
pub(super) fn select(
    rt: &impl Runtime,
    valid: Vec<(usize, &DealProposal)>,
    provider: &Provider,
) -> Result<Vec<Accepted>, ActorError> {
    let state: State = rt.state()?;
    let mut budget = Budget {
        escrow: BalanceTable::load(&state.escrow_table, rt.store())?,
        locked: BalanceTable::load(&state.locked_table, rt.store())?,
        by_clients: BTreeMap::new(),
        by_provider: TokenAmount::default(),
        datacap: BTreeMap::new(),
    };
    let mut waiting = Waiting {
        pending: state.pending_proposals.load(rt.store())?,
        accepted: BTreeSet::new(),
    };
    let mut accepted = Vec::with_capacity(valid.len());
    for (index, proposal) in valid {
        match consider(rt, index, proposal, provider, &mut budget, &mut waiting)? {
            Ok(deal) => accepted.push(deal),
            Err(why) => rt.log(|| format!("proposal {index} is left out: {why}")),
        }
    }
    Ok(accepted)
}

/// Accepts a proposal, or tells why not.
fn consider<BS: Blockstore>(
    rt: &impl Runtime,
    index: usize,
    proposal: &DealProposal,
    provider: &Provider,
    budget: &mut Budget<BS>,
    waiting: &mut Waiting<BS>,
) -> Result<Result<Accepted, String>, ActorError> {
    let named = proposal.provider;
    if named != provider.address() && named != provider.raw {
        return Ok(Err(format!("{named} is not the first one's provider")));
    }
    let Some(client) = rt.resolve(&proposal.client) else {
        return Ok(Err(format!("client {} does not resolve", proposal.client)));
    };
    let proposal = DealProposal {
        client: Address::new_id(client),
        provider: provider.address(),
        ..proposal.clone()
    };
    let by_client = budget.spent_by(client) + proposal.client_balance_requirement();
    let by_provider = &budget.by_provider + &proposal.provider_collateral;
    for (party, needed) in [
        (&proposal.client, &by_client),
        (&proposal.provider, &by_provider),
    ] {
        if !budget.covers(party, needed)? {
            return Ok(Err(format!(
                "{party} has less than {needed} in escrow that is not locked"
            )));
        }
    }
    let encoded = RawBytes::serialize(&proposal)
        .or_exit(USR_SERIALIZATION, "a proposal cannot be encoded")?;
    let cid = proposal_cid(rt, &encoded)?;
    if waiting.contains(&cid)? {
        return Ok(Err(format!("proposal {cid} is published already")));
    }
    if proposal.verified_deal && !budget.spend_datacap(rt, client, proposal.piece_size)? {
        return Ok(Err(format!("client f0{client} does not have the datacap")));
    }
    budget.by_clients.insert(client, by_client);
    budget.by_provider = by_provider;
    waiting.accepted.insert(cid);
    Ok(Ok(Accepted {
        index,
        proposal,
        client,
        encoded,
        cid,
        allocation: None,
    }))
}

/// Proposals that cannot be accepted again.
struct Waiting<BS> {
    pending: Map<BS, Cid, ()>,
    accepted: BTreeSet<Cid>,
}

impl<BS: Blockstore> Waiting<BS> {
    fn contains(&self, cid: &Cid) -> Result<bool, ActorError> {
        Ok(self.pending.contains(cid)? || self.accepted.contains(cid))
    }
}

/// What the parties have, and what the proposals accepted so far need of it.
struct Budget<BS> {
    escrow: BalanceTable<BS>,
    locked: BalanceTable<BS>,
    by_clients: BTreeMap<ActorID, TokenAmount>,
    by_provider: TokenAmount,
    /// What is left of the datacap of the clients that were asked.
    datacap: BTreeMap<ActorID, TokenAmount>,
}

impl<BS: Blockstore> Budget<BS> {
    /// Whether a party has as much in escrow that is not locked.
    fn covers(&self, party: &Address, needed: &TokenAmount) -> Result<bool, ActorError> {
        Ok(self.locked.get(party)? + needed <= self.escrow.get(party)?)
    }

    fn spent_by(&self, client: ActorID) -> TokenAmount {
        self.by_clients.get(&client).cloned().unwrap_or_default()
    }

    /// Takes a verified deal's size off its client's datacap, if there is as much.
    ///
    /// # Errors
    /// `USR_NOT_FOUND` (17) when the token does not tell how much there is.
    fn spend_datacap(
        &mut self,
        rt: &impl Runtime,
        client: ActorID,
        size: PaddedPieceSize,
    ) -> Result<bool, ActorError> {
        let left = match self.datacap.remove(&client) {
            Some(left) => left,
            None => balance(rt, client)?,
        };
        // The largest size of all is negative here; the token refuses it later.
        let needed = TokenAmount::from_whole(size.0 as i64);
        let enough = left >= needed;
        let left = if enough { left - needed } else { left };
        self.datacap.insert(client, left);
        Ok(enough)
    }
}

fn balance(rt: &impl Runtime, client: ActorID) -> Result<TokenAmount, ActorError> {
    let client = Address::new_id(client);
    rt.send(
        &DATACAP_ACTOR,
        BALANCE,
        cbor_params(&client)?,
        TokenAmount::default(),
    )
    .value()
    .map_err(|error| {
        error
            .context(format_args!("asking for the datacap of {client}"))
            .with_code(USR_NOT_FOUND)
    })
}
