//! What an actor's event says. Source: spec 00 §15.

use minicbor::decode::Decoder;
use serde_json::{Map, Value, json};

use crate::any;
use crate::decode::{Style, decode_with, hex_text};
use crate::schema::Abi;

/// Codec of values that are CBOR.
const CBOR: u64 = 0x51;
const DAG_CBOR: u64 = 0x71;

/// Key of the entry that holds a native event's name.
const NAME_KEY: &str = "$type";

/// An entry of an event, as receipts carry it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventEntry {
    /// 1: the key is indexed, 2: the value, 3: both.
    pub flags: u64,
    /// Key, up to 31 bytes of text.
    pub key: String,
    /// Codec of the value: 0x51 CBOR, 0x55 raw.
    pub codec: u64,
    /// Value.
    pub value: Vec<u8>,
}

/// An event in words.
#[derive(Debug, Clone, PartialEq)]
pub struct DecodedEvent {
    /// Its name; `None` if its entries do not tell.
    pub name: Option<String>,
    /// Its fields in order.
    pub fields: Vec<(String, Value)>,
}

impl DecodedEvent {
    /// As an object. A key that occurs twice is numbered: `piece`, `piece#2`.
    pub fn to_json(&self) -> Value {
        let mut fields = Map::new();
        for (key, value) in &self.fields {
            let mut name = key.clone();
            let mut occurrence = 1;
            while fields.contains_key(&name) {
                occurrence += 1;
                name = format!("{key}#{occurrence}");
            }
            fields.insert(name, value.clone());
        }
        json!({ "name": self.name, "fields": fields })
    }
}

/// Puts an event into words with the help of its emitter's description.
///
/// Entries that nobody described, or that are not as described, are shown by
/// their own CBOR. Never fails.
pub fn decode_event(abi: Option<&Abi>, entries: &[EventEntry], style: Style) -> DecodedEvent {
    let name = entries
        .iter()
        .find(|entry| entry.key == NAME_KEY)
        .and_then(|entry| Decoder::new(&entry.value).str().ok())
        .map(str::to_owned);
    let described = abi
        .zip(name.as_ref())
        .and_then(|(abi, name)| abi.events.iter().find(|event| event.name == *name));
    let fields = entries
        .iter()
        .filter(|entry| entry.key != NAME_KEY || name.is_none())
        .map(|entry| {
            let by_schema = described
                .and_then(|event| event.fields.iter().find(|field| field.name == entry.key))
                .and_then(|field| decode_with(&field.schema, &entry.value, style).ok());
            let value = by_schema.unwrap_or_else(|| match entry.codec {
                CBOR | DAG_CBOR => any::to_json(&entry.value, style),
                _ => json!(hex_text(&entry.value)),
            });
            (entry.key.clone(), value)
        })
        .collect();
    DecodedEvent { name, fields }
}

/// Topics and data of an event that is an EVM log: entries `t1`…`t4` and `d` of
/// raw codec; `None` for any other. Source: spec 10 §2.10.
pub fn evm_log(entries: &[EventEntry]) -> Option<(Vec<[u8; 32]>, Vec<u8>)> {
    const RAW: u64 = 0x55;
    let mut topics: [Option<[u8; 32]>; 4] = [None; 4];
    let mut data = None;
    for entry in entries {
        if entry.codec != RAW {
            return None;
        }
        let slot = match entry.key.as_str() {
            "t1" => 0,
            "t2" => 1,
            "t3" => 2,
            "t4" => 3,
            "d" if data.is_none() => {
                data = Some(entry.value.clone());
                continue;
            }
            _ => return None,
        };
        if topics[slot].is_some() {
            return None;
        }
        topics[slot] = Some(entry.value.as_slice().try_into().ok()?);
    }
    let count = topics.iter().take_while(|topic| topic.is_some()).count();
    if topics[count..].iter().any(Option::is_some) {
        return None;
    }
    Some((
        topics.into_iter().flatten().collect(),
        data.unwrap_or_default(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &str, codec: u64, value: &[u8]) -> EventEntry {
        EventEntry {
            flags: 3,
            key: key.into(),
            codec,
            value: value.to_vec(),
        }
    }

    fn abi() -> Abi {
        Abi::from_json(
            r#"{"name":"bank","methods":[],"state":"nothing","events":[
                {"name":"paid","fields":[{"name":"amount","type":"token_amount"}]}]}"#,
        )
        .unwrap()
    }

    #[test]
    fn described_fields_are_decoded_and_others_shown() {
        let entries = [
            entry("$type", CBOR, b"\x64paid"),
            entry("amount", CBOR, b"\x42\x00\x07"),
            entry("extra", CBOR, b"\x81\x01"),
            entry("raw", 0x55, b"\xff"),
        ];
        let event = decode_event(Some(&abi()), &entries, Style::Data);
        assert_eq!(
            event.to_json(),
            json!({"name": "paid", "fields": {"amount": "7", "extra": [1], "raw": "0xff"}})
        );
    }

    #[test]
    fn a_field_that_is_not_as_described_is_still_shown() {
        let entries = [
            entry("$type", CBOR, b"\x64paid"),
            entry("amount", CBOR, b"\x07"),
            entry("amount", CBOR, b"\x08"),
        ];
        let event = decode_event(Some(&abi()), &entries, Style::Data);
        assert_eq!(
            event.to_json()["fields"],
            json!({"amount": 7, "amount#2": 8})
        );
    }

    #[test]
    fn an_event_without_a_name_keeps_all_its_entries() {
        let event = decode_event(None, &[entry("$type", CBOR, b"\xff")], Style::Data);
        assert_eq!(event.name, None);
        assert_eq!(event.fields, [("$type".to_owned(), json!("0xff"))]);
    }

    #[test]
    fn only_events_made_of_topics_and_data_are_logs() {
        let topic = [7; 32];
        let log = [entry("t1", 0x55, &topic), entry("d", 0x55, b"x")];
        assert_eq!(evm_log(&log), Some((vec![topic], b"x".to_vec())));
        assert_eq!(evm_log(&[]), Some((vec![], vec![])));
        for bad in [
            vec![entry("t2", 0x55, &topic)],
            vec![entry("t1", 0x55, b"short")],
            vec![entry("t1", CBOR, &topic)],
            vec![entry("t1", 0x55, &topic), entry("t1", 0x55, &topic)],
            vec![entry("$type", 0x55, b"")],
        ] {
            assert_eq!(evm_log(&bad), None);
        }
    }
}
