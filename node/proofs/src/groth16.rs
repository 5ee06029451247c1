//! The Groth16 scheme: vanilla proofs compressed as on mainnet.
//!
//! Parameters are made locally ([`setup`]) from public seeds: the same everywhere, and
//! worth nothing as a secret. They exist for sectors of 2 KiB. Nothing is ever
//! downloaded.
//!
//! | module | answers |
//! |---|---|
//! | [`setup`] | making the parameters, and finding out whether they are there |
//! | `scheme` | the two ends of the scheme |

mod scheme;
pub mod setup;

pub use scheme::{Groth16Prover, Groth16Verifier};
