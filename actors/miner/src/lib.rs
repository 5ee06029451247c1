//! Storage miner: one actor for each storage provider. It keeps the provider's
//! identity and collateral, takes sectors on, holds it to proving them, and pays out
//! what is left. Created by the power actor through init.
//!
//! Source: specs 05 and 06.

pub mod schema;
