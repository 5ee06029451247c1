//! Known answers of Ethereum's precompiles.

use boatyard_actors_shared::EthAddress;
use boatyard_mock::{Check, MockRuntime};
use num_bigint::BigUint;
use proptest::prelude::*;

use super::*;

/// secp256k1's, bn254's and BLS12-381's field orders and generators.
const BN254_P: &str = "30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47";
const BN254_G1: &str = "0000000000000000000000000000000000000000000000000000000000000001\
                        0000000000000000000000000000000000000000000000000000000000000002";
const BN254_MINUS_G1: &str = "0000000000000000000000000000000000000000000000000000000000000001\
                              30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd45";
const BN254_G2: &str = "198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2\
                        1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed\
                        090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b\
                        12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa";
const BLS_P: &str = "1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab";
const BLS_G1: &str = "0000000000000000000000000000000017f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb\
                      0000000000000000000000000000000008b3f481e3aaa0f1a09e30ed741d8ae4fcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40caa232946c5e7e1";
const BLS_G2: &str = "00000000000000000000000000000000024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8\
                      0000000000000000000000000000000013e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e\
                      000000000000000000000000000000000ce5d527727d6e118cc9cdc6da2e351aadfd9baa8cbdd3a76d429a695160d12c923ac9cc3baca289e193548608b82801\
                      000000000000000000000000000000000606c4a02ea734cc32acd2b02bc28b99cb3e287e85a763af267492ab572e99ab3f370d275cec1da1aaa9075ff05f79be";
/// Order of the groups of BLS12-381.
const BLS_R: &str = "73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001";

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits: String = hexadecimal.split_whitespace().collect();
    hex::decode(digits).expect("the test's hexadecimal digits")
}

fn word(value: u64) -> Vec<u8> {
    let mut word = vec![0; 24];
    word.extend(value.to_be_bytes());
    word
}

/// What the precompile at `00…address` gives, `None` if it fails.
#[track_caller]
fn run(address: u16, input: &[u8]) -> Option<Vec<u8>> {
    run_on(&MockRuntime::new(), address, input)
}

#[track_caller]
fn run_on(rt: &MockRuntime, address: u16, input: &[u8]) -> Option<Vec<u8>> {
    let mut target = EthAddress::NULL;
    target.0[18..].copy_from_slice(&address.to_be_bytes());
    let input = input.to_vec();
    rt.within(move |rt| {
        let mut machine = Machine::new(rt, crate::state::Contract::new(rt));
        let request = Request {
            kind: CallKind::Static,
            gas: 0,
            input: &input,
        };
        match super::run(&mut machine, target, &request) {
            Ok(output) => Ok(Some(output)),
            Err(Failure::Failed) => Ok(None),
            Err(Failure::Abort(error)) => Err(error),
        }
    })
    .expect("the frame goes on")
}

/// The coordinate's or point's negative under a field of `p`.
fn negated(coordinate: &[u8], p: &str) -> Vec<u8> {
    let p = BigUint::from_bytes_be(&bytes(p));
    let negative = (p - BigUint::from_bytes_be(coordinate)).to_bytes_be();
    let mut padded = vec![0; coordinate.len() - negative.len()];
    padded.extend(negative);
    padded
}

#[test]
fn some_addresses_are_reserved_and_some_of_them_used() {
    let at = |first: u8, high: u8, low: u8| {
        let mut address = EthAddress::NULL;
        (address.0[0], address.0[18], address.0[19]) = (first, high, low);
        address
    };
    let mut used = 0;
    for first in [0, 0xfe] {
        for low in 0..=255 {
            assert_eq!(is_reserved(at(first, 0, low)), low != 0);
            used += usize::from(exists(at(first, 0, low)));
        }
    }
    assert_eq!(used, 16 + 5);
    assert!(exists(at(0, 1, 0)) && is_reserved(at(0, 1, 0)));
    for other in [at(0, 1, 1), at(0xfe, 1, 0), at(0xff, 0, 1), at(1, 0, 1)] {
        assert!(!is_reserved(other) && !exists(other), "{other}");
    }
}

const HASH: &str = "456e9aea5e197a1f1af7a3e85a3212fa4049a3ba34c2289b4c860fc0b0c64ef3";
const R: &str = "9242685bf161793cc25603c231bc2f568eb630ea16aa137d2664ac8038825608";
const S: &str = "4f8ae3bd7535248d0bd448298cc2e2071e56992d0774dc340c368ae950852ada";
const N: &str = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";

fn signature(v: u64, r: &str, s: &str) -> Vec<u8> {
    [bytes(HASH), word(v), bytes(r), bytes(s)].concat()
}

#[test]
fn ecrecover_finds_the_signer() {
    let signer = bytes("0000000000000000000000007156526fbd7a3c72969b54f64e42c10fbb768c8a");
    let mut input = signature(28, R, S);
    assert_eq!(run(1, &input), Some(signer.clone()));
    input.push(7);
    assert_eq!(run(1, &input), Some(signer.clone()), "surplus is ignored");
    // The same signature in its other form: s above n/2, and the other parity.
    let high = hex::encode(negated(&bytes(S), N));
    assert_eq!(run(1, &signature(27, R, &high)), Some(signer));
}

#[test]
fn what_is_no_signature_recovers_to_nothing() {
    let zero = "00".repeat(32);
    for (v, r, s) in [
        (26, R, S),
        (29, R, S),
        (0, R, S),
        (28, &zero, S),
        (28, R, &zero),
        (28, N, S),
        (28, R, N),
    ] {
        assert_eq!(run(1, &signature(v, r, s)), Some(vec![]), "{v} {r} {s}");
    }
    let mut wide = signature(28, R, S);
    wide[32] = 1;
    assert_eq!(run(1, &wide), Some(vec![]));
    assert_eq!(run(1, &[]), Some(vec![]));
}

#[test]
fn hashes_and_identity() {
    for (address, input, output) in [
        (
            2,
            "",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ),
        (
            2,
            "616263",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ),
        (
            3,
            "",
            "0000000000000000000000009c1185a5c5e9fc54612808977ee8f548b2258d31",
        ),
        (
            3,
            "616263",
            "0000000000000000000000008eb208f7e05d987a9b044a8e98c6b087f15a0bfc",
        ),
        (4, "", ""),
        (4, "616263", "616263"),
        (0x0a, "616263", ""),
    ] {
        assert_eq!(
            run(address, &bytes(input)),
            Some(bytes(output)),
            "{address} {input}"
        );
    }
}

fn modexp(base: &[u8], exponent: &[u8], modulus: &[u8]) -> Vec<u8> {
    let lengths = [base.len(), exponent.len(), modulus.len()];
    let head = lengths.iter().flat_map(|length| word(*length as u64));
    head.chain([base, exponent, modulus].concat()).collect()
}

#[test]
fn modular_powers() {
    let p = bytes("fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f");
    let p_1 = bytes("fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2e");
    // The two examples of EIP-198, then edges.
    for (base, exponent, modulus, result) in [
        (&[3][..], &p_1[..], &p[..], word(1)),
        (&[], &p_1, &p, word(0)),
        (&[2], &[10], &[0, 0, 0xff], vec![0, 0, 4]),
        (&[7], &[], &[5], vec![1]),
        (&[7], &[0, 0], &[5], vec![1]),
        (&[7], &[2], &[1], vec![0]),
        (&[7], &[2], &[0, 0], vec![0, 0]),
        (&[7], &[], &[1], vec![0]),
        (&[7], &[], &[0], vec![0]),
        (&[7], &[2], &[], vec![]),
        (&[], &[2], &[], vec![]),
        (&[6], &[3], &[8], vec![0]),
        (&[5], &[3], &[10], vec![5]),
    ] {
        let input = modexp(base, exponent, modulus);
        assert_eq!(
            run(5, &input),
            Some(result),
            "{base:?} {exponent:?} {modulus:?}"
        );
    }
    assert_eq!(run(5, &[]), Some(vec![]));
    // Longer than 1024 bytes, and cut off: zeros follow.
    let long = [vec![1], vec![0; 1_999]].concat();
    let mut input = modexp(&[3], &[1], &long);
    input.truncate(96 + 2);
    assert_eq!(run(5, &input), Some(vec![0; 2_000]));
    input.push(1);
    let mut three = vec![0; 2_000];
    three[1_999] = 3;
    assert_eq!(run(5, &input), Some(three));
}

#[test]
fn lengths_above_32_bits_fail() {
    for position in 0..3 {
        let mut input = [0; 96];
        input[position * 32 + 27] = 1;
        assert_eq!(run(5, &input), None);
    }
}

/// What is never read is told of as well: reading zeros takes time.
#[test]
fn parameters_that_are_not_there_are_told_of() {
    let words = [0, 0, 0, 0x51, 6 * 32, 1_000].map(word);
    let input = [words.concat(), word(1 << 20)].concat();
    assert_eq!(claimed_params(&input), 1 << 20);
    assert_eq!(claimed_params(&[]), 0);
}

/// Source: spec 02 §9.1, 05: an empty base and an empty modulus come before anything
/// is read.
#[test]
fn an_exponent_of_nothing_is_not_read() {
    for length in [0, 1, 600 << 20, 1 << 31, u64::from(u32::MAX)] {
        let input = [word(0), word(length), word(0)].concat();
        assert_eq!(run(5, &input), Some(vec![]), "{length}");
    }
}

/// Source: spec 02 §7.3: 24 for a single operand that cannot be addressed, the trap's
/// code for what is merely too much.
#[test]
fn operands_beyond_memory_end_the_call() {
    let (most, too_much, impossible) = (300 << 20, 600 << 20, 1 << 31);
    for (lengths, code) in [
        ([1, impossible, 1], 24),
        ([impossible, too_much, 1], 24),
        ([too_much, impossible, 1], 4),
        ([most, most, 1], 4),
        ([1, 1, too_much], 4),
    ] {
        let input: Vec<u8> = lengths.into_iter().flat_map(word).collect();
        let Err(Failure::Abort(error)) = ethereum::modexp(&input) else {
            panic!("{lengths:?} did not end the call");
        };
        assert_eq!(error.exit_code().value(), code, "{lengths:?}");
    }
}

/// EIP-196.
#[test]
fn bn254_points_are_added_and_multiplied() {
    let double = bytes(
        "030644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd3
         15ed738c0e0a7c92e7845f96b2ae9c0a68a6a449e3538fc7ff3ebf7a5a18a2c4",
    );
    let g = bytes(BN254_G1);
    let zero = vec![0; 64];
    assert_eq!(
        run(6, &[g.clone(), g.clone()].concat()),
        Some(double.clone())
    );
    assert_eq!(
        run(6, &[g.clone(), bytes(BN254_MINUS_G1)].concat()),
        Some(zero.clone())
    );
    assert_eq!(run(6, &g), Some(g.clone()));
    assert_eq!(run(6, &[]), Some(zero.clone()));
    assert_eq!(
        run(7, &[g.clone(), word(2), vec![9]].concat()),
        Some(double)
    );
    assert_eq!(run(7, &g), Some(zero.clone()));
    // Scalars count modulo the group's order.
    let order = bytes("30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001");
    assert_eq!(run(7, &[g.clone(), order].concat()), Some(zero));
    let off_curve = [word(1), word(1)].concat();
    let too_large = [bytes(BN254_P), word(2)].concat();
    for bad in [off_curve, too_large] {
        assert_eq!(run(6, &bad), None);
        assert_eq!(run(7, &bad), None);
        assert_eq!(run(8, &[bad, bytes(BN254_G2)].concat()), None);
    }
}

/// EIP-197.
#[test]
fn bn254_pairings_are_checked() {
    let (g, minus, h) = (bytes(BN254_G1), bytes(BN254_MINUS_G1), bytes(BN254_G2));
    for (input, result) in [
        (vec![], 1),
        ([g.clone(), h.clone()].concat(), 0),
        ([g.clone(), h.clone(), minus, h.clone()].concat(), 1),
        ([vec![0; 64], h.clone()].concat(), 1),
        ([g.clone(), vec![0; 128]].concat(), 1),
    ] {
        assert_eq!(run(8, &input), Some(word(result)));
    }
    assert_eq!(run(8, &[0; 191]), None);
    // On the twist, but not in the group of the right order.
    let stray = bytes(
        "0000000000000000000000000000000000000000000000000000000000000000
         0000000000000000000000000000000000000000000000000000000000000001
         0000000000000000000000000000000000000000000000000000000000000000
         0000000000000000000000000000000000000000000000000000000000000001",
    );
    assert_eq!(run(8, &[g, stray].concat()), None);
}

/// EIP-152, test vectors 0 to 8 (7 has too many rounds to run).
#[test]
fn blake2_compresses() {
    let state = "48c9bdf267e6096a3ba7ca8485ae67bb2bf894fe72f36e3cf1361d5f3af54fa5\
                 d182e6ad7f520e511f6c3e2b8c68059b6bbd41fbabd9831f79217e1319cde05b";
    let message = format!("616263{}", "00".repeat(125));
    let input = |rounds: &str, last: &str| {
        bytes(&format!(
            "{rounds}{state}{message}03000000000000000000000000000000{last}"
        ))
    };
    for (rounds, last, output) in [
        (
            "00000000",
            "01",
            "08c9bcf367e6096a3ba7ca8485ae67bb2bf894fe72f36e3cf1361d5f3af54fa5d282e6ad7f520e511f6c3e2b8c68059b9442be0454267ce079217e1319cde05b",
        ),
        (
            "0000000c",
            "01",
            "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d17d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923",
        ),
        (
            "0000000c",
            "00",
            "75ab69d3190a562c51aef8d88f1c2775876944407270c42c9844252c26d2875298743e7f6d5ea2f2d3e8d226039cd31b4e426ac4f2d3d666a610c2116fde4735",
        ),
        (
            "00000001",
            "01",
            "b63a380cb2897d521994a85234ee2c181b5f844d2c624c002677e9703449d2fba551b3a8333bcdf5f2f7e08993d53923de3d64fcc68c034e717b9293fed7a421",
        ),
    ] {
        assert_eq!(run(9, &input(rounds, last)), Some(bytes(output)));
    }
    assert_eq!(run(9, &input("0000000c", "02")), None);
    let good = input("0000000c", "01");
    assert_eq!(run(9, &good[1..]), None);
    assert_eq!(run(9, &[good, vec![0]].concat()), None);
    assert_eq!(run(9, &[]), None);
}

fn bls_scalar(value: u64) -> Vec<u8> {
    word(value)
}

/// A point of either group with its last half, the y coordinate, negated.
fn bls_negated(point: &str) -> Vec<u8> {
    let mut point = bytes(point);
    let half = point.len() / 2;
    for coordinate in point[half..].chunks_mut(64) {
        let negative = negated(coordinate, BLS_P);
        coordinate.copy_from_slice(&negative);
    }
    point
}

/// EIP-2537: addition and multiplication agree, and both know infinity.
#[test]
fn bls_points_are_added_and_multiplied() {
    for (add, msm, g) in [(0x0b, 0x0c, BLS_G1), (0x0d, 0x0e, BLS_G2)] {
        let point = bytes(g);
        let zero = vec![0; point.len()];
        let double = run(add, &[point.clone(), point.clone()].concat()).unwrap();
        let triple = run(add, &[double.clone(), point.clone()].concat()).unwrap();
        assert_ne!(double, triple);
        assert_eq!(
            run(msm, &[point.clone(), bls_scalar(2)].concat()),
            Some(double.clone())
        );
        assert_eq!(
            run(
                msm,
                &[point.clone(), bls_scalar(1), double.clone(), bls_scalar(1)].concat()
            ),
            Some(triple)
        );
        assert_eq!(
            run(add, &[point.clone(), bls_negated(g)].concat()),
            Some(zero.clone())
        );
        assert_eq!(
            run(add, &[point.clone(), zero.clone()].concat()),
            Some(point.clone())
        );
        assert_eq!(
            run(add, &[zero.clone(), zero.clone()].concat()),
            Some(zero.clone())
        );
        // Scalars are any words.
        assert_eq!(
            run(msm, &[point.clone(), bytes(BLS_R)].concat()),
            Some(zero.clone())
        );
        assert_eq!(
            run(msm, &[point.clone(), vec![0xff; 32]].concat()).map(|p| p.len()),
            Some(point.len())
        );
        assert_eq!(
            run(msm, &[point.clone(), bls_scalar(0)].concat()),
            Some(zero.clone())
        );
        assert_eq!(
            run(msm, &[zero.clone(), bls_scalar(5)].concat()),
            Some(zero.clone())
        );
        for length in [0, 1, point.len() * 2 - 1, point.len() * 2 + 1] {
            assert_eq!(run(add, &vec![0; length]), None, "{length}");
        }
        for length in [0, point.len() + 31, point.len() + 33] {
            assert_eq!(run(msm, &vec![0; length]), None, "{length}");
        }
    }
}

/// The known double of the generator.
#[test]
fn bls_g1_generator_doubles() {
    let double = bytes(
        "000000000000000000000000000000000572cbea904d67468808c8eb50a9450c9721db309128012543902d0ac358a62ae28f75bb8f1c7c42c39a8c5529bf0f4e
         00000000000000000000000000000000166a9d8cabc673a322fda673779d8e3822ba3ecb8670e461f73bb9021d5fd76a4c56d9d4cd16bd1bba86881979749d28",
    );
    assert_eq!(
        run(0x0b, &[bytes(BLS_G1), bytes(BLS_G1)].concat()),
        Some(double)
    );
}

#[test]
fn bls_points_must_be_points() {
    let off_curve = [word(0), word(1), word(0), word(1)].concat();
    let mut padded = bytes(BLS_G1);
    padded[0] = 1;
    let mut too_large = bytes(BLS_G1);
    too_large[16..64].copy_from_slice(&bytes(BLS_P));
    for bad in [off_curve, padded, too_large] {
        assert_eq!(run(0x0b, &[bad.clone(), bytes(BLS_G1)].concat()), None);
        assert_eq!(run(0x0c, &[bad.clone(), bls_scalar(0)].concat()), None);
        assert_eq!(
            run(0x0f, &[bad, vec![0; 256]].concat()),
            None,
            "even beside infinity"
        );
    }
}

/// A point of the curve outside the group may be added, but not multiplied.
#[test]
fn bls_subgroups_are_checked_where_the_protocol_does() {
    // (0, 2) lies on y² = x³ + 4 and has order 3.
    let mut stray = vec![0; 128];
    stray[127] = 2;
    assert!(run(0x0b, &[stray.clone(), vec![0; 128]].concat()).is_some());
    for scalar in [0, 1] {
        assert_eq!(
            run(0x0c, &[stray.clone(), bls_scalar(scalar)].concat()),
            None
        );
    }
    assert_eq!(run(0x0f, &[stray, vec![0; 256]].concat()), None);
}

#[test]
fn bls_pairings_are_checked() {
    let (g, h) = (bytes(BLS_G1), bytes(BLS_G2));
    for (input, result) in [
        ([g.clone(), h.clone()].concat(), 0),
        (
            [g.clone(), h.clone(), bls_negated(BLS_G1), h.clone()].concat(),
            1,
        ),
        (
            [g.clone(), h.clone(), g.clone(), bls_negated(BLS_G2)].concat(),
            1,
        ),
        (vec![0; 384], 1),
        ([g.clone(), vec![0; 256]].concat(), 1),
    ] {
        assert_eq!(run(0x0f, &input), Some(word(result)));
    }
    for length in [0, 383, 385] {
        assert_eq!(run(0x0f, &vec![0; length]), None);
    }
}

/// What is mapped lies in the group: multiplication takes it.
#[test]
fn bls_field_elements_are_mapped_into_the_groups() {
    for (map, msm, fields) in [(0x10, 0x0c, 1), (0x11, 0x0e, 2)] {
        for value in [0, 1, 77] {
            let element = [word(0), word(value)].concat().repeat(fields);
            let point = run(map, &element).unwrap();
            assert_eq!(point.len(), 128 * fields);
            let same = run(msm, &[point.clone(), bls_scalar(1)].concat());
            assert_eq!(same, Some(point));
        }
        let mut too_large = vec![0; 16];
        too_large.extend(bytes(BLS_P));
        assert_eq!(run(map, &too_large.repeat(fields)), None);
        for length in [0, 63, 65, 64 * (3 - fields)] {
            assert_eq!(run(map, &vec![0; length]), None, "{length}");
        }
    }
}

/// EIP-7951.
#[test]
fn p256_signatures_are_verified() {
    let good = bytes(
        "4cee90eb86eaa050036147a12d49004b6b9c72bd725d39d4785011fe190f0b4d
         a73bd4903f0ce3b639bbbf6e8e80d16931ff4bcf5993d58468e8fb19086e8cac
         36dbcd03009df8c59286b162af3bd7fcc0450c9aa81be5d10d312af6c66b1d60
         4aebd3099c618202fcfe16ae7770b0c49ab5eadf74b754204a3bb6060e44eff3
         7618b065f9832de4ca6ca971a7a1adc826d0f7c00181a5fb2ddf79ae00b4e10e",
    );
    assert_eq!(run(0x100, &good), Some(word(1)));
    // The other s verifies too.
    let n = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    let mut other = good.clone();
    other[64..96].copy_from_slice(&negated(&good[64..96], n));
    assert_eq!(run(0x100, &other), Some(word(1)));

    let mut bad = vec![good[1..].to_vec(), [&good[..], &[0]].concat(), vec![]];
    for position in [0, 32, 64, 96, 128] {
        let mut changed = good.clone();
        changed[position + 31] ^= 1;
        bad.push(changed);
        let mut zeroed = good.clone();
        zeroed[position..position + 32].fill(0);
        bad.push(zeroed);
        let mut large = good.clone();
        large[position..position + 32].fill(0xff);
        bad.push(large);
    }
    for input in bad {
        assert_eq!(run(0x100, &input), Some(vec![]), "{}", hex::encode(&input));
    }
}

/// A native machine that counts must be able to end what the input makes long.
#[test]
fn long_work_is_told_to_native_machines() {
    let rounds = 1_000u32;
    let mut blake = vec![0; 213];
    blake[..4].copy_from_slice(&rounds.to_be_bytes());
    let unfinished = [&blake[..212], &[2]].concat();
    let power = modexp(&[1; 64], &[1; 32], &[1; 16]);
    for (address, input, expected) in [
        (9, blake[..212].to_vec(), None),
        (9, unfinished, None),
        (9, blake, Some(2_000 * 1_000)),
        (
            5,
            power,
            Some(100 * 8 * 8 * 8 * 32 + (64 + 32 + 16) * 2 / 5),
        ),
        (5, modexp(&[], &[1; 32], &[]), Some(32 * 2 / 5)),
        (2, vec![0; 1_000], Some(7_000)),
        (8, vec![0; 2 * 192], Some(20_000_000)),
        (0x100, vec![0; 160], Some(2_000_000)),
        (0x100, vec![0; 161], None),
        (4, vec![0; 128], None),
    ] {
        let rt = MockRuntime::new();
        run_on(&rt, address, &input);
        let charged: Vec<_> = rt
            .checks()
            .into_iter()
            .filter_map(|check| match check {
                Check::Gas { compute, .. } => Some(compute),
                _ => None,
            })
            .collect();
        assert_eq!(charged, Vec::from_iter(expected), "{address}");
    }
}

fn any_input() -> impl Strategy<Value = Vec<u8>> {
    let parts = prop_oneof![
        Just(bytes(BN254_G1)),
        Just(bytes(BN254_G2)),
        Just(bytes(BLS_G1)),
        Just(bytes(BLS_G2)),
        Just(vec![0; 32]),
        Just(vec![0; 64]),
        (0..200u64).prop_map(word),
        prop::collection::vec(any::<u8>(), 0..64),
    ];
    prop::collection::vec(parts, 0..6).prop_map(|parts| parts.concat())
}

proptest! {
    /// BLAKE2 is left out: its input says for how long it runs.
    #[test]
    fn no_input_panics(address in (1u16..=0x11).prop_filter("", |a| *a != 9), input in any_input()) {
        // Lengths beyond 32 bits and gigabytes are the caller's end, not ours.
        if address != 5 || input[..input.len().min(96)].chunks(32).all(|word| word[..word.len().min(28)].iter().all(|b| *b == 0)) {
            run(address, &input);
        }
    }

    #[test]
    fn powers_agree_with_big_integers(
        base in prop::collection::vec(any::<u8>(), 0..80),
        exponent in prop::collection::vec(any::<u8>(), 0..40),
        modulus in prop::collection::vec(any::<u8>(), 1..80),
    ) {
        let m = BigUint::from_bytes_be(&modulus);
        let expected = if m == BigUint::from(0u8) {
            BigUint::from(0u8)
        } else {
            BigUint::from_bytes_be(&base).modpow(&BigUint::from_bytes_be(&exponent), &m)
        };
        let output = run(5, &modexp(&base, &exponent, &modulus)).unwrap();
        prop_assert_eq!(output.len(), modulus.len());
        prop_assert_eq!(BigUint::from_bytes_be(&output), expected);
    }
}
