//! Sector sizes as types of the proof libraries.

use filecoin_hashers::poseidon::PoseidonHasher;
use filecoin_hashers::sha256::Sha256Hasher;
use filecoin_hashers::{Hasher, sha256::Sha256Domain};
use filecoin_proofs_api::MerkleTreeTrait;
use storage_proofs_core::merkle::MerkleProof;

pub(crate) use filecoin_proofs::constants::{SectorShapeBase, SectorShapeSub8, SectorShapeTop2};

/// A node of the replica's and the columns' trees.
pub(crate) type Node = <PoseidonHasher as Hasher>::Domain;
/// A node of the data's tree.
pub(crate) type DataNode = Sha256Domain;
/// Hash of the data's tree.
pub(crate) type DataHasher = Sha256Hasher;

/// The shape of a sector's trees.
pub(crate) trait Shape: 'static + MerkleTreeTrait<Hasher = PoseidonHasher> {}
impl<T: 'static + MerkleTreeTrait<Hasher = PoseidonHasher>> Shape for T {}

/// A path in a tree of a sector.
pub(crate) type Path<S> = MerkleProof<
    PoseidonHasher,
    <S as MerkleTreeTrait>::Arity,
    <S as MerkleTreeTrait>::SubTreeArity,
    <S as MerkleTreeTrait>::TopTreeArity,
>;

/// Bytes of a node.
pub(crate) const NODE: usize = 32;

/// Nodes of a sector.
pub(crate) fn nodes(size: fvm_shared::sector::SectorSize) -> usize {
    size as u64 as usize / NODE
}

/// Calls a function generic over [`Shape`] for a [`fvm_shared::sector::SectorSize`].
macro_rules! with_shape {
    ($size:expr, $function:ident($($argument:expr),* $(,)?)) => {{
        use fvm_shared::sector::SectorSize;
        match $size {
            SectorSize::_2KiB | SectorSize::_8MiB | SectorSize::_512MiB => {
                $function::<$crate::shape::SectorShapeBase>($($argument),*)
            }
            SectorSize::_32GiB => $function::<$crate::shape::SectorShapeSub8>($($argument),*),
            SectorSize::_64GiB => $function::<$crate::shape::SectorShapeTop2>($($argument),*),
        }
    }};
}
pub(crate) use with_shape;
