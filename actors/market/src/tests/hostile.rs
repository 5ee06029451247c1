//! Parameters that nobody should send: an exit code, never a panic.

use boatyard_actors_shared::ext::market::{
    OnMinerSectorsTerminateParams, PieceChange, SECTOR_CONTENT_CHANGED, SectorChanges,
    VerifyDealsForActivationParams,
};
use boatyard_mock::hostile::nobody;
use boatyard_sdk::Actor;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_ipld_encoding::{DAG_CBOR, IPLD_RAW};
use proptest::prelude::*;

use super::*;

/// Calls a method with the sends that may come of it; they do not matter here.
fn never_panics(rt: &MockRuntime, method: MethodNum, params: Option<IpldBlock>) {
    if let Err(error) = rt.call::<Market>(method, params) {
        assert!(!error.message().contains("panicked"), "{error}");
        assert!(error.exit_code().value() >= 16, "{error}");
    }
    state(rt);
}

fn cbor(params: &(impl Serialize + ?Sized)) -> Option<IpldBlock> {
    Some(IpldBlock {
        codec: CBOR,
        data: to_vec(params).unwrap(),
    })
}

#[test]
fn parameters_of_another_shape_do_not_decode() {
    let rt = with_deals(1).caller(CLIENT);
    for method in Market::ABI.methods {
        // Without parameters: the constructor and cron's tick.
        let takes_none = [1, 9].contains(&method.number);
        for params in [cbor(&(1, 2, 3, 4, 5)), cbor("text"), cbor(&(1, ()))] {
            let error = rt.call::<Market>(method.number, params).unwrap_err();
            let expected = if takes_none { 16 } else { 21 };
            assert_eq!(error.exit_code().value(), expected, "{}", method.name);
        }
        let error = rt.call::<Market>(method.number, None).unwrap_err();
        let expected = if takes_none { 18 } else { 16 };
        assert_eq!(error.exit_code().value(), expected, "{}", method.name);
    }
}

/// Contracts reach exported methods only, whatever else is wrong.
#[test]
fn methods_for_built_in_actors_refuse_contracts() {
    let rt = market().caller_of_type(500, Type::Evm);
    for method in Market::ABI.methods {
        let error = rt.call::<Market>(method.number, cbor("text")).unwrap_err();
        let expected = if method.number < 1 << 24 { 18 } else { 21 };
        assert_eq!(error.exit_code().value(), expected, "{}", method.name);
    }
}

/// A bare byte string may come raw; a number may not.
#[test]
fn raw_parameters_are_byte_strings() {
    let rt = market().caller(CLIENT);
    let raw = |data: Vec<u8>| {
        Some(IpldBlock {
            codec: IPLD_RAW,
            data,
        })
    };
    let balance = rt.call::<Market>(726_108_461, raw(id(CLIENT).to_bytes()));
    assert!(balance.is_ok());
    let settled = rt.call::<Market>(1_900_091_594, raw(vec![]));
    assert!(settled.is_ok(), "an empty bitfield");
    let client = rt.call::<Market>(128_053_329, raw(vec![0]));
    assert_eq!(client.unwrap_err().exit_code().value(), 21);
}

/// Signatures of unknown kinds make the whole message undecodable.
#[test]
fn strange_signatures_do_not_decode() {
    let rt = funded().caller(WORKER);
    for signature in [&[][..], &[0, 1], &[3, 1], &[9]] {
        let deal = (proposal(1), RawBytes::new(signature.to_vec()));
        assert_eq!(code(&rt, 4, &(vec![deal],)), 21, "{signature:?}");
    }
}

fn any_epoch() -> impl Strategy<Value = ChainEpoch> {
    prop_oneof![
        Just(i64::MIN),
        Just(i64::MAX),
        any::<i64>(),
        NOW - 2..END + 2
    ]
}

fn any_amount() -> impl Strategy<Value = TokenAmount> {
    let huge = fvm_shared::bigint::BigInt::from(1) << 1_000;
    prop_oneof![
        1 => any::<i64>().prop_map(atto),
        1 => Just(TokenAmount::from_atto(huge)),
        1 => Just(atto(-1)),
        5 => (0i64..100).prop_map(atto),
    ]
}

/// The sheet's rules once more, for the proposals of the test below.
fn is_good(deal: &DealProposal, supply: i64) -> bool {
    let most = TokenAmount::from_whole(2_000_000_000);
    let nothing = TokenAmount::default();
    let size = deal.piece_size.0;
    let amounts = [
        &deal.storage_price_per_epoch,
        &deal.provider_collateral,
        &deal.client_collateral,
    ];
    size >= 128
        && size.is_power_of_two()
        && deal.start_epoch >= NOW
        && deal
            .end_epoch
            .checked_sub(deal.start_epoch)
            .is_some_and(|duration| (518_400..=3_680_640).contains(&duration))
        && amounts.iter().all(|a| (&nothing..=&most).contains(a))
        && deal.provider_collateral >= atto(supply / 100)
        && deal.client_balance_requirement() <= atto(100 * CLIENT_NEEDS)
        && deal.provider_collateral <= atto(100 * PROVIDER_COLLATERAL)
}

proptest! {
    #[test]
    fn random_bytes_do_no_harm(
        index in 0usize..Market::ABI.methods.len(),
        caller in prop::sample::select(vec![0, CRON_ACTOR_ID, CLIENT, PROVIDER]),
        codec in prop::sample::select(vec![CBOR, DAG_CBOR, IPLD_RAW, 0x99]),
        data in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let rt = with_active_deals(1).caller(caller).answer_sends(nobody);
        let method = Market::ABI.methods[index].number;
        never_panics(&rt, method, Some(IpldBlock { codec, data }));
    }

    /// Wild numbers in every field.
    #[test]
    fn any_proposal_is_published_or_not(
        size in prop_oneof![any::<u64>(), (0u32..64).prop_map(|bits| 1 << bits)],
        start_epoch in any_epoch(),
        end_epoch in prop_oneof![any_epoch(), START + DURATION..START + 8 * DURATION],
        storage_price_per_epoch in any_amount(),
        provider_collateral in any_amount(),
        client_collateral in any_amount(),
        supply in 0i64..5_000,
    ) {
        let deal = DealProposal {
            piece_size: PaddedPieceSize(size),
            start_epoch,
            end_epoch,
            storage_price_per_epoch,
            provider_collateral,
            client_collateral,
            ..proposal(1)
        };
        let rt = funded().circulating_supply(atto(supply));
        expect_questions(&rt);
        expect_signature(&rt, &deal);
        let good = is_good(&deal, supply);
        if good {
            expect_notice(&rt, 0, &deal);
        }
        let ended = call::<PublishStorageDealsReturn>(&rt, 4, &params(&[deal]));
        prop_assert_eq!(ended.map(|published| published.ids), if good { Ok(vec![0]) } else { Err(Some(16)) });
        state(&rt);
    }

    #[test]
    fn any_sector_is_activated_or_not(
        number in any::<u64>(),
        kind in any::<i64>(),
        expiry in any_epoch(),
        deal_ids in prop::collection::vec(prop_oneof![0u64..4, any::<u64>()], 0..4),
        compute_cid in any::<bool>(),
        now in any_epoch(),
    ) {
        let rt = with_deals(3).caller(PROVIDER);
        let sectors = vec![SectorDeals {
            sector_number: number,
            sector_type: RegisteredSealProof::from(kind),
            sector_expiry: expiry,
            deal_ids,
        }];
        // Nothing is activated yet, so nothing is burnt.
        let named = [number].into_iter().filter(|number| *number < u64::MAX);
        let ended = BitField::try_from_bits(named).unwrap();
        let params = OnMinerSectorsTerminateParams { epoch: now, sectors: ended };
        never_panics(&rt, 7, cbor(&params));
        let verified = VerifyDealsForActivationParams { sectors: sectors.clone() };
        never_panics(&rt, 5, cbor(&verified));
        never_panics(&rt, 6, cbor(&BatchActivateDealsParams { sectors, compute_cid }));
    }

    #[test]
    fn any_piece_is_accepted_or_not(
        sector in any::<u64>(),
        minimum_commitment_epoch in any_epoch(),
        size in any::<u64>(),
        payload in prop::collection::vec(any::<u8>(), 0..12),
    ) {
        let rt = with_deals(3).caller(PROVIDER);
        let added = vec![PieceChange {
            data: piece(0),
            size: PaddedPieceSize(size),
            payload: RawBytes::new(payload),
        }];
        let params = vec![SectorChanges { sector, minimum_commitment_epoch, added }];
        never_panics(&rt, SECTOR_CONTENT_CHANGED, cbor(&params));
    }

    #[test]
    fn any_deals_are_settled_or_not(
        ids in prop::collection::btree_set(prop_oneof![0u64..4, 0..u64::MAX], 0..5),
        now in NOW..END * 2,
    ) {
        let rt = with_active_deals(3).epoch(now);
        let ids = BitField::try_from_bits(ids).unwrap();
        never_panics(&rt, 1_900_091_594, cbor(&ids));
    }
}
