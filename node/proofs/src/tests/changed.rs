//! One bit more or less: in every byte of every proof, in every public input.

use rayon::prelude::*;

use super::fixture::*;
use crate::commitment::Commitment;
use crate::statement::{AggregateStatement, PostStatement, SealStatement, Statement};
use crate::vanilla::{porep, post, update};
use crate::verifier::Verdict;
use fvm_shared::sector::{RegisteredSealProof, RegisteredUpdateProof};

/// Positions of proof bytes at which one changed bit was accepted. Every byte is
/// tried, each with another bit.
fn accepted(proof: &[u8], check: impl Fn(&[u8]) -> Result<(), String> + Sync) -> Vec<usize> {
    accepted_of(proof, 1, check)
}

/// The same of one byte in so many. Steps that are coprime to 32 come by every place
/// of a node.
fn accepted_of(
    proof: &[u8],
    step: usize,
    check: impl Fn(&[u8]) -> Result<(), String> + Sync,
) -> Vec<usize> {
    assert_eq!(check(proof), Ok(()), "the honest proof");
    (0..proof.len().div_ceil(step))
        .into_par_iter()
        .map(|place| place * step)
        .filter(|position| {
            let mut changed = proof.to_vec();
            flip(&mut changed, position * 8 + position % 8);
            assert_ne!(changed, proof, "the bit really changed");
            check(&changed).is_ok()
        })
        .collect()
}

/// Not a closure: those can change their caller's arrays as well (spec 11 §15.12).
fn flip(bytes: &mut [u8], bit: usize) {
    bytes[bit / 8] ^= 1 << (bit % 8);
}

#[test]
fn no_bit_of_a_seal_proof_may_change() {
    let proven = prove_seal(first());
    let statement = first().sealed.statement(&SEED);
    let none = accepted(proven.encoded(), |bytes| porep::verify(&statement, bytes));
    assert!(none.is_empty(), "{none:?}");
}

#[test]
fn no_bit_of_a_window_proof_may_change() {
    let proven = prove_window(&three()[..2]);
    let statement = post_statement(&WINDOW, &three()[..2]);
    let none = accepted(proven.encoded(), |bytes| post::verify(&statement, bytes));
    assert!(none.is_empty(), "{none:?}");
}

/// Two sectors fill a partition; the third is alone in the second one, with copies of
/// itself as fillers, which the library does not look at (spec 11 §4).
#[test]
fn no_bit_of_the_fillers_of_a_window_proof_may_change() {
    let proven = prove_window(three());
    let statement = post_statement(&WINDOW, three());
    let none = accepted_of(proven.encoded(), 3, |bytes| post::verify(&statement, bytes));
    assert!(none.is_empty(), "{none:?}");
}

/// Thirteen partitions take their time.
#[test]
fn no_bit_of_a_non_interactive_seal_proof_may_change() {
    let sector = sector(NON_INTERACTIVE, MINER, 1, &data());
    let proven = prove_seal(&sector);
    let statement = sector.sealed.statement(&SEED);
    let none = accepted_of(proven.encoded(), 509, |bytes| {
        porep::verify(&statement, bytes)
    });
    assert!(none.is_empty(), "{none:?}");
}

#[test]
fn no_bit_of_a_synthetic_seal_proof_may_change() {
    let sector = sector(SYNTHETIC, MINER, 1, &data());
    let proven = prove_seal(&sector);
    let statement = sector.sealed.statement(&SEED);
    let none = accepted_of(proven.encoded(), 13, |bytes| {
        porep::verify(&statement, bytes)
    });
    assert!(none.is_empty(), "{none:?}");
}

#[test]
fn no_bit_of_a_winning_proof_may_change() {
    let proven = prove_winning(first());
    let statement = post_statement(&WINNING, std::slice::from_ref(first()));
    let none = accepted(proven.encoded(), |bytes| post::verify(&statement, bytes));
    assert!(none.is_empty(), "{none:?}");
}

#[test]
fn no_bit_of_an_update_proof_may_change() {
    let proven = prove_update();
    let statement = updated().1.statement();
    let none = accepted(proven.encoded(), |bytes| update::verify(&statement, bytes));
    assert!(none.is_empty(), "{none:?}");
}

#[test]
fn no_bit_of_a_stand_in_may_change() {
    for proven in [
        prove_seal(first()),
        prove_window(three()),
        prove_winning(first()),
        prove_update(),
        super::honest::aggregate(&three()[..2]),
    ] {
        for bit in 0..proven.proof.bytes.len() * 8 {
            let mut changed = proven.clone();
            flip(&mut changed.proof.bytes, bit);
            assert_ne!(changed.proof.bytes, proven.proof.bytes);
            assert!(!changed.verdict().is_valid(), "bit {bit}");
        }
    }
}

/// A name for the changed input, the statement with it.
type Changed = (String, Statement);

fn each_bit(name: &str, value: &Commitment, put: impl Fn(Commitment) -> Statement) -> Vec<Changed> {
    (0..256)
        .map(|bit| {
            let mut bytes = value.to_vec();
            flip(&mut bytes, bit);
            let changed: Commitment = bytes.try_into().unwrap();
            assert_ne!(&changed, value);
            (format!("bit {bit} of {name}"), put(changed))
        })
        .collect()
}

fn each_bit_of_number(name: &str, value: u64, put: impl Fn(u64) -> Statement) -> Vec<Changed> {
    (0..64)
        .map(|bit| (format!("bit {bit} of {name}"), put(value ^ (1 << bit))))
        .collect()
}

/// That the original stand-in does not fit the changed statement, and that the
/// vanilla proof does not prove it either, when the stand-in is made to fit.
fn all_rejected(proven: &Proven, changed: Vec<Changed>, bound_by_the_proof: bool) {
    assert!(proven.verdict().is_valid(), "the honest proof");
    let accepted: Vec<String> = changed
        .into_par_iter()
        .filter(|(_, statement)| {
            assert_ne!(*statement, proven.statement);
            let outside = verdict(statement, &proven.proof);
            assert!(!matches!(outside, Verdict::Missing(_)));
            let inside = bound_by_the_proof && proven.verdict_for(statement.clone()).is_valid();
            outside.is_valid() || inside
        })
        .map(|(name, _)| name)
        .collect();
    assert!(accepted.is_empty(), "{accepted:?}");
}

fn changed_seals(seal: &SealStatement, wrap: impl Fn(SealStatement) -> Statement) -> Vec<Changed> {
    let put = |change: &dyn Fn(&mut SealStatement)| {
        let mut statement = seal.clone();
        change(&mut statement);
        wrap(statement)
    };
    let mut all = each_bit("the ticket", &seal.ticket, |ticket| {
        put(&|s| s.ticket = ticket)
    });
    all.extend(each_bit("CommR", &seal.comm_r, |comm_r| {
        put(&|s| s.comm_r = comm_r)
    }));
    all.extend(each_bit("CommD", &seal.comm_d, |comm_d| {
        put(&|s| s.comm_d = comm_d)
    }));
    all.extend(each_bit_of_number("the miner", seal.miner, |miner| {
        put(&|s| s.miner = miner)
    }));
    all.extend(each_bit_of_number("the number", seal.number, |number| {
        put(&|s| s.number = number)
    }));
    all
}

fn changed_seeds(seal: &SealStatement) -> Vec<Changed> {
    each_bit("the seed", &seal.seed, |seed| {
        Statement::Seal(SealStatement {
            seed,
            ..seal.clone()
        })
    })
}

#[test]
fn every_public_input_of_a_seal_counts() {
    let proven = prove_seal(first());
    let seal = first().sealed.statement(&SEED);
    all_rejected(&proven, changed_seals(&seal, Statement::Seal), true);
    all_rejected(&proven, changed_seeds(&seal), true);
    let types = [0, 10]
        .map(RegisteredSealProof::from)
        .map(|proof| {
            let seal = SealStatement {
                proof,
                ..seal.clone()
            };
            (format!("{proof:?}"), Statement::Seal(seal))
        })
        .to_vec();
    all_rejected(&proven, types, true);
    for proof in (0..20).map(RegisteredSealProof::from) {
        let other = Statement::Seal(SealStatement {
            proof,
            ..seal.clone()
        });
        assert_eq!(
            verdict(&other, &proven.proof).is_valid(),
            proof == seal.proof
        );
    }
}

#[test]
fn every_public_input_of_a_non_interactive_seal_counts() {
    let sector = sector(NON_INTERACTIVE, MINER, 1, &data());
    let proven = prove_seal(&sector);
    let seal = sector.sealed.statement(&SEED);
    // Thirteen partitions take their time: one bit in five.
    let some = changed_seals(&seal, Statement::Seal)
        .into_iter()
        .step_by(5)
        .collect();
    all_rejected(&proven, some, true);
    // The proof does not depend on the seed; that it stands for this one does.
    all_rejected(&proven, changed_seeds(&seal), false);
}

fn changed_posts(post: &PostStatement, wrap: fn(PostStatement) -> Statement) -> Vec<Changed> {
    let put = |change: &dyn Fn(&mut PostStatement)| {
        let mut statement = post.clone();
        change(&mut statement);
        wrap(statement)
    };
    let mut all = each_bit("the randomness", &post.randomness, |randomness| {
        put(&|s| s.randomness = randomness)
    });
    for (place, sector) in post.sectors.iter().enumerate() {
        all.extend(each_bit("CommR", &sector.comm_r, |comm_r| {
            put(&|s| s.sectors[place].comm_r = comm_r)
        }));
        all.extend(each_bit_of_number("the number", sector.number, |number| {
            put(&|s| s.sectors[place].number = number)
        }));
    }
    all
}

fn changed_provers(post: &PostStatement, wrap: fn(PostStatement) -> Statement) -> Vec<Changed> {
    each_bit_of_number("the prover", post.prover, |prover| {
        wrap(PostStatement {
            prover,
            ..post.clone()
        })
    })
}

#[test]
fn every_public_input_of_a_window_proof_counts() {
    let proven = prove_window(three());
    let post = post_statement(&WINDOW, three());
    all_rejected(&proven, changed_posts(&post, Statement::Window), true);
    // CommR contains the miner; the proof itself does not (spec 11 §2).
    all_rejected(&proven, changed_provers(&post, Statement::Window), false);
}

#[test]
fn every_public_input_of_a_winning_proof_counts() {
    let proven = prove_winning(first());
    let post = post_statement(&WINNING, std::slice::from_ref(first()));
    all_rejected(&proven, changed_posts(&post, Statement::Winning), true);
    all_rejected(&proven, changed_provers(&post, Statement::Winning), false);
}

#[test]
fn sectors_are_neither_left_out_nor_added_nor_exchanged() {
    let proven = prove_window(three());
    let post = post_statement(&WINDOW, three());
    let sectors = |keep: &[usize]| {
        let sectors = keep.iter().map(|place| post.sectors[*place]).collect();
        let statement = PostStatement {
            sectors,
            ..post.clone()
        };
        (format!("{keep:?}"), Statement::Window(statement))
    };
    for (name, statement) in [
        sectors(&[0, 1]),
        sectors(&[1, 2]),
        sectors(&[0]),
        sectors(&[]),
        sectors(&[0, 1, 2, 2]),
        sectors(&[1, 0, 2]),
        sectors(&[2, 1, 0]),
    ] {
        assert!(!verdict(&statement, &proven.proof).is_valid(), "{name}");
        if name != "[]" {
            assert!(!proven.verdict_for(statement).is_valid(), "{name}");
        }
    }
}

#[test]
fn every_public_input_of_an_update_counts() {
    let proven = prove_update();
    let statement = updated().1.statement();
    let put = |change: &dyn Fn(&mut crate::statement::UpdateStatement)| {
        let mut statement = statement.clone();
        change(&mut statement);
        Statement::Update(statement)
    };
    let mut all = each_bit("old CommR", &statement.comm_r_old, |value| {
        put(&|s| s.comm_r_old = value)
    });
    all.extend(each_bit("new CommR", &statement.comm_r_new, |value| {
        put(&|s| s.comm_r_new = value)
    }));
    all.extend(each_bit("new CommD", &statement.comm_d_new, |value| {
        put(&|s| s.comm_d_new = value)
    }));
    all.push((
        "exchanged".into(),
        put(&|s| std::mem::swap(&mut s.comm_r_old, &mut s.comm_r_new)),
    ));
    all_rejected(&proven, all, true);
    for proof in (1..6).map(RegisteredUpdateProof::from) {
        let other = put(&|s| s.proof = proof);
        assert!(!verdict(&other, &proven.proof).is_valid(), "{proof:?}");
    }
}

#[test]
fn every_public_input_of_an_aggregate_counts() {
    let proven = super::honest::aggregate(&three()[..2]);
    let Statement::Aggregate(aggregate) = &proven.statement else {
        unreachable!("an aggregate was proven")
    };
    let place = |place: usize| {
        move |seal: SealStatement| {
            let mut aggregate = aggregate.clone();
            aggregate.seals[place] = seal;
            Statement::Aggregate(aggregate)
        }
    };
    for index in 0..2 {
        let changed = changed_seals(&aggregate.seals[index], place(index));
        all_rejected(&proven, changed.into_iter().step_by(3).collect(), true);
    }
    let with = |seals: Vec<SealStatement>| {
        Statement::Aggregate(AggregateStatement {
            seals,
            ..aggregate.clone()
        })
    };
    let [first, second] = aggregate.seals.as_slice() else {
        unreachable!("two seals were aggregated")
    };
    for other in [
        vec![second.clone(), first.clone()],
        vec![first.clone(), first.clone()],
        vec![first.clone()],
        vec![first.clone(), second.clone(), second.clone()],
    ] {
        let other = with(other);
        assert!(!verdict(&other, &proven.proof).is_valid());
        assert!(!proven.verdict_for(other).is_valid());
    }
}
