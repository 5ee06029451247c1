//! Requests made at random from the OpenRPC document, and answers held against it.

mod common;

use std::collections::BTreeMap;

use common::contract::{hex, init_code};
use common::{TestNode, funded, transfer, wallet};
use regex::Regex;
use serde_json::{Map, Value, json};

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let index = self.roll(items.len());
        &items[index]
    }
}

/// A document, and values of the node by the shapes that they have.
struct Document {
    whole: Value,
    real: BTreeMap<&'static str, Vec<Value>>,
}

impl Document {
    fn target(&self, reference: &str) -> (&Value, String) {
        let name = reference.trim_start_matches("#/components/schemas/");
        (&self.whole["components"]["schemas"][name], name.to_owned())
    }

    /// A value of a schema: half of the time one that means something to the node.
    fn make(&self, schema: &Value, dice: &mut Dice, depth: usize) -> Value {
        if let Some(reference) = schema["$ref"].as_str() {
            let (target, name) = self.target(reference);
            // Of some shapes only those of the node make sense.
            let only = matches!(
                name.as_str(),
                "CID" | "Filecoin_address" | "0x_or_Filecoin_address"
            );
            if let Some(known) = self.real.get(name.as_str())
                && (only || dice.roll(4) > 0)
            {
                return dice.pick(known).clone();
            }
            return self.make(target, dice, depth + 1);
        }
        if let Some(options) = schema["oneOf"].as_array() {
            return self.make(dice.pick(options), dice, depth + 1);
        }
        if let Some(options) = schema["enum"].as_array() {
            return dice.pick(options).clone();
        }
        match schema["type"].as_str() {
            Some("boolean") => json!(dice.roll(2) == 0),
            Some("integer") => {
                let numbers = [0, 1, 2, 3, 5, 100, 2_880, 1 << 31];
                let most = schema["maximum"].as_u64().unwrap_or(u64::MAX);
                json!((*dice.pick(&numbers)).min(most))
            }
            Some("number") => json!(dice.roll(101)),
            Some("null") => Value::Null,
            Some("string") => self.text(schema, dice),
            Some("array") => {
                let count = if depth > 8 { 0 } else { dice.roll(3) };
                (0..count)
                    .map(|_| self.make(&schema["items"], dice, depth + 1))
                    .collect()
            }
            Some("object") => {
                let mut members = Map::new();
                let required: Vec<&str> = schema["required"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .collect();
                for (name, member) in schema["properties"].as_object().into_iter().flatten() {
                    if required.contains(&name.as_str()) || (depth < 8 && dice.roll(3) == 0) {
                        members.insert(name.clone(), self.make(member, dice, depth + 1));
                    }
                }
                Value::Object(members)
            }
            _ => json!(dice.roll(10)),
        }
    }

    fn text(&self, schema: &Value, dice: &mut Dice) -> Value {
        let digits = |dice: &mut Dice, count: usize| -> String {
            (0..count)
                .map(|_| char::from_digit(u32::try_from(dice.roll(16)).unwrap(), 16).unwrap())
                .collect()
        };
        let Some(pattern) = schema["pattern"].as_str() else {
            return json!(dice.pick(&["", "a", "latest", "newHeads", "0x12", "ünï\u{0}"]));
        };
        let text = match pattern {
            "^0x(0|[1-9a-f][0-9a-f]*)$" => {
                (*dice.pick(&["0x0", "0x1", "0x5f5e100", "0xff"])).into()
            }
            "^0x([0-9a-f]{2})*$" => {
                let count = 2 * dice.roll(40);
                format!("0x{}", digits(dice, count))
            }
            "^0x[0-9a-fA-F]{40}$" => format!("0x{}", digits(dice, 40)),
            "^0x[0-9a-f]{64}$" => format!("0x{}", digits(dice, 64)),
            "^-?[0-9]+$" | "^[0-9]+$" => (*dice.pick(&["0", "7", "1000000000000000000"])).into(),
            "^[A-Za-z0-9+/]*={0,2}$" => (*dice.pick(&["", "AQI=", "gA=="])).into(),
            _ => (*dice.pick(&["t01000", "t099", "0x10"])).into(),
        };
        json!(text)
    }

    /// What of a value is not as the schema says.
    fn check(&self, schema: &Value, value: &Value) -> Result<(), String> {
        if schema == &json!(true) {
            return Ok(());
        }
        if let Some(reference) = schema["$ref"].as_str() {
            let (target, name) = self.target(reference);
            return self
                .check(target, value)
                .map_err(|error| format!("{name}: {error}"));
        }
        if let Some(options) = schema["oneOf"].as_array() {
            let fits = |option: &Value| self.check(option, value).is_ok();
            if options.iter().any(fits) {
                return Ok(());
            }
            let reasons = options.iter().map(|option| self.check(option, value));
            let reasons: Vec<String> = reasons.filter_map(Result::err).collect();
            return Err(format!("fits none of: {}", reasons.join(" | ")));
        }
        if let Some(options) = schema["enum"].as_array() {
            return match options.contains(value) {
                true => Ok(()),
                false => Err(format!("{value} is none of {options:?}")),
            };
        }
        let fits = match schema["type"].as_str() {
            Some("boolean") => value.is_boolean(),
            Some("integer") => {
                value.is_i64() && (schema.get("minimum").is_none() || value.is_u64())
                    || value.is_u64()
            }
            Some("number") => value.is_number(),
            Some("null") => value.is_null(),
            Some("string") => value.as_str().is_some_and(|text| {
                schema["pattern"]
                    .as_str()
                    .is_none_or(|pattern| Regex::new(pattern).unwrap().is_match(text))
            }),
            Some("array") => {
                let Some(items) = value.as_array() else {
                    return Err(format!("{value} is no array"));
                };
                for item in items {
                    self.check(&schema["items"], item)?;
                }
                true
            }
            Some("object") => return self.check_object(schema, value),
            _ => true,
        };
        match fits {
            true => Ok(()),
            false => Err(format!("{value} is no {schema}")),
        }
    }

    fn check_object(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let Some(members) = value.as_object() else {
            return Err(format!("{value} is no object"));
        };
        for name in schema["required"].as_array().into_iter().flatten() {
            let name = name.as_str().unwrap();
            if !members.contains_key(name) {
                return Err(format!("{name} is missing"));
            }
        }
        for (name, member) in members {
            let inner = match schema["properties"].get(name) {
                Some(inner) => inner,
                None => match &schema["additionalProperties"] {
                    Value::Bool(false) => return Err(format!("{name} is not described")),
                    Value::Object(_) => &schema["additionalProperties"],
                    _ => continue,
                },
            };
            self.check(inner, member)
                .map_err(|error| format!("{name}: {error}"))?;
        }
        Ok(())
    }
}

/// A node on which something has happened, and what there is on it.
async fn world() -> (TestNode, Document) {
    let node = TestNode::start().await;
    let [from, to] = [node.accounts()[0].clone(), node.accounts()[1].clone()];
    let deployed = node
        .call(
            "eth_sendTransaction",
            json!([{ "data": hex(&init_code()) }]),
        )
        .await
        .unwrap();
    let receipt = node
        .call("eth_getTransactionReceipt", json!([deployed]))
        .await
        .unwrap();
    let contract = receipt["contractAddress"].clone();
    let logged = node
        .call(
            "eth_sendTransaction",
            json!([{ "to": contract, "data": "0x03" }]),
        )
        .await
        .unwrap();
    let native = funded(&node).await;
    let signed = node
        .call(
            "Filecoin.MpoolPushMessage",
            json!([transfer(&native, "t099"), null]),
        )
        .await
        .unwrap();
    let head = node.call("Filecoin.ChainHead", json!([])).await.unwrap();
    let filter = node.call("eth_newFilter", json!([{}])).await.unwrap();
    let block = receipt["blockHash"].clone();
    let state_root = head["Blocks"][0]["ParentStateRoot"].clone();
    let real = BTreeMap::from([
        ("0x_address", vec![json!(from), json!(to), contract.clone()]),
        (
            "32_byte_hash",
            vec![deployed.clone(), logged.clone(), block],
        ),
        (
            "Filecoin_address",
            wallet(&node)
                .await
                .into_iter()
                .map(|address| json!(address))
                .chain([json!("t01000"), json!("t02"), json!("t04"), json!(native)])
                .collect(),
        ),
        (
            "CID",
            vec![
                signed["CID"].clone(),
                head["Cids"][0].clone(),
                state_root,
                head["Blocks"][0]["Messages"].clone(),
            ],
        ),
        ("filter_id", vec![filter]),
        (
            "0x_or_Filecoin_address",
            vec![json!(from), json!("t02"), contract.clone()],
        ),
        (
            "transaction",
            vec![
                json!({ "from": from, "to": to, "value": "0x1" }),
                json!({ "to": contract, "data": "0x01" }),
                json!({ "to": contract, "data": "0x02" }),
                json!({ "data": hex(&init_code()) }),
            ],
        ),
        ("Message", vec![transfer(&native, "t099")]),
        (
            "block",
            vec![json!("latest"), json!("0x1"), json!("earliest")],
        ),
    ]);
    let whole = node.call("rpc.discover", json!([])).await.unwrap();
    (node, Document { whole, real })
}

/// Methods that wait, stop the node, or let too much time pass.
fn left_out(name: &str) -> bool {
    let ends = [
        "Shutdown",
        "mine",
        "mine_detailed",
        "anvil_reorg",
        "IntervalMining",
        "Time",
        "Timestamp",
        "WaitMsg",
        "WaitMsgLimited",
        "BeaconEntry",
        "BeaconGetEntry",
        "boatyard_advance",
        "reset",
        "rollback",
        "ChainSetHead",
        "revert",
        "loadState",
        "setAutomine",
        "Automine",
        "SetDefault",
        "WalletDelete",
        "setBlockGasLimit",
    ];
    ends.iter().any(|end| name.ends_with(end))
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_what_the_document_says() {
    let (node, document) = world().await;
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut answered = Vec::new();
    let mut wrong = Vec::new();
    let mut asked = 0;
    for method in document.whole["methods"].as_array().unwrap() {
        let name = method["name"].as_str().unwrap();
        if method.get("x-stream").is_some() || left_out(name) {
            continue;
        }
        asked += 1;
        let path = match method["x-path"].as_str() {
            Some("v0") => "/rpc/v0",
            Some("v2") => "/rpc/v2",
            _ => "/rpc/v1",
        };
        for _ in 0..12 {
            let params: Vec<Value> = method["params"]
                .as_array()
                .unwrap()
                .iter()
                .map(|param| {
                    let optional = param["required"] == false;
                    match optional && dice.roll(2) == 0 {
                        true => Value::Null,
                        false => document.make(&param["schema"], &mut dice, 0),
                    }
                })
                .collect();
            match node.call_on(path, name, json!(params)).await {
                Ok(result) => {
                    answered.push(name);
                    if let Err(error) = document.check(&method["result"]["schema"], &result) {
                        wrong.push(format!("{name}({}): {error}", json!(params)));
                        break;
                    }
                }
                Err(error) => {
                    assert!(
                        !error.message.contains("failed inside the node"),
                        "{name}{params:?}: {error:?}"
                    );
                    // A value of the schema may be refused for what it means, never for
                    // its form.
                    let form = error.message.contains(": parameter ");
                    let sorted = error.message.contains("ascending");
                    if error.code == -32602 && form && !sorted {
                        wrong.push(format!("{name}({}): {}", json!(params), error.message));
                        break;
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    answered.dedup();
    assert!(
        answered.len() * 10 > asked * 7,
        "only {} of {asked} methods gave a result",
        answered.len()
    );
}

/// The checker itself must see what is wrong.
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_not_as_described_are_found() {
    let (node, document) = world().await;
    let schema = json!({ "$ref": "#/components/schemas/receipt" });
    let receipt = node
        .call("eth_getBlockReceipts", json!(["0x1"]))
        .await
        .unwrap()[0]
        .clone();
    assert_eq!(document.check(&schema, &receipt), Ok(()));
    for (member, value) in [
        ("status", json!(1)),
        ("gasUsed", json!("0x01")),
        ("logs", json!([{}])),
        ("surplus", json!(1)),
    ] {
        let mut broken = receipt.clone();
        broken[member] = value;
        assert!(document.check(&schema, &broken).is_err(), "{member}");
    }
    let mut short = receipt.clone();
    short.as_object_mut().unwrap().remove("from");
    assert!(document.check(&schema, &short).is_err());
}
