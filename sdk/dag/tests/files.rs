//! Files become DAGs and come back, whole and in parts.

use boatyard_dag::block::{self, Block, DAG_CBOR, DAG_PB, RAW};
use boatyard_dag::pb::{Link, Node};
use boatyard_dag::walk::{self, Limits, Scope};
use boatyard_dag::{
    BlockSource, Bytes, Cid, Dag, DagError, Layout, car, export, export_range, import, import_with,
    unixfs,
};
use proptest::prelude::*;

const LIMIT: u64 = 16 << 20;

/// Bytes without a short period, so that chunks differ.
fn content(length: usize) -> Vec<u8> {
    (0..length)
        .map(|i| (i * 7 + i / 251 * 13 + i / 65_536 * 31) as u8)
        .collect()
}

fn layout(chunk_size: usize, links: usize) -> Layout {
    Layout { chunk_size, links }
}

fn dag(length: usize, chunk_size: usize, links: usize) -> Dag {
    import_with(content(length).as_slice(), layout(chunk_size, links)).unwrap()
}

fn store(blocks: &[Block]) -> car::Store {
    car::Store::new(car::to_vec(&[], blocks)).unwrap()
}

fn limits(bytes: u64) -> Limits {
    Limits {
        bytes,
        duplicates: false,
    }
}

/// From the JavaScript implementation of IPFS, with its defaults set as `ipfs add
/// --cid-version=1` has them, and with other layouts.
#[test]
fn cids_are_those_of_ipfs() {
    for (length, chunk, links, cid) in [
        (
            0,
            262_144,
            174,
            "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
        ),
        (
            1,
            262_144,
            174,
            "bafkreidogqfzz75tpkmjzjke425xqcrmpcib2p5tg44hnbirumdbpl5adu",
        ),
        (
            262_144,
            262_144,
            174,
            "bafkreia7ulqtcek2j3cfkpnxhs25tyu6mbfzcq6dhbhjhoxmvi5wmr5ojy",
        ),
        (
            262_145,
            262_144,
            174,
            "bafybeieajyyop2mul7sn2j7gmfmj7os6tzkgz3ihkt2ar24ybbl5lmodjm",
        ),
        (
            1_000_000,
            262_144,
            174,
            "bafybeih4sv7ombf7rabx7zwer5nhquodsb4risxixvy4pedcmvdsc3uq2y",
        ),
        (
            8_000_000,
            262_144,
            174,
            "bafybeifess7fass3ujwg5eawl2t6dua352c35opbbnjyy5zqcxdbk3l55y",
        ),
        (
            5_000_000,
            1_048_576,
            174,
            "bafybeich4wjzhxy7ot6f42oc5qbupd6qmvuwwm77sl34poa23glavefwli",
        ),
        (
            1_000,
            10,
            3,
            "bafybeifbltaopgbnrljkto3hokwzkxdi2pghhqvuo4m37j53k572c4wpdi",
        ),
        (
            1_000,
            1,
            174,
            "bafybeibzs3hau44besj6ebyfascviv3yjkncijgayxg3ev3xadelpqxvam",
        ),
        (
            20_000,
            100,
            174,
            "bafybeidrsio4fjk5rd2y6vagrigldku6ti5orysahbpszt4sm3q45c2pie",
        ),
        (
            17_400,
            100,
            174,
            "bafybeibn35k4zbo4lxityacdiyeqvech4hmk74x433x5nppdeencivvm7i",
        ),
        (
            17_401,
            100,
            174,
            "bafybeiawtpu6erbvo5melvzzm6xn7gapprr4gxpbyjsluoqhwckgddloue",
        ),
    ] {
        let dag = dag(length, chunk, links);
        assert_eq!(
            dag.root.to_string(),
            cid,
            "{length} bytes in chunks of {chunk}"
        );
        assert_eq!(dag.length, length as u64);
        assert_eq!(dag.blocks[0].cid, dag.root, "the root comes first");
    }
}

#[test]
fn layouts_that_nothing_can_be_done_with_are_refused() {
    for layout in [layout(0, 174), layout((1 << 20) + 1, 174), layout(10, 1)] {
        assert!(import_with(&b"mars"[..], layout).is_err());
    }
}

#[test]
fn a_missing_a_wrong_and_a_swapped_block_are_noticed() {
    let dag = dag(1_000, 100, 4);
    assert_eq!(
        export(&store(&dag.blocks), &dag.root, LIMIT).unwrap(),
        content(1_000)
    );
    for at in 0..dag.blocks.len() {
        let mut blocks = dag.blocks.clone();
        let gone = blocks.remove(at).cid;
        assert_eq!(
            export(&store(&blocks), &dag.root, LIMIT),
            Err(DagError::Missing(gone))
        );
        let mut blocks = dag.blocks.clone();
        let mut bytes = blocks[at].data.to_vec();
        bytes[7] ^= 1;
        blocks[at].data = bytes.into();
        assert_eq!(
            export(&store(&blocks), &dag.root, LIMIT),
            Err(DagError::WrongBytes(gone))
        );
    }
}

#[test]
fn a_part_takes_only_the_blocks_that_hold_it() {
    let dag = dag(1_000, 100, 4);
    let last = dag.blocks.last().unwrap().cid;
    let some: Vec<Block> = dag
        .blocks
        .iter()
        .filter(|block| block.cid == dag.root || block.cid != last)
        .cloned()
        .collect();
    let store = store(&some);
    let part = export_range(&store, &dag.root, 150..420, LIMIT).unwrap();
    assert_eq!(part, content(1_000)[150..420]);
    assert!(export_range(&store, &dag.root, 899..901, LIMIT).is_err());
    let entity = Scope::Entity(Some(150..420));
    let blocks = walk::blocks(&store, &dag.root, &entity, limits(LIMIT)).unwrap();
    // The root, two nodes, the leaves 1, 2, 3 and 4.
    assert_eq!(blocks.len(), 7);
}

#[test]
fn limits_hold() {
    let dag = dag(1_000, 100, 4);
    let store = store(&dag.blocks);
    assert!(export(&store, &dag.root, 1_000).is_ok());
    assert!(matches!(
        export(&store, &dag.root, 999),
        Err(DagError::TooLarge { limit: 999, .. })
    ));
    assert!(matches!(
        walk::blocks(&store, &dag.root, &Scope::All, limits(1_000)),
        Err(DagError::TooLarge { .. })
    ));
}

/// A node that holds the one below many times over, again and again: the file is
/// larger than the world, its blocks are not.
#[test]
fn a_small_dag_of_a_huge_file_does_no_harm() {
    let mut blocks = vec![Block::new(RAW, vec![1; 1_000])];
    let mut size = 1_000u64;
    for _ in 0..5 {
        let below = blocks.last().unwrap().cid;
        let block = joined(&vec![(below, size); 100]);
        blocks.push(block);
        size *= 100;
    }
    let root = blocks.last().unwrap().cid;
    let store = store(&blocks);
    assert!(matches!(
        export(&store, &root, LIMIT),
        Err(DagError::TooLarge { .. })
    ));
    let few = walk::blocks(&store, &root, &Scope::All, limits(LIMIT)).unwrap();
    assert_eq!(few.len(), 6);
    let many = Limits {
        bytes: LIMIT,
        duplicates: true,
    };
    assert!(matches!(
        walk::blocks(&store, &root, &Scope::All, many),
        Err(DagError::TooLarge { .. })
    ));
    let end = size - 10..size;
    assert_eq!(export_range(&store, &root, end, LIMIT).unwrap(), [1; 10]);
}

#[test]
fn a_dag_that_is_too_deep_is_refused() {
    let mut blocks = vec![Block::new(RAW, &b"mars"[..])];
    for _ in 0..100 {
        let below = blocks.last().unwrap().cid;
        blocks.push(joined(&[(below, 4)]));
    }
    let store = store(&blocks);
    let root = blocks.last().unwrap().cid;
    assert_eq!(export(&store, &root, LIMIT), Err(DagError::TooDeep(root)));
    assert_eq!(
        walk::blocks(&store, &root, &Scope::All, limits(LIMIT)),
        Err(DagError::TooDeep(root))
    );
    let near = blocks[50].cid;
    assert_eq!(export(&store, &near, LIMIT).unwrap(), b"mars");
}

#[test]
fn a_child_of_another_size_than_announced_is_refused() {
    let leaf = Block::new(RAW, &b"mars"[..]);
    for stated in [3, 5] {
        let node = joined(&[(leaf.cid, stated)]);
        let result = export(&store(&[leaf.clone(), node.clone()]), &node.cid, LIMIT);
        assert!(
            matches!(result, Err(DagError::Malformed { .. })),
            "{stated}"
        );
    }
}

fn joined(children: &[(Cid, u64)]) -> Block {
    // A node of the file type, with the sizes given.
    let mut data = vec![0x08, 0x02];
    for (_, size) in children {
        data.push(0x20);
        let mut size = *size;
        while size >= 0x80 {
            data.push(size as u8 | 0x80);
            size >>= 7;
        }
        data.push(size as u8);
    }
    let links = children
        .iter()
        .map(|(cid, size)| Link {
            cid: *cid,
            name: Some(String::new()),
            size: Some(*size),
        })
        .collect();
    let node = Node {
        links,
        data: Some(data.into()),
    };
    Block::new(DAG_PB, node.encode())
}

fn named(name: &str, cid: Cid) -> Link {
    Link {
        cid,
        name: Some(name.into()),
        size: None,
    }
}

#[test]
fn a_path_leads_through_directories() {
    let mars = import(&b"mars"[..]).unwrap();
    let inner = Block::new(
        DAG_PB,
        unixfs::directory(vec![named("mars.jpg", mars.root)]),
    );
    let outer = Block::new(
        DAG_PB,
        unixfs::directory(vec![named("planets", inner.cid), named("a", mars.root)]),
    );
    let mut blocks = mars.blocks.clone();
    blocks.extend([inner.clone(), outer.clone()]);
    let store = store(&blocks);
    let found = walk::resolve(&store, &outer.cid, ["planets", "mars.jpg"]).unwrap();
    assert_eq!(found.cid, mars.root);
    assert_eq!(found.way, [outer.clone(), inner.clone()]);
    assert!(matches!(
        walk::resolve(&store, &outer.cid, ["planets", "venus.jpg"]),
        Err(DagError::NoEntry { directory, .. }) if directory == inner.cid
    ));
    assert_eq!(
        walk::resolve(&store, &outer.cid, ["a", "b"]),
        Err(DagError::NotADirectory(mars.root))
    );
    assert_eq!(
        export(&store, &outer.cid, LIMIT),
        Err(DagError::IsDirectory(outer.cid))
    );
    let names: Vec<_> = walk::list(&store, &outer.cid)
        .unwrap()
        .into_iter()
        .filter_map(|link| link.name)
        .collect();
    assert_eq!(names, ["a", "planets"]);
    let entity = walk::blocks(&store, &outer.cid, &Scope::Entity(None), limits(LIMIT)).unwrap();
    assert_eq!(entity, std::slice::from_ref(&outer));
    let all = walk::blocks(&store, &outer.cid, &Scope::All, limits(LIMIT)).unwrap();
    assert_eq!(all, [outer, mars.blocks[0].clone(), inner]);
}

#[test]
fn a_path_leads_through_a_directory_in_parts() {
    let mars = import(&b"mars"[..]).unwrap();
    let shard = |links| {
        let node = Node {
            links,
            // Type 5, fan-out 256.
            data: Some(Bytes::from_static(&[0x08, 5, 0x28, 0x22, 0x30, 0x80, 0x02])),
        };
        Block::new(DAG_PB, node.encode())
    };
    let part = shard(vec![named("0Fmars.jpg", mars.root)]);
    let root = shard(vec![named("01venus.jpg", mars.root), named("A7", part.cid)]);
    let store = store(&[mars.blocks[0].clone(), part.clone(), root.clone()]);
    let found = walk::resolve(&store, &root.cid, ["mars.jpg"]).unwrap();
    assert_eq!(
        (found.cid, found.way),
        (mars.root, vec![root.clone(), part.clone()])
    );
    assert!(matches!(
        walk::resolve(&store, &root.cid, ["A7"]),
        Err(DagError::NoEntry { .. })
    ));
    let entity = walk::blocks(&store, &root.cid, &Scope::Entity(None), limits(LIMIT)).unwrap();
    assert_eq!(entity, [root.clone(), part]);
    assert_eq!(walk::list(&store, &root.cid).unwrap().len(), 2);
}

#[test]
fn cbor_is_followed_and_unknown_codecs_are_not() {
    let mars = Block::new(RAW, &b"mars"[..]);
    let mut data = vec![0x81, 0xd8, 0x2a, 0x58, 0x25, 0x00];
    data.extend(mars.cid.to_bytes());
    let list = Block::new(DAG_CBOR, data);
    let store = store(&[mars.clone(), list.clone()]);
    let all = walk::blocks(&store, &list.cid, &Scope::All, limits(LIMIT)).unwrap();
    assert_eq!(all, [list.clone(), mars.clone()]);
    let odd = Cid::new_v1(0x0129, *mars.cid.hash());
    assert!(matches!(
        walk::links(&odd, &mars.data),
        Err(DagError::UnknownCodec { codec: 0x0129, .. })
    ));
    assert!(matches!(
        export(&store, &list.cid, LIMIT),
        Err(DagError::UnknownCodec { .. })
    ));
}

/// Says whatever it likes under any CID: only the check of the CID is in its way.
struct Liar(Vec<u8>);

impl BlockSource for Liar {
    fn find(&self, _: &Cid) -> Result<Option<Bytes>, DagError> {
        Ok(Some(self.0.clone().into()))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_file_comes_back_in_any_layout(
        file in prop::collection::vec(any::<u8>(), 0..3_000),
        chunk in 1..200usize,
        links in 2..9usize,
        range in (0..3_500u64, 0..3_500u64),
    ) {
        let dag = import_with(file.as_slice(), layout(chunk, links)).unwrap();
        let store = store(&dag.blocks);
        prop_assert_eq!(export(&store, &dag.root, LIMIT).unwrap(), file.clone());
        let (from, to) = range;
        let part = export_range(&store, &dag.root, from..to, LIMIT).unwrap();
        let end = (to as usize).min(file.len());
        let start = (from as usize).min(end);
        prop_assert_eq!(&part, &file[start..end]);
        let all = walk::blocks(&store, &dag.root, &Scope::All, limits(LIMIT)).unwrap();
        prop_assert_eq!(&all, &dag.blocks, "depth first, each once");
        let entity = walk::blocks(&store, &dag.root, &Scope::Entity(None), limits(LIMIT)).unwrap();
        prop_assert_eq!(&entity, &dag.blocks);
    }

    #[test]
    fn any_bytes_under_a_true_name_are_read_or_refused(bytes: Vec<u8>, codec in prop::sample::select(vec![RAW, DAG_PB, DAG_CBOR])) {
        let block = Block::new(codec, bytes.clone());
        let source = Liar(bytes);
        let _ = export(&source, &block.cid, LIMIT);
        let _ = walk::blocks(&source, &block.cid, &Scope::All, limits(LIMIT));
        let _ = walk::resolve(&source, &block.cid, ["a"]);
        let _ = walk::list(&source, &block.cid);
        prop_assert!(block::load(&source, &block.cid).is_ok());
    }
}

/// The codec of a CID says how to read a block, not which it is; every other bit counts.
#[test]
fn a_flipped_bit_anywhere_is_noticed() {
    let dag = dag(1_000, 100, 4);
    let file = export(&store(&dag.blocks), &dag.root, LIMIT).unwrap();
    let car = car::to_vec(&[dag.root], &dag.blocks);
    let codecs: Vec<usize> = car::Index::new(&car)
        .unwrap()
        .entries
        .iter()
        .map(|entry| entry.offset as usize - dag.root.encoded_len() + 1)
        .collect();
    for at in 59..car.len() {
        for bit in 0..8 {
            let mut flipped = car.clone();
            flipped[at] ^= 1 << bit;
            assert_ne!(flipped, car);
            // It may still be a CAR.
            let Ok(store) = car::Store::new(flipped) else {
                continue;
            };
            if let Ok(read) = export(&store, &dag.root, LIMIT) {
                assert!(read == file && codecs.contains(&at), "bit {bit} of {at}");
            }
        }
    }
}
