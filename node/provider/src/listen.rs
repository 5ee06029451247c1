//! What a provider hears from the chain: deals that contracts propose, and allocations
//! of datacap that name it.
//!
//! A contract that wants a deal emits `DealProposalCreate` and answers two questions,
//! by the convention that client contracts follow. What it answers is asked on the state
//! of the tipset about to be made, so what a provider does depends on the chain alone.

use alloy::sol;
use alloy::sol_types::{SolCall, SolEvent, SolValue};
use boatyard_actors_shared::ext::account::{AUTHENTICATE_MESSAGE, AuthenticateMessageParams};
use boatyard_actors_shared::{VERIFREG_ACTOR_ID, ext::verifreg::AllocationId};
use boatyard_chain::ethereum::{self, INVOKE_EVM};
use boatyard_chain::{StateView, Turn};
use boatyard_market::{ClientDealProposal, DealProposal};
use fvm_ipld_encoding::{RawBytes, from_slice};
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::crypto::signature::Signature;
use fvm_shared::event::{ActorEvent, StampedEvent};
use fvm_shared::piece::PieceInfo;
use serde::de::DeserializeOwned;

use crate::intake::{self, Measure};
use crate::market::MarketView;
use crate::miner::MinerError;
use crate::order::{Order, Origin, Purpose};
use crate::pipeline::PipelineError;
use crate::provider::{Provider, Shelf};
use crate::replica;
use crate::verifreg::{self, VerifregView};

sol! {
    /// A contract wants a deal.
    event DealProposalCreate(bytes32 indexed id, uint64 size, bool indexed verified, uint256 price);
    /// The CBOR of its proposal; the provider is f00 if any may have it.
    function getDealProposal(bytes32 id) external view returns (bytes memory);
    /// The ABI encoding of [`ExtraParamsV1`].
    function getExtraParams(bytes32 id) external view returns (bytes memory);
    /// Whom a claim of an allocation is told to, and with which words.
    function getNotifications(uint64 allocation) external view
        returns (address[] memory receivers, bytes[] memory payloads);

    /// Where the data of a proposal is.
    struct ExtraParamsV1 {
        string location_ref;
        uint64 car_size;
        bool skip_ipni_announce;
        bool remove_unsealed_copy;
    }
}

/// Longest URL that is remembered.
const MAX_LOCATION: usize = 2_048;
/// Receivers of notifications that one allocation may have.
const MAX_RECEIVERS: usize = 16;

/// Takes what the parent of this tipset told of; looks for bytes that came.
pub(crate) fn hear(
    provider: &Provider,
    shelf: &mut Shelf<'_>,
    turn: &Turn<'_>,
) -> Result<(), PipelineError> {
    let mut proposals: Vec<(ActorID, [u8; 32])> = Vec::new();
    let mut allocations: Vec<(ActorID, AllocationId)> = Vec::new();
    for (_, event) in turn.parent().events() {
        if let Some(id) = proposal_of(&event.event) {
            proposals.push((event.emitter, id));
        }
        allocations.extend(allocation_of(event, shelf.config.miner));
    }
    for (contract, id) in proposals {
        propose(provider, shelf, turn, contract, id)?;
    }
    if !allocations.is_empty() {
        allocate(shelf, turn, &allocations)?;
    }
    receive(shelf)
}

/// Number of the proposal that an event tells of, if it does.
fn proposal_of(event: &ActorEvent) -> Option<[u8; 32]> {
    let topic = |name: &str| {
        let entry = event.entries.iter().find(|entry| entry.key == name)?;
        <[u8; 32]>::try_from(entry.value.as_slice()).ok()
    };
    (topic("t1")? == DealProposalCreate::SIGNATURE_HASH.0).then(|| topic("t2"))?
}

/// Client and number of the allocation to us that an event tells of, if it does.
fn allocation_of(event: &StampedEvent, miner: ActorID) -> Option<(ActorID, AllocationId)> {
    fn field<T: DeserializeOwned>(event: &ActorEvent, name: &str) -> Option<T> {
        let entry = event.entries.iter().find(|entry| entry.key == name)?;
        from_slice(&entry.value).ok()
    }
    if event.emitter != VERIFREG_ACTOR_ID {
        return None;
    }
    let event = &event.event;
    let name: String = field(event, "$type")?;
    let provider: ActorID = field(event, "provider")?;
    if name != "allocation" || provider != miner {
        return None;
    }
    Some((field(event, "client")?, field(event, "id")?))
}

/// What a contract answers; nothing if it does not.
fn contract<C: SolCall>(turn: &Turn<'_>, to: ActorID, call: &C) -> Option<C::Return> {
    let params = ethereum::cbor_bytes(&call.abi_encode());
    let question = intake::question(Address::new_id(to), INVOKE_EVM, params);
    let applied = turn.call(question).ok()?;
    if !applied.receipt.exit_code.is_success() {
        return None;
    }
    let bytes = ethereum::from_cbor_bytes(applied.receipt.return_data.bytes())?;
    C::abi_decode_returns(&bytes).ok()
}

/// Takes a contract's proposal if it may be ours.
fn propose(
    provider: &Provider,
    shelf: &mut Shelf<'_>,
    turn: &Turn<'_>,
    from: ActorID,
    id: [u8; 32],
) -> Result<(), PipelineError> {
    let state = turn.state();
    let answer = contract(turn, from, &getDealProposalCall { id: id.into() });
    let Some(deal) = answer.and_then(|bytes| meant_for(shelf.config.miner, &state, from, &bytes))
    else {
        tracing::debug!(
            contract = from,
            "a contract's proposal is not for this provider"
        );
        return Ok(());
    };
    let signed = ClientDealProposal {
        // The market takes no signature of another kind; the contract looks at the bytes.
        client_signature: Signature::new_secp256k1(id.to_vec()),
        proposal: deal,
    };
    let proposal = shelf.encode(&signed)?;
    let known = |order: &Order| matches!(&order.purpose, Purpose::Deal { proposal: ours, .. } if *ours == proposal);
    if shelf.orders.values().any(known) {
        return Ok(());
    }
    let refused = refusal(provider, shelf, turn, &state, &signed)?;
    if let Some(reason) = &refused {
        tracing::warn!(
            miner = shelf.config.miner,
            contract = from,
            reason,
            "a contract's proposal is refused"
        );
    }
    let deal = signed.proposal;
    let purpose = Purpose::Deal {
        proposal,
        deal: None,
        allocation: None,
    };
    let piece = PieceInfo {
        cid: deal.piece_cid,
        size: deal.piece_size,
    };
    let extra = contract(turn, from, &getExtraParamsCall { id: id.into() });
    let order = Order {
        origin: Origin::Contract,
        since: turn.parent().height(),
        location: extra.and_then(|bytes| location(&bytes)),
        failed: refused,
        ..Order::new(piece, 0, purpose, deal.start_epoch, deal.end_epoch)
    };
    shelf.add_order(order)?;
    provider.wake();
    Ok(())
}

/// The proposal in a contract's answer with the provider filled in, if this may be it.
fn meant_for(
    miner: ActorID,
    state: &StateView,
    from: ActorID,
    answer: &[u8],
) -> Option<DealProposal> {
    let deal: DealProposal = from_slice(answer).ok()?;
    let is = |address: &Address, id: ActorID| state.resolve(address).ok().flatten() == Some(id);
    let open = is(&deal.provider, 0);
    if !is(&deal.client, from) || !(open || is(&deal.provider, miner)) {
        return None;
    }
    Some(match open {
        true => DealProposal {
            provider: Address::new_id(miner),
            ..deal
        },
        false => deal,
    })
}

/// Where the data is, if that can be fetched.
fn location(extra: &[u8]) -> Option<String> {
    let extra = ExtraParamsV1::abi_decode(extra).ok()?;
    let url = extra.location_ref;
    (url.starts_with("http://") && url.len() <= MAX_LOCATION).then_some(url)
}

/// Why a contract's proposal is not taken, if it is not.
fn refusal(
    provider: &Provider,
    shelf: &Shelf<'_>,
    turn: &Turn<'_>,
    state: &StateView,
    signed: &ClientDealProposal,
) -> Result<Option<String>, PipelineError> {
    let ask = |to, method, params| {
        let applied = turn.call(intake::question(to, method, params))?;
        Ok((applied.receipt, applied.error))
    };
    let supply = &turn.parent().circulating_supply;
    let size = signed.proposal.piece_size.0;
    let least = intake::least_collateral_by(ask, provider.policy(), supply, size);
    let least = match least {
        Ok(least) => least,
        Err(reason) => return Ok(Some(reason)),
    };
    let market = MarketView::load(state)?;
    let measure = Measure {
        config: shelf.config,
        ask: provider.ask(),
        state,
        market: &market,
        epoch: turn.parent().height(),
        least_collateral: least,
    };
    if let Err(refused) = intake::fits(&measure, signed, shelf.orders) {
        return Ok(Some(refused.to_string()));
    }
    let params = AuthenticateMessageParams {
        signature: RawBytes::new(signed.client_signature.bytes.clone()),
        message: shelf.encode(&signed.proposal)?,
    };
    let client = signed.proposal.client;
    let agrees =
        intake::read_answer::<bool>(ask(client, AUTHENTICATE_MESSAGE, shelf.encode(&params)?));
    Ok(match agrees {
        Ok(true) => None,
        Ok(false) => Some(format!("the contract {client} does not authenticate it")),
        Err(reason) => Some(format!(
            "the contract {client} does not authenticate it: {reason}"
        )),
    })
}

/// Takes allocations that name this provider, but for those that the market made for
/// deals.
fn allocate(
    shelf: &mut Shelf<'_>,
    turn: &Turn<'_>,
    found: &[(ActorID, AllocationId)],
) -> Result<(), PipelineError> {
    let state = turn.state();
    let registry = VerifregView::load(&state)?;
    let market = MarketView::load(&state)?;
    let of_deals = market.pending_allocations()?;
    for (client, id) in found.iter().copied() {
        let known = shelf
            .orders
            .values()
            .any(|order| verifreg::is_for(order, (client, id)));
        if known || of_deals.contains(&id) {
            continue;
        }
        let Some(allocation) = registry.allocation(client, id)? else {
            continue;
        };
        let notify = notifications(turn, &state, client, id)?;
        let since = turn.parent().height();
        let order = verifreg::order_of(&allocation, id, since, Origin::Event, notify);
        shelf.add_order(order)?;
    }
    Ok(())
}

/// Whom a contract wants to be told of its allocation's claim.
fn notifications(
    turn: &Turn<'_>,
    state: &StateView,
    client: ActorID,
    allocation: AllocationId,
) -> Result<Vec<(Address, RawBytes)>, MinerError> {
    let Some((_, actor)) = state.actor(&Address::new_id(client))? else {
        return Ok(Vec::new());
    };
    if !state.manifest()?.is(&actor.code, "evm") {
        return Ok(Vec::new());
    }
    let Some(answer) = contract(turn, client, &getNotificationsCall { allocation }) else {
        return Ok(Vec::new());
    };
    let receivers = answer.receivers.iter().map(ethereum::to_filecoin);
    let payloads = answer
        .payloads
        .iter()
        .map(|bytes| RawBytes::new(bytes.to_vec()));
    Ok(receivers.zip(payloads).take(MAX_RECEIVERS).collect())
}

/// Looks for the bytes of orders that came without: handed in meanwhile, or kept already
/// in a sector of the provider's own.
fn receive(shelf: &mut Shelf<'_>) -> Result<(), PipelineError> {
    let waiting: Vec<Order> = shelf
        .orders
        .values()
        .filter(|order| order.waits_for_bytes())
        .cloned()
        .collect();
    for mut order in waiting {
        match replica::fetch(shelf, &order.piece.cid) {
            Ok(true) => {}
            // Somebody has to hand them in.
            Ok(false) | Err(PipelineError::NotGivenBack { .. }) => continue,
            Err(error) => return Err(error),
        }
        match intake::bytes_of(shelf.files, &order.piece) {
            Ok(length) => order.length = length,
            Err(reason) => order.failed = Some(reason.to_string()),
        }
        shelf.put_order(order)?;
    }
    Ok(())
}
