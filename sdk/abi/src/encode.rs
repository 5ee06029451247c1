//! Which bytes stand for this JSON.
//!
//! Takes what [`crate::decode()`] gives, and what people write:
//!
//! | shape | also accepted |
//! |---|---|
//! | uint, int, bigint, u256 | strings: decimal, `0x…`, with `_` between digits |
//! | token amount | `"1.5 FIL"`, `"20 nanoFIL"`, attoFIL as number or string |
//! | address | every text form, `0x…` |
//! | cid, map, array | `"bafy…"` |
//! | bytes | `"base64:…"`, array of numbers below 256 |
//! | bit field | array of bit numbers |
//! | optional | a missing field |
//! | tuple | array by position; for a tuple of one field the bare value |
//!
//! Encoding is canonical (spec 00 §4).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fvm_ipld_bitfield::BitField;
use fvm_ipld_bitfield::iter::Ranges;
use fvm_shared::econ::TokenAmount;
use minicbor::encode::Encoder;
use num_bigint::{BigInt, BigUint, Sign};
use serde_json::{Map, Value};

use crate::address::{parse_address, parse_cid, strip_0x};
use crate::amount::parse_amount;
use crate::any::{self, infallible};
use crate::decode::counted;
use crate::path::Path;
use crate::schema::{Field, Schema, folded};

/// Longest big integer on chain, its sign byte included.
const MAX_BIG_INT: usize = 128;

/// Longest RLE+ encoding of a bit field on chain.
const MAX_BIT_FIELD: usize = 32_768;

/// The JSON does not fit the shape.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: expected {expected}, got {got}{}", .hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default())]
pub struct EncodeError {
    /// Where.
    pub path: Path,
    /// What belongs there.
    pub expected: String,
    /// What there is, shortened.
    pub got: String,
    /// What is wrong with it, or how it is written.
    pub hint: Option<String>,
}

/// The bytes of a value; none for [`Schema::Nothing`].
///
/// # Errors
/// A value of another shape, with the place and the shape that belongs there.
pub fn encode(schema: &Schema, value: &Value) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::new();
    let mut writer = Writer {
        path: Path::default(),
        out: Encoder::new(&mut bytes),
    };
    match schema {
        Schema::Nothing => match value {
            Value::Null => return Ok(Vec::new()),
            Value::Object(object) if object.is_empty() => return Ok(Vec::new()),
            Value::Array(values) if values.is_empty() => return Ok(Vec::new()),
            _ => return Err(writer.error("no parameters", value, None)),
        },
        Schema::Raw => {
            if let Value::Null = value {
                return Ok(Vec::new());
            }
            if let Value::String(text) = value {
                return parse_bytes(text)
                    .map_err(|hint| writer.error("the bytes of a block", value, Some(hint)));
            }
            let mut bytes = Vec::new();
            any::from_json(value, &mut bytes)
                .map_err(|hint| writer.error("CBOR", value, Some(hint)))?;
            return Ok(bytes);
        }
        _ => writer.value(schema, value)?,
    }
    Ok(bytes)
}

struct Writer<'a> {
    path: Path,
    out: Encoder<&'a mut Vec<u8>>,
}

impl Writer<'_> {
    fn value(&mut self, schema: &Schema, value: &Value) -> Result<(), EncodeError> {
        match schema {
            Schema::Nothing | Schema::Null => match value {
                Value::Null => infallible(self.out.null()),
                _ => return Err(self.error("null", value, None)),
            },
            Schema::Raw | Schema::Any => {
                let mut bytes = Vec::new();
                any::from_json(value, &mut bytes)
                    .map_err(|hint| self.error("CBOR", value, Some(hint)))?;
                self.out.writer_mut().extend_from_slice(&bytes);
            }
            Schema::Bool => match value {
                Value::Bool(value) => infallible(self.out.bool(*value)),
                Value::String(text) if text == "true" => infallible(self.out.bool(true)),
                Value::String(text) if text == "false" => infallible(self.out.bool(false)),
                _ => return Err(self.error("true or false", value, None)),
            },
            Schema::Uint => {
                let number = self.integer("uint", value)?;
                match u64::try_from(&number) {
                    Ok(number) => infallible(self.out.u64(number)),
                    Err(_) => {
                        return Err(self.error("uint", value, Some("from 0 to 2^64 - 1".into())));
                    }
                }
            }
            Schema::Int => {
                let number = self.integer("int", value)?;
                match i64::try_from(&number) {
                    Ok(number) => infallible(self.out.i64(number)),
                    Err(_) => {
                        return Err(self.error(
                            "int",
                            value,
                            Some("from -2^63 to 2^63 - 1".into()),
                        ));
                    }
                }
            }
            Schema::BigInt => {
                let number = self.integer("bigint", value)?;
                self.big_int("bigint", value, &number)?;
            }
            Schema::TokenAmount => {
                let amount = self.amount(value)?;
                self.big_int("token amount", value, amount.atto())?;
            }
            Schema::U256 => {
                let number = self.integer("u256", value)?;
                match number.to_biguint().filter(|number| number.bits() <= 256) {
                    Some(number) if number.bits() == 0 => infallible(self.out.bytes(&[])),
                    Some(number) => infallible(self.out.bytes(&number.to_bytes_be())),
                    None => {
                        return Err(self.error("u256", value, Some("from 0 to 2^256 - 1".into())));
                    }
                }
            }
            Schema::Address => {
                let address = match value {
                    Value::String(text) => parse_address(text)
                        .map_err(|hint| self.error("address", value, Some(hint)))?,
                    _ => return Err(self.error("address", value, None)),
                };
                infallible(self.out.bytes(&address.to_bytes()));
            }
            Schema::EthAddress => {
                let bytes = self.eth_address(value)?;
                infallible(self.out.bytes(&bytes));
            }
            Schema::Cid | Schema::Map { .. } | Schema::Array { .. } => {
                let text = match value {
                    Value::String(text) => text,
                    Value::Object(object) if object.len() == 1 => match object.get("/") {
                        Some(Value::String(text)) => text,
                        _ => return Err(self.error("CID", value, None)),
                    },
                    _ => return Err(self.error("CID", value, None)),
                };
                let cid = parse_cid(text).map_err(|hint| self.error("CID", value, Some(hint)))?;
                any::write_cid(&cid, &mut self.out);
            }
            Schema::Bytes => {
                let bytes = self.bytes(value)?;
                infallible(self.out.bytes(&bytes));
            }
            Schema::Text => match value {
                Value::String(text) => infallible(self.out.str(text)),
                _ => return Err(self.error("text", value, None)),
            },
            Schema::BitField => {
                let bytes = self.bit_field(value)?;
                infallible(self.out.bytes(&bytes));
            }
            Schema::Optional(inner) => match value {
                Value::Null => infallible(self.out.null()),
                _ => self.value(inner, value)?,
            },
            Schema::List(inner) => match value {
                Value::Array(values) => {
                    infallible(self.out.array(values.len() as u64));
                    for (index, value) in values.iter().enumerate() {
                        self.path.push_index(index as u64);
                        self.value(inner, value)?;
                        self.path.pop();
                    }
                }
                _ => return Err(self.error(&format!("a list of {inner}"), value, None)),
            },
            Schema::Tuple { name, fields } => self.tuple(name, fields, value)?,
        }
        Ok(())
    }

    fn tuple(&mut self, name: &str, fields: &[Field], value: &Value) -> Result<(), EncodeError> {
        infallible(self.out.array(fields.len() as u64));
        match (value, fields) {
            (Value::Object(object), _) if object.get("/").is_none() => {
                self.no_strangers(name, fields, object, value)?;
                for field in fields {
                    let given = member(object, &field.name).unwrap_or(&Value::Null);
                    self.path.push_field(&field.name);
                    if given.is_null() && !takes_null(&field.schema) {
                        let mut error = self.error(&field.schema.to_string(), given, None);
                        error.got = "nothing".into();
                        return Err(error);
                    }
                    self.value(&field.schema, given)?;
                    self.path.pop();
                }
                Ok(())
            }
            (Value::Array(values), _) if values.len() == fields.len() => {
                for (field, value) in fields.iter().zip(values) {
                    self.path.push_field(&field.name);
                    self.value(&field.schema, value)?;
                    self.path.pop();
                }
                Ok(())
            }
            // Somebody who means the only field need not name it.
            (_, [field]) if !value.is_null() || takes_null(&field.schema) => {
                self.path.push_field(&field.name);
                self.value(&field.schema, value)?;
                self.path.pop();
                Ok(())
            }
            _ => {
                let hint = match value {
                    Value::Array(values) => Some(format!(
                        "{} for {}",
                        counted(values.len() as u64, "value"),
                        counted(fields.len() as u64, "field")
                    )),
                    _ => None,
                };
                Err(self.error(&shape(name, fields), value, hint))
            }
        }
    }

    /// Every member must be a field; a forgotten one is found by its absence.
    fn no_strangers(
        &self,
        name: &str,
        fields: &[Field],
        object: &Map<String, Value>,
        value: &Value,
    ) -> Result<(), EncodeError> {
        let stranger = object.keys().find(|key| {
            !fields
                .iter()
                .any(|field| folded(&field.name) == folded(key))
        });
        match stranger {
            None => Ok(()),
            Some(stranger) => {
                let hint = format!("there is no field `{stranger}`");
                Err(self.error(&shape(name, fields), value, Some(hint)))
            }
        }
    }

    fn integer(&self, expected: &str, value: &Value) -> Result<BigInt, EncodeError> {
        let parsed = match value {
            Value::Number(number) => number.to_string().parse().ok(),
            Value::String(text) => parse_integer(text),
            _ => None,
        };
        parsed.ok_or_else(|| {
            let hint = match value {
                Value::Number(_) | Value::String(_) => Some("write it in decimal or as 0x…".into()),
                _ => None,
            };
            self.error(expected, value, hint)
        })
    }

    fn amount(&self, value: &Value) -> Result<TokenAmount, EncodeError> {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => {
                let hint = Some("such as \"1.5 FIL\", or a number of attoFIL".into());
                return Err(self.error("token amount", value, hint));
            }
        };
        parse_amount(&text).map_err(|hint| self.error("token amount", value, Some(hint)))
    }

    fn big_int(
        &mut self,
        expected: &str,
        value: &Value,
        number: &BigInt,
    ) -> Result<(), EncodeError> {
        let bytes = match number.to_bytes_be() {
            (Sign::NoSign, _) => Vec::new(),
            (sign, magnitude) => {
                let mut bytes = vec![u8::from(sign == Sign::Minus)];
                bytes.extend_from_slice(&magnitude);
                bytes
            }
        };
        if bytes.len() > MAX_BIG_INT {
            return Err(self.error(expected, value, Some("at most 127 bytes".into())));
        }
        infallible(self.out.bytes(&bytes));
        Ok(())
    }

    fn eth_address(&self, value: &Value) -> Result<[u8; 20], EncodeError> {
        let expected = "an Ethereum address";
        let Value::String(text) = value else {
            return Err(self.error(expected, value, None));
        };
        let address =
            parse_address(text).map_err(|hint| self.error(expected, value, Some(hint)))?;
        crate::address::to_eth(&address).ok_or_else(|| {
            let hint = "only 0x…, f410f… and f0… have 20 bytes without a look at the chain";
            self.error(expected, value, Some(hint.into()))
        })
    }

    fn bytes(&self, value: &Value) -> Result<Vec<u8>, EncodeError> {
        match value {
            Value::String(text) => {
                parse_bytes(text).map_err(|hint| self.error("bytes", value, Some(hint)))
            }
            Value::Array(values) => values
                .iter()
                .map(|value| value.as_u64().and_then(|byte| u8::try_from(byte).ok()))
                .collect::<Option<Vec<u8>>>()
                .ok_or_else(|| self.error("bytes", value, Some("numbers from 0 to 255".into()))),
            // As CBOR of any shape writes them.
            Value::Object(object) if object.len() == 1 => {
                match object.get("/").and_then(|inner| inner.get("bytes")) {
                    Some(Value::String(text)) => {
                        parse_bytes(text).map_err(|hint| self.error("bytes", value, Some(hint)))
                    }
                    _ => Err(self.error("bytes", value, None)),
                }
            }
            _ => Err(self.error("bytes", value, Some("write 0x…".into()))),
        }
    }

    fn bit_field(&self, value: &Value) -> Result<Vec<u8>, EncodeError> {
        let expected = "bit field";
        let hint = || Some("such as \"0-4,7\" or [0, 1, 7]".to_owned());
        let ranges = match value {
            Value::String(text) => parse_ranges(text),
            Value::Array(values) => values
                .iter()
                .map(|value| value.as_u64().map(|bit| (bit, bit)))
                .collect(),
            _ => None,
        };
        let ranges = ranges.ok_or_else(|| self.error(expected, value, hint()))?;
        let field = set_bits(ranges)
            .ok_or_else(|| self.error(expected, value, Some("bits go up to 2^64 - 2".into())))?;
        let bytes = field.to_bytes();
        if bytes.len() > MAX_BIT_FIELD {
            return Err(self.error(expected, value, Some("too many ranges".into())));
        }
        Ok(bytes)
    }

    fn error(&self, expected: &str, got: &Value, hint: Option<String>) -> EncodeError {
        EncodeError {
            path: self.path.clone(),
            expected: expected.to_owned(),
            got: shortened(got),
            hint,
        }
    }
}

/// The member of this name, in any spelling.
fn member<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.get(name).or_else(|| {
        let wanted = folded(name);
        object
            .iter()
            .find(|(key, _)| folded(key) == wanted)
            .map(|(_, value)| value)
    })
}

/// Whether a missing member is a value of this shape.
fn takes_null(schema: &Schema) -> bool {
    matches!(
        schema,
        Schema::Optional(_) | Schema::Null | Schema::Nothing | Schema::Any | Schema::Raw
    )
}

fn shape(name: &str, fields: &[Field]) -> String {
    let fields: Vec<String> = fields
        .iter()
        .map(|field| format!("{}: {}", field.name, field.schema))
        .collect();
    format!("{name} {{{}}}", fields.join(", "))
}

fn shortened(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 80 {
        return text;
    }
    let mut text: String = text.chars().take(77).collect();
    text.push('…');
    text
}

/// An integer in decimal or, after `0x`, hexadecimal; `_` may separate digits.
fn parse_integer(text: &str) -> Option<BigInt> {
    let text = text.trim();
    if text.len() > 400 {
        return None;
    }
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (digits, radix) = match strip_0x(digits) {
        Some(digits) => (digits, 16),
        None => (digits, 10),
    };
    let digits = digits.replace('_', "");
    if digits.is_empty() || digits.starts_with(['+', '-']) {
        return None;
    }
    let magnitude = BigUint::parse_bytes(digits.as_bytes(), radix)?;
    let sign = if negative { Sign::Minus } else { Sign::Plus };
    Some(BigInt::from_biguint(sign, magnitude))
}

/// Bytes as `0x…` or `base64:…`.
pub(crate) fn parse_bytes(text: &str) -> Result<Vec<u8>, String> {
    if let Some(encoded) = text.strip_prefix("base64:") {
        return BASE64
            .decode(encoded)
            .map_err(|error| format!("not base64: {error}"));
    }
    let Some(digits) = strip_0x(text) else {
        return Err("bytes are written 0x… or base64:…".into());
    };
    hex::decode(digits).map_err(|error| format!("not hexadecimal: {error}"))
}

/// Inclusive ranges such as `0-4,7`.
fn parse_ranges(text: &str) -> Option<Vec<(u64, u64)>> {
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
            (first <= last).then_some((first, last))
        })
        .collect()
}

/// The field with these inclusive ranges, in any order, overlapping or not.
fn set_bits(mut ranges: Vec<(u64, u64)>) -> Option<BitField> {
    ranges.sort_unstable();
    let mut merged: Vec<std::ops::Range<u64>> = Vec::new();
    for (first, last) in ranges {
        let end = last.checked_add(1)?;
        match merged.last_mut() {
            Some(previous) if first <= previous.end => previous.end = previous.end.max(end),
            _ => merged.push(first..end),
        }
    }
    Some(BitField::from_ranges(Ranges::new(merged)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::decode::decode;

    fn transfer() -> Schema {
        let field = |name: &str, schema| Field {
            name: name.into(),
            schema,
        };
        Schema::Tuple {
            name: "Transfer".into(),
            fields: vec![
                field("to", Schema::Address),
                field("amount", Schema::TokenAmount),
                field("memo", Schema::Optional(Box::new(Schema::Bytes))),
            ],
        }
    }

    #[test]
    fn objects_arrays_and_every_spelling_give_the_same_bytes() {
        let expected = encode(
            &transfer(),
            &json!({"to": "f0101", "amount": "1500000000000000000", "memo": null}),
        )
        .unwrap();
        assert_eq!(
            decode(&transfer(), &expected).unwrap(),
            json!({"to": "f0101", "amount": "1500000000000000000", "memo": null})
        );
        for value in [
            json!({"To": "t0101", "amount": "1.5 FIL"}),
            json!([
                "0xff00000000000000000000000000000000000065",
                "1.5 FIL",
                null
            ]),
            json!({"amount": 1_500_000_000_000_000_000_u64, "to": "f0101"}),
        ] {
            assert_eq!(encode(&transfer(), &value).unwrap(), expected, "{value}");
        }
    }

    #[test]
    fn the_only_field_of_a_tuple_needs_no_name() {
        let schema = Schema::Tuple {
            name: "AddParams".into(),
            fields: vec![Field {
                name: "by".into(),
                schema: Schema::Uint,
            }],
        };
        for value in [
            json!(5),
            json!("5"),
            json!("0x5"),
            json!([5]),
            json!({"by": 5}),
        ] {
            assert_eq!(encode(&schema, &value).unwrap(), [0x81, 5], "{value}");
        }
        assert!(encode(&schema, &Value::Null).is_err());
    }

    #[test]
    fn integers_keep_to_their_range() {
        for (schema, good, bad) in [
            (
                Schema::Uint,
                vec!["0", "18446744073709551615", "0xff", "1_000"],
                vec!["-1", "18446744073709551616", "", "0x", "1.5", "--1"],
            ),
            (
                Schema::Int,
                vec!["-9223372036854775808", "9223372036854775807"],
                vec!["9223372036854775808"],
            ),
            (
                Schema::U256,
                vec![
                    "0",
                    "0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
                ],
                vec![
                    "-1",
                    "0x10000000000000000000000000000000000000000000000000000000000000000",
                ],
            ),
            (
                Schema::BigInt,
                vec!["-1", "123456789012345678901234567890"],
                vec!["x"],
            ),
        ] {
            for text in good {
                let bytes = encode(&schema, &json!(text)).unwrap();
                let back = decode(&schema, &bytes).unwrap();
                assert_eq!(encode(&schema, &back).unwrap(), bytes, "{text}");
            }
            for text in bad {
                assert!(encode(&schema, &json!(text)).is_err(), "{schema} {text}");
            }
        }
    }

    #[test]
    fn bit_fields_take_ranges_and_bits_in_any_order() {
        let expected = encode(&Schema::BitField, &json!("0-2,7")).unwrap();
        for value in [json!([7, 2, 0, 1, 1]), json!("7, 0-1, 1-2")] {
            assert_eq!(encode(&Schema::BitField, &value).unwrap(), expected);
        }
        assert_eq!(encode(&Schema::BitField, &json!("")).unwrap(), [0x40]);
        for value in [json!("4-1"), json!("x"), json!([-1]), json!([u64::MAX])] {
            assert!(encode(&Schema::BitField, &value).is_err(), "{value}");
        }
    }

    #[test]
    fn an_error_names_the_place_the_shape_and_the_way_out() {
        for (value, words) in [
            (
                json!({"to": "f0101"}),
                "amount: expected token amount, got nothing",
            ),
            (
                json!({"to": "f0101", "amount": true}),
                "amount: expected token amount, got true (such as \"1.5 FIL\", or a number of attoFIL)",
            ),
            (
                json!({"to": "1001", "amount": 1}),
                "to: expected address, got \"1001\" (`1001` is not an address; did you mean f01001?)",
            ),
            (
                json!({"to": "f0101", "amount": "1.5"}),
                "amount: expected token amount, got \"1.5\" (`1.5` is not a token amount: a fraction needs a unit; did you mean 1.5 FIL?)",
            ),
            (
                json!({"to": "f0101", "sum": 1}),
                "the value: expected Transfer {to: address, amount: token amount, memo: bytes?}, got {\"to\":\"f0101\",\"sum\":1} (there is no field `sum`)",
            ),
            (
                json!(["f0101"]),
                "the value: expected Transfer {to: address, amount: token amount, memo: bytes?}, got [\"f0101\"] (1 value for 3 fields)",
            ),
            (
                json!({"to": "f0101", "amount": 1, "memo": "hi"}),
                "memo: expected bytes, got \"hi\" (bytes are written 0x… or base64:…)",
            ),
        ] {
            assert_eq!(encode(&transfer(), &value).unwrap_err().to_string(), words);
        }
        assert_eq!(
            encode(&Schema::Nothing, &json!(5)).unwrap_err().to_string(),
            "the value: expected no parameters, got 5"
        );
    }

    #[test]
    fn bytes_are_taken_in_every_form() {
        for value in [
            json!("0x00ff"),
            json!("base64:AP8="),
            json!([0, 255]),
            json!({"/": {"bytes": "0x00ff"}}),
        ] {
            assert_eq!(
                encode(&Schema::Bytes, &value).unwrap(),
                [0x42, 0, 0xff],
                "{value}"
            );
        }
        assert_eq!(encode(&Schema::Raw, &json!("0x01")).unwrap(), [1]);
        assert_eq!(encode(&Schema::Raw, &json!([1])).unwrap(), [0x81, 1]);
    }
}
