//! IPFS data: files as UnixFS DAGs, CAR files, and the way back.
//!
//! [`import`] turns a file into blocks and a CID, the one that
//! `ipfs add --cid-version=1` gives; [`car`] packs blocks into a CAR and finds them in
//! one; [`export`] gives the file back and trusts nobody: every block is checked
//! against its CID.
//!
//! | module | answers |
//! |---|---|
//! | [`import`](mod@import) | which blocks and which CID a file has |
//! | [`car`] | what is in a CAR, and how one is written |
//! | [`export`](mod@export) | the bytes of a file, or a part of them |
//! | [`walk`] | which blocks a path, a file or a whole DAG takes |
//! | [`unixfs`] | what a block says of a file or directory |
//! | [`pb`] | DAG-PB, the blocks of UnixFS |
//! | [`block`] | blocks, where they come from, and whether they are what they say |
//! | [`error`] | why something cannot be read |
//!
//! Blocks and files are kept in memory: made for pieces of some MiB. Whatever is read
//! may come from anybody, so nothing here panics on it or works without bound on it.
//! Knows nothing of pieces, sectors and HTTP.
//!
//! ```
//! use boatyard_dag::{car, export, import};
//!
//! let dag = import(&b"the network, please keep this"[..])?;
//! let car = car::to_vec(&[dag.root], &dag.blocks);
//!
//! let store = car::Store::new(car)?;
//! assert_eq!(export(&store, &dag.root, 1 << 20)?, b"the network, please keep this");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod block;
pub mod car;
pub mod error;
pub mod export;
pub mod import;
pub mod pb;
pub mod unixfs;
pub mod walk;

pub use block::{Block, BlockSource};
pub use bytes::Bytes;
pub use cid::Cid;
pub use error::DagError;
pub use export::{export, export_range};
pub use import::{Dag, Layout, import, import_file, import_with};
