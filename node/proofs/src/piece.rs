//! Piece commitments: CommP of any file, CommD of a sector's pieces, zeros.
//!
//! Data is first padded: after every 254 bits follow two zero bits, so that 127 bytes
//! become 128 and every 32 of them are a field element. A commitment is the root of a
//! binary tree over those; the hash is SHA-256 with the two top bits of the last byte
//! cleared. Source: spec 11 §9.

use std::io::{self, Read};

use fr32::Fr32Reader;
use fvm_shared::piece::{PaddedPieceSize, PieceInfo, UnpaddedPieceSize};
use fvm_shared::sector::SectorSize;
use sha2::{Digest, Sha256};

use crate::commitment::{self, Commitment};
use crate::shape::NODE;

/// The smallest piece, in unpadded bytes.
pub const MIN_PIECE: u64 = 127;
/// The largest piece whose padded size is a number of 64 bits.
const MAX_PIECE: u64 = MIN_PIECE << 56;

/// Why pieces have no commitment.
#[derive(Debug, thiserror::Error)]
pub enum PieceError {
    /// Sizes must be 127 · 2^k before and 128 · 2^k after padding.
    #[error("a piece cannot have {0} bytes; sizes are 127 · 2^k before padding, 128 · 2^k after")]
    Size(u64),
    /// The data does not fit into its piece.
    #[error("the data is longer than its piece of {0} bytes")]
    TooLong(u64),
    /// The pieces do not fit into the sector.
    #[error("pieces and the gaps between them take {needed} of the sector's {sector} padded bytes")]
    Overfull {
        /// Padded bytes that the pieces take.
        needed: u128,
        /// Padded bytes of the sector.
        sector: u64,
    },
    /// A CID is that of no piece.
    #[error(transparent)]
    Cid(#[from] commitment::NotACommitment),
    /// The data cannot be read.
    #[error("cannot read the data: {0}")]
    Read(#[from] io::Error),
}

/// The size of the smallest piece that holds `length` bytes of data; the largest of
/// all when none does.
///
/// ```
/// # use boatyard_proofs::piece::piece_size;
/// assert_eq!(piece_size(1).0, 127);
/// assert_eq!(piece_size(127).0, 127);
/// assert_eq!(piece_size(128).0, 254);
/// ```
pub fn piece_size(length: u64) -> UnpaddedPieceSize {
    let quads = length.div_ceil(MIN_PIECE).clamp(1, MAX_PIECE / MIN_PIECE);
    UnpaddedPieceSize(quads.next_power_of_two() * MIN_PIECE)
}

/// The padded size, if it is the size of a piece.
pub(crate) fn padded(size: UnpaddedPieceSize) -> Result<PaddedPieceSize, PieceError> {
    match size.validate() {
        Ok(()) if size.0 <= MAX_PIECE => Ok(size.padded()),
        _ => Err(PieceError::Size(size.0)),
    }
}

/// The piece of [the smallest size](piece_size) that holds `data`, filled with zeros.
///
/// ```
/// # use boatyard_proofs::piece;
/// let piece = piece::of_bytes(b"the network, please keep this");
/// assert_eq!(piece.size.0, 128);
/// ```
pub fn of_bytes(data: &[u8]) -> PieceInfo {
    of_reader(data, piece_size(data.len() as u64)).expect("the size was made to fit")
}

/// The piece of a given size that holds what `source` delivers, filled with zeros.
/// Memory use does not depend on the size.
///
/// # Errors
/// A size that is none, more data than fits, failing reads.
pub fn of_reader(source: impl Read, size: UnpaddedPieceSize) -> Result<PieceInfo, PieceError> {
    pad(source, size, |_| Ok(()))
}

/// Pads what `source` delivers, gives the padded bytes to `write` in order, and
/// commits to them.
pub(crate) fn pad(
    mut source: impl Read,
    size: UnpaddedPieceSize,
    mut write: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<PieceInfo, PieceError> {
    let padded_size = self::padded(size)?;
    let mut tree = Tree::default();
    let mut padded = Fr32Reader::new((&mut source).take(size.0).chain(io::repeat(0)));
    let mut left = padded_size.0;
    let mut buffer = vec![0; (1 << 16).min(left as usize)];
    while left > 0 {
        let chunk = &mut buffer[..left.min(1 << 16) as usize];
        padded.read_exact(chunk)?;
        for node in chunk.chunks_exact(NODE) {
            tree.push(0, node.try_into().expect("chunks have 32 bytes"));
        }
        write(chunk)?;
        left -= chunk.len() as u64;
    }
    if source.read(&mut [0])? != 0 {
        return Err(PieceError::TooLong(size.0));
    }
    Ok(PieceInfo {
        size: padded_size,
        cid: commitment::unsealed_cid(&tree.root())?,
    })
}

/// The commitment to data that is padded already, a power of two of bytes.
pub(crate) fn of_padded(mut source: impl Read, size: u64) -> io::Result<Commitment> {
    let mut tree = Tree::default();
    let mut left = size;
    let mut buffer = vec![0; (1 << 16).min(size as usize)];
    while left > 0 {
        let chunk = &mut buffer[..left.min(1 << 16) as usize];
        source.read_exact(chunk)?;
        for node in chunk.chunks_exact(NODE) {
            tree.push(0, node.try_into().expect("chunks have 32 bytes"));
        }
        left -= chunk.len() as u64;
    }
    Ok(tree.root())
}

/// The piece of a size that holds zeros.
///
/// # Errors
/// A size that is none.
pub fn zero(size: PaddedPieceSize) -> Result<PieceInfo, PieceError> {
    size.validate().map_err(|_| PieceError::Size(size.0))?;
    let mut node = [0; NODE];
    for _ in 0..(size.0 / NODE as u64).trailing_zeros() {
        node = hash(&node, &node);
    }
    Ok(PieceInfo {
        size,
        cid: commitment::unsealed_cid(&node)?,
    })
}

/// The pieces with zero pieces in the gaps that alignment leaves and after the last,
/// so that they fill the sector. A piece starts at a multiple of its size.
///
/// # Errors
/// Sizes that are none, CIDs of no piece, more than fits.
pub fn fill(sector: SectorSize, pieces: &[PieceInfo]) -> Result<Vec<PieceInfo>, PieceError> {
    let sector_size = sector as u64;
    let mut all = Vec::with_capacity(pieces.len());
    let mut end = 0u128;
    for piece in pieces {
        piece
            .size
            .validate()
            .map_err(|_| PieceError::Size(piece.size.0))?;
        commitment::from_unsealed_cid(&piece.cid)?;
        let start = end.next_multiple_of(piece.size.0.into());
        gap(end, start, &mut all)?;
        end = start + u128::from(piece.size.0);
        if end > sector_size.into() {
            return Err(PieceError::Overfull {
                needed: end,
                sector: sector_size,
            });
        }
        all.push(piece.clone());
    }
    gap(end, sector_size.into(), &mut all)?;
    Ok(all)
}

/// Zero pieces from `start` to `end`, each the largest that is aligned there.
fn gap(mut start: u128, end: u128, all: &mut Vec<PieceInfo>) -> Result<(), PieceError> {
    // An overfull sector is refused by the caller, whose next piece ends further on.
    while start < end && start < u128::from(u64::MAX) {
        let aligned = match start {
            0 => u128::MAX,
            start => 1 << start.trailing_zeros(),
        };
        let fits = 1 << (end - start).ilog2();
        let size = u64::try_from(aligned.min(fits)).map_err(|_| PieceError::Size(u64::MAX))?;
        all.push(zero(PaddedPieceSize(size))?);
        start += u128::from(size);
    }
    Ok(())
}

/// CommD of the sector that holds `pieces` in order, with zeros between and after.
///
/// # Errors
/// As [`fill`].
pub fn comm_d(sector: SectorSize, pieces: &[PieceInfo]) -> Result<Commitment, PieceError> {
    let mut tree = Tree::default();
    for piece in fill(sector, pieces)? {
        let level = (piece.size.0 / NODE as u64).trailing_zeros();
        tree.push(level, commitment::from_unsealed_cid(&piece.cid)?);
    }
    Ok(tree.root())
}

/// A binary tree under construction, from the left: the roots of its finished
/// subtrees, highest first.
#[derive(Default)]
struct Tree(Vec<(u32, Commitment)>);

impl Tree {
    fn push(&mut self, mut level: u32, mut node: Commitment) {
        while let Some((left_level, left)) = self.0.last()
            && *left_level == level
        {
            node = hash(left, &node);
            level += 1;
            self.0.pop();
        }
        self.0.push((level, node));
    }

    /// The root of a full tree.
    fn root(&self) -> Commitment {
        debug_assert_eq!(self.0.len(), 1, "a power of two of leaves");
        self.0.last().map_or([0; NODE], |(_, node)| *node)
    }
}

/// SHA-256 of two nodes, cut to a field element.
pub(crate) fn hash(left: &Commitment, right: &Commitment) -> Commitment {
    let mut node: Commitment = Sha256::new()
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into();
    node[31] &= 0x3f;
    node
}

#[cfg(test)]
mod tests {
    use super::*;
    use filecoin_proofs_api::{RegisteredSealProof, UnpaddedBytesAmount, seal};

    /// The data of spec 11 §A.
    fn data() -> Vec<u8> {
        (0..2032u32).map(|i| (7 * i % 251) as u8).collect()
    }

    fn piece(bytes: &[u8]) -> Commitment {
        commitment::from_unsealed_cid(&of_bytes(bytes).cid).unwrap()
    }

    #[test]
    fn commitments_are_those_of_the_sheet() {
        let data = data();
        for (length, expected) in [
            (
                127,
                "b9cae8b5baa7a0f510da6e3079cc1906a7f1db72f9911ed7e871e1f2c2247d2d",
            ),
            (
                254,
                "ccc08e8ec23b26979573f5543c2e3ff0a3a856477af24d2d221a3a56433a850c",
            ),
            (
                508,
                "6d49641d68d6167f126e42d5e37170adb61a38ae9dade104cf8141b654197a35",
            ),
            (
                1016,
                "c256a9dba86eb484f6150c49ea4ecb54404d918cb92c7b38c3417c18f2d1240f",
            ),
            (
                2032,
                "3b3c74dcac9cfc67bd64bac95f3ecad9a60f3aafc7daf9a256f2524b3cf1181f",
            ),
        ] {
            assert_eq!(hex::encode(piece(&data[..length])), expected);
        }
    }

    #[test]
    fn commitments_are_those_of_the_library() {
        let data: Vec<u8> = (0..127 * 64).map(|i: u32| (i * i % 253) as u8).collect();
        for size in [127usize, 254, 127 * 64] {
            let theirs = seal::generate_piece_commitment(
                RegisteredSealProof::StackedDrg2KiBV1_1,
                &data[..size],
                UnpaddedBytesAmount(size as u64),
            )
            .unwrap();
            assert_eq!(piece(&data[..size]), theirs.commitment, "{size}");
        }
    }

    #[test]
    fn short_data_is_filled_with_zeros_and_long_data_refused() {
        let size = UnpaddedPieceSize(254);
        let mut filled = data()[..200].to_vec();
        let short = of_reader(filled.as_slice(), size).unwrap();
        filled.resize(254, 0);
        assert_eq!(of_reader(filled.as_slice(), size).unwrap(), short);
        assert_eq!(of_bytes(&filled[..200]), short);
        filled.push(0);
        assert!(matches!(
            of_reader(filled.as_slice(), size),
            Err(PieceError::TooLong(254))
        ));
        let empty = of_bytes(&[]);
        assert_eq!(empty, zero(PaddedPieceSize(128)).unwrap());
    }

    #[test]
    fn sizes_that_are_none_are_refused() {
        for size in [0, 1, 126, 128, 255, 381, 127 << 57, u64::MAX] {
            assert!(of_reader(io::empty(), UnpaddedPieceSize(size)).is_err());
        }
        for size in [0, 64, 127, 129, 384, u64::MAX] {
            assert!(zero(PaddedPieceSize(size)).is_err());
            let piece = PieceInfo {
                size: PaddedPieceSize(size),
                cid: of_bytes(b"x").cid,
            };
            assert!(comm_d(SectorSize::_2KiB, &[piece]).is_err());
        }
        assert_eq!(piece_size(u64::MAX).0 % 127, 0);
    }

    #[test]
    fn sectors_of_zeros_have_the_commitments_of_the_sheet() {
        for (size, expected) in [
            (
                SectorSize::_2KiB,
                "fc7e928296e516faade986b28f92d44a4f24b935485223376a799027bc18f833",
            ),
            (
                SectorSize::_8MiB,
                "65f29e5d98d246c38b388cfc06db1f6b021303c5a289000bdce832a9c3ec421c",
            ),
        ] {
            assert_eq!(hex::encode(comm_d(size, &[]).unwrap()), expected);
        }
    }

    #[test]
    fn gaps_and_the_rest_are_filled_with_zero_pieces() {
        let data = data();
        let pieces = [of_bytes(&data[..127]), of_bytes(&data[..508])];
        let all = fill(SectorSize::_2KiB, &pieces).unwrap();
        let sizes: Vec<u64> = all.iter().map(|piece| piece.size.0).collect();
        assert_eq!(sizes, [128, 128, 256, 512, 1024]);

        let mut laid_out = vec![0; 2032];
        laid_out[..127].copy_from_slice(&data[..127]);
        laid_out[508..1016].copy_from_slice(&data[..508]);
        assert_eq!(
            comm_d(SectorSize::_2KiB, &pieces).unwrap(),
            piece(&laid_out)
        );
        assert_eq!(
            comm_d(SectorSize::_2KiB, &all).unwrap(),
            piece(&laid_out),
            "filling twice changes nothing"
        );
    }

    #[test]
    fn too_many_pieces_are_refused() {
        let small = of_bytes(b"a");
        let large = of_bytes(&[1; 1016]);
        for pieces in [
            vec![small.clone(); 17],
            vec![large.clone(), small.clone(), large.clone()],
            vec![of_bytes(&[1; 2033])],
        ] {
            assert!(matches!(
                fill(SectorSize::_2KiB, &pieces),
                Err(PieceError::Overfull { .. })
            ));
        }
        assert!(fill(SectorSize::_2KiB, &vec![small; 16]).is_ok());
        let huge = PieceInfo {
            size: PaddedPieceSize(1 << 63),
            cid: large.cid,
        };
        assert!(fill(SectorSize::_2KiB, &[huge.clone(), huge]).is_err());
    }

    #[test]
    fn a_cid_of_something_else_is_no_piece() {
        let piece = PieceInfo {
            size: PaddedPieceSize(128),
            cid: commitment::sealed_cid(&[1; 32]).unwrap(),
        };
        assert!(matches!(
            comm_d(SectorSize::_2KiB, &[piece]),
            Err(PieceError::Cid(_))
        ));
    }
}
