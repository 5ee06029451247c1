//! The rules around a message: who may send, and who gets the gas money.
//!
//! Written once over the small [`Ledger`] that both machines can be, so that they
//! cannot differ. [`admit`] comes before the message is executed and [`settle`]
//! after it; what happens between is the machine's work. Source: spec 00 §14 and
//! 09 §9, as the FVM's own executor has them.

use anyhow::anyhow;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::ActorID;
use fvm_shared::address::{Address, Payload};
use fvm_shared::econ::TokenAmount;
use fvm_shared::error::ExitCode;
use fvm_shared::message::Message;
use fvm_shared::receipt::Receipt;
use fvm_shared::state::ActorState;
use fvm_shared::version::NetworkVersion;

use crate::machine::{Applied, GasOutputs, Mode, VmError};
use crate::state::{BURNT_FUNDS_ACTOR, EAM_ACTOR, Manifest, REWARD_ACTOR, StateTree};

/// What the rules need of a machine's state.
pub trait Ledger {
    /// The ID behind an address; an ID address is its own answer.
    ///
    /// # Errors
    /// When the state is broken.
    fn resolve(&self, address: &Address) -> Result<Option<ActorID>, VmError>;

    /// The record of an actor.
    ///
    /// # Errors
    /// When the state is broken.
    fn actor(&self, id: ActorID) -> Result<Option<ActorState>, VmError>;

    /// Writes the record of an actor.
    fn set_actor(&mut self, id: ActorID, actor: ActorState);

    /// The built-in actors.
    fn manifest(&self) -> &Manifest;
}

/// A [`StateTree`] as a [`Ledger`].
pub struct TreeLedger<'a, S> {
    /// The tree.
    pub tree: &'a mut StateTree<S>,
    /// The built-in actors.
    pub manifest: &'a Manifest,
}

impl<S: Blockstore> Ledger for TreeLedger<'_, S> {
    fn resolve(&self, address: &Address) -> Result<Option<ActorID>, VmError> {
        self.tree.resolve(address)
    }

    fn actor(&self, id: ActorID) -> Result<Option<ActorState>, VmError> {
        self.tree.actor(id)
    }

    fn set_actor(&mut self, id: ActorID, actor: ActorState) {
        self.tree.set_actor(id, actor);
    }

    fn manifest(&self) -> &Manifest {
        self.manifest
    }
}

/// Why a message was not executed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The gas limit is 0 or beyond what gas is counted in.
    #[error("the gas limit must lie between 1 and {max}, it is {0}", max = i64::MAX)]
    GasLimit(u64),
    /// Fee cap or premium is negative.
    #[error("fee cap and premium must not be negative, they are {fee_cap} and {premium}")]
    NegativeFee {
        /// The fee cap.
        fee_cap: TokenAmount,
        /// The premium.
        premium: TokenAmount,
    },
    /// The limit does not even cover putting the message on chain.
    #[error("the gas limit {limit} is below the {cost} that including the message costs")]
    BelowInclusionCost {
        /// The gas limit.
        limit: u64,
        /// What inclusion costs.
        cost: u64,
    },
    /// Nobody has this address.
    #[error("the sender {0} does not exist: send it some funds first")]
    UnknownSender(Address),
    /// The sender is an actor that cannot sign.
    #[error("the sender {sender} is {kind}: only accounts send signed messages")]
    NotAnAccount {
        /// The sender.
        sender: Address,
        /// What it is instead.
        kind: String,
    },
    /// The nonce is not the next one.
    #[error("the nonce is {got}, but {sender} continues with {expected}")]
    Nonce {
        /// The sender.
        sender: Address,
        /// Nonce of the message.
        got: u64,
        /// Nonce of the sender.
        expected: u64,
    },
    /// The sender cannot pay for the gas it asks for.
    #[error("{sender} has {balance}, but the gas of the message may cost {cost}")]
    Funds {
        /// The sender.
        sender: Address,
        /// What it has.
        balance: TokenAmount,
        /// Fee cap × gas limit.
        cost: TokenAmount,
    },
}

impl Reason {
    /// The exit code of the refusal.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            // No exit code is laid down: such a message never gets on a chain.
            Reason::GasLimit(_) | Reason::NegativeFee { .. } => ExitCode::SYS_ASSERTION_FAILED,
            Reason::BelowInclusionCost { .. } => ExitCode::SYS_OUT_OF_GAS,
            Reason::UnknownSender(_) | Reason::NotAnAccount { .. } => ExitCode::SYS_SENDER_INVALID,
            Reason::Nonce { .. } | Reason::Funds { .. } => ExitCode::SYS_SENDER_STATE_INVALID,
        }
    }
}

/// A message that was not executed. The state is as before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// What the block's miner owes for having included it.
    pub miner_penalty: TokenAmount,
}

impl From<Refusal> for Applied {
    fn from(refusal: Refusal) -> Self {
        Applied {
            receipt: Receipt {
                exit_code: refusal.reason.exit_code(),
                return_data: Default::default(),
                gas_used: 0,
                events_root: None,
            },
            return_codec: None,
            events: Vec::new(),
            gas: GasOutputs {
                miner_penalty: refusal.miner_penalty,
                ..GasOutputs::default()
            },
            error: Some(refusal.reason.to_string()),
            trace: None,
            refused: true,
        }
    }
}

/// Units of gas that including a message of `chain_length` bytes costs.
pub fn inclusion_gas(network_version: NetworkVersion, chain_length: usize) -> u64 {
    ::fvm::gas::price_list_by_network_version(network_version)
        .on_chain_message(chain_length)
        .total()
        .round_up()
}

/// What a contract sees as gas premium: the part of it that the fee cap leaves
/// room for (spec 00 §16).
pub fn effective_premium(message: &Message, base_fee: &TokenAmount) -> TokenAmount {
    let room = &message.gas_fee_cap - base_fee;
    message
        .gas_premium
        .clone()
        .min(room)
        .max(TokenAmount::default())
}

/// Checks a message and prepares its sender: nonce, account kind and, for
/// explicit messages, the price of all gas asked for. Gives the sender's ID.
///
/// `inclusion` is what including the message costs in gas, [`inclusion_gas`]; it
/// plays a part in [`Mode::Explicit`] only.
///
/// # Errors
/// The outer error is for a broken state; a message that may not be executed is
/// a [`Refusal`], and then nothing has changed.
pub fn admit(
    ledger: &mut impl Ledger,
    message: &Message,
    mode: Mode,
    base_fee: &TokenAmount,
    inclusion: u64,
) -> Result<Result<ActorID, Refusal>, VmError> {
    let refuse = |reason, miner_penalty| {
        Ok(Err(Refusal {
            reason,
            miner_penalty,
        }))
    };
    let nothing = TokenAmount::default;
    let limit = message.gas_limit;
    if limit == 0 || limit > i64::MAX as u64 {
        return refuse(Reason::GasLimit(limit), nothing());
    }
    let explicit = matches!(mode, Mode::Explicit { .. });
    let (fee_cap, premium) = (&message.gas_fee_cap, &message.gas_premium);
    if explicit && (fee_cap.is_negative() || premium.is_negative()) {
        let reason = Reason::NegativeFee {
            fee_cap: fee_cap.clone(),
            premium: premium.clone(),
        };
        return refuse(reason, nothing());
    }
    if explicit && inclusion > limit {
        let reason = Reason::BelowInclusionCost {
            limit,
            cost: inclusion,
        };
        return refuse(reason, base_fee * inclusion);
    }
    let penalty = if explicit {
        base_fee * limit
    } else {
        nothing()
    };

    let Some(id) = ledger.resolve(&message.from)? else {
        return refuse(Reason::UnknownSender(message.from), penalty);
    };
    if mode == Mode::Implicit {
        return Ok(Ok(id));
    }
    let Some(mut sender) = ledger.actor(id)? else {
        return refuse(Reason::UnknownSender(message.from), penalty);
    };

    let manifest = ledger.manifest();
    let becomes_ethaccount =
        manifest.is(&sender.code, "placeholder") && (!explicit || may_speak_up(&sender));
    if becomes_ethaccount {
        sender.code = manifest
            .code_of("ethaccount")
            .ok_or_else(|| VmError::State(anyhow!("the state has no code for ethaccount")))?;
    } else if explicit
        && !manifest.is(&sender.code, "account")
        && !manifest.is(&sender.code, "ethaccount")
    {
        let kind = match manifest.name_of(&sender.code) {
            Some(name) => format!("an actor of type {name}"),
            None => format!("an actor with code {}", sender.code),
        };
        return refuse(
            Reason::NotAnAccount {
                sender: message.from,
                kind,
            },
            penalty,
        );
    }

    if explicit {
        if message.sequence != sender.sequence {
            let reason = Reason::Nonce {
                sender: message.from,
                got: message.sequence,
                expected: sender.sequence,
            };
            return refuse(reason, penalty);
        }
        let cost = fee_cap * limit;
        if sender.balance < cost {
            let balance = sender.balance;
            return refuse(
                Reason::Funds {
                    sender: message.from,
                    balance,
                    cost,
                },
                penalty,
            );
        }
        sender.balance -= cost;
    }
    sender.sequence += 1;
    ledger.set_actor(id, sender);
    Ok(Ok(id))
}

/// A placeholder may send its first message if its address is an Ethereum one.
fn may_speak_up(placeholder: &ActorState) -> bool {
    let ethereum = |address: &Address| matches!(address.payload(), Payload::Delegated(f4) if f4.namespace() == EAM_ACTOR);
    placeholder.sequence == 0 && placeholder.delegated_address.as_ref().is_some_and(ethereum)
}

/// Shares out the gas money that [`admit`] took from the sender of an explicit
/// message. Amounts of zero touch nobody (spec 09 §9).
///
/// # Errors
/// When one of those who get something does not exist.
pub fn settle(
    ledger: &mut impl Ledger,
    sender: ActorID,
    message: &Message,
    gas_used: u64,
    base_fee: &TokenAmount,
) -> Result<GasOutputs, VmError> {
    let shares = GasOutputs::compute(
        gas_used,
        message.gas_limit,
        base_fee,
        &message.gas_fee_cap,
        &message.gas_premium,
    );
    for (id, amount) in [
        (BURNT_FUNDS_ACTOR, &shares.base_fee_burn),
        (REWARD_ACTOR, &shares.miner_tip),
        (BURNT_FUNDS_ACTOR, &shares.over_estimation_burn),
        (sender, &shares.refund),
    ] {
        if amount.is_zero() {
            continue;
        }
        let mut actor = ledger
            .actor(id)?
            .ok_or_else(|| VmError::State(anyhow!("f0{id} cannot be paid: it does not exist")))?;
        actor.balance += amount;
        ledger.set_actor(id, actor);
    }
    Ok(shares)
}

impl GasOutputs {
    /// Who gets what of `fee_cap` × `gas_limit` when `gas_used` was used. The five
    /// amounts but the penalty add up to it (spec 09 §9).
    pub fn compute(
        gas_used: u64,
        gas_limit: u64,
        base_fee: &TokenAmount,
        fee_cap: &TokenAmount,
        premium: &TokenAmount,
    ) -> Self {
        let paid_fee = base_fee.min(fee_cap);
        let unpaid_fee = base_fee - paid_fee;
        let tip_rate = premium.clone().min(fee_cap - paid_fee);
        let (gas_refund, gas_burned) = over_estimation(gas_used, gas_limit);
        let base_fee_burn = paid_fee * gas_used;
        let over_estimation_burn = paid_fee * gas_burned;
        let miner_tip = &tip_rate * gas_limit;
        Self {
            miner_penalty: &unpaid_fee * gas_used + &unpaid_fee * gas_burned,
            refund: fee_cap * gas_limit - &base_fee_burn - &miner_tip - &over_estimation_burn,
            base_fee_burn,
            over_estimation_burn,
            miner_tip,
            gas_refund,
            gas_burned,
        }
    }
}

/// Units of unused gas that are refunded, and those that are burnt because the
/// limit was more than a tenth above the use.
fn over_estimation(gas_used: u64, gas_limit: u64) -> (u64, u64) {
    if gas_used == 0 {
        return (0, gas_limit);
    }
    let (used, limit) = (u128::from(gas_used), u128::from(gas_limit));
    let over = limit.saturating_sub(used * 11 / 10).min(used);
    let unused = limit.saturating_sub(used);
    let burned = unused * over / used;
    // Neither exceeds the unused gas, which is a u64.
    ((unused - burned) as u64, burned as u64)
}

#[cfg(test)]
mod tests;
