//! Parameter types: what clients send, in all the forms in which they send it.
//!
//! Quantities come as hex, as decimal strings and as JSON numbers (spec 10 §7);
//! addresses with `f` or `t`; bytes as hex on the Ethereum side and as base64 on
//! the Filecoin side.

use alloy::primitives::{B256, U256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use boatyard_chain::TipsetKey;
use cid::Cid;
use fvm_shared::address::{Address, Network};
use fvm_shared::econ::TokenAmount;
use num_bigint::{BigInt, BigUint};
use serde_json::Value;

use crate::error::quote;
use crate::registry::{Param, kind};

/// Declares how a type is read through its `serde` form.
macro_rules! param_by_serde {
    ($($ty:ty = $shape:literal),+ $(,)?) => {$(
        impl $crate::registry::Param for $ty {
            const SHAPE: &'static str = $shape;

            fn read(value: serde_json::Value) -> Result<Self, String> {
                serde_json::from_value(value).map_err(|error| error.to_string())
            }
        }
    )+};
}
pub(crate) use param_by_serde;

/// Any text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(pub String);

impl Param for Text {
    const SHAPE: &'static str = "text";

    fn read(value: Value) -> Result<Self, String> {
        string(value).map(Self)
    }
}

/// Any JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct Json(pub Value);

impl Param for Json {
    const SHAPE: &'static str = "any";

    fn read(value: Value) -> Result<Self, String> {
        Ok(Self(value))
    }
}

impl Param for bool {
    const SHAPE: &'static str = "bool";

    fn read(value: Value) -> Result<Self, String> {
        value
            .as_bool()
            .ok_or_else(|| format!("expected true or false, got {}", kind(&value)))
    }
}

/// A flag that is false when left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flag(pub bool);

impl Param for Flag {
    const SHAPE: &'static str = "bool";

    fn read(value: Value) -> Result<Self, String> {
        bool::read(value).map(Self)
    }

    fn missing() -> Option<Self> {
        Some(Self(false))
    }
}

/// A whole number of up to 256 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity(pub U256);

impl Quantity {
    /// The number as 64 bits.
    ///
    /// # Errors
    /// When it is larger; `what` names it.
    pub fn as_u64(&self, what: &str) -> Result<u64, crate::RpcError> {
        self.0.try_into().map_err(|_| {
            crate::RpcError::invalid_params(format!("{what} is too large: {}", self.0))
        })
    }

    /// The number as an amount in attoFIL.
    pub fn as_tokens(&self) -> TokenAmount {
        tokens(self.0)
    }

    /// Reads text: hex after `0x`, decimal otherwise.
    ///
    /// # Errors
    /// When it is no such number.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parsed = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            Some("") => Ok(U256::ZERO),
            Some(digits) => U256::from_str_radix(digits, 16),
            None if text.is_empty() => return Err("expected a number, got an empty string".into()),
            None => U256::from_str_radix(text, 10),
        };
        parsed.map(Self).map_err(|_| {
            format!(
                "expected a number, as 0x hex or decimal, got \"{}\"",
                quote(text)
            )
        })
    }
}

impl Param for Quantity {
    const SHAPE: &'static str = "quantity";

    fn read(value: Value) -> Result<Self, String> {
        match value {
            Value::String(text) => Self::parse(&text),
            Value::Number(number) => Self::parse(&number.to_string()),
            other => Err(format!("expected a number, got {}", kind(&other))),
        }
    }
}

impl<'de> serde::Deserialize<'de> for Quantity {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::read(value).map_err(serde::de::Error::custom)
    }
}

macro_rules! whole_numbers {
    ($($ty:ty),+) => {$(
        impl Param for $ty {
            const SHAPE: &'static str = "number";

            fn read(value: Value) -> Result<Self, String> {
                let number = match &value {
                    Value::Number(number) => number.to_string(),
                    Value::String(text) if text.starts_with("0x") => Quantity::parse(text)?.0.to_string(),
                    Value::String(text) => text.clone(),
                    other => return Err(format!("expected a number, got {}", kind(other))),
                };
                number.parse().map_err(|_| {
                    format!("expected a whole number that fits {}, got {}", stringify!($ty), quote(&number))
                })
            }
        }
    )+};
}
whole_numbers!(u64, i64, u32);

impl Param for f64 {
    const SHAPE: &'static str = "fraction";

    fn read(value: Value) -> Result<Self, String> {
        value
            .as_f64()
            .ok_or_else(|| format!("expected a number, got {}", kind(&value)))
    }
}

/// Hex with `0x`, of any even number of digits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HexBytes(pub Vec<u8>);

impl HexBytes {
    /// Reads hex; the `0x` may be missing.
    ///
    /// # Errors
    /// When there is anything but pairs of hex digits.
    pub fn parse(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix("0x").unwrap_or(text);
        hex::decode(digits).map(Self).map_err(|error| match error {
            hex::FromHexError::OddLength => {
                format!(
                    "expected pairs of hex digits, got an odd number of them ({})",
                    digits.len()
                )
            }
            _ => format!("expected hex bytes, got \"{}\"", quote(text)),
        })
    }
}

impl Param for HexBytes {
    const SHAPE: &'static str = "hex bytes";

    fn read(value: Value) -> Result<Self, String> {
        Self::parse(&string(value)?)
    }
}

impl<'de> serde::Deserialize<'de> for HexBytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A 32-byte hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub B256);

impl Param for Hash {
    const SHAPE: &'static str = "32-byte hash";

    fn read(value: Value) -> Result<Self, String> {
        let bytes = HexBytes::read(value)?.0;
        B256::try_from(bytes.as_slice())
            .map(Self)
            .map_err(|_| format!("expected 32 bytes, got {}", bytes.len()))
    }
}

/// A storage slot or value: at most 32 bytes, left-padded. Slots are sent both as
/// quantities (`0x0`) and as words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Word(pub B256);

impl Word {
    /// Reads a quantity or up to 32 bytes of hex.
    ///
    /// # Errors
    /// When it is longer, or no hex.
    pub fn parse(text: &str) -> Result<Self, String> {
        Quantity::parse(text)
            .map(|quantity| Self(B256::from(quantity.0)))
            .map_err(|_| format!("expected at most 32 bytes of hex, got \"{}\"", quote(text)))
    }
}

impl Param for Word {
    const SHAPE: &'static str = "32-byte word";

    fn read(value: Value) -> Result<Self, String> {
        match value {
            Value::Number(number) => Self::parse(&number.to_string()),
            other => Self::parse(&string(other)?),
        }
    }
}

impl<'de> serde::Deserialize<'de> for Word {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A 20-byte address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EthAddress(pub alloy::primitives::Address);

impl EthAddress {
    /// Reads 20 bytes of hex, in any mixture of cases.
    ///
    /// # Errors
    /// When it is anything else; a Filecoin address gets a hint.
    pub fn parse(text: &str) -> Result<Self, String> {
        if parse_address(text).is_ok() {
            return Err(format!(
                "expected a 0x address, got the Filecoin address {text}; \
                 Filecoin.FilecoinAddressToEthAddress converts it"
            ));
        }
        let bytes = HexBytes::parse(text)?.0;
        <[u8; 20]>::try_from(bytes.as_slice())
            .map(|bytes| Self(bytes.into()))
            .map_err(|_| format!("expected an address of 20 bytes, got {}", bytes.len()))
    }
}

impl Param for EthAddress {
    const SHAPE: &'static str = "0x address";

    fn read(value: Value) -> Result<Self, String> {
        Self::parse(&string(value)?)
    }
}

impl<'de> serde::Deserialize<'de> for EthAddress {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A Filecoin address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilAddress(pub Address);

impl Param for FilAddress {
    const SHAPE: &'static str = "Filecoin address";

    fn read(value: Value) -> Result<Self, String> {
        parse_address(&string(value)?).map(Self)
    }
}

/// Reads a Filecoin address; both network letters are accepted (spec 10 §4).
///
/// # Errors
/// When it is none; a 0x address gets a hint.
pub fn parse_address(text: &str) -> Result<Address, String> {
    if text.starts_with("0x") {
        return Err(format!(
            "expected a Filecoin address, got \"{}\"; \
             Filecoin.EthAddressToFilecoinAddress converts 0x addresses",
            quote(text)
        ));
    }
    // The library slices by bytes.
    if !text.is_ascii() {
        return Err(format!(
            "expected a Filecoin address, got \"{}\"",
            quote(text)
        ));
    }
    let network = if text.starts_with('t') {
        Network::Testnet
    } else {
        Network::Mainnet
    };
    network.parse_address(text).map_err(|error| {
        format!(
            "expected a Filecoin address (t0… to t4…), got \"{}\": {error}",
            quote(text)
        )
    })
}

/// A CID, as `{"/": "bafy…"}` or, for people at a keyboard, as plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CidParam(pub Cid);

impl Param for CidParam {
    const SHAPE: &'static str = "CID";

    fn read(value: Value) -> Result<Self, String> {
        let text = match value {
            Value::String(text) => text,
            Value::Object(mut fields) => match fields.remove("/") {
                Some(Value::String(text)) => text,
                _ => return Err("expected a CID as {\"/\": \"bafy…\"}".into()),
            },
            other => return Err(format!("expected a CID, got {}", kind(&other))),
        };
        text.parse()
            .map(Self)
            .map_err(|error| format!("expected a CID, got \"{}\": {error}", quote(&text)))
    }
}

/// A tipset key; left out, `null` and `[]` are the head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TipsetParam(pub TipsetKey);

impl Param for TipsetParam {
    const SHAPE: &'static str = "tipset key";

    fn read(value: Value) -> Result<Self, String> {
        let cids = <Vec<CidParam>>::read(value)?;
        Ok(Self(TipsetKey::new(
            cids.into_iter().map(|cid| cid.0).collect(),
        )))
    }

    fn missing() -> Option<Self> {
        Some(Self(TipsetKey::default()))
    }
}

/// Bytes as base64; `null` is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Base64(pub Vec<u8>);

impl Param for Base64 {
    const SHAPE: &'static str = "base64 bytes";

    fn read(value: Value) -> Result<Self, String> {
        let text = string(value)?;
        BASE64
            .decode(&text)
            .map(Self)
            .map_err(|error| format!("expected base64, got \"{}\": {error}", quote(&text)))
    }

    fn missing() -> Option<Self> {
        Some(Self::default())
    }
}

/// An amount in attoFIL: a decimal string, by kindness also a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Atto(pub TokenAmount);

impl Atto {
    /// Reads decimal digits with an optional minus sign.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn parse(text: &str) -> Result<Self, String> {
        // Amounts have 27 digits at most; long ones cost time to read.
        const LONGEST: usize = 80;
        if text.is_empty() {
            return Ok(Self(TokenAmount::default()));
        }
        let wrong = || {
            format!(
                "expected an amount in attoFIL as decimal digits, got \"{}\"",
                quote(text)
            )
        };
        if text.len() > LONGEST {
            return Err(wrong());
        }
        text.parse::<BigInt>()
            .map(|number| Self(TokenAmount::from_atto(number)))
            .map_err(|_| wrong())
    }
}

impl Param for Atto {
    const SHAPE: &'static str = "attoFIL";

    fn read(value: Value) -> Result<Self, String> {
        match value {
            Value::Number(number) => Self::parse(&number.to_string()),
            other => Self::parse(&string(other)?),
        }
    }
}

/// 256 bits as an amount in attoFIL.
pub fn tokens(number: U256) -> TokenAmount {
    TokenAmount::from_atto(BigInt::from(BigUint::from_bytes_be(
        &number.to_be_bytes::<32>(),
    )))
}

/// An amount in attoFIL as 256 bits: 0 for a negative one, all ones for one that
/// is too large.
pub fn quantity(amount: &TokenAmount) -> U256 {
    let (sign, bytes) = amount.atto().to_bytes_be();
    match sign {
        num_bigint::Sign::Minus | num_bigint::Sign::NoSign => U256::ZERO,
        num_bigint::Sign::Plus if bytes.len() > 32 => U256::MAX,
        num_bigint::Sign::Plus => U256::from_be_slice(&bytes),
    }
}

fn string(value: Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(format!("expected a string, got {}", kind(&other))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn quantities_come_in_every_form() {
        for (value, expected) in [
            (json!("0x10"), 16u64),
            (json!("0x0010"), 16),
            (json!("0x"), 0),
            (json!("16"), 16),
            (json!(16), 16),
            (json!(u64::MAX), u64::MAX),
        ] {
            assert_eq!(
                Quantity::read(value.clone()),
                Ok(Quantity(U256::from(expected))),
                "{value}"
            );
        }
        for wrong in [
            json!("0xg"),
            json!(""),
            json!(-1),
            json!(1.5),
            json!([]),
            json!("1e3"),
        ] {
            assert!(Quantity::read(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn both_network_letters_are_read() {
        assert_eq!(parse_address("t01000"), parse_address("f01000"));
        for wrong in ["", "f", "t9", "x01000", "fé1000", "t0-1", "0x00"] {
            assert!(parse_address(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_cid_is_read_as_link_and_as_text() {
        let text = "bafy2bzacecmda75ovposbdateg7eyhwij65zklgyijgcjwynlklmqazpwlhba";
        assert_eq!(
            CidParam::read(json!({ "/": text })),
            CidParam::read(json!(text))
        );
        assert!(CidParam::read(json!({ "/": 1 })).is_err());
        assert!(CidParam::read(json!("bafy")).is_err());
    }

    #[test]
    fn amounts_survive_the_way_to_256_bits_and_back() {
        for text in ["0", "1", "340282366920938463463374607431768211456"] {
            let amount = Atto::parse(text).unwrap().0;
            assert_eq!(tokens(quantity(&amount)), amount);
        }
        assert_eq!(quantity(&TokenAmount::from_atto(-5)), U256::ZERO);
    }

    #[test]
    fn slots_are_padded_on_the_left() {
        let slot = Word::read(json!("0x1")).unwrap().0;
        assert_eq!(slot, B256::with_last_byte(1));
        assert!(Word::parse(&format!("0x{}", "1".repeat(65))).is_err());
    }
}
