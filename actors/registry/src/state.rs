//! What the state holds.

use boatyard_sdk::abi::KeySchema;
use boatyard_sdk::{AbiType, ActorError, Context, MapKey, MapRoot, exit_codes::*};
use cid::Cid;
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::ActorID;
use fvm_shared::clock::ChainEpoch;

/// State of the registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct State {
    /// Code CID → the module. Entries are never removed: actors may run them.
    pub installed: MapRoot<Cid, Installed>,
    /// Who uploads what → what is there of it.
    pub uploads: MapRoot<UploadKey, Upload>,
}

/// A module that actors can be created from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct Installed {
    /// Who installed it first.
    pub installer: ActorID,
    /// Its length in bytes.
    pub size: u64,
    /// When it was installed.
    pub epoch: ChainEpoch,
    /// The module's block. The same CID as the key, but as a link, so that the
    /// block belongs to the state.
    pub code: Cid,
}

/// A module that is being uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct Upload {
    /// Length that was announced, in bytes.
    pub size: u64,
    /// Bytes uploaded so far.
    pub received: u64,
    /// When it was announced.
    pub epoch: ChainEpoch,
    /// Raw blocks uploaded so far.
    pub chunks: Vec<Cid>,
}

/// Everybody uploads on their own, so that nobody can spoil another's upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadKey {
    /// Who uploads.
    pub uploader: ActorID,
    /// CID of the whole module.
    pub code: Cid,
}

/// The uploader as 8 bytes, big-endian, then the binary CID.
impl MapKey for UploadKey {
    const SCHEMA: KeySchema = KeySchema::Bytes;

    fn to_key(&self) -> Result<Vec<u8>, ActorError> {
        let mut key = self.uploader.to_be_bytes().to_vec();
        key.extend(self.code.to_key()?);
        Ok(key)
    }

    fn from_key(bytes: &[u8]) -> Result<Self, ActorError> {
        let (uploader, code) = bytes
            .split_first_chunk()
            .or_exit(USR_ILLEGAL_STATE, "not the key of an upload")?;
        Ok(Self {
            uploader: ActorID::from_be_bytes(*uploader),
            code: Cid::from_key(code)?,
        })
    }
}

impl State {
    /// A state without code.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when the empty maps cannot be stored.
    pub fn new(store: impl Blockstore) -> Result<Self, ActorError> {
        Ok(Self {
            installed: MapRoot::empty(&store)?,
            uploads: MapRoot::empty(&store)?,
        })
    }

    /// A module that is installed.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when the map cannot be read.
    pub fn find(
        &self,
        store: impl Blockstore,
        code: &Cid,
    ) -> Result<Option<Installed>, ActorError> {
        Ok(self.installed.load(store)?.get(code)?.cloned())
    }

    /// Enters a module unless it is there; tells whether it is new.
    pub(crate) fn enter(
        &mut self,
        store: impl Blockstore,
        module: Installed,
    ) -> Result<bool, ActorError> {
        let mut installed = self.installed.load(store)?;
        let new = installed.set_if_absent(&module.code.clone(), module)?;
        self.installed = installed.flush()?;
        Ok(new)
    }
}
