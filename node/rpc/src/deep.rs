//! What nests deeply: traces, and types written by clients.
//!
//! Calls nest up to 1024 deep, and the types in typed data and contract ABIs as
//! deep as a client likes. Walking such a tree takes stack for every level, and a
//! stack that overflows takes the whole node with it. So traces are walked on a
//! stack of their own, and types that nest beyond reason are refused unread.

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::RpcError;
use crate::registry::answer;

/// Enough for 1024 levels of everything that is done with a trace; only what is
/// used of it becomes memory.
const STACK_BYTES: usize = 256 << 20;

/// Brackets within brackets that a type may have.
const MOST_NESTED: usize = 64;

/// Brackets one after another that a type may have: `uint[][]…` nests by those.
const MOST_IN_A_ROW: usize = 64;

/// Builds, encodes and drops an answer on a large stack.
///
/// # Errors
/// What the work ends with, or that it failed inside.
pub async fn walk<T, F>(work: F) -> Result<Box<RawValue>, RpcError>
where
    T: Serialize,
    F: FnOnce() -> Result<T, RpcError> + Send + 'static,
{
    compute(move || work().and_then(|result| answer(&result))).await
}

/// Does work on a large stack. What it gives must not nest: it is dropped elsewhere.
///
/// # Errors
/// As [`walk`].
pub async fn compute<T, F>(work: F) -> Result<T, RpcError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, RpcError> + Send + 'static,
{
    let failed = || RpcError::failure("a trace could not be written; this is a fault of Boatyard");
    let walking = move || {
        std::thread::Builder::new()
            .name("trace".into())
            .stack_size(STACK_BYTES)
            .spawn(work)
            .map_err(|error| RpcError::failure(format!("no thread for the trace: {error}")))?
            .join()
            .unwrap_or_else(|_| Err(failed()))
    };
    tokio::task::spawn_blocking(walking)
        .await
        .unwrap_or_else(|_| Err(failed()))
}

/// Refuses text in which brackets nest, or follow each other, beyond reason.
///
/// # Errors
/// [`RpcError`] for invalid parameters.
pub fn check_nesting(text: &str) -> Result<(), RpcError> {
    let (mut open, mut row) = (0usize, 0usize);
    for byte in text.bytes() {
        match byte {
            b'(' | b'{' => open += 1,
            b')' | b'}' => open = open.saturating_sub(1),
            b'[' => {
                open += 1;
                row += 1;
            }
            b']' => open = open.saturating_sub(1),
            b'0'..=b'9' => {}
            _ => row = 0,
        }
        if open > MOST_NESTED || row > MOST_IN_A_ROW {
            return Err(RpcError::invalid_params(format!(
                "types nest more than {MOST_NESTED} deep"
            )));
        }
    }
    Ok(())
}

/// [`check_nesting`] for every text inside a value.
///
/// # Errors
/// As there.
pub fn check_texts(value: &Value) -> Result<(), RpcError> {
    match value {
        Value::String(text) => check_nesting(text),
        Value::Array(items) => items.iter().try_for_each(check_texts),
        Value::Object(fields) => fields.values().try_for_each(check_texts),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_people_pass_and_those_of_attackers_do_not() {
        for fine in [
            "uint256[][2][]",
            "function f((uint256 a, (bytes b)[] c) d)",
            "a[] b[] c[]",
        ] {
            assert!(check_nesting(fine).is_ok(), "{fine}");
        }
        for long in [
            "[]".repeat(100),
            "[1]".repeat(100),
            "(".repeat(100),
            "[".repeat(100),
        ] {
            assert!(check_nesting(&long).is_err());
        }
    }

    /// A stack of 2 MiB, as threads have by default, would not do.
    #[tokio::test]
    async fn what_nests_as_deep_as_calls_is_written() {
        #[derive(Serialize)]
        struct Level {
            padding: [u64; 32],
            inner: Vec<Level>,
        }
        fn level(depth: usize) -> Level {
            let inner = if depth == 0 {
                Vec::new()
            } else {
                vec![level(depth - 1)]
            };
            Level {
                padding: [0; 32],
                inner,
            }
        }
        let json = walk(|| Ok(level(4096))).await.unwrap();
        assert_eq!(json.get().matches("inner").count(), 4097);
    }
}
