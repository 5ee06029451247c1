//! How people write addresses and CIDs.

use std::str::FromStr;

use cid::Cid;
use fvm_shared::ActorID;
use fvm_shared::address::{Address, Network, Payload};

/// Namespace of the Ethereum address manager: addresses `f410…`.
pub const EAM_NAMESPACE: ActorID = 10;

/// An address in any of the forms `f01001`, `f1…`, `f2…`, `f3…`, `f410f…`, the
/// same with `t`, or `0x` and 40 hexadecimal digits.
///
/// An Ethereum address that masks an ID (`0xff0000…`) is that ID, any other one
/// its f410 address. Source: spec 00 §3.
///
/// # Errors
/// A sentence that says what is wrong and what is accepted.
///
/// ```
/// # use boatyard_abi::parse_address;
/// assert_eq!(parse_address("0xff00000000000000000000000000000000000065").unwrap(),
///            parse_address("t0101").unwrap());
/// ```
pub fn parse_address(text: &str) -> Result<Address, String> {
    let text = text.trim();
    if let Some(digits) = strip_0x(text) {
        let bytes: [u8; 20] = hex::decode(digits)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| {
                format!("`{text}` is not an Ethereum address: 0x needs 40 hexadecimal digits")
            })?;
        return Ok(from_eth(bytes));
    }
    Network::Mainnet
        .parse_address(text)
        .or_else(|_| Network::Testnet.parse_address(text))
        .map_err(|error| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            if digits {
                format!("`{text}` is not an address; did you mean f0{text}?")
            } else {
                format!(
                    "`{text}` is not an address ({error}); write f0…, f1…, f2…, f3…, f410f… or 0x…"
                )
            }
        })
}

/// The address behind 20 Ethereum bytes.
pub fn from_eth(bytes: [u8; 20]) -> Address {
    match masked_id(&bytes) {
        Some(id) => Address::new_id(id),
        None => Address::new_delegated(EAM_NAMESPACE, &bytes)
            .expect("20 bytes fit into a delegated address"),
    }
}

/// The 20 Ethereum bytes of an address that has them without a look at the
/// chain: f410 as it is, f0 masked.
pub fn to_eth(address: &Address) -> Option<[u8; 20]> {
    match address.payload() {
        Payload::ID(id) => {
            let mut bytes = [0; 20];
            bytes[0] = 0xff;
            bytes[12..].copy_from_slice(&id.to_be_bytes());
            Some(bytes)
        }
        Payload::Delegated(delegated) if delegated.namespace() == EAM_NAMESPACE => {
            delegated.subaddress().try_into().ok()
        }
        _ => None,
    }
}

/// The ID that an Ethereum address masks, if it does.
pub fn masked_id(bytes: &[u8; 20]) -> Option<ActorID> {
    if bytes[0] != 0xff || bytes[1..12].iter().any(|byte| *byte != 0) {
        return None;
    }
    let id: [u8; 8] = bytes[12..].try_into().expect("20 - 12 = 8 bytes");
    Some(ActorID::from_be_bytes(id))
}

/// A CID as text.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn parse_cid(text: &str) -> Result<Cid, String> {
    Cid::from_str(text.trim()).map_err(|error| format!("`{text}` is not a CID ({error})"))
}

/// What follows `0x`.
pub(crate) fn strip_0x(text: &str) -> Option<&str> {
    text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_writing_an_address_is_understood() {
        let eth = "0xd388ab098ed3e84c0d808776440b48f685198498";
        let delegated = parse_address(eth).unwrap();
        assert_eq!(
            delegated.payload(),
            Address::new_delegated(10, &hex::decode(&eth[2..]).unwrap())
                .unwrap()
                .payload()
        );
        for text in [
            delegated.to_string(),
            delegated.to_string().replacen('f', "t", 1),
            eth.to_uppercase(),
        ] {
            assert_eq!(parse_address(&text), Ok(delegated), "{text}");
        }
        assert_eq!(parse_address(" f01001 "), Ok(Address::new_id(1001)));
        assert_eq!(
            to_eth(&delegated).map(hex::encode).as_deref(),
            Some(&eth[2..])
        );
    }

    #[test]
    fn what_is_no_address_is_answered_with_the_forms_there_are() {
        for (text, words) in [
            ("1001", "did you mean f01001?"),
            ("0x12", "40 hexadecimal digits"),
            ("", "write f0…"),
            ("f1abc", "write f0…"),
            ("f09999999999999999999999999", "write f0…"),
            ("🚢🚢🚢", "write f0…"),
        ] {
            let error = parse_address(text).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn a_masked_id_and_its_id_are_one_address() {
        let id = Address::new_id(u64::MAX);
        assert_eq!(from_eth(to_eth(&id).unwrap()), id);
        assert_eq!(masked_id(&[0xff; 20]), None);
    }
}
