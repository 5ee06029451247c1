//! Filecoin's precompiles: addresses, other actors, randomness (spec 02 §9.2).

use boatyard_sdk::{Host, Runtime};
use fvm_ipld_encoding::CBOR;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_shared::address::Address;
use fvm_shared::sys::SendFlags;
use revm_interpreter::primitives::U256;

use super::{Failure, Output, Reader, Request};
use crate::interpreter::{CallKind, Machine, capped_gas};
use crate::types::LAST_RESERVED_METHOD;

/// Binary Filecoin address → ID as a word, nothing if it cannot be resolved.
pub(super) fn resolve_address(rt: &impl Runtime, input: &[u8]) -> Output {
    let address = Address::from_bytes(input).map_err(|_| Failure::Failed)?;
    Ok(rt
        .resolve(&address)
        .map_or_else(Vec::new, |id| U256::from(id).to_be_bytes_vec()))
}

/// ID as a word → binary f4 address, nothing if there is none.
pub(super) fn lookup_delegated_address(rt: &impl Runtime, input: &[u8]) -> Output {
    let id = Reader::new(input).u64()?;
    Ok(rt
        .host()
        .delegated_address(id)
        .map_or_else(Vec::new, |address| address.to_bytes()))
}

/// Epoch as a word (64 bits, two's complement) → 32 bytes of the beacon.
pub(super) fn get_randomness(rt: &impl Runtime, input: &[u8]) -> Output {
    let epoch = Reader::new(input).u64()? as i64;
    rt.host()
        .beacon_randomness(epoch)
        .map(Vec::from)
        .map_err(|_| Failure::Failed)
}

/// Calls an actor by any address.
pub(super) fn call_actor<RT: Runtime>(
    machine: &mut Machine<'_, RT>,
    request: &Request<'_>,
) -> Output {
    send(machine, request, |offset| {
        let offset = offset.try_into().map_err(|_| Failure::Failed)?;
        let mut reader = Reader::at(request.input, offset);
        let length = reader.u32()?;
        Address::from_bytes(&reader.bytes(length)?).map_err(|_| Failure::Failed)
    })
}

/// Calls an actor by its ID.
pub(super) fn call_actor_id<RT: Runtime>(
    machine: &mut Machine<'_, RT>,
    request: &Request<'_>,
) -> Output {
    send(machine, request, |id| Ok(Address::new_id(id)))
}

/// Both differ in how the last word of the head says who is called. The order of
/// the checks is the sheet's.
fn send<RT: Runtime>(
    machine: &mut Machine<'_, RT>,
    request: &Request<'_>,
    receiver: impl FnOnce(u64) -> Result<Address, Failure>,
) -> Output {
    if request.kind != CallKind::Delegate {
        return Err(Failure::Failed);
    }
    let mut head = Reader::new(request.input);
    let method = head.u64()?;
    let value = head.word();
    let flags = match head.u64()? {
        0 => SendFlags::empty(),
        1 => SendFlags::READ_ONLY,
        _ => return Err(Failure::Failed),
    };
    let codec = head.u64()?;
    let params_offset = head.u32()?;
    let last = head.u64()?;

    let mut reader = Reader::at(request.input, params_offset);
    let length = reader.u32()?;
    let params = reader.bytes(length)?;
    let receiver = receiver(last)?;
    if method != 0 && method <= LAST_RESERVED_METHOD {
        return Err(Failure::Failed);
    }
    let params = match codec {
        CBOR => Some(IpldBlock {
            codec,
            data: params,
        }),
        0 if params.is_empty() => None,
        _ => return Err(Failure::Failed),
    };

    let gas_limit = capped_gas(machine.rt, request.gas);
    let sent = machine.send_word(&receiver, method, params, value, Some(gas_limit), flags)?;
    Ok(match sent {
        Ok(response) => encode(U256::from(response.exit_code.value()), response.return_data),
        Err(refusal) => encode(U256::from(refusal as u32).wrapping_neg(), None),
    })
}

/// Exit code, codec, offset and length of the data, data.
fn encode(exit: U256, block: Option<IpldBlock>) -> Vec<u8> {
    let (codec, data) = block.map_or((0, Vec::new()), |block| (block.codec, block.data));
    let padded = data.len().next_multiple_of(32);
    let mut output = Vec::with_capacity(4 * 32 + padded);
    for word in [
        exit,
        U256::from(codec),
        U256::from(3 * 32),
        U256::from(data.len()),
    ] {
        output.extend(word.to_be_bytes::<32>());
    }
    output.extend(data);
    output.resize(4 * 32 + padded, 0);
    output
}
