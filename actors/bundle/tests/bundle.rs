//! The embedded bundle, and bundles in files.

use std::collections::HashSet;

use boatyard_bundle::{Bundle, BundleError};
use boatyard_sdk::{NetworkVariant, Type, network};
use cid::Cid;
use cid::multihash::Multihash;
use fvm_ipld_blockstore::{Blockstore, MemoryBlockstore};
use fvm_ipld_car::{Block, CarHeader, CarWriter};
use fvm_ipld_encoding::{DAG_CBOR, IPLD_RAW, to_vec};

fn devnet() -> &'static Bundle {
    Bundle::embedded(NetworkVariant::Devnet)
}

#[test]
fn the_actors_stand_in_the_order_of_their_types() {
    let names: Vec<_> = devnet()
        .actors()
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, Type::ALL.map(Type::name));
}

#[test]
fn every_actor_has_code_of_its_own() {
    let bundle = devnet();
    let codes: HashSet<_> = bundle.actors().iter().map(|(_, code)| *code).collect();
    assert_eq!(codes.len(), 16);
    for (name, code) in bundle.actors() {
        assert_eq!(bundle.code(name), Some(*code));
        assert_eq!(
            *code,
            Cid::new_v1(IPLD_RAW, blake2b(bundle.wasm(code).unwrap())),
            "{name}"
        );
    }
    assert_eq!(bundle.code("harbour"), None);
}

#[test]
fn the_marker_of_the_sdk_is_the_one_that_is_looked_for() {
    assert_eq!(boatyard_build::sections::NETWORK_MARKER, network::MARKER);
    assert_eq!(
        boatyard_build::sections::ABI_SECTION,
        boatyard_sdk::abi::SECTION
    );
}

#[test]
fn a_module_differs_between_networks_in_the_number_only() {
    let devnet = devnet();
    let mainnet = Bundle::embedded(NetworkVariant::Mainnet);
    for ((name, ours), (_, theirs)) in devnet.actors().iter().zip(mainnet.actors()) {
        let (ours, theirs) = (devnet.wasm(ours).unwrap(), mainnet.wasm(theirs).unwrap());
        assert_eq!(ours.len(), theirs.len(), "{name}");
        let changed: Vec<_> = ours.iter().zip(theirs).filter(|(a, b)| a != b).collect();
        let number = (
            &(NetworkVariant::Devnet as u8),
            &(NetworkVariant::Mainnet as u8),
        );
        assert!(
            changed.is_empty() || changed == [number],
            "{name}: {changed:?}"
        );
    }
}

#[test]
fn the_fvm_accepts_every_module() {
    use fvm::engine::EnginePool;
    use fvm::machine::NetworkConfig;
    use fvm_shared::version::NetworkVersion;

    let store = MemoryBlockstore::default();
    devnet().install(&store).unwrap();
    let engine = EnginePool::new((&NetworkConfig::new(NetworkVersion::V28)).into()).unwrap();
    let engine = engine.acquire();
    let registry = devnet()
        .registry()
        .map(|code| ("registry".to_owned(), code));
    for (name, code) in devnet().actors().iter().chain(&registry) {
        engine
            .preload(code, &store)
            .unwrap_or_else(|error| panic!("{name}: {error:#}"));
        let checked = boatyard_build::check_module(devnet().wasm(code).unwrap(), None);
        checked.unwrap_or_else(|problems| panic!("{name}: {problems:?}"));
    }
}

#[test]
fn actors_with_code_describe_themselves_and_the_others_are_missing() {
    for (name, code) in devnet().actors() {
        let missing = devnet().missing().contains(name);
        let abi = devnet().abi(name);
        assert_eq!(abi.is_none(), missing, "{name}");
        let Some(abi) = abi else {
            let module = devnet().wasm(code).unwrap();
            assert!(
                module
                    .windows(name.len())
                    .any(|window| window == name.as_bytes()),
                "{name}"
            );
            continue;
        };
        let abi: serde_json::Value = serde_json::from_str(abi).unwrap();
        assert_eq!(abi["name"], name.as_str());
    }
}

#[test]
fn installing_puts_manifest_list_and_code_into_the_store() {
    let store = MemoryBlockstore::default();
    devnet().install(&store).unwrap();
    let manifest = store.get(&devnet().manifest_cid()).unwrap().unwrap();
    assert_eq!(
        manifest,
        to_vec(&(1, devnet().manifest_data_cid())).unwrap()
    );
    let list = store.get(&devnet().manifest_data_cid()).unwrap().unwrap();
    assert_eq!(list, to_vec(&devnet().actors()).unwrap());
    for (name, code) in devnet().actors() {
        assert_eq!(
            store.get(code).unwrap().as_deref(),
            devnet().wasm(code),
            "{name}"
        );
    }
    if let Some(registry) = devnet().registry() {
        assert!(store.has(&registry).unwrap());
    }
}

#[test]
fn a_file_gives_the_same_bundle_without_the_registry() {
    let again = Bundle::from_car(&devnet().to_car()).unwrap();
    assert_eq!(again.actors(), devnet().actors());
    assert_eq!(again.manifest_cid(), devnet().manifest_cid());
    assert_eq!(again.manifest_data_cid(), devnet().manifest_data_cid());
    assert_eq!(again.to_car(), devnet().to_car());
    assert_eq!(again.registry(), None);
    assert!(again.missing().is_empty());
}

#[test]
fn a_file_cut_anywhere_is_refused_without_a_panic() {
    let car = Draft::default().car();
    Bundle::from_car(&car).unwrap();
    for length in 0..car.len() {
        assert!(
            Bundle::from_car(&car[..length]).is_err(),
            "{length} bytes were accepted"
        );
    }
}

#[test]
fn a_changed_bit_is_noticed() {
    let car = Draft::default().car();
    for at in 0..car.len() {
        let mut damaged = car.clone();
        damaged[at] ^= 0x10;
        assert!(
            Bundle::from_car(&damaged).is_err(),
            "byte {at} may be changed"
        );
    }
}

#[test]
fn files_that_are_no_bundles_are_refused_with_the_reason() {
    type Change = fn(&mut Draft);
    let cases: [(Change, &str); 9] = [
        (|draft| draft.roots = 2, "has one root, this CAR has 2"),
        (|draft| draft.version = 2, "version 2"),
        (|draft| draft.names.truncate(15), "lists 15 actors"),
        (
            |draft| draft.names.swap(13, 14),
            "actor 14 of the manifest is `eam`, it must be `evm`",
        ),
        (
            |draft| draft.without_code = true,
            "the code of `ethaccount`",
        ),
        (|draft| draft.without_list = true, "the list of actors"),
        (
            |draft| draft.code = b"#!/bin/sh".to_vec(),
            "the code of `system` is no Wasm module",
        ),
        (
            |draft| draft.code_codec = DAG_CBOR,
            "a CIDv1 of raw data is needed",
        ),
        (
            |draft| draft.wrong_content = true,
            "other content than its CID says",
        ),
    ];
    for (change, reason) in cases {
        let mut draft = Draft::default();
        change(&mut draft);
        let message = Bundle::from_car(&draft.car()).unwrap_err().to_string();
        assert!(message.contains(reason), "`{reason}` is not in: {message}");
    }
    assert!(matches!(
        Bundle::from_car(b"no CAR at all"),
        Err(BundleError::NotACar(_))
    ));
}

/// A bundle of tiny modules, to be spoilt.
struct Draft {
    roots: usize,
    version: u32,
    names: Vec<&'static str>,
    code: Vec<u8>,
    code_codec: u64,
    without_code: bool,
    without_list: bool,
    wrong_content: bool,
}

impl Default for Draft {
    fn default() -> Self {
        Draft {
            roots: 1,
            version: 1,
            names: Type::ALL.map(Type::name).to_vec(),
            code: b"\0asm\x01\0\0\0".to_vec(),
            code_codec: IPLD_RAW,
            without_code: false,
            without_list: false,
            wrong_content: false,
        }
    }
}

impl Draft {
    fn car(&self) -> Vec<u8> {
        let modules: Vec<_> = self
            .names
            .iter()
            .map(|name| {
                let wasm = [&self.code[..], name.as_bytes()].concat();
                (*name, Cid::new_v1(self.code_codec, blake2b(&wasm)), wasm)
            })
            .collect();
        let list: Vec<_> = modules
            .iter()
            .map(|(name, code, _)| (*name, *code))
            .collect();
        let list = to_vec(&list).unwrap();
        let list_cid = Cid::new_v1(DAG_CBOR, blake2b(&list));
        let manifest = to_vec(&(self.version, list_cid)).unwrap();
        let manifest_cid = Cid::new_v1(DAG_CBOR, blake2b(&manifest));
        let mut blocks = vec![(manifest_cid, manifest)];
        if !self.without_list {
            blocks.push((list_cid, list));
        }
        blocks.extend(modules.into_iter().map(|(_, code, wasm)| (code, wasm)));
        if self.without_code {
            blocks.pop();
        }
        if self.wrong_content {
            blocks[5].1.push(0);
        }
        let mut bytes = Vec::new();
        let header = CarHeader::from(vec![manifest_cid; self.roots]);
        let mut writer = CarWriter::new(header, &mut bytes).unwrap();
        for (cid, data) in blocks {
            writer.write(Block { cid, data }).unwrap();
        }
        bytes
    }
}

fn blake2b(bytes: &[u8]) -> Multihash<64> {
    let hash = blake2b_simd::Params::new().hash_length(32).hash(bytes);
    Multihash::wrap(0xb220, hash.as_bytes()).unwrap()
}
