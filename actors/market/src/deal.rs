//! Deals: what was agreed, what became of it, and what follows from the two by
//! arithmetic.

use boatyard_actors_shared::QuantSpec;
use boatyard_sdk::{AbiType, ActorError, Context, Runtime, exit_codes::*};
use cid::Cid;
use cid::multihash::Multihash;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_ipld_encoding::{DAG_CBOR, to_vec};
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::clock::{ChainEpoch, EPOCH_UNDEFINED};
use fvm_shared::deal::DealID;
use fvm_shared::econ::TokenAmount;
use fvm_shared::piece::PaddedPieceSize;
use fvm_shared::sector::SectorNumber;
use multihash_codetable::Code;

use crate::label::Label;

/// What a client and a provider agreed on. In the state, both are ID addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct DealProposal {
    /// Commitment of the piece.
    pub piece_cid: Cid,
    /// Its padded size in bytes.
    pub piece_size: PaddedPieceSize,
    /// Whether the client spends datacap.
    pub verified_deal: bool,
    /// Who pays.
    pub client: Address,
    /// The miner that stores.
    pub provider: Address,
    /// A note of the client's.
    pub label: Label,
    /// The last epoch in which the deal may be activated, from which on it is paid
    /// for; it has lapsed if it is still not activated when this epoch is processed.
    pub start_epoch: ChainEpoch,
    /// The first epoch that is not paid for any more.
    pub end_epoch: ChainEpoch,
    /// Price of an epoch.
    pub storage_price_per_epoch: TokenAmount,
    /// What the provider loses if it does not keep the deal.
    pub provider_collateral: TokenAmount,
    /// What the client sets aside besides the price; it gets it back.
    pub client_collateral: TokenAmount,
}

impl DealProposal {
    /// How many epochs are paid for. Of a proposal that was accepted: a wild one may
    /// overflow.
    pub fn duration(&self) -> ChainEpoch {
        self.end_epoch - self.start_epoch
    }

    /// Price of the whole deal.
    pub fn total_storage_fee(&self) -> TokenAmount {
        self.price_of(self.duration())
    }

    /// Price of so many epochs.
    pub fn price_of(&self, epochs: ChainEpoch) -> TokenAmount {
        &self.storage_price_per_epoch * epochs
    }

    /// What the client locks for the deal.
    pub fn client_balance_requirement(&self) -> TokenAmount {
        &self.client_collateral + self.total_storage_fee()
    }

    /// The client of a proposal in the state.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when it is no ID address.
    pub fn client_id(&self) -> Result<ActorID, ActorError> {
        self.client
            .id()
            .or_exit(USR_ILLEGAL_STATE, "a deal's client is no ID address")
    }

    /// The provider of a proposal in the state.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when it is no ID address.
    pub fn provider_id(&self) -> Result<ActorID, ActorError> {
        self.provider
            .id()
            .or_exit(USR_ILLEGAL_STATE, "a deal's provider is no ID address")
    }

    /// What the proposal is known by while it waits.
    ///
    /// # Errors
    /// `USR_SERIALIZATION` (21) when it cannot be encoded.
    pub fn cid(&self, rt: &impl Runtime) -> Result<Cid, ActorError> {
        let bytes = to_vec(self).or_exit(USR_SERIALIZATION, "a proposal cannot be encoded")?;
        proposal_cid(rt, &bytes)
    }
}

/// The CID of an encoded proposal.
///
/// # Errors
/// None that can happen: a BLAKE2b-256 digest fits into a multihash.
pub fn proposal_cid(rt: &impl Runtime, encoded: &[u8]) -> Result<Cid, ActorError> {
    let digest = Multihash::wrap(Code::Blake2b256.into(), &rt.blake2b(encoded))
        .or_exit(USR_ASSERTION_FAILED, "a digest of 32 bytes")?;
    Ok(Cid::new_v1(DAG_CBOR, digest))
}

/// What became of a deal that was activated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct DealState {
    /// The sector that holds the piece.
    pub sector_number: SectorNumber,
    /// When it was activated.
    pub sector_start_epoch: ChainEpoch,
    /// Until when it is paid; −1 if it never was.
    pub last_updated_epoch: ChainEpoch,
    /// When it ended early, in states from before such deals were settled at once;
    /// −1 otherwise.
    pub slash_epoch: ChainEpoch,
}

impl DealState {
    /// A deal activated now.
    pub fn activated(sector_number: SectorNumber, epoch: ChainEpoch) -> Self {
        Self {
            sector_number,
            sector_start_epoch: epoch,
            last_updated_epoch: EPOCH_UNDEFINED,
            slash_epoch: EPOCH_UNDEFINED,
        }
    }

    /// Until when it is paid, if it ever was.
    pub fn last_updated(&self) -> Option<ChainEpoch> {
        (self.last_updated_epoch != EPOCH_UNDEFINED).then_some(self.last_updated_epoch)
    }

    /// When it ended early, if it is marked so.
    pub fn slashed(&self) -> Option<ChainEpoch> {
        (self.slash_epoch != EPOCH_UNDEFINED).then_some(self.slash_epoch)
    }
}

/// When cron looks at a deal next: not before `earliest`. Deals are spread over the
/// interval by their numbers.
///
/// ```
/// use boatyard_market::deal::next_update_epoch;
/// assert_eq!(next_update_epoch(86_407, 86_400, 86_400), 86_407);
/// assert_eq!(next_update_epoch(7, 86_400, 8), 86_407);
/// ```
pub fn next_update_epoch(id: DealID, interval: ChainEpoch, earliest: ChainEpoch) -> ChainEpoch {
    // The remainder fits, because the interval does.
    let offset = (id % interval.unsigned_abs()) as ChainEpoch;
    let raster = QuantSpec {
        unit: interval,
        offset,
    };
    raster.up(earliest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_next_update_is_the_first_that_fits(
            id in any::<u64>(), interval in 1i64..100_000, earliest in 0i64..1_000_000,
        ) {
            let next = next_update_epoch(id, interval, earliest);
            prop_assert!((earliest..earliest + interval).contains(&next));
            prop_assert_eq!(next as u64 % interval as u64, id % interval as u64);
        }
    }
}
