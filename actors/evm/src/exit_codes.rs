//! The exit codes of contracts (spec 02 §7.1). None but a revert carries data.

use fvm_shared::error::ExitCode;

/// The contract executed REVERT; the data is what it gave.
pub const EVM_CONTRACT_REVERTED: ExitCode = ExitCode::new(33);
/// The contract executed INVALID (0xfe).
pub const EVM_CONTRACT_INVALID_INSTRUCTION: ExitCode = ExitCode::new(34);
/// The contract executed an opcode that does not exist.
pub const EVM_CONTRACT_UNDEFINED_INSTRUCTION: ExitCode = ExitCode::new(35);
/// An instruction found too few items on the stack.
pub const EVM_CONTRACT_STACK_UNDERFLOW: ExitCode = ExitCode::new(36);
/// An instruction pushed onto 1024 items.
pub const EVM_CONTRACT_STACK_OVERFLOW: ExitCode = ExitCode::new(37);
/// A memory range beyond 32 bits, or return data that is not there.
pub const EVM_CONTRACT_ILLEGAL_MEMORY_ACCESS: ExitCode = ExitCode::new(38);
/// A jump to something that is no JUMPDEST.
pub const EVM_CONTRACT_BAD_JUMPDEST: ExitCode = ExitCode::new(39);
/// The balance could not be sent to the beneficiary of SELFDESTRUCT.
pub const EVM_CONTRACT_SELFDESTRUCT_FAILED: ExitCode = ExitCode::new(40);

/// Numbers and names, for the actor's description.
pub(crate) const NAMES: &[(u32, &str)] = &[
    (33, "EVM_CONTRACT_REVERTED"),
    (34, "EVM_CONTRACT_INVALID_INSTRUCTION"),
    (35, "EVM_CONTRACT_UNDEFINED_INSTRUCTION"),
    (36, "EVM_CONTRACT_STACK_UNDERFLOW"),
    (37, "EVM_CONTRACT_STACK_OVERFLOW"),
    (38, "EVM_CONTRACT_ILLEGAL_MEMORY_ACCESS"),
    (39, "EVM_CONTRACT_BAD_JUMPDEST"),
    (40, "EVM_CONTRACT_SELFDESTRUCT_FAILED"),
];
