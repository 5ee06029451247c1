//! Block headers, tipset keys, tipsets.
//!
//! Encodings are Filecoin's: DAG-CBOR tuples, BLAKE2b-256 CIDs.

use std::fmt;
use std::sync::Arc;

use alloy::primitives::B256;
use cid::Cid;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_ipld_encoding::{strict_bytes, to_vec};
use fvm_shared::address::Address;
use fvm_shared::bigint::{BigInt, bigint_ser};
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use serde::{Deserialize, Serialize};

use crate::message::Signature;
use crate::store::{block_cid, digest_of};

/// A link of the chain of tickets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub struct Ticket {
    /// Proof of the verifiable random function: a BLS signature, 96 bytes.
    #[serde(with = "strict_bytes")]
    pub vrf_proof: Vec<u8>,
}

/// Why the miner may make a block in this epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub struct ElectionProof {
    /// Number of wins, by which the reward is multiplied.
    pub win_count: i64,
    /// Proof of the verifiable random function.
    #[serde(with = "strict_bytes")]
    pub vrf_proof: Vec<u8>,
}

/// A value of the random beacon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub struct BeaconEntry {
    /// Round of the beacon; here the epoch.
    pub round: u64,
    /// The beacon's signature.
    #[serde(with = "strict_bytes")]
    pub data: Vec<u8>,
}

/// Proof that the winner stores what it won with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub struct WinningProof {
    /// Registered type of the proof.
    pub post_proof: i64,
    /// The proof.
    #[serde(with = "strict_bytes")]
    pub proof_bytes: Vec<u8>,
}

/// Header of a block: a tuple of 16 in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub struct BlockHeader {
    /// Who made it, an ID address.
    pub miner: Address,
    /// Ticket; tickets order the blocks of a tipset and give randomness.
    pub ticket: Option<Ticket>,
    /// Why the miner may make it.
    pub election_proof: Option<ElectionProof>,
    /// Beacon values since the parent.
    pub beacon_entries: Vec<BeaconEntry>,
    /// Winning PoSt.
    pub win_post_proof: Vec<WinningProof>,
    /// CIDs of the parent tipset's blocks.
    pub parents: Vec<Cid>,
    /// Weight of the chain up to the parents.
    #[serde(with = "bigint_ser")]
    pub parent_weight: BigInt,
    /// Epoch.
    pub height: ChainEpoch,
    /// State after executing the parent tipset.
    pub parent_state_root: Cid,
    /// Root of the legacy AMT of the parent tipset's receipts.
    pub parent_message_receipts: Cid,
    /// CID of the pair of AMT roots of BLS and other messages.
    pub messages: Cid,
    /// Aggregate of the BLS messages' signatures.
    pub bls_aggregate: Option<Signature>,
    /// Seconds since the Unix epoch.
    pub timestamp: u64,
    /// The miner's signature of the header with this field null.
    pub block_sig: Option<Signature>,
    /// Always 0.
    pub fork_signaling: u64,
    /// Base fee in attoFIL that messages of this block burn.
    pub parent_base_fee: TokenAmount,
}

impl BlockHeader {
    /// DAG-CBOR encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        to_vec(self).expect("a header has no value that CBOR cannot express")
    }

    /// CID of the encoding.
    pub fn cid(&self) -> Cid {
        block_cid(&self.to_bytes())
    }

    /// What the miner signs: the encoding with `block_sig` null.
    pub fn signing_bytes(&self) -> Vec<u8> {
        Self {
            block_sig: None,
            ..self.clone()
        }
        .to_bytes()
    }
}

/// The block CIDs of a tipset, in its order. Empty stands for "the head" in many
/// interfaces and is no tipset's key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TipsetKey(Vec<Cid>);

impl TipsetKey {
    /// A key of these blocks.
    pub fn new(cids: Vec<Cid>) -> Self {
        Self(cids)
    }

    /// The block CIDs.
    pub fn cids(&self) -> &[Cid] {
        &self.0
    }

    /// Whether it names no block.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// DAG-CBOR encoding: an array of links.
    pub fn to_bytes(&self) -> Vec<u8> {
        to_vec(self).expect("links encode")
    }

    /// CID of the encoding. The chain's store has a block under it.
    pub fn cid(&self) -> Cid {
        block_cid(&self.to_bytes())
    }

    /// Hash of the tipset as an Ethereum block: the digest of [`Self::cid`]
    /// (spec 10 §2.1).
    pub fn eth_hash(&self) -> B256 {
        digest_of(&self.cid()).expect("a BLAKE2b-256 digest has 32 bytes")
    }
}

impl fmt::Display for TipsetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, cid) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{cid}")?;
        }
        f.write_str("}")
    }
}

/// A tipset; here always of one block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tipset {
    key: TipsetKey,
    key_cid: Cid,
    blocks: Vec<BlockHeader>,
}

impl Tipset {
    /// The tipset of one block.
    pub fn single(block: BlockHeader) -> Arc<Self> {
        let key = TipsetKey::new(vec![block.cid()]);
        Arc::new(Self {
            key_cid: key.cid(),
            key,
            blocks: vec![block],
        })
    }

    /// Its key.
    pub fn key(&self) -> &TipsetKey {
        &self.key
    }

    /// CID of its key.
    pub fn key_cid(&self) -> Cid {
        self.key_cid
    }

    /// Its hash as an Ethereum block.
    pub fn eth_hash(&self) -> B256 {
        digest_of(&self.key_cid).expect("a BLAKE2b-256 digest has 32 bytes")
    }

    /// Its blocks in canonical order; never empty.
    pub fn blocks(&self) -> &[BlockHeader] {
        &self.blocks
    }

    /// The first block. All blocks agree in height, parents, parent state,
    /// parent receipts, parent weight and base fee.
    pub fn block(&self) -> &BlockHeader {
        self.blocks.first().expect("a tipset has a block")
    }

    /// Epoch.
    pub fn height(&self) -> ChainEpoch {
        self.block().height
    }

    /// Key of the parent tipset.
    pub fn parents(&self) -> TipsetKey {
        TipsetKey::new(self.block().parents.clone())
    }

    /// Seconds since the Unix epoch: the smallest timestamp of its blocks.
    pub fn timestamp(&self) -> u64 {
        self.blocks
            .iter()
            .map(|block| block.timestamp)
            .min()
            .unwrap_or_default()
    }

    /// State after its parent was executed, and before it is executed itself.
    pub fn parent_state_root(&self) -> Cid {
        self.block().parent_state_root
    }

    /// Base fee that its messages burn.
    pub fn base_fee(&self) -> &TokenAmount {
        &self.block().parent_base_fee
    }
}
