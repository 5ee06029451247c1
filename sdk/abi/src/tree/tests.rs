use std::collections::BTreeMap;

use fvm_ipld_amt::Amt;
use fvm_ipld_blockstore::{Blockstore, MemoryBlockstore};
use fvm_ipld_encoding::{CborStore, to_vec};
use fvm_ipld_hamt::{BytesKey, Config, Hamt};
use proptest::prelude::*;

use super::*;

fn blocks(store: &MemoryBlockstore, limit: usize) -> Blocks<'_> {
    Blocks::new(
        |cid| store.get(cid).map_err(|error| error.to_string()),
        limit,
    )
}

fn map(store: &MemoryBlockstore, keys: &[u64], bit_width: u32) -> Cid {
    let config = Config {
        bit_width,
        ..Default::default()
    };
    let mut map = Hamt::<_, u64>::new_with_config(store, config);
    for key in keys {
        map.set(BytesKey(key.to_be_bytes().to_vec()), key * 2)
            .unwrap();
    }
    map.flush().unwrap()
}

fn array(store: &MemoryBlockstore, indexes: &[u64], bit_width: u32) -> Cid {
    let mut array = Amt::<u64, _>::new_with_bit_width(store, bit_width);
    for index in indexes {
        array.set(*index, index / 2).unwrap();
    }
    array.flush().unwrap()
}

fn all_in_map(
    store: &MemoryBlockstore,
    root: &Cid,
    bit_width: u32,
    start: Option<&[u8]>,
) -> Result<Vec<Vec<u8>>, TreeError> {
    let mut keys = Vec::new();
    walk_map(
        &mut blocks(store, 10_000),
        root,
        bit_width,
        start,
        &mut |key, _| {
            keys.push(key.to_vec());
            ControlFlow::Continue(())
        },
    )?;
    Ok(keys)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_map_of_the_published_crate_is_read_entry_by_entry(
        keys in prop::collection::btree_set(any::<u64>(), 0..200),
        bit_width in 1u32..8,
    ) {
        let store = MemoryBlockstore::default();
        let keys: Vec<u64> = keys.into_iter().collect();
        let keys: Vec<u64> = keys.into_iter().map(|key| key >> 1).collect();
        let root = map(&store, &keys, bit_width);

        let walked = all_in_map(&store, &root, bit_width, None).unwrap();
        let expected: std::collections::BTreeSet<u64> = keys.iter().copied().collect();
        prop_assert_eq!(walked.len(), expected.len());
        for (position, key) in walked.iter().enumerate() {
            let rest = all_in_map(&store, &root, bit_width, Some(key)).unwrap();
            prop_assert_eq!(&rest[..], &walked[position..]);
            let number = u64::from_be_bytes(key.clone().try_into().unwrap());
            let value = get_in_map(&mut blocks(&store, 100), &root, bit_width, key).unwrap();
            prop_assert_eq!(value, Some(to_vec(&(number * 2)).unwrap()));
        }
        let absent = get_in_map(&mut blocks(&store, 100), &root, bit_width, b"absent").unwrap();
        prop_assert_eq!(absent, None);
    }

    #[test]
    fn an_array_of_the_published_crate_is_read_entry_by_entry(
        entries in prop::collection::btree_set(
            prop_oneof![0u64..300, any::<u64>().prop_map(|n| n.min(u64::MAX - 1))], 0..100),
        start in prop_oneof![0u64..300, any::<u64>()],
        bit_width in 1u32..8,
    ) {
        let store = MemoryBlockstore::default();
        let indexes: Vec<u64> = entries.iter().copied().collect();
        let root = array(&store, &indexes, bit_width);

        let mut walked = BTreeMap::new();
        let count = walk_array(&mut blocks(&store, 100_000), &root, start, &mut |index, value| {
            walked.insert(index, value.to_vec());
            ControlFlow::Continue(())
        }).unwrap();
        prop_assert_eq!(count, indexes.len() as u64);
        let expected: BTreeMap<u64, Vec<u8>> = entries
            .range(start..)
            .map(|index| (*index, to_vec(&(index / 2)).unwrap()))
            .collect();
        prop_assert_eq!(&walked, &expected);
        if let Some((index, value)) = expected.first_key_value() {
            let found = get_in_array(&mut blocks(&store, 1_000), &root, *index).unwrap();
            prop_assert_eq!(found.as_ref(), Some(value));
        }
    }

    #[test]
    fn no_block_makes_it_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..120),
        bit_width in any::<u32>(),
    ) {
        let store = MemoryBlockstore::default();
        let root = fvm_shared::EMPTY_ARR_CID;
        store.put_keyed(&root, &bytes).unwrap();
        let go_on = |_: &[u8], _: &[u8]| ControlFlow::Continue(());
        let _ = walk_map(&mut blocks(&store, 50), &root, bit_width, Some(b"x"), &mut { go_on });
        let _ = get_in_map(&mut blocks(&store, 50), &root, bit_width, b"x");
        let _ = walk_array(&mut blocks(&store, 50), &root, 3, &mut |_, _| ControlFlow::Continue(()));
    }
}

#[test]
fn a_tree_that_contains_itself_ends_at_the_limit() {
    let store = MemoryBlockstore::default();
    let root = fvm_shared::EMPTY_ARR_CID;
    let node = to_vec(&(fvm_ipld_encoding::BytesSer(&[1]), vec![root])).unwrap();
    store.put_keyed(&root, &node).unwrap();
    let error = all_in_map(&store, &root, 5, None).unwrap_err();
    assert!(error.to_string().contains("deeper than a hash"), "{error}");
    let error = walk_map(&mut blocks(&store, 10), &root, 5, None, &mut |_, _| {
        ControlFlow::Continue(())
    })
    .unwrap_err();
    assert_eq!(error, TreeError::TooManyBlocks(10));
}

#[test]
fn broken_arrays_are_refused_in_words() {
    use fvm_ipld_encoding::BytesSer;
    let store = MemoryBlockstore::default();
    let none: Vec<Cid> = vec![];
    for (block, words) in [
        (
            to_vec(&(3u32, 40u32, 1u64, (BytesSer(&[1]), &none, [1]))).unwrap(),
            "higher than 64 bits",
        ),
        (
            to_vec(&(60u32, 0u32, 1u64, (BytesSer(&[1]), &none, [1]))).unwrap(),
            "bit width is out of range",
        ),
        (
            to_vec(&(
                3u32,
                0u32,
                1u64,
                (BytesSer(&[1]), [fvm_shared::EMPTY_ARR_CID], &none),
            ))
            .unwrap(),
            "links at the lowest level",
        ),
        (
            to_vec(&(3u32, 1u32, 1u64, (BytesSer(&[1]), &none, [1]))).unwrap(),
            "values above the lowest level",
        ),
        (
            to_vec(&(3u32, 0u32, 1u64, (BytesSer(&[0, 1]), &none, [1]))).unwrap(),
            "a slot is out of range",
        ),
        (
            to_vec(&(3u32, 0u32, 1u64, (BytesSer(&[3]), &none, [1]))).unwrap(),
            "an array of 2 elements",
        ),
        (to_vec(&7).unwrap(), "unexpected type"),
    ] {
        let root = store
            .put_cbor(&0, multihash_codetable::Code::Blake2b256)
            .unwrap();
        store.put_keyed(&root, &block).unwrap();
        let error = walk_array(&mut blocks(&store, 10), &root, 0, &mut |_, _| {
            ControlFlow::Continue(())
        });
        let error = error.unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
}
