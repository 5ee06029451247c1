//! CBOR of unknown shape, for reading: the diagnostic notation of RFC 8949 §8.
//!
//! CIDs are written as their tag and bytes, followed by a comment with their
//! usual form: `42(h'0001…') / bafy… /`.

use minicbor::data::Token;
use minicbor::decode::Tokenizer;

use crate::decode::{CID_TAG, cid_of};

/// Nesting beyond which a value is only hinted at.
const MAX_DEPTH: usize = 64;

/// Bytes in diagnostic notation. What is not CBOR (or more than one item) is
/// written as one byte string with a comment that says so.
///
/// ```
/// # use boatyard_abi::diagnose;
/// assert_eq!(diagnose(b"\x82\x01\x42\xca\xfe"), "[1, h'cafe']");
/// assert_eq!(diagnose(b"\xff"), "h'ff' / not CBOR /");
/// ```
pub fn diagnose(bytes: &[u8]) -> String {
    let mut writer = Writer {
        tokens: Tokenizer::new(bytes),
        out: String::new(),
    };
    let complete = writer.item(0).is_some()
        && matches!(writer.tokens.token(), Err(error) if error.is_end_of_input());
    if complete {
        writer.out
    } else {
        format!("h'{}' / not CBOR /", hex::encode(bytes))
    }
}

struct Writer<'b> {
    tokens: Tokenizer<'b, 'b>,
    out: String,
}

impl<'b> Writer<'b> {
    fn next(&mut self) -> Option<Token<'b>> {
        self.tokens.token().ok()
    }

    /// Writes one item; `None` if there is none that is well-formed.
    fn item(&mut self, depth: usize) -> Option<()> {
        let token = self.next()?;
        self.started(token, depth)
    }

    fn started(&mut self, token: Token<'b>, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        match token {
            Token::Bool(value) => self.out.push_str(&value.to_string()),
            Token::U8(number) => self.out.push_str(&number.to_string()),
            Token::U16(number) => self.out.push_str(&number.to_string()),
            Token::U32(number) => self.out.push_str(&number.to_string()),
            Token::U64(number) => self.out.push_str(&number.to_string()),
            Token::I8(number) => self.out.push_str(&number.to_string()),
            Token::I16(number) => self.out.push_str(&number.to_string()),
            Token::I32(number) => self.out.push_str(&number.to_string()),
            Token::I64(number) => self.out.push_str(&number.to_string()),
            Token::Int(number) => self.out.push_str(&number.to_string()),
            Token::F16(number) => self.out.push_str(&float(f64::from(number), "_1")),
            Token::F32(number) => self.out.push_str(&float(f64::from(number), "_2")),
            Token::F64(number) => self.out.push_str(&float(number, "")),
            Token::Bytes(bytes) => self.bytes(bytes),
            Token::String(text) => self.text(text),
            Token::Simple(number) => self.out.push_str(&format!("simple({number})")),
            Token::Null => self.out.push_str("null"),
            Token::Undefined => self.out.push_str("undefined"),
            Token::Array(count) => {
                self.out.push('[');
                for index in 0..count {
                    self.comma(index);
                    self.item(depth + 1)?;
                }
                self.out.push(']');
            }
            Token::Map(count) => {
                self.out.push('{');
                for index in 0..count {
                    self.comma(index);
                    self.item(depth + 1)?;
                    self.out.push_str(": ");
                    self.item(depth + 1)?;
                }
                self.out.push('}');
            }
            Token::Tag(tag) => {
                self.out.push_str(&format!("{}(", tag.as_u64()));
                let inner = self.next()?;
                self.started(inner, depth + 1)?;
                self.out.push(')');
                if tag.as_u64() == CID_TAG
                    && let Token::Bytes(bytes) = inner
                    && let Some(cid) = cid_of(bytes)
                {
                    self.out.push_str(&format!(" / {cid} /"));
                }
            }
            Token::BeginArray => {
                self.out.push_str("[_ ");
                self.until_break(depth, false)?;
                self.out.push(']');
            }
            Token::BeginMap => {
                self.out.push_str("{_ ");
                self.until_break(depth, true)?;
                self.out.push('}');
            }
            Token::BeginBytes | Token::BeginString => {
                self.out.push_str("(_ ");
                let mut index = 0;
                loop {
                    match (self.next()?, token) {
                        (Token::Break, _) => break,
                        (Token::Bytes(part), Token::BeginBytes) => {
                            self.comma(index);
                            self.bytes(part);
                        }
                        (Token::String(part), Token::BeginString) => {
                            self.comma(index);
                            self.text(part);
                        }
                        _ => return None,
                    }
                    index += 1;
                }
                self.out.push(')');
            }
            Token::Break => return None,
        }
        Some(())
    }

    fn until_break(&mut self, depth: usize, map: bool) -> Option<()> {
        let mut index = 0;
        loop {
            match self.next()? {
                Token::Break => return Some(()),
                token => {
                    self.comma(index);
                    self.started(token, depth + 1)?;
                    if map {
                        self.out.push_str(": ");
                        self.item(depth + 1)?;
                    }
                }
            }
            index += 1;
        }
    }

    fn comma(&mut self, index: u64) {
        if index > 0 {
            self.out.push_str(", ");
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.out.push_str(&format!("h'{}'", hex::encode(bytes)));
    }

    /// In the notation, text is written as JSON text.
    fn text(&mut self, text: &str) {
        self.out
            .push_str(&serde_json::Value::from(text).to_string());
    }
}

/// A float, with the suffix that tells its width.
fn float(number: f64, suffix: &str) -> String {
    if number.is_nan() {
        "NaN".into()
    } else if number.is_infinite() {
        if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .into()
    } else {
        format!("{number:?}{suffix}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Source: RFC 8949 appendix A.
    #[test]
    fn the_examples_of_the_standard_read_as_it_says() {
        for (hex_bytes, notation) in [
            ("00", "0"),
            ("1bffffffffffffffff", "18446744073709551615"),
            ("3bffffffffffffffff", "-18446744073709551616"),
            ("f93c00", "1.0_1"),
            ("fb3ff199999999999a", "1.1"),
            ("f97e00", "NaN"),
            ("f9fc00", "-Infinity"),
            ("f7", "undefined"),
            ("f0", "simple(16)"),
            ("c11a514b67b0", "1(1363896240)"),
            ("4401020304", "h'01020304'"),
            ("62225c", "\"\\\"\\\\\""),
            ("8301820203820405", "[1, [2, 3], [4, 5]]"),
            ("a26161016162820203", "{\"a\": 1, \"b\": [2, 3]}"),
            ("5f42010243030405ff", "(_ h'0102', h'030405')"),
            ("9f018202039f0405ffff", "[_ 1, [2, 3], [_ 4, 5]]"),
            ("bf6346756ef563416d7421ff", "{_ \"Fun\": true, \"Amt\": -2}"),
        ] {
            assert_eq!(
                diagnose(&hex::decode(hex_bytes).unwrap()),
                notation,
                "{hex_bytes}"
            );
        }
    }

    #[test]
    fn a_link_is_shown_in_both_forms() {
        let bytes = fvm_ipld_encoding::to_vec(&fvm_shared::EMPTY_ARR_CID).unwrap();
        let shown = diagnose(&bytes);
        assert!(shown.starts_with("42(h'000171a0e40220"), "{shown}");
        assert!(
            shown.ends_with(&format!(" / {} /", fvm_shared::EMPTY_ARR_CID)),
            "{shown}"
        );
    }

    #[test]
    fn what_is_not_one_item_is_shown_as_bytes() {
        for bytes in [
            &b""[..],
            b"\x82\x01",
            b"\x01\x02",
            b"\xff",
            b"\x5f\x61a\xff",
            &[0x81; 1000],
        ] {
            assert!(
                diagnose(bytes).ends_with("/ not CBOR /"),
                "{}",
                diagnose(bytes)
            );
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = diagnose(&bytes);
        }
    }
}
