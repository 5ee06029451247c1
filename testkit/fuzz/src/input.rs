//! How bytes become choices.

use arbitrary::Unstructured;
use boatyard_mock::hostile::Choices;

/// Bytes that are used up choice by choice; nothing but zeros comes after their end.
///
/// Small choices take a single byte, so that a fuzzer that changes a byte changes
/// one choice.
pub struct Input<'a>(Unstructured<'a>);

impl<'a> Input<'a> {
    /// All choices that these bytes make.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(Unstructured::new(bytes))
    }

    /// Whether all bytes are used up.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// At most so many of the next bytes.
    pub fn bytes(&mut self, most: usize) -> Vec<u8> {
        let length = most.min(self.0.len());
        self.0.bytes(length).unwrap_or_default().to_vec()
    }
}

impl Choices for Input<'_> {
    fn random(&mut self) -> u64 {
        self.0.arbitrary().unwrap_or_default()
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0.int_in_range(0..=end - 1).unwrap_or_default()
    }
}

/// One of several.
pub(crate) fn one_of<T: Clone>(choices: &mut dyn Choices, items: &[T]) -> T {
    items[choices.below(items.len() as u64) as usize].clone()
}

/// Whether something happens that happens once in so many times.
pub(crate) fn once_in(choices: &mut dyn Choices, times: u64) -> bool {
    choices.below(times) == times - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_choices_take_a_byte_and_the_end_is_all_zeros() {
        let mut input = Input::new(&[7, 255, 1]);
        assert_eq!(input.below(8), 7);
        assert_eq!(input.below(256), 255);
        assert!(!input.is_empty());
        assert_eq!(input.bytes(9), [1]);
        assert_eq!((input.below(8), input.random()), (0, 0));
        assert!(input.is_empty());
    }
}
