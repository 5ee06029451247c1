//! Any other method: the contract's `handle_filecoin_method` (spec 02 §6.7).

use boatyard_sdk::dispatch;
use boatyard_sdk::{ActorError, Context, Runtime, ensure};
use fvm_ipld_encoding::CBOR;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_shared::MethodNum;
use fvm_shared::error::ExitCode;
use revm_interpreter::primitives::U256;

use super::{MAX_BLOCK, invoke};
use crate::interpreter::memory::obtainable;
use crate::types::LAST_RESERVED_METHOD;

/// First bytes of Keccak-256 of `handle_filecoin_method(uint64,uint64,bytes)`.
const SELECTOR: [u8; 4] = [0x86, 0x8e, 0x10, 0xc4];

pub(crate) fn filecoin_method(
    rt: &impl Runtime,
    method: MethodNum,
    params: Option<IpldBlock>,
) -> Result<Option<IpldBlock>, ActorError> {
    if method <= LAST_RESERVED_METHOD {
        return Err(dispatch::unknown(method));
    }
    rt.accept_any_caller()?;
    let output = invoke::run(rt, calldata(method, params).into())?;
    if output.is_empty() {
        return Ok(None);
    }
    let (code, block) = interpret(&output)?;
    if code.is_success() {
        return Ok(block);
    }
    // Codes of the system are not for actors. The FVM says so itself; natively one of
    // them would pass for the trap that has it.
    let seen = if code.is_system_error() {
        ExitCode::SYS_ILLEGAL_EXIT_CODE
    } else {
        code
    };
    Err(ActorError::with_data(
        seen,
        format!("the contract answered with exit code {}", code.value()),
        block,
    ))
}

/// The call in Solidity's encoding.
fn calldata(method: MethodNum, params: Option<IpldBlock>) -> Vec<u8> {
    let (codec, data) = params.map_or((0, Vec::new()), |block| (block.codec, block.data));
    let mut calldata = SELECTOR.to_vec();
    for word in [method, codec, 3 * 32, data.len() as u64] {
        calldata.extend(U256::from(word).to_be_bytes::<32>());
    }
    calldata.extend(&data);
    calldata.resize(4 + 4 * 32 + data.len().next_multiple_of(32), 0);
    calldata
}

/// Exit code and return block in the contract's answer, to which endless zeros are
/// thought.
fn interpret(output: &[u8]) -> Result<(ExitCode, Option<IpldBlock>), ActorError> {
    let code: u32 = field(output, 0, "exit code")?;
    let codec: u64 = field(output, 32, "codec")?;
    let offset: u32 = field(output, 64, "offset")?;
    let length: u32 = field(output, offset as usize, "length")?;
    obtainable(length.into())?;
    let block = match codec {
        0 => {
            ensure!(
                length == 0,
                USR_SERIALIZATION,
                "the contract returned data without a codec"
            );
            None
        }
        CBOR => {
            let length = length as usize;
            ensure!(
                length <= MAX_BLOCK,
                USR_ASSERTION_FAILED,
                "the contract returned {length} bytes, more than a block holds"
            );
            let mut data = tail(output, (offset as usize).saturating_add(32))
                .iter()
                .copied()
                .take(length)
                .collect::<Vec<u8>>();
            data.resize(length, 0);
            Some(IpldBlock { codec, data })
        }
        other => {
            return Err(ActorError::new(
                ExitCode::USR_SERIALIZATION,
                format!("the contract returned data of codec {other:#x}"),
            ));
        }
    };
    Ok((ExitCode::new(code), block))
}

fn field<T: TryFrom<U256>>(output: &[u8], offset: usize, name: &str) -> Result<T, ActorError> {
    let mut word = [0; 32];
    let found = tail(output, offset);
    let found = &found[..found.len().min(32)];
    word[..found.len()].copy_from_slice(found);
    T::try_from(U256::from_be_bytes(word)).ok().or_exit(
        ExitCode::USR_SERIALIZATION,
        format!("the {name} in the contract's answer is too large"),
    )
}

fn tail(output: &[u8], offset: usize) -> &[u8] {
    output.get(offset..).unwrap_or_default()
}
