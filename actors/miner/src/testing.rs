//! Sectors for the tests of several modules.

use cid::Cid;
use cid::multihash::Multihash;
use fvm_ipld_bitfield::BitField;
use fvm_ipld_bitfield::iter::Ranges;
use fvm_shared::bigint::BigInt;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::{RegisteredSealProof, SectorNumber};

use crate::schema::{SIMPLE_QA_POWER, SectorOnChainInfo};

/// A sector of 2 KiB that lives from epoch 0 to 1000, with a CommR of its own.
pub(crate) fn sector(number: SectorNumber) -> SectorOnChainInfo {
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&number.to_le_bytes());
    let digest = Multihash::wrap(0xb401, &digest).expect("32 bytes fit");
    SectorOnChainInfo {
        sector_number: number,
        seal_proof: RegisteredSealProof::StackedDRG2KiBV1P1,
        sealed_cid: Cid::new_v1(0xf102, digest),
        deprecated_deal_ids: Vec::new(),
        activation: 0,
        expiration: 1_000,
        deal_weight: BigInt::default(),
        verified_deal_weight: BigInt::default(),
        initial_pledge: TokenAmount::from_atto(1_000 + number),
        expected_day_reward: None,
        expected_storage_pledge: None,
        power_base_epoch: 0,
        replaced_day_reward: None,
        sector_key_cid: None,
        flags: SIMPLE_QA_POWER,
        daily_fee: TokenAmount::from_atto(10 + number),
    }
}

/// A [`sector`] with another end and a weight of verified data.
pub(crate) fn sector_until(
    number: SectorNumber,
    expiration: i64,
    verified_weight: i64,
) -> SectorOnChainInfo {
    SectorOnChainInfo {
        expiration,
        verified_deal_weight: verified_weight.into(),
        ..sector(number)
    }
}

/// All bits below `count`, in a few bytes.
pub(crate) fn below(count: u64) -> BitField {
    BitField::from_ranges(Ranges::new(std::iter::once(0..count)))
}
