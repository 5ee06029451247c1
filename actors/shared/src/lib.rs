//! What the built-in actors share, and nothing that only one of them needs.
//!
//! | module | answers | sheet |
//! |---|---|---|
//! | [`singletons`] | which actor has which fixed ID | 00 §2 |
//! | [`policy`] | the numbers that differ between networks, and those that do not | 00 §21 |
//! | [`ext`] | method numbers, parameters and returns that actors send to each other | 01-08 |
//! | [`eth`] | 20-byte Ethereum addresses and what they stand for | 00 §3 |
//! | [`frc46`] | how tokens announce themselves to their receiver | 08 §B4 |
//! | [`resolve`] | the ID behind an address that may not be on chain yet | 00 §12 |
//! | [`fallback`] | what accounts do with methods that they do not have | 01 §4 |
//! | [`batch`] | which items of a batch failed | 00 §20 |
//! | [`quantize`], [`deadlines`] | when things are rounded to, when proofs are due | 00 §18 |
//! | [`smoothing`], [`fixed_point`] | filtered estimates, logarithm, sums of ratios | 00 §19 |
//! | [`sectors`] | sizes and proof types | 00 §17 |
//! | [`time`] | epochs per hour, day, year | 00 §17 |
//! | [`violations`] | what an `invariants` module found | |
//!
//! Machinery that users' actors need as well (dispatch, collections, errors)
//! lives in `boatyard-sdk`.

pub mod batch;
pub mod deadlines;
pub mod eth;
pub mod ext;
pub mod fallback;
pub mod fixed_point;
pub mod frc46;
pub mod policy;
pub mod quantize;
pub mod resolve;
pub mod sectors;
pub mod singletons;
pub mod smoothing;
pub mod time;
pub mod violations;

pub use batch::{BatchBuilder, BatchReturn, FailCode};
pub use deadlines::DeadlineInfo;
pub use eth::EthAddress;
pub use policy::{Policy, PolicyExt, ProofSet};
pub use quantize::{NO_QUANTIZATION, QuantSpec};
pub use resolve::resolve_to_id;
pub use singletons::*;
pub use smoothing::FilterEstimate;
pub use violations::Violations;
