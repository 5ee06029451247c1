//! Deals on their way to the market: published in batches, with the provider's
//! collateral put up; looked up there; settled in the end.

use boatyard_actors_shared::MARKET_ACTOR;
use boatyard_chain::{EstimateError, ExecutedMessage, ExecutedTipset, StateView};
use boatyard_market::{
    ClientDealProposal, DealProposal, PublishStorageDealsParams, PublishStorageDealsReturn,
};
use boatyard_miner::types::VerifiedAllocationKey;
use fvm_ipld_bitfield::BitField;
use fvm_ipld_encoding::RawBytes;
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::deal::DealID;
use fvm_shared::econ::TokenAmount;

use crate::intake::{normalised, proposal_cid};
use crate::market::MarketView;
use crate::miner::MinerView;
use crate::order::{Order, OrderId, Purpose, Step};
use crate::pipeline::PipelineError;
use crate::provider::Shelf;
use crate::record::SectorRecord;
use crate::replica;
use crate::task::Task;

/// Methods of the market.
const ADD_BALANCE: u64 = 2;
const PUBLISH_STORAGE_DEALS: u64 = 4;
const PUBLISH_STORAGE_DEALS_EXPORTED: u64 = 2_236_929_350;
const SETTLE_DEAL_PAYMENTS: u64 = 1_900_091_594;

/// Deals in one message at most.
const MOST: usize = 32;
/// Epochs between two looks at what became of deals that run.
const SWEEP: ChainEpoch = 60;

/// A message to the market.
pub(crate) struct Errand {
    /// What it is for.
    pub task: Task,
    /// attoFIL that go with it.
    pub value: TokenAmount,
    /// Method of the market.
    pub method: u64,
    /// Its parameters.
    pub params: RawBytes,
}

/// What is to be sent to the market in this tipset, after bringing the orders up to
/// what the market's state says.
pub(crate) fn errands(
    shelf: &mut Shelf<'_>,
    state: &StateView,
    epoch: ChainEpoch,
) -> Result<Vec<Errand>, PipelineError> {
    if !shelf.orders.values().any(is_open_deal) && !is_sweep_due(shelf, epoch) {
        return Ok(Vec::new());
    }
    let market = MarketView::load(state)?;
    reconcile(shelf, state, &market)?;
    let mut errands = publish(shelf, state, &market, epoch)?;
    if is_sweep_due(shelf, epoch) {
        errands.extend(sweep(shelf, &market, epoch)?);
    }
    Ok(errands)
}

/// When the market is to be visited next, seen from this head.
pub(crate) fn next(shelf: &Shelf<'_>, head: ChainEpoch) -> Option<ChainEpoch> {
    let publishing = shelf.tasks.publishing();
    let waiting = shelf
        .orders
        .values()
        .filter(|order| {
            is_unpublished(order) && order.length > 0 && !publishing.contains(&order.id)
        })
        .map(|order| {
            let task = Task::Publish(vec![order.id]);
            // At the latest when it has lapsed.
            shelf
                .tasks
                .ready_at(&task, head + 1)
                .min((order.start + 1).max(head + 1))
        });
    let ending = shelf
        .orders
        .values()
        .filter(|order| is_running_deal(order))
        .map(|order| shelf.tasks.ready_at(&Task::Settle, order.end.max(head + 1)));
    let arrived = shelf.orders.values().any(|order| {
        let piece = &order.piece.cid;
        let is_here = || {
            shelf.files.piece(piece).exists()
                || replica::holder(shelf.sectors, shelf.tasks, piece).is_some()
        };
        order.waits_for_bytes() && is_here()
    });
    let arrived = arrived.then_some(head + 1);
    waiting.chain(ending).chain(arrived).min()
}

fn is_unpublished(order: &Order) -> bool {
    order.failed.is_none() && matches!(order.purpose, Purpose::Deal { deal: None, .. })
}

/// A deal that is not activated yet as far as is known.
fn is_open_deal(order: &Order) -> bool {
    matches!(order.purpose, Purpose::Deal { .. }) && order.is_under_way()
}

/// A deal that was activated and of whose end nothing is known.
fn is_running_deal(order: &Order) -> bool {
    order.failed.is_none()
        && order.deal().is_some()
        && order.has_step("active")
        && !order.has_step("expired")
        && !order.has_step("slashed")
}

fn is_sweep_due(shelf: &Shelf<'_>, epoch: ChainEpoch) -> bool {
    let running = |order: &Order| is_running_deal(order);
    (*shelf.swept + SWEEP <= epoch && shelf.orders.values().any(running))
        || shelf
            .orders
            .values()
            .any(|order| running(order) && order.end <= epoch)
}

/// Fails orders that can no longer be kept in time: their sector had to be proven by
/// their start.
pub(crate) fn lapse(
    shelf: &mut Shelf<'_>,
    view: &MinerView,
    epoch: ChainEpoch,
) -> Result<(), PipelineError> {
    let late: Vec<Order> = shelf
        .orders
        .values()
        .filter(|order| order.is_under_way() && order.start < epoch)
        .cloned()
        .collect();
    for mut order in late {
        let start = order.start;
        if let Some(activation) = proven(shelf, view, &order)? {
            // The message that did it was mined while nobody looked.
            order.steps.push(Step {
                name: "active".into(),
                epoch: activation,
                message: None,
                cost: "0".into(),
            });
            shelf.put_order(order)?;
            continue;
        }
        order.failed = Some(match (order.sector, order.deal(), &order.purpose) {
            (None, None, Purpose::Deal { .. }) => {
                format!("it was not published by epoch {start}, its start")
            }
            (Some(sector), _, _) => {
                format!("its sector {sector} was not proven by epoch {start}, when it had to be")
            }
            (None, _, _) => format!("it was in no sector by epoch {start}, when it had to be"),
        });
        shelf.put_order(order)?;
    }
    Ok(())
}

/// When the sector was activated that an order without a deal lies in, if it was.
fn proven(
    shelf: &Shelf<'_>,
    view: &MinerView,
    order: &Order,
) -> Result<Option<ChainEpoch>, PipelineError> {
    if order.deal().is_some() {
        return Ok(None);
    }
    let Some(number) = order.sector else {
        return Ok(None);
    };
    let holds = |record: &SectorRecord| record.held().iter().any(|held| held.order == order.id);
    match shelf.sectors.get(&number).is_some_and(holds) {
        true => Ok(view.sector(number)?.map(|sector| sector.activation)),
        false => Ok(None),
    }
}

/// Brings open deals up to what the market knows of them: after a restart, or when the
/// chain went back.
fn reconcile(
    shelf: &mut Shelf<'_>,
    state: &StateView,
    market: &MarketView,
) -> Result<(), PipelineError> {
    let open: Vec<Order> = shelf
        .orders
        .values()
        .filter(|order| is_open_deal(order))
        .cloned()
        .collect();
    for mut order in open {
        let before = order.purpose.clone();
        let Some(proposal) = order.proposal() else {
            continue;
        };
        let Some(client) = state
            .resolve(&proposal.client)
            .map_err(crate::miner::MinerError::Chain)?
        else {
            continue;
        };
        let miner = shelf.config.miner;
        let kept = normalised(&proposal, client, miner);
        let Purpose::Deal {
            deal, allocation, ..
        } = &mut order.purpose
        else {
            continue;
        };
        if let Some(id) = *deal
            && market.proposal(id)?.as_ref() != Some(&kept)
        {
            // The chain went back to before it was published.
            (*deal, *allocation) = (None, None);
        }
        if deal.is_none() && market.is_pending(&proposal_cid(&proposal, client, miner)?)? {
            *deal = find(market, &kept)?;
        }
        if let Some(id) = *deal
            && proposal.verified_deal
            && allocation.is_none()
        {
            let id = market.pending_allocation(id)?;
            *allocation = id.map(|id| VerifiedAllocationKey { client, id });
        }
        let activated = match *deal {
            Some(id) => market.deal_state(id)?,
            None => None,
        };
        if let Some(activated) = activated {
            // The message that did it was mined while nobody looked.
            order.steps.push(Step {
                name: "active".into(),
                epoch: activated.sector_start_epoch,
                message: None,
                cost: "0".into(),
            });
        }
        if order.purpose != before || activated.is_some() {
            shelf.put_order(order)?;
        }
    }
    Ok(())
}

/// The number of a published proposal, looked for from the newest on.
fn find(market: &MarketView, kept: &DealProposal) -> Result<Option<DealID>, PipelineError> {
    for id in (0..market.state.next_id).rev() {
        if market.proposal(id)?.as_ref() == Some(kept) {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// Publishes what waits, in messages of several deals; those that failed together one
/// by one.
fn publish(
    shelf: &mut Shelf<'_>,
    state: &StateView,
    market: &MarketView,
    epoch: ChainEpoch,
) -> Result<Vec<Errand>, PipelineError> {
    let publishing = shelf.tasks.publishing();
    let mut together: Vec<OrderId> = Vec::new();
    let mut batches: Vec<Vec<OrderId>> = Vec::new();
    for order in shelf.orders.values() {
        let task = Task::Publish(vec![order.id]);
        let waits = is_unpublished(order) && order.length > 0 && order.start >= epoch;
        if !waits || publishing.contains(&order.id) || !shelf.tasks.may(&task, epoch) {
            continue;
        }
        match shelf.tasks.is_single(order.id) {
            true => batches.push(vec![order.id]),
            false => together.push(order.id),
        }
    }
    batches.extend(together.chunks(MOST).map(<[OrderId]>::to_vec));
    if batches.is_empty() {
        return Ok(Vec::new());
    }
    let proposal = |id: &OrderId| shelf.orders.get(id).and_then(Order::proposal);
    let collateral: TokenAmount = batches
        .iter()
        .flatten()
        .chain(&publishing)
        .filter_map(proposal)
        .map(|deal| deal.provider_collateral)
        .sum();
    let mut errands = Vec::new();
    let missing = collateral - market.free(shelf.config.miner)?;
    if missing.is_positive() && !shelf.tasks.is_under_way(&Task::Collateral) {
        let worker = shelf.config.worker.address();
        let balance = state
            .balance(&worker)
            .map_err(crate::miner::MinerError::Chain)?;
        if balance <= missing {
            tracing::warn!(
                miner = shelf.config.miner,
                %worker,
                %balance,
                %missing,
                "the worker cannot put up the collateral of deals; send it FIL"
            );
            for id in batches.iter().flatten() {
                shelf.tasks.rest(Task::Publish(vec![*id]), epoch);
            }
            return Ok(Vec::new());
        }
        errands.push(Errand {
            task: Task::Collateral,
            value: missing,
            method: ADD_BALANCE,
            params: shelf.encode(&Address::new_id(shelf.config.miner))?,
        });
    }
    for batch in batches {
        let deals = batch
            .iter()
            .filter_map(|id| shelf.orders.get(id).and_then(signed));
        let params = PublishStorageDealsParams {
            deals: deals.collect(),
        };
        errands.push(Errand {
            params: shelf.encode(&params)?,
            task: Task::Publish(batch),
            value: TokenAmount::default(),
            method: PUBLISH_STORAGE_DEALS,
        });
    }
    Ok(errands)
}

fn signed(order: &Order) -> Option<ClientDealProposal> {
    match &order.purpose {
        Purpose::Deal { proposal, .. } => proposal.deserialize().ok(),
        Purpose::Allocation { .. } | Purpose::Favour { .. } => None,
    }
}

/// A message that publishes deals would fail: those in it are tried one by one, and one
/// that was alone has failed.
pub(crate) fn refused(
    shelf: &mut Shelf<'_>,
    batch: &[OrderId],
    failure: &EstimateError,
) -> Result<(), PipelineError> {
    match batch {
        [alone] => {
            let reason = match failure {
                EstimateError::Failed(applied) => applied.error.clone(),
                EstimateError::OutOfGas | EstimateError::Chain(_) => None,
            };
            let reason = reason.unwrap_or_else(|| failure.to_string());
            if let Some(mut order) = shelf.orders.get(alone).cloned() {
                order.failed = Some(format!("it cannot be published: {reason}"));
                shelf.put_order(order)?;
            }
        }
        several => shelf.tasks.part(several),
    }
    Ok(())
}

/// Looks for deals of ours among those that a tipset published.
pub(crate) fn learn(shelf: &mut Shelf<'_>, tipset: &ExecutedTipset) -> Result<(), PipelineError> {
    if !shelf.orders.values().any(is_unpublished) {
        return Ok(());
    }
    for message in tipset.messages.iter() {
        let sent = &message.signed.message;
        let is_publication = sent.to == MARKET_ACTOR
            && matches!(
                sent.method_num,
                PUBLISH_STORAGE_DEALS | PUBLISH_STORAGE_DEALS_EXPORTED
            )
            && message.receipt.exit_code.is_success();
        if is_publication {
            published(shelf, tipset.height(), message)?;
        }
    }
    Ok(())
}

fn published(
    shelf: &mut Shelf<'_>,
    epoch: ChainEpoch,
    message: &ExecutedMessage,
) -> Result<(), PipelineError> {
    let params = &message.signed.message.params;
    let (Ok(params), Ok(result)) = (
        params.deserialize::<PublishStorageDealsParams>(),
        message
            .receipt
            .return_data
            .deserialize::<PublishStorageDealsReturn>(),
    ) else {
        return Ok(());
    };
    let share = crate::provider::cost(message).atto() / result.ids.len().max(1);
    let mut ids = result.ids.iter();
    for (position, signed) in (0u64..).zip(&params.deals) {
        let id = match result.valid_deals.get(position) {
            true => ids.next().copied(),
            false => None,
        };
        let ours = shelf
            .orders
            .values()
            .find(|order| is_unpublished(order) && self::signed(order).as_ref() == Some(signed));
        let Some(mut order) = ours.cloned() else {
            continue;
        };
        match (id, &mut order.purpose) {
            (Some(id), Purpose::Deal { deal, .. }) => *deal = Some(id),
            // Alone it is told why.
            _ => {
                shelf.tasks.part(&[order.id]);
                continue;
            }
        }
        order.steps.push(Step {
            name: "published".into(),
            epoch,
            message: Some(message.cid),
            cost: share.to_string(),
        });
        shelf.put_order(order)?;
    }
    Ok(())
}

/// Sees which of the deals that ran are over, and has those paid out that reached
/// their end.
fn sweep(
    shelf: &mut Shelf<'_>,
    market: &MarketView,
    epoch: ChainEpoch,
) -> Result<Option<Errand>, PipelineError> {
    *shelf.swept = epoch;
    let running: Vec<(OrderId, DealID, ChainEpoch)> = shelf
        .orders
        .values()
        .filter(|order| is_running_deal(order))
        .filter_map(|order| Some((order.id, order.deal()?, order.end)))
        .collect();
    let mut due: Vec<DealID> = Vec::new();
    for (order, deal, end) in running {
        if market.deal_state(deal)?.is_some() {
            if end <= epoch {
                due.push(deal);
            }
            continue;
        }
        let Some(mut order) = shelf.orders.get(&order).cloned() else {
            continue;
        };
        let name = match end <= epoch {
            true => "expired",
            false => "slashed",
        };
        order.steps.push(Step {
            name: name.into(),
            epoch,
            message: None,
            cost: "0".into(),
        });
        shelf.put_order(order)?;
    }
    if due.is_empty() || !shelf.tasks.may(&Task::Settle, epoch) {
        return Ok(None);
    }
    let ids = BitField::try_from_bits(due)
        .map_err(|error| crate::miner::MinerError::State(error.to_string()))?;
    Ok(Some(Errand {
        task: Task::Settle,
        value: TokenAmount::default(),
        method: SETTLE_DEAL_PAYMENTS,
        params: shelf.encode(&ids)?,
    }))
}

/// What deals of a client will lock that are taken and not published.
pub(crate) fn promised<'a>(
    orders: impl IntoIterator<Item = &'a Order>,
    state: &StateView,
    client: ActorID,
) -> TokenAmount {
    orders
        .into_iter()
        .filter(|order| is_unpublished(order))
        .filter_map(Order::proposal)
        .filter(|deal| state.resolve(&deal.client).ok().flatten() == Some(client))
        .map(|deal| deal.client_balance_requirement())
        .sum()
}
