//! Publishing verified deals: datacap becomes allocations.

use boatyard_actors_shared::ext::datacap::{
    BALANCE, TRANSFER_FROM, TransferFromParams, TransferFromReturn,
};
use boatyard_actors_shared::ext::verifreg::{
    AllocationId, AllocationRequest, AllocationRequests, AllocationsResponse,
};
use boatyard_actors_shared::{DATACAP_ACTOR, VERIFREG_ACTOR};
use fvm_shared::error::ErrorNumber;

use super::publish::Answer;
use super::*;

/// A client's datacap is asked for; it has so many bytes.
pub(super) fn expect_datacap(rt: &MockRuntime, client: ActorID, bytes: i64) -> ExpectedSend<'_> {
    rt.expect_send(DATACAP_ACTOR, BALANCE)
        .params(&id(client))
        .returns(&TokenAmount::from_whole(bytes))
}

fn request(deal: &DealProposal) -> AllocationRequest {
    AllocationRequest {
        provider: PROVIDER,
        data: deal.piece_cid,
        size: deal.piece_size.0,
        term_min: deal.duration(),
        term_max: (deal.duration() + 259_200).min(5_259_485),
        expiration: deal.start_epoch.min(NOW + 172_800),
    }
}

fn response(ids: &[AllocationId]) -> TransferFromReturn {
    let response = AllocationsResponse {
        allocation_results: BatchReturn::ok(ids.len() as u32),
        extension_results: BatchReturn::empty(),
        new_allocations: ids.to_vec(),
    };
    TransferFromReturn {
        from_balance: TokenAmount::default(),
        to_balance: TokenAmount::default(),
        allowance: TokenAmount::default(),
        recipient_data: RawBytes::serialize(response).unwrap(),
    }
}

/// A client's datacap is moved to the registry, which makes these allocations.
pub(super) fn expect_transfer<'a>(
    rt: &'a MockRuntime,
    client: ActorID,
    deals: &[DealProposal],
    ids: &[AllocationId],
) -> ExpectedSend<'a> {
    let requests = AllocationRequests {
        allocations: deals.iter().map(request).collect(),
        extensions: vec![],
    };
    let total: u64 = deals.iter().map(|deal| deal.piece_size.0).sum();
    let params = TransferFromParams {
        from: id(client),
        to: VERIFREG_ACTOR,
        amount: TokenAmount::from_whole(total),
        operator_data: RawBytes::serialize(requests).unwrap(),
    };
    rt.expect_send(DATACAP_ACTOR, TRANSFER_FROM)
        .params(&params)
        .returns(&response(ids))
}

fn verified(client: ActorID, byte: u8) -> DealProposal {
    DealProposal {
        verified_deal: true,
        client: id(client),
        ..proposal(byte)
    }
}

fn allocation_of(rt: &MockRuntime, deal: DealID) -> Option<AllocationId> {
    let pending = state(rt).pending_deal_allocation_ids;
    pending
        .load(rt.store())
        .unwrap()
        .get(&deal)
        .unwrap()
        .copied()
}

fn publish_all(
    rt: &MockRuntime,
    deals: &[DealProposal],
) -> Result<PublishStorageDealsReturn, Option<u32>> {
    call(rt, 4, &params(deals))
}

/// Clients are asked when they come first, and pay in the order of their IDs.
#[test]
fn verified_deals_get_allocations() {
    let rt = funded();
    let deals = [
        verified(CLIENT_2, 0),
        proposal(1), // without datacap
        verified(CLIENT, 2),
        verified(CLIENT_2, 3),
    ];
    expect_questions(&rt);
    for deal in &deals {
        expect_signature(&rt, deal);
    }
    expect_datacap(&rt, CLIENT_2, 2 * KIB as i64);
    expect_datacap(&rt, CLIENT, KIB as i64);
    expect_transfer(&rt, CLIENT, &deals[2..3], &[70]);
    expect_transfer(
        &rt,
        CLIENT_2,
        &[deals[0].clone(), deals[3].clone()],
        &[80, 81],
    );
    for (number, deal) in (0..).zip(&deals) {
        expect_notice(&rt, number, deal);
    }
    let published = publish_all(&rt, &deals).unwrap();
    assert_eq!(published.ids, [0, 1, 2, 3]);
    let allocations: Vec<_> = (0..4).map(|deal| allocation_of(&rt, deal)).collect();
    assert_eq!(allocations, [Some(80), None, Some(70), Some(81)]);
}

/// Terms: the deal's duration and 90 days more, at most five years; expiration: its
/// start, at most in 60 days.
#[test]
fn allocations_have_bounds_of_their_own() {
    let rt = funded();
    let late = DealProposal {
        start_epoch: NOW + 172_801,
        end_epoch: NOW + 172_801 + 3_680_640,
        storage_price_per_epoch: atto(0),
        ..verified(CLIENT, 1)
    };
    assert_eq!(request(&late).expiration, NOW + 172_800);
    assert_eq!(request(&late).term_max, 3_680_640 + 259_200);
    expect_questions(&rt);
    expect_signature(&rt, &late);
    expect_datacap(&rt, CLIENT, i64::MAX);
    expect_transfer(&rt, CLIENT, std::slice::from_ref(&late), &[1]);
    expect_notice(&rt, 0, &late);
    assert_eq!(publish_all(&rt, &[late]).unwrap().ids, [0]);
}

/// A client is asked once, and what is left is remembered though a deal is left out.
#[test]
fn deals_without_datacap_are_left_out() {
    let rt = funded();
    let large = DealProposal {
        piece_size: PaddedPieceSize(2 * KIB),
        ..verified(CLIENT, 1)
    };
    let deals = [
        verified(CLIENT, 0),
        large, // more than is left
        verified(CLIENT, 2),
        verified(CLIENT, 3), // nothing left
    ];
    expect_questions(&rt);
    for deal in &deals {
        expect_signature(&rt, deal);
    }
    expect_datacap(&rt, CLIENT, 2 * KIB as i64);
    let good = [deals[0].clone(), deals[2].clone()];
    expect_transfer(&rt, CLIENT, &good, &[5, 6]);
    expect_notice(&rt, 0, &good[0]);
    expect_notice(&rt, 1, &good[1]);
    let published = publish_all(&rt, &deals).unwrap();
    assert_eq!(published.valid_deals.iter().collect::<Vec<_>>(), [0, 2]);
    state(&rt);
}

/// What is left out for another reason is not asked about.
#[test]
fn datacap_comes_after_the_money_and_the_copies() {
    let rt = market();
    deposit(&rt, CLIENT, CLIENT_NEEDS);
    deposit(&rt, PROVIDER, 100 * PROVIDER_COLLATERAL);
    let poor = verified(CLIENT_2, 1);
    let deals = [verified(CLIENT, 0), verified(CLIENT, 0), poor];
    expect_questions(&rt);
    for deal in &deals {
        expect_signature(&rt, deal);
    }
    expect_datacap(&rt, CLIENT, 0);
    assert_eq!(publish_all(&rt, &deals), Err(Some(16)), "none is left");
}

#[test]
fn the_token_must_answer() {
    let rt = funded();
    let deals = [verified(CLIENT, 1)];
    let asked = || {
        expect_questions(&rt);
        expect_signature(&rt, &deals[0]);
        expect_datacap(&rt, CLIENT, KIB as i64)
    };
    let answers: [Answer; 4] = [
        |send| send.exits(33),
        |send| send.refused(ErrorNumber::NotFound),
        |send| send.responds(ExitCode::OK, None),
        |send| send.returns("text"),
    ];
    for answer in answers {
        answer(asked());
        assert_eq!(publish_all(&rt, &deals), Err(Some(17)));
    }
    let transfers: [Answer; 3] = [
        |send| send.returns(&response(&[])),
        |send| send.returns(&response(&[1, 2])),
        |send| {
            send.returns(&TransferFromReturn {
                recipient_data: RawBytes::default(),
                ..response(&[])
            })
        },
    ];
    for answer in answers.into_iter().chain(transfers) {
        asked();
        answer(expect_transfer(&rt, CLIENT, &deals, &[1]));
        assert_eq!(publish_all(&rt, &deals), Err(Some(20)));
    }
}

/// The largest size is negative for the check, and for the transfer what it is.
#[test]
fn the_largest_piece_fails_at_the_transfer() {
    let rt = funded();
    let deals = [DealProposal {
        piece_size: PaddedPieceSize(1 << 63),
        ..verified(CLIENT, 1)
    }];
    expect_questions(&rt);
    expect_signature(&rt, &deals[0]);
    expect_datacap(&rt, CLIENT, 0);
    expect_transfer(&rt, CLIENT, &deals, &[]).exits(19);
    assert_eq!(publish_all(&rt, &deals), Err(Some(20)));

    // Two of them have no sum.
    let other = DealProposal {
        piece_cid: piece(2),
        ..deals[0].clone()
    };
    let deals = [deals[0].clone(), other];
    expect_questions(&rt);
    for deal in &deals {
        expect_signature(&rt, deal);
    }
    expect_datacap(&rt, CLIENT, 0);
    assert_eq!(publish_all(&rt, &deals), Err(Some(24)));
}
