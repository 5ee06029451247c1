//! Executing calls, estimates and the pending state. Runs on the call threads;
//! everything is written into a store that is forgotten afterwards.

use std::sync::Arc;

use boatyard_vm::apply::inclusion_gas;
use boatyard_vm::context::{ChainView, Context, Interceptor, Tracing};
use boatyard_vm::machine::{Applied, Machine, Mode};
use boatyard_vm::state::StateTree;
use cid::Cid;
use fvm_shared::address::{Address, Payload, Protocol};
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::error::ExitCode;
use fvm_shared::message::Message;
use fvm_shared::state::ActorState;

use crate::admission::{canonical_sender, with_fake_signature};
use crate::call::{CallPoint, CallRequest, GasEstimate, Overrides};
use crate::console;
use crate::core::{Core, NETWORK_VERSION};
use crate::edit;
use crate::error::{ChainError, EstimateError};
use crate::ethereum::EAM;
use crate::facts::Facts;
use crate::fees::BLOCK_GAS_LIMIT;
use crate::machines::Purpose;
use crate::message::{Authority, SignedMessage};
use crate::producer;
use crate::randomness::View;
use crate::store::Scratch;
use crate::view::StateView;
use crate::watch::{self, Watched};

/// Runs a call.
pub(crate) fn call(core: &Arc<Core>, request: CallRequest) -> Result<Applied, ChainError> {
    let mut stage = Stage::set(core, &request.message.from, &request.at, &request.overrides)?;
    stage.context.interceptor = console::listener();
    stage.run(core, request.message, request.tracing)
}

/// Runs a call on a state that is no [`CallPoint`].
pub(crate) fn call_on(
    core: &Arc<Core>,
    message: Message,
    base: Base,
) -> Result<Applied, ChainError> {
    Stage::on(core, base, &Overrides::default())?.run(core, message, Tracing::Off)
}

/// Runs a call and shows its inside.
pub(crate) fn watch(
    core: &Arc<Core>,
    request: CallRequest,
    watcher: Option<Arc<dyn Interceptor>>,
) -> Result<Watched, ChainError> {
    let stage = Stage::set(core, &request.message.from, &request.at, &request.overrides)?;
    let mut message = request.message;
    let (mut machine, _) = stage.open(core, Tracing::Off)?;
    stage.prepare(machine.as_mut(), &mut message)?;
    let root = machine.flush()?;
    drop(machine);
    let context = Context {
        tracing: Tracing::Calls,
        ..stage.context.clone()
    };
    watch::call(
        core,
        stage.scratch.shared(),
        root,
        context,
        &message,
        watcher,
    )
}

/// The state after the head and the messages of the pool. What is new of it is in
/// the view's own store.
pub(crate) fn pending_state(core: &Arc<Core>) -> Result<StateView, ChainError> {
    let nobody = Address::new_id(0);
    let stage = Stage::set(core, &nobody, &CallPoint::Pending, &Overrides::default())?;
    let (mut machine, _) = stage.open(core, Tracing::Off)?;
    Ok(StateView::new(stage.scratch.shared(), machine.flush()?))
}

/// Finds a gas limit (spec 10 §2.11).
pub(crate) fn estimate(
    core: &Arc<Core>,
    message: Message,
    at: &CallPoint,
    overrides: &Overrides,
) -> Result<GasEstimate, EstimateError> {
    let base = Base::find(core, &message.from, at)?;
    estimate_on(core, message, base, overrides)
}

/// The same on a state that is no [`CallPoint`].
pub(crate) fn estimate_on(
    core: &Arc<Core>,
    message: Message,
    base: Base,
    overrides: &Overrides,
) -> Result<GasEstimate, EstimateError> {
    let stage = Stage::on(core, base, overrides)?;
    let inclusion = inclusion_gas(NETWORK_VERSION, chain_length(&message));
    let run = |limit: u64| -> Result<Applied, ChainError> {
        // A call does not pay for its inclusion; the message will.
        let message = Message {
            gas_limit: limit - inclusion,
            ..message.clone()
        };
        stage.run(core, message, Tracing::Off)
    };
    let first = run(BLOCK_GAS_LIMIT)?;
    if first.receipt.exit_code == ExitCode::SYS_OUT_OF_GAS {
        return Err(EstimateError::OutOfGas);
    }
    if !first.receipt.exit_code.is_success() {
        return Err(EstimateError::Failed(Box::new(first)));
    }
    let used = first
        .receipt
        .gas_used
        .saturating_add(inclusion)
        .min(BLOCK_GAS_LIMIT);
    let mut succeeds = |limit: u64| Ok::<_, ChainError>(run(limit)?.receipt.exit_code.is_success());
    let limit = search(used, BLOCK_GAS_LIMIT, &mut succeeds)?;
    Ok(GasEstimate { used, limit })
}

/// A limit that succeeds: a quarter more than is used, or where that is too low
/// because inner calls hold some back, twice that and so on, then narrowed down to
/// one percent. `max` is known to succeed.
fn search<E>(
    used: u64,
    max: u64,
    succeeds: &mut impl FnMut(u64) -> Result<bool, E>,
) -> Result<u64, E> {
    let first = (used + used / 4).clamp(1, max);
    if first == max || succeeds(first)? {
        return Ok(first);
    }
    let mut low = first;
    let mut high = first.saturating_mul(2).min(max);
    while high < max && !succeeds(high)? {
        low = high;
        high = high.saturating_mul(2).min(max);
    }
    while high - low > high / 100 {
        let middle = low + (high - low) / 2;
        if succeeds(middle)? {
            high = middle;
        } else {
            low = middle;
        }
    }
    Ok(high)
}

/// Where calls take place: a state with what comes before the call.
struct Stage {
    scratch: Scratch,
    root: Cid,
    context: Context,
    facts: Arc<Facts>,
    /// Messages that come before the call.
    priors: Vec<(SignedMessage, Authority)>,
}

impl Stage {
    fn set(
        core: &Arc<Core>,
        sender: &Address,
        at: &CallPoint,
        overrides: &Overrides,
    ) -> Result<Self, ChainError> {
        Self::on(core, Base::find(core, sender, at)?, overrides)
    }

    fn on(core: &Arc<Core>, base: Base, overrides: &Overrides) -> Result<Self, ChainError> {
        let scratch = Scratch::over(&core.store);
        let store = scratch.shared();
        let (root, facts) = if overrides.accounts.is_empty() {
            (base.root, core.facts.of(&store, &base.root)?)
        } else {
            let mut tree = StateTree::load(store.clone(), &base.root)?;
            edit::apply_overrides(core, &mut tree, overrides)?;
            let root = tree.flush()?;
            (root, Arc::new(Facts::read(&store, &root)?))
        };
        let supply = facts.circulating.clone();
        let epoch = overrides.epoch.unwrap_or(base.epoch);
        let base_fee = overrides.base_fee.clone().unwrap_or(base.base_fee);
        let mut context = core.context(epoch, base_fee, supply, base.view, Tracing::Off);
        if let Some(timestamp) = overrides.timestamp {
            context.timestamp = timestamp;
        }
        Ok(Self {
            scratch,
            root,
            context,
            facts,
            priors: base.priors,
        })
    }

    /// Opens a machine and applies what comes before the call.
    fn open(
        &self,
        core: &Core,
        tracing: Tracing,
    ) -> Result<(Box<dyn Machine>, Vec<Applied>), ChainError> {
        let context = Context {
            tracing,
            ..self.context.clone()
        };
        let store = self.scratch.shared();
        let mut machine = core
            .machines
            .open(Purpose::Call, store, self.root, context)?;
        let mut applied = Vec::new();
        for (signed, authority) in &self.priors {
            let mode = match authority {
                Authority::Signed => Mode::Explicit {
                    chain_length: signed.chain_length(),
                },
                Authority::Impersonated => Mode::Unchecked,
            };
            applied.push(machine.apply(&signed.message, mode)?);
        }
        Ok((machine, applied))
    }

    fn run(
        &self,
        core: &Core,
        mut message: Message,
        tracing: Tracing,
    ) -> Result<Applied, ChainError> {
        let (mut machine, _) = self.open(core, tracing)?;
        self.prepare(machine.as_mut(), &mut message)?;
        Ok(machine.apply(&message, Mode::Unchecked)?)
    }

    /// Makes sure that the sender exists, and fills in what a call leaves open.
    fn prepare(&self, machine: &mut dyn Machine, message: &mut Message) -> Result<(), ChainError> {
        let id = match machine.resolve(&message.from)? {
            Some(id) => id,
            None => machine.register(&message.from)?,
        };
        let actor = match machine.actor(id)? {
            Some(actor) => actor,
            None => {
                let actor = self.stand_in(&message.from)?;
                machine.set_actor(id, Some(actor.clone()))?;
                actor
            }
        };
        message.sequence = actor.sequence;
        message.gas_fee_cap = TokenAmount::default();
        message.gas_premium = TokenAmount::default();
        if message.gas_limit == 0 {
            message.gas_limit = BLOCK_GAS_LIMIT;
        }
        Ok(())
    }

    /// An actor for a sender that has none: what a transfer to it would create.
    fn stand_in(&self, sender: &Address) -> Result<ActorState, ChainError> {
        let code = |name: &str| {
            let found = self.facts.manifest.code_of(name);
            found.ok_or_else(|| ChainError::Config(format!("there is no actor called {name}")))
        };
        match sender.payload() {
            Payload::Delegated(delegated) if delegated.namespace() == EAM => {
                Ok(ActorState::new_empty(code("placeholder")?, Some(*sender)))
            }
            Payload::Secp256k1(_) | Payload::BLS(_) => {
                use fvm_ipld_encoding::CborStore as _;
                let head = self
                    .scratch
                    .put_cbor(&(sender,), multihash_codetable::Code::Blake2b256)
                    .map_err(ChainError::Store)?;
                Ok(ActorState::new(
                    code("account")?,
                    head,
                    TokenAmount::default(),
                    0,
                    None,
                ))
            }
            _ => Err(ChainError::ActorNotFound(*sender)),
        }
    }
}

/// State and surroundings that a [`CallPoint`] stands for.
pub(crate) struct Base {
    pub root: Cid,
    pub epoch: ChainEpoch,
    pub base_fee: TokenAmount,
    pub view: Arc<dyn ChainView>,
    /// Messages that come first.
    pub priors: Vec<(SignedMessage, Authority)>,
}

/// The messages of a sender that can be mined one after another from this sequence.
pub(crate) fn pending_of(
    core: &Core,
    sender: &Address,
    next: u64,
) -> Vec<(SignedMessage, Authority)> {
    let data = core.data();
    let end = data.pool.next_nonce(sender, next);
    data.pool
        .of(sender)
        .filter(|message| message.signed.message.sequence < end)
        .map(|message| (message.signed.clone(), message.authority))
        .collect()
}

impl Base {
    fn find(core: &Arc<Core>, sender: &Address, at: &CallPoint) -> Result<Self, ChainError> {
        match at {
            CallPoint::After(tipset) => Ok(Self {
                root: tipset.state_root,
                epoch: tipset.height(),
                base_fee: tipset.tipset.base_fee().clone(),
                view: View::on_chain(core, tipset.height()),
                priors: Vec::new(),
            }),
            CallPoint::Before(tipset) => {
                let state = StateView::new(core.store.clone(), tipset.start_root);
                let sender = canonical_sender(&state, sender)?;
                let priors = tipset
                    .messages
                    .iter()
                    .filter(|message| message.signed.message.from == sender)
                    .map(|message| (message.signed.clone(), message.authority))
                    .collect();
                Ok(Self {
                    root: tipset.start_root,
                    epoch: tipset.height(),
                    base_fee: tipset.tipset.base_fee().clone(),
                    view: View::on_chain(core, tipset.height()),
                    priors,
                })
            }
            CallPoint::Pending | CallPoint::PendingOfSender => {
                let head = core.head();
                let epoch = core.next_epoch();
                let priors = match at {
                    CallPoint::PendingOfSender => {
                        let state = StateView::new(core.store.clone(), head.state_root);
                        let sender = canonical_sender(&state, sender)?;
                        pending_of(core, &sender, state.sequence(&sender)?)
                    }
                    _ => producer::selection(core, &head, head.state_root)?
                        .iter()
                        .map(|message| (message.signed.clone(), message.authority))
                        .collect(),
                };
                Ok(Self {
                    root: head.state_root,
                    epoch,
                    base_fee: head.next_base_fee.clone(),
                    view: View::of_pending(core, head.height(), epoch),
                    priors,
                })
            }
        }
    }
}

/// Size of the signed message that this one will be, or a little more: the fields
/// that are not known yet count as large.
fn chain_length(message: &Message) -> usize {
    let fee = || TokenAmount::from_atto(u64::MAX);
    let message = Message {
        sequence: u64::from(u32::MAX),
        gas_limit: u64::MAX,
        gas_fee_cap: fee(),
        gas_premium: fee(),
        ..message.clone()
    };
    let signature = match message.from.protocol() {
        // BLS messages go on chain without signature.
        Protocol::BLS => 0,
        // r, s, v and the bytes around them; EIP-155 ones have up to 9 of v.
        Protocol::Secp256k1 | Protocol::Delegated | Protocol::ID | Protocol::Actor => 10,
    };
    with_fake_signature(message).chain_length() + signature
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_quarter_more_is_enough_for_a_message_without_inner_limits() {
        let mut runs = 0;
        let limit = search(1_000, 1_000_000, &mut |limit| {
            runs += 1;
            Ok::<_, Infallible>(limit >= 1_000)
        });
        assert_eq!((limit, runs), (Ok(1_250), 1));
    }

    proptest! {
        #[test]
        fn a_limit_found_succeeds_and_is_not_far_above_what_is_needed(
            used in 1u64..1_000_000,
            needed in 1u64..BLOCK_GAS_LIMIT,
        ) {
            let limit = search(used, BLOCK_GAS_LIMIT, &mut |limit| {
                Ok::<_, Infallible>(limit >= needed)
            })
            .unwrap();
            prop_assert!(limit >= needed);
            prop_assert!(limit <= (used + used / 4).max(needed + needed / 90 + 1));
        }
    }
}
