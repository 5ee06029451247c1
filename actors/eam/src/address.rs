//! Which address a contract gets: Ethereum's formulas.

use boatyard_actors_shared::EthAddress;
use boatyard_actors_shared::ext::eam::Salt;
use boatyard_sdk::Runtime;

/// The last 20 bytes of a Keccak-256 digest.
pub(crate) fn keccak_address(rt: &impl Runtime, data: &[u8]) -> EthAddress {
    let digest = rt.keccak(data);
    EthAddress(digest[12..].try_into().expect("32 − 12 = 20"))
}

/// CREATE: Keccak-256 of the RLP list of creator and nonce.
pub fn create(rt: &impl Runtime, from: &EthAddress, nonce: u64) -> EthAddress {
    keccak_address(rt, &rlp_list(from, nonce))
}

/// CREATE2: Keccak-256 of `ff`, creator, salt and the digest of the initcode.
pub fn create2(rt: &impl Runtime, from: &EthAddress, salt: &Salt, initcode: &[u8]) -> EthAddress {
    let mut input = Vec::with_capacity(1 + 20 + 32 + 32);
    input.push(0xff);
    input.extend_from_slice(&from.0);
    input.extend_from_slice(&salt.0);
    input.extend_from_slice(&rt.keccak(initcode));
    keccak_address(rt, &input)
}

/// `[from, nonce]` in RLP: always a short list, for it has at most 30 bytes.
fn rlp_list(from: &EthAddress, nonce: u64) -> Vec<u8> {
    const SHORT_STRING: u8 = 0x80;
    const SHORT_LIST: u8 = 0xc0;
    let mut items = Vec::with_capacity(31);
    items.push(SHORT_STRING + 20);
    items.extend_from_slice(&from.0);
    if (1..0x80).contains(&nonce) {
        items.push(nonce as u8);
    } else {
        let bytes = nonce.to_be_bytes();
        let digits = &bytes[nonce.leading_zeros() as usize / 8..];
        items.push(SHORT_STRING + digits.len() as u8);
        items.extend_from_slice(digits);
    }
    items.insert(0, SHORT_LIST + items.len() as u8);
    items
}

#[cfg(test)]
mod tests {
    use boatyard_mock::MockRuntime;

    use super::*;

    const FROM: EthAddress = EthAddress([
        0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee,
        0xff, 0x00, 0x11, 0x22, 0x33,
    ]);

    /// Source: spec 01 §7.
    #[test]
    fn addresses_are_the_sheets() {
        for (nonce, address) in [
            (0, "0x4d5820eeb9096f62ea7b484cf9f5348348415ab6"),
            (1, "0x7e0b213b1982275fe12ebdc4c982b772b1908b62"),
            (300, "0x16b828b8f271a1fcc7ca8777c087c451bad2b6ac"),
        ] {
            let given = MockRuntime::new().within(move |rt| Ok(create(rt, &FROM, nonce)));
            assert_eq!(given.unwrap().to_string(), address, "nonce {nonce}");
        }
        let mut salt = [0; 32];
        salt[31] = 7;
        let given = MockRuntime::new()
            .within(move |rt| Ok(create2(rt, &FROM, &Salt(salt), b"\x60\x01\x60\x02\x0a")));
        assert_eq!(
            given.unwrap().to_string(),
            "0x0d4f298fc8285f6e6efe3fabf80256cd16a09ad1"
        );
    }

    /// Source: spec 01 §7; the longest by hand.
    #[test]
    fn nonces_are_the_shortest_rlp_integers() {
        for (nonce, head, tail) in [
            (0, 0xd6, &[0x80][..]),
            (1, 0xd6, &[0x01]),
            (0x7f, 0xd6, &[0x7f]),
            (0x80, 0xd7, &[0x81, 0x80]),
            (300, 0xd8, &[0x82, 0x01, 0x2c]),
            (
                u64::MAX,
                0xde,
                &[0x88, 255, 255, 255, 255, 255, 255, 255, 255],
            ),
        ] {
            let rlp = rlp_list(&FROM, nonce);
            assert_eq!((rlp[0], rlp[1]), (head, 0x94), "{nonce}");
            assert_eq!(&rlp[22..], tail, "{nonce}");
        }
    }
}
