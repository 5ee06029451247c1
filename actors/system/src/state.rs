//! What the state holds.

use boatyard_sdk::{AbiType, ActorError, Context, exit_codes::*};
use cid::Cid;
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::CborStore;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};

/// Manifest name and code CID of a built-in actor.
pub type BuiltinActor = (String, Cid);

/// State of the system actor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct State {
    /// Link to the manifest's data: the built-in actors in the order of their type
    /// numbers, which begin at 1.
    pub builtin_actors: Cid,
}

impl State {
    /// The built-in actors in the order of their type numbers.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when the list is missing or is none.
    pub fn list(&self, store: &impl Blockstore) -> Result<Vec<BuiltinActor>, ActorError> {
        store
            .get_cbor(&self.builtin_actors)
            .or_exit(USR_ILLEGAL_STATE, "the list of built-in actors")?
            .or_exit(USR_ILLEGAL_STATE, "the list of built-in actors is missing")
    }
}
