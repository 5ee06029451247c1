//! Calling a Solidity contract from a native actor.

use boatyard_sdk::{ActorError, Context, Runtime, SendResultExt, cbor_params, ensure};
use fvm_ipld_encoding::{BytesDe, BytesSer};
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;
use fvm_shared::error::ExitCode;

/// Number of the method `InvokeEVM`, by which every contract is called.
pub const INVOKE_EVM: u64 = 3_844_450_837;

/// Calls a function whose arguments and single result are `uint64`, and gives its
/// result. `signature` is as in Solidity, such as `reported(uint64)`.
///
/// A contract's input is its call data, as one CBOR byte string; its result comes
/// back the same way. If it reverts, so does this call, with the same reason.
///
/// # Errors
/// The contract's failure; `USR_SERIALIZATION` (21) when it returns anything but
/// a number of 64 bits.
pub fn call(
    rt: &impl Runtime,
    contract: &Address,
    signature: &str,
    arguments: &[u64],
) -> Result<u64, ActorError> {
    let selector = rt.keccak(signature.as_bytes());
    let mut input = selector[..4].to_vec();
    for argument in arguments {
        input.extend_from_slice(&[0; 24]);
        input.extend_from_slice(&argument.to_be_bytes());
    }
    let params = cbor_params(&BytesSer(&input))?;
    let BytesDe(output) = rt
        .send(contract, INVOKE_EVM, params, TokenAmount::default())
        .value()?;
    let word: [u8; 32] = output.try_into().ok().or_exit(
        ExitCode::USR_SERIALIZATION,
        "the contract returned no uint64",
    )?;
    let (high, low) = word.split_at(24);
    ensure!(
        high.iter().all(|byte| *byte == 0),
        USR_SERIALIZATION,
        "the contract returned more than a uint64"
    );
    let low = low.try_into().expect("32 - 24 = 8 bytes");
    Ok(u64::from_be_bytes(low))
}
