//! Replica updates.

use filecoin_proofs::PartitionProof;
use fvm_shared::sector::{RegisteredUpdateProof, SectorSize};
use rayon::prelude::*;
use storage_proofs_core::merkle::MerkleProofTrait;
use storage_proofs_update::constants::{challenge_count, h_default, partition_count};
use storage_proofs_update::{Challenges, phi, rho};

use super::nodes::{Check, Memo, Nodes, Tree, field_element, poseidon};
use crate::commitment::Commitment;
use crate::shape::{DataNode, NODE, Node, Shape, nodes, with_shape};
use crate::statement::UpdateStatement;

/// The sector size of an update type.
pub(crate) fn sector_size(proof: RegisteredUpdateProof) -> Check<SectorSize> {
    use RegisteredUpdateProof as P;
    match proof {
        P::StackedDRG2KiBV1 => Ok(SectorSize::_2KiB),
        P::StackedDRG8MiBV1 => Ok(SectorSize::_8MiB),
        P::StackedDRG512MiBV1 => Ok(SectorSize::_512MiB),
        P::StackedDRG32GiBV1 => Ok(SectorSize::_32GiB),
        P::StackedDRG64GiBV1 => Ok(SectorSize::_64GiB),
        P::Invalid(number) => Err(format!("update type {number}")),
    }
}

/// SNARK partitions of an update type, and with them the length of its proof field.
pub(crate) fn partitions(proof: RegisteredUpdateProof) -> Check<usize> {
    Ok(partition_count(nodes(sector_size(proof)?)))
}

/// Bytes of an encoded proof of this type.
pub(crate) fn length(proof: RegisteredUpdateProof) -> Check<usize> {
    let size = sector_size(proof)?;
    let trees = with_shape!(size, trees(size));
    let count = partitions(proof)? * challenge_count(nodes(size));
    Ok((1 + count * trees.nodes()) * NODE)
}

struct Trees {
    data: Tree,
    replica: Tree,
}

impl Trees {
    /// Nodes in one opening.
    fn nodes(&self) -> usize {
        2 + self.data.siblings() + 2 * self.replica.siblings()
    }
}

/// One for each hash function.
#[derive(Default)]
struct Memos {
    data: Memo,
    replica: Memo,
}

fn trees<S: Shape>(size: SectorSize) -> Trees {
    Trees {
        data: Tree::data(nodes(size)),
        replica: Tree::replica::<S>(nodes(size)),
    }
}

/// The challenged nodes of all partitions, in order.
pub(crate) fn challenges(size: SectorSize, comm_r_new: Commitment) -> Vec<usize> {
    let nodes = nodes(size);
    (0..partition_count(nodes))
        .flat_map(|k| Challenges::new(nodes, comm_r_new.into(), k))
        .map(|challenge| challenge as usize)
        .collect()
}

/// Whether an encoded proof proves the statement.
pub(crate) fn verify(statement: &UpdateStatement, bytes: &[u8]) -> Check<()> {
    let UpdateStatement {
        proof,
        comm_r_old,
        comm_r_new,
        comm_d_new,
    } = *statement;
    if bytes.len() != length(proof)? {
        return Err(format!("an update proof of {} bytes", bytes.len()));
    }
    for (name, commitment) in [
        ("old CommR", comm_r_old),
        ("new CommR", comm_r_new),
        ("new CommD", comm_d_new),
    ] {
        field_element(&commitment).map_err(|reason| format!("{name}: {reason}"))?;
    }
    let size = sector_size(proof)?;
    let trees = with_shape!(size, trees(size));
    let challenges = challenges(size, comm_r_new);
    let comm_c = Nodes::new(bytes).next()?;
    let phi = phi(&DataNode::from(comm_d_new), &Node::from(comm_r_old));
    let high_bits = nodes(size).trailing_zeros() as usize - h_default(nodes(size));

    let openings = bytes[NODE..].par_chunks_exact(trees.nodes() * NODE);
    let roots: Vec<Check<(Commitment, Commitment)>> = challenges
        .par_iter()
        .zip(openings)
        // Neighbours share a memo, which is worth more than a core.
        .with_min_len(8)
        .map_init(Memos::default, |memos, (challenge, opening)| {
            let Memos { data, replica } = memos;
            let mut nodes = Nodes::new(opening);
            let old_leaf = nodes.next()?;
            let old_path = nodes.take(trees.replica.siblings())?;
            let data_leaf = nodes.next()?;
            let data_path = nodes.take(trees.data.siblings())?;
            let new_path = nodes.take(trees.replica.siblings())?;
            if trees.data.root(*challenge, data_leaf, &data_path, data) != comm_d_new {
                return Err(format!("node {challenge}: the data is not under CommD"));
            }
            let rho = rho(&phi, (challenge >> high_bits) as u32);
            let encoded = field_element(&old_leaf)? + field_element(&data_leaf)? * rho;
            let new_leaf = Node::from(encoded).into();
            Ok((
                trees.replica.root(*challenge, old_leaf, &old_path, replica),
                trees.replica.root(*challenge, new_leaf, &new_path, replica),
            ))
        })
        .collect();
    let mut last = None;
    for roots in roots {
        let roots = roots?;
        // One pair of roots for all, and the two CommR decide which.
        if *last.get_or_insert(roots) != roots {
            return Err("the openings are of different replicas".into());
        }
    }
    let (old, new) = last.ok_or("no challenges")?;
    if poseidon(&[comm_c, old]) != comm_r_old {
        return Err("the old replica is not that of the old CommR".into());
    }
    if poseidon(&[comm_c, new]) != comm_r_new {
        return Err("the updated replica is not that of the new CommR".into());
    }
    Ok(())
}

/// Encodes what the library made.
pub(crate) fn encode<S: Shape>(
    statement: &UpdateStatement,
    partitions: &[PartitionProof<S>],
) -> Check<Vec<u8>> {
    let size = sector_size(statement.proof)?;
    let trees = trees::<S>(size);
    let challenges = challenges(size, statement.comm_r_new);
    let first = partitions.first().ok_or("a proof without partitions")?;
    let openings: Vec<_> = partitions
        .iter()
        .flat_map(|partition| &partition.challenge_proofs)
        .collect();
    if openings.len() != challenges.len() {
        return Err("another number of openings".into());
    }
    let mut out = Vec::with_capacity(length(statement.proof)?);
    out.extend(Commitment::from(first.comm_c));
    for (challenge, opening) in challenges.into_iter().zip(openings) {
        let old = trees.replica.siblings_of(&opening.proof_r_old, challenge)?;
        let data = trees.data.siblings_of(&opening.proof_d_new, challenge)?;
        let new = trees.replica.siblings_of(&opening.proof_r_new, challenge)?;
        out.extend(Commitment::from(opening.proof_r_old.leaf()));
        out.extend(old.into_iter().flatten());
        out.extend(Commitment::from(opening.proof_d_new.leaf()));
        out.extend(data.into_iter().flatten());
        out.extend(new.into_iter().flatten());
    }
    Ok(out)
}
