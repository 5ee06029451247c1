//! Scripts out of a number.

use boatyard_probe::{Data, SendStep, Step};
use cid::Cid;
use fvm_ipld_encoding::{CBOR, DAG_CBOR, IPLD_RAW, RawBytes};
use fvm_shared::EMPTY_ARR_CID;
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;

use crate::world::{ALICE, EAM, NOBODY, ONE, TWO, builtin, codes, f410, key_address, link_to, put};

/// The same script for the same seed.
pub fn script(seed: u64) -> Vec<Step> {
    let mut dice = Dice(seed);
    steps(&mut dice, 0)
}

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    fn one_of<T: Clone>(&mut self, choice: &[T]) -> T {
        choice[self.below(choice.len() as u64) as usize].clone()
    }
}

fn steps(dice: &mut Dice, depth: u64) -> Vec<Step> {
    (0..=dice.below(6)).map(|_| step(dice, depth)).collect()
}

fn step(dice: &mut Dice, depth: u64) -> Step {
    let (p, q) = codes();
    match dice.below(26) {
        0..=2 => Step::Put(data(dice), dice.one_of(&[0xb220, 0xb220, 0xb220, 0x12, 0])),
        3..=4 => Step::Get(cid(dice)),
        5..=6 => Step::Root,
        // Most heads are out of reach, which ends a script.
        7 if dice.below(3) == 0 => Step::SetRoot(cid(dice)),
        7 => Step::Balance,
        8..=15 => Step::Send(send(dice, depth)),
        16 => Step::Emit(
            (0..dice.below(3))
                .map(|n| (dice.below(5), format!("key {n}"), codec(dice), bytes(dice)))
                .collect(),
        ),
        17 => Step::Context,
        18 => Step::Look(id(dice)),
        19 => Step::Resolve(address(dice)),
        20 => Step::NextAddress,
        21 => Step::Create(dice.one_of(&[p, q, builtin("account")]), id(dice), None),
        22 if dice.below(3) == 0 => {
            Step::Upgrade(dice.one_of(&[p, q, EMPTY_ARR_CID]), params(dice, depth))
        }
        22 => Step::Types(builtin("evm"), dice.below(20) as u32),
        23 if dice.below(2) == 0 => {
            Step::Exit(dice.one_of(&[0, 1, 15, 16, 33, u32::MAX]), Some(data(dice)))
        }
        24 if dice.below(4) == 0 => Step::Panic("as the dice fell".to_owned()),
        25 if dice.below(2) == 0 => Step::Return(data(dice)),
        _ => Step::Hash(
            dice.one_of(&[0x12, 0x1b, 0xb220, 0xb240, 0x1053, 7]),
            bytes(dice),
        ),
    }
}

fn send(dice: &mut Dice, depth: u64) -> SendStep {
    SendStep {
        to: address(dice),
        method: dice.one_of(&[0, 0, 1, 2, 3, 4, 1 << 24, 1 << 24, 1 << 24, 3_844_450_837]),
        params: params(dice, depth),
        value: TokenAmount::from_atto(dice.one_of(&[0, 0, 0, 1, 5, 1_000, -1, i64::MAX])),
        flags: dice.one_of(&[0, 0, 0, 0, 0, 1, 2]),
    }
}

fn params(dice: &mut Dice, depth: u64) -> Option<Data> {
    match dice.below(5) {
        0 => None,
        1 => Some(data(dice)),
        _ if depth < 4 => Some(Data::new(
            dice.one_of(&[CBOR, CBOR, DAG_CBOR]),
            Vec::from(boatyard_probe::script(&steps(dice, depth + 1)).1),
        )),
        _ => None,
    }
}

fn data(dice: &mut Dice) -> Data {
    let first = put(&[1, 2, 3]).1;
    let second = link_to(&[EMPTY_ARR_CID]).1;
    match dice.below(6) {
        0 => put(&[1, 2, 3]).0,
        1 => link_to(&[EMPTY_ARR_CID]).0,
        2 => link_to(&[first, second]).0,
        3 => link_to(&[]).0,
        _ => Data(codec(dice), bytes(dice)),
    }
}

fn bytes(dice: &mut Dice) -> RawBytes {
    let length = dice.one_of(&[0, 1, 2, 31, 32, 33, 200]);
    RawBytes::new((0..length).map(|_| dice.below(256) as u8).collect())
}

fn codec(dice: &mut Dice) -> u64 {
    dice.one_of(&[CBOR, DAG_CBOR, IPLD_RAW, 0x70])
}

fn cid(dice: &mut Dice) -> Cid {
    let first = put(&[1, 2, 3]).1;
    let second = link_to(&[EMPTY_ARR_CID]).1;
    dice.one_of(&[
        EMPTY_ARR_CID,
        first,
        second,
        link_to(&[first, second]).1,
        builtin("account"),
    ])
}

fn id(dice: &mut Dice) -> u64 {
    dice.one_of(&[0, 1, EAM, ALICE, ONE, TWO, NOBODY, 1_100, 1_101, u64::MAX])
}

fn address(dice: &mut Dice) -> Address {
    match dice.below(8) {
        0 => key_address(dice.below(4) as u8),
        1 => f410(dice.below(4) as u8),
        2 => Address::new_actor(&[dice.below(2) as u8]),
        3 => Address::new_delegated(dice.below(12), b"somewhere").unwrap(),
        4 => Address::new_id(id(dice)),
        _ => Address::new_id(dice.one_of(&[ONE, TWO])),
    }
}
