//! `RemoveVerifiedClientDataCap`: datacap taken back with two verifiers' consent.

use boatyard_actors_shared::ext::account::{AUTHENTICATE_MESSAGE, AuthenticateMessageParams};
use boatyard_actors_shared::resolve::Existence;
use boatyard_actors_shared::{VERIFREG_ACTOR, resolve_to_id};
use boatyard_sdk::{
    ActorError, Context, Runtime, SendResultExt, cbor_params, ensure, exit_codes::*,
};
use fvm_ipld_encoding::{RawBytes, to_vec};
use fvm_shared::address::Address;

use crate::datacap;
use crate::state::State;
use crate::types::{
    RemoveDataCapParams, RemoveDataCapProposal, RemoveDataCapRequest, RemoveDataCapReturn,
};

/// What precedes the proposal in the bytes that a verifier signs.
pub const SIGNATURE_PREFIX: &[u8] = b"fil_removedatacap:";

/// Takes datacap away from a client, at most what it has. Both verifiers sign the
/// number of their own consent, which is used up by it.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | those of [`resolve_to_id`] | an address does not resolve, or a verifier is no actor |
/// | `USR_ILLEGAL_ARGUMENT` (16) | both verifiers are the same |
/// | `USR_FORBIDDEN` (18) | the caller is not the root key |
/// | `USR_ILLEGAL_ARGUMENT` (16) | the client is this registry |
/// | `USR_NOT_FOUND` (17) | one of them is no verifier |
/// | `USR_ILLEGAL_ARGUMENT` (16) | a signature is not valid |
/// | those of the verifiers and of the token | they fail, the token for a negative amount |
///
/// Source: spec 08 §A6, RemoveVerifiedClientDataCap.
pub(crate) fn remove_datacap(
    rt: &impl Runtime,
    params: RemoveDataCapParams,
) -> Result<RemoveDataCapReturn, ActorError> {
    let requests = [params.verifier_request_1, params.verifier_request_2];
    let id_address =
        |address: &Address, existence| resolve_to_id(rt, address, existence).map(Address::new_id);
    let client = id_address(&params.verified_client_to_remove, Existence::Assumed)?;
    let verifiers = [
        id_address(&requests[0].verifier, Existence::Checked)?,
        id_address(&requests[1].verifier, Existence::Checked)?,
    ];
    ensure!(
        verifiers[0] != verifiers[1],
        USR_ILLEGAL_ARGUMENT,
        "{} cannot consent twice",
        verifiers[0]
    );
    let ids = rt.transaction(|state: &mut State| {
        rt.validate_caller_is(&[state.root_key])?;
        ensure!(
            params.verified_client_to_remove != VERIFREG_ACTOR,
            USR_ILLEGAL_ARGUMENT,
            "the datacap of allocations cannot be removed"
        );
        for verifier in &verifiers {
            ensure!(
                state.verifier_cap(rt.store(), verifier)?.is_some(),
                USR_NOT_FOUND,
                "{verifier} is no verifier"
            );
        }
        Ok([
            state.use_proposal_id(rt.store(), &verifiers[0], &client)?,
            state.use_proposal_id(rt.store(), &verifiers[1], &client)?,
        ])
    })?;
    for (request, removal_proposal_id) in requests.iter().zip(ids) {
        let proposal = RemoveDataCapProposal {
            verified_client: client,
            data_cap_amount: params.data_cap_amount_to_remove.clone(),
            removal_proposal_id,
        };
        check_consent(rt, request, &proposal)?;
    }

    let balance = datacap::balance(rt, &client)?;
    let removed = balance.min(params.data_cap_amount_to_remove);
    datacap::destroy(rt, &client, &removed)?;
    Ok(RemoveDataCapReturn {
        verified_client: client,
        data_cap_removed: removed,
    })
}

fn check_consent(
    rt: &impl Runtime,
    request: &RemoveDataCapRequest,
    proposal: &RemoveDataCapProposal,
) -> Result<(), ActorError> {
    let proposal = to_vec(proposal).or_exit(USR_SERIALIZATION, "the proposal cannot be encoded")?;
    let params = AuthenticateMessageParams {
        signature: RawBytes::new(request.signature.bytes().to_vec()),
        message: RawBytes::new([SIGNATURE_PREFIX, &proposal].concat()),
    };
    let verifier = &request.verifier;
    let valid: bool = rt
        .send_read_only(verifier, AUTHENTICATE_MESSAGE, cbor_params(&params)?)
        .value()
        .map_err(|error| error.context(format_args!("asking {verifier} for its consent")))?;
    ensure!(
        valid,
        USR_ILLEGAL_ARGUMENT,
        "{verifier} did not sign the removal"
    );
    Ok(())
}
