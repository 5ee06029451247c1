//! Descriptions of actors and contracts, and decoding with them.
//!
//! A native actor's description lies in its module, which lies in the store
//! under its code CID; the built-in actors of a foreign bundle are described by
//! ours of the same name. Contracts are described by whoever deployed them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use boatyard_abi::{Abi, EvmAbi, Method, Schema, Style, any, decode};
use boatyard_bundle::Bundle;
use boatyard_chain::{MessageLocation, StateView};
use boatyard_sdk::NetworkVariant;
use cid::Cid;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::state::ActorState;
use serde_json::{Map, Value, json};

use crate::error::RpcError;

/// What is known of actors and contracts.
pub struct Abis {
    /// By code CID; `None` for code that has no description.
    native: Mutex<HashMap<Cid, Option<Arc<Abi>>>>,
    /// Of all contracts together.
    evm: RwLock<EvmAbi>,
}

impl Default for Abis {
    fn default() -> Self {
        Self {
            native: Mutex::default(),
            evm: RwLock::new(EvmAbi::well_known()),
        }
    }
}

impl Abis {
    /// The description of an actor's code. `view` is a state in which it occurs.
    pub fn of_code(&self, view: &StateView, code: &Cid) -> Option<Arc<Abi>> {
        let mut native = self.native.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = native.get(code) {
            return known.clone();
        }
        let abi = read_module(view, code)
            .or_else(|| built_in(view, code))
            .map(Arc::new);
        native.insert(*code, abi.clone());
        abi
    }

    /// Adds the description of a contract.
    pub fn add_contract(&self, abi: EvmAbi) {
        self.evm
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(abi);
    }

    /// Looks something up in the descriptions of contracts.
    pub fn with_contracts<T>(&self, look: impl FnOnce(&EvmAbi) -> T) -> T {
        look(&self.evm.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What a message on the chain returned, in Lotus's JSON; `None` when its
    /// receiver does not describe it.
    pub fn decode_return(&self, view: &StateView, location: &MessageLocation) -> Option<Value> {
        let message = location.message();
        let (_, actor) = view.actor(&message.signed.message.to).ok()??;
        let abi = self.of_code(view, &actor.code)?;
        let method = abi.method_by_number(message.signed.message.method_num)?;
        if method.returns == Schema::Nothing {
            return None;
        }
        decode_lotus(&method.returns, message.receipt.return_data.bytes()).ok()
    }

    /// Parameters of a method in Lotus's JSON; of an undescribed one their CBOR.
    ///
    /// # Errors
    /// When the bytes have another shape.
    pub fn decode_params(
        &self,
        view: &StateView,
        code: &Cid,
        method: u64,
        params: &[u8],
    ) -> Result<Value, RpcError> {
        if params.is_empty() {
            return Ok(Value::Null);
        }
        match self.method(view, code, method) {
            Some(method) if method.params != Schema::Raw => decode_lotus(&method.params, params)
                .map_err(|error| RpcError::failure(format!("the parameters: {error}"))),
            _ => Ok(any::to_json(params, Style::Data)),
        }
    }

    /// Parameters of a method from Lotus's JSON.
    ///
    /// # Errors
    /// When the method is not described, or the JSON has another shape.
    pub fn encode_params(
        &self,
        view: &StateView,
        code: &Cid,
        method: u64,
        params: Value,
    ) -> Result<Vec<u8>, RpcError> {
        let described = self.method(view, code, method).ok_or_else(|| {
            RpcError::failure(format!("the code {code} describes no method {method}"))
        })?;
        let value = from_lotus(&described.params, params);
        boatyard_abi::encode(&described.params, &value)
            .map_err(|error| RpcError::invalid_params(error.to_string()))
    }

    /// An actor's state in Lotus's JSON; of an undescribed actor its CBOR.
    ///
    /// # Errors
    /// When the state is not in the store.
    pub fn lotus_state(&self, view: &StateView, actor: &ActorState) -> Result<Value, RpcError> {
        let block = view
            .store()
            .get(&actor.state)
            .map_err(|error| RpcError::failure(format!("block store: {error:#}")))?
            .ok_or_else(|| {
                RpcError::failure(format!("blockstore: block not found: {}", actor.state))
            })?;
        let decoded = self
            .of_code(view, &actor.code)
            .filter(|abi| abi.state != Schema::Nothing)
            .and_then(|abi| decode_lotus(&abi.state, &block).ok());
        Ok(decoded.unwrap_or_else(|| any::to_json(&block, Style::Data)))
    }

    /// The method that a number stands for.
    pub fn method(&self, view: &StateView, code: &Cid, number: u64) -> Option<Method> {
        self.of_code(view, code)?.method_by_number(number).cloned()
    }
}

fn read_module(view: &StateView, code: &Cid) -> Option<Abi> {
    let module = view.store().get(code).ok()??;
    Abi::from_wasm(&module).ok()?
}

fn built_in(view: &StateView, code: &Cid) -> Option<Abi> {
    let manifest = view.manifest().ok()?;
    let bundle = Bundle::embedded(NetworkVariant::Devnet);
    let name = match manifest.name_of(code) {
        Some(name) => name,
        None if bundle.registry() == Some(*code) => "registry",
        None => return None,
    };
    Abi::from_json(bundle.abi(name)?).ok()
}

/// Bytes of a described shape in Lotus's JSON.
fn decode_lotus(schema: &Schema, bytes: &[u8]) -> Result<Value, boatyard_abi::DecodeError> {
    Ok(lotus(schema, decode(schema, bytes)?))
}

/// From the JSON of `boatyard-abi` to Lotus's: Go's field names, base64 bytes,
/// addresses of test networks, bit fields as run lengths (spec 10 §4).
fn lotus(schema: &Schema, value: Value) -> Value {
    match (schema, value) {
        (Schema::Address, Value::String(text)) => json!(text.replacen('f', "t", 1)),
        (Schema::Bytes, Value::String(text)) => match hex::decode(text.trim_start_matches("0x")) {
            Ok(bytes) if bytes.is_empty() => Value::Null,
            Ok(bytes) => json!(BASE64.encode(bytes)),
            Err(_) => json!(text),
        },
        (Schema::BitField, Value::String(ranges)) => run_lengths(&ranges),
        (Schema::Optional(inner), value) if !value.is_null() => lotus(inner, value),
        (Schema::List(inner), Value::Array(items)) => {
            items.into_iter().map(|item| lotus(inner, item)).collect()
        }
        (Schema::Tuple { fields, .. }, Value::Object(mut values)) => {
            let mut object = Map::new();
            for field in fields {
                let value = values.remove(&field.name).unwrap_or_default();
                object.insert(go_name(&field.name), lotus(&field.schema, value));
            }
            Value::Object(object)
        }
        (_, value) => value,
    }
}

/// The other way: from Lotus's JSON to that of `boatyard-abi`.
fn from_lotus(schema: &Schema, value: Value) -> Value {
    match (schema, value) {
        (Schema::Bytes, Value::Null) => json!("0x"),
        (Schema::Bytes, Value::String(text)) => match BASE64.decode(&text) {
            Ok(bytes) => json!(format!("0x{}", hex::encode(bytes))),
            Err(_) => json!(text),
        },
        (Schema::BitField, Value::Array(runs)) => json!(ranges(&runs)),
        (Schema::Optional(_), Value::Null) => Value::Null,
        (Schema::Optional(inner), value) => from_lotus(inner, value),
        (Schema::List(_), Value::Null) => json!([]),
        (Schema::List(inner), Value::Array(items)) => items
            .into_iter()
            .map(|item| from_lotus(inner, item))
            .collect(),
        (Schema::Tuple { fields, .. }, Value::Object(mut values)) => {
            let mut object = Map::new();
            for field in fields {
                let go = go_name(&field.name);
                // Go reads names whatever their case.
                let key = values
                    .keys()
                    .find(|key| key.eq_ignore_ascii_case(&go))
                    .cloned();
                if let Some(value) = key.and_then(|key| values.remove(&key)) {
                    object.insert(field.name.clone(), from_lotus(&field.schema, value));
                }
            }
            // What has no place is left for the encoder to complain of.
            object.extend(values);
            Value::Object(object)
        }
        (_, value) => value,
    }
}

/// Lengths of runs as `0-4,7`.
fn ranges(runs: &[Value]) -> String {
    let mut position = 0u64;
    let mut ranges = Vec::new();
    for (index, run) in runs.iter().enumerate() {
        let length = run.as_u64().unwrap_or_default();
        let end = position.saturating_add(length);
        if index % 2 == 1 && length > 0 {
            ranges.push(match length {
                1 => position.to_string(),
                _ => format!("{position}-{}", end - 1),
            });
        }
        position = end;
    }
    ranges.join(",")
}

/// `0-4,7` as lengths of runs, beginning with zeros.
fn run_lengths(ranges: &str) -> Value {
    let mut runs = Vec::new();
    let mut position = 0u64;
    for range in ranges.split(',').filter(|range| !range.is_empty()) {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (Ok(first), Ok(last)) = (first.trim().parse::<u64>(), last.trim().parse::<u64>())
        else {
            return json!(ranges);
        };
        runs.push(first.saturating_sub(position));
        runs.push(last.saturating_sub(first).saturating_add(1));
        position = last.saturating_add(1);
    }
    if runs.is_empty() {
        runs.push(0);
    }
    json!(runs)
}

/// A field's name as Go writes it: `next_txn_id` → `NextTxnID`.
fn go_name(name: &str) -> String {
    let part = |part: &str| match part {
        "id" => "ID".to_owned(),
        "cid" => "CID".to_owned(),
        "qa" => "QA".to_owned(),
        other => {
            let mut letters = other.chars();
            letters.next().map_or_else(String::new, |first| {
                first.to_uppercase().chain(letters).collect()
            })
        }
    };
    name.split('_').map(part).collect()
}

#[cfg(test)]
mod tests {
    use boatyard_abi::Field;

    use super::*;

    #[test]
    fn fields_get_their_go_names() {
        for (ours, go) in [
            ("next_txn_id", "NextTxnID"),
            ("signers", "Signers"),
            ("num_approvals_threshold", "NumApprovalsThreshold"),
            ("bytecode_hash", "BytecodeHash"),
        ] {
            assert_eq!(go_name(ours), go);
        }
    }

    #[test]
    fn values_change_to_the_dialect_of_lotus() {
        let field = |name: &str, schema| Field {
            name: name.into(),
            schema,
        };
        let schema = Schema::Tuple {
            name: "State".into(),
            fields: vec![
                field("owner", Schema::Address),
                field("code", Schema::Bytes),
                field("empty", Schema::Bytes),
                field("set", Schema::BitField),
                field("none", Schema::Optional(Box::new(Schema::Address))),
                field("all", Schema::List(Box::new(Schema::Address))),
            ],
        };
        let value = json!({
            "owner": "f01", "code": "0x0102", "empty": "0x", "set": "5", "none": null,
            "all": ["f02", "f03"],
        });
        assert_eq!(
            lotus(&schema, value),
            json!({
                "Owner": "t01", "Code": "AQI=", "Empty": null, "Set": [5, 1], "None": null,
                "All": ["t02", "t03"],
            })
        );
    }

    #[test]
    fn parameters_come_back_from_the_dialect_of_lotus() {
        let schema = Schema::Tuple {
            name: "Params".into(),
            fields: vec![
                Field {
                    name: "num_approvals_threshold".into(),
                    schema: Schema::Uint,
                },
                Field {
                    name: "params".into(),
                    schema: Schema::Bytes,
                },
                Field {
                    name: "sectors".into(),
                    schema: Schema::BitField,
                },
            ],
        };
        let lotus_form = json!({
            "NumApprovalsThreshold": 2, "params": "AQI=", "Sectors": [0, 5, 2, 1],
        });
        assert_eq!(
            from_lotus(&schema, lotus_form),
            json!({ "num_approvals_threshold": 2, "params": "0x0102", "sectors": "0-4,7" })
        );
    }

    #[test]
    fn bit_fields_are_run_lengths() {
        assert_eq!(run_lengths(""), json!([0]));
        assert_eq!(run_lengths("0-4,7"), json!([0, 5, 2, 1]));
    }
}
