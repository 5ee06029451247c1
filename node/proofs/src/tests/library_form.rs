//! Our encodings as the library's own types, for its checks and circuits.

use storage_proofs_core::drgraph::Graph;
use storage_proofs_core::merkle::MerkleProof;
use storage_proofs_core::sector::SectorId;
use storage_proofs_porep::stacked::{
    ColumnProof, EncodingProof, LabelingProof, PublicInputs, PublicParams, ReplicaColumnProof,
    TOTAL_PARENTS,
};
use storage_proofs_post::fallback;
use storage_proofs_update::{ChallengeProof, PartitionProof};

use crate::commitment::Commitment;
use crate::shape::{DataHasher, DataNode, Node, Path, SectorShapeBase, nodes};
use crate::statement::{PostKind, PostStatement, SealStatement, UpdateStatement};
use crate::vanilla::nodes::{Memo, Nodes, Tree, field_element};
use crate::vanilla::porep::{Claim, LibraryProof};
use crate::vanilla::{post, update};

type S = SectorShapeBase;

/// What the library takes as the public side of a proof of replication.
pub(super) fn library_inputs(
    statement: &SealStatement,
) -> (PublicParams<S>, PublicInputs<Node, DataNode>) {
    let claim = Claim::<S>::new(statement, statement.proof.sector_size().unwrap()).unwrap();
    (claim.parameters, claim.inputs)
}

fn path(index: usize, siblings: &[Commitment]) -> Vec<(Vec<Node>, usize)> {
    siblings
        .chunks_exact(7)
        .enumerate()
        .map(|(height, nodes)| {
            let nodes = nodes.iter().map(|node| (*node).into()).collect();
            (nodes, index >> (3 * height) & 7)
        })
        .collect()
}

fn data_path(
    index: usize,
    leaf: Commitment,
    root: Commitment,
    siblings: &[Commitment],
) -> MerkleProof<DataHasher, generic_array::typenum::U2> {
    let path = siblings
        .iter()
        .enumerate()
        .map(|(height, node)| (vec![DataNode::from(*node)], index >> height & 1))
        .collect();
    MerkleProof::from_parts(leaf.into(), root.into(), path)
}

fn replica_path(
    index: usize,
    leaf: Commitment,
    root: Commitment,
    siblings: &[Commitment],
) -> Path<S> {
    MerkleProof::from_parts(leaf.into(), root.into(), path(index, siblings))
}

/// A proof of replication. Roots are those that the proof or the statement names,
/// labels those that follow from the parents.
pub(super) fn seal(statement: &SealStatement, encoded: &[u8]) -> LibraryProof<S> {
    let size = statement.proof.sector_size().unwrap();
    let claim = Claim::<S>::new(statement, size).unwrap();
    let (data, replica) = (Tree::data(nodes(size)), Tree::replica::<S>(nodes(size)));
    let mut reader = Nodes::new(encoded);
    let (comm_c, comm_r_last) = (reader.next().unwrap(), reader.next().unwrap());
    let challenges = claim.challenges();
    let per_partition = challenges.len() / claim.partitions;
    let proofs: Vec<_> = challenges
        .into_iter()
        .map(|challenge| {
            let data_leaf = reader.next().unwrap();
            let data_siblings = reader.take(data.siblings()).unwrap();
            let replica_siblings = reader.take(replica.siblings()).unwrap();
            let column_siblings = reader.take(replica.siblings()).unwrap();
            let mut parents = [0u32; 14];
            claim
                .parameters
                .graph
                .parents(challenge, &mut parents)
                .unwrap();
            let columns: Vec<_> = parents
                .into_iter()
                .map(|parent| {
                    let rows = reader.take(2).unwrap();
                    let siblings = reader.take(replica.siblings()).unwrap();
                    (rows.clone(), column(parent, &rows, comm_c, &siblings))
                })
                .collect();
            let labels_of = |layer: usize| -> Vec<Commitment> {
                let (same, below) = columns.split_at(6);
                let mut labels: Vec<_> = same.iter().map(|(rows, _)| rows[layer]).collect();
                if layer > 0 {
                    labels.extend(below.iter().map(|(rows, _)| rows[layer - 1]));
                }
                labels
            };
            let repeated = |layer: usize| -> Vec<Node> {
                labels_of(layer)
                    .into_iter()
                    .map(Node::from)
                    .collect::<Vec<_>>()
                    .into_iter()
                    .cycle()
                    .take(TOTAL_PARENTS)
                    .collect()
            };
            let rows: Vec<_> = (0..2)
                .map(|layer| claim.label(layer, challenge, &labels_of(layer)))
                .collect();
            let sum = field_element(&rows[1]).unwrap() + field_element(&data_leaf).unwrap();
            let replica_leaf = Node::from(sum).into();
            let own = column(challenge as u32, &rows, comm_c, &column_siblings);
            let mut parents = columns.iter().map(|(_, proof)| proof.clone());
            storage_proofs_porep::stacked::Proof {
                comm_d_proofs: data_path(challenge, data_leaf, statement.comm_d, &data_siblings),
                comm_r_last_proof: replica_path(
                    challenge,
                    replica_leaf,
                    comm_r_last,
                    &replica_siblings,
                ),
                replica_column_proofs: ReplicaColumnProof {
                    c_x: own,
                    drg_parents: parents.by_ref().take(6).collect(),
                    exp_parents: parents.collect(),
                },
                labeling_proofs: (0..2)
                    .map(|layer| {
                        LabelingProof::new(layer as u32 + 1, challenge as u64, repeated(layer))
                    })
                    .collect(),
                encoding_proof: EncodingProof::new(2, challenge as u64, repeated(1)),
            }
        })
        .collect();
    proofs.chunks(per_partition).map(<[_]>::to_vec).collect()
}

fn column(
    index: u32,
    rows: &[Commitment],
    comm_c: Commitment,
    siblings: &[Commitment],
) -> ColumnProof<Path<S>> {
    let leaf = crate::vanilla::porep::column_hash(rows);
    ColumnProof::new(
        index,
        rows.iter().map(|row| (*row).into()).collect(),
        replica_path(index as usize, leaf, comm_c, siblings),
    )
}

/// Partitions of a proof of spacetime, and the public side of it.
pub(super) fn spacetime(
    statement: &PostStatement,
    encoded: &[u8],
) -> (Vec<fallback::Proof<Path<S>>>, fallback::PublicInputs<Node>) {
    let size = statement.proof.sector_size().unwrap();
    let kind = PostKind::of(statement.proof).unwrap();
    let tree = Tree::replica::<S>(nodes(size));
    let count = post::challenge_count(kind);
    let length = post::sector_length(statement.proof).unwrap();
    let mut sectors = Vec::new();
    for (sector, encoded) in statement.sectors.iter().zip(encoded.chunks_exact(length)) {
        let challenges = post::challenges(&statement.randomness, sector.number, count, nodes(size));
        let mut reader = Nodes::new(encoded);
        let comm_c = reader.next().unwrap();
        let mut root = None;
        let inclusion_proofs = challenges
            .into_iter()
            .map(|challenge| {
                let index = challenge as usize;
                let leaf = reader.next().unwrap();
                let siblings = reader.take(tree.siblings()).unwrap();
                let found = tree.root(index, leaf, &siblings, &mut Memo::default());
                replica_path(index, leaf, *root.get_or_insert(found), &siblings)
            })
            .collect();
        sectors.push(fallback::SectorProof {
            inclusion_proofs,
            comm_c: comm_c.into(),
            comm_r_last: root.unwrap().into(),
        });
    }
    let mut public: Vec<_> = statement
        .sectors
        .iter()
        .map(|sector| fallback::PublicSector {
            id: SectorId::from(sector.number),
            comm_r: Node::from(sector.comm_r),
        })
        .collect();
    let partitions = match kind {
        PostKind::Window => sectors
            .chunks(2)
            .map(|chunk| {
                let mut sectors = chunk.to_vec();
                sectors.resize(2, chunk[chunk.len() - 1].clone());
                fallback::Proof { sectors }
            })
            .collect(),
        PostKind::Winning => {
            let sector = &sectors[0];
            public = vec![public[0].clone(); count];
            let sectors = sector
                .inclusion_proofs
                .iter()
                .map(|proof| fallback::SectorProof {
                    inclusion_proofs: vec![proof.clone()],
                    ..sector.clone()
                })
                .collect();
            vec![fallback::Proof { sectors }]
        }
    };
    let inputs = fallback::PublicInputs {
        randomness: Node::from(statement.randomness),
        prover_id: Node::from(crate::commitment::prover_id(statement.prover)),
        sectors: public,
        k: None,
    };
    (partitions, inputs)
}

/// The one partition of a 2 KiB replica update. Its apex leaves, which only help the
/// circuit, are those of the whole data tree.
pub(super) fn replica_update(
    statement: &UpdateStatement,
    encoded: &[u8],
    apex: Vec<DataNode>,
) -> PartitionProof<S> {
    let size = update::sector_size(statement.proof).unwrap();
    let (data, replica) = (Tree::data(nodes(size)), Tree::replica::<S>(nodes(size)));
    let mut reader = Nodes::new(encoded);
    let comm_c = reader.next().unwrap();
    let phi = storage_proofs_update::phi(
        &DataNode::from(statement.comm_d_new),
        &Node::from(statement.comm_r_old),
    );
    let mut roots = None;
    let challenge_proofs = update::challenges(size, statement.comm_r_new)
        .into_iter()
        .map(|index| {
            let old_leaf = reader.next().unwrap();
            let old = reader.take(replica.siblings()).unwrap();
            let data_leaf = reader.next().unwrap();
            let new_data = reader.take(data.siblings()).unwrap();
            let new = reader.take(replica.siblings()).unwrap();
            let rho = storage_proofs_update::rho(&phi, (index >> 5) as u32);
            let sum = field_element(&old_leaf).unwrap() + field_element(&data_leaf).unwrap() * rho;
            let new_leaf = Node::from(sum).into();
            let memo = &mut Memo::default();
            let (old_root, new_root) = *roots.get_or_insert((
                replica.root(index, old_leaf, &old, memo),
                replica.root(index, new_leaf, &new, memo),
            ));
            ChallengeProof {
                proof_r_old: replica_path(index, old_leaf, old_root, &old),
                proof_d_new: data_path(index, data_leaf, statement.comm_d_new, &new_data),
                proof_r_new: replica_path(index, new_leaf, new_root, &new),
            }
        })
        .collect();
    PartitionProof {
        comm_c: comm_c.into(),
        apex_leafs: apex,
        challenge_proofs,
    }
}
