//! Maps whose values are collections themselves (spec 00 §5.4).
//!
//! | type | is | when an inner collection becomes empty |
//! |---|---|---|
//! | [`Multimap`] | key → array, to which values are only added | cannot happen: only a whole key is removed |
//! | [`MapMap`] | key → map | its key disappears |
//! | [`SetMultimap`] | key → set | its key stays, with the empty set |
//!
//! The difference in the last column is the protocol's and changes roots. Failures
//! are those of [`crate::collections`].

use std::collections::BTreeMap;

use fvm_ipld_blockstore::Blockstore;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::collections::{Array, ArrayRoot, Map, MapKey, MapRoot, SetRoot};
use crate::error::ActorError;

/// A link to a [`Multimap`]: `OUTER` bits per level of the map, `INNER` of the
/// arrays.
pub type MultimapRoot<K, V, const OUTER: u32 = 5, const INNER: u32 = 5> =
    MapRoot<K, ArrayRoot<V, INNER>, OUTER>;

/// A link to a [`MapMap`].
pub type MapMapRoot<K1, K2, V, const OUTER: u32 = 5, const INNER: u32 = 5> =
    MapRoot<K1, MapRoot<K2, V, INNER>, OUTER>;

/// A link to a [`SetMultimap`].
pub type SetMultimapRoot<K, E, const OUTER: u32 = 5, const INNER: u32 = 5> =
    MapRoot<K, SetRoot<E, INNER>, OUTER>;

/// Arrays by key. A value gets the index that follows the last one.
///
/// ```
/// use boatyard_sdk::nested::{Multimap, MultimapRoot};
/// use fvm_ipld_blockstore::MemoryBlockstore;
///
/// let store = MemoryBlockstore::new();
/// let root = MultimapRoot::<i64, String>::empty(&store).unwrap();
/// let mut queue = Multimap::load(&root, &store).unwrap();
/// queue.add(&2880, "first".into()).unwrap();
/// queue.add(&2880, "second".into()).unwrap();
/// assert_eq!(queue.get(&2880).unwrap().unwrap().count(), 2);
/// ```
pub struct Multimap<BS, K, V, const OUTER: u32 = 5, const INNER: u32 = 5> {
    store: BS,
    outer: Map<BS, K, ArrayRoot<V, INNER>, OUTER>,
}

impl<BS, K, V, const OUTER: u32, const INNER: u32> Multimap<BS, K, V, OUTER, INNER>
where
    BS: Blockstore + Clone,
    K: MapKey,
    V: Serialize + DeserializeOwned,
{
    /// Loads what a root points at.
    pub fn load(root: &MultimapRoot<K, V, OUTER, INNER>, store: BS) -> Result<Self, ActorError> {
        Ok(Self {
            outer: root.load(store.clone())?,
            store,
        })
    }

    /// The array of a key.
    pub fn get(&self, key: &K) -> Result<Option<Array<BS, V, INNER>>, ActorError> {
        let root = self.outer.get(key)?;
        root.map(|root| root.load(self.store.clone())).transpose()
    }

    /// Adds a value behind the others of its key.
    pub fn add(&mut self, key: &K, value: V) -> Result<(), ActorError> {
        let mut array = match self.get(key)? {
            Some(array) => array,
            None => Array::empty(self.store.clone()),
        };
        array.set(array.count(), value)?;
        self.outer.set(key, array.flush()?)?;
        Ok(())
    }

    /// Removes a key with its array; tells whether there was one.
    pub fn remove_all(&mut self, key: &K) -> Result<bool, ActorError> {
        Ok(self.outer.remove(key)?.is_some())
    }

    /// Calls `visit` for every value of a key, by index.
    pub fn for_each_of(
        &self,
        key: &K,
        visit: impl FnMut(u64, &V) -> Result<(), ActorError>,
    ) -> Result<(), ActorError> {
        match self.get(key)? {
            Some(array) => array.for_each(visit),
            None => Ok(()),
        }
    }

    /// Calls `visit` for every key and its array, in the order of the tree.
    pub fn for_each(
        &self,
        mut visit: impl FnMut(K, Array<BS, V, INNER>) -> Result<(), ActorError>,
    ) -> Result<(), ActorError> {
        self.outer
            .for_each(|key, root| visit(key, root.load(self.store.clone())?))
    }

    /// Stores what changed and gives the new root.
    pub fn flush(&mut self) -> Result<MultimapRoot<K, V, OUTER, INNER>, ActorError> {
        self.outer.flush()
    }
}

/// Maps by key. Inner maps stay in memory until [`flush`](MapMap::flush), which
/// removes the empty ones.
///
/// ```
/// use boatyard_sdk::nested::{MapMap, MapMapRoot};
/// use fvm_ipld_blockstore::MemoryBlockstore;
///
/// let store = MemoryBlockstore::new();
/// let empty = MapMapRoot::<u64, u64, String>::empty(&store).unwrap();
/// let mut claims = MapMap::load(&empty, &store).unwrap();
/// claims.set(&1000, &1, "claim".into()).unwrap();
/// claims.remove(&1000, &1).unwrap();
/// assert_eq!(claims.flush().unwrap(), empty);
/// ```
pub struct MapMap<BS, K1, K2, V, const OUTER: u32 = 5, const INNER: u32 = 5> {
    store: BS,
    outer: Map<BS, K1, MapRoot<K2, V, INNER>, OUTER>,
    /// By the outer key's bytes, so that flushing has an order.
    inner: BTreeMap<Vec<u8>, Inner<BS, K1, K2, V, INNER>>,
}

struct Inner<BS, K1, K2, V, const INNER: u32> {
    key: K1,
    map: Map<BS, K2, V, INNER>,
}

impl<BS, K1, K2, V, const OUTER: u32, const INNER: u32> MapMap<BS, K1, K2, V, OUTER, INNER>
where
    BS: Blockstore + Clone,
    K1: MapKey,
    K2: MapKey,
    V: Serialize + DeserializeOwned + PartialEq,
{
    /// Loads what a root points at.
    pub fn load(root: &MapMapRoot<K1, K2, V, OUTER, INNER>, store: BS) -> Result<Self, ActorError> {
        Ok(Self {
            outer: root.load(store.clone())?,
            store,
            inner: BTreeMap::new(),
        })
    }

    /// The inner map of a key; a new, empty one if there is none. What is changed
    /// in it is stored by [`flush`](MapMap::flush).
    pub fn inner(&mut self, key: &K1) -> Result<&mut Map<BS, K2, V, INNER>, ActorError> {
        let bytes = key.to_key()?;
        if !self.inner.contains_key(&bytes) {
            let map = match self.outer.get(key)? {
                Some(root) => root.load(self.store.clone())?,
                None => Map::empty(self.store.clone()),
            };
            let key = K1::from_key(&bytes)?;
            self.inner.insert(bytes.clone(), Inner { key, map });
        }
        let inner = self.inner.get_mut(&bytes);
        Ok(&mut inner.expect("it was put there if it was missing").map)
    }

    /// The value of a pair of keys.
    pub fn get(&mut self, outer: &K1, inner: &K2) -> Result<Option<&V>, ActorError> {
        self.inner(outer)?.get(inner)
    }

    /// Sets a value and gives the one before.
    pub fn set(&mut self, outer: &K1, inner: &K2, value: V) -> Result<Option<V>, ActorError> {
        self.inner(outer)?.set(inner, value)
    }

    /// Sets a value unless the pair has one; tells whether it did.
    pub fn set_if_absent(&mut self, outer: &K1, inner: &K2, value: V) -> Result<bool, ActorError> {
        self.inner(outer)?.set_if_absent(inner, value)
    }

    /// Removes a value and gives it.
    pub fn remove(&mut self, outer: &K1, inner: &K2) -> Result<Option<V>, ActorError> {
        self.inner(outer)?.remove(inner)
    }

    /// Calls `visit` for every entry of a key, in the order of the inner tree.
    pub fn for_each_of(
        &mut self,
        outer: &K1,
        visit: impl FnMut(K2, &V) -> Result<(), ActorError>,
    ) -> Result<(), ActorError> {
        self.inner(outer)?.for_each(visit)
    }

    /// Stores what changed, without inner maps that are empty, and gives the new
    /// root.
    pub fn flush(&mut self) -> Result<MapMapRoot<K1, K2, V, OUTER, INNER>, ActorError> {
        for Inner { key, map } in self.inner.values_mut() {
            if map.is_empty() {
                self.outer.remove(key)?;
            } else {
                self.outer.set(key, map.flush()?)?;
            }
        }
        self.outer.flush()
    }
}

/// Sets by key.
///
/// ```
/// use boatyard_sdk::nested::{SetMultimap, SetMultimapRoot};
/// use fvm_ipld_blockstore::MemoryBlockstore;
///
/// let store = MemoryBlockstore::new();
/// let root = SetMultimapRoot::<i64, u64>::empty(&store).unwrap();
/// let mut deals = SetMultimap::load(&root, &store).unwrap();
/// deals.add(&2880, &[7, 8]).unwrap();
/// deals.remove(&2880, &[7, 8]).unwrap();
/// assert!(deals.get(&2880).unwrap().unwrap().is_empty(), "the key stays");
/// ```
pub struct SetMultimap<BS, K, E, const OUTER: u32 = 5, const INNER: u32 = 5> {
    store: BS,
    outer: Map<BS, K, SetRoot<E, INNER>, OUTER>,
}

impl<BS, K, E, const OUTER: u32, const INNER: u32> SetMultimap<BS, K, E, OUTER, INNER>
where
    BS: Blockstore + Clone,
    K: MapKey,
    E: MapKey,
{
    /// Loads what a root points at.
    pub fn load(root: &SetMultimapRoot<K, E, OUTER, INNER>, store: BS) -> Result<Self, ActorError> {
        Ok(Self {
            outer: root.load(store.clone())?,
            store,
        })
    }

    /// The set of a key.
    pub fn get(&self, key: &K) -> Result<Option<Map<BS, E, (), INNER>>, ActorError> {
        let root = self.outer.get(key)?;
        root.map(|root| root.load(self.store.clone())).transpose()
    }

    /// Adds elements to the set of a key.
    pub fn add<'a>(
        &mut self,
        key: &K,
        elements: impl IntoIterator<Item = &'a E>,
    ) -> Result<(), ActorError>
    where
        E: 'a,
    {
        let mut set = match self.get(key)? {
            Some(set) => set,
            None => Map::empty(self.store.clone()),
        };
        for element in elements {
            set.set(element, ())?;
        }
        self.outer.set(key, set.flush()?)?;
        Ok(())
    }

    /// Removes elements from the set of a key, which stays even if nothing is left.
    /// A key without a set is left alone.
    pub fn remove<'a>(
        &mut self,
        key: &K,
        elements: impl IntoIterator<Item = &'a E>,
    ) -> Result<(), ActorError>
    where
        E: 'a,
    {
        let Some(mut set) = self.get(key)? else {
            return Ok(());
        };
        for element in elements {
            set.remove(element)?;
        }
        self.outer.set(key, set.flush()?)?;
        Ok(())
    }

    /// Removes a key with its set; tells whether there was one.
    pub fn remove_all(&mut self, key: &K) -> Result<bool, ActorError> {
        Ok(self.outer.remove(key)?.is_some())
    }

    /// Calls `visit` for every element of a key, in the order of the set's tree.
    pub fn for_each_of(
        &self,
        key: &K,
        mut visit: impl FnMut(E) -> Result<(), ActorError>,
    ) -> Result<(), ActorError> {
        match self.get(key)? {
            Some(set) => set.for_each(|element, ()| visit(element)),
            None => Ok(()),
        }
    }

    /// Stores what changed and gives the new root.
    pub fn flush(&mut self) -> Result<SetMultimapRoot<K, E, OUTER, INNER>, ActorError> {
        self.outer.flush()
    }
}

#[cfg(test)]
mod tests {
    use fvm_ipld_blockstore::MemoryBlockstore;

    use super::*;

    #[test]
    fn a_multimap_keeps_the_order_of_its_values() {
        let store = MemoryBlockstore::new();
        let empty = MultimapRoot::<i64, u64, 6, 3>::empty(&store).unwrap();
        let mut map = Multimap::load(&empty, &store).unwrap();
        for value in [30, 10, 20] {
            map.add(&-1, value).unwrap();
        }
        let root = map.flush().unwrap();
        let mut map = Multimap::load(&root, &store).unwrap();
        map.add(&-1, 5).unwrap();
        let mut seen = Vec::new();
        map.for_each_of(&-1, |index, value| {
            seen.push((index, *value));
            Ok(())
        })
        .unwrap();
        assert_eq!(seen, [(0, 30), (1, 10), (2, 20), (3, 5)]);
        assert!(map.get(&0).unwrap().is_none());

        let mut arrays = 0;
        map.for_each(|key, array| {
            arrays += 1;
            assert_eq!((key, array.count()), (-1, 4));
            Ok(())
        })
        .unwrap();
        assert_eq!(arrays, 1);
        assert!(map.remove_all(&-1).unwrap());
        assert!(!map.remove_all(&-1).unwrap());
        assert_eq!(map.flush().unwrap(), empty);
    }

    #[test]
    fn a_map_of_maps_forgets_empty_ones() {
        let store = MemoryBlockstore::new();
        let empty = MapMapRoot::<u64, u64, u64>::empty(&store).unwrap();
        let mut maps = MapMap::load(&empty, &store).unwrap();
        assert!(maps.set_if_absent(&1, &10, 100).unwrap());
        assert!(!maps.set_if_absent(&1, &10, 101).unwrap());
        assert_eq!(maps.set(&2, &20, 200).unwrap(), None);
        assert_eq!(maps.get(&3, &30).unwrap(), None, "only looked at");
        let root = maps.flush().unwrap();

        let mut outer_keys = Vec::new();
        root.load(&store)
            .unwrap()
            .for_each(|key, _| {
                outer_keys.push(key);
                Ok(())
            })
            .unwrap();
        outer_keys.sort_unstable();
        assert_eq!(outer_keys, [1, 2]);

        let mut maps = MapMap::load(&root, &store).unwrap();
        assert_eq!(maps.get(&1, &10).unwrap(), Some(&100));
        assert_eq!(maps.remove(&1, &10).unwrap(), Some(100));
        assert_eq!(maps.remove(&1, &10).unwrap(), None);
        assert_eq!(maps.remove(&2, &20).unwrap(), Some(200));
        assert_eq!(maps.flush().unwrap(), empty);
    }

    #[test]
    fn changes_survive_a_flush_in_between() {
        let store = MemoryBlockstore::new();
        let empty = MapMapRoot::<u64, u64, u64>::empty(&store).unwrap();
        let mut maps = MapMap::load(&empty, &store).unwrap();
        maps.set(&1, &10, 100).unwrap();
        maps.flush().unwrap();
        maps.set(&1, &11, 110).unwrap();
        let root = maps.flush().unwrap();
        let mut maps = MapMap::load(&root, &store).unwrap();
        let mut seen = Vec::new();
        maps.for_each_of(&1, |key, value| {
            seen.push((key, *value));
            Ok(())
        })
        .unwrap();
        seen.sort_unstable();
        assert_eq!(seen, [(10, 100), (11, 110)]);
    }

    #[test]
    fn a_multimap_of_sets_keeps_empty_ones() {
        let store = MemoryBlockstore::new();
        let empty = SetMultimapRoot::<i64, u64>::empty(&store).unwrap();
        let mut sets = SetMultimap::load(&empty, &store).unwrap();
        sets.add(&7, &[1, 2, 2]).unwrap();
        sets.remove(&8, &[1]).unwrap();
        assert_eq!(sets.get(&8).unwrap().map(|_| ()), None);

        let mut elements = Vec::new();
        sets.for_each_of(&7, |element| {
            elements.push(element);
            Ok(())
        })
        .unwrap();
        elements.sort_unstable();
        assert_eq!(elements, [1, 2]);

        sets.remove(&7, &[1, 2, 3]).unwrap();
        let root = sets.flush().unwrap();
        assert_ne!(root, empty);
        let inner = *root.load(&store).unwrap().get(&7).unwrap().unwrap();
        assert_eq!(inner, SetRoot::empty(&store).unwrap());

        let mut sets = SetMultimap::load(&root, &store).unwrap();
        assert!(sets.remove_all(&7).unwrap());
        assert_eq!(sets.flush().unwrap(), empty);
    }
}
