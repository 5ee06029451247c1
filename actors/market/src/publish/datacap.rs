//! Datacap becomes allocations for verified deals (spec 07 §7, PublishStorageDeals 9).

use std::collections::BTreeMap;

use boatyard_actors_shared::ext::datacap::{TRANSFER_FROM, TransferFromParams, TransferFromReturn};
use boatyard_actors_shared::ext::verifreg::{
    AllocationId, AllocationRequest, AllocationRequests, AllocationsResponse,
};
use boatyard_actors_shared::{DATACAP_ACTOR, Policy, PolicyExt, VERIFREG_ACTOR};
use boatyard_sdk::{
    ActorError, Context, Runtime, SendResultExt, cbor_params, ensure, exit_codes::*,
};
use fvm_ipld_encoding::RawBytes;
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;

use super::Accepted;
use crate::deal::DealProposal;

/// Sets datacap aside for the verified deals, client by client in the order of their
/// IDs.
///
/// # Errors
/// `USR_ILLEGAL_STATE` (20) when the token or the registry refuses;
/// `USR_ASSERTION_FAILED` (24) when the sizes of a client's pieces sum up to 2^64.
pub(super) fn allocate(
    rt: &impl Runtime,
    provider: ActorID,
    accepted: &mut [Accepted],
) -> Result<(), ActorError> {
    let mut verified: BTreeMap<ActorID, Vec<&mut Accepted>> = BTreeMap::new();
    for deal in accepted {
        if deal.proposal.verified_deal {
            verified.entry(deal.client).or_default().push(deal);
        }
    }
    for (client, deals) in verified {
        let requests = deals
            .iter()
            .map(|deal| request(&deal.proposal, provider, rt.epoch(), rt.policy()))
            .collect();
        let ids = transfer(rt, client, requests)?;
        ensure!(
            ids.len() == deals.len(),
            USR_ILLEGAL_STATE,
            "the registry made {} allocations for {} deals",
            ids.len(),
            deals.len()
        );
        for (deal, id) in deals.into_iter().zip(ids) {
            deal.allocation = Some(id);
        }
    }
    Ok(())
}

/// Source: spec 07 §5.
fn request(
    deal: &DealProposal,
    provider: ActorID,
    epoch: ChainEpoch,
    policy: &Policy,
) -> AllocationRequest {
    let term_min = deal.duration();
    let term_max = (term_min + policy.market_default_allocation_term_buffer)
        .min(policy.maximum_verified_allocation_term);
    let latest = epoch + policy.maximum_verified_allocation_expiration;
    AllocationRequest {
        provider,
        data: deal.piece_cid,
        size: deal.piece_size.0,
        term_min,
        term_max,
        expiration: deal.start_epoch.min(latest),
    }
}

/// Sends a client's datacap to the registry, which makes allocations of it.
fn transfer(
    rt: &impl Runtime,
    client: ActorID,
    allocations: Vec<AllocationRequest>,
) -> Result<Vec<AllocationId>, ActorError> {
    let total = allocations
        .iter()
        .try_fold(0u64, |sum, request| sum.checked_add(request.size))
        .or_exit(USR_ASSERTION_FAILED, "more than 2^64 bytes of pieces")?;
    let operator_data = RawBytes::serialize(AllocationRequests {
        allocations,
        extensions: vec![],
    })
    .or_exit(USR_ILLEGAL_STATE, "the requests cannot be encoded")?;
    let params = TransferFromParams {
        from: Address::new_id(client),
        to: VERIFREG_ACTOR,
        amount: TokenAmount::from_whole(total),
        operator_data,
    };
    let allocated = rt
        .send(
            &DATACAP_ACTOR,
            TRANSFER_FROM,
            cbor_params(&params)?,
            TokenAmount::default(),
        )
        .value()
        .and_then(|returned: TransferFromReturn| {
            returned
                .recipient_data
                .deserialize()
                .or_exit(USR_ILLEGAL_STATE, "the registry's answer does not decode")
        });
    let response: AllocationsResponse = allocated.map_err(|error| {
        error
            .context(format_args!("setting datacap of f0{client} aside"))
            .with_code(USR_ILLEGAL_STATE)
    })?;
    Ok(response.new_allocations)
}
