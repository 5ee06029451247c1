//! Datacap taken back.

use boatyard_actors_shared::ext::account::{AUTHENTICATE_MESSAGE, AuthenticateMessageParams};
use fvm_shared::crypto::signature::Signature;

use super::*;
use crate::state::RemoveDataCapProposalId;

/// Takes 5 bytes from CLIENT with the consent of both verifiers.
fn removal() -> RemoveDataCapParams {
    let request = |verifier| RemoveDataCapRequest {
        verifier: id(verifier),
        signature: Signature::new_secp256k1(b"signed".to_vec()),
    };
    RemoveDataCapParams {
        verified_client_to_remove: id(CLIENT),
        data_cap_amount_to_remove: bytes(5),
        verifier_request_1: request(VERIFIER),
        verifier_request_2: request(VERIFIER_2),
    }
}

fn remove(
    rt: &MockRuntime,
    params: &RemoveDataCapParams,
) -> Result<RemoveDataCapReturn, Option<u32>> {
    call(rt, 7, params)
}

/// A verifier is asked for its consent with this number, and gives it.
fn expect_consent<'a>(
    rt: &'a MockRuntime,
    verifier: Address,
    params: &RemoveDataCapParams,
    number: u64,
) -> ExpectedSend<'a> {
    let proposal = RemoveDataCapProposal {
        verified_client: id(CLIENT),
        data_cap_amount: params.data_cap_amount_to_remove.clone(),
        removal_proposal_id: RemoveDataCapProposalId { id: number },
    };
    let mut message = b"fil_removedatacap:".to_vec();
    message.extend(to_vec(&proposal).unwrap());
    rt.expect_send(verifier, AUTHENTICATE_MESSAGE)
        .params(&AuthenticateMessageParams {
            signature: RawBytes::new(b"signed".to_vec()),
            message: RawBytes::new(message),
        })
        .read_only()
        .returns(&true)
}

fn expect_destroy(rt: &MockRuntime, amount: i64) -> ExpectedSend<'_> {
    let params = token::DestroyParams {
        owner: id(CLIENT),
        amount: TokenAmount::from_whole(amount),
    };
    rt.expect_send(DATACAP_ACTOR, token::DESTROY)
        .params(&params)
}

fn removed(amount: i64) -> RemoveDataCapReturn {
    RemoveDataCapReturn {
        verified_client: id(CLIENT),
        data_cap_removed: amount.into(),
    }
}

#[test]
fn a_proposal_is_a_tuple_in_a_tuple() {
    let proposal = RemoveDataCapProposal {
        verified_client: id(CLIENT),
        data_cap_amount: bytes(5),
        removal_proposal_id: RemoveDataCapProposalId { id: 3 },
    };
    assert_eq!(
        hex::encode(to_vec(&proposal).unwrap()),
        "834200784200058103"
    );
}

#[test]
fn at_most_what_is_there_is_removed() {
    let rt = with_verifiers(MIB);
    for (round, (balance, expected)) in [(9, 5), (5, 5), (3, 3)].into_iter().enumerate() {
        let params = removal();
        for who in [VERIFIER, VERIFIER_2] {
            expect_consent(&rt, id(who), &params, round as u64);
        }
        expect_balance(&rt, CLIENT, TokenAmount::from_whole(balance));
        expect_destroy(&rt, expected);
        assert_eq!(remove(&rt, &params), Ok(removed(expected)));
    }
    // Nothing is not even said to the token.
    let params = removal();
    for who in [VERIFIER, VERIFIER_2] {
        expect_consent(&rt, id(who), &params, 3);
    }
    expect_balance(&rt, CLIENT, TokenAmount::from_atto(999));
    assert_eq!(remove(&rt, &params), Ok(removed(0)));
    assert_eq!(event_names(&rt), []);
    state(&rt);
}

/// Each verifier counts its own consents per client; the key is both addresses.
#[test]
fn consents_are_counted_by_verifier_and_client() {
    let rt = with_verifiers(MIB);
    let params = removal();
    for who in [VERIFIER, VERIFIER_2] {
        expect_consent(&rt, id(who), &params, 0);
    }
    expect_balance(&rt, CLIENT, TokenAmount::default());
    remove(&rt, &params).unwrap();
    let ids = state(&rt).remove_data_cap_proposal_ids;
    let ids = ids.load(rt.store()).unwrap();
    let next = |key: &[u8]| ids.get(&key.to_vec()).unwrap().map(|next| next.id);
    assert_eq!(next(b"\x00\x6e\x00\x78"), Some(1));
    assert_eq!(next(b"\x00\x6f\x00\x78"), Some(1));
    assert_eq!(next(b"\x00\x6e\x00\x79"), None);

    // In the other order, each signs its own number.
    let swapped = RemoveDataCapParams {
        verifier_request_1: params.verifier_request_2,
        verifier_request_2: params.verifier_request_1,
        ..removal()
    };
    for who in [VERIFIER_2, VERIFIER] {
        expect_consent(&rt, id(who), &swapped, 1);
    }
    expect_balance(&rt, CLIENT, TokenAmount::default());
    remove(&rt, &swapped).unwrap();
}

#[test]
fn removal_refuses_in_the_sheets_order() {
    let rt = with_verifiers(MIB).caller(CLIENT);
    let mut params = RemoveDataCapParams {
        verified_client_to_remove: VERIFREG_ACTOR,
        ..removal()
    };
    params.verifier_request_1.verifier = id(999);
    params.verifier_request_2.verifier = id(999);
    assert_eq!(remove(&rt, &params), Err(Some(17)), "no actor");
    params.verifier_request_1.verifier = id(CLIENT);
    assert_eq!(remove(&rt, &params), Err(Some(17)), "the second one");
    params.verifier_request_2.verifier = key(1);
    rt.resolves(key(1), CLIENT);
    assert_eq!(remove(&rt, &params), Err(Some(16)), "both the same");
    params.verifier_request_2.verifier = id(CLIENT_2);
    assert_eq!(remove(&rt, &params), Err(Some(18)), "not the root key");
    rt.caller(ROOT);
    assert_eq!(remove(&rt, &params), Err(Some(16)), "the registry itself");
    params.verified_client_to_remove = id(CLIENT);
    assert_eq!(
        remove(&rt, &params),
        Err(Some(17)),
        "the first is no verifier"
    );
    params.verifier_request_1.verifier = id(VERIFIER);
    assert_eq!(remove(&rt, &params), Err(Some(17)), "nor is the second");
    // The verifier is asked under the address that was given.
    params.verifier_request_2.verifier = key(2);
    rt.resolves(key(2), VERIFIER_2);
    let before = rt.head();

    expect_consent(&rt, id(VERIFIER), &params, 0).exits(16);
    assert_eq!(remove(&rt, &params), Err(Some(16)), "a bad signature");
    expect_consent(&rt, id(VERIFIER), &params, 0).returns(&false);
    assert_eq!(remove(&rt, &params), Err(Some(16)), "no");
    expect_consent(&rt, id(VERIFIER), &params, 0).responds(ExitCode::OK, None);
    assert_eq!(remove(&rt, &params), Err(Some(24)), "no answer");
    expect_consent(&rt, id(VERIFIER), &params, 0);
    expect_consent(&rt, key(2), &params, 0).returns(&"yes");
    assert_eq!(remove(&rt, &params), Err(Some(21)), "a strange answer");

    let both = |params: &RemoveDataCapParams| {
        expect_consent(&rt, id(VERIFIER), params, 0);
        expect_consent(&rt, key(2), params, 0);
    };
    both(&params);
    expect_balance(&rt, CLIENT, TokenAmount::default()).exits(21);
    assert_eq!(remove(&rt, &params), Err(Some(21)), "the token");
    assert_eq!(rt.head(), before, "numbers are not used up by failures");

    params.data_cap_amount_to_remove = (-5).into();
    both(&params);
    expect_balance(&rt, CLIENT, TokenAmount::from_whole(9));
    expect_destroy(&rt, -5).exits(16);
    assert_eq!(remove(&rt, &params), Err(Some(16)), "less than nothing");
    rt.read_only();
    assert_eq!(remove(&rt, &params), Err(Some(25)));
}

/// The registry by another address is not recognised: mainnet compares what was
/// given.
#[test]
fn a_client_is_compared_as_given() {
    let rt = with_verifiers(MIB).resolves(key(1), VERIFREG_ACTOR_ID);
    let params = RemoveDataCapParams {
        verified_client_to_remove: key(1),
        ..removal()
    };
    rt.expect_send(id(VERIFIER), AUTHENTICATE_MESSAGE)
        .any_params()
        .read_only()
        .exits(16);
    assert_eq!(
        remove(&rt, &params),
        Err(Some(16)),
        "as far as the signature"
    );
}

/// A client that is no actor yet gets one.
#[test]
fn addresses_are_resolved_in_order() {
    let rt = with_verifiers(MIB).caller(CLIENT);
    let mut params = removal();
    params.verified_client_to_remove = key(1);
    params.verifier_request_1.verifier = key(2);
    params.verifier_request_2.verifier = key(3);
    for (byte, to) in [(1, CLIENT), (2, VERIFIER), (3, VERIFIER_2)] {
        rt.expect_send(key(byte), 0).effect(move |rt| {
            rt.resolves(key(byte), to);
        });
    }
    assert_eq!(remove(&rt, &params), Err(Some(18)));
}
