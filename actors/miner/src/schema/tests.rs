//! The blocks' bytes and identifiers as the sheets print them.

use boatyard_sdk::ArrayRoot;
use cid::Cid;
use fvm_ipld_blockstore::MemoryBlockstore;
use fvm_ipld_encoding::{from_slice, to_vec};
use fvm_shared::bigint::BigInt;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::RegisteredSealProof;
use num_traits::Zero;

use super::*;

fn sector() -> SectorOnChainInfo {
    SectorOnChainInfo {
        sector_number: 0,
        seal_proof: RegisteredSealProof::Invalid(-1),
        sealed_cid: Cid::try_from(&hex::decode("01000000").unwrap()[..]).unwrap(),
        deprecated_deal_ids: vec![],
        activation: 0,
        expiration: 0,
        deal_weight: BigInt::zero(),
        verified_deal_weight: BigInt::zero(),
        initial_pledge: TokenAmount::zero(),
        expected_day_reward: None,
        expected_storage_pledge: None,
        power_base_epoch: 0,
        replaced_day_reward: None,
        sector_key_cid: None,
        flags: 0,
        daily_fee: TokenAmount::zero(),
    }
}

/// Source: spec 05 §26, spec 06 §19.
#[test]
fn sectors_and_expirations_have_the_protocols_bytes() {
    let bytes = "900020d82a450001000000800000404040f6f600f6f60040";
    let record = sector();
    assert_eq!(hex::encode(to_vec(&record).unwrap()), bytes);
    let back: SectorOnChainInfo = from_slice(&hex::decode(bytes).unwrap()).unwrap();
    assert_eq!(back, record);

    let empty = to_vec(&ExpirationSet::default()).unwrap();
    assert_eq!(hex::encode(empty), "8640404082404082404040");
}

/// Records from before the daily fee are an element shorter.
#[test]
fn old_records_are_read_and_written_with_all_elements() {
    let long = to_vec(&sector()).unwrap();
    let mut short = long[..long.len() - 1].to_vec();
    short[0] = 0x8f;
    let read: SectorOnChainInfo = from_slice(&short).unwrap();
    assert_eq!(read, sector());
    assert_eq!(to_vec(&read).unwrap(), long);

    let short = hex::decode("85404040824040824040").unwrap();
    let read: ExpirationSet = from_slice(&short).unwrap();
    assert_eq!(read, ExpirationSet::default());
}

#[test]
fn records_with_too_few_or_too_many_elements_are_refused() {
    for bytes in ["84404040824040", "87404040824040824040404040"] {
        assert!(from_slice::<ExpirationSet>(&hex::decode(bytes).unwrap()).is_err());
    }
    let mut long = to_vec(&sector()).unwrap();
    long[0] = 0x91;
    long.push(0x40);
    assert!(from_slice::<SectorOnChainInfo>(&long).is_err());
    let mut short = to_vec(&sector()).unwrap();
    short.truncate(short.len() - 2);
    short[0] = 0x8e;
    assert!(from_slice::<SectorOnChainInfo>(&short).is_err());
}

/// Source: spec 05 §3.7.
#[test]
fn empty_arrays_have_the_protocols_cids() {
    let store = MemoryBlockstore::new();
    let cids = [
        ArrayRoot::<u64, 2>::empty(&store)
            .unwrap()
            .cid()
            .to_string(),
        ArrayRoot::<u64, 4>::empty(&store)
            .unwrap()
            .cid()
            .to_string(),
        ArrayRoot::<u64, 6>::empty(&store)
            .unwrap()
            .cid()
            .to_string(),
    ];
    assert_eq!(
        cids,
        [
            "bafy2bzacebpbl7msg6mta4gjy3xmntdo6tt7wiikvctwtrkukkem5kvw5bw2i",
            "bafy2bzacebtuxloybdfwpzgkvvpdlkmnp4qu52omg3tkj4vqvimurdnfw3jva",
            "bafy2bzaceaa2jny7gkgdwnid4kuldau6bnvgyss5bszo4uy6uikrncvdu5mc2",
        ]
    );
}
