//! What an exit code means. Source: spec 00 §10.

use std::borrow::Cow;

use crate::schema::Abi;

/// Codes of the protocol: number, name, meaning in a sentence.
const COMMON: &[(u32, &str, &str)] = &[
    (0, "OK", "success"),
    (
        1,
        "SYS_SENDER_INVALID",
        "the sender is no account, or does not exist",
    ),
    (
        2,
        "SYS_SENDER_STATE_INVALID",
        "the sender's nonce or balance does not allow the message",
    ),
    (
        4,
        "SYS_ILLEGAL_INSTRUCTION",
        "the actor's code trapped: an unreachable instruction, or its stack was exhausted",
    ),
    (
        5,
        "SYS_INVALID_RECEIVER",
        "the receiver does not exist and cannot be created by a message",
    ),
    (
        6,
        "SYS_INSUFFICIENT_FUNDS",
        "the sender's balance is below the value sent",
    ),
    (7, "SYS_OUT_OF_GAS", "the gas limit was reached"),
    (
        9,
        "SYS_ILLEGAL_EXIT_CODE",
        "the actor ended with a code reserved for the system",
    ),
    (10, "SYS_ASSERTION_FAILED", "the machine could not go on"),
    (
        11,
        "SYS_MISSING_RETURN",
        "the actor returned a block that it never made",
    ),
    (
        16,
        "USR_ILLEGAL_ARGUMENT",
        "a parameter is not acceptable, or missing",
    ),
    (
        17,
        "USR_NOT_FOUND",
        "something that was named does not exist",
    ),
    (18, "USR_FORBIDDEN", "the caller may not do this"),
    (
        19,
        "USR_INSUFFICIENT_FUNDS",
        "there is not enough money for it",
    ),
    (
        20,
        "USR_ILLEGAL_STATE",
        "the actor's state does not allow it, or is broken",
    ),
    (
        21,
        "USR_SERIALIZATION",
        "parameters, state or a return value do not decode",
    ),
    (22, "USR_UNHANDLED_MESSAGE", "the actor has no such method"),
    (
        23,
        "USR_UNSPECIFIED",
        "the actor failed without a more exact reason",
    ),
    (
        24,
        "USR_ASSERTION_FAILED",
        "the actor found itself in a situation that must not happen (a panic, an overflow)",
    ),
    (
        25,
        "USR_READ_ONLY",
        "a read-only call tried to change something",
    ),
    (26, "USR_NOT_PAYABLE", "the method takes no value"),
];

/// First code that means something else in every actor.
const FIRST_ACTOR_SPECIFIC: u32 = 32;

/// The name of a code: the actor's own from 32 on, the protocol's below, or
/// `EXIT_n` if nobody named it.
pub fn exit_code_name(abi: Option<&Abi>, code: u32) -> Cow<'_, str> {
    if code >= FIRST_ACTOR_SPECIFIC {
        let own = abi
            .and_then(|abi| abi.exit_codes.iter().find(|named| named.code == code))
            .map(|named| named.name.as_str());
        return own.map_or_else(|| format!("EXIT_{code}").into(), Cow::from);
    }
    common(code).map_or_else(|| format!("EXIT_{code}").into(), |(name, _)| name.into())
}

/// A code with its name and meaning, such as
/// `USR_FORBIDDEN (18): the caller may not do this`.
pub fn describe_exit_code(abi: Option<&Abi>, code: u32) -> String {
    let name = exit_code_name(abi, code);
    match common(code) {
        Some((_, meaning)) => format!("{name} ({code}): {meaning}"),
        None if code >= FIRST_ACTOR_SPECIFIC => {
            let owner = abi.map_or("the actor", |abi| abi.name.as_str());
            format!("{name} ({code}): a code of {owner}'s own")
        }
        None => format!("{name} ({code}): reserved"),
    }
}

fn common(code: u32) -> Option<(&'static str, &'static str)> {
    COMMON
        .iter()
        .find(|(number, ..)| *number == code)
        .map(|(_, name, meaning)| (*name, *meaning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actors_own_codes_start_at_32() {
        let abi = Abi::from_json(
            r#"{"name":"vault","methods":[],"state":"nothing",
                "exit_codes":[{"code":18,"name":"NEVER"},{"code":33,"name":"LOCKED"}]}"#,
        )
        .unwrap();
        for (code, name) in [
            (0, "OK"),
            (18, "USR_FORBIDDEN"),
            (33, "LOCKED"),
            (34, "EXIT_34"),
            (8, "EXIT_8"),
        ] {
            assert_eq!(exit_code_name(Some(&abi), code), name);
        }
        assert_eq!(
            describe_exit_code(Some(&abi), 33),
            "LOCKED (33): a code of vault's own"
        );
        assert_eq!(
            describe_exit_code(None, 18),
            "USR_FORBIDDEN (18): the caller may not do this"
        );
    }
}
