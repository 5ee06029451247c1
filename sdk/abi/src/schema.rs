//! What an actor says about itself.
//!
//! The owned twin of `boatyard_sdk::abi`, read from the JSON that it writes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Methods below this number are internal: only built-in actors (accounts among
/// them) may call them. Source: spec 00 §7.
pub const FIRST_EXPORTED_METHOD: u64 = 1 << 24;

/// An actor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Abi {
    /// Manifest name for a built-in actor, any name otherwise.
    pub name: String,
    /// First sentence of its documentation; may be empty.
    #[serde(default)]
    pub doc: String,
    /// Its methods in the order of the source.
    pub methods: Vec<Method>,
    /// Shape of its state object.
    pub state: Schema,
    /// Its own exit codes, from 32 on.
    #[serde(default)]
    pub exit_codes: Vec<ExitCodeName>,
    /// Its events.
    #[serde(default)]
    pub events: Vec<Event>,
}

/// A method.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Method {
    /// Name in UpperCamelCase.
    pub name: String,
    /// Number; a method with two numbers is listed twice.
    pub number: u64,
    /// First sentence of its documentation; may be empty.
    #[serde(default)]
    pub doc: String,
    /// Parameters; [`Schema::Nothing`] when it takes none.
    pub params: Schema,
    /// Return value; [`Schema::Nothing`] when it returns no block.
    pub returns: Schema,
}

/// A name for an exit code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitCodeName {
    /// The code.
    pub code: u32,
    /// Its name.
    pub name: String,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Value of the entry `$type`.
    pub name: String,
    /// Further entries in order.
    pub fields: Vec<Field>,
}

/// A field of a tuple or an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its shape.
    #[serde(rename = "type")]
    pub schema: Schema,
}

/// Shape of an encoded value. Source of the encodings: spec 00 §4.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schema {
    /// No block at all.
    Nothing,
    /// A block that the actor reads itself.
    Raw,
    /// CBOR null.
    Null,
    /// Any CBOR value.
    Any,
    /// CBOR bool.
    Bool,
    /// Unsigned integer of at most 64 bits.
    Uint,
    /// Signed integer of at most 64 bits.
    Int,
    /// Byte string: sign byte and magnitude, empty for 0.
    #[serde(rename = "bigint")]
    BigInt,
    /// [`Schema::BigInt`] in attoFIL.
    TokenAmount,
    /// Byte string: up to 32 bytes, big-endian, leading zeros stripped.
    U256,
    /// Byte string: binary address.
    Address,
    /// Byte string of 20 bytes.
    EthAddress,
    /// CID link.
    Cid,
    /// Byte string.
    Bytes,
    /// Text string.
    Text,
    /// RLE+ bit field in a byte string.
    #[serde(rename = "bitfield")]
    BitField,
    /// Null or a value.
    Optional(Box<Schema>),
    /// Array of values.
    List(Box<Schema>),
    /// Array of fields in order.
    Tuple {
        /// Name of the Rust type.
        name: String,
        /// Name and shape of each field.
        fields: Vec<Field>,
    },
    /// Link to the root of a HAMT.
    Map {
        /// Bits consumed per level, 1 to 8.
        bit_width: u32,
        /// How keys are encoded.
        key: KeySchema,
        /// Shape of the values.
        value: Box<Schema>,
    },
    /// Link to the root of an AMT.
    Array {
        /// Bits consumed per level; the root of an existing array knows its own.
        bit_width: u32,
        /// Shape of the values.
        value: Box<Schema>,
    },
}

/// How the keys of a map are encoded. Source: spec 00 §5.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeySchema {
    /// Unsigned LEB128.
    Uint,
    /// Zig-zag LEB128.
    Int,
    /// Binary address.
    Address,
    /// Binary CID.
    Cid,
    /// The bytes themselves.
    Bytes,
}

/// Why there is no usable description, or nothing of that name in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AbiError {
    /// The text is not a description.
    #[error("the ABI does not parse: {0}")]
    Json(String),
    /// The bytes are not a Wasm module.
    #[error("not a Wasm module: {0}")]
    Wasm(String),
    /// No method of that name or number.
    #[error(
        "actor `{actor}` has no method `{asked}`{}",
        if .similar.is_empty() {
            String::new()
        } else {
            format!("; did you mean {}?", .similar.join(" or "))
        }
    )]
    NoSuchMethod {
        /// The actor's name.
        actor: String,
        /// What was asked for.
        asked: String,
        /// Names that look like it.
        similar: Vec<String>,
    },
}

impl Abi {
    /// Reads a description, as [`crate::SECTION`] holds it.
    ///
    /// # Errors
    /// [`AbiError::Json`] with the place where it stops making sense.
    pub fn from_json(text: &str) -> Result<Self, AbiError> {
        serde_json::from_str(text).map_err(|error| AbiError::Json(error.to_string()))
    }

    /// The method of a name or number.
    ///
    /// Letter case and underscores do not matter (`get_count` finds `GetCount`).
    /// Of two numbers under one name the exported one is taken, which anybody
    /// may call.
    ///
    /// # Errors
    /// [`AbiError::NoSuchMethod`] with similar names.
    pub fn method(&self, name_or_number: &str) -> Result<&Method, AbiError> {
        if let Ok(number) = name_or_number.parse() {
            return self
                .method_by_number(number)
                .ok_or_else(|| self.no_such_method(name_or_number));
        }
        let wanted = folded(name_or_number);
        self.methods
            .iter()
            .filter(|method| folded(&method.name) == wanted)
            .max_by_key(|method| method.number)
            .ok_or_else(|| self.no_such_method(name_or_number))
    }

    /// The method with this number.
    pub fn method_by_number(&self, number: u64) -> Option<&Method> {
        self.methods.iter().find(|method| method.number == number)
    }

    fn no_such_method(&self, asked: &str) -> AbiError {
        let wanted = folded(asked);
        let mut similar: Vec<String> = Vec::new();
        for method in &self.methods {
            let name = folded(&method.name);
            let alike = !wanted.is_empty()
                && (name.contains(&wanted)
                    || wanted.contains(&name)
                    || distance(&name, &wanted) <= 2);
            if alike && !similar.contains(&method.name) {
                similar.push(method.name.clone());
            }
        }
        similar.truncate(3);
        AbiError::NoSuchMethod {
            actor: self.name.clone(),
            asked: asked.to_owned(),
            similar,
        }
    }
}

/// Names as people compare them.
pub(crate) fn folded(name: &str) -> String {
    name.chars()
        .filter(|letter| *letter != '_' && *letter != '-')
        .flat_map(char::to_lowercase)
        .collect()
}

/// Edits (insert, remove, replace) from one short word to another.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().take(64).enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Schema::Nothing => f.write_str("nothing"),
            Schema::Raw => f.write_str("raw block"),
            Schema::Null => f.write_str("null"),
            Schema::Any => f.write_str("any"),
            Schema::Bool => f.write_str("bool"),
            Schema::Uint => f.write_str("uint"),
            Schema::Int => f.write_str("int"),
            Schema::BigInt => f.write_str("bigint"),
            Schema::TokenAmount => f.write_str("token amount"),
            Schema::U256 => f.write_str("u256"),
            Schema::Address => f.write_str("address"),
            Schema::EthAddress => f.write_str("eth address"),
            Schema::Cid => f.write_str("cid"),
            Schema::Bytes => f.write_str("bytes"),
            Schema::Text => f.write_str("text"),
            Schema::BitField => f.write_str("bit field"),
            Schema::Optional(inner) => write!(f, "{inner}?"),
            Schema::List(inner) => write!(f, "[{inner}]"),
            Schema::Tuple { fields, .. } => {
                f.write_str("{")?;
                for (position, field) in fields.iter().enumerate() {
                    let comma = if position == 0 { "" } else { ", " };
                    write!(f, "{comma}{}: {}", field.name, field.schema)?;
                }
                f.write_str("}")
            }
            Schema::Map { key, value, .. } => write!(f, "map of {key} to {value}"),
            Schema::Array { value, .. } => write!(f, "array of {value}"),
        }
    }
}

impl fmt::Display for KeySchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeySchema::Uint => "uint",
            KeySchema::Int => "int",
            KeySchema::Address => "address",
            KeySchema::Cid => "cid",
            KeySchema::Bytes => "bytes",
        })
    }
}

#[cfg(test)]
mod tests {
    use boatyard_sdk::abi as sdk;

    use super::*;

    const POINT: sdk::Schema = sdk::Schema::Tuple {
        name: "Point",
        fields: &[
            ("x", sdk::Schema::Uint),
            ("y", sdk::Schema::Optional(&sdk::Schema::BitField)),
        ],
    };

    const EVERY_SHAPE: &[(&str, sdk::Schema)] = &[
        ("a", sdk::Schema::Nothing),
        ("b", sdk::Schema::Raw),
        ("c", sdk::Schema::Null),
        ("d", sdk::Schema::Any),
        ("e", sdk::Schema::Bool),
        ("f", sdk::Schema::Int),
        ("g", sdk::Schema::BigInt),
        ("h", sdk::Schema::TokenAmount),
        ("i", sdk::Schema::U256),
        ("j", sdk::Schema::Address),
        ("k", sdk::Schema::EthAddress),
        ("l", sdk::Schema::Cid),
        ("m", sdk::Schema::Bytes),
        ("n", sdk::Schema::Text),
        ("o", sdk::Schema::List(&POINT)),
        (
            "p",
            sdk::Schema::Map {
                bit_width: 6,
                key: sdk::KeySchema::Address,
                value: &sdk::Schema::Uint,
            },
        ),
        (
            "q",
            sdk::Schema::Array {
                bit_width: 3,
                value: &POINT,
            },
        ),
    ];

    const SAMPLE: sdk::ActorAbi = sdk::ActorAbi {
        name: "sample",
        doc: "Says \"hello\".",
        methods: &[
            sdk::MethodAbi {
                name: "SetPoint",
                number: 2,
                doc: "Sets it.",
                params: POINT,
                returns: sdk::Schema::Nothing,
            },
            sdk::MethodAbi {
                name: "SetPoint",
                number: 2_643_134_072,
                doc: "Sets it.",
                params: POINT,
                returns: sdk::Schema::Nothing,
            },
        ],
        state: sdk::Schema::Tuple {
            name: "State",
            fields: EVERY_SHAPE,
        },
        exit_codes: &[(32, "TOO_FAR")],
        events: &[sdk::EventAbi {
            name: "moved",
            fields: &[("to", POINT)],
        }],
    };

    fn sample() -> Abi {
        Abi::from_json(&sdk::json_text(&SAMPLE)).unwrap()
    }

    #[test]
    fn what_the_sdk_writes_is_read_and_written_back_unchanged() {
        let text = sdk::json_text(&SAMPLE);
        assert_eq!(serde_json::to_string(&sample()).unwrap(), text);
    }

    #[test]
    fn methods_are_found_by_number_and_by_any_spelling_of_their_name() {
        for spelling in [
            "SetPoint",
            "set_point",
            "setpoint",
            "SET-POINT",
            "2643134072",
        ] {
            assert_eq!(
                sample().method(spelling).unwrap().number,
                2_643_134_072,
                "{spelling}"
            );
        }
        assert_eq!(sample().method("2").unwrap().number, 2);
    }

    #[test]
    fn a_misspelt_method_is_answered_with_what_it_looks_like() {
        let error = sample().method("SetPiont").unwrap_err();
        assert_eq!(
            error.to_string(),
            "actor `sample` has no method `SetPiont`; did you mean SetPoint?"
        );
        let error = sample().method("Withdraw").unwrap_err();
        assert_eq!(error.to_string(), "actor `sample` has no method `Withdraw`");
    }

    #[test]
    fn a_shape_reads_like_a_type() {
        let shape = &sample().methods[0].params;
        assert_eq!(shape.to_string(), "{x: uint, y: bit field?}");
    }

    #[test]
    fn broken_descriptions_are_refused_with_the_place() {
        for text in [
            "",
            "[]",
            "{\"name\":1}",
            "{\"name\":\"a\",\"methods\":[],\"state\":\"no\"}",
        ] {
            assert!(
                matches!(Abi::from_json(text), Err(AbiError::Json(_))),
                "{text}"
            );
        }
    }
}
