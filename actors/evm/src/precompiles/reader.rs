//! Reads input as if endless zeros followed it.

use revm_interpreter::primitives::U256;

use super::Failure;
use crate::interpreter::memory::obtainable;

/// A position in the input.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// At the start.
    pub fn new(input: &'a [u8]) -> Self {
        Self { rest: input }
    }

    /// `offset` bytes from the start.
    pub fn at(input: &'a [u8], offset: u32) -> Self {
        Self::new(input.get(offset as usize..).unwrap_or_default())
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        let (head, rest) = self.rest.split_at(N.min(self.rest.len()));
        bytes[..head.len()].copy_from_slice(head);
        self.rest = rest;
        bytes
    }

    /// The next word.
    pub fn word(&mut self) -> U256 {
        U256::from_be_bytes(self.array::<32>())
    }

    /// The next word, which must fit 32 bits.
    pub fn u32(&mut self) -> Result<u32, Failure> {
        self.word().try_into().map_err(|_| Failure::Failed)
    }

    /// The next word, which must fit 64 bits.
    pub fn u64(&mut self) -> Result<u64, Failure> {
        self.word().try_into().map_err(|_| Failure::Failed)
    }

    /// The next `length` bytes.
    pub fn bytes(&mut self, length: u32) -> Result<Vec<u8>, Failure> {
        obtainable(length.into())?;
        let length = length as usize;
        let (head, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        let mut bytes = Vec::with_capacity(length);
        bytes.extend_from_slice(head);
        bytes.resize(length, 0);
        Ok(bytes)
    }
}
