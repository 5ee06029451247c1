//! `UpdateChannelState`: is the voucher good, and is it the other party's?

use boatyard_actors_shared::ext::account::{AUTHENTICATE_MESSAGE, AuthenticateMessageParams};
use boatyard_sdk::{
    ActorError, Context, Runtime, SendResultExt, cbor_params, ensure, exit_codes::*,
};
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_ipld_encoding::{CBOR, RawBytes};
use fvm_shared::address::Address;
use fvm_shared::crypto::signature::Signature;
use fvm_shared::econ::TokenAmount;

use crate::state::State;
use crate::types::{SignedVoucher, UpdateChannelStateParams};
use crate::{ERR_CHANNEL_STATE_UPDATE_AFTER_SETTLED, MAX_SECRET_SIZE};

/// Redeems a voucher that the other party than the caller signed.
///
/// The signature comes before the voucher's own conditions, those before the call
/// that it asks for, and the lane comes last.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_FORBIDDEN` (18) | the caller is neither `from` nor `to` |
/// | `USR_ILLEGAL_ARGUMENT` (16) | no signature, or one of somebody else |
/// | `ERR_CHANNEL_STATE_UPDATE_AFTER_SETTLED` (32) | the channel has settled |
/// | `USR_ASSERTION_FAILED` (24) | the signer does not answer, being a wallet or an Ethereum account |
/// | `USR_ILLEGAL_ARGUMENT` (16) | another channel, another time, a negative amount, a wrong or long secret |
/// | that of the callee | the voucher asks for a call that fails |
/// | those of [`State::redeem`] | the lane does not allow it |
///
/// Source: spec 04 §2.7.
pub(crate) fn redeem(
    rt: &impl Runtime,
    params: UpdateChannelStateParams,
) -> Result<(), ActorError> {
    let UpdateChannelStateParams {
        sv: voucher,
        secret,
    } = params;
    let state: State = rt.state()?;
    rt.validate_caller_is(&[state.from, state.to])?;
    let signer = if rt.caller() == state.from {
        state.to
    } else {
        state.from
    };
    let signature = voucher
        .signature
        .as_ref()
        .or_exit(USR_ILLEGAL_ARGUMENT, "the voucher is not signed")?;
    ensure!(
        !state.is_settled(rt.epoch()),
        ERR_CHANNEL_STATE_UPDATE_AFTER_SETTLED,
        "the channel settled at {}",
        state.settling_at
    );
    ensure!(
        secret.len() <= MAX_SECRET_SIZE,
        USR_ILLEGAL_ARGUMENT,
        "a secret of {} bytes is longer than {MAX_SECRET_SIZE}",
        secret.len()
    );
    check_signature(rt, &signer, signature, &voucher)?;
    check_conditions(rt, &voucher, &secret)?;
    call_extra(rt, &voucher)?;

    // The call may have come back and redeemed another voucher.
    let balance = rt.current_balance();
    rt.transaction(|state: &mut State| state.redeem(rt.store(), &voucher, &balance))
}

fn check_signature(
    rt: &impl Runtime,
    signer: &Address,
    signature: &Signature,
    voucher: &SignedVoucher,
) -> Result<(), ActorError> {
    let authentication = AuthenticateMessageParams {
        signature: RawBytes::new(signature.bytes().to_vec()),
        message: RawBytes::new(voucher.signing_bytes()?),
    };
    let valid: bool = rt
        .send_read_only(signer, AUTHENTICATE_MESSAGE, cbor_params(&authentication)?)
        .value()
        .map_err(|error| error.context(format_args!("asking {signer} for its signature")))?;
    ensure!(
        valid,
        USR_ILLEGAL_ARGUMENT,
        "the voucher is not signed by {signer}"
    );
    Ok(())
}

fn check_conditions(
    rt: &impl Runtime,
    voucher: &SignedVoucher,
    secret: &[u8],
) -> Result<(), ActorError> {
    ensure!(
        rt.resolve(&voucher.channel_addr) == Some(rt.message().receiver),
        USR_ILLEGAL_ARGUMENT,
        "the voucher is for channel {}, this is {}",
        voucher.channel_addr,
        rt.receiver()
    );
    ensure!(
        rt.epoch() >= voucher.time_lock_min,
        USR_ILLEGAL_ARGUMENT,
        "the voucher is good from epoch {} on",
        voucher.time_lock_min
    );
    ensure!(
        voucher.time_lock_max == 0 || rt.epoch() <= voucher.time_lock_max,
        USR_ILLEGAL_ARGUMENT,
        "the voucher was good until epoch {}",
        voucher.time_lock_max
    );
    ensure!(
        !voucher.amount.is_negative(),
        USR_ILLEGAL_ARGUMENT,
        "a voucher of {}",
        voucher.amount
    );
    ensure!(
        voucher.secret_pre_image.is_empty()
            || voucher.secret_pre_image.bytes() == rt.blake2b(secret),
        USR_ILLEGAL_ARGUMENT,
        "the secret is not the one that the voucher asks for"
    );
    Ok(())
}

/// Makes the call that the voucher asks for. Unlike elsewhere, no parameters are an
/// empty block.
fn call_extra(rt: &impl Runtime, voucher: &SignedVoucher) -> Result<(), ActorError> {
    let Some(extra) = &voucher.extra else {
        return Ok(());
    };
    let params = IpldBlock {
        codec: CBOR,
        data: extra.data.to_vec(),
    };
    rt.send(
        &extra.actor,
        extra.method,
        Some(params),
        TokenAmount::default(),
    )
    .success()
    .map_err(|error| error.context("the call that the voucher asks for"))?;
    Ok(())
}
