//! Parameters that decode and yet make no sense: values of a method's shape, drawn
//! from the edges of their types and from what the test's world knows.
//!
//! An actor must answer each with an exit code, never with a panic. What does not
//! decode at all is easier to write down in the test itself.

use boatyard_sdk::Schema;
use boatyard_sdk::abi::MethodAbi;
use cid::Cid;
use fvm_ipld_bitfield::BitField;
use fvm_ipld_bitfield::iter::Ranges;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_ipld_encoding::{CBOR, to_vec};
use fvm_shared::address::Address;
use fvm_shared::bigint::{BigInt, bigint_ser::BigIntSer};
use fvm_shared::error::ErrorNumber;
use fvm_shared::{MethodNum, Response};
use serde::Serialize;

/// Answers every send as to an actor that is not there, for
/// [`MockRuntime::answer_sends`](crate::MockRuntime::answer_sends): random bytes are
/// now and then an address, and the actor asks who that is.
///
/// # Errors
/// Always [`ErrorNumber::NotFound`].
pub fn nobody(_to: &Address, _method: MethodNum) -> Result<Response, ErrorNumber> {
    Err(ErrorNumber::NotFound)
}

/// What a world knows, so that values hit it now and then.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// IDs, indices, sizes, proof types: whatever is counted.
    pub numbers: Vec<i64>,
    /// Addresses of its actors.
    pub addresses: Vec<Address>,
    /// Links.
    pub cids: Vec<Cid>,
}

/// Where choices come from: a seed, or the bytes of a fuzzer.
pub trait Choices {
    /// Any number.
    fn random(&mut self) -> u64;

    /// A number from 0 to below `end`, which is not 0.
    fn below(&mut self, end: u64) -> u64 {
        self.random() % end
    }
}

/// Choices that follow from a number (SplitMix64).
#[derive(Debug, Clone, Copy)]
pub struct Seeded(pub u64);

impl Choices for Seeded {
    fn random(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// Parameters of a method's shape; nothing for a method without. Equal seeds give
/// equal parameters.
pub fn params(method: &MethodAbi, seed: u64, known: &Known) -> Option<IpldBlock> {
    drawn(&method.params, &mut Seeded(seed), known)
}

/// A block of a shape; nothing for [`Schema::Nothing`].
pub fn drawn(shape: &Schema, choices: &mut dyn Choices, known: &Known) -> Option<IpldBlock> {
    if let Schema::Nothing = shape {
        return None;
    }
    let mut draw = Draw {
        choices,
        known,
        out: Vec::new(),
    };
    draw.value(shape);
    Some(IpldBlock {
        codec: CBOR,
        data: draw.out,
    })
}

struct Draw<'a> {
    choices: &'a mut dyn Choices,
    known: &'a Known,
    out: Vec<u8>,
}

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;

impl Draw<'_> {
    fn random(&mut self) -> u64 {
        self.choices.random()
    }

    fn below(&mut self, end: u64) -> u64 {
        self.choices.below(end)
    }

    fn one_of<T: Clone>(&mut self, items: &[T]) -> T {
        let index = self.below(items.len() as u64) as usize;
        items[index].clone()
    }

    fn head(&mut self, major: u8, number: u64) {
        let major = major << 5;
        match number {
            0..24 => self.out.push(major | number as u8),
            24..=0xff => self.out.extend([major | 24, number as u8]),
            0x100..=0xffff => {
                self.out.push(major | 25);
                self.out.extend((number as u16).to_be_bytes());
            }
            0x1_0000..=0xffff_ffff => {
                self.out.push(major | 26);
                self.out.extend((number as u32).to_be_bytes());
            }
            _ => {
                self.out.push(major | 27);
                self.out.extend(number.to_be_bytes());
            }
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.head(BYTES, bytes.len() as u64);
        self.out.extend_from_slice(bytes);
    }

    fn encoded(&mut self, value: &(impl Serialize + ?Sized)) {
        let bytes = to_vec(value).expect("drawn values encode");
        self.out.extend(bytes);
    }

    fn value(&mut self, shape: &Schema) {
        match shape {
            Schema::Nothing | Schema::Null => self.out.push(0xf6),
            Schema::Raw | Schema::Any => {
                let number = self.uint();
                self.head(UNSIGNED, number);
            }
            Schema::Bool => {
                let value = self.below(2) as u8;
                self.out.push(0xf4 + value);
            }
            Schema::Uint => {
                let number = self.uint();
                self.head(UNSIGNED, number);
            }
            Schema::Int => match self.int() {
                number @ 0.. => self.head(UNSIGNED, number as u64),
                number => self.head(NEGATIVE, !number as u64),
            },
            Schema::BigInt | Schema::TokenAmount => {
                let number = self.big();
                self.encoded(&BigIntSer(&number));
            }
            Schema::Address => {
                let address = self.address();
                self.encoded(&address);
            }
            Schema::EthAddress => {
                let byte = self.below(256) as u8;
                self.bytes(&[byte; 20]);
            }
            Schema::U256 | Schema::Bytes => {
                let length = self.one_of(&[0, 1, 32, 192, 200, 1_921]);
                let byte = self.below(256) as u8;
                self.bytes(&vec![byte; length]);
            }
            Schema::Text => {
                self.head(TEXT, 1);
                self.out.push(b'x');
            }
            Schema::Cid | Schema::Map { .. } | Schema::Array { .. } => {
                let mut cids = self.known.cids.clone();
                cids.push(Cid::default());
                let cid = self.one_of(&cids);
                self.encoded(&cid);
            }
            Schema::BitField => {
                let bits = self.bits();
                self.encoded(&bits);
            }
            Schema::Optional(shape) => match self.below(3) {
                0 => self.out.push(0xf6),
                _ => self.value(shape),
            },
            Schema::List(shape) => {
                let length = self.one_of(&[0, 1, 1, 1, 2, 3]);
                self.head(ARRAY, length);
                for _ in 0..length {
                    self.value(shape);
                }
            }
            Schema::Tuple { fields, .. } => {
                self.head(ARRAY, fields.len() as u64);
                for (_, shape) in *fields {
                    self.value(shape);
                }
            }
        }
    }

    fn uint(&mut self) -> u64 {
        match self.below(8) {
            0 => self.one_of(&[0, 1 << 32, i64::MAX as u64, 1 << 63, u64::MAX]),
            1 => self.random(),
            2 => self.below(3),
            _ => self.known_number().unsigned_abs(),
        }
    }

    fn int(&mut self) -> i64 {
        match self.below(8) {
            0 => self.one_of(&[0, -1, i64::MIN, i64::MAX]),
            1 => self.random() as i64,
            _ => self.known_number(),
        }
    }

    fn known_number(&mut self) -> i64 {
        match self.known.numbers.is_empty() {
            true => 0,
            false => self.one_of(&self.known.numbers.clone()),
        }
    }

    fn big(&mut self) -> BigInt {
        match self.below(4) {
            0 => BigInt::from(self.int()) << 900,
            1 => BigInt::from(self.random()) << 60,
            _ => BigInt::from(self.int()),
        }
    }

    fn address(&mut self) -> Address {
        let byte = self.below(256) as u8;
        let mut addresses = vec![
            Address::new_id(self.uint()),
            Address::new_actor(&[byte]),
            Address::new_secp256k1(&[byte; 65]).expect("a key has 65 bytes"),
            Address::new_bls(&[byte; 48]).expect("a key has 48 bytes"),
            Address::new_delegated(10, &[byte; 20]).expect("20 bytes fit"),
        ];
        addresses.extend(self.known.addresses.iter().chain(&self.known.addresses));
        self.one_of(&addresses)
    }

    fn bits(&mut self) -> BitField {
        match self.below(8) {
            0 => BitField::new(),
            1 => range(0..u64::MAX - 1),
            2 => {
                let start = self.below(1 << 40);
                range(start..start + 30_000)
            }
            3 => BitField::try_from_bits([u64::MAX - 1]).unwrap_or_default(),
            _ => {
                let count = self.below(4);
                let bits: Vec<_> = (0..count).map(|_| self.uint() & !(1 << 63)).collect();
                BitField::try_from_bits(bits).unwrap_or_default()
            }
        }
    }
}

fn range(bits: std::ops::Range<u64>) -> BitField {
    BitField::from_ranges(Ranges::new(std::iter::once(bits)))
}

#[cfg(test)]
mod tests {
    use boatyard_sdk::AbiType;
    use fvm_ipld_encoding::from_slice;
    use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
    use fvm_shared::econ::TokenAmount;

    use super::*;

    #[derive(Debug, Serialize_tuple, Deserialize_tuple, AbiType)]
    struct Item {
        flag: bool,
        amount: TokenAmount,
        link: Option<Cid>,
    }

    #[derive(Debug, Serialize_tuple, Deserialize_tuple, AbiType)]
    struct Outer {
        number: u64,
        epoch: i64,
        who: Address,
        set: BitField,
        list: Vec<Item>,
    }

    #[test]
    fn every_drawn_value_decodes() {
        let method = MethodAbi {
            name: "Method",
            number: 2,
            doc: "",
            params: Outer::SCHEMA,
            returns: Schema::Nothing,
        };
        let known = Known {
            numbers: vec![1_000],
            ..Known::default()
        };
        let mut hits = 0;
        for seed in 0..1_000 {
            let block = params(&method, seed, &known).unwrap();
            let drawn: Outer = from_slice(&block.data).unwrap();
            hits += u32::from(drawn.number == 1_000);
            assert_eq!(params(&method, seed, &known), Some(block));
        }
        assert!(hits > 300, "known numbers are drawn often: {hits}");
    }
}
