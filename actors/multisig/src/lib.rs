//! Multisig: a wallet of up to 256 signers with an approval threshold, whose
//! balance may unlock over time. Anyone creates one through f01.
//!
//! | method | number | caller | purpose | done in |
//! |---|---|---|---|---|
//! | Constructor | 1 | f01 | names the signers | [`signers`] |
//! | Propose | 2 | a signer | a transaction, approved by its proposer | [`proposals`] |
//! | Approve | 3 | a signer | approves, and executes at the threshold | [`proposals`] |
//! | Cancel | 4 | its proposer | forgets a transaction | [`proposals`] |
//! | AddSigner | 5 | itself | | [`signers`] |
//! | RemoveSigner | 6 | itself | | [`signers`] |
//! | SwapSigner | 7 | itself | | [`signers`] |
//! | ChangeNumApprovalsThreshold | 8 | itself | | [`signers`] |
//! | LockBalance | 9 | itself | starts a linear unlock, once | here |
//! | Receive | 3726118371 | any | takes tokens (FRC-0046) | here |
//! | (fallback) | ≥ 2^24 | any | succeeds without data | here |
//!
//! "Itself" is a transaction that the signers approved and that calls the wallet.
//! No exit codes of its own, no events. There are no exported numbers for the other
//! methods, so a contract may be a signer but cannot act as one.
//!
//! | module | answers |
//! |---|---|
//! | [`state`] | what the state holds, what is locked, whose approvals count |
//! | [`types`] | parameters and returns |
//! | [`invariants`] | what must hold of the state |
//!
//! Source: spec 04 §1.

use boatyard_actors_shared::fallback;
use boatyard_actors_shared::frc46::UniversalReceiverParams;
use boatyard_sdk::{ActorError, Runtime, actor, ensure};
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_shared::MethodNum;

pub mod invariants;
pub mod proposals;
pub mod signers;
pub mod state;
pub mod types;

pub use state::{MAX_SIGNERS, State, Transaction, TxnId};
pub use types::{
    AddSignerParams, ApproveReturn, ChangeThresholdParams, ConstructorParams, LockBalanceParams,
    ProposalHashData, ProposeParams, ProposeReturn, RemoveSignerParams, SwapSignerParams,
    TxnIdParams,
};

/// A wallet with several signers.
pub struct Multisig;

#[actor(name = "multisig", state = State)]
impl Multisig {
    /// Names the signers, the threshold, and the unlocking of the value received.
    #[method(1)]
    fn constructor(rt: &impl Runtime, params: ConstructorParams) -> Result<(), ActorError> {
        signers::construct(rt, params)
    }

    /// Proposes a transaction, approves it, and executes it if that is enough.
    #[method(2)]
    fn propose(rt: &impl Runtime, params: ProposeParams) -> Result<ProposeReturn, ActorError> {
        proposals::propose(rt, params)
    }

    /// Approves a transaction and executes it if that is enough.
    #[method(3)]
    fn approve(rt: &impl Runtime, params: TxnIdParams) -> Result<ApproveReturn, ActorError> {
        proposals::approve(rt, params)
    }

    /// Forgets a transaction.
    #[method(4)]
    fn cancel(rt: &impl Runtime, params: TxnIdParams) -> Result<(), ActorError> {
        proposals::cancel(rt, params)
    }

    /// Adds a signer, perhaps raising the threshold by one.
    #[method(5)]
    fn add_signer(rt: &impl Runtime, params: AddSignerParams) -> Result<(), ActorError> {
        signers::add(rt, params)
    }

    /// Removes a signer and its approvals, perhaps lowering the threshold by one.
    #[method(6)]
    fn remove_signer(rt: &impl Runtime, params: RemoveSignerParams) -> Result<(), ActorError> {
        signers::remove(rt, params)
    }

    /// Puts a new signer in the place of one, whose approvals are removed.
    #[method(7)]
    fn swap_signer(rt: &impl Runtime, params: SwapSignerParams) -> Result<(), ActorError> {
        signers::swap(rt, params)
    }

    /// Sets the number of approvals that a transaction needs.
    #[method(8)]
    fn change_num_approvals_threshold(
        rt: &impl Runtime,
        params: ChangeThresholdParams,
    ) -> Result<(), ActorError> {
        signers::change_threshold(rt, params)
    }

    /// Locks an amount that becomes free linearly. It may exceed the balance, and
    /// its start may lie in the past or in the future.
    ///
    /// # Errors
    /// | exit code | when |
    /// |---|---|
    /// | `USR_FORBIDDEN` (18) | the caller is not the wallet, or an amount is locked already |
    /// | `USR_ILLEGAL_ARGUMENT` (16) | the duration is not positive, the amount negative |
    ///
    /// Source: spec 04 §1.12.
    #[method(9)]
    fn lock_balance(rt: &impl Runtime, params: LockBalanceParams) -> Result<(), ActorError> {
        rt.validate_caller_is(&[rt.receiver()])?;
        ensure!(
            params.unlock_duration > 0,
            USR_ILLEGAL_ARGUMENT,
            "an unlock duration of {} epochs",
            params.unlock_duration
        );
        ensure!(
            !params.amount.is_negative(),
            USR_ILLEGAL_ARGUMENT,
            "a locked amount of {}",
            params.amount
        );
        rt.transaction(|state: &mut State| {
            ensure!(
                state.unlock_duration == 0,
                USR_FORBIDDEN,
                "{} are unlocking over {} epochs already",
                state.initial_balance,
                state.unlock_duration
            );
            state.start_epoch = params.start_epoch;
            state.unlock_duration = params.unlock_duration;
            state.initial_balance = params.amount;
            Ok(())
        })
    }

    /// Takes tokens: succeeds whatever they are.
    #[method(exported)]
    fn receive(rt: &impl Runtime, _params: UniversalReceiverParams) -> Result<(), ActorError> {
        rt.accept_any_caller()
    }

    /// Succeeds for every exported method.
    #[fallback]
    fn fallback(
        rt: &impl Runtime,
        method: MethodNum,
        _params: Option<IpldBlock>,
    ) -> Result<(), ActorError> {
        fallback::accept_exported(rt, method)
    }
}

boatyard_sdk::entry!(Multisig);

#[cfg(test)]
mod tests;
