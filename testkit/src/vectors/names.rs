//! Words for actors, methods and encoded values in the reports of failures.

use std::collections::BTreeMap;
use std::sync::Arc;

use boatyard_abi::decode::Style;
use boatyard_abi::schema::{Abi, Method, Schema};
use boatyard_abi::{decode_with, diagnose};
use boatyard_bundle::Bundle;
use boatyard_sdk::{NetworkVariant, Type};
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_ipld_encoding::{CBOR, DAG_CBOR};
use fvm_shared::address::Address;
use fvm_shared::{ActorID, METHOD_SEND, MethodNum};

/// Longest text made of one value, in bytes.
const LIMIT: usize = 2_000;

/// The descriptions of the built-in actors that this build has.
pub type Descriptions = Arc<BTreeMap<Type, Abi>>;

/// The descriptions that the bundle carries. An actor whose description cannot be
/// read has none: its values are shown without names then.
pub fn descriptions() -> Descriptions {
    let bundle = Bundle::embedded(NetworkVariant::Mainnet);
    let abi = |kind: Type| Abi::from_json(bundle.abi(kind.name())?).ok();
    Arc::new(
        Type::ALL
            .into_iter()
            .filter_map(|kind| Some((kind, abi(kind)?)))
            .collect(),
    )
}

/// What the actors of a world are and what their bytes mean.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// The type of each actor.
    pub kinds: BTreeMap<ActorID, Type>,
    /// The types' descriptions.
    pub descriptions: Descriptions,
}

impl Names {
    fn abi(&self, id: ActorID) -> Option<&Abi> {
        self.descriptions.get(self.kinds.get(&id)?)
    }

    /// The method that a call asks for, if its receiver is known and has it.
    pub fn method(&self, to: &Address, method: MethodNum) -> Option<&Method> {
        self.abi(to.id().ok()?)?.method_by_number(method)
    }

    /// `f01 (init) method 2 Exec`.
    pub fn call(&self, to: &Address, method: MethodNum) -> String {
        let actor = match to.id() {
            Ok(id) => self.actor(id),
            Err(_) => to.to_string(),
        };
        match self.method(to, method) {
            Some(found) => format!("{actor} method {method} {}", found.name),
            None if method == METHOD_SEND => format!("{actor} method 0 Send"),
            None => format!("{actor} method {method}"),
        }
    }

    /// `f01 (init)`.
    pub fn actor(&self, id: ActorID) -> String {
        match self.kinds.get(&id) {
            Some(kind) => format!("f0{id} ({})", kind.name()),
            None => format!("f0{id}"),
        }
    }

    /// An actor's state object.
    pub fn state(&self, id: ActorID, block: &[u8]) -> String {
        value(block, self.abi(id).map(|abi| &abi.state))
    }
}

/// A data block; `None` is "no block".
pub fn block(block: Option<&IpldBlock>, schema: Option<&Schema>) -> String {
    match block {
        None => "no block".to_owned(),
        Some(block) if block.codec == CBOR => value(&block.data, schema),
        Some(block) if block.codec == DAG_CBOR => {
            format!("dag-cbor {}", value(&block.data, schema))
        }
        Some(block) => shortened(format!(
            "codec {:#x} h'{}'",
            block.codec,
            hex::encode(&block.data)
        )),
    }
}

/// CBOR, with the names of a schema if it fits.
pub fn value(data: &[u8], schema: Option<&Schema>) -> String {
    let named = match schema {
        Some(Schema::Raw | Schema::Any | Schema::Nothing) | None => None,
        Some(schema) => decode_with(schema, data, Style::People).ok(),
    };
    shortened(match named {
        Some(named) => named.to_string(),
        None => diagnose(data),
    })
}

fn shortened(text: String) -> String {
    if text.len() <= LIMIT {
        return text;
    }
    let end = text.floor_char_boundary(LIMIT);
    format!("{}… ({} more bytes)", &text[..end], text.len() - end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_do_not_fit_the_schema_are_shown_as_they_are() {
        let text = fvm_ipld_encoding::to_vec(&"x").unwrap();
        assert_eq!(value(&text, Some(&Schema::Uint)), r#""x""#);
        assert_eq!(value(&text, Some(&Schema::Text)), r#""x""#);
        assert_eq!(value(&[0xff], Some(&Schema::Uint)), "h'ff' / not CBOR /");
    }

    #[test]
    fn no_block_differs_from_an_empty_one() {
        assert_eq!(block(None, None), "no block");
        let raw = IpldBlock {
            codec: 0x55,
            data: vec![],
        };
        assert_eq!(block(Some(&raw), None), "codec 0x55 h''");
    }

    #[test]
    fn long_values_are_cut() {
        let data = fvm_ipld_encoding::to_vec(&"ä".repeat(5_000)).unwrap();
        assert!(value(&data, None).len() < LIMIT + 40);
    }
}
