//! Values of every shape survive the way to bytes and back; nothing else panics.

use boatyard_abi::schema::{Field, KeySchema};
use boatyard_abi::{Schema, Style, decode, decode_with, encode};
use proptest::prelude::*;
use serde_json::{Value, json};

const CID: &str = "bafy2bzacea456askyutsf7uk4ta2q5aojrlcji4mhaqokbfalgvoq4ueeh4l2";

/// A shape and a value of it, as [`decode`] would write it.
fn shape_and_value() -> impl Strategy<Value = (Schema, Value)> {
    let leaf = prop_oneof![
        Just((Schema::Null, Value::Null)),
        any::<bool>().prop_map(|value| (Schema::Bool, json!(value))),
        any::<u64>().prop_map(|value| (Schema::Uint, json!(value))),
        any::<i64>().prop_map(|value| (Schema::Int, json!(value))),
        any::<i128>().prop_map(|value| (Schema::BigInt, json!(value.to_string()))),
        any::<i128>().prop_map(|value| (Schema::TokenAmount, json!(value.to_string()))),
        any::<u128>().prop_map(|value| (Schema::U256, json!(value.to_string()))),
        any::<u64>().prop_map(|id| (Schema::Address, json!(format!("f0{id}")))),
        Just((
            Schema::EthAddress,
            json!("0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045")
        )),
        Just((Schema::Cid, json!({ "/": CID }))),
        Just((
            Schema::Map {
                bit_width: 5,
                key: KeySchema::Uint,
                value: Box::new(Schema::Null)
            },
            json!({ "/": CID })
        )),
        prop::collection::vec(any::<u8>(), 0..40)
            .prop_map(|bytes| (Schema::Bytes, json!(format!("0x{}", hex::encode(bytes))))),
        ".{0,20}".prop_map(|text| (Schema::Text, json!(text))),
        (0u64..1000, 2u64..50).prop_map(|(first, more)| (
            Schema::BitField,
            json!(format!("{first}-{}", first + more))
        )),
        ".{0,9}".prop_map(|text| (Schema::Any, json!({"key": [text, 1, null, {"/": CID}]}))),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            inner
                .clone()
                .prop_map(|(schema, value)| (Schema::Optional(Box::new(schema)), value)),
            inner
                .clone()
                .prop_map(|(schema, _)| (Schema::Optional(Box::new(schema)), Value::Null)),
            (inner.clone(), 0usize..4).prop_map(|((schema, value), count)| (
                Schema::List(Box::new(schema)),
                Value::Array(vec![value; count])
            )),
            prop::collection::vec(inner, 0..4).prop_map(|members| {
                let mut fields = Vec::new();
                let mut object = serde_json::Map::new();
                for (position, (schema, value)) in members.into_iter().enumerate() {
                    let name = format!("field_{position}");
                    object.insert(name.clone(), value);
                    fields.push(Field { name, schema });
                }
                let schema = Schema::Tuple {
                    name: "Tuple".into(),
                    fields,
                };
                (schema, Value::Object(object))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn a_value_comes_back_as_it_was((schema, value) in shape_and_value()) {
        let bytes = encode(&schema, &value).unwrap();
        prop_assert_eq!(decode(&schema, &bytes).unwrap(), value);
    }

    #[test]
    fn what_people_read_is_what_they_may_write((schema, value) in shape_and_value()) {
        // CBOR of any shape loses its kinds when it is written for people.
        prop_assume!(!format!("{schema:?}").contains("Any"));
        let bytes = encode(&schema, &value).unwrap();
        let shown = decode_with(&schema, &bytes, Style::People).unwrap();
        prop_assert_eq!(encode(&schema, &shown).unwrap(), bytes);
    }

    #[test]
    fn tuples_may_be_written_by_position((schema, value) in shape_and_value()) {
        let bytes = encode(&schema, &value).unwrap();
        if let (Schema::Tuple { .. }, Value::Object(object)) = (&schema, &value) {
            let by_position = Value::Array(object.values().cloned().collect());
            prop_assert_eq!(encode(&schema, &by_position).unwrap(), bytes);
        }
    }

    #[test]
    fn no_bytes_and_no_json_make_it_panic(
        (schema, _) in shape_and_value(),
        (_, other) in shape_and_value(),
        bytes in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let _ = decode(&schema, &bytes);
        let _ = decode_with(&schema, &bytes, Style::People);
        let _ = encode(&schema, &other);
    }

    #[test]
    fn damaged_bytes_do_not_make_it_panic(
        (schema, value) in shape_and_value(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = encode(&schema, &value).unwrap();
        if !bytes.is_empty() {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            bytes.truncate(cut.index(bytes.len()) + 1);
        }
        let _ = decode(&schema, &bytes);
    }

    #[test]
    fn no_description_makes_it_panic(text in ".{0,100}") {
        let _ = boatyard_abi::Abi::from_json(&text);
        let _ = boatyard_abi::Abi::from_wasm(text.as_bytes());
        let _ = boatyard_abi::parse_address(&text);
    }
}

#[test]
fn a_description_that_nests_without_end_is_refused() {
    let deep = format!(
        "{}\"null\"{}",
        "{\"list\":".repeat(10_000),
        "}".repeat(10_000)
    );
    let text = format!("{{\"name\":\"x\",\"methods\":[],\"state\":{deep}}}");
    assert!(boatyard_abi::Abi::from_json(&text).is_err());
}
