//! Storage market actor, f05 (spec 07): what miners and clients exchange with it.

use boatyard_sdk::AbiType;
use cid::Cid;
use fvm_ipld_bitfield::BitField;
use fvm_ipld_encoding::RawBytes;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::clock::ChainEpoch;
use fvm_shared::deal::DealID;
use fvm_shared::piece::PaddedPieceSize;
use fvm_shared::sector::{RegisteredSealProof, SectorNumber};
use fvm_shared::{ActorID, MethodNum};

use super::verifreg::AllocationId;
use crate::batch::BatchReturn;

/// Checks deals that a sector will hold.
pub const VERIFY_DEALS_FOR_ACTIVATION: MethodNum = 5;
/// Deals of proven sectors begin.
pub const BATCH_ACTIVATE_DEALS: MethodNum = 6;
/// Sectors ended early.
pub const ON_MINER_SECTORS_TERMINATE: MethodNum = 7;
/// The end of an epoch, from cron.
pub const CRON_TICK: MethodNum = 9;
/// A miner stored pieces: sent to everybody whom a piece's manifest names.
pub const SECTOR_CONTENT_CHANGED: MethodNum = 2_034_386_435;
/// Tells a client contract that its deal was published; sent by the market.
pub const MARKET_NOTIFY_DEAL: MethodNum = 4_186_741_094;

/// A sector and the deals that it holds or will hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct SectorDeals {
    /// Number of the sector.
    pub sector_number: SectorNumber,
    /// Its seal proof, which gives its size. Unknown numbers decode.
    pub sector_type: RegisteredSealProof,
    /// When it expires.
    pub sector_expiry: ChainEpoch,
    /// Its deals in the order of their pieces.
    pub deal_ids: Vec<DealID>,
}

/// Parameters of [`VERIFY_DEALS_FOR_ACTIVATION`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct VerifyDealsForActivationParams {
    /// The sectors.
    pub sectors: Vec<SectorDeals>,
}

/// Return of [`VERIFY_DEALS_FOR_ACTIVATION`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct VerifyDealsForActivationReturn {
    /// CommD of every sector in order, nothing for one without deals.
    pub unsealed_cids: Vec<Option<Cid>>,
}

/// Parameters of [`BATCH_ACTIVATE_DEALS`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct BatchActivateDealsParams {
    /// The sectors; each succeeds or fails as a whole.
    pub sectors: Vec<SectorDeals>,
    /// Whether the sectors' CommD is wanted.
    pub compute_cid: bool,
}

/// Return of [`BATCH_ACTIVATE_DEALS`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct BatchActivateDealsReturn {
    /// Which sectors failed.
    pub activation_results: BatchReturn,
    /// One for each that did not.
    pub activations: Vec<SectorDealActivation>,
}

/// The deals of a sector that began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct SectorDealActivation {
    /// The deals in the order of their pieces.
    pub activated: Vec<ActivatedDeal>,
    /// CommD, if it was wanted and there are deals.
    pub unsealed_cid: Option<Cid>,
}

/// A deal that began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct ActivatedDeal {
    /// Whose piece it is.
    pub client: ActorID,
    /// The allocation to claim for it; 0 is none.
    pub allocation_id: AllocationId,
    /// Commitment of the piece.
    pub data: Cid,
    /// Its padded size in bytes.
    pub size: PaddedPieceSize,
}

/// Parameters of [`ON_MINER_SECTORS_TERMINATE`].
#[derive(Debug, Clone, PartialEq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct OnMinerSectorsTerminateParams {
    /// When the sectors ended.
    pub epoch: ChainEpoch,
    /// Their numbers.
    pub sectors: BitField,
}

/// Parameters of [`SECTOR_CONTENT_CHANGED`]: in CBOR the list alone.
pub type SectorContentChangedParams = Vec<SectorChanges>;

/// Return of [`SECTOR_CONTENT_CHANGED`]: for every sector, for every piece whether
/// the receiver accepts it. In CBOR the lists alone.
pub type SectorContentChangedReturn = Vec<Vec<bool>>;

/// What is new in a sector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct SectorChanges {
    /// Number of the sector.
    pub sector: SectorNumber,
    /// Until when the sector will be there at least.
    pub minimum_commitment_epoch: ChainEpoch,
    /// Its new pieces.
    pub added: Vec<PieceChange>,
}

/// A new piece.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct PieceChange {
    /// Commitment of the piece.
    pub data: Cid,
    /// Its padded size in bytes.
    pub size: PaddedPieceSize,
    /// What the provider has to say to the receiver; to the market, a deal's number
    /// in CBOR.
    pub payload: RawBytes,
}

/// Parameters of [`MARKET_NOTIFY_DEAL`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct MarketNotifyDealParams {
    /// The proposal as it is stored, in CBOR.
    pub proposal: RawBytes,
    /// Number of the deal.
    pub deal_id: DealID,
}

#[cfg(test)]
mod tests {
    use fvm_ipld_encoding::{from_slice, to_vec};

    use super::*;

    fn piece_cid() -> Cid {
        Cid::try_from("baga6ea4seaqao7s73y24kcutaosvacpdjgfe5pw76ooefnyqw4ynr3d2y6x2mpq")
            .expect("a piece commitment")
    }

    /// Source: spec 07 §2.
    #[test]
    fn an_unknown_seal_proof_decodes() {
        let deals = SectorDeals {
            sector_number: 7,
            sector_type: RegisteredSealProof::Invalid(99),
            sector_expiry: -1,
            deal_ids: vec![1, 2],
        };
        let bytes = to_vec(&deals).unwrap();
        assert_eq!(bytes, [0x84, 7, 0x18, 99, 0x20, 0x82, 1, 2]);
        assert_eq!(from_slice::<SectorDeals>(&bytes).unwrap(), deals);
    }

    /// Source: spec 07 §2.
    #[test]
    fn notifications_are_bare_lists() {
        let changes: SectorContentChangedParams = vec![SectorChanges {
            sector: 3,
            minimum_commitment_epoch: 10,
            added: vec![PieceChange {
                data: piece_cid(),
                size: PaddedPieceSize(128),
                payload: RawBytes::new(vec![0x18, 42]),
            }],
        }];
        let bytes = to_vec(&changes).unwrap();
        assert_eq!(bytes[..5], [0x81, 0x83, 3, 10, 0x81]);
        assert_eq!(
            bytes[bytes.len() - 5..],
            [0x18, 128, 0x42, 0x18, 42],
            "size and payload"
        );
        let accepted: SectorContentChangedReturn = vec![vec![true, false], vec![]];
        assert_eq!(to_vec(&accepted).unwrap(), [0x82, 0x82, 0xf5, 0xf4, 0x80]);
    }
}
