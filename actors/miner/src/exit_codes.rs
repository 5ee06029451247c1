//! Exit codes of the miner's own (spec 05 §2).

use fvm_shared::error::ExitCode;

/// More is spoken for than there is, or an amount is negative.
pub const ERR_BALANCE_INVARIANTS_BROKEN: ExitCode = ExitCode::new(1000);
/// A notification could not be sent.
pub const ERR_NOTIFICATION_SEND_FAILED: ExitCode = ExitCode::new(1001);
/// The receiver of a notification failed.
pub const ERR_NOTIFICATION_RECEIVER_ABORTED: ExitCode = ExitCode::new(1002);
/// The receiver of a notification answered with something else than one bool a piece.
pub const ERR_NOTIFICATION_RESPONSE_INVALID: ExitCode = ExitCode::new(1003);
/// The receiver of a notification refused a piece.
pub const ERR_NOTIFICATION_REJECTED: ExitCode = ExitCode::new(1004);

/// All of them by name, for the description.
pub const NAMES: &[(u32, &str)] = &[
    (1000, "ERR_BALANCE_INVARIANTS_BROKEN"),
    (1001, "ERR_NOTIFICATION_SEND_FAILED"),
    (1002, "ERR_NOTIFICATION_RECEIVER_ABORTED"),
    (1003, "ERR_NOTIFICATION_RESPONSE_INVALID"),
    (1004, "ERR_NOTIFICATION_REJECTED"),
];
