//! Payment channel: one party pays another by vouchers that it signs off-chain.
//! Anyone creates one through f01; what it holds can only go to its two parties.
//!
//! | method | number | caller | purpose | done in |
//! |---|---|---|---|---|
//! | Constructor | 1 | f01 | names the parties | here |
//! | UpdateChannelState | 2 | a party | redeems a voucher of the other one | [`voucher`] |
//! | Settle | 3 | a party | starts the closing period | [`settlement`] |
//! | Collect | 4 | a party | pays out and deletes the channel | [`settlement`] |
//!
//! | exit code | when |
//! |---|---|
//! | [`ERR_CHANNEL_STATE_UPDATE_AFTER_SETTLED`] (32) | a voucher came too late |
//!
//! No events, no fallback, no exported methods: contracts cannot use one.
//!
//! | module | answers |
//! |---|---|
//! | [`state`] | what the state holds, and how a voucher changes it |
//! | [`types`] | parameters, above all the voucher |
//! | [`invariants`] | what must hold of the state |
//!
//! Source: spec 04 §2.

use boatyard_actors_shared::resolve::Existence;
use boatyard_actors_shared::resolve_to_id;
use boatyard_actors_shared::time::EPOCHS_IN_HOUR;
use boatyard_sdk::{ActorError, Runtime, Type, actor};
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::error::ExitCode;

pub mod invariants;
pub mod settlement;
pub mod state;
pub mod types;
pub mod voucher;

pub use state::{LaneState, MAX_LANE, State};
pub use types::{
    ConstructorParams, Merge, ModVerifyParams, SignedVoucher, UpdateChannelStateParams,
};

/// Epochs between `Settle` and `Collect`, in which vouchers are still redeemed.
pub const SETTLE_DELAY: ChainEpoch = 12 * EPOCHS_IN_HOUR;

/// Longest secret in bytes.
pub const MAX_SECRET_SIZE: usize = 256;

/// A voucher came after the channel had settled.
pub const ERR_CHANNEL_STATE_UPDATE_AFTER_SETTLED: ExitCode = ExitCode::new(32);

const EXIT_CODES: &[(u32, &str)] = &[(32, "ERR_CHANNEL_STATE_UPDATE_AFTER_SETTLED")];

/// A one-way channel between two parties.
pub struct PaymentChannel;

#[actor(name = "paymentchannel", state = State, exit_codes = EXIT_CODES)]
impl PaymentChannel {
    /// Names the payer and the payee, which may be any actors, even the same. The
    /// value received can be paid; so can what comes later by plain transfers.
    ///
    /// # Errors
    /// | exit code | when |
    /// |---|---|
    /// | `USR_FORBIDDEN` (18) | the caller is not f01 |
    /// | those of [`resolve_to_id`] | a party is no actor |
    /// | `USR_ILLEGAL_STATE` (20) | constructed already |
    ///
    /// Source: spec 04 §2.5.
    #[method(1)]
    fn constructor(rt: &impl Runtime, params: ConstructorParams) -> Result<(), ActorError> {
        rt.validate_caller_type(&[Type::Init])?;
        // Visible in the sends if both are new: to comes first.
        let to = resolve_to_id(rt, &params.to, Existence::Checked)?;
        let from = resolve_to_id(rt, &params.from, Existence::Checked)?;
        let state = State::new(rt.store(), Address::new_id(from), Address::new_id(to))?;
        rt.create(&state)
    }

    /// Redeems a voucher that the other party signed.
    #[method(2)]
    fn update_channel_state(
        rt: &impl Runtime,
        params: UpdateChannelStateParams,
    ) -> Result<(), ActorError> {
        voucher::redeem(rt, params)
    }

    /// Starts the closing period.
    #[method(3)]
    fn settle(rt: &impl Runtime) -> Result<(), ActorError> {
        settlement::settle(rt)
    }

    /// Pays both parties out and deletes the channel.
    #[method(4)]
    fn collect(rt: &impl Runtime) -> Result<(), ActorError> {
        settlement::collect(rt)
    }
}

boatyard_sdk::entry!(PaymentChannel);

#[cfg(test)]
mod tests;
