//! What a provider remembers of a sector.

use boatyard_proofs::{SealedSector, UpdatedSector};
use cid::Cid;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::clock::ChainEpoch;
use fvm_shared::piece::PieceInfo;
use fvm_shared::sector::SectorNumber;

use crate::files::FilesError;
use crate::order::OrderId;

/// A sector, from the moment it got a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub struct SectorRecord {
    /// Its number.
    pub number: SectorNumber,
    /// Whether it is proven by one message, without pre-commit (FIP-0092).
    pub non_interactive: bool,
    /// Its last epoch, as it will be or was promised.
    pub expiration: ChainEpoch,
    /// Pieces that it was sealed with, in order; none for committed capacity.
    pub pieces: Vec<SectorPiece>,
    /// Epoch of its ticket.
    pub ticket_epoch: ChainEpoch,
    /// What came of sealing.
    pub sealed: Option<SealedSector>,
    /// Data that was put into it later.
    pub update: Option<UpdateRecord>,
    /// Whether the files that only sealing needs are gone.
    pub released: bool,
    /// Why nothing more is done about it.
    pub failed: Option<String>,
}

/// A piece in a sector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub struct SectorPiece {
    /// Commitment and padded size.
    pub piece: PieceInfo,
    /// The order that it belongs to.
    pub order: OrderId,
}

/// Data that was put into a sector of committed capacity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub struct UpdateRecord {
    /// The pieces, in order.
    pub pieces: Vec<SectorPiece>,
    /// What came of encoding them.
    pub updated: Option<UpdatedSector>,
    /// Whether the chain has it.
    pub proven: bool,
}

/// Where a piece starts among those of a sector, and how large it is, both in padded
/// bytes.
pub fn place(pieces: &[SectorPiece], wanted: &Cid) -> Option<(u64, u64)> {
    let mut end = 0u64;
    for held in pieces {
        let size = held.piece.size.0.max(1);
        let start = end.checked_next_multiple_of(size)?;
        if held.piece.cid == *wanted {
            return Some((start, size));
        }
        end = start.checked_add(size)?;
    }
    None
}

impl SectorRecord {
    /// A sector about to be sealed.
    pub fn new(number: SectorNumber, expiration: ChainEpoch, pieces: Vec<SectorPiece>) -> Self {
        Self {
            number,
            non_interactive: false,
            expiration,
            pieces,
            ticket_epoch: 0,
            sealed: None,
            update: None,
            released: false,
            failed: None,
        }
    }

    /// A sector of which nothing is known but its number, since its record cannot be
    /// read.
    pub(crate) fn unreadable(number: SectorNumber, error: &FilesError) -> Self {
        let reason = format!(
            "its record cannot be read, so it cannot be proven: {error}. Put a copy of that file \
             back and start the node again; without one, boatyard provider terminate {number} \
             ends the sector before its faults cost more"
        );
        Self {
            failed: Some(reason),
            ..Self::new(number, 0, Vec::new())
        }
    }

    /// Whether all that is known of it is that its record cannot be read, or that it was
    /// given up before it was sealed.
    pub fn is_unknown(&self) -> bool {
        self.failed.is_some() && self.sealed.is_none()
    }

    /// The pieces that it holds now.
    pub fn held(&self) -> &[SectorPiece] {
        match &self.update {
            Some(update) if update.proven => &update.pieces,
            _ => &self.pieces,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use boatyard_proofs::piece::of_bytes;

    #[test]
    fn pieces_lie_at_multiples_of_their_sizes() {
        let pieces: Vec<SectorPiece> = [100, 500, 90]
            .map(|length| SectorPiece {
                piece: of_bytes(&vec![length as u8; length]),
                order: 1,
            })
            .to_vec();
        let places: Vec<_> = pieces
            .iter()
            .map(|piece| place(&pieces, &piece.piece.cid))
            .collect();
        assert_eq!(
            places,
            [Some((0, 128)), Some((512, 512)), Some((1_024, 128))]
        );
        assert_eq!(place(&pieces, &of_bytes(b"mars").cid), None);
    }
}
