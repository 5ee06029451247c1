//! What a contract sees of the message, the block and accounts (spec 02 §8.2).

use crate::address::to_word;
use boatyard_actors_shared::EthAddress;
use boatyard_sdk::Type;
use cid::Cid;
use fvm_shared::bigint::BigInt;
use fvm_shared::econ::TokenAmount;
use multihash_codetable::{Code, MultihashDigest};
use revm_interpreter::primitives::U256;

use super::world::*;

#[test]
fn the_message_is_seen() {
    let caller = to_word(eth(CALLER));
    assert_eq!(eval("ADDRESS"), to_word(eth(CONTRACT)));
    assert_eq!(eval("CALLER"), caller);
    assert_eq!(eval("ORIGIN"), caller);
    assert_eq!(
        word(&contract(&returning("CALLVALUE")).value(atto(9))),
        U256::from(9)
    );
}

#[test]
fn actors_without_an_ethereum_address_show_their_id() {
    for opcode in ["CALLER", "ORIGIN"] {
        let rt = contract(&returning(opcode))
            .caller_of_type(77, Type::Account)
            .origin(77);
        assert_eq!(word(&rt), to_word(EthAddress::from_id(77)), "{opcode}");
    }
}

#[test]
fn the_block_is_seen() {
    let rt = |program: &str| {
        contract(&returning(program))
            .epoch(123)
            .timestamp(456)
            .chain_id(31_415_926)
            .base_fee(atto(100))
            .gas_premium(atto(7))
    };
    for (opcode, value) in [
        ("NUMBER", 123u64),
        ("TIMESTAMP", 456),
        ("CHAINID", 31_415_926),
        ("BASEFEE", 100),
        ("GASPRICE", 107),
        ("COINBASE", 0),
        ("GASLIMIT", 10_000_000_000),
        ("GAS", GAS),
    ] {
        assert_eq!(word(&rt(opcode)), U256::from(value), "{opcode}");
    }
}

#[test]
fn block_hashes_are_those_of_the_last_256_tipsets() {
    let digest = Code::Blake2b256.digest(b"a tipset");
    let tipset = Cid::new_v1(0x71, digest);
    let expected = U256::from_be_slice(digest.digest());
    for (asked, found) in [
        ("744", true),
        ("999", true),
        ("743", false),
        ("1000", false),
        ("1001", false),
        ("0x8000000000000000", false),
        (
            "0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            false,
        ),
    ] {
        let rt = contract(&returning(&format!("{asked} BLOCKHASH")))
            .tipset(744, tipset)
            .tipset(999, tipset);
        let expected = if found { expected } else { U256::ZERO };
        assert_eq!(word(&rt), expected, "{asked}");
    }
}

/// As recorded: the digest is a number, however short.
#[test]
fn a_short_tipset_digest_is_a_small_number() {
    let digest = cid::multihash::Multihash::wrap(0, b"faketipset").unwrap();
    let rt = contract(&returning("999 BLOCKHASH")).tipset(999, Cid::new_v1(0x55, digest));
    assert_eq!(word(&rt), U256::from_be_slice(b"faketipset"));
}

/// Source: spec 02 §8.2.
#[test]
fn prevrandao_is_drawn_from_the_beacon() {
    let mut input = 10i64.to_be_bytes().to_vec();
    input.extend([3; 32]);
    input.extend(1_000i64.to_be_bytes());
    input.extend(b"prevrandao");
    let expected = U256::from_be_slice(Code::Blake2b256.digest(&input).digest());
    let rt = contract(&returning("PREVRANDAO PREVRANDAO EQ PREVRANDAO MUL"))
        .beacon_randomness(1_000, [3; 32]);
    assert_eq!(word(&rt), expected);
}

#[test]
fn balances_are_found_by_either_address() {
    let of = |address: EthAddress| {
        let rt = contract(&returning(&format!("{} BALANCE", word_of(address))))
            .balance(OTHER, atto(5))
            .balance(77, atto(6));
        word(&rt)
    };
    assert_eq!(of(eth(OTHER)), U256::from(5));
    assert_eq!(of(EthAddress::from_id(OTHER)), U256::from(5));
    assert_eq!(of(EthAddress::from_id(77)), U256::from(6));
    assert_eq!(of(EthAddress::from_id(78)), U256::ZERO);
    assert_eq!(of(eth(99)), U256::ZERO);
    assert_eq!(of(EthAddress([0; 20])), U256::ZERO);

    let rt = contract(&returning("SELFBALANCE"))
        .balance(CONTRACT, atto(10))
        .value(atto(2));
    assert_eq!(word(&rt), U256::from(12));
}

#[test]
fn large_amounts_are_exact() {
    let amount =
        TokenAmount::from_atto(BigInt::from(2_000_000_000u64) * 1_000_000_000_000_000_000u64);
    let rt = contract(&returning("SELFBALANCE")).balance(CONTRACT, amount.clone());
    assert_eq!(word(&rt), crate::word::from_amount(&amount));
}
