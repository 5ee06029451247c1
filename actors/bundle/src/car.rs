//! How a bundle is read from a file and written to one.
//!
//! The file is a CARv1 with one root, the manifest `[1, link]`; the link leads
//! to the list `[[name, code]…]`, the codes to the modules. All CIDs are
//! BLAKE2b-256 (spec 00 §1).

use std::borrow::Cow;
use std::collections::HashMap;

use boatyard_sdk::Type;
use cid::Cid;
use fvm_ipld_car::{Block, CarHeader, CarReader, CarWriter};
use fvm_ipld_encoding::{DAG_CBOR, IPLD_RAW, from_slice};

use crate::bundle::{Bundle, MANIFEST_VERSION, digest};

/// How every Wasm module begins.
const WASM_MAGIC: &[u8] = b"\0asm";

/// Why a file is not a bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The file is no CAR, or ends too soon.
    #[error("not a CAR file, or a damaged one: {0}")]
    NotACar(String),
    /// A bundle has one root, the manifest.
    #[error("a bundle has one root, this CAR has {0}")]
    Roots(usize),
    /// A block is not what its CID says.
    #[error("block {cid} has other content than its CID says; the file is damaged")]
    WrongBlock {
        /// The CID it is stored under.
        cid: Cid,
    },
    /// A CID of another kind than bundles are made of.
    #[error("{what} has the CID {cid}, where {wanted} is needed")]
    WrongCid {
        /// What it identifies.
        what: String,
        /// The CID.
        cid: Cid,
        /// The kind it must have.
        wanted: &'static str,
    },
    /// A block that is referred to is not in the file.
    #[error("{what} ({cid}) is not in the file")]
    NoBlock {
        /// What is missing.
        what: String,
        /// Its CID.
        cid: Cid,
    },
    /// The manifest or its list is not what it should be.
    #[error("the {what} cannot be read: {reason}")]
    Malformed {
        /// Which of the two.
        what: &'static str,
        /// The decoder's words.
        reason: String,
    },
    /// A manifest of another version.
    #[error("the manifest has version {0}, only version {MANIFEST_VERSION} is known")]
    Version(u32),
    /// Too few or too many actors.
    #[error("the manifest lists {found} actors, network version 28 has {wanted}")]
    Count {
        /// How many it lists.
        found: usize,
        /// How many there must be.
        wanted: usize,
    },
    /// An actor out of its place: the place is the type number.
    #[error("actor {position} of the manifest is `{found}`, it must be `{wanted}`")]
    Order {
        /// The position, from 1.
        position: usize,
        /// The name there.
        found: String,
        /// The name that belongs there.
        wanted: &'static str,
    },
    /// An actor's code is no Wasm.
    #[error("the code of `{0}` is no Wasm module")]
    NotWasm(String),
}

impl Bundle {
    /// Reads any bundle of sixteen actors, as published for networks.
    ///
    /// # Errors
    /// [`BundleError`] says what is wrong with the file. Whether the FVM can
    /// run the modules shows only when it compiles them.
    pub fn from_car(bytes: &[u8]) -> Result<Bundle, BundleError> {
        let (root, blocks) = read(bytes)?;
        let block = |cid: &Cid, what: &str| {
            blocks
                .get(cid)
                .map(Vec::as_slice)
                .ok_or_else(|| BundleError::NoBlock {
                    what: what.to_owned(),
                    cid: *cid,
                })
        };
        let malformed = |what| {
            move |error: fvm_ipld_encoding::Error| BundleError::Malformed {
                what,
                reason: error.to_string(),
            }
        };
        check_kind(&root, "the manifest", DAG_CBOR)?;
        let (version, data): (u32, Cid) =
            from_slice(block(&root, "the manifest")?).map_err(malformed("manifest"))?;
        if version != MANIFEST_VERSION {
            return Err(BundleError::Version(version));
        }
        check_kind(&data, "the list of actors", DAG_CBOR)?;
        let list: Vec<(String, Cid)> =
            from_slice(block(&data, "the list of actors")?).map_err(malformed("list of actors"))?;
        if list.len() != Type::ALL.len() {
            return Err(BundleError::Count {
                found: list.len(),
                wanted: Type::ALL.len(),
            });
        }
        let mut modules = Vec::with_capacity(list.len());
        for (index, ((name, code), kind)) in list.into_iter().zip(Type::ALL).enumerate() {
            if name != kind.name() {
                let position = index + 1;
                return Err(BundleError::Order {
                    position,
                    found: name,
                    wanted: kind.name(),
                });
            }
            let what = format!("the code of `{name}`");
            check_kind(&code, &what, IPLD_RAW)?;
            let wasm = block(&code, &what)?;
            if !wasm.starts_with(WASM_MAGIC) {
                return Err(BundleError::NotWasm(name));
            }
            modules.push((name, Cow::Owned(wasm.to_vec())));
        }
        // Encoding the list again gives the same CIDs only if it was canonical,
        // and the system actor's state points at what is in the file.
        let bundle = Bundle::new(modules);
        if (bundle.manifest_cid(), bundle.manifest_data_cid()) == (root, data) {
            Ok(bundle)
        } else {
            Err(BundleError::Malformed {
                what: "manifest",
                reason: "it is not in the canonical form of DAG-CBOR".to_owned(),
            })
        }
    }

    /// The bundle as a file, without the registry, which is no part of it.
    pub fn to_car(&self) -> Vec<u8> {
        const IN_MEMORY: &str = "writing to memory does not fail";
        let mut bytes = Vec::new();
        let header = CarHeader::from(vec![self.manifest_cid()]);
        let mut writer = CarWriter::new(header, &mut bytes).expect(IN_MEMORY);
        for (cid, data) in self.blocks() {
            writer
                .write(Block {
                    cid,
                    data: data.to_vec(),
                })
                .expect(IN_MEMORY);
        }
        bytes
    }
}

/// The root and the blocks of a CAR, each block checked against its CID.
fn read(bytes: &[u8]) -> Result<(Cid, HashMap<Cid, Vec<u8>>), BundleError> {
    let damaged = |error: fvm_ipld_car::Error| BundleError::NotACar(error.to_string());
    // Checked here and not by the reader, whose error does not name the block.
    let reader = CarReader::new_unchecked(bytes).map_err(damaged)?;
    let [root] = reader.header.roots[..] else {
        return Err(BundleError::Roots(reader.header.roots.len()));
    };
    let mut blocks = HashMap::new();
    for block in reader {
        let Block { cid, data } = block.map_err(damaged)?;
        if *cid.hash() != digest(&data) {
            return Err(BundleError::WrongBlock { cid });
        }
        blocks.insert(cid, data);
    }
    Ok((root, blocks))
}

fn check_kind(cid: &Cid, what: &str, codec: u64) -> Result<(), BundleError> {
    if cid.version() == cid::Version::V1 && cid.codec() == codec {
        return Ok(());
    }
    let wanted = if codec == IPLD_RAW {
        "a CIDv1 of raw data"
    } else {
        "a CIDv1 of DAG-CBOR"
    };
    Err(BundleError::WrongCid {
        what: what.to_owned(),
        cid: *cid,
        wanted,
    })
}
