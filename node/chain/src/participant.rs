//! Those who act by themselves as epochs pass: storage providers.
//!
//! The producer asks every participant when it is due, makes a tipset no later than
//! that, and takes its messages into it. So no jump in time passes over a proof that
//! somebody wants to submit, and what providers do depends on the chain alone, not on
//! how fast a thread runs.

use std::sync::Arc;

use boatyard_actors_shared::POWER_ACTOR_ID;
use boatyard_vm::context::ChainView;
use boatyard_vm::machine::Applied;
use boatyard_vm::state::StateTree;
use boatyard_vm::store::SharedStore;
use cid::Cid;
use fvm_ipld_encoding::CborStore;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_ipld_hamt::{BytesKey, Hamt};
use fvm_shared::address::Address;
use fvm_shared::bigint::{BigInt, bigint_ser};
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::message::Message;
use fvm_shared::{ActorID, HAMT_BIT_WIDTH};

use crate::admission::{canonical_sender, check_form, check_state};
use crate::block::Ticket;
use crate::call::Overrides;
use crate::calls;
use crate::core::Core;
use crate::error::{ChainError, EstimateError, Rejection};
use crate::events::ChainEvent;
use crate::execute;
use crate::faults;
use crate::genesis::states::PowerState;
use crate::keys::Key;
use crate::message::{Authority, SignedMessage};
use crate::randomness::{self, View};
use crate::tipset::ExecutedTipset;
use crate::view::StateView;

/// Premium of participants' messages, attoFIL per unit of gas.
const PREMIUM: u64 = 100_000;

/// Somebody who acts as epochs pass. All methods run on the producer's thread, one
/// after another; while they do, the chain stands still.
pub trait Participant: Send + Sync {
    /// The miner for which it can make blocks, and the key of its worker.
    fn producer(&self) -> Option<BlockProducer>;

    /// By which epoch it wants to be asked for messages, seen from `head`, whose
    /// results are `state`; `None` if nothing is to come. An epoch that has passed
    /// stands for the next one.
    fn due(&self, head: &ExecutedTipset, state: &StateView) -> Option<ChainEpoch>;

    /// Its messages for a tipset, in order. Sequence, fees and, where it is 0, the
    /// gas limit are filled in; the sender's key must be in the chain's keyring.
    /// Asked before every tipset, due or not.
    fn act(&self, turn: &Turn<'_>) -> Vec<Message>;

    /// What became of a message that it wanted to send in the tipset at `epoch`: it is
    /// in the pool under this CID, or why not. Told of each in its order.
    fn told(&self, epoch: ChainEpoch, message: &Message, outcome: Result<Cid, NotSent>);

    /// The chain went back to before this epoch, or to genesis.
    fn rewound(&self, head: &ExecutedTipset);
}

/// Who can make a block.
#[derive(Debug, Clone)]
pub struct BlockProducer {
    /// The miner.
    pub miner: ActorID,
    /// Its worker's key, an f3 one.
    pub worker: Key,
}

/// Why a participant's message was not sent.
#[derive(Debug, thiserror::Error)]
pub enum NotSent {
    /// Tried on the state before the tipset, it fails.
    #[error(transparent)]
    Fails(#[from] EstimateError),
    /// The pool does not take it.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The chain's keyring has no key of the sender.
    #[error("the node has no key of {0}")]
    NoKey(Address),
}

impl From<ChainError> for NotSent {
    fn from(error: ChainError) -> Self {
        Self::Rejected(error.into())
    }
}

/// A tipset about to be made.
pub struct Turn<'a> {
    core: &'a Arc<Core>,
    parent: &'a Arc<ExecutedTipset>,
    epoch: ChainEpoch,
    root: Cid,
    view: Arc<dyn ChainView>,
}

impl Turn<'_> {
    /// Its epoch.
    pub fn epoch(&self) -> ChainEpoch {
        self.epoch
    }

    /// The tipset that it is made on.
    pub fn parent(&self) -> &Arc<ExecutedTipset> {
        self.parent
    }

    /// The state before its messages: after the parent and the null rounds between.
    pub fn state(&self) -> StateView {
        StateView::new(self.core.store.clone(), self.root)
    }

    /// Tries a message on that state, without a trace on the chain: what a contract
    /// answers when it is asked. Failure of the message is a non-zero exit code.
    ///
    /// # Errors
    /// As [`crate::ChainHandle::call`].
    pub fn call(&self, message: Message) -> Result<Applied, ChainError> {
        let base = calls::Base {
            root: self.root,
            epoch: self.epoch,
            base_fee: self.parent.next_base_fee.clone(),
            view: self.view.clone(),
            priors: Vec::new(),
        };
        calls::call_on(self.core, message, base)
    }

    /// Where blocks lie.
    pub fn store(&self) -> &SharedStore {
        &self.core.store
    }

    /// Randomness of the ticket chain as an actor gets it (spec 00 §16).
    ///
    /// # Errors
    /// [`ChainError::Config`] for an epoch that the chain does not have.
    pub fn ticket_randomness(
        &self,
        tag: i64,
        epoch: ChainEpoch,
        entropy: &[u8],
    ) -> Result<[u8; 32], ChainError> {
        let digest = self.view.ticket_randomness(epoch).map_err(no_epoch)?;
        Ok(randomness::draw_from(&digest, tag, epoch, entropy))
    }

    /// Randomness of the beacon as an actor gets it (spec 00 §16).
    ///
    /// # Errors
    /// [`ChainError::Config`] for an epoch that the chain does not have.
    pub fn beacon_randomness(
        &self,
        tag: i64,
        epoch: ChainEpoch,
        entropy: &[u8],
    ) -> Result<[u8; 32], ChainError> {
        let digest = self.view.beacon_randomness(epoch).map_err(no_epoch)?;
        Ok(randomness::draw_from(&digest, tag, epoch, entropy))
    }
}

fn no_epoch(error: boatyard_vm::context::LookupError) -> ChainError {
    ChainError::Config(format!("epoch {}: {}", error.epoch, error.reason))
}

/// The earliest epoch, after the head, by which a participant wants a tipset.
pub(crate) fn due(core: &Core, head: &ExecutedTipset) -> Option<ChainEpoch> {
    let participants = core.participants();
    if participants.is_empty() {
        return None;
    }
    let state = StateView::new(core.store.clone(), head.state_root);
    participants
        .iter()
        .filter_map(|participant| participant.due(head, &state))
        .min()
        .map(|due| due.max(head.height() + 1))
}

/// Puts the participants' messages for a tipset into the pool.
pub(crate) fn ask(
    core: &Arc<Core>,
    parent: &Arc<ExecutedTipset>,
    epoch: ChainEpoch,
    root: Cid,
    ticket: &Ticket,
) {
    for participant in core.participants() {
        let turn = Turn {
            core,
            parent,
            epoch,
            root,
            view: View::of_new(core, parent.height(), epoch, ticket.clone()),
        };
        for message in participant.act(&turn) {
            let outcome = send(&turn, message.clone());
            participant.told(epoch, &message, outcome);
        }
    }
}

fn send(turn: &Turn<'_>, message: Message) -> Result<Cid, NotSent> {
    let core = turn.core;
    let signed = complete(turn, message)?;
    check_state(&turn.state(), &signed.message, Authority::Signed)?;
    let eth_hash = signed.eth_hash(core.config.chain_id);
    let inserted = core
        .data_mut()
        .pool
        .insert(signed, eth_hash, Authority::Signed)?;
    core.tell(ChainEvent::Pending(inserted.message.clone()));
    Ok(inserted.message.cid)
}

/// Completes and signs a message for the tipset that comes next.
pub(crate) fn sign(core: &Arc<Core>, message: Message) -> Result<SignedMessage, NotSent> {
    let parent = core.head();
    let epoch = core.next_epoch();
    let root = execute::null_rounds(
        core,
        parent.state_root,
        parent.height(),
        epoch,
        &parent.next_base_fee,
    )?;
    let turn = Turn {
        core,
        parent: &parent,
        epoch,
        root,
        view: View::of_pending(core, parent.height(), epoch),
    };
    complete(&turn, message)
}

/// Fills in what is left out of a message, and signs it.
fn complete(turn: &Turn<'_>, mut message: Message) -> Result<SignedMessage, NotSent> {
    let core = turn.core;
    let state = turn.state();
    message.from = canonical_sender(&state, &message.from)?;
    let key = core
        .keyring
        .get(&message.from)
        .ok_or(NotSent::NoKey(message.from))?;
    let next = state.sequence(&message.from)?;
    message.sequence = core.data().pool.next_nonce(&message.from, next);
    if message.gas_limit == 0 {
        let base = calls::Base {
            root: turn.root,
            epoch: turn.epoch,
            base_fee: turn.parent.next_base_fee.clone(),
            view: turn.view.clone(),
            priors: calls::pending_of(core, &message.from, next),
        };
        message.gas_limit =
            calls::estimate_on(core, message.clone(), base, &Overrides::default())?.limit;
    }
    message.gas_premium = TokenAmount::from_atto(PREMIUM);
    // Enough for a base fee that doubles before it is mined.
    message.gas_fee_cap = &turn.parent.next_base_fee * 2 + &message.gas_premium;
    let signed = key
        .sign_message(message, core.config.chain_id)
        .map_err(|error| ChainError::Config(error.to_string()))?;
    check_form(&signed, Authority::Signed, core.config.chain_id)?;
    Ok(signed)
}

/// Who makes the block at `height` on top of `parent`: drawn by quality-adjusted
/// power with the beacon's entry. While nobody has power, the first one that there is.
/// Who was found to have made two blocks of one epoch makes none for a while.
pub(crate) fn elect(
    core: &Core,
    state_root: &Cid,
    height: ChainEpoch,
) -> Result<Option<BlockProducer>, ChainError> {
    let state = StateView::new(core.store.clone(), *state_root);
    let mut candidates: Vec<BlockProducer> = Vec::new();
    for participant in core.participants().iter() {
        if let Some(candidate) = participant.producer()
            && !faults::is_barred(&state, candidate.miner, height)?
        {
            candidates.push(candidate);
        }
    }
    if candidates.len() < 2 {
        return Ok(candidates.pop());
    }
    let tree = StateTree::load(core.store.clone(), state_root)?;
    let powers = power_of(core, &tree, &candidates)?;
    let total: u128 = powers.iter().sum();
    if total == 0 {
        return Ok(Some(candidates.swap_remove(0)));
    }
    let entry = core.beacon_entry(height);
    let drawn = randomness::blake2b(&entry.data);
    let mut lot = u128::from_be_bytes(drawn[..16].try_into().expect("16 of 32 bytes")) % total;
    for (candidate, power) in candidates.into_iter().zip(powers) {
        if lot < power {
            return Ok(Some(candidate));
        }
        lot -= power;
    }
    Ok(None)
}

/// A miner's claim in the power actor (spec 03 §1.3).
#[derive(Deserialize_tuple, Serialize_tuple)]
struct Claim {
    _window_post_proof_type: i64,
    #[serde(with = "bigint_ser")]
    _raw_byte_power: BigInt,
    #[serde(with = "bigint_ser")]
    quality_adj_power: BigInt,
}

/// Quality-adjusted power of each candidate, in bytes.
fn power_of(
    core: &Core,
    tree: &StateTree<SharedStore>,
    candidates: &[BlockProducer],
) -> Result<Vec<u128>, ChainError> {
    let Some(actor) = tree.actor(POWER_ACTOR_ID)? else {
        return Ok(vec![0; candidates.len()]);
    };
    let state: PowerState = core
        .store
        .get_cbor(&actor.state)
        .map_err(ChainError::Store)?
        .ok_or(ChainError::MissingBlock(actor.state))?;
    let broken = |error: fvm_ipld_hamt::Error| ChainError::Store(error.into());
    let claims: Hamt<_, Claim> =
        Hamt::load_with_bit_width(&state.claims, core.store.clone(), HAMT_BIT_WIDTH)
            .map_err(broken)?;
    candidates
        .iter()
        .map(|candidate| {
            let key = Address::new_id(candidate.miner).to_bytes();
            let claim = claims.get(&BytesKey::from(key)).map_err(broken)?;
            Ok(claim.map_or(0, |claim| {
                u128::try_from(&claim.quality_adj_power).unwrap_or_default()
            }))
        })
        .collect()
}
