//! What a bundle holds, and how it gets into a block store.

use std::borrow::Cow;
use std::collections::BTreeMap;

use boatyard_sdk::NetworkVariant;
use cid::Cid;
use cid::multihash::Multihash;
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::{DAG_CBOR, IPLD_RAW, to_vec};

use crate::embedded;

/// Multihash code of BLAKE2b with 32 bytes.
pub(crate) const BLAKE2B_256: u64 = 0xb220;

/// The only version of the manifest there is.
pub(crate) const MANIFEST_VERSION: u32 = 1;

/// The built-in actors: sixteen modules of code and the manifest that lists
/// them in the order of their type numbers (spec 00 §1).
#[derive(Debug, Clone)]
pub struct Bundle {
    actors: Vec<(String, Cid)>,
    modules: BTreeMap<Cid, Cow<'static, [u8]>>,
    missing: Vec<String>,
    registry: Option<Cid>,
    data: (Cid, Vec<u8>),
    manifest: (Cid, Vec<u8>),
}

impl Bundle {
    /// The actors of this build, with the policy of this network.
    pub fn embedded(variant: NetworkVariant) -> &'static Bundle {
        embedded::bundle(variant)
    }

    /// Puts a bundle together from modules in the manifest's order.
    pub(crate) fn new(modules: Vec<(String, Cow<'static, [u8]>)>) -> Self {
        let mut actors = Vec::with_capacity(modules.len());
        let mut by_code = BTreeMap::new();
        for (name, wasm) in modules {
            let code = code_cid(&wasm);
            actors.push((name, code));
            by_code.insert(code, wasm);
        }
        let data = dag_cbor(&actors);
        let manifest = dag_cbor(&(MANIFEST_VERSION, data.0));
        Bundle {
            actors,
            modules: by_code,
            missing: Vec::new(),
            registry: None,
            data,
            manifest,
        }
    }

    pub(crate) fn with_missing(mut self, missing: Vec<String>) -> Self {
        self.missing = missing;
        self
    }

    pub(crate) fn with_registry(mut self, wasm: Option<Cow<'static, [u8]>>) -> Self {
        if let Some(wasm) = wasm {
            let code = code_cid(&wasm);
            self.registry = Some(code);
            self.modules.insert(code, wasm);
        }
        self
    }

    /// Name and code of each actor; the type number is the position, from 1.
    pub fn actors(&self) -> &[(String, Cid)] {
        &self.actors
    }

    /// The code of an actor, by its name in the manifest.
    pub fn code(&self, name: &str) -> Option<Cid> {
        self.actors
            .iter()
            .find(|(listed, _)| listed == name)
            .map(|(_, code)| *code)
    }

    /// The code of the registry through which users install code on a devnet.
    /// Not part of the manifest; none in a bundle read from a file.
    pub fn registry(&self) -> Option<Cid> {
        self.registry
    }

    /// The actors without code of their own: theirs ends every call with exit
    /// code 22 and says so.
    pub fn missing(&self) -> &[String] {
        &self.missing
    }

    /// What the head of the system actor points at: the list of the actors.
    pub fn manifest_data_cid(&self) -> Cid {
        self.data.0
    }

    /// The root of the bundle: `[1, link to the list]`.
    pub fn manifest_cid(&self) -> Cid {
        self.manifest.0
    }

    /// A module, by its code CID.
    pub fn wasm(&self, code: &Cid) -> Option<&[u8]> {
        self.modules.get(code).map(AsRef::as_ref)
    }

    /// An actor's description as JSON, by its name in the manifest (or
    /// `registry`). Where the module carries none, as in a bundle of others,
    /// that of the same actor of this build: the protocol is the same.
    pub fn abi(&self, name: &str) -> Option<&'static str> {
        embedded::abi(name)
    }

    /// Puts the modules, the list and the root into a store.
    ///
    /// # Errors
    /// The store's.
    pub fn install<S: Blockstore>(&self, store: &S) -> anyhow::Result<()> {
        for (code, wasm) in &self.modules {
            store.put_keyed(code, wasm)?;
        }
        store.put_keyed(&self.data.0, &self.data.1)?;
        store.put_keyed(&self.manifest.0, &self.manifest.1)
    }

    /// The blocks of the file form, the root first, without the registry.
    pub(crate) fn blocks(&self) -> Vec<(Cid, &[u8])> {
        let mut blocks = vec![
            (self.manifest.0, &self.manifest.1[..]),
            (self.data.0, &self.data.1[..]),
        ];
        let mut written = Vec::new();
        for (_, code) in &self.actors {
            if let Some(wasm) = self.wasm(code).filter(|_| !written.contains(code)) {
                written.push(*code);
                blocks.push((*code, wasm));
            }
        }
        blocks
    }
}

/// The code CID of a module: raw, BLAKE2b-256 of its bytes.
fn code_cid(wasm: &[u8]) -> Cid {
    Cid::new_v1(IPLD_RAW, digest(wasm))
}

fn dag_cbor(value: &impl serde::Serialize) -> (Cid, Vec<u8>) {
    let bytes = to_vec(value).expect("names, links and numbers are always encoded");
    (Cid::new_v1(DAG_CBOR, digest(&bytes)), bytes)
}

pub(crate) fn digest(bytes: &[u8]) -> Multihash<64> {
    let hash = blake2b_simd::Params::new().hash_length(32).hash(bytes);
    Multihash::wrap(BLAKE2B_256, hash.as_bytes()).expect("32 bytes fit into 64")
}
