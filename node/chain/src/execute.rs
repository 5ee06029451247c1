//! Executing null rounds and tipsets. Changes nothing but the block store.

use std::sync::Arc;

use boatyard_vm::context::{ChainView, Context, Tracing};
use boatyard_vm::machine::{Applied, Machine, Mode, VmError};
use boatyard_vm::state::StateTree;
use boatyard_vm::store::SharedStore;
use cid::Cid;
use fvm_ipld_encoding::RawBytes;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::message::Message;

use crate::core::Core;
use crate::error::ChainError;
use crate::machines::Purpose;
use crate::message::{Authority, SignedMessage};
use crate::randomness::View;
use crate::store::Scratch;
use crate::supply::{Meter, supply};
use crate::tipset::{ExecutedTipset, MessageRole, TracedMessage};

/// Gas limit of a block reward (spec 09 §7).
const REWARD_GAS: u64 = 1 << 30;
/// Gas limit of cron.
const CRON_GAS: u64 = 100_000_000_000_000;
/// How many null rounds run before what they left behind is thrown away.
const ROUNDS_PER_SCRATCH: ChainEpoch = 2_000;
/// How often a long jump says where it is.
const ROUNDS_PER_REPORT: ChainEpoch = 100_000;

/// Circulating supply of the state below `root`.
pub(crate) fn circulating(store: &SharedStore, root: &Cid) -> Result<TokenAmount, ChainError> {
    Ok(supply(&StateTree::load(store.clone(), root)?)?.circulating)
}

/// Runs the cron of the null rounds between `parent` and `height`, which has the
/// state `root`, and gives the state after them. Nothing is left in the store but
/// that state (spec 09 §6.1).
pub(crate) fn null_rounds(
    core: &Arc<Core>,
    root: Cid,
    parent: ChainEpoch,
    height: ChainEpoch,
    base_fee: &TokenAmount,
) -> Result<Cid, ChainError> {
    let view: Arc<dyn ChainView> = View::on_chain(core, parent);
    let mut root = root;
    let mut epoch = parent + 1;
    let mut meter = Meter::default();
    while epoch < height {
        let scratch = Scratch::over(&core.store);
        let store = scratch.shared();
        let until = height.min(epoch + ROUNDS_PER_SCRATCH);
        let mut supply = circulating(&store, &root)?;
        let open = |context, root| {
            core.machines
                .open(Purpose::NullRounds, store.clone(), root, context)
        };
        let mut running: Option<Box<dyn Machine>> = None;
        while epoch < until {
            if core.stopping() {
                return Err(ChainError::Stopped);
            }
            if (epoch - parent) % ROUNDS_PER_REPORT == 0 {
                tracing::info!(epoch, to = height, "passing null rounds");
            }
            let context = core.context(epoch, base_fee.clone(), supply, view.clone(), Tracing::Off);
            // The state stays in memory if the machine can go on.
            let mut machine = match running.take() {
                None => open(context, root)?,
                Some(mut machine) => {
                    if !machine.enter(&context) {
                        root = machine.flush()?;
                        machine = open(context, root)?;
                    }
                    machine
                }
            };
            cron(machine.as_mut(), epoch)?;
            // Measured in the machine that has just run: it has everything at hand.
            let block = |cid: &Cid| Ok(machine.block(cid)?);
            supply = meter.measure(block, |id| machine.actor(id))?.circulating;
            running = Some(machine);
            epoch += 1;
        }
        if let Some(mut machine) = running {
            root = machine.flush()?;
        }
        scratch.keep(&root)?;
    }
    Ok(root)
}

/// A message to execute in a tipset.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work<'a> {
    pub cid: Cid,
    pub signed: &'a SignedMessage,
    pub authority: Authority,
}

impl Work<'_> {
    pub fn mode(&self) -> Mode {
        match self.authority {
            Authority::Signed => Mode::Explicit {
                chain_length: self.signed.chain_length(),
            },
            Authority::Impersonated => Mode::Unchecked,
        }
    }
}

/// Why a tipset could not be executed.
pub(crate) enum Failure {
    /// It would be the same with any messages.
    Chain(ChainError),
    /// The machine broke down over this message.
    Message(Cid, VmError),
}

impl From<ChainError> for Failure {
    fn from(error: ChainError) -> Self {
        Self::Chain(error)
    }
}

impl From<VmError> for Failure {
    fn from(error: VmError) -> Self {
        Self::Chain(error.into())
    }
}

/// What came of a tipset.
pub(crate) struct Executed {
    pub state_root: Cid,
    /// One per message, also for the refused ones.
    pub applied: Vec<Applied>,
    /// The reward's and cron's.
    pub reward: (Message, Applied),
    pub cron: (Message, Applied),
}

/// Executes messages, the reward of the block, and cron (spec 09 §6).
pub(crate) fn tipset(
    core: &Core,
    purpose: Purpose,
    context: Context,
    start: Cid,
    work: &[Work<'_>],
    miner: Address,
) -> Result<Executed, Failure> {
    let epoch = context.epoch;
    let mut machine = core
        .machines
        .open(purpose, core.store.clone(), start, context)?;
    let mut applied = Vec::with_capacity(work.len());
    let mut tips = TokenAmount::default();
    let mut penalty = TokenAmount::default();
    for item in work {
        let outcome = machine
            .apply(&item.signed.message, item.mode())
            .map_err(|error| Failure::Message(item.cid, error))?;
        if !outcome.refused {
            tips += &outcome.gas.miner_tip;
            penalty += &outcome.gas.miner_penalty;
        }
        applied.push(outcome);
    }
    let reward = reward_message(miner, penalty, tips, epoch);
    let outcome = implicit(machine.as_mut(), &reward, "the block reward")?;
    let reward = (reward, outcome);
    let cron = cron(machine.as_mut(), epoch)?;
    Ok(Executed {
        state_root: machine.flush()?,
        applied,
        reward,
        cron,
    })
}

/// Executes a tipset of the chain again, with traces.
pub(crate) fn again(
    core: &Arc<Core>,
    tipset: &ExecutedTipset,
    tracing: Tracing,
) -> Result<Vec<TracedMessage>, ChainError> {
    let work: Vec<Work<'_>> = tipset
        .messages
        .iter()
        .map(|message| Work {
            cid: message.cid,
            signed: &message.signed,
            authority: message.authority,
        })
        .collect();
    let context = core.context(
        tipset.height(),
        tipset.tipset.base_fee().clone(),
        tipset.circulating_supply.clone(),
        View::on_chain(core, tipset.height()),
        tracing,
    );
    let miner = tipset.tipset.block().miner;
    let start = tipset.start_root;
    let executed = match self::tipset(core, Purpose::Trace, context, start, &work, miner) {
        Ok(executed) => executed,
        Err(Failure::Chain(error)) => return Err(error),
        Err(Failure::Message(_, error)) => return Err(error.into()),
    };
    let explicit = tipset
        .messages
        .iter()
        .zip(executed.applied)
        .enumerate()
        .map(|(index, (message, applied))| TracedMessage {
            message: message.signed.message.clone(),
            role: MessageRole::Explicit(index),
            applied,
        });
    let implicit = [
        (MessageRole::Reward, executed.reward),
        (MessageRole::Cron, executed.cron),
    ]
    .map(|(role, (message, applied))| TracedMessage {
        message,
        role,
        applied,
    });
    Ok(explicit.chain(implicit).collect())
}

fn cron(machine: &mut dyn Machine, epoch: ChainEpoch) -> Result<(Message, Applied), ChainError> {
    let message = system_message(3, 2, RawBytes::default(), CRON_GAS, epoch);
    let applied = implicit(machine, &message, "cron")?;
    Ok((message, applied))
}

fn reward_message(
    miner: Address,
    penalty: TokenAmount,
    gas_reward: TokenAmount,
    epoch: ChainEpoch,
) -> Message {
    let win_count: i64 = 1;
    let params = RawBytes::serialize((miner, penalty, gas_reward, win_count))
        .expect("addresses and amounts encode");
    system_message(2, 2, params, REWARD_GAS, epoch)
}

fn system_message(
    to: u64,
    method_num: u64,
    params: RawBytes,
    gas_limit: u64,
    epoch: ChainEpoch,
) -> Message {
    Message {
        version: 0,
        from: Address::new_id(0),
        to: Address::new_id(to),
        sequence: epoch.unsigned_abs(),
        value: TokenAmount::default(),
        method_num,
        params,
        gas_limit,
        gas_fee_cap: TokenAmount::default(),
        gas_premium: TokenAmount::default(),
    }
}

/// An implicit message must succeed, or the tipset is invalid.
fn implicit(
    machine: &mut dyn Machine,
    message: &Message,
    what: &str,
) -> Result<Applied, ChainError> {
    let applied = machine.apply(message, Mode::Implicit)?;
    if !applied.receipt.exit_code.is_success() {
        return Err(ChainError::Vm(VmError::Fatal(anyhow::anyhow!(
            "{what} failed with exit code {}: {}",
            applied.receipt.exit_code,
            applied.error.as_deref().unwrap_or("no reason given"),
        ))));
    }
    Ok(applied)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reward_without_fees_has_the_parameters_of_the_sheet() {
        let message = reward_message(
            Address::new_id(1000),
            TokenAmount::default(),
            TokenAmount::default(),
            7,
        );
        assert_eq!(
            alloy::primitives::hex::encode(message.params.bytes()),
            "844300e807404001"
        );
        assert_eq!((message.sequence, message.gas_limit), (7, 1 << 30));
    }
}
