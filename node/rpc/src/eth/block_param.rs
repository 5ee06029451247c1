//! Which block a client means (spec 10 §2.2).

use alloy::primitives::B256;
use serde_json::Value;

use crate::error::quote;
use crate::params::{Hash, Quantity};
use crate::registry::{Param, kind};

/// A block by name, number or hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockParam {
    /// By name.
    Tag(Tag),
    /// By number, that is by epoch.
    Number(u64),
    /// By hash; tipsets that were reverted are not found either way, so
    /// `requireCanonical` makes no difference.
    Hash(B256),
}

/// A block's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// The newest executed tipset.
    Latest,
    /// The newest tipset and what waits in the pool.
    Pending,
    /// A tipset that will hardly be reverted.
    Safe,
    /// A tipset that will not be reverted.
    Finalized,
    /// Genesis.
    Earliest,
}

impl BlockParam {
    /// The newest block.
    pub const LATEST: Self = Self::Tag(Tag::Latest);

    /// Reads the text forms.
    ///
    /// # Errors
    /// When it is none of them.
    pub fn parse(text: &str) -> Result<Self, String> {
        Ok(match text {
            "latest" | "" => Self::LATEST,
            "pending" => Self::Tag(Tag::Pending),
            "safe" => Self::Tag(Tag::Safe),
            "finalized" => Self::Tag(Tag::Finalized),
            "earliest" => Self::Tag(Tag::Earliest),
            // Numbers have 16 digits at most, so 32 bytes can only be a hash.
            hash if hash.starts_with("0x") && hash.len() == 66 => {
                Self::Hash(Hash::read(Value::String(hash.to_owned()))?.0)
            }
            number => Self::Number(Self::number(Quantity::parse(number).map_err(|_| {
                format!(
                    "expected a block number, a block hash, or latest, pending, safe, finalized \
                     or earliest, got \"{}\"",
                    quote(number)
                )
            })?)?),
        })
    }

    fn number(quantity: Quantity) -> Result<u64, String> {
        u64::try_from(quantity.0).map_err(|_| format!("{} is no block number", quantity.0))
    }
}

impl Param for BlockParam {
    const SHAPE: &'static str = "block";

    fn read(value: Value) -> Result<Self, String> {
        match value {
            Value::String(text) => Self::parse(&text),
            number @ Value::Number(_) => Self::number(Quantity::read(number)?).map(Self::Number),
            Value::Object(mut fields) => {
                match (fields.remove("blockNumber"), fields.remove("blockHash")) {
                    (Some(number), None) => Self::number(Quantity::read(number)?).map(Self::Number),
                    (None, Some(hash)) => Hash::read(hash).map(|hash| Self::Hash(hash.0)),
                    _ => Err("expected either blockNumber or blockHash".into()),
                }
            }
            other => Err(format!("expected a block, got {}", kind(&other))),
        }
    }

    fn missing() -> Option<Self> {
        Some(Self::LATEST)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_form_of_a_block_is_understood() {
        let hash = format!("0x{}", "ab".repeat(32));
        for (value, expected) in [
            (json!("latest"), BlockParam::LATEST),
            (json!("earliest"), BlockParam::Tag(Tag::Earliest)),
            (json!("0x10"), BlockParam::Number(16)),
            (json!("16"), BlockParam::Number(16)),
            (json!(16), BlockParam::Number(16)),
            (json!({ "blockNumber": "0x10" }), BlockParam::Number(16)),
            (json!(hash), BlockParam::Hash(B256::repeat_byte(0xab))),
            (
                json!({ "blockHash": hash, "requireCanonical": true }),
                BlockParam::Hash(B256::repeat_byte(0xab)),
            ),
        ] {
            assert_eq!(BlockParam::read(value.clone()), Ok(expected), "{value}");
        }
    }

    #[test]
    fn nonsense_is_refused_with_the_forms_that_exist() {
        for wrong in [
            json!("newest"),
            json!({}),
            json!([]),
            json!(-1),
            json!("0x10000000000000000"),
        ] {
            assert!(BlockParam::read(wrong.clone()).is_err(), "{wrong}");
        }
        assert!(
            BlockParam::parse("newest")
                .unwrap_err()
                .contains("finalized")
        );
    }
}
