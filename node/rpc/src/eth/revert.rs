//! Failures of messages in the form that Ethereum tools decode (spec 10 §2.11).

use alloy::sol_types::{Panic, PanicKind, Revert, SolError};
use boatyard_chain::ethereum::from_cbor_bytes;
use boatyard_vm::machine::Applied;
use fvm_shared::error::ExitCode;

use crate::abis::Abis;
use crate::error::RpcError;

/// The error for a message that ended with a non-zero exit code.
///
/// ethers wants "revert" and hex data, viem code 3 or "execution reverted",
/// alloy the word and the hex: the text and the data satisfy all.
pub fn failure(applied: &Applied, strict: bool, abis: &Abis) -> RpcError {
    let exit = applied.receipt.exit_code;
    let returned = applied.receipt.return_data.bytes();
    let data = from_cbor_bytes(returned);
    let error = applied.error.as_deref().unwrap_or_default();
    let message = if strict {
        let reason = data
            .as_deref()
            .map(|data| format!(", revert reason=[{}]", lotus_reason(data)))
            .unwrap_or_default();
        format!(
            "message execution failed (exit=[{}]{reason}, vm error=[{error}])",
            exit_text(exit)
        )
    } else {
        match data.as_deref().map(|data| reason(data, abis)) {
            Some(Some(reason)) => format!("execution reverted: {reason}"),
            _ if error.is_empty() => format!("execution reverted: exit {}", exit_text(exit)),
            _ => format!("execution reverted: exit {}: {error}", exit_text(exit)),
        }
    };
    RpcError::reverted(message, data.as_deref().unwrap_or_default())
}

/// The reason in revert data, for people: errors of contracts by their description where
/// there is one; `None` when there is no data.
pub fn reason(data: &[u8], abis: &Abis) -> Option<String> {
    if data.is_empty() {
        return None;
    }
    if let Ok(revert) = Revert::abi_decode(data) {
        return Some(revert.reason);
    }
    if let Ok(panic) = Panic::abi_decode(data) {
        return Some(match panic.kind() {
            Some(kind) => format!("panic: {} (0x{:02x})", kind.as_str(), panic.code),
            None => format!("panic: 0x{:02x}", panic.code),
        });
    }
    Some(abis.with_contracts(|contracts| contracts.decode_revert(data)))
}

fn lotus_reason(data: &[u8]) -> String {
    if data.is_empty() {
        return "none".into();
    }
    if let Ok(revert) = Revert::abi_decode(data) {
        return format!("Error({})", revert.reason);
    }
    if let Ok(panic) = Panic::abi_decode(data) {
        let name = match panic.kind() {
            Some(PanicKind::Assert) => "Assert()",
            Some(PanicKind::UnderOverflow) => "ArithmeticOverflow()",
            Some(PanicKind::DivisionByZero) => "DivideByZero()",
            Some(PanicKind::EnumConversionError) => "InvalidEnumVariant()",
            Some(PanicKind::StorageEncodingError) => "InvalidStorageArray()",
            Some(PanicKind::EmptyArrayPop) => "PopEmptyArray()",
            Some(PanicKind::ArrayOutOfBounds) => "ArrayIndexOutOfBounds()",
            Some(PanicKind::ResourceError) => "OutOfMemory()",
            Some(PanicKind::InvalidInternalFunction) => "CalledUninitializedFunction()",
            Some(_) | None => "Panic()",
        };
        return name.into();
    }
    format!("0x{}", hex::encode(data))
}

/// Name and number of an exit code as Lotus prints them: system codes by name.
pub fn exit_text(exit: ExitCode) -> String {
    let name = match exit.value() {
        1 => "SysErrSenderInvalid",
        2 => "SysErrSenderStateInvalid",
        4 => "SysErrIllegalInstruction",
        5 => "SysErrInvalidReceiver",
        6 => "SysErrInsufficientFunds",
        7 => "SysErrOutOfGas",
        9 => "SysErrIllegalExitCode",
        10 => "SysFatal",
        11 => "SysErrMissingReturn",
        16 => "ErrIllegalArgument",
        17 => "ErrNotFound",
        18 => "ErrForbidden",
        19 => "ErrInsufficientFunds",
        20 => "ErrIllegalState",
        21 => "ErrSerialization",
        22 => "ErrUnhandledMessage",
        23 => "ErrUnspecified",
        24 => "ErrAssertionFailed",
        25 => "ErrReadOnly",
        26 => "ErrNotPayable",
        other => return other.to_string(),
    };
    format!("{name}({})", exit.value())
}

#[cfg(test)]
mod tests {
    use boatyard_chain::ethereum::cbor_bytes;
    use fvm_ipld_encoding::RawBytes;
    use fvm_shared::receipt::Receipt;
    use serde_json::json;

    use super::*;
    use crate::error::code;

    fn applied(exit: u32, return_data: RawBytes) -> Applied {
        Applied {
            receipt: Receipt {
                exit_code: ExitCode::new(exit),
                return_data,
                gas_used: 1,
                events_root: None,
            },
            return_codec: None,
            events: Vec::new(),
            gas: Default::default(),
            error: None,
            trace: None,
            refused: false,
        }
    }

    #[test]
    fn a_reason_string_is_shown_and_its_bytes_are_kept() {
        let data = Revert::from("too poor").abi_encode();
        let error = failure(&applied(33, cbor_bytes(&data)), false, &Abis::default());
        assert_eq!(error.code, code::EXECUTION_REVERTED);
        assert_eq!(error.message, "execution reverted: too poor");
        assert_eq!(error.data, Some(json!(format!("0x{}", hex::encode(&data)))));
    }

    #[test]
    fn strict_texts_are_those_of_lotus() {
        let data = Panic::from(PanicKind::DivisionByZero).abi_encode();
        assert_eq!(
            failure(&applied(33, cbor_bytes(&data)), true, &Abis::default()).message,
            "message execution failed (exit=[33], revert reason=[DivideByZero()], vm error=[])"
        );
        let error = failure(&applied(7, RawBytes::default()), true, &Abis::default());
        assert_eq!(
            error.message,
            "message execution failed (exit=[SysErrOutOfGas(7)], vm error=[])"
        );
        assert_eq!(error.data, Some(json!("0x")));
    }

    #[test]
    fn a_native_failure_says_revert_too() {
        let error = failure(&applied(16, RawBytes::default()), false, &Abis::default());
        assert_eq!(
            error.message,
            "execution reverted: exit ErrIllegalArgument(16)"
        );
    }
}
