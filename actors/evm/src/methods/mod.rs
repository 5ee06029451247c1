//! What the methods do.
//!
//! | module | methods |
//! |---|---|
//! | [`construct`] | Constructor, Resurrect |
//! | [`query`] | GetBytecode, GetBytecodeHash, GetStorageAt |
//! | [`invoke`] | InvokeContract, InvokeContractDelegate |
//! | [`handle`] | any other number |

pub(crate) mod construct;
pub(crate) mod handle;
pub(crate) mod invoke;
pub(crate) mod query;

use boatyard_sdk::{ActorError, Context, ensure};
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_ipld_encoding::{BytesSer, CBOR};
use fvm_shared::error::ExitCode;

use crate::exit_codes::EVM_CONTRACT_REVERTED;

/// Largest block in bytes.
const MAX_BLOCK: usize = 1 << 20;

/// Bytes as a CBOR byte string in a block; there is a block for no bytes too.
///
/// # Errors
/// `USR_ASSERTION_FAILED` (24) for more than a block holds.
fn byte_string(bytes: &[u8]) -> Result<IpldBlock, ActorError> {
    let block = IpldBlock::serialize(CBOR, &BytesSer(bytes)).or_exit(
        ExitCode::USR_ASSERTION_FAILED,
        "the output cannot be encoded",
    )?;
    ensure!(
        block.data.len() <= MAX_BLOCK,
        USR_ASSERTION_FAILED,
        "{} bytes of output are more than a block holds",
        bytes.len()
    );
    Ok(block)
}

/// How a call ends whose code reverted.
fn reverted(output: &[u8]) -> ActorError {
    match byte_string(output) {
        Ok(data) => {
            ActorError::with_data(EVM_CONTRACT_REVERTED, "the contract reverted", Some(data))
        }
        Err(too_large) => too_large,
    }
}
