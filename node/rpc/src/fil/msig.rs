//! Multisigs: the messages that change them, and what is in them (spec 10 §5.7).
//!
//! Each of these methods prepares a message. On `/rpc/v1` that is all; on `/rpc/v0` the
//! message is signed and sent.

use boatyard_actors_shared::INIT_ACTOR_ID;
use boatyard_actors_shared::ext::init::{EXEC, ExecParams};
use boatyard_multisig::types::{
    AddSignerParams, ConstructorParams, ProposalHashData, ProposeParams, RemoveSignerParams,
    SwapSignerParams, TxnIdParams,
};
use fvm_ipld_encoding::{RawBytes, to_vec};
use fvm_shared::MethodNum;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::message::Message;
use multihash_codetable::{Code, MultihashDigest};
use serde::Serialize;

use crate::call::{Call, Path};
use crate::error::RpcError;
use crate::fil::checks::MessagePrototype;
use crate::fil::gas::SendSpec;
use crate::fil::json::{AddressJson, AttoJson, BytesJson, CidJson};
use crate::fil::mpool::send;
use crate::fil::typed::state_of;
use crate::params::{Atto, Base64, FilAddress, TipsetParam};
use crate::registry::{Method, Paths, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    let mut all = methods![
        /// What of a multisig's balance is not locked.
        ["Filecoin.MsigGetAvailableBalance"]
        (msig: FilAddress, tipset: TipsetParam) -> "attoFIL" = compute available_balance;

        /// What of a multisig's money came free between two tipsets.
        ["Filecoin.MsigGetVested"]
        (msig: FilAddress, start: TipsetParam, end: TipsetParam) -> "attoFIL" = compute vested;

        /// What is locked in a multisig, since when and for how long.
        ["Filecoin.MsigGetVestingSchedule"]
        (msig: FilAddress, tipset: TipsetParam) -> "VestingSchedule" = compute vesting_schedule;

        /// Transactions of a multisig that wait for approval.
        ["Filecoin.MsigGetPending"]
        (msig: FilAddress, tipset: TipsetParam) -> "MsigTransactions" = compute pending;
    ];
    all.extend(prepared());
    all
}

/// Numbers of the multisig's methods (spec 04 §1).
mod method {
    pub const PROPOSE: u64 = 2;
    pub const APPROVE: u64 = 3;
    pub const CANCEL: u64 = 4;
    pub const ADD_SIGNER: u64 = 5;
    pub const REMOVE_SIGNER: u64 = 6;
    pub const SWAP_SIGNER: u64 = 7;
}

/// Declares methods that prepare a message: one declaration each for `/rpc/v0`, which
/// sends it, and for the other paths.
macro_rules! prepared {
    ($(
        $(#[doc = $doc:literal])+
        [$name:literal] ($($arg:ident : $ty:ty),* $(,)?) = $make:ident in $module:ident;
    )*) => {
        $(
        // Methods of Lotus have as many parameters as they have.
        #[allow(clippy::too_many_arguments)]
        mod $module {
            use super::*;

            pub(super) fn prototype(
                call: &Call, $($arg: $ty),*
            ) -> Result<MessagePrototype, RpcError> {
                let message = super::$make(call, $($arg),*)?;
                Ok(MessagePrototype { message: (&message).into(), valid_nonce: false })
            }

            pub(super) async fn sent(call: Call, $($arg: $ty),*) -> Result<CidJson, RpcError> {
                let message = super::$make(&call, $($arg),*)?;
                let signed = send(&call, message, &SendSpec::default()).await?;
                Ok(signed.cid().into())
            }
        })*

        fn prepared() -> Vec<Method> {
            let mut all = methods![$(
                $(#[doc = $doc])+
                [$name] ($($arg: $ty),*) -> "MessagePrototype" [Sign] = compute $module::prototype;
            )*];
            let v0 = methods![$(
                $(#[doc = $doc])+
                /// The message is signed and sent.
                [$name] ($($arg: $ty),*) -> "CID" [Sign] = wait $module::sent;
            )*];
            all.extend(v0.into_iter().map(|method| method.on(Paths::Only(Path::V0))));
            all
        }
    };
}

prepared! {
    /// A message that creates a multisig, in which the value comes free over some epochs.
    ["Filecoin.MsigCreate"]
    (threshold: u64, signers: Vec<FilAddress>, duration: i64, value: Atto, from: FilAddress,
     gas_price: Option<Atto>) = create in create_message;

    /// A message that proposes a transaction.
    ["Filecoin.MsigPropose"]
    (msig: FilAddress, to: FilAddress, value: Atto, from: FilAddress, method: u64, params: Base64)
        = propose in propose_message;

    /// A message that approves a transaction, whatever it is.
    ["Filecoin.MsigApprove"]
    (msig: FilAddress, id: u64, from: FilAddress) = approve in approve_message;

    /// A message that approves a transaction if it is this one.
    ["Filecoin.MsigApproveTxnHash"]
    (msig: FilAddress, id: u64, proposer: FilAddress, to: FilAddress, value: Atto, from: FilAddress,
     method: u64, params: Base64) = approve_hash in approve_hash_message;

    /// A message that takes a proposal back, if it is this one.
    ["Filecoin.MsigCancelTxnHash"]
    (msig: FilAddress, id: u64, to: FilAddress, value: Atto, from: FilAddress, method: u64,
     params: Base64) = cancel_hash in cancel_hash_message;

    /// A message that proposes a new signer.
    ["Filecoin.MsigAddPropose"]
    (msig: FilAddress, from: FilAddress, signer: FilAddress, increase: bool)
        = add_propose in add_propose_message;

    /// A message that approves a new signer.
    ["Filecoin.MsigAddApprove"]
    (msig: FilAddress, from: FilAddress, id: u64, proposer: FilAddress, signer: FilAddress,
     increase: bool) = add_approve in add_approve_message;

    /// A message that takes the proposal of a new signer back.
    ["Filecoin.MsigAddCancel"]
    (msig: FilAddress, from: FilAddress, id: u64, signer: FilAddress, increase: bool)
        = add_cancel in add_cancel_message;

    /// A message that proposes a signer in the place of another.
    ["Filecoin.MsigSwapPropose"]
    (msig: FilAddress, from: FilAddress, old: FilAddress, new: FilAddress)
        = swap_propose in swap_propose_message;

    /// A message that approves a signer in the place of another.
    ["Filecoin.MsigSwapApprove"]
    (msig: FilAddress, from: FilAddress, id: u64, proposer: FilAddress, old: FilAddress,
     new: FilAddress) = swap_approve in swap_approve_message;

    /// A message that takes the proposal of a signer in the place of another back.
    ["Filecoin.MsigSwapCancel"]
    (msig: FilAddress, from: FilAddress, id: u64, old: FilAddress, new: FilAddress)
        = swap_cancel in swap_cancel_message;

    /// A message that proposes to remove a signer.
    ["Filecoin.MsigRemoveSigner"]
    (msig: FilAddress, from: FilAddress, signer: FilAddress, decrease: bool)
        = remove_propose in remove_propose_message;
}

/// `MsigCancel` has two forms: on `/rpc/v0` it is what is called `MsigCancelTxnHash`
/// elsewhere.
pub fn cancel_methods() -> Vec<Method> {
    let mut all = methods![
        /// A message that takes a proposal back, whatever it is.
        ["Filecoin.MsigCancel"]
        (msig: FilAddress, id: u64, from: FilAddress) -> "MessagePrototype" [Sign] = compute cancel_prototype;
    ];
    let v0 = methods![
        /// Takes a proposal back if it is this one: the message is signed and sent.
        ["Filecoin.MsigCancel"]
        (msig: FilAddress, id: u64, to: FilAddress, value: Atto, from: FilAddress, method: u64,
         params: Base64) -> "CID" [Sign] = wait cancel_hash_message::sent;
    ];
    all.extend(
        v0.into_iter()
            .map(|method| method.on(Paths::Only(Path::V0))),
    );
    all
}

fn cancel_prototype(
    call: &Call,
    msig: FilAddress,
    id: u64,
    from: FilAddress,
) -> Result<MessagePrototype, RpcError> {
    let message = to_msig(msig, from, method::CANCEL, &txn(id, None)?)?;
    let _ = call;
    Ok(MessagePrototype {
        message: (&message).into(),
        valid_nonce: false,
    })
}

fn encoded(value: &impl Serialize) -> Result<RawBytes, RpcError> {
    RawBytes::serialize(value)
        .map_err(|error| RpcError::invalid_params(format!("the parameters: {error}")))
}

fn message(
    to: Address,
    from: FilAddress,
    value: TokenAmount,
    method_num: MethodNum,
    params: RawBytes,
) -> Message {
    Message {
        version: 0,
        from: from.0,
        to,
        sequence: 0,
        value,
        method_num,
        params,
        gas_limit: 0,
        gas_fee_cap: TokenAmount::default(),
        gas_premium: TokenAmount::default(),
    }
}

fn to_msig(
    msig: FilAddress,
    from: FilAddress,
    method: MethodNum,
    params: &impl Serialize,
) -> Result<Message, RpcError> {
    let params = encoded(params)?;
    Ok(message(
        msig.0,
        from,
        TokenAmount::default(),
        method,
        params,
    ))
}

/// Which transaction is meant, by number and, where given, by content.
fn txn(id: u64, content: Option<&ProposalHashData>) -> Result<TxnIdParams, RpcError> {
    let hash = match content {
        None => Vec::new(),
        Some(content) => {
            let bytes = to_vec(content)
                .map_err(|error| RpcError::invalid_params(format!("the proposal: {error}")))?;
            Code::Blake2b256.digest(&bytes).digest().to_vec()
        }
    };
    Ok(TxnIdParams {
        id: i64::try_from(id)
            .map_err(|_| RpcError::invalid_params(format!("{id} is no transaction")))?,
        proposal_hash: RawBytes::new(hash),
    })
}

/// Signers are kept by ID.
fn id_of(call: &Call, address: &FilAddress) -> Result<Address, RpcError> {
    let id = call.node.chain.head_state().resolve(&address.0)?;
    Ok(id.map_or(address.0, Address::new_id))
}

fn create(
    call: &Call,
    threshold: u64,
    signers: Vec<FilAddress>,
    duration: i64,
    value: Atto,
    from: FilAddress,
    _gas_price: Option<Atto>,
) -> Result<Message, RpcError> {
    if signers.is_empty() {
        return Err(RpcError::invalid_params(
            "must provide at least one signer's address",
        ));
    }
    let head = call.node.chain.head();
    let code_cid = call
        .node
        .chain
        .head_state()
        .manifest()?
        .code_of("multisig")
        .ok_or_else(|| RpcError::failure("this network has no multisigs"))?;
    let constructor = ConstructorParams {
        num_approvals_threshold: match threshold {
            0 => signers.len() as u64,
            threshold => threshold,
        },
        signers: signers.into_iter().map(|signer| signer.0).collect(),
        unlock_duration: duration,
        start_epoch: if duration == 0 { 0 } else { head.height() },
    };
    let params = encoded(&ExecParams {
        code_cid,
        constructor_params: encoded(&constructor)?,
    })?;
    Ok(message(
        Address::new_id(INIT_ACTOR_ID),
        from,
        value.0,
        EXEC,
        params,
    ))
}

fn propose(
    _: &Call,
    msig: FilAddress,
    to: FilAddress,
    value: Atto,
    from: FilAddress,
    method: u64,
    params: Base64,
) -> Result<Message, RpcError> {
    let proposal = ProposeParams {
        to: to.0,
        value: value.0,
        method,
        params: RawBytes::new(params.0),
    };
    to_msig(msig, from, method::PROPOSE, &proposal)
}

fn approve(_: &Call, msig: FilAddress, id: u64, from: FilAddress) -> Result<Message, RpcError> {
    to_msig(msig, from, method::APPROVE, &txn(id, None)?)
}

/// What a proposal is known by: its first approver and its content.
struct Content {
    to: Address,
    value: TokenAmount,
    method: MethodNum,
    params: RawBytes,
}

impl Content {
    fn by(self, call: &Call, proposer: &FilAddress) -> Result<ProposalHashData, RpcError> {
        Ok(ProposalHashData {
            requester: Some(id_of(call, proposer)?),
            to: self.to,
            value: self.value,
            method: self.method,
            params: self.params,
        })
    }

    /// A transaction of a multisig with itself.
    fn own(
        msig: &FilAddress,
        method: MethodNum,
        params: &impl Serialize,
    ) -> Result<Self, RpcError> {
        Ok(Self {
            to: msig.0,
            value: TokenAmount::default(),
            method,
            params: encoded(params)?,
        })
    }

    fn proposed(self, msig: FilAddress, from: FilAddress) -> Result<Message, RpcError> {
        let proposal = ProposeParams {
            to: self.to,
            value: self.value,
            method: self.method,
            params: self.params,
        };
        to_msig(msig, from, method::PROPOSE, &proposal)
    }
}

#[allow(clippy::too_many_arguments)] // Lotus's signature.
fn approve_hash(
    call: &Call,
    msig: FilAddress,
    id: u64,
    proposer: FilAddress,
    to: FilAddress,
    value: Atto,
    from: FilAddress,
    method: u64,
    params: Base64,
) -> Result<Message, RpcError> {
    let content = Content {
        to: to.0,
        value: value.0,
        method,
        params: RawBytes::new(params.0),
    };
    let content = content.by(call, &proposer)?;
    to_msig(msig, from, method::APPROVE, &txn(id, Some(&content))?)
}

#[allow(clippy::too_many_arguments)] // Lotus's signature.
fn cancel_hash(
    call: &Call,
    msig: FilAddress,
    id: u64,
    to: FilAddress,
    value: Atto,
    from: FilAddress,
    method: u64,
    params: Base64,
) -> Result<Message, RpcError> {
    let content = Content {
        to: to.0,
        value: value.0,
        method,
        params: RawBytes::new(params.0),
    };
    let content = content.by(call, &from)?;
    to_msig(msig, from, method::CANCEL, &txn(id, Some(&content))?)
}

fn adding(msig: &FilAddress, signer: &FilAddress, increase: bool) -> Result<Content, RpcError> {
    let params = AddSignerParams {
        signer: signer.0,
        increase,
    };
    Content::own(msig, method::ADD_SIGNER, &params)
}

fn add_propose(
    _: &Call,
    msig: FilAddress,
    from: FilAddress,
    signer: FilAddress,
    increase: bool,
) -> Result<Message, RpcError> {
    adding(&msig, &signer, increase)?.proposed(msig, from)
}

fn add_approve(
    call: &Call,
    msig: FilAddress,
    from: FilAddress,
    id: u64,
    proposer: FilAddress,
    signer: FilAddress,
    increase: bool,
) -> Result<Message, RpcError> {
    let content = adding(&msig, &signer, increase)?.by(call, &proposer)?;
    to_msig(msig, from, method::APPROVE, &txn(id, Some(&content))?)
}

fn add_cancel(
    call: &Call,
    msig: FilAddress,
    from: FilAddress,
    id: u64,
    signer: FilAddress,
    increase: bool,
) -> Result<Message, RpcError> {
    let content = adding(&msig, &signer, increase)?.by(call, &from)?;
    to_msig(msig, from, method::CANCEL, &txn(id, Some(&content))?)
}

fn swapping(msig: &FilAddress, old: &FilAddress, new: &FilAddress) -> Result<Content, RpcError> {
    let params = SwapSignerParams {
        from: old.0,
        to: new.0,
    };
    Content::own(msig, method::SWAP_SIGNER, &params)
}

fn swap_propose(
    _: &Call,
    msig: FilAddress,
    from: FilAddress,
    old: FilAddress,
    new: FilAddress,
) -> Result<Message, RpcError> {
    swapping(&msig, &old, &new)?.proposed(msig, from)
}

fn swap_approve(
    call: &Call,
    msig: FilAddress,
    from: FilAddress,
    id: u64,
    proposer: FilAddress,
    old: FilAddress,
    new: FilAddress,
) -> Result<Message, RpcError> {
    let content = swapping(&msig, &old, &new)?.by(call, &proposer)?;
    to_msig(msig, from, method::APPROVE, &txn(id, Some(&content))?)
}

fn swap_cancel(
    call: &Call,
    msig: FilAddress,
    from: FilAddress,
    id: u64,
    old: FilAddress,
    new: FilAddress,
) -> Result<Message, RpcError> {
    let content = swapping(&msig, &old, &new)?.by(call, &from)?;
    to_msig(msig, from, method::CANCEL, &txn(id, Some(&content))?)
}

fn remove_propose(
    _: &Call,
    msig: FilAddress,
    from: FilAddress,
    signer: FilAddress,
    decrease: bool,
) -> Result<Message, RpcError> {
    let params = RemoveSignerParams {
        signer: signer.0,
        decrease,
    };
    Content::own(&msig, method::REMOVE_SIGNER, &params)?.proposed(msig, from)
}

struct Found {
    state: boatyard_multisig::State,
    balance: TokenAmount,
    epoch: ChainEpoch,
    view: boatyard_chain::StateView,
}

fn find(call: &Call, msig: &FilAddress, tipset: &TipsetParam) -> Result<Found, RpcError> {
    let view = call.node.state_at(&tipset.0)?;
    let (_, actor, state) = state_of(&view, &msig.0, "multisig")?;
    Ok(Found {
        state,
        balance: actor.balance,
        epoch: call.node.tipset(&tipset.0)?.height(),
        view,
    })
}

impl Found {
    fn locked(&self) -> TokenAmount {
        self.state
            .locked(self.epoch.saturating_sub(self.state.start_epoch))
    }
}

fn available_balance(
    call: &Call,
    msig: FilAddress,
    tipset: TipsetParam,
) -> Result<AttoJson, RpcError> {
    let found = find(call, &msig, &tipset)?;
    let available = &found.balance - found.locked();
    Ok(available.max(TokenAmount::default()).into())
}

fn vested(
    call: &Call,
    msig: FilAddress,
    start: TipsetParam,
    end: TipsetParam,
) -> Result<AttoJson, RpcError> {
    let (before, after) = (find(call, &msig, &start)?, find(call, &msig, &end)?);
    if before.epoch > after.epoch {
        return Err(RpcError::failure(format!(
            "start tipset {} is after end tipset {}",
            before.epoch, after.epoch
        )));
    }
    let came_free = before.locked() - after.locked();
    Ok(came_free.max(TokenAmount::default()).into())
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct VestingScheduleJson {
    initial_balance: AttoJson,
    start_epoch: ChainEpoch,
    unlock_duration: ChainEpoch,
}

fn vesting_schedule(
    call: &Call,
    msig: FilAddress,
    tipset: TipsetParam,
) -> Result<VestingScheduleJson, RpcError> {
    let state = find(call, &msig, &tipset)?.state;
    Ok(VestingScheduleJson {
        initial_balance: state.initial_balance.into(),
        start_epoch: state.start_epoch,
        unlock_duration: state.unlock_duration,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TransactionJson {
    #[serde(rename = "ID")]
    id: i64,
    to: AddressJson,
    value: AttoJson,
    method: u64,
    params: BytesJson,
    approved: Vec<AddressJson>,
}

fn pending(
    call: &Call,
    msig: FilAddress,
    tipset: TipsetParam,
) -> Result<Vec<TransactionJson>, RpcError> {
    let found = find(call, &msig, &tipset)?;
    let mut all = Vec::new();
    let pending = found.state.pending_txs.load(found.view.store())?;
    pending.for_each(|id, transaction| {
        all.push(TransactionJson {
            id,
            to: transaction.to.into(),
            value: transaction.value.clone().into(),
            method: transaction.method,
            params: transaction.params.to_vec().into(),
            approved: transaction
                .approved
                .iter()
                .map(|one| (*one).into())
                .collect(),
        });
        Ok(())
    })?;
    all.sort_by_key(|transaction| transaction.id);
    Ok(all)
}
