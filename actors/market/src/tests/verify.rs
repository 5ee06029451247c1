//! Deals that sectors will hold.

use boatyard_actors_shared::ext::market::{
    VerifyDealsForActivationParams, VerifyDealsForActivationReturn,
};
use boatyard_mock::{Check, Verifier};
use fvm_shared::error::ErrorNumber;
use fvm_shared::piece::PieceInfo;

use super::*;

fn verify(rt: &MockRuntime, sectors: &[SectorDeals]) -> Result<Vec<Option<Cid>>, Option<u32>> {
    let params = VerifyDealsForActivationParams {
        sectors: sectors.to_vec(),
    };
    let returned: VerifyDealsForActivationReturn = call(rt, 5, &params)?;
    Ok(returned.unsealed_cids)
}

fn of_size(byte: u8, size: u64) -> DealProposal {
    DealProposal {
        piece_size: PaddedPieceSize(size),
        ..proposal(byte)
    }
}

#[test]
fn commd_is_that_of_the_pieces_in_order() {
    let rt = with_deals(3).caller(PROVIDER);
    let before = rt.head();
    rt.checks();
    let sectors = [sector(1, &[2, 0]), sector(2, &[]), sector(3, &[0])];
    let cids = verify(&rt, &sectors).unwrap();
    assert_eq!(cids.len(), 3);
    assert!(cids[0].is_some() && cids[1].is_none() && cids[2].is_some());
    assert_ne!(cids[0], cids[2]);
    let pieces = |bytes: &[u8]| Check::UnsealedCid {
        proof: RegisteredSealProof::StackedDRG2KiBV1P1,
        pieces: bytes
            .iter()
            .map(|byte| PieceInfo {
                size: PaddedPieceSize(KIB),
                cid: piece(*byte),
            })
            .collect(),
    };
    assert_eq!(rt.checks(), [pieces(&[2, 0]), pieces(&[0])]);
    assert_eq!(rt.head(), before);
    rt.read_only();
    assert_eq!(verify(&rt, &sectors), Ok(cids), "it changes nothing");
    assert_eq!(verify(&rt, &[]), Ok(vec![]));

    // Nor does it look whether they are activated.
    activate(&rt, 7, &[0]);
    assert!(verify(&rt, &[sector(3, &[0])]).is_ok());
}

/// Spec 07 §7, VerifyDealsForActivation, check by check: a sector that fails two
/// shows which one comes first.
#[test]
fn checks_are_made_in_the_sheets_order() {
    let rt = with_deals(3);
    publish(&rt, &[of_size(10, 2 * KIB), of_size(11, 128)]);
    let unknown = |deals: &[DealID]| SectorDeals {
        sector_type: RegisteredSealProof::Invalid(99),
        ..sector(1, deals)
    };
    let short = |deals: &[DealID]| SectorDeals {
        sector_expiry: END - 1,
        ..sector(1, deals)
    };
    rt.caller(PROVIDER);
    for (sector, code, why) in [
        (
            unknown(&[0, 1, 0, 99]),
            16,
            "named twice, before the missing one",
        ),
        (unknown(&[99, 0, 0]), 17, "no such deal, before the copy"),
        (unknown(&[u64::MAX]), 20, "no number of a deal"),
        (unknown(&[0]), 16, "unknown type"),
        (unknown(&[]), 16, "unknown type, without deals too"),
        (short(&[0]), 16, "the sector ends first"),
        (sector(1, &[0, 3]), 16, "2 KiB and another one"),
    ] {
        assert_eq!(verify(&rt, &[sector]), Err(Some(code)), "{why}");
    }
    assert!(verify(&rt, &[sector(1, &[0, 1])]).is_ok(), "it is full");
    assert!(verify(&rt, &[sector(1, &[3])]).is_ok(), "it is full");

    rt.caller(PROVIDER_2);
    assert_eq!(verify(&rt, &[short(&[0])]), Err(Some(18)), "another's");
    rt.epoch(START + 1);
    assert_eq!(
        verify(&rt, &[short(&[0])]),
        Err(Some(18)),
        "whose comes first"
    );
    rt.caller(PROVIDER);
    assert_eq!(verify(&rt, &[short(&[0])]), Err(Some(32)), "too late");
    rt.epoch(START);
    assert!(verify(&rt, &[sector(1, &[0])]).is_ok(), "just in time");

    rt.caller(CLIENT);
    assert_eq!(verify(&rt, &[sector(1, &[0])]), Err(Some(18)), "no miner");
}

#[test]
fn a_deal_that_is_over_is_another_failure_than_one_that_never_was() {
    let rt = with_deals(1);
    expect_burn(&rt, PROVIDER_COLLATERAL);
    tick(&rt, START + INTERVAL).unwrap();
    rt.caller(PROVIDER);
    assert_eq!(verify(&rt, &[sector(1, &[0])]), Err(Some(32)));
    assert_eq!(verify(&rt, &[sector(1, &[1])]), Err(Some(17)));
}

#[test]
fn pieces_that_make_no_sector_fail() {
    struct NoSector;
    impl Verifier for NoSector {
        fn unsealed_sector_cid(
            &self,
            _: RegisteredSealProof,
            _: &[PieceInfo],
        ) -> Result<Cid, ErrorNumber> {
            Err(ErrorNumber::IllegalArgument)
        }
    }
    let rt = with_deals(1).verifier(NoSector).caller(PROVIDER);
    assert_eq!(verify(&rt, &[sector(1, &[])]), Ok(vec![None]));
    assert_eq!(verify(&rt, &[sector(1, &[0])]), Err(Some(16)));
    assert_eq!(batch_activate(&rt, &[sector(1, &[0])], true), Err(Some(16)));
    assert!(batch_activate(&rt, &[sector(1, &[0])], false).is_ok());
}
