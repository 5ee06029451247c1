//! Proofs of spacetime.

use filecoin_proofs::FallbackPoStSectorProof;
use filecoin_proofs::constants::{WINDOW_POST_CHALLENGE_COUNT, WINNING_POST_CHALLENGE_COUNT};
use fvm_shared::sector::{RegisteredPoStProof, SectorNumber, SectorSize};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use storage_proofs_core::merkle::MerkleProofTrait;

use super::nodes::{Check, Memo, Nodes, Tree, field_element, poseidon};
use crate::commitment::Commitment;
use crate::shape::{NODE, Shape, nodes, with_shape};
use crate::statement::{PostKind, PostSector, PostStatement};

/// Openings per sector.
pub(crate) fn challenge_count(kind: PostKind) -> usize {
    match kind {
        PostKind::Window => WINDOW_POST_CHALLENGE_COUNT,
        PostKind::Winning => WINNING_POST_CHALLENGE_COUNT,
    }
}

/// The challenged nodes of a sector, under masked randomness.
pub(crate) fn challenges(
    randomness: &[u8; 32],
    number: SectorNumber,
    count: usize,
    nodes: usize,
) -> Vec<u64> {
    let start = Sha256::new()
        .chain_update(randomness)
        .chain_update(number.to_le_bytes());
    (0..count as u64)
        .map(|index| {
            let hash = start.clone().chain_update(index.to_le_bytes()).finalize();
            let (first, _) = hash.split_first_chunk().expect("SHA-256 has 32 bytes");
            u64::from_le_bytes(*first) % nodes as u64
        })
        .collect()
}

/// Bytes of the encoding of one sector.
pub(crate) fn sector_length(proof: RegisteredPoStProof) -> Check<usize> {
    let size = proof.sector_size()?;
    let kind = PostKind::of(proof).ok_or("an unknown type of PoSt")?;
    let tree = with_shape!(size, tree(size));
    Ok((1 + challenge_count(kind) * (1 + tree.siblings())) * NODE)
}

fn tree<S: Shape>(size: SectorSize) -> Tree {
    Tree::replica::<S>(nodes(size))
}

/// Whether an encoded proof proves the statement.
pub(crate) fn verify(statement: &PostStatement, bytes: &[u8]) -> Check<()> {
    let size = statement.proof.sector_size()?;
    let kind = PostKind::of(statement.proof).ok_or("an unknown type of PoSt")?;
    let length = sector_length(statement.proof)?;
    if statement.sectors.is_empty() || bytes.len() != length * statement.sectors.len() {
        return Err(format!(
            "a proof of {} bytes for {} sectors",
            bytes.len(),
            statement.sectors.len()
        ));
    }
    field_element(&statement.randomness).map_err(|reason| format!("randomness: {reason}"))?;
    let tree = with_shape!(size, tree(size));
    let checks: Vec<Check<()>> = statement
        .sectors
        .par_iter()
        .zip(bytes.par_chunks_exact(length))
        .map(|(sector, bytes)| {
            let challenges = challenges(
                &statement.randomness,
                sector.number,
                challenge_count(kind),
                nodes(size),
            );
            verify_sector(&tree, sector, &challenges, bytes)
                .map_err(|reason| format!("sector {}: {reason}", sector.number))
        })
        .collect();
    checks.into_iter().collect()
}

fn verify_sector(tree: &Tree, sector: &PostSector, challenges: &[u64], bytes: &[u8]) -> Check<()> {
    field_element(&sector.comm_r).map_err(|reason| format!("CommR: {reason}"))?;
    let mut nodes = Nodes::new(bytes);
    let comm_c = nodes.next()?;
    let mut comm_r_last = None;
    let mut memo = Memo::default();
    for challenge in challenges {
        let leaf = nodes.next()?;
        let siblings = nodes.take(tree.siblings())?;
        let root = tree.root(*challenge as usize, leaf, &siblings, &mut memo);
        // One root for all, and CommR decides which.
        if *comm_r_last.get_or_insert(root) != root {
            return Err(format!("node {challenge} is in another replica"));
        }
    }
    let comm_r_last = comm_r_last.ok_or("no challenges")?;
    if poseidon(&[comm_c, comm_r_last]) != sector.comm_r {
        return Err("the opened replica is not that of CommR".into());
    }
    Ok(())
}

/// Encodes what the library made for one sector.
pub(crate) fn encode<S: Shape>(
    size: SectorSize,
    challenges: &[u64],
    proof: &FallbackPoStSectorProof<S>,
) -> Check<Vec<u8>> {
    let tree = tree::<S>(size);
    let [sector] = proof.vanilla_proof.sectors.as_slice() else {
        return Err("a proof of other than one sector".into());
    };
    if sector.inclusion_proofs.len() != challenges.len() {
        return Err("another number of openings".into());
    }
    let mut out = Vec::new();
    out.extend(Commitment::from(sector.comm_c));
    for (challenge, path) in challenges.iter().zip(&sector.inclusion_proofs) {
        out.extend(Commitment::from(path.leaf()));
        let siblings = tree.siblings_of(path, *challenge as usize)?;
        out.extend(siblings.into_iter().flatten());
    }
    Ok(out)
}
