//! Which items of a batch failed, and how (spec 00 §20).

use boatyard_sdk::{AbiType, ActorError, ensure};
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::error::ExitCode;

/// A failed item of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct FailCode {
    /// Its index in the whole batch.
    pub index: u32,
    /// Why it failed.
    pub code: ExitCode,
}

/// The outcome of a batch: as many items as successes and failures together.
///
/// ```
/// use boatyard_actors_shared::BatchReturn;
/// use fvm_shared::error::ExitCode;
///
/// let batch = BatchReturn::of(&[ExitCode::OK, ExitCode::USR_NOT_FOUND]);
/// assert_eq!(batch.successes(&["a", "b"]), Ok(vec![&"a"]));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct BatchReturn {
    /// Number of items that succeeded.
    pub success_count: u32,
    /// Failures by increasing index.
    pub fail_codes: Vec<FailCode>,
}

impl BatchReturn {
    /// A batch without items.
    pub const fn empty() -> Self {
        Self::ok(0)
    }

    /// A batch of `count` successes.
    pub const fn ok(count: u32) -> Self {
        Self {
            success_count: count,
            fail_codes: Vec::new(),
        }
    }

    /// A batch with these outcomes in order.
    pub fn of(codes: &[ExitCode]) -> Self {
        let mut batch = BatchBuilder::default();
        for code in codes {
            batch.add(*code);
        }
        batch.build()
    }

    /// Number of items.
    pub fn size(&self) -> usize {
        self.success_count as usize + self.fail_codes.len()
    }

    /// Whether no item failed.
    pub fn all_ok(&self) -> bool {
        self.fail_codes.is_empty()
    }

    /// The outcome of every item in order.
    pub fn codes(&self) -> Vec<ExitCode> {
        let mut codes = vec![ExitCode::OK; self.size()];
        for failure in &self.fail_codes {
            if let Some(code) = codes.get_mut(failure.index as usize) {
                *code = failure.code;
            }
        }
        codes
    }

    /// The outcome of one item; `None` beyond the batch.
    pub fn code_at(&self, index: u32) -> Option<ExitCode> {
        if index as usize >= self.size() {
            return None;
        }
        Some(
            self.fail_codes
                .iter()
                .find(|failure| failure.index == index)
                .map_or(ExitCode::OK, |failure| failure.code),
        )
    }

    /// Those of `items` that succeeded.
    ///
    /// # Errors
    /// `USR_ASSERTION_FAILED` (24) when the batch has another number of items.
    pub fn successes<'a, T>(&self, items: &'a [T]) -> Result<Vec<&'a T>, ActorError> {
        ensure!(
            items.len() == self.size(),
            USR_ASSERTION_FAILED,
            "{} items in a batch of {}",
            items.len(),
            self.size()
        );
        let codes = self.codes();
        Ok(items
            .iter()
            .zip(codes)
            .filter(|(_, code)| code.is_success())
            .map(|(item, _)| item)
            .collect())
    }
}

/// Collects the outcomes of a batch item by item.
#[derive(Debug, Clone, Default)]
pub struct BatchBuilder {
    successes: u32,
    failures: Vec<FailCode>,
}

impl BatchBuilder {
    /// The next item succeeded.
    pub fn add_success(&mut self) {
        self.successes += 1;
    }

    /// The next item failed.
    pub fn add_failure(&mut self, code: ExitCode) {
        let index = self.size();
        self.failures.push(FailCode { index, code });
    }

    /// The next item ended with this code.
    pub fn add(&mut self, code: ExitCode) {
        if code.is_success() {
            self.add_success();
        } else {
            self.add_failure(code);
        }
    }

    /// The next `count` items ended with this code.
    pub fn add_many(&mut self, code: ExitCode, count: u32) {
        for _ in 0..count {
            self.add(code);
        }
    }

    /// Number of items so far.
    pub fn size(&self) -> u32 {
        self.successes + self.failures.len() as u32
    }

    /// The batch.
    pub fn build(self) -> BatchReturn {
        BatchReturn {
            success_count: self.successes,
            fail_codes: self.failures,
        }
    }
}

/// One outcome for several stages, each of which ran on what the stage before it
/// left. Without stages, an empty batch.
///
/// # Errors
/// `USR_ASSERTION_FAILED` (24) when a stage has another number of items than the
/// one before it had successes.
///
/// Source: spec 00 §20.
pub fn stack(stages: &[BatchReturn]) -> Result<BatchReturn, ActorError> {
    let Some((first, later)) = stages.split_first() else {
        return Ok(BatchReturn::empty());
    };
    let mut codes = first.codes();
    for stage in later {
        let alive: Vec<usize> = (0..codes.len())
            .filter(|index| codes[*index].is_success())
            .collect();
        ensure!(
            stage.size() == alive.len(),
            USR_ASSERTION_FAILED,
            "a stage of {} items after one with {} successes",
            stage.size(),
            alive.len()
        );
        for (index, code) in alive.into_iter().zip(stage.codes()) {
            codes[index] = code;
        }
    }
    Ok(BatchReturn::of(&codes))
}

#[cfg(test)]
mod tests {
    use fvm_ipld_encoding::to_vec;
    use proptest::prelude::*;

    use super::*;

    fn batch(codes: &[u32]) -> BatchReturn {
        let codes: Vec<_> = codes.iter().copied().map(ExitCode::new).collect();
        BatchReturn::of(&codes)
    }

    /// Source: spec 00 appendix A.
    #[test]
    fn a_batch_has_the_protocols_bytes() {
        assert_eq!(
            to_vec(&batch(&[0, 16, 0, 18])).unwrap(),
            [0x82, 0x02, 0x82, 0x82, 0x01, 0x10, 0x82, 0x03, 0x12]
        );
        assert_eq!(to_vec(&BatchReturn::empty()).unwrap(), [0x82, 0x00, 0x80]);
    }

    /// Source: spec 00 §20.
    #[test]
    fn stages_stack_onto_the_first_ones_positions() {
        let stacked = stack(&[batch(&[16, 0, 0, 0]), batch(&[0, 17, 0]), batch(&[0, 18])]);
        assert_eq!(stacked, Ok(batch(&[16, 0, 17, 18])));
        assert_eq!(stack(&[]), Ok(BatchReturn::empty()));
        assert_eq!(stack(&[batch(&[16, 0])]), Ok(batch(&[16, 0])));
        let mismatch = stack(&[batch(&[16, 0]), batch(&[0, 0])]).unwrap_err();
        assert_eq!(mismatch.exit_code().value(), 24);
    }

    #[test]
    fn successes_are_those_that_are_not_listed() {
        let outcome = batch(&[0, 16, 0, 18]);
        assert_eq!(outcome.successes(&[1, 2, 3, 4]), Ok(vec![&1, &3]));
        assert_eq!(outcome.successes(&[1]).unwrap_err().exit_code().value(), 24);
        assert_eq!(outcome.code_at(3), Some(ExitCode::USR_FORBIDDEN));
        assert_eq!(outcome.code_at(2), Some(ExitCode::OK));
        assert_eq!(outcome.code_at(4), None);
    }

    /// A batch from outside may name indices that it does not have.
    #[test]
    fn indices_beyond_a_batch_do_no_harm() {
        let hostile = BatchReturn {
            success_count: 1,
            fail_codes: vec![FailCode {
                index: 9,
                code: ExitCode::USR_FORBIDDEN,
            }],
        };
        assert_eq!(hostile.codes(), [ExitCode::OK; 2]);
    }

    proptest! {
        #[test]
        fn codes_come_back(codes in prop::collection::vec(prop::sample::select(vec![0u32, 16, 17]), 0..40)) {
            let outcome = batch(&codes);
            prop_assert_eq!(outcome.size(), codes.len());
            let back: Vec<_> = outcome.codes().iter().map(|code| code.value()).collect();
            prop_assert_eq!(back, codes);
        }
    }
}
