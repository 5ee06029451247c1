//! CBOR of unknown shape as JSON, and back.
//!
//! Written as DAG-JSON: links are `{"/": "bafy…"}`, byte strings
//! `{"/": {"bytes": "0x…"}}` (for people just `"0x…"`). What JSON has no place
//! for (maps with other keys than text, tags, undefined) becomes
//! `{"cbor": "diagnostic notation"}`, which is for reading only.

use minicbor::data::Type;
use minicbor::decode::{Decoder, Error};
use minicbor::encode::Encoder;
use serde_json::{Map, Number, Value, json};

use crate::decode::{CID_TAG, Style, cid_json, cid_of, hex_text};
use crate::diagnostic;

/// Nesting beyond which values are shown in diagnostic notation.
const MAX_DEPTH: usize = 64;

/// The JSON of one CBOR item; bytes that are none become `"0x…"`.
pub fn to_json(item: &[u8], style: Style) -> Value {
    let mut input = Decoder::new(item);
    match read(&mut input, style, 0) {
        Ok(value) if input.position() == item.len() => value,
        _ => json!(hex_text(item)),
    }
}

/// A block of which only its actor knows the shape: `null` if empty, its CBOR
/// if it is such, otherwise `"0x…"`.
pub fn raw(block: &[u8], style: Style) -> Value {
    if block.is_empty() {
        return Value::Null;
    }
    to_json(block, style)
}

fn read(input: &mut Decoder<'_>, style: Style, depth: usize) -> Result<Value, Error> {
    if input.datatype()? == Type::Break {
        return Err(Error::message("a break where an item belongs"));
    }
    let start = input.position();
    if depth < MAX_DEPTH
        && let Some(value) = read_plain(input, style, depth)?
    {
        return Ok(value);
    }
    input.set_position(start);
    input.skip()?;
    let item = &input.input()[start..input.position()];
    Ok(json!({ "cbor": diagnostic::diagnose(item) }))
}

/// `None` for what JSON has no place for.
fn read_plain(input: &mut Decoder<'_>, style: Style, depth: usize) -> Result<Option<Value>, Error> {
    Ok(Some(match input.datatype()? {
        Type::Null => {
            input.null()?;
            Value::Null
        }
        Type::Bool => json!(input.bool()?),
        Type::U8 | Type::U16 | Type::U32 | Type::U64 => json!(input.u64()?),
        Type::I8 | Type::I16 | Type::I32 | Type::I64 => json!(input.i64()?),
        Type::F64 => match Number::from_f64(input.f64()?) {
            Some(number) => Value::Number(number),
            None => return Ok(None),
        },
        Type::String | Type::StringIndef => {
            let mut text = String::new();
            for part in input.str_iter()? {
                text.push_str(part?);
            }
            json!(text)
        }
        Type::Bytes | Type::BytesIndef => {
            let text = hex_text(&bytes(input)?);
            match style {
                Style::Data => json!({ "/": { "bytes": text } }),
                Style::People => json!(text),
            }
        }
        Type::Tag if input.tag()?.as_u64() == CID_TAG => {
            if !matches!(input.datatype()?, Type::Bytes | Type::BytesIndef) {
                return Ok(None);
            }
            match cid_of(&bytes(input)?) {
                Some(cid) => cid_json(&cid, style),
                None => return Ok(None),
            }
        }
        Type::Array => {
            let Some(count) = input.array()? else {
                return Ok(None);
            };
            let mut values = Vec::new();
            for _ in 0..count {
                values.push(read(input, style, depth + 1)?);
            }
            Value::Array(values)
        }
        Type::Map => {
            let Some(count) = input.map()? else {
                return Ok(None);
            };
            let mut object = Map::new();
            for _ in 0..count {
                if input.datatype()? != Type::String {
                    return Ok(None);
                }
                let key = input.str()?;
                // Keys with a meaning of their own, and repeated ones, would not
                // come back as they were.
                if matches!(key, "/" | "cbor") || object.contains_key(key) {
                    return Ok(None);
                }
                let value = read(input, style, depth + 1)?;
                object.insert(key.to_owned(), value);
            }
            Value::Object(object)
        }
        _ => return Ok(None),
    }))
}

fn bytes(input: &mut Decoder<'_>) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    for part in input.bytes_iter()? {
        bytes.extend_from_slice(part?);
    }
    Ok(bytes)
}

/// Why JSON has no CBOR.
pub(crate) type Refusal = String;

/// Writes JSON as canonical CBOR.
pub(crate) fn from_json(value: &Value, out: &mut Vec<u8>) -> Result<(), Refusal> {
    write(value, &mut Encoder::new(out), 0)
}

fn write(value: &Value, out: &mut Encoder<&mut Vec<u8>>, depth: usize) -> Result<(), Refusal> {
    if depth >= MAX_DEPTH {
        return Err(format!("more than {MAX_DEPTH} levels of nesting"));
    }
    match value {
        Value::Null => infallible(out.null()),
        Value::Bool(value) => infallible(out.bool(*value)),
        Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(number), _, _) => infallible(out.u64(number)),
            (_, Some(number), _) => infallible(out.i64(number)),
            (_, _, Some(float)) if float.is_finite() && !is_integer(number) => {
                infallible(out.f64(float));
            }
            _ => return Err(format!("{number} does not fit into 64 bits")),
        },
        Value::String(text) => infallible(out.str(text)),
        Value::Array(values) => {
            infallible(out.array(values.len() as u64));
            for value in values {
                write(value, out, depth + 1)?;
            }
        }
        Value::Object(object) => {
            if let Some(special) = object.get("/") {
                return write_special(special, object.len(), out);
            }
            if object.len() == 1 && object.contains_key("cbor") {
                return Err("diagnostic notation is for reading only".into());
            }
            infallible(out.map(object.len() as u64));
            let mut keys: Vec<&String> = object.keys().collect();
            // Canonical order: shorter encodings first, then by bytes.
            keys.sort_by_key(|key| (key.len(), key.as_bytes()));
            for key in keys {
                infallible(out.str(key));
                write(&object[key], out, depth + 1)?;
            }
        }
    }
    Ok(())
}

/// `{"/": …}`: a link or a byte string.
fn write_special(
    special: &Value,
    members: usize,
    out: &mut Encoder<&mut Vec<u8>>,
) -> Result<(), Refusal> {
    let refuse = || {
        Err(r#"an object with the member "/" is {"/": "bafy…"} or {"/": {"bytes": "0x…"}}"#.into())
    };
    if members != 1 {
        return refuse();
    }
    match special {
        Value::String(text) => {
            let cid = crate::address::parse_cid(text)?;
            write_cid(&cid, out);
            Ok(())
        }
        Value::Object(object) if object.len() == 1 => match object.get("bytes") {
            Some(Value::String(text)) => {
                infallible(out.bytes(&crate::encode::parse_bytes(text)?));
                Ok(())
            }
            _ => refuse(),
        },
        _ => refuse(),
    }
}

pub(crate) fn write_cid(cid: &cid::Cid, out: &mut Encoder<&mut Vec<u8>>) {
    let mut bytes = vec![0];
    bytes.extend_from_slice(&cid.to_bytes());
    infallible(out.tag(minicbor::data::Tag::new(CID_TAG)));
    infallible(out.bytes(&bytes));
}

/// Whether a JSON number was written as an integer.
pub(crate) fn is_integer(number: &Number) -> bool {
    !number.to_string().contains(['.', 'e', 'E'])
}

/// Writing to memory cannot fail.
pub(crate) fn infallible<T>(result: Result<T, minicbor::encode::Error<std::convert::Infallible>>) {
    debug_assert!(result.is_ok(), "writing to memory cannot fail");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cbor(value: &Value) -> Vec<u8> {
        let mut out = Vec::new();
        from_json(value, &mut out).unwrap();
        out
    }

    #[test]
    fn links_bytes_and_numbers_come_back() {
        let cid = fvm_shared::EMPTY_ARR_CID.to_string();
        for value in [
            json!(null),
            json!([true, u64::MAX, i64::MIN, 1.5, "text"]),
            json!({"a": {"/": cid}, "bb": {"/": {"bytes": "0x00ff"}}}),
        ] {
            assert_eq!(to_json(&cbor(&value), Style::Data), value);
        }
        assert_eq!(to_json(b"\x42\x00\xff", Style::People), json!("0x00ff"));
    }

    #[test]
    fn keys_are_written_in_canonical_order() {
        assert_eq!(
            cbor(&json!({"bb": 1, "c": 2, "a": 3})),
            b"\xa3\x61a\x03\x61c\x02\x62bb\x01"
        );
    }

    #[test]
    fn what_json_has_no_place_for_is_shown_in_diagnostic_notation() {
        for (bytes, shown) in [
            (&b"\xa1\x01\x02"[..], json!({"cbor": "{1: 2}"})),
            (b"\x81\xf7", json!([{"cbor": "undefined"}])),
            (b"\xa1\x61/\x01", json!({"cbor": r#"{"/": 1}"#})),
            (b"\xff\xff", json!("0xffff")),
        ] {
            assert_eq!(to_json(bytes, Style::Data), shown);
        }
    }

    #[test]
    fn what_cbor_has_no_place_for_is_refused() {
        for (value, words) in [
            (json!({"/": 1}), "is {\"/\""),
            (json!({"/": "bafy", "x": 1}), "is {\"/\""),
            (json!({"/": "nonsense"}), "not a CID"),
            (json!({"cbor": "1"}), "for reading only"),
            (
                serde_json::from_str("18446744073709551616").unwrap(),
                "64 bits",
            ),
        ] {
            let error = from_json(&value, &mut Vec::new()).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = to_json(&bytes, Style::Data);
            let _ = raw(&bytes, Style::People);
        }

        #[test]
        fn deep_nesting_is_bounded(depth in 0usize..20_000) {
            let mut bytes = vec![0x81; depth];
            bytes.push(1);
            let _ = to_json(&bytes, Style::Data);
        }
    }
}
