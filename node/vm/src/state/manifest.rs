//! The built-in actors of a state.

use std::collections::HashMap;

use anyhow::{Context as _, anyhow};
use cid::Cid;
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::CborStore;

use crate::machine::VmError;

/// Built-in actor types with their code, in the order that numbers them
/// (spec 00 §1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    entries: Vec<(String, Cid)>,
    by_code: HashMap<Cid, usize>,
}

impl Manifest {
    /// A manifest of `(name, code)` pairs in the order of their type numbers.
    pub fn new(entries: impl IntoIterator<Item = (impl Into<String>, Cid)>) -> Self {
        let entries: Vec<(String, Cid)> = entries
            .into_iter()
            .map(|(name, code)| (name.into(), code))
            .collect();
        let by_code = entries
            .iter()
            .enumerate()
            .map(|(at, (_, code))| (*code, at))
            .collect();
        Self { entries, by_code }
    }

    /// Reads the list that the system actor's state points at.
    ///
    /// # Errors
    /// When the block is missing or is no such list.
    pub fn load(store: &impl Blockstore, list: &Cid) -> Result<Self, VmError> {
        let entries: Vec<(String, Cid)> = store
            .get_cbor(list)
            .and_then(|found| found.ok_or_else(|| anyhow!("block {list} is missing")))
            .context("cannot read the list of built-in actors")
            .map_err(VmError::State)?;
        Ok(Self::new(entries))
    }

    /// True when no actor is listed.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Name and code of each type, in the order of their numbers.
    pub fn entries(&self) -> &[(String, Cid)] {
        &self.entries
    }

    /// Type number of a code, counted from 1; `None` if it is not built in.
    pub fn type_of(&self, code: &Cid) -> Option<u32> {
        let at = *self.by_code.get(code)?;
        u32::try_from(at + 1).ok()
    }

    /// Code of a type number, counted from 1.
    pub fn code_of_type(&self, number: u32) -> Option<Cid> {
        let at = usize::try_from(number).ok()?.checked_sub(1)?;
        Some(self.entries.get(at)?.1)
    }

    /// Name of the type that has this code.
    pub fn name_of(&self, code: &Cid) -> Option<&str> {
        Some(self.entries.get(*self.by_code.get(code)?)?.0.as_str())
    }

    /// Code of the type with this name.
    pub fn code_of(&self, name: &str) -> Option<Cid> {
        self.entries
            .iter()
            .find(|(entry, _)| entry == name)
            .map(|(_, code)| *code)
    }

    /// Whether `code` is that of the type called `name`.
    pub fn is(&self, code: &Cid, name: &str) -> bool {
        self.name_of(code) == Some(name)
    }
}
