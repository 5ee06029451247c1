//! How a block lists its messages, and a tipset its receipts: legacy AMTs of bit
//! width 3 (spec 09 §5, §6).

use boatyard_vm::store::SharedStore;
use cid::Cid;
use fvm_ipld_amt::{Amt, Amtv0};
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::CborStore;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::event::StampedEvent;
use fvm_shared::receipt::Receipt;
use multihash_codetable::Code;

use crate::error::ChainError;
use crate::message::{SignatureKind, SignedMessage, message_bytes};
use crate::store::block_cid;

/// Bit width of the array of a receipt's events.
const EVENTS_BIT_WIDTH: u32 = 5;

/// What a block's `messages` field points at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub(crate) struct MessageMeta {
    /// Legacy AMT of the CIDs of unsigned BLS messages.
    pub bls: Cid,
    /// Legacy AMT of the CIDs of all other signed messages.
    pub other: Cid,
}

impl MessageMeta {
    /// Stores the lists and gives the CID of the pair.
    pub fn store(store: &SharedStore, bls: &[Cid], other: &[Cid]) -> Result<Cid, ChainError> {
        let meta = Self {
            bls: list(store, bls)?,
            other: list(store, other)?,
        };
        store
            .put_cbor(&meta, Code::Blake2b256)
            .map_err(ChainError::Store)
    }
}

/// Stores a message as a block refers to it: BLS messages without signature.
pub(crate) fn store_message(store: &SharedStore, signed: &SignedMessage) -> Result<(), ChainError> {
    let unsigned = message_bytes(&signed.message);
    store
        .put_keyed(&block_cid(&unsigned), &unsigned)
        .map_err(ChainError::Store)?;
    if signed.signature.kind != SignatureKind::Bls {
        let bytes = signed.to_bytes();
        store
            .put_keyed(&block_cid(&bytes), &bytes)
            .map_err(ChainError::Store)?;
    }
    Ok(())
}

/// Stores receipts and gives the root of their array.
pub(crate) fn receipts_root(store: &SharedStore, receipts: &[&Receipt]) -> Result<Cid, ChainError> {
    Amtv0::new_from_iter(store, receipts.iter().copied())
        .map_err(|error| ChainError::Store(error.into()))
}

/// Stores the events of a receipt, to which its `events_root` points: not every
/// machine does (spec 00 §15).
pub(crate) fn store_events(store: &SharedStore, events: &[StampedEvent]) -> Result<(), ChainError> {
    if events.is_empty() {
        return Ok(());
    }
    Amt::new_from_iter_with_bit_width(store, EVENTS_BIT_WIDTH, events.iter())
        .map(drop)
        .map_err(|error| ChainError::Store(error.into()))
}

fn list(store: &SharedStore, cids: &[Cid]) -> Result<Cid, ChainError> {
    Amtv0::new_from_iter(store, cids.iter().copied())
        .map_err(|error| ChainError::Store(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_lists_have_the_cids_of_every_empty_block() {
        let store = SharedStore::memory();
        assert_eq!(
            receipts_root(&store, &[]).unwrap().to_string(),
            "bafy2bzacedswlcz5ddgqnyo3sak3jmhmkxashisnlpq6ujgyhe4mlobzpnhs6"
        );
        assert_eq!(
            MessageMeta::store(&store, &[], &[]).unwrap().to_string(),
            "bafy2bzacecmda75ovposbdateg7eyhwij65zklgyijgcjwynlklmqazpwlhba"
        );
    }
}
