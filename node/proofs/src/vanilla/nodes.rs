//! Reading nodes, hashing paths.

use std::collections::HashMap;

use blstrs::Scalar as Fr;
use ff::PrimeField;
use filecoin_hashers::Hasher;
use filecoin_hashers::poseidon::PoseidonHasher;
use generic_array::typenum::Unsigned;
use merkletree::hash::Algorithm;
use storage_proofs_core::merkle::MerkleProofTrait;

use crate::commitment::Commitment;
use crate::piece;
use crate::shape::{NODE, Node, Shape};

/// What is wrong with a proof.
pub(crate) type Check<T> = Result<T, String>;

/// The nodes of an encoded proof, in order.
pub(crate) struct Nodes<'a> {
    rest: &'a [u8],
}

impl<'a> Nodes<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next node, which must be a field element.
    pub(crate) fn next(&mut self) -> Check<Commitment> {
        let (node, rest) = self
            .rest
            .split_first_chunk::<NODE>()
            .ok_or("the proof ends too early")?;
        self.rest = rest;
        field_element(node)?;
        Ok(*node)
    }

    /// The next `count` nodes.
    pub(crate) fn take(&mut self, count: usize) -> Check<Vec<Commitment>> {
        (0..count).map(|_| self.next()).collect()
    }
}

/// Refuses 32 bytes that are no field element: they would have a twin.
pub(crate) fn field_element(node: &Commitment) -> Check<Fr> {
    Fr::from_repr_vartime(*node).ok_or_else(|| format!("{node:02x?} is no field element"))
}

/// A tree by the number of children at each height, from the leaves up.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    arities: Vec<usize>,
    hash: fn(&[Commitment]) -> Commitment,
}

/// Hashes of nodes that were computed already: the paths of one proof share most of
/// their upper nodes, in small sectors nearly all.
#[derive(Default)]
pub(crate) struct Memo(HashMap<Vec<Commitment>, Commitment>);

impl Tree {
    /// The tree over a sector's data.
    pub(crate) fn data(nodes: usize) -> Self {
        Self {
            arities: vec![2; nodes.trailing_zeros() as usize],
            hash: |children| piece::hash(&children[0], &children[1]),
        }
    }

    /// The tree over a sector's replica or columns.
    pub(crate) fn replica<S: Shape>(nodes: usize) -> Self {
        let above = [S::SubTreeArity::to_usize(), S::TopTreeArity::to_usize()];
        let above: Vec<usize> = above.into_iter().filter(|arity| *arity > 0).collect();
        let base = S::Arity::to_usize();
        let mut arities = Vec::new();
        let mut width = nodes / above.iter().product::<usize>();
        while width > 1 {
            arities.push(base);
            width /= base;
        }
        arities.extend(above);
        Self {
            arities,
            hash: poseidon,
        }
    }

    /// Siblings in a path.
    pub(crate) fn siblings(&self) -> usize {
        self.arities.iter().map(|arity| arity - 1).sum()
    }

    /// The root to which a leaf at `index` and its siblings lead.
    pub(crate) fn root(
        &self,
        mut index: usize,
        leaf: Commitment,
        mut siblings: &[Commitment],
        memo: &mut Memo,
    ) -> Commitment {
        let mut node = leaf;
        let mut children = Vec::with_capacity(8);
        for arity in &self.arities {
            let (these, rest) = siblings.split_at(arity - 1);
            children.clear();
            children.extend(these);
            children.insert(index % arity, node);
            node = match memo.0.get(&children) {
                Some(known) => *known,
                None => {
                    let new = (self.hash)(&children);
                    memo.0.insert(children.clone(), new);
                    new
                }
            };
            index /= arity;
            siblings = rest;
        }
        node
    }

    /// All nodes of the tree over `leaves`, row by row from the leaves up.
    pub(crate) fn rows(&self, leaves: Vec<Commitment>) -> Check<Vec<Vec<Commitment>>> {
        for leaf in &leaves {
            field_element(leaf)?;
        }
        let mut rows = vec![leaves];
        for arity in &self.arities {
            let below = rows.last().expect("the leaves are a row");
            rows.push(below.chunks_exact(*arity).map(self.hash).collect());
        }
        Ok(rows)
    }

    /// Appends the siblings of a leaf in a tree of [`rows`](Self::rows).
    pub(crate) fn siblings_in(
        &self,
        rows: &[Vec<Commitment>],
        mut index: usize,
        out: &mut Vec<u8>,
    ) {
        for (row, arity) in rows.iter().zip(&self.arities) {
            let first = index - index % arity;
            for (position, node) in row.iter().enumerate().skip(first).take(*arity) {
                if position != index {
                    out.extend(node);
                }
            }
            index /= arity;
        }
    }

    /// The siblings of a path that the library made for `index`.
    pub(crate) fn siblings_of(
        &self,
        path: &impl MerkleProofTrait<Hasher: Hasher<Domain: Into<Commitment>>>,
        index: usize,
    ) -> Check<Vec<Commitment>> {
        let levels = path.path();
        if levels.len() != self.arities.len() {
            return Err(format!("a path of {} levels", levels.len()));
        }
        let mut siblings = Vec::with_capacity(self.siblings());
        let mut rest = index;
        for ((nodes, position), arity) in levels.into_iter().zip(&self.arities) {
            if nodes.len() + 1 != *arity || position != rest % arity {
                return Err(format!("the path does not belong to leaf {index}"));
            }
            rest /= arity;
            siblings.extend(nodes.into_iter().map(Into::into));
        }
        Ok(siblings)
    }
}

/// Poseidon of two or eight nodes.
pub(crate) fn poseidon(nodes: &[Commitment]) -> Commitment {
    let nodes: Vec<Node> = nodes.iter().map(|node| (*node).into()).collect();
    let mut hash = <PoseidonHasher as Hasher>::Function::default();
    hash.multi_node(&nodes, 0).into()
}
