//! A contract's slots: words by word in a KAMT (spec 02 §3.1).

use boatyard_sdk::{ActorError, Context};
use cid::Cid;
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_kamt::{Config, Kamt};
use fvm_shared::error::ExitCode;
use revm_interpreter::primitives::U256;

use crate::word::{Word, WordPath};

const CONFIG: Config = Config {
    bit_width: 5,
    min_data_depth: 0,
    max_array_width: 1,
};

type Tree<S> = Kamt<S, Word, Word, WordPath>;

/// The slots that are not zero. The root is read at the first touch.
#[derive(Debug)]
pub struct Slots<S> {
    store: S,
    root: Root<S>,
}

#[derive(Debug)]
enum Root<S> {
    /// Not read yet.
    Stored(Cid),
    Loaded(Tree<S>),
}

impl<S: Blockstore + Clone> Slots<S> {
    /// All slots zero.
    pub fn empty(store: S) -> Self {
        Self {
            root: Root::Loaded(Kamt::new_with_config(store.clone(), CONFIG)),
            store,
        }
    }

    /// The slots under a root.
    pub fn stored(root: Cid, store: S) -> Self {
        Self {
            store,
            root: Root::Stored(root),
        }
    }

    /// Where the nodes lie.
    pub fn store(&self) -> S {
        self.store.clone()
    }

    /// The value of a slot.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when a node is missing or garbled.
    pub fn get(&mut self, slot: U256) -> Result<U256, ActorError> {
        let value = failing(self.tree()?.get(&Word(slot)))?;
        Ok(value.map_or(U256::ZERO, |word| word.0))
    }

    /// Sets a slot; says whether its value is another one now.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when a node is missing or garbled.
    pub fn set(&mut self, slot: U256, value: U256) -> Result<bool, ActorError> {
        let tree = self.tree()?;
        if value.is_zero() {
            return Ok(failing(tree.delete(&Word(slot)))?.is_some());
        }
        let old = failing(tree.set(Word(slot), Word(value)))?;
        Ok(old != Some(Word(value)))
    }

    /// Whether all slots are zero.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when the root is missing or garbled.
    pub fn is_empty(&mut self) -> Result<bool, ActorError> {
        Ok(self.tree()?.is_empty())
    }

    /// Stores what changed and gives the root.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when a block cannot be stored.
    pub fn flush(&mut self) -> Result<Cid, ActorError> {
        match &mut self.root {
            Root::Stored(root) => Ok(*root),
            Root::Loaded(tree) => failing(tree.flush()),
        }
    }

    /// Goes over to another root. Nothing may be unflushed.
    pub fn reload(&mut self, root: Cid) -> Result<(), ActorError> {
        if self.flush()? != root {
            self.root = Root::Stored(root);
        }
        Ok(())
    }

    /// Every slot with its value, in the order of the slots.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when a node is missing or garbled, or what `visit`
    /// fails with.
    pub fn for_each(
        &mut self,
        mut visit: impl FnMut(U256, U256) -> Result<(), ActorError>,
    ) -> Result<(), ActorError> {
        for entry in self.tree()?.iter() {
            let (slot, value) = failing(entry)?;
            visit(slot.0, value.0)?;
        }
        Ok(())
    }

    fn tree(&mut self) -> Result<&mut Tree<S>, ActorError> {
        if let Root::Stored(root) = &self.root {
            self.root = Root::Loaded(failing(Kamt::load_with_config(
                root,
                self.store.clone(),
                CONFIG,
            ))?);
        }
        match &mut self.root {
            Root::Loaded(tree) => Ok(tree),
            Root::Stored(_) => unreachable!("loaded above"),
        }
    }
}

fn failing<T>(result: Result<T, fvm_ipld_kamt::Error>) -> Result<T, ActorError> {
    result.or_exit(ExitCode::USR_ILLEGAL_STATE, "the contract's storage")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use fvm_ipld_blockstore::MemoryBlockstore;
    use proptest::prelude::*;

    use super::*;

    fn root_of(slots: &[(U256, u64)]) -> String {
        let store = MemoryBlockstore::default();
        let mut map = Slots::empty(&store);
        for (slot, value) in slots {
            map.set(*slot, U256::from(*value)).unwrap();
        }
        map.flush().unwrap().to_string()
    }

    /// Source: spec 02 §17.
    #[test]
    fn roots_are_the_protocols() {
        let high = U256::from(1) << 255;
        let (zero, one, two) = (U256::ZERO, U256::from(1), U256::from(2));
        for (slots, root) in [
            (
                vec![],
                "bafy2bzaceamp42wmmgr2g2ymg46euououzfyck7szknvfacqscohrvaikwfay",
            ),
            (
                vec![(zero, 1)],
                "bafy2bzaced72u7zr5shnkkr2rrdmpn5sqd35floqjef2p26ettoviudcxg462",
            ),
            (
                vec![(zero, 1), (one, 2)],
                "bafy2bzaced5no5tqekexm5nsjnx7myfclcukpzbbwbsd27z4efzc3jmydblci",
            ),
            (
                vec![(zero, 1), (two, 2)],
                "bafy2bzacecmb3vave5canc3vbgfi6ohuws4y6g7fiz4csbzr5e6syrtlxrbvo",
            ),
            (
                vec![(zero, 1), (high, 0xff)],
                "bafy2bzacebw4pzifui62jsyzvczfifbmrlxdiqfzxre5idmyux4uuup5h2jrq",
            ),
        ] {
            assert_eq!(root_of(&slots), root, "{slots:?}");
        }
    }

    #[test]
    fn zero_deletes_and_only_real_changes_count() {
        let store = MemoryBlockstore::default();
        let mut map = Slots::empty(&store);
        let slot = U256::from(7);
        for (value, changes) in [
            (0, false),
            (1, true),
            (1, false),
            (2, true),
            (0, true),
            (0, false),
        ] {
            assert_eq!(
                map.set(slot, U256::from(value)).unwrap(),
                changes,
                "{value}"
            );
            assert_eq!(map.get(slot).unwrap(), U256::from(value));
        }
        assert!(map.is_empty().unwrap());
    }

    #[test]
    fn slots_survive_storing() {
        let store = MemoryBlockstore::default();
        let mut map = Slots::empty(&store);
        for i in 0..100u64 {
            map.set(U256::from(i * i), U256::from(i + 1)).unwrap();
        }
        let root = map.flush().unwrap();
        let mut again = Slots::stored(root, &store);
        assert_eq!(again.get(U256::from(81)).unwrap(), U256::from(10));
        let mut seen = Vec::new();
        again
            .for_each(|slot, value| {
                seen.push((slot, value));
                Ok(())
            })
            .unwrap();
        assert_eq!(seen.len(), 100);
        assert!(seen.is_sorted());
        assert_eq!(again.flush().unwrap(), root);
    }

    fn any_slot() -> impl Strategy<Value = U256> {
        // Neighbours share long paths, others none.
        let near = (0..256usize, 0..40u64)
            .prop_map(|(bit, low)| (U256::from(1) << bit).wrapping_add(U256::from(low)));
        prop_oneof![near, any::<[u64; 4]>().prop_map(U256::from_limbs)]
    }

    proptest! {
        /// Against an ordinary map; the root depends on the contents only.
        #[test]
        fn slots_are_a_map(
            steps in prop::collection::vec((any_slot(), 0..3u64, any::<bool>()), 0..120),
        ) {
            let store = MemoryBlockstore::default();
            let mut slots = Slots::empty(&store);
            let mut model = BTreeMap::new();
            for (slot, value, flush) in steps {
                let value = U256::from(value);
                let old = match value.is_zero() {
                    true => model.remove(&slot),
                    false => model.insert(slot, value),
                };
                let changes = old.unwrap_or_default() != value;
                prop_assert_eq!(slots.set(slot, value).unwrap(), changes);
                if flush {
                    slots = Slots::stored(slots.flush().unwrap(), &store);
                }
            }
            let mut entries = Vec::new();
            slots.for_each(|slot, value| { entries.push((slot, value)); Ok(()) }).unwrap();
            prop_assert_eq!(&entries, &Vec::from_iter(model.clone()));
            let mut again = Slots::empty(&store);
            for (slot, value) in model.into_iter().rev() {
                again.set(slot, value).unwrap();
            }
            prop_assert_eq!(slots.flush().unwrap(), again.flush().unwrap());
        }
    }

    #[test]
    fn a_missing_root_is_an_illegal_state() {
        let root = Slots::empty(&MemoryBlockstore::default()).flush().unwrap();
        let store = MemoryBlockstore::default();
        let error = Slots::stored(root, &store).get(U256::ZERO).unwrap_err();
        assert_eq!(error.exit_code().value(), 20);
    }
}
