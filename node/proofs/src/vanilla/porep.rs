//! Proofs of replication.

use filecoin_hashers::{Domain, Hasher, poseidon::PoseidonHasher};
use filecoin_proofs::parameters::public_params;
use fvm_shared::sector::{RegisteredSealProof, SectorSize};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use storage_proofs_core::drgraph::{BASE_DEGREE, Graph};
use storage_proofs_core::merkle::MerkleProofTrait;
use storage_proofs_porep::stacked::{
    Column, ColumnProof, EXP_DEGREE, PublicInputs, PublicParams, TOTAL_PARENTS, Tau,
    generate_replica_id,
};

use super::nodes::{Check, Memo, Nodes, Tree, field_element, poseidon};
use crate::commitment::{Commitment, prover_id};
use crate::guard::guard;
use crate::seal::api_type;
use crate::shape::{DataHasher, DataNode, NODE, Node, Path, Shape, nodes, with_shape};
use crate::statement::SealStatement;

/// Parents of a node: six in its own layer, eight in the layer below.
const PARENTS: usize = BASE_DEGREE + EXP_DEGREE;

/// A vanilla proof as the library makes it: partitions of challenges.
pub(crate) type LibraryProof<S> = Vec<Vec<storage_proofs_porep::stacked::Proof<S, DataHasher>>>;

/// Bytes of an encoded proof of this type.
pub(crate) fn length(proof: RegisteredSealProof) -> Check<usize> {
    let size = proof.sector_size()?;
    with_shape!(size, length_of(proof, size))
}

fn length_of<S: Shape>(proof: RegisteredSealProof, size: SectorSize) -> Check<usize> {
    let (partitions, parameters) = parameters::<S>(proof)?;
    let count = partitions * parameters.challenges.num_challenges_per_partition();
    let challenge = Trees::new::<S>(size, parameters.num_layers).nodes();
    Ok((2 + count * challenge) * NODE)
}

/// Whether an encoded proof proves the statement.
pub(crate) fn verify(statement: &SealStatement, bytes: &[u8]) -> Check<()> {
    let size = statement.proof.sector_size()?;
    if bytes.len() != length(statement.proof)? {
        return Err(format!("a seal proof of {} bytes", bytes.len()));
    }
    with_shape!(size, verify_as(statement, size, bytes))
}

fn verify_as<S: Shape>(statement: &SealStatement, size: SectorSize, bytes: &[u8]) -> Check<()> {
    let claim = Claim::<S>::new(statement, size)?;
    let mut head = Nodes::new(bytes);
    let comm_c = head.next()?;
    let comm_r_last = head.next()?;
    if poseidon(&[comm_c, comm_r_last]) != statement.comm_r {
        return Err("CommC and CommRLast do not give CommR".into());
    }
    let length = claim.trees.nodes() * NODE;
    let openings: Vec<&[u8]> = bytes[2 * NODE..].chunks_exact(length).collect();
    let challenges = claim.challenges();
    if challenges.len() != openings.len() {
        return Err("another number of challenges".into());
    }
    // All are checked, so that the reason given does not depend on thread order.
    let checks: Vec<Check<()>> = challenges
        .into_par_iter()
        .zip(openings)
        .map_init(Memos::default, |memos, (challenge, opening)| {
            claim
                .open(challenge, opening, comm_c, comm_r_last, memos)
                .map_err(|reason| format!("node {challenge}: {reason}"))
        })
        .collect();
    checks.into_iter().collect()
}

/// Encodes what the library made. `Err` when it is no proof of the statement's shape.
pub(crate) fn encode<S: Shape>(
    statement: &SealStatement,
    proof: &LibraryProof<S>,
) -> Check<Vec<u8>> {
    let claim = Claim::<S>::new(statement, statement.proof.sector_size()?)?;
    let openings: Vec<_> = proof.iter().flatten().collect();
    let challenges = claim.challenges();
    let first = openings.first().ok_or("a proof without openings")?;
    if openings.len() != challenges.len() {
        return Err("another number of challenges".into());
    }
    let mut out = Vec::with_capacity(length(statement.proof)?);
    out.extend(Commitment::from(first.comm_c()));
    out.extend(Commitment::from(first.comm_r_last()));
    let trees = &claim.trees;
    for (challenge, opening) in challenges.into_iter().zip(openings) {
        out.extend(Commitment::from(opening.comm_d_proofs.leaf()));
        put(
            &mut out,
            trees.data.siblings_of(&opening.comm_d_proofs, challenge)?,
        );
        put(
            &mut out,
            trees
                .replica
                .siblings_of(&opening.comm_r_last_proof, challenge)?,
        );
        let columns = &opening.replica_column_proofs;
        let (_, _, path) = parts::<S>(&columns.c_x)?;
        put(&mut out, trees.replica.siblings_of(&path, challenge)?);
        for parent in columns.drg_parents.iter().chain(&columns.exp_parents) {
            let (index, rows, path) = parts::<S>(parent)?;
            put(&mut out, rows.into_iter().map(Into::into).collect());
            put(&mut out, trees.replica.siblings_of(&path, index as usize)?);
        }
    }
    if out.len() != length(statement.proof)? {
        return Err(format!("an encoding of {} bytes", out.len()));
    }
    Ok(out)
}

fn put(out: &mut Vec<u8>, nodes: Vec<Commitment>) {
    out.extend(nodes.into_iter().flatten());
}

/// Index, rows and path of a column proof, whose fields the library keeps to itself.
pub(crate) fn parts<S: Shape>(column: &ColumnProof<Path<S>>) -> Check<(u32, Vec<Node>, Path<S>)> {
    let bytes = bincode::serialize(column).map_err(|error| error.to_string())?;
    let ((index, rows, ()), path) =
        bincode::deserialize(&bytes).map_err(|error| error.to_string())?;
    Ok((index, rows, path))
}

fn parameters<S: Shape>(proof: RegisteredSealProof) -> Check<(usize, PublicParams<S>)> {
    let config = api_type(proof)
        .map_err(|error| error.to_string())?
        .as_v1_config();
    let parameters = guard(|| public_params::<S>(&config))?;
    Ok((config.partitions.into(), parameters))
}

/// The trees of a sector and what one opening holds of them.
struct Trees {
    data: Tree,
    replica: Tree,
    layers: usize,
}

impl Trees {
    fn new<S: Shape>(size: SectorSize, layers: usize) -> Self {
        Self {
            data: Tree::data(nodes(size)),
            replica: Tree::replica::<S>(nodes(size)),
            layers,
        }
    }

    /// Nodes in one opening.
    fn nodes(&self) -> usize {
        let path = self.replica.siblings();
        1 + self.data.siblings() + 2 * path + PARENTS * (self.layers + path)
    }
}

/// One for each hash function.
#[derive(Default)]
struct Memos {
    data: Memo,
    replica: Memo,
}

/// A statement with what follows from it.
pub(crate) struct Claim<S: Shape> {
    pub(crate) partitions: usize,
    pub(crate) parameters: PublicParams<S>,
    pub(crate) inputs: PublicInputs<Node, DataNode>,
    replica_id: Commitment,
    comm_d: Commitment,
    trees: Trees,
    nodes: usize,
}

impl<S: Shape> Claim<S> {
    pub(crate) fn new(statement: &SealStatement, size: SectorSize) -> Check<Self> {
        field_element(&statement.comm_r).map_err(|reason| format!("CommR: {reason}"))?;
        field_element(&statement.comm_d).map_err(|reason| format!("CommD: {reason}"))?;
        let (partitions, parameters) = parameters::<S>(statement.proof)?;
        let porep_id = api_type(statement.proof)
            .map_err(|error| error.to_string())?
            .as_v1_config()
            .porep_id;
        let comm_d = DataNode::from(statement.comm_d);
        let replica_id = generate_replica_id::<PoseidonHasher, _>(
            &prover_id(statement.miner),
            statement.number,
            &statement.ticket,
            comm_d,
            &porep_id,
        );
        let layers = parameters.num_layers;
        Ok(Self {
            partitions,
            parameters,
            inputs: PublicInputs {
                replica_id,
                seed: Some(statement.seed),
                tau: Some(Tau {
                    comm_d,
                    comm_r: statement.comm_r.into(),
                }),
                k: None,
            },
            replica_id: replica_id
                .into_bytes()
                .try_into()
                .map_err(|_| "a replica id")?,
            comm_d: statement.comm_d,
            trees: Trees::new::<S>(size, layers),
            nodes: nodes(size),
        })
    }

    /// The challenged nodes of all partitions, in order.
    pub(crate) fn challenges(&self) -> Vec<usize> {
        (0..self.partitions)
            .flat_map(|k| {
                self.inputs
                    .challenges(&self.parameters.challenges, self.nodes, Some(k))
            })
            .collect()
    }

    /// Checks one opening: parents against CommC, labels from the parents, the column
    /// against CommC, the data against CommD, the encoding against CommRLast.
    fn open(
        &self,
        challenge: usize,
        opening: &[u8],
        comm_c: Commitment,
        comm_r_last: Commitment,
        memos: &mut Memos,
    ) -> Check<()> {
        let Memos {
            data: data_memo,
            replica: memo,
        } = memos;
        let Trees {
            data,
            replica,
            layers,
        } = &self.trees;
        let mut nodes = Nodes::new(opening);
        let data_leaf = nodes.next()?;
        let data_path = nodes.take(data.siblings())?;
        let replica_path = nodes.take(replica.siblings())?;
        let column_path = nodes.take(replica.siblings())?;

        let mut parents = [0u32; PARENTS];
        guard(|| self.parameters.graph.parents(challenge, &mut parents))?;
        let mut columns = Vec::with_capacity(PARENTS);
        for parent in parents {
            let rows = nodes.take(*layers)?;
            let path = nodes.take(replica.siblings())?;
            if replica.root(parent as usize, column_hash(&rows), &path, memo) != comm_c {
                return Err(format!("the labels of parent {parent} are not under CommC"));
            }
            columns.push(rows);
        }

        let (same_layer, layer_below) = columns.split_at(BASE_DEGREE);
        let labels: Vec<Commitment> = (0..*layers)
            .map(|layer| {
                let mut parents: Vec<_> = same_layer.iter().map(|rows| rows[layer]).collect();
                if layer > 0 {
                    parents.extend(layer_below.iter().map(|rows| rows[layer - 1]));
                }
                self.label(layer, challenge, &parents)
            })
            .collect();
        if replica.root(challenge, column_hash(&labels), &column_path, memo) != comm_c {
            return Err("the labels that follow from the parents are not under CommC".into());
        }
        if data.root(challenge, data_leaf, &data_path, data_memo) != self.comm_d {
            return Err("the data is not under CommD".into());
        }
        let key = labels.last().ok_or("a graph without layers")?;
        let encoded = field_element(key)? + field_element(&data_leaf)?;
        let leaf = Commitment::from(Node::from(encoded));
        if replica.root(challenge, leaf, &replica_path, memo) != comm_r_last {
            return Err("the encoded data is not under CommRLast".into());
        }
        Ok(())
    }

    /// The label of a node in a layer (counted from 0) from those of its parents.
    pub(crate) fn label(&self, layer: usize, node: usize, parents: &[Commitment]) -> Commitment {
        let mut head = [0; 64];
        head[..32].copy_from_slice(&self.replica_id);
        head[32..36].copy_from_slice(&(layer as u32 + 1).to_be_bytes());
        head[36..44].copy_from_slice(&(node as u64).to_be_bytes());
        let mut hash = Sha256::new_with_prefix(head);
        for parent in parents.iter().cycle().take(TOTAL_PARENTS) {
            hash.update(parent);
        }
        let mut label: Commitment = hash.finalize().into();
        label[31] &= 0x3f;
        label
    }
}

/// Poseidon of a column's rows.
pub(crate) fn column_hash(rows: &[Commitment]) -> Commitment {
    let rows = rows.iter().map(|row| Node::from(*row)).collect();
    let column = Column::<PoseidonHasher>::new(0, rows).expect("making a column cannot fail");
    Node::from(column.hash()).into()
}

const _: () = assert!(
    std::mem::size_of::<<PoseidonHasher as Hasher>::Domain>() == NODE,
    "nodes are field elements"
);
