//! Parameters and returns that only contracts know. Those that others use as well
//! are in [`boatyard_actors_shared::ext::evm`].

use boatyard_actors_shared::EthAddress;
use boatyard_sdk::{AbiType, Schema};
use cid::Cid;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_ipld_encoding::{RawBytes, strict_bytes};
use fvm_shared::MethodNum;
use fvm_shared::econ::TokenAmount;
use serde::{Deserialize, Serialize};

use crate::word::Word;

/// Numbers up to here are the network's own, and no business of contracts.
pub(crate) const LAST_RESERVED_METHOD: MethodNum = 1023;

/// Largest runtime bytecode in bytes (EIP-170).
pub const MAX_CODE_SIZE: usize = 24_576;

/// Parameters of `GetStorageAt`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct GetStorageAtParams {
    /// The slot.
    pub storage_key: Word,
}

/// Parameters of `InvokeContractDelegate`; codec DAG-CBOR, so that the code is
/// reachable for the callee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct DelegateCallParams {
    /// The bytecode to run.
    pub code: Cid,
    /// Its calldata.
    pub input: RawBytes,
    /// Who it sees as its caller.
    pub caller: EthAddress,
    /// The value that it sees, in attoFIL; nothing is moved.
    pub value: TokenAmount,
}

/// Keccak-256 of a bytecode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BytecodeHash(#[serde(with = "strict_bytes")] pub [u8; 32]);

impl BytecodeHash {
    /// Hash of no bytes.
    pub const EMPTY: Self = Self([
        0xc5, 0xd2, 0x46, 0x01, 0x86, 0xf7, 0x23, 0x3c, 0x92, 0x7e, 0x7d, 0xb2, 0xdc, 0xc7, 0x03,
        0xc0, 0xe5, 0x00, 0xb6, 0x53, 0xca, 0x82, 0x27, 0x3b, 0x7b, 0xfa, 0xd8, 0x04, 0x5d, 0x85,
        0xa4, 0x70,
    ]);

    /// Hash of the byte `fe`, which stands for the code of native actors.
    pub const NATIVE: Self = Self([
        0xbc, 0xc9, 0x0f, 0x2d, 0x6d, 0xad, 0xa5, 0xb1, 0x8e, 0x15, 0x5c, 0x17, 0xa1, 0xc0, 0xa5,
        0x59, 0x20, 0xaa, 0xe9, 0x4f, 0x39, 0x85, 0x7d, 0x39, 0xd0, 0xd8, 0xed, 0x07, 0xae, 0x8f,
        0x22, 0x8b,
    ]);
}

impl AbiType for BytecodeHash {
    const SCHEMA: Schema = Schema::Bytes;
}
