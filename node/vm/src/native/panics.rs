//! How natively run actor code ends other than by returning.
//!
//! An actor that panics ends its call with an exit code; it must neither take the
//! node down nor fill its log. Ends that the machine orders (a fault, the end of
//! the call by an upgrade) unwind the same way, past whatever the actor would do.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Once;

use super::call::Reply;
use crate::machine::VmError;

/// An end that the machine orders.
pub(super) enum Order {
    /// The running actor's call ends with this.
    Exit(Reply),
    /// The running actor's call ends for want of gas.
    OutOfGas,
    /// The machine ends.
    Fault(VmError),
}

/// How code ended that did not return.
pub(super) enum Ended {
    /// By order.
    Ordered(Order),
    /// By a panic, described.
    Panicked(String),
}

/// Ends the actor that is running.
pub(super) fn order(order: Order) -> ! {
    resume_unwind(Box::new(order))
}

/// The value, or the end of the machine.
pub(super) fn or_fault<T>(result: Result<T, VmError>) -> T {
    result.unwrap_or_else(|fault| order(Order::Fault(fault)))
}

thread_local! {
    /// How many calls of [`catch`] are around the running code.
    static GUARDED: Cell<u32> = const { Cell::new(0) };
    /// Description of the last panic in guarded code.
    static LAST_WORDS: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs code that may panic. Nothing is printed then.
pub(super) fn catch<T>(work: impl FnOnce() -> T) -> Result<T, Ended> {
    keep_quiet();
    GUARDED.set(GUARDED.get() + 1);
    let outcome = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(GUARDED.get() - 1);
    outcome.map_err(|payload| match payload.downcast::<Order>() {
        Ok(order) => Ended::Ordered(*order),
        Err(payload) => Ended::Panicked(
            LAST_WORDS
                .take()
                .unwrap_or_else(|| described(payload.as_ref()).to_owned()),
        ),
    })
}

/// Puts our panic hook before the one there is; it speaks for guarded code only.
fn keep_quiet() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| match GUARDED.get() {
            0 => others(panic),
            _ => LAST_WORDS.set(Some(panic.to_string().replace('\n', " "))),
        }));
    });
}

fn described(payload: &(dyn Any + Send)) -> &str {
    match (
        payload.downcast_ref::<&str>(),
        payload.downcast_ref::<String>(),
    ) {
        (Some(words), _) => words,
        (_, Some(words)) => words,
        _ => "a panic without words",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_described_with_its_place() {
        let Err(Ended::Panicked(words)) = catch(|| panic!("no {}", "luck")) else {
            panic!("it was no panic");
        };
        assert!(
            words.contains("no luck") && words.contains("panics.rs"),
            "{words}"
        );
    }

    #[test]
    fn an_order_passes_through_nested_code() {
        let fault = || VmError::Method(7);
        let outcome = catch(|| match catch(|| or_fault::<()>(Err(fault()))) {
            Err(Ended::Ordered(again)) => order(again),
            _ => "swallowed",
        });
        assert!(matches!(
            outcome,
            Err(Ended::Ordered(Order::Fault(VmError::Method(7))))
        ));
    }
}
