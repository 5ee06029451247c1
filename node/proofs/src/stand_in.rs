//! What stands in a message for a vanilla proof.
//!
//! A vanilla proof has tens of kilobytes, the field in a message a few hundred bytes.
//! So the field holds a stand-in: a tag, the [digest](crate::Statement::digest) of the
//! statement and the digest of the proof, which lies as a raw block in the block
//! store. As long as the real proof would be, zero-filled, so that limits and gas stay
//! what they are. Its first byte has the top bit clear, that of a Groth16 proof has it
//! set: the two are never taken for each other.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 8 | tag `BYproof1` |
//! | 8 | 1 | kind: 1 seal, 2 window, 3 winning, 4 update, 5 aggregate |
//! | 9 | 1 | version of the proof's encoding |
//! | 10 | 2 | zero |
//! | 12 | 4 | length of the proof block, big endian |
//! | 16 | 32 | statement digest |
//! | 48 | 32 | proof digest: BLAKE2b-256 of the block |
//! | 80 | rest | zero |
//!
//! Source: spec 11 §14, design 1.

use cid::Cid;
use fvm_shared::sector::RegisteredSealProof;

use crate::block::{ProofBlocks, raw_cid};
use crate::statement::Statement;

/// First bytes of every stand-in.
pub const TAG: [u8; 8] = *b"BYproof1";
/// Bytes before the zero filling.
pub const HEAD: usize = 80;
/// Version of the encoding of vanilla proofs in [`crate::vanilla`].
pub const ENCODING: u8 = 1;

/// A decoded stand-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StandIn {
    /// Kind of the statement, see [`kind`].
    pub kind: u8,
    /// Length of the proof block in bytes.
    pub length: u32,
    /// [`Statement::digest`].
    pub statement: [u8; 32],
    /// BLAKE2b-256 of the proof block.
    pub proof: [u8; 32],
}

/// The bytes are no stand-in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no stand-in for a proof: {0}")]
pub struct NotAStandIn(pub(crate) &'static str);

impl StandIn {
    /// Reads a whole proof field.
    ///
    /// # Errors
    /// A wrong tag or version, fewer than [`HEAD`] bytes, a reserved byte not zero.
    pub fn parse(field: &[u8]) -> Result<Self, NotAStandIn> {
        let (head, filling) = field
            .split_first_chunk::<HEAD>()
            .ok_or(NotAStandIn("it is too short"))?;
        if filling.iter().any(|byte| *byte != 0) {
            return Err(NotAStandIn("the filling is not zero"));
        }
        Self::parse_head(head)
    }

    fn parse_head(head: &[u8; HEAD]) -> Result<Self, NotAStandIn> {
        if head[..8] != TAG {
            return Err(NotAStandIn("the tag is missing"));
        }
        if head[9] != ENCODING {
            return Err(NotAStandIn("the encoding's version is unknown"));
        }
        if head[10..12] != [0, 0] {
            return Err(NotAStandIn("a reserved byte is not zero"));
        }
        Ok(Self {
            kind: head[8],
            length: u32::from_be_bytes(array(&head[12..16])),
            statement: array(&head[16..48]),
            proof: array(&head[48..80]),
        })
    }

    /// The proof field, `length` bytes long.
    pub fn to_bytes(&self, length: usize) -> Vec<u8> {
        let mut field = Vec::with_capacity(length.max(HEAD));
        field.extend(TAG);
        field.extend([self.kind, ENCODING, 0, 0]);
        field.extend(self.length.to_be_bytes());
        field.extend(self.statement);
        field.extend(self.proof);
        field.resize(length.max(HEAD), 0);
        field
    }

    /// The block that holds the proof.
    pub fn block(&self) -> Cid {
        raw_cid(&self.proof)
    }

    /// All stand-ins inside message parameters, wherever they are nested: CBOR byte
    /// strings and EVM calldata keep them contiguous.
    pub fn find(params: &[u8]) -> Vec<Self> {
        params
            .windows(HEAD)
            .filter(|window| window[..8] == TAG)
            .filter_map(|window| {
                let head = window.try_into().expect("windows have this length");
                Self::parse_head(head).ok()
            })
            .collect()
    }
}

/// Bytes of a Groth16 proof of one SNARK partition.
const SNARK: usize = 192;

/// Bytes of the proof field of a statement: as many as its Groth16 proof would have.
///
/// # Errors
/// For types that are none.
pub fn field_length(statement: &Statement) -> Result<usize, String> {
    let partitions = |seal: RegisteredSealProof| -> Result<usize, String> {
        let seal: filecoin_proofs_api::RegisteredSealProof = seal.try_into()?;
        Ok(seal.partitions().into())
    };
    match statement {
        Statement::Seal(seal) => Ok(SNARK * partitions(seal.proof)?),
        Statement::Window(post) => {
            let per_partition = post.proof.window_post_partition_sectors()?;
            let sectors = post.sectors.len() as u64;
            Ok(SNARK * sectors.div_ceil(per_partition) as usize)
        }
        Statement::Winning(_) => Ok(SNARK),
        Statement::Update(update) => Ok(SNARK * crate::vanilla::update::partitions(update.proof)?),
        Statement::Aggregate(aggregate) => {
            let first = aggregate.seals.first().ok_or("an aggregate of no seals")?;
            let proofs = aggregate.seals.len() * partitions(first.proof)?;
            // Measured of SnarkPack: a fixed part, and one more for each doubling.
            let doublings = proofs.next_power_of_two().max(2).ilog2() as usize;
            Ok(2_260 + 2_976 * doublings)
        }
    }
}

/// The blocks that a message with these parameters needs and the store does not have.
/// Such a message must not enter the pool: applying it would have to stop.
///
/// # Errors
/// When the store cannot tell.
pub fn missing_blocks(params: &[u8], blocks: &dyn ProofBlocks) -> anyhow::Result<Vec<Cid>> {
    let mut missing = Vec::new();
    for stand_in in StandIn::find(params) {
        let Some(block) = blocks.proof_block(&stand_in.block())? else {
            missing.push(stand_in.block());
            continue;
        };
        if stand_in.kind == AGGREGATE {
            for digest in block.chunks_exact(32) {
                let cid = raw_cid(&array(digest));
                if blocks.proof_block(&cid)?.is_none() {
                    missing.push(cid);
                }
            }
        }
    }
    Ok(missing)
}

/// The kind whose block names others.
const AGGREGATE: u8 = 5;

/// The number of a statement's kind in a stand-in.
pub fn kind(statement: &Statement) -> u8 {
    match statement {
        Statement::Seal(_) => 1,
        Statement::Window(_) => 2,
        Statement::Winning(_) => 3,
        Statement::Update(_) => 4,
        Statement::Aggregate(_) => AGGREGATE,
    }
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("the caller cuts the right length")
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: StandIn = StandIn {
        kind: 2,
        length: 5_000,
        statement: [0x11; 32],
        proof: [0x22; 32],
    };

    #[test]
    fn a_stand_in_is_read_as_it_was_written() {
        let field = EXAMPLE.to_bytes(192);
        assert_eq!(field.len(), 192);
        assert_eq!(StandIn::parse(&field), Ok(EXAMPLE));
        assert_eq!(field[0] & 0x80, 0, "a Groth16 proof starts with this bit");
    }

    #[test]
    fn reserved_bytes_must_be_zero() {
        let field = EXAMPLE.to_bytes(192);
        for position in (0..8).chain(9..12).chain(80..192) {
            let mut changed = field.clone();
            changed[position] ^= 1;
            assert!(StandIn::parse(&changed).is_err(), "byte {position}");
        }
        assert!(StandIn::parse(&field[..79]).is_err());
        assert!(StandIn::parse(&[]).is_err());
    }

    #[test]
    fn stand_ins_are_found_inside_parameters() {
        let mut params = vec![0x83, 0x59];
        params.extend(EXAMPLE.to_bytes(192));
        params.extend([0xff; 7]);
        params.extend(StandIn { kind: 1, ..EXAMPLE }.to_bytes(192));
        params.extend(TAG);
        let found = StandIn::find(&params);
        assert_eq!(found, [EXAMPLE, StandIn { kind: 1, ..EXAMPLE }]);
        assert!(StandIn::find(b"BYpro").is_empty());
    }
}
