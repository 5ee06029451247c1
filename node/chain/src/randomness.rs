//! Tickets, beacon, and what machines see of the chain.

use std::sync::{Arc, OnceLock};

use boatyard_vm::context::{ChainView, LookupError};
use cid::Cid;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use multihash_codetable::{Code, MultihashDigest};

use crate::block::{BeaconEntry, Ticket};
use crate::core::Core;
use crate::keys::Key;

/// Domains of drawn randomness (spec 00 §16).
const TICKET_PRODUCTION: i64 = 1;
const ELECTION_PROOF_PRODUCTION: i64 = 2;

/// BLAKE2b-256.
pub(crate) fn blake2b(data: &[u8]) -> [u8; 32] {
    Code::Blake2b256
        .digest(data)
        .digest()
        .try_into()
        .expect("the digest has 32 bytes")
}

/// The beacon's entry of an epoch: a digest of seed and epoch. Genesis has zeros.
pub(crate) fn beacon_entry(seed: &[u8; 32], epoch: ChainEpoch) -> BeaconEntry {
    let data = if epoch == 0 {
        vec![0; 32]
    } else {
        let mut input = seed.to_vec();
        input.extend_from_slice(&epoch.to_be_bytes());
        blake2b(&input).to_vec()
    };
    BeaconEntry {
        round: epoch.unsigned_abs(),
        data,
    }
}

/// The ticket of a block: the worker's signature over randomness drawn from the
/// beacon of the epoch before, the miner and the parent's ticket.
pub(crate) fn ticket(
    worker: &Key,
    miner: &Address,
    beacon: &BeaconEntry,
    height: ChainEpoch,
    parent: &[u8],
) -> Ticket {
    let mut entropy = miner_entropy(miner);
    entropy.extend_from_slice(parent);
    let drawn = draw(&beacon.data, TICKET_PRODUCTION, height - 1, &entropy);
    Ticket {
        vrf_proof: worker.sign(&drawn).data,
    }
}

/// The proof that the worker took part in the election of an epoch.
pub(crate) fn election_vrf(
    worker: &Key,
    miner: &Address,
    beacon: &BeaconEntry,
    height: ChainEpoch,
) -> Vec<u8> {
    let drawn = draw(
        &beacon.data,
        ELECTION_PROOF_PRODUCTION,
        height,
        &miner_entropy(miner),
    );
    worker.sign(&drawn).data
}

fn miner_entropy(miner: &Address) -> Vec<u8> {
    fvm_ipld_encoding::to_vec(miner).expect("an address encodes")
}

fn draw(base: &[u8], tag: i64, epoch: ChainEpoch, entropy: &[u8]) -> [u8; 32] {
    draw_from(&blake2b(base), tag, epoch, entropy)
}

/// What is drawn from the digest of a ticket or of a beacon entry.
pub(crate) fn draw_from(
    digest: &[u8; 32],
    tag: i64,
    epoch: ChainEpoch,
    entropy: &[u8],
) -> [u8; 32] {
    let mut input = tag.to_be_bytes().to_vec();
    input.extend_from_slice(digest);
    input.extend_from_slice(&epoch.to_be_bytes());
    input.extend_from_slice(entropy);
    blake2b(&input)
}

/// The chain as a machine sees it from a tipset that is on it, or that is being
/// made on top of it.
pub(crate) struct View {
    core: Arc<Core>,
    /// The newest epoch of the chain that counts.
    base: ChainEpoch,
    tip: Option<Tip>,
}

/// A tipset that is not on the chain (yet).
struct Tip {
    height: ChainEpoch,
    ticket: OnceLock<Ticket>,
}

impl View {
    /// From a tipset of the chain, or from a null round after it.
    pub fn on_chain(core: &Arc<Core>, height: ChainEpoch) -> Arc<Self> {
        Arc::new(Self {
            core: core.clone(),
            base: height,
            tip: None,
        })
    }

    /// From a tipset with this ticket on top of the one at `parent`.
    pub fn of_new(
        core: &Arc<Core>,
        parent: ChainEpoch,
        height: ChainEpoch,
        ticket: Ticket,
    ) -> Arc<Self> {
        let tip = Tip {
            height,
            ticket: OnceLock::from(ticket),
        };
        Arc::new(Self {
            core: core.clone(),
            base: parent,
            tip: Some(tip),
        })
    }

    /// From the tipset that would come next. Its ticket is computed if asked for.
    pub fn of_pending(core: &Arc<Core>, parent: ChainEpoch, height: ChainEpoch) -> Arc<Self> {
        let tip = Tip {
            height,
            ticket: OnceLock::new(),
        };
        Arc::new(Self {
            core: core.clone(),
            base: parent,
            tip: Some(tip),
        })
    }

    fn check(epoch: ChainEpoch) -> Result<(), LookupError> {
        if epoch < 0 {
            return Err(LookupError {
                epoch,
                reason: "epochs are counted from 0",
            });
        }
        Ok(())
    }
}

impl ChainView for View {
    fn ticket_randomness(&self, epoch: ChainEpoch) -> Result<[u8; 32], LookupError> {
        Self::check(epoch)?;
        if let Some(tip) = &self.tip
            && epoch >= tip.height
        {
            let ticket = match tip.ticket.get() {
                Some(ticket) => ticket,
                None => {
                    let ticket = self.core.ticket_on(self.base, tip.height);
                    let ticket = ticket.map_err(|_| LookupError {
                        epoch,
                        reason: "the ticket cannot be made",
                    })?;
                    tip.ticket.get_or_init(|| ticket)
                }
            };
            return Ok(blake2b(&ticket.vrf_proof));
        }
        let data = self.core.data();
        let tipset = data
            .tipsets
            .at_or_before(epoch.min(self.base))
            .ok_or(LookupError {
                epoch,
                reason: "the chain has no such epoch",
            })?;
        Ok(ticket_digest(tipset.tipset.block().ticket.as_ref()))
    }

    fn beacon_randomness(&self, epoch: ChainEpoch) -> Result<[u8; 32], LookupError> {
        Self::check(epoch)?;
        Ok(blake2b(&self.core.beacon_entry(epoch).data))
    }

    fn tipset_cid(&self, epoch: ChainEpoch) -> Result<Cid, LookupError> {
        Self::check(epoch)?;
        let data = self.core.data();
        let tipset = data
            .tipsets
            .at_or_before(epoch.min(self.base))
            .ok_or(LookupError {
                epoch,
                reason: "the chain has no such epoch",
            })?;
        Ok(tipset.tipset.key_cid())
    }
}

/// What ticket randomness is made of.
pub(crate) fn ticket_digest(ticket: Option<&Ticket>) -> [u8; 32] {
    blake2b(ticket.map_or(&[], |ticket| &ticket.vrf_proof))
}
