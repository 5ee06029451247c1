//! Vanilla proofs: their encoding, and the check that believes nothing.
//!
//! The proof libraries can check their own vanilla proofs, but as self-tests of an
//! honest prover: they accept an empty proof and forged data (spec 11 §4). So the
//! encoding here holds only what cannot be computed: leaves, siblings and the labels
//! of parents. Indices come from the challenges, roots and labels are recomputed, and
//! all lengths follow from the statement. A proof has exactly one length, every byte
//! of it takes part in the check, and there is nothing redundant to forget about.
//!
//! Nodes are 32 bytes, little-endian field elements; anything else is refused. A path
//! is its siblings from the leaf up. `n` is the number of nodes of a sector.
//!
//! | proof | content |
//! |---|---|
//! | seal | CommC, CommRLast, then partition by partition, challenge by challenge: data leaf, its path; path of the replica leaf; path of the column; 14 parents in the graph's order, each its column from layer 1 up and the column's path |
//! | window, winning | sector by sector in ascending order: CommC, then for each challenge the replica leaf and its path |
//! | update | CommC, then partition by partition, challenge by challenge: old replica leaf, its path; data leaf, its path; path of the new replica leaf |
//! | aggregate | the digests of the blocks with the seals' proofs, in the statement's order |
//!
//! | module | answers |
//! |---|---|
//! | `nodes` | reading nodes, hashing paths |
//! | `porep`, `post`, `update` | length, encoding and check of each kind |
//! | `small` | openings of replicas whose trees fit into memory |
//! | `scheme` | the two ends of the scheme |

pub(crate) mod nodes;
pub(crate) mod porep;
pub(crate) mod post;
mod scheme;
mod small;
pub(crate) mod update;

pub use scheme::{VanillaProver, VanillaVerifier};
