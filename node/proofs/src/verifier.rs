//! The verifier's end of a proof.

use cid::Cid;

use crate::block::ProofBlocks;
use crate::scheme::Scheme;
use crate::statement::Statement;

/// What a verifier finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The statement is proven.
    Valid,
    /// It is not, and this is what is wrong. Every node finds the same.
    Invalid(String),
    /// Nothing can be said before this block is in the store. No verdict: what
    /// depends on it has to wait or stop.
    Missing(Cid),
    /// Nothing can be said by this node, for want of keys. No verdict either.
    Unable(String),
}

impl Verdict {
    /// Whether the statement is proven.
    pub fn is_valid(&self) -> bool {
        matches!(self, Self::Valid)
    }
}

/// Checks proofs under one [`Scheme`].
///
/// The verdict is a pure function of statement, proof bytes and the blocks they
/// name. It never panics, whatever the bytes.
pub trait Verifier: Send + Sync {
    /// Which scheme.
    fn scheme(&self) -> Scheme;

    /// Whether `proof`, the bytes in the message, proves `statement`.
    fn verify(&self, statement: &Statement, proof: &[u8], blocks: &dyn ProofBlocks) -> Verdict;
}
