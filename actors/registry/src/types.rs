//! Parameters, returns, events.

use boatyard_sdk::abi::EventAbi;
use boatyard_sdk::{AbiType, Schema};
use cid::Cid;
use fvm_ipld_encoding::RawBytes;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::ActorID;
use fvm_shared::clock::ChainEpoch;

/// Return of `Install` and `CommitUpload`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct InstallReturn {
    /// CID under which actors can be created.
    pub code: Cid,
    /// False when somebody had installed it before.
    pub new: bool,
}

/// Parameters of `BeginUpload`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct BeginUploadParams {
    /// CID of the whole module: raw, BLAKE2b-256.
    pub code: Cid,
    /// Its length in bytes.
    pub size: u64,
}

/// Parameters of `AppendUpload`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct AppendUploadParams {
    /// CID of the whole module.
    pub code: Cid,
    /// Where the chunk begins: the bytes uploaded so far.
    pub offset: u64,
    /// The chunk: at least 32 KiB unless it is the last one.
    pub chunk: RawBytes,
}

/// Return of `BeginUpload` and `AppendUpload`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct UploadProgress {
    /// Bytes uploaded so far; the next chunk begins there.
    pub received: u64,
    /// Whether the module is installed, so that nothing needs to be uploaded.
    pub installed: bool,
}

/// Return of `CodeInfo`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct CodeInfoReturn {
    /// Who installed it.
    pub installer: ActorID,
    /// Its length in bytes.
    pub size: u64,
    /// When it was installed.
    pub epoch: ChainEpoch,
}

/// Name of the event of a new module.
pub const CODE_INSTALLED: &str = "code-installed";

/// The registry's events.
pub const EVENTS: &[EventAbi] = &[EventAbi {
    name: CODE_INSTALLED,
    fields: &[
        ("code", Schema::Cid),
        ("installer", Schema::Uint),
        ("size", Schema::Uint),
    ],
}];
