//! Parameters that nobody should send: an exit code, never a panic.

use boatyard_mock::hostile::nobody;
use boatyard_sdk::Actor;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_ipld_encoding::{DAG_CBOR, IPLD_RAW};
use proptest::prelude::*;

use super::*;

fn never_panics(rt: &MockRuntime, method: MethodNum, params: Option<IpldBlock>) {
    if let Err(error) = rt.call::<VerifiedRegistry>(method, params) {
        assert!(!error.message().contains("panicked"), "{error}");
        assert!(error.exit_code().value() >= 16, "{error}");
    }
    state(rt);
}

fn cbor(params: &impl Serialize) -> Option<IpldBlock> {
    Some(IpldBlock {
        codec: CBOR,
        data: to_vec(params).unwrap(),
    })
}

#[test]
fn parameters_of_another_shape_do_not_decode() {
    let rt = registry().caller(CLIENT);
    for method in VerifiedRegistry::ABI.methods {
        for params in [
            cbor(&()),
            cbor(&(1, 2, 3, 4, 5)),
            cbor(&"text"),
            cbor(&(1, ())),
        ] {
            let error = rt
                .call::<VerifiedRegistry>(method.number, params)
                .unwrap_err();
            assert_eq!(error.exit_code().value(), 21, "{}", method.name);
        }
        let error = rt
            .call::<VerifiedRegistry>(method.number, None)
            .unwrap_err();
        assert_eq!(error.exit_code().value(), 16, "{}", method.name);
    }
}

#[test]
fn negative_amounts_are_too_small() {
    let rt = with_verifiers(MIB);
    let negative = VerifierParams {
        address: id(CLIENT),
        allowance: (-1).into(),
    };
    assert_eq!(code(&rt, 2, &negative), 16);
    assert_eq!(code(&rt.caller(VERIFIER), 4, &negative), 16);
}

fn any_epoch() -> impl Strategy<Value = ChainEpoch> {
    prop_oneof![
        Just(i64::MIN),
        Just(i64::MAX),
        any::<i64>(),
        NOW - 2..NOW + 2 * TERM_MAX
    ]
}

proptest! {
    #[test]
    fn random_bytes_do_no_harm(
        index in 0usize..16,
        caller in prop::sample::select(vec![0, ROOT, VERIFIER, CLIENT, MINER, DATACAP_ACTOR_ID]),
        codec in prop::sample::select(vec![CBOR, DAG_CBOR, IPLD_RAW, 0x99]),
        data in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let method = VerifiedRegistry::ABI.methods[index].number;
        let rt = registry().caller(caller).answer_sends(nobody);
        never_panics(&rt, method, Some(IpldBlock { codec, data }));
    }

    #[test]
    fn any_request_is_granted_or_refused(
        size in prop_oneof![any::<u64>(), MIB - 1..3 * MIB],
        term_min in any_epoch(),
        term_max in any_epoch(),
        expiration in any_epoch(),
        claim in any::<u64>(),
        provider in prop::sample::select(vec![MINER, CLIENT, 7, u64::MAX]),
    ) {
        let rt = with_claims(&[MIB]).caller(DATACAP_ACTOR_ID);
        let wanted = AllocationRequest { provider, data: piece(9), size, term_min, term_max, expiration };
        let requests = AllocationRequests { allocations: vec![wanted], extensions: vec![] };
        let mut params = hook(CLIENT, size, &requests);
        never_panics(&rt, RECEIVE, cbor(&params));
        for number in [claim, 1] {
            let extensions = vec![extension(MINER, number, term_max)];
            params = hook(CLIENT, 0, &AllocationRequests { allocations: vec![], extensions });
            never_panics(&rt, RECEIVE, cbor(&params));
        }
    }

    #[test]
    fn any_claim_is_made_or_refused(
        number in prop_oneof![any::<u64>(), Just(1u64)],
        expiry in any_epoch(),
        size in any::<u64>(),
        client in prop::sample::select(vec![CLIENT, u64::MAX]),
        term_max in any_epoch(),
    ) {
        let rt = with_claims(&[MIB]);
        let claims = vec![piece_claim(client, number, 1, size)];
        let sectors = vec![SectorAllocationClaims { sector: number, expiry, claims }];
        let params = ClaimAllocationsParams { sectors, all_or_nothing: false };
        never_panics(&rt.caller(MINER), 9, cbor(&params));
        let terms = vec![ClaimTerm { provider: MINER, claim_id: number, term_max }];
        never_panics(&rt.caller(CLIENT), 11, cbor(&ExtendClaimTermsParams { terms }));
        let claim_ids = vec![number, u64::MAX];
        never_panics(&rt, 10, cbor(&GetClaimsParams { provider: MINER, claim_ids: claim_ids.clone() }));
        never_panics(&rt, 12, cbor(&RemoveExpiredClaimsParams { provider: client, claim_ids }));
    }
}
