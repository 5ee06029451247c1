//! What a client writes on a deal.

use boatyard_sdk::{AbiType, Schema};
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// A note of the client's: text or bytes, kept as the kind it came in, which decides
/// over the proposal's CID. In CBOR the string alone.
///
/// ```
/// use boatyard_market::Label;
/// use fvm_ipld_encoding::to_vec;
///
/// assert_eq!(to_vec(&Label::Text("ab".into())).unwrap(), [0x62, b'a', b'b']);
/// assert_eq!(to_vec(&Label::Bytes(b"ab".to_vec())).unwrap(), [0x42, b'a', b'b']);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Label {
    /// UTF-8.
    Text(String),
    /// Anything.
    Bytes(Vec<u8>),
}

impl Label {
    /// Length in bytes, of text in UTF-8.
    pub fn size_bytes(&self) -> usize {
        match self {
            Label::Text(text) => text.len(),
            Label::Bytes(bytes) => bytes.len(),
        }
    }
}

impl Default for Label {
    fn default() -> Self {
        Label::Text(String::new())
    }
}

impl AbiType for Label {
    const SCHEMA: Schema = Schema::Any;
}

impl Serialize for Label {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Label::Text(text) => serializer.serialize_str(text),
            Label::Bytes(bytes) => serializer.serialize_bytes(bytes),
        }
    }
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrBytes)
    }
}

struct TextOrBytes;

impl Visitor<'_> for TextOrBytes {
    type Value = Label;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a text or byte string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Label, E> {
        Ok(Label::Text(text.to_owned()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Label, E> {
        Ok(Label::Text(text))
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Label, E> {
        Ok(Label::Bytes(bytes.to_vec()))
    }

    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Label, E> {
        Ok(Label::Bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use fvm_ipld_encoding::{from_slice, to_vec};

    use super::*;

    /// Source: spec 07 §2.
    #[test]
    fn the_kind_of_string_is_kept() {
        for (label, bytes) in [
            (Label::default(), &b"\x60"[..]),
            (Label::Bytes(vec![]), b"\x40"),
            (Label::Text("é".into()), b"\x62\xc3\xa9"),
            (Label::Bytes(vec![0xff]), b"\x41\xff"),
        ] {
            assert_eq!(to_vec(&label).unwrap(), bytes);
            assert_eq!(from_slice::<Label>(bytes).unwrap(), label);
            assert_eq!(label.size_bytes(), bytes.len() - 1);
        }
    }

    #[test]
    fn other_kinds_do_not_decode() {
        let refused: [&[u8]; 7] = [
            b"\xf6",                 // null
            b"\x01",                 // a number
            b"\x81\x01",             // an array
            b"\x61\xff",             // text that is not UTF-8
            b"\x7f\x61a\xff",        // text of indefinite length
            b"\xf5",                 // a bool
            b"\xd8\x2a\x43\x00\x01", // a CID, cut short
        ];
        for bytes in refused {
            assert!(from_slice::<Label>(bytes).is_err(), "{bytes:02x?}");
        }
    }
}
