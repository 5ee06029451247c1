//! What the state holds.

use boatyard_actors_shared::ext::verifreg::{AllocationId, Claim, ClaimId, DataCap};
use boatyard_sdk::nested::{MapMap, MapMapRoot};
use boatyard_sdk::{AbiType, ActorError, Context, MapRoot, ensure, exit_codes::*};
use cid::Cid;
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::bigint::bigint_ser::BigIntDe;
use fvm_shared::clock::ChainEpoch;

/// State of the verified registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct State {
    /// ID address of who names the verifiers.
    pub root_key: Address,
    /// Verifier's ID address → bytes of datacap that it may hand out still, perhaps
    /// none.
    pub verifiers: MapRoot<Address, BigIntDe>,
    /// Verifier's ID address and client's, one behind the other → the next number
    /// of the verifier's consents to take from the client.
    pub remove_data_cap_proposal_ids: MapRoot<Vec<u8>, RemoveDataCapProposalId>,
    /// Client → its allocations by number.
    pub allocations: MapMapRoot<ActorID, AllocationId, Allocation>,
    /// Number of the next allocation.
    pub next_allocation_id: AllocationId,
    /// Provider → its claims by number.
    pub claims: MapMapRoot<ActorID, ClaimId, Claim>,
}

/// How often a verifier consented to take datacap from a client.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize_tuple, Deserialize_tuple, AbiType,
)]
pub struct RemoveDataCapProposalId {
    /// The number.
    pub id: u64,
}

/// Datacap that a client set aside for a piece.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct Allocation {
    /// Whose datacap it was.
    pub client: ActorID,
    /// The miner that may claim it.
    pub provider: ActorID,
    /// Commitment of the piece.
    pub data: Cid,
    /// Its padded size in bytes.
    pub size: u64,
    /// Epochs that the provider has to store it at least.
    pub term_min: ChainEpoch,
    /// Epochs that it counts at most.
    pub term_max: ChainEpoch,
    /// The last epoch in which it can be claimed, and the first in which it can be
    /// removed.
    pub expiration: ChainEpoch,
}

/// Allocations by client and number.
pub type Allocations<BS> = MapMap<BS, ActorID, AllocationId, Allocation>;

/// Claims by provider and number.
pub type Claims<BS> = MapMap<BS, ActorID, ClaimId, Claim>;

impl State {
    /// A registry without verifiers.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when the empty maps cannot be stored.
    pub fn new(store: impl Blockstore + Clone, root_key: Address) -> Result<Self, ActorError> {
        Ok(Self {
            root_key,
            verifiers: MapRoot::empty(store.clone())?,
            remove_data_cap_proposal_ids: MapRoot::empty(store.clone())?,
            allocations: MapRoot::empty(store.clone())?,
            // 0 means no allocation.
            next_allocation_id: 1,
            claims: MapRoot::empty(store)?,
        })
    }

    /// What a verifier may hand out; `None` if the address, an ID one, is none.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when the verifiers cannot be read.
    pub fn verifier_cap(
        &self,
        store: impl Blockstore,
        verifier: &Address,
    ) -> Result<Option<DataCap>, ActorError> {
        let verifiers = self.verifiers.load(store)?;
        Ok(verifiers.get(verifier)?.map(|cap| cap.0.clone()))
    }

    /// Sets what a verifier may hand out.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when the verifiers cannot be written.
    pub fn put_verifier(
        &mut self,
        store: impl Blockstore,
        verifier: &Address,
        cap: DataCap,
    ) -> Result<(), ActorError> {
        let mut verifiers = self.verifiers.load(store)?;
        verifiers.set(verifier, BigIntDe(cap))?;
        self.verifiers = verifiers.flush()?;
        Ok(())
    }

    /// Makes a verifier none any more.
    ///
    /// # Errors
    /// `USR_ILLEGAL_ARGUMENT` (16) if it is none, `USR_ILLEGAL_STATE` (20) when the
    /// verifiers cannot be read or written.
    pub fn remove_verifier(
        &mut self,
        store: impl Blockstore,
        verifier: &Address,
    ) -> Result<(), ActorError> {
        let mut verifiers = self.verifiers.load(store)?;
        ensure!(
            verifiers.remove(verifier)?.is_some(),
            USR_ILLEGAL_ARGUMENT,
            "{verifier} is no verifier"
        );
        self.verifiers = verifiers.flush()?;
        Ok(())
    }

    /// The number of a verifier's next consent to take from a client, which counts
    /// as used from now on.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when the numbers cannot be read or written.
    pub fn use_proposal_id(
        &mut self,
        store: impl Blockstore,
        verifier: &Address,
        client: &Address,
    ) -> Result<RemoveDataCapProposalId, ActorError> {
        let mut ids = self.remove_data_cap_proposal_ids.load(store)?;
        let key = [verifier.to_bytes(), client.to_bytes()].concat();
        let used = ids.get(&key)?.copied().unwrap_or_default();
        let id = used
            .id
            .checked_add(1)
            .or_exit(USR_ASSERTION_FAILED, "the numbers of consents are used up")?;
        ids.set(&key, RemoveDataCapProposalId { id })?;
        self.remove_data_cap_proposal_ids = ids.flush()?;
        Ok(used)
    }

    /// The allocations, for reading and writing.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when they cannot be read.
    pub fn load_allocations<BS: Blockstore + Clone>(
        &self,
        store: BS,
    ) -> Result<Allocations<BS>, ActorError> {
        MapMap::load(&self.allocations, store)
    }

    /// The claims, for reading and writing.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when they cannot be read.
    pub fn load_claims<BS: Blockstore + Clone>(&self, store: BS) -> Result<Claims<BS>, ActorError> {
        MapMap::load(&self.claims, store)
    }

    /// Stores new allocations and gives their numbers, in the same order.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when the allocations cannot be read or written.
    pub fn insert_allocations(
        &mut self,
        store: impl Blockstore + Clone,
        new: &[Allocation],
    ) -> Result<Vec<AllocationId>, ActorError> {
        if new.is_empty() {
            return Ok(Vec::new());
        }
        let mut allocations = self.load_allocations(store)?;
        let mut ids = Vec::with_capacity(new.len());
        for allocation in new {
            let id = self.next_allocation_id;
            self.next_allocation_id = id
                .checked_add(1)
                .or_exit(USR_ASSERTION_FAILED, "the allocation numbers are used up")?;
            allocations.set(&allocation.client, &id, allocation.clone())?;
            ids.push(id);
        }
        self.allocations = allocations.flush()?;
        Ok(ids)
    }

    /// Stores claims in place of those with the same numbers, in order.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when the claims cannot be read or written.
    pub fn put_claims(
        &mut self,
        store: impl Blockstore + Clone,
        updated: &[(ClaimId, Claim)],
    ) -> Result<(), ActorError> {
        if updated.is_empty() {
            return Ok(());
        }
        let mut claims = self.load_claims(store)?;
        for (id, claim) in updated {
            claims.set(&claim.provider, id, claim.clone())?;
        }
        self.claims = claims.flush()?;
        Ok(())
    }
}
