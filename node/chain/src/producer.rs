//! What goes into the next tipset, and when. Runs on the producer's thread only.

use std::sync::Arc;

use boatyard_vm::context::{ChainView, Tracing};
use boatyard_vm::machine::VmError;
use boatyard_vm::state::StateTree;
use cid::Cid;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::address::Address;
use fvm_shared::bigint::BigInt;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::crypto::signature::BLS_SIG_LEN;

use crate::block::{BlockHeader, ElectionProof, Ticket, Tipset};
use crate::config::MiningMode;
use crate::console;
use crate::core::{Core, Data};
use crate::error::ChainError;
use crate::events::ChainEvent;
use crate::execute::{self, Failure, Work};
use crate::fees::next_base_fee;
use crate::genesis::states::PowerState;
use crate::machines::Purpose;
use crate::message::{Authority, PoolMessage, Signature, SignatureKind};
use crate::message_meta::{self, MessageMeta};
use crate::participant::{self, BlockProducer};
use crate::randomness::{self, View};
use crate::tipset::{ExecutedMessage, ExecutedTipset};

/// The longest jump: ten years of epochs of 30 seconds.
pub const MAX_JUMP: ChainEpoch = 10 * 365 * 2880;

/// A tipset that was made, and what was thrown out of the pool on the way.
pub(crate) struct Produced {
    pub tipset: Arc<ExecutedTipset>,
    /// Messages over which the machine broke down.
    pub broken: Vec<(Cid, VmError)>,
}

/// Makes the next tipset, at the epoch that the clock asks for.
pub(crate) fn next(core: &Arc<Core>) -> Result<Produced, ChainError> {
    at(core, core.next_epoch())
}

/// Makes a tipset at `height`, after null rounds if there is room for any. On the way
/// there, tipsets are made wherever a participant wants one.
pub(crate) fn at(core: &Arc<Core>, height: ChainEpoch) -> Result<Produced, ChainError> {
    let rounds = height.saturating_sub(core.head().height());
    if rounds > MAX_JUMP {
        return Err(ChainError::TooFar {
            epochs: rounds,
            max: MAX_JUMP,
        });
    }
    let mut broken = Vec::new();
    loop {
        let due = participant::due(core, &core.head());
        let stop = due.map_or(height, |due| due.min(height));
        let produced = one(core, stop)?;
        broken.extend(produced.broken);
        if stop == height {
            let tipset = produced.tipset;
            return Ok(Produced { tipset, broken });
        }
    }
}

/// Makes a tipset at `height` with nothing but null rounds before it.
fn one(core: &Arc<Core>, height: ChainEpoch) -> Result<Produced, ChainError> {
    let parent = core.head();
    let start_root = execute::null_rounds(
        core,
        parent.state_root,
        parent.height(),
        height,
        &parent.next_base_fee,
    )?;
    let ticket = core.ticket_on(parent.height(), height)?;
    participant::ask(core, &parent, height, start_root, &ticket);
    let mut broken = Vec::new();
    let (tipset, included) = loop {
        if core.stopping() {
            return Err(ChainError::Stopped);
        }
        match attempt(core, &parent, height, start_root, &ticket) {
            Ok(done) => break done,
            Err(Failure::Chain(error)) => return Err(error),
            Err(Failure::Message(cid, error)) => {
                // It would break down again: out of the pool with it.
                tracing::error!(%cid, %error, "a message breaks the machine and is dropped");
                if let Some(message) = core.data_mut().pool.remove(&cid) {
                    core.tell(ChainEvent::Dropped(message));
                }
                broken.push((cid, error));
            }
        }
    };
    adopt(core, &tipset, &included)?;
    Ok(Produced { tipset, broken })
}

/// Makes tipsets until no message is left that could be mined and no participant
/// wants the next one, if tipsets are made on message.
pub(crate) fn drain(core: &Arc<Core>) -> Result<Vec<Produced>, ChainError> {
    let mut made = Vec::new();
    while core.data().mode == MiningMode::OnMessage {
        let head = core.head();
        let asked = participant::due(core, &head) == Some(head.height() + 1);
        if !asked && selection(core, &head, head.state_root)?.is_empty() {
            break;
        }
        let produced = next(core)?;
        let progress = !produced.tipset.messages.is_empty() || !produced.broken.is_empty();
        made.push(produced);
        if !progress {
            // What looked ready was refused; it waits for better times.
            break;
        }
    }
    Ok(made)
}

/// The messages of the next block in the order of execution: BLS ones first.
pub(crate) fn selection(
    core: &Core,
    parent: &ExecutedTipset,
    state_root: Cid,
) -> Result<Vec<Arc<PoolMessage>>, ChainError> {
    let tree = StateTree::load(core.store.clone(), &state_root)?;
    let next_nonce = |sender: &Address| -> Result<u64, ChainError> {
        let Some(id) = tree.resolve(sender)? else {
            return Ok(0);
        };
        Ok(tree.actor(id)?.map_or(0, |actor| actor.sequence))
    };
    let data = core.data();
    let chosen = data
        .pool
        .select(next_nonce, &parent.next_base_fee, data.block_gas_limit)?;
    let (mut messages, other): (Vec<_>, Vec<_>) = chosen
        .into_iter()
        .partition(|message| message.signed.signature.kind == SignatureKind::Bls);
    messages.extend(other);
    Ok(messages)
}

fn attempt(
    core: &Arc<Core>,
    parent: &ExecutedTipset,
    height: ChainEpoch,
    start_root: Cid,
    ticket: &Ticket,
) -> Result<(Arc<ExecutedTipset>, Vec<Arc<PoolMessage>>), Failure> {
    let messages = selection(core, parent, start_root)?;
    let work: Vec<Work<'_>> = messages
        .iter()
        .map(|message| Work {
            cid: message.cid,
            signed: &message.signed,
            authority: message.authority,
        })
        .collect();
    let base_fee = parent.next_base_fee.clone();
    let supply = core.facts.of(&core.store, &start_root)?.circulating.clone();
    let view: Arc<dyn ChainView> = View::of_new(core, parent.height(), height, ticket.clone());
    let mut context = core.context(height, base_fee, supply.clone(), view, Tracing::Off);
    context.interceptor = console::listener();
    let producer = core.block_producer(&parent.state_root, height)?;
    let miner = Address::new_id(producer.miner);
    let executed = execute::tipset(core, Purpose::Tipset, context, start_root, &work, miner)?;
    let mut included = Vec::new();
    let mut results = Vec::new();
    for (message, mut applied) in messages.iter().zip(executed.applied) {
        if applied.refused {
            // Nothing happened, so it is as if it had not been tried.
            tracing::warn!(cid = %message.cid, reason = applied.error, "not mined yet");
            continue;
        }
        message_meta::store_events(&core.store, &applied.events)?;
        // Kept as long as the chain: the FVM makes room for 128 events in each message.
        applied.events.shrink_to_fit();
        included.push(message.clone());
        results.push(ExecutedMessage {
            signed: message.signed.clone(),
            cid: message.cid,
            eth_hash: message.eth_hash,
            authority: message.authority,
            receipt: applied.receipt,
            return_codec: applied.return_codec,
            events: applied.events,
            gas: applied.gas,
            error: applied.error,
        });
    }
    results.shrink_to_fit();
    let header = header(core, parent, height, ticket.clone(), &producer, &included)?;
    let receipts: Vec<_> = results.iter().map(|result| &result.receipt).collect();
    let tipset = ExecutedTipset {
        receipts_root: message_meta::receipts_root(&core.store, &receipts)?,
        next_base_fee: next_base_fee(&parent.next_base_fee, &results),
        tipset: Tipset::single(header),
        messages: Arc::new(results),
        start_root,
        state_root: executed.state_root,
        circulating_supply: supply,
    };
    Ok((Arc::new(tipset), included))
}

/// The block's header. Its state and receipts are the parent's results, so it can
/// be made before or after executing its own messages.
fn header(
    core: &Core,
    parent: &ExecutedTipset,
    height: ChainEpoch,
    ticket: Ticket,
    producer: &BlockProducer,
    messages: &[Arc<PoolMessage>],
) -> Result<BlockHeader, ChainError> {
    let mut bls = Vec::new();
    let mut other = Vec::new();
    let mut signatures = Vec::new();
    for message in messages {
        message_meta::store_message(&core.store, &message.signed)?;
        if message.signed.signature.kind == SignatureKind::Bls {
            bls.push(message.cid);
            if message.authority == Authority::Signed {
                signatures.push(&message.signed.signature);
            }
        } else {
            other.push(message.cid);
        }
    }
    let worker = &producer.worker;
    let miner = Address::new_id(producer.miner);
    let beacon = core.beacon_entry(height);
    let election = randomness::election_vrf(worker, &miner, &beacon, height);
    let mut header = BlockHeader {
        miner,
        ticket: Some(ticket),
        election_proof: Some(ElectionProof {
            win_count: 1,
            vrf_proof: election,
        }),
        beacon_entries: vec![beacon],
        win_post_proof: Vec::new(),
        parents: parent.key().cids().to_vec(),
        parent_weight: weight(core, parent)?,
        height,
        parent_state_root: parent.state_root,
        parent_message_receipts: parent.receipts_root,
        messages: MessageMeta::store(&core.store, &bls, &other)?,
        bls_aggregate: Some(aggregate(&signatures)?),
        timestamp: core.timestamp_of(height),
        block_sig: None,
        fork_signaling: 0,
        parent_base_fee: parent.next_base_fee.clone(),
    };
    header.block_sig = Some(worker.sign(&header.signing_bytes()));
    Ok(header)
}

/// Aggregate of BLS signatures; of none the point at infinity.
fn aggregate(signatures: &[&Signature]) -> Result<Signature, ChainError> {
    use bls_signatures::Serialize as _;
    let mut data = vec![0; BLS_SIG_LEN];
    data[0] = 0xc0;
    if !signatures.is_empty() {
        let broken = |error: bls_signatures::Error| ChainError::Store(error.into());
        let points = signatures
            .iter()
            .map(|signature| bls_signatures::Signature::from_bytes(&signature.data))
            .collect::<Result<Vec<_>, _>>()
            .map_err(broken)?;
        data = bls_signatures::aggregate(&points)
            .map_err(broken)?
            .as_bytes();
    }
    Ok(Signature {
        kind: SignatureKind::Bls,
        data,
    })
}

/// Weight of the chain up to and including a tipset: its parent weight, plus the
/// logarithm of the network's power, plus half of it per expected win, in 1/256.
/// A network without power counts as one byte, and adds one so that a longer
/// chain is always the heavier one.
pub(crate) fn weight(core: &Core, tipset: &ExecutedTipset) -> Result<BigInt, ChainError> {
    let tree = StateTree::load(core.store.clone(), &tipset.tipset.parent_state_root())?;
    let power = match tree.actor(4)? {
        Some(actor) => {
            use fvm_ipld_encoding::CborStore as _;
            let state: Option<PowerState> = core
                .store
                .get_cbor(&actor.state)
                .map_err(ChainError::Store)?;
            state
                .ok_or(ChainError::MissingBlock(actor.state))?
                .total_quality_adj_power
        }
        None => BigInt::default(),
    };
    let log = power.bits().saturating_sub(1);
    let wins: u64 = tipset
        .tipset
        .blocks()
        .iter()
        .filter_map(|block| block.election_proof.as_ref())
        .map(|proof| proof.win_count.unsigned_abs())
        .sum();
    // w + log·2^8 + log·wins·2^8 · (1/2) / 5
    let added = (log << 8) + ((log * wins) << 8) / 10;
    Ok(&tipset.tipset.block().parent_weight + BigInt::from(added.max(1)))
}

/// Puts a tipset on the chain.
fn adopt(
    core: &Core,
    tipset: &Arc<ExecutedTipset>,
    included: &[Arc<PoolMessage>],
) -> Result<(), ChainError> {
    store_headers(core, &tipset.tipset)?;
    let tree = StateTree::load(core.store.clone(), &tipset.state_root)?;
    let mut outdated = Vec::new();
    {
        let mut data = core.data_mut();
        let Data {
            pool,
            tipsets,
            clock,
            ..
        } = &mut *data;
        for message in included {
            pool.remove(&message.cid);
        }
        // Nonces may also be used up by other messages of the same actor.
        for message in included {
            let sender = &message.signed.message.from;
            if !pool.has_sender(sender) {
                continue;
            }
            let actor = match tree.resolve(sender)? {
                Some(id) => tree.actor(id)?,
                None => None,
            };
            outdated.extend(pool.prune(sender, actor.map_or(0, |actor| actor.sequence)));
        }
        clock.not_before = None;
        tipsets.push(tipset.clone());
    }
    core.persist()?;
    for message in outdated {
        core.tell(ChainEvent::Dropped(message));
    }
    core.tell(ChainEvent::Applied(tipset.clone()));
    Ok(())
}

/// Writes the blocks and the key of a tipset to the store.
pub(crate) fn store_headers(core: &Core, tipset: &Tipset) -> Result<(), ChainError> {
    for (block, cid) in tipset.blocks().iter().zip(tipset.key().cids()) {
        core.store
            .put_keyed(cid, &block.to_bytes())
            .map_err(ChainError::Store)?;
    }
    core.store
        .put_keyed(&tipset.key_cid(), &tipset.key().to_bytes())
        .map_err(ChainError::Store)
}
