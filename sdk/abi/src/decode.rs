//! Which JSON stands for these bytes.
//!
//! | shape | JSON |
//! |---|---|
//! | uint, int | number |
//! | bigint, u256 | string of decimal digits |
//! | token amount | string of attoFIL; [`Style::People`]: `"1.5 FIL"` |
//! | address | string, `f…` |
//! | eth address | string, `0x…` with checksum |
//! | cid, map, array | `{"/": "bafy…"}`; [`Style::People`]: `"bafy…"` |
//! | bytes | string, `0x…` |
//! | bit field | string of ranges, `"0-4,7"` |
//! | optional | `null` or the value |
//! | list | array |
//! | tuple | object with the fields' names |
//! | any | see [`crate::any`] |
//!
//! All of it is accepted by [`crate::encode()`], which gives the same bytes again
//! if they were canonical. Encodings: spec 00 §4.

use alloy::primitives::Address as EthAddress;
use cid::Cid;
use fvm_ipld_bitfield::BitField;
use fvm_shared::address::Address;
use fvm_shared::bigint::{BigInt, Sign};
use fvm_shared::econ::TokenAmount;
use minicbor::data::Type;
use minicbor::decode::Decoder;
use num_bigint::BigUint;
use serde_json::{Map, Value, json};

use crate::amount::format_amount;
use crate::any;
use crate::path::Path;
use crate::schema::Schema;

/// Nesting of shapes beyond which decoding gives up; spec 00 §4 allows 256 on chain.
const MAX_DEPTH: usize = 256;

/// CBOR tag of a CID.
pub(crate) const CID_TAG: u64 = 42;

/// For whom values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Style {
    /// For programs.
    #[default]
    Data,
    /// For reading: amounts with a unit, plain CIDs.
    People,
}

/// The bytes are not of the shape that the description promises.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: expected {expected}, found {found}")]
pub struct DecodeError {
    /// Where.
    pub path: Path,
    /// What the description promises.
    pub expected: String,
    /// What there is.
    pub found: String,
}

/// The JSON of encoded bytes; `null` for [`Schema::Nothing`] and no bytes.
///
/// # Errors
/// Bytes of another shape, or left over.
pub fn decode(schema: &Schema, bytes: &[u8]) -> Result<Value, DecodeError> {
    decode_with(schema, bytes, Style::Data)
}

/// As [`decode()`], in a style of choice.
///
/// # Errors
/// Bytes of another shape, or left over.
pub fn decode_with(schema: &Schema, bytes: &[u8], style: Style) -> Result<Value, DecodeError> {
    let mut reader = Reader {
        input: Decoder::new(bytes),
        path: Path::default(),
        depth: 0,
        style,
    };
    match schema {
        Schema::Nothing if bytes.is_empty() => return Ok(Value::Null),
        Schema::Nothing => {
            return Err(reader.error("nothing", &counted(bytes.len() as u64, "byte")));
        }
        Schema::Raw => return Ok(any::raw(bytes, style)),
        _ if bytes.is_empty() => return Err(reader.error(&schema.to_string(), "nothing")),
        _ => {}
    }
    let value = reader.value(schema)?;
    let left = bytes.len() - reader.input.position();
    if left > 0 {
        return Err(reader.error(
            &format!("{schema} and nothing more"),
            &format!("{} more", counted(left as u64, "byte")),
        ));
    }
    Ok(value)
}

struct Reader<'b> {
    input: Decoder<'b>,
    path: Path,
    depth: usize,
    style: Style,
}

impl Reader<'_> {
    fn value(&mut self, schema: &Schema) -> Result<Value, DecodeError> {
        if self.depth >= MAX_DEPTH {
            return Err(self.error("less nesting", "more than 256 levels"));
        }
        self.depth += 1;
        let value = self.value_at_depth(schema);
        self.depth -= 1;
        value
    }

    fn value_at_depth(&mut self, schema: &Schema) -> Result<Value, DecodeError> {
        match schema {
            Schema::Nothing | Schema::Null => {
                self.take("null", |input| input.null())?;
                Ok(Value::Null)
            }
            Schema::Raw | Schema::Any => {
                let start = self.input.position();
                self.take("CBOR", |input| input.skip())?;
                let item = &self.input.input()[start..self.input.position()];
                Ok(any::to_json(item, self.style))
            }
            Schema::Bool => Ok(json!(self.take("bool", |input| input.bool())?)),
            Schema::Uint => Ok(json!(self.take("uint", |input| input.u64())?)),
            Schema::Int => Ok(json!(self.take("int", |input| input.i64())?)),
            Schema::BigInt => {
                let bytes = self.bytes("bigint")?;
                Ok(json!(self.big_int("bigint", &bytes)?.to_string()))
            }
            Schema::TokenAmount => {
                let bytes = self.bytes("token amount")?;
                let amount = TokenAmount::from_atto(self.big_int("token amount", &bytes)?);
                Ok(json!(match self.style {
                    Style::Data => amount.atto().to_string(),
                    Style::People => format_amount(&amount),
                }))
            }
            Schema::U256 => {
                let bytes = self.bytes("u256")?;
                if bytes.len() > 32 {
                    return Err(self.error("u256", &counted(bytes.len() as u64, "byte")));
                }
                Ok(json!(BigUint::from_bytes_be(&bytes).to_string()))
            }
            Schema::Address => {
                let bytes = self.bytes("address")?;
                match Address::from_bytes(&bytes) {
                    Ok(address) => Ok(json!(address.to_string())),
                    Err(error) => {
                        Err(self.error("address", &format!("{} ({error})", hex_text(&bytes))))
                    }
                }
            }
            Schema::EthAddress => {
                let bytes = self.bytes("eth address")?;
                match <[u8; 20]>::try_from(bytes.as_slice()) {
                    Ok(bytes) => Ok(json!(EthAddress::from(bytes).to_checksum(None))),
                    Err(_) => Err(self.error("eth address of 20 bytes", &hex_text(&bytes))),
                }
            }
            Schema::Cid | Schema::Map { .. } | Schema::Array { .. } => {
                let cid = self.cid()?;
                Ok(cid_json(&cid, self.style))
            }
            Schema::Bytes => Ok(json!(hex_text(&self.bytes("bytes")?))),
            Schema::Text => Ok(json!(self.text()?)),
            Schema::BitField => {
                let bytes = self.bytes("bit field")?;
                match BitField::from_bytes(&bytes) {
                    Ok(field) => Ok(json!(ranges(&field))),
                    Err(error) => {
                        Err(self.error("bit field", &format!("{} ({error})", hex_text(&bytes))))
                    }
                }
            }
            Schema::Optional(inner) => {
                if self.input.datatype().ok() == Some(Type::Null) {
                    self.take("null", |input| input.null())?;
                    return Ok(Value::Null);
                }
                self.value(inner)
            }
            Schema::List(inner) => {
                let count = self.array(&schema.to_string())?;
                let mut values = Vec::new();
                for index in 0..count {
                    self.path.push_index(index);
                    values.push(self.value(inner)?);
                    self.path.pop();
                }
                Ok(Value::Array(values))
            }
            Schema::Tuple { name, fields } => {
                let count = self.array(&format!(
                    "{name} of {}",
                    counted(fields.len() as u64, "field")
                ))?;
                if count != fields.len() as u64 {
                    return Err(self.error(
                        &format!("{name} of {}", counted(fields.len() as u64, "field")),
                        &counted(count, "field"),
                    ));
                }
                let mut object = Map::new();
                for field in fields {
                    self.path.push_field(&field.name);
                    let value = self.value(&field.schema)?;
                    self.path.pop();
                    object.insert(field.name.clone(), value);
                }
                Ok(Value::Object(object))
            }
        }
    }

    /// Reads something, or says what stands there instead.
    fn take<T>(
        &mut self,
        expected: &str,
        read: impl FnOnce(&mut Decoder<'_>) -> Result<T, minicbor::decode::Error>,
    ) -> Result<T, DecodeError> {
        let start = self.input.position();
        read(&mut self.input).map_err(|error| {
            self.input.set_position(start);
            let found = self.found(&error);
            self.error(expected, &found)
        })
    }

    fn bytes(&mut self, expected: &str) -> Result<Vec<u8>, DecodeError> {
        self.take(expected, |input| {
            let mut bytes = Vec::new();
            for part in input.bytes_iter()? {
                bytes.extend_from_slice(part?);
            }
            Ok(bytes)
        })
    }

    fn text(&mut self) -> Result<String, DecodeError> {
        self.take("text", |input| {
            let mut text = String::new();
            for part in input.str_iter()? {
                text.push_str(part?);
            }
            Ok(text)
        })
    }

    /// The length of an array; indefinite ones are refused (spec 00 §4).
    fn array(&mut self, expected: &str) -> Result<u64, DecodeError> {
        match self.take(expected, |input| input.array())? {
            Some(count) => Ok(count),
            None => Err(self.error(expected, "an array of indefinite length")),
        }
    }

    fn cid(&mut self) -> Result<Cid, DecodeError> {
        let tag = self.take("CID", |input| input.tag())?.as_u64();
        if tag != CID_TAG {
            return Err(self.error("CID", &format!("tag {tag}")));
        }
        let bytes = self.bytes("CID")?;
        cid_of(&bytes).ok_or_else(|| self.error("CID", &hex_text(&bytes)))
    }

    fn big_int(&self, expected: &str, bytes: &[u8]) -> Result<BigInt, DecodeError> {
        match bytes {
            [] => Ok(BigInt::from(0)),
            [sign @ (0 | 1), magnitude @ ..] if bytes.len() <= 128 => {
                let sign = if *sign == 0 { Sign::Plus } else { Sign::Minus };
                Ok(BigInt::from_bytes_be(sign, magnitude))
            }
            _ => Err(self.error(expected, &hex_text(bytes))),
        }
    }

    fn error(&self, expected: &str, found: &str) -> DecodeError {
        DecodeError {
            path: self.path.clone(),
            expected: expected.to_owned(),
            found: found.to_owned(),
        }
    }

    /// What stands at the position.
    fn found(&self, error: &minicbor::decode::Error) -> String {
        match self.input.datatype() {
            _ if error.is_end_of_input() => "the end of the data".into(),
            Ok(kind) if error.is_type_mismatch() => kind.to_string(),
            Ok(kind) => format!("{kind} ({error})"),
            Err(_) => "the end of the data".into(),
        }
    }
}

/// A CID as a CBOR byte string carries it: `00` and the binary form.
pub(crate) fn cid_of(bytes: &[u8]) -> Option<Cid> {
    Cid::try_from(bytes.strip_prefix(&[0])?).ok()
}

pub(crate) fn cid_json(cid: &Cid, style: Style) -> Value {
    match style {
        Style::Data => json!({ "/": cid.to_string() }),
        Style::People => json!(cid.to_string()),
    }
}

pub(crate) fn hex_text(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

/// `1 byte`, `2 bytes`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// The set bits as inclusive ranges.
fn ranges(field: &BitField) -> String {
    let mut text = String::new();
    for range in field.ranges() {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(&range.start.to_string());
        if range.end - range.start > 1 {
            text.push_str(&format!("-{}", range.end - 1));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use fvm_ipld_encoding::{BytesSer, to_vec};

    use super::*;
    use crate::schema::Field;

    fn field(name: &str, schema: Schema) -> Field {
        Field {
            name: name.into(),
            schema,
        }
    }

    fn pair() -> Schema {
        Schema::Tuple {
            name: "Pair".into(),
            fields: vec![
                field("who", Schema::Address),
                field("amounts", Schema::List(Box::new(Schema::TokenAmount))),
            ],
        }
    }

    #[test]
    fn protocol_types_decode_as_the_sdk_encodes_them() {
        let amounts = [TokenAmount::from_whole(2), TokenAmount::from_atto(-7)];
        let bytes = to_vec(&(Address::new_id(1001), amounts.to_vec())).unwrap();
        assert_eq!(
            decode(&pair(), &bytes).unwrap(),
            json!({"who": "f01001", "amounts": ["2000000000000000000", "-7"]})
        );
        assert_eq!(
            decode_with(&pair(), &bytes, Style::People).unwrap(),
            json!({"who": "f01001", "amounts": ["2 FIL", "-7 attoFIL"]})
        );
    }

    #[test]
    fn bit_fields_and_links_decode() {
        let field = BitField::try_from_bits([0, 1, 2, 7, 9, 10]).unwrap();
        let bytes = to_vec(&field).unwrap();
        assert_eq!(
            decode(&Schema::BitField, &bytes).unwrap(),
            json!("0-2,7,9-10")
        );
        let cid = fvm_shared::EMPTY_ARR_CID;
        let bytes = to_vec(&cid).unwrap();
        assert_eq!(
            decode(&Schema::Cid, &bytes).unwrap(),
            json!({"/": cid.to_string()})
        );
        assert_eq!(
            decode_with(&Schema::Cid, &bytes, Style::People).unwrap(),
            json!(cid.to_string())
        );
    }

    #[test]
    fn an_error_names_the_place_and_both_sides() {
        let bytes = to_vec(&(Address::new_id(1), vec![BytesSer(&[0, 1]), BytesSer(&[9])])).unwrap();
        let error = decode(&pair(), &bytes).unwrap_err();
        assert_eq!(
            error.to_string(),
            "amounts[1]: expected token amount, found 0x09"
        );
        for (schema, bytes, words) in [
            (
                Schema::Uint,
                &b"\x61x"[..],
                "the value: expected uint, found string",
            ),
            (Schema::Uint, b"", "the value: expected uint, found nothing"),
            (
                Schema::Nothing,
                b"\x01",
                "the value: expected nothing, found 1 byte",
            ),
            (
                Schema::Uint,
                b"\x01\x02",
                "the value: expected uint and nothing more, found 1 byte more",
            ),
            (
                Schema::Bytes,
                b"\x45ab",
                "the value: expected bytes, found the end of the data",
            ),
            (
                pair(),
                b"\x81\x40",
                "the value: expected Pair of 2 fields, found 1 field",
            ),
            (
                pair(),
                b"\x9f\xff",
                "the value: expected Pair of 2 fields, found an array of indefinite length",
            ),
            (
                Schema::Cid,
                b"\xd8\x2b\x40",
                "the value: expected CID, found tag 43",
            ),
            (
                Schema::EthAddress,
                b"\x41\x01",
                "the value: expected eth address of 20 bytes, found 0x01",
            ),
        ] {
            assert_eq!(decode(&schema, bytes).unwrap_err().to_string(), words);
        }
    }

    #[test]
    fn a_list_that_claims_to_be_huge_ends_where_its_bytes_end() {
        let schema = Schema::List(Box::new(Schema::Null));
        let error = decode(&schema, b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff\xf6").unwrap_err();
        assert_eq!(
            error.to_string(),
            "[1]: expected null, found the end of the data"
        );
    }
}
