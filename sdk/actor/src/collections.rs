//! Typed maps, sets and arrays over HAMT and AMT.
//!
//! A state holds a root ([`MapRoot`], [`ArrayRoot`]) that says what it points at;
//! loading it gives a collection ([`Map`], [`Array`]) and flushing the collection
//! gives a new root. Layouts: spec 00 §5; every failure is `USR_ILLEGAL_STATE`
//! (20), a key that cannot be encoded `USR_ASSERTION_FAILED` (24).

use std::marker::PhantomData;

use cid::Cid;
use fvm_ipld_amt::Amt;
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_hamt::{BytesKey, Config, Hamt};
use fvm_shared::address::Address;
use fvm_shared::error::ExitCode;
use serde::de::{DeserializeOwned, Deserializer};
use serde::{Deserialize, Serialize, Serializer};

use crate::abi::{AbiType, KeySchema, Schema};
use crate::error::{ActorError, Context};
use crate::network::EMPTY_STATE;

/// A key of a [`Map`].
pub trait MapKey: Sized {
    /// How it is encoded.
    const SCHEMA: KeySchema;
    /// Its bytes.
    fn to_key(&self) -> Result<Vec<u8>, ActorError>;
    /// The key of these bytes.
    fn from_key(bytes: &[u8]) -> Result<Self, ActorError>;
}

impl MapKey for u64 {
    const SCHEMA: KeySchema = KeySchema::Uint;

    fn to_key(&self) -> Result<Vec<u8>, ActorError> {
        Ok(leb128(*self))
    }

    fn from_key(bytes: &[u8]) -> Result<Self, ActorError> {
        parse_leb128(bytes).or_exit(ExitCode::USR_ILLEGAL_STATE, "not the key of a number")
    }
}

impl MapKey for i64 {
    const SCHEMA: KeySchema = KeySchema::Int;

    fn to_key(&self) -> Result<Vec<u8>, ActorError> {
        Ok(leb128(((*self << 1) ^ (*self >> 63)) as u64))
    }

    fn from_key(bytes: &[u8]) -> Result<Self, ActorError> {
        let zigzag = u64::from_key(bytes)?;
        Ok((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
    }
}

impl MapKey for Address {
    const SCHEMA: KeySchema = KeySchema::Address;

    fn to_key(&self) -> Result<Vec<u8>, ActorError> {
        Ok(self.to_bytes())
    }

    fn from_key(bytes: &[u8]) -> Result<Self, ActorError> {
        Address::from_bytes(bytes).or_exit(ExitCode::USR_ILLEGAL_STATE, "not the key of an address")
    }
}

impl MapKey for Cid {
    const SCHEMA: KeySchema = KeySchema::Cid;

    fn to_key(&self) -> Result<Vec<u8>, ActorError> {
        Ok(self.to_bytes())
    }

    fn from_key(bytes: &[u8]) -> Result<Self, ActorError> {
        Cid::try_from(bytes).or_exit(ExitCode::USR_ILLEGAL_STATE, "not the key of a CID")
    }
}

impl MapKey for Vec<u8> {
    const SCHEMA: KeySchema = KeySchema::Bytes;

    fn to_key(&self) -> Result<Vec<u8>, ActorError> {
        Ok(self.clone())
    }

    fn from_key(bytes: &[u8]) -> Result<Self, ActorError> {
        Ok(bytes.to_vec())
    }
}

fn leb128(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(10);
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

fn parse_leb128(bytes: &[u8]) -> Option<u64> {
    let mut number: u64 = 0;
    for (i, byte) in bytes.iter().enumerate() {
        let part = u64::from(byte & 0x7f);
        let shift = u32::try_from(i * 7).ok()?;
        number |= part
            .checked_shl(shift)
            .filter(|shifted| shifted >> shift == part)?;
        if byte & 0x80 == 0 {
            return (i + 1 == bytes.len()).then_some(number);
        }
    }
    None
}

macro_rules! root_type {
    ($(#[$doc:meta])* $name:ident<$($param:ident),+>) => {
        $(#[$doc])*
        pub struct $name<$($param,)+ const BITS: u32 = 5> {
            cid: Cid,
            kind: PhantomData<fn() -> ($($param,)+)>,
        }

        impl<$($param,)+ const BITS: u32> $name<$($param,)+ BITS> {
            /// The root with this CID. Nothing is checked before it is loaded.
            pub fn from_cid(cid: Cid) -> Self {
                Self { cid, kind: PhantomData }
            }

            /// The root's CID.
            pub fn cid(&self) -> &Cid {
                &self.cid
            }
        }

        impl<$($param,)+ const BITS: u32> Clone for $name<$($param,)+ BITS> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<$($param,)+ const BITS: u32> Copy for $name<$($param,)+ BITS> {}

        impl<$($param,)+ const BITS: u32> PartialEq for $name<$($param,)+ BITS> {
            fn eq(&self, other: &Self) -> bool {
                self.cid == other.cid
            }
        }

        impl<$($param,)+ const BITS: u32> Eq for $name<$($param,)+ BITS> {}

        impl<$($param,)+ const BITS: u32> std::fmt::Debug for $name<$($param,)+ BITS> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}", self.cid)
            }
        }

        impl<$($param,)+ const BITS: u32> Serialize for $name<$($param,)+ BITS> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.cid.serialize(serializer)
            }
        }

        impl<'de, $($param,)+ const BITS: u32> Deserialize<'de> for $name<$($param,)+ BITS> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Cid::deserialize(deserializer).map(Self::from_cid)
            }
        }
    };
}

root_type! {
    /// A link to a HAMT with keys `K` and values `V`, `BITS` bits per level.
    MapRoot<K, V>
}

root_type! {
    /// A link to an AMT of `V`, `BITS` bits per level.
    ArrayRoot<V>
}

/// A link to a set of `K`: a map whose values are null.
pub type SetRoot<K, const BITS: u32 = 5> = MapRoot<K, (), BITS>;

impl<K: MapKey, V: AbiType, const BITS: u32> AbiType for MapRoot<K, V, BITS> {
    const SCHEMA: Schema = Schema::Map {
        bit_width: BITS,
        key: K::SCHEMA,
        value: &V::SCHEMA,
    };
}

impl<V: AbiType, const BITS: u32> AbiType for ArrayRoot<V, BITS> {
    const SCHEMA: Schema = Schema::Array {
        bit_width: BITS,
        value: &V::SCHEMA,
    };
}

impl<K, V, const BITS: u32> MapRoot<K, V, BITS>
where
    K: MapKey,
    V: Serialize + DeserializeOwned,
{
    /// Stores an empty map.
    pub fn empty(store: impl Blockstore) -> Result<Self, ActorError> {
        Map::<_, K, V, BITS>::empty(store).flush()
    }

    /// Loads the map.
    pub fn load<BS: Blockstore>(&self, store: BS) -> Result<Map<BS, K, V, BITS>, ActorError> {
        let hamt = Hamt::load_with_config(&self.cid, store, config(BITS))
            .or_exit(ExitCode::USR_ILLEGAL_STATE, "loading a map")?;
        Ok(Map {
            hamt,
            kind: PhantomData,
        })
    }
}

impl<V, const BITS: u32> ArrayRoot<V, BITS>
where
    V: Serialize + DeserializeOwned,
{
    /// Stores an empty array.
    pub fn empty(store: impl Blockstore) -> Result<Self, ActorError> {
        Array::<_, V, BITS>::empty(store).flush()
    }

    /// Loads the array.
    pub fn load<BS: Blockstore>(&self, store: BS) -> Result<Array<BS, V, BITS>, ActorError> {
        let amt =
            Amt::load(&self.cid, store).or_exit(ExitCode::USR_ILLEGAL_STATE, "loading an array")?;
        Ok(Array { amt })
    }
}

fn config(bit_width: u32) -> Config {
    Config {
        bit_width,
        ..Default::default()
    }
}

/// A map from `K` to `V`. Iterates by hash, not by key (spec 00 §5.1).
pub struct Map<BS, K, V, const BITS: u32 = 5> {
    hamt: Hamt<BS, V>,
    kind: PhantomData<fn() -> K>,
}

impl<BS, K, V, const BITS: u32> Map<BS, K, V, BITS>
where
    BS: Blockstore,
    K: MapKey,
    V: Serialize + DeserializeOwned,
{
    /// An empty map, not stored yet.
    pub fn empty(store: BS) -> Self {
        Self {
            hamt: Hamt::new_with_config(store, config(BITS)),
            kind: PhantomData,
        }
    }

    /// The value of a key.
    pub fn get(&self, key: &K) -> Result<Option<&V>, ActorError> {
        self.hamt
            .get(&BytesKey(key.to_key()?))
            .or_exit(ExitCode::USR_ILLEGAL_STATE, "reading a map")
    }

    /// Whether the key is there.
    pub fn contains(&self, key: &K) -> Result<bool, ActorError> {
        Ok(self.get(key)?.is_some())
    }

    /// Sets a value and gives the one before.
    pub fn set(&mut self, key: &K, value: V) -> Result<Option<V>, ActorError>
    where
        V: PartialEq,
    {
        self.hamt
            .set(BytesKey(key.to_key()?), value)
            .or_exit(ExitCode::USR_ILLEGAL_STATE, "writing a map")
    }

    /// Sets a value unless the key has one; tells whether it did.
    pub fn set_if_absent(&mut self, key: &K, value: V) -> Result<bool, ActorError>
    where
        V: PartialEq,
    {
        self.hamt
            .set_if_absent(BytesKey(key.to_key()?), value)
            .or_exit(ExitCode::USR_ILLEGAL_STATE, "writing a map")
    }

    /// Removes a key and gives its value.
    pub fn remove(&mut self, key: &K) -> Result<Option<V>, ActorError> {
        Ok(self
            .hamt
            .delete(&BytesKey(key.to_key()?))
            .or_exit(ExitCode::USR_ILLEGAL_STATE, "deleting from a map")?
            .map(|(_, value)| value))
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.hamt.is_empty()
    }

    /// Calls `visit` for every entry, in the order of the tree. Its errors pass
    /// through.
    pub fn for_each(
        &self,
        mut visit: impl FnMut(K, &V) -> Result<(), ActorError>,
    ) -> Result<(), ActorError> {
        for entry in &self.hamt {
            let (key, value) = entry.or_exit(ExitCode::USR_ILLEGAL_STATE, "walking a map")?;
            visit(K::from_key(&key.0)?, value)?;
        }
        Ok(())
    }

    /// Stores what changed and gives the new root.
    pub fn flush(&mut self) -> Result<MapRoot<K, V, BITS>, ActorError> {
        let cid = self
            .hamt
            .flush()
            .or_exit(ExitCode::USR_ILLEGAL_STATE, "storing a map")?;
        Ok(MapRoot::from_cid(cid))
    }
}

/// A sparse array of `V`. Iterates by index.
pub struct Array<BS, V, const BITS: u32 = 5> {
    amt: Amt<V, BS>,
}

impl<BS, V, const BITS: u32> Array<BS, V, BITS>
where
    BS: Blockstore,
    V: Serialize + DeserializeOwned,
{
    /// An empty array, not stored yet.
    pub fn empty(store: BS) -> Self {
        Self {
            amt: Amt::new_with_bit_width(store, BITS),
        }
    }

    /// Number of entries.
    pub fn count(&self) -> u64 {
        self.amt.count()
    }

    /// The value at an index.
    pub fn get(&self, index: u64) -> Result<Option<&V>, ActorError> {
        self.amt
            .get(index)
            .or_exit(ExitCode::USR_ILLEGAL_STATE, "reading an array")
    }

    /// Sets the value at an index.
    pub fn set(&mut self, index: u64, value: V) -> Result<(), ActorError> {
        self.amt
            .set(index, value)
            .or_exit(ExitCode::USR_ILLEGAL_STATE, "writing an array")
    }

    /// Removes the value at an index and gives it.
    pub fn remove(&mut self, index: u64) -> Result<Option<V>, ActorError> {
        self.amt
            .delete(index)
            .or_exit(ExitCode::USR_ILLEGAL_STATE, "deleting from an array")
    }

    /// Removes several indices in sorted order; a missing one is an error if
    /// `strict`.
    pub fn remove_all(
        &mut self,
        indices: impl IntoIterator<Item = u64>,
        strict: bool,
    ) -> Result<bool, ActorError> {
        self.amt
            .batch_delete(indices, strict)
            .or_exit(ExitCode::USR_ILLEGAL_STATE, "deleting from an array")
    }

    /// Calls `visit` for every entry by index. Its errors pass through.
    pub fn for_each(
        &self,
        mut visit: impl FnMut(u64, &V) -> Result<(), ActorError>,
    ) -> Result<(), ActorError> {
        let mut failure = None;
        self.amt
            .for_each_while(|index, value| {
                failure = visit(index, value).err();
                Ok(failure.is_none())
            })
            .or_exit(ExitCode::USR_ILLEGAL_STATE, "walking an array")?;
        failure.map_or(Ok(()), Err)
    }

    /// Stores what changed and gives the new root.
    pub fn flush(&mut self) -> Result<ArrayRoot<V, BITS>, ActorError> {
        let cid = self
            .amt
            .flush()
            .or_exit(ExitCode::USR_ILLEGAL_STATE, "storing an array")?;
        Ok(ArrayRoot::from_cid(cid))
    }
}

/// Whether a head is that of an actor without state.
pub fn is_empty_state(head: &Cid) -> bool {
    *head == EMPTY_STATE
}

#[cfg(test)]
mod tests {
    use super::*;
    use fvm_ipld_blockstore::MemoryBlockstore;

    /// Source: spec 00 appendix A.
    #[test]
    fn empty_collections_have_the_protocols_cids() {
        let store = MemoryBlockstore::new();
        assert_eq!(
            MapRoot::<u64, u64>::empty(&store)
                .unwrap()
                .cid()
                .to_string(),
            "bafy2bzaceamp42wmmgr2g2ymg46euououzfyck7szknvfacqscohrvaikwfay"
        );
        assert_eq!(
            ArrayRoot::<u64, 5>::empty(&store)
                .unwrap()
                .cid()
                .to_string(),
            "bafy2bzaceacu3yonapahihxmnhzuvk76yupwjmyeymd2l5n6xfs5st52shm6a"
        );
        assert_eq!(
            ArrayRoot::<u64, 3>::empty(&store)
                .unwrap()
                .cid()
                .to_string(),
            "bafy2bzacedijw74yui7otvo63nfl3hdq2vdzuy7wx2tnptwed6zml4vvz7wee"
        );
    }

    /// Source: spec 00 appendix A.
    #[test]
    fn a_map_with_one_address_has_the_protocols_cid() {
        let store = MemoryBlockstore::new();
        let key =
            b"\x02\x21\x85\xa5\xb6\xcd\x6f\x36\x40\x70\xc9\x63\x51\xab\xf9\x41\x41\xa8\xda\xfd\xbc";
        let mut map = Map::<_, Vec<u8>, u64>::empty(&store);
        map.set(&key.to_vec(), 100).unwrap();
        assert_eq!(
            map.flush().unwrap().cid().to_string(),
            "bafy2bzaceamim4gdqy4dwsey3gowieeacnnjr43iuvgi3nywqguyr4vfqukmi"
        );
    }

    #[test]
    fn keys_have_the_protocols_bytes_and_come_back() {
        for (number, bytes) in [
            (0u64, vec![0]),
            (127, vec![0x7f]),
            (128, vec![0x80, 1]),
            (300, vec![0xac, 2]),
        ] {
            assert_eq!(number.to_key().unwrap(), bytes);
            assert_eq!(u64::from_key(&bytes).unwrap(), number);
        }
        for (number, bytes) in [
            (0i64, vec![0]),
            (-1, vec![1]),
            (1, vec![2]),
            (64, vec![0x80, 1]),
            (2880, vec![0x80, 0x2d]),
        ] {
            assert_eq!(number.to_key().unwrap(), bytes);
            assert_eq!(i64::from_key(&bytes).unwrap(), number);
        }
        for extreme in [i64::MIN, i64::MAX] {
            assert_eq!(i64::from_key(&extreme.to_key().unwrap()).unwrap(), extreme);
        }
        assert!(u64::from_key(&[0xff; 11]).is_err(), "more than 64 bits");
        assert!(u64::from_key(&[0x80]).is_err(), "cut short");
    }
}
