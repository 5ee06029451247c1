//! The proof libraries may panic; their callers must not.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs a call into the libraries and gives its failure, or its panic, as a sentence.
pub(crate) fn guard<T>(call: impl FnOnce() -> anyhow::Result<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(format!("{error:#}")),
        Err(panic) => Err(format!("the proof library gave up: {}", message(&*panic))),
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no reason given")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_and_panics_become_sentences() {
        assert_eq!(guard(|| Ok(1)), Ok(1));
        assert_eq!(
            guard::<()>(|| anyhow::bail!("no file")),
            Err("no file".into())
        );
        let error = guard::<()>(|| panic!("empty {}", "list")).unwrap_err();
        assert!(error.ends_with("empty list"), "{error}");
    }
}
