//! What a check of invariants found: everything, not only the first.

use boatyard_sdk::ActorError;

/// Collects the violations of one actor's state.
///
/// ```
/// use boatyard_actors_shared::Violations;
///
/// let mut found = Violations::default();
/// found.require(1 + 1 == 2, || "arithmetic is broken".into());
/// found.require(false, || "f0100 has no owner".into());
/// assert_eq!(found.into_vec(), ["f0100 has no owner"]);
/// ```
#[derive(Debug, Default)]
pub struct Violations {
    found: Vec<String>,
}

impl Violations {
    /// Something is wrong.
    pub fn add(&mut self, sentence: impl Into<String>) {
        self.found.push(sentence.into());
    }

    /// Something is wrong unless the condition holds.
    pub fn require(&mut self, holds: bool, sentence: impl FnOnce() -> String) {
        if !holds {
            self.found.push(sentence());
        }
    }

    /// What could be read; a failure is a violation.
    pub fn read<T>(&mut self, what: &str, result: Result<T, ActorError>) -> Option<T> {
        result
            .inspect_err(|error| self.found.push(format!("{what}: {}", error.message())))
            .ok()
    }

    /// All of them in the order found.
    pub fn into_vec(self) -> Vec<String> {
        self.found
    }
}
