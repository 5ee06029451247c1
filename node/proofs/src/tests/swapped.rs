//! Proofs in the wrong place, cut off, lengthened or made up.

use super::fixture::*;
use crate::block::{ProofBlock, digest};
use crate::prover::{PostChallenge, Proof, ProveError, Prover};
use crate::stand_in::{self, StandIn};
use crate::statement::Statement;
use crate::vanilla::{VanillaProver, VanillaVerifier};
use crate::verifier::{Verdict, Verifier};
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};

/// One proof of every kind.
fn one_of_each() -> Vec<Proven> {
    vec![
        prove_seal(first()),
        prove_window(three()),
        prove_winning(first()),
        prove_update(),
        super::honest::aggregate(&three()[..2]),
    ]
}

fn invalid(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Invalid(_))
}

/// Both as it comes, and with the outside made to fit.
fn rejected(proven: &Proven, statement: Statement, what: &str) {
    let verdict = verdict(&statement, &proven.proof);
    assert!(invalid(&verdict), "{what}: {verdict:?}");
    let verdict = proven.verdict_for(statement);
    assert!(invalid(&verdict), "{what}, made to fit: {verdict:?}");
}

#[test]
fn a_proof_is_of_one_sector_and_one_miner() {
    let ours = prove_seal(first());
    let [_, second, third] = three();
    for other in [second, third] {
        rejected(
            &ours,
            Statement::Seal(other.sealed.statement(&SEED)),
            "another sector",
        );
    }
    // The same data, number and ticket, sealed by somebody else.
    let foreign = sector(INTERACTIVE, MINER + 1, 1, &data());
    assert_ne!(foreign.sealed.comm_r, first().sealed.comm_r);
    rejected(
        &ours,
        Statement::Seal(foreign.sealed.statement(&SEED)),
        "another miner",
    );
    let theirs = std::slice::from_ref(&foreign);
    for (proven, statement) in [
        (
            prove_window(std::slice::from_ref(first())),
            Statement::Window(post_statement(&WINDOW, theirs)),
        ),
        (
            prove_winning(first()),
            Statement::Winning(post_statement(&WINNING, theirs)),
        ),
    ] {
        rejected(&proven, statement, "another miner");
    }
}

#[test]
fn a_proof_is_of_one_epoch_and_one_deadline() {
    let seal = Statement::Seal(first().sealed.statement(&[7; 32]));
    rejected(&prove_seal(first()), seal, "another epoch's seed");
    let later = PostChallenge {
        randomness: [10; 32],
        ..WINDOW
    };
    let window = Statement::Window(post_statement(&later, three()));
    rejected(&prove_window(three()), window, "another deadline");
    let later = PostChallenge {
        randomness: [10; 32],
        ..WINNING
    };
    let winning = post_statement(&later, std::slice::from_ref(first()));
    rejected(
        &prove_winning(first()),
        Statement::Winning(winning),
        "another block",
    );
}

#[test]
fn a_proof_is_of_one_kind() {
    let all = one_of_each();
    for (place, proven) in all.iter().enumerate() {
        for (other, Proven { statement, .. }) in all.iter().enumerate() {
            if place != other {
                rejected(proven, statement.clone(), proven.statement.kind());
            }
        }
    }
}

#[test]
fn a_proof_of_an_update_is_not_one_of_another() {
    let proven = prove_update();
    let sector = sector(INTERACTIVE, MINER, 2, &[]);
    let other = update(&sector, &[1; 2032]);
    rejected(
        &proven,
        Statement::Update(other.statement()),
        "other data in the same sector",
    );
    let sector = super::fixture::sector(INTERACTIVE, MINER, 4, &[]);
    let other = update(&sector, &data());
    rejected(
        &proven,
        Statement::Update(other.statement()),
        "the same data in another sector",
    );
}

/// A proof with another block, all digests in order.
fn with_block(proven: &Proven, data: Vec<u8>) -> Proof {
    let stand_in = StandIn::parse(&proven.proof.bytes).unwrap();
    let stand_in = StandIn {
        proof: digest(&data),
        ..stand_in
    };
    let mut blocks = proven.proof.blocks.clone();
    blocks[0] = ProofBlock::new(data);
    Proof {
        bytes: stand_in.to_bytes(proven.proof.bytes.len()),
        blocks,
    }
}

/// Whether the verifier rejects a block under the true length and under its own.
fn block_rejected(proven: &Proven, data: Vec<u8>, what: &str) {
    let length = data.len() as u32;
    let mut proof = with_block(proven, data);
    let kind = proven.statement.kind();
    let verdict = verdict(&proven.statement, &proof);
    assert!(invalid(&verdict), "{kind}, {what}: {verdict:?}");
    let stand_in = StandIn::parse(&proof.bytes).unwrap();
    proof.bytes = StandIn { length, ..stand_in }.to_bytes(proof.bytes.len());
    let verdict = super::fixture::verdict(&proven.statement, &proof);
    assert!(invalid(&verdict), "{kind}, {what}, own length: {verdict:?}");
}

#[test]
fn proofs_have_exactly_one_length() {
    for proven in one_of_each() {
        let proof = proven.encoded().to_vec();
        for length in [
            0,
            1,
            31,
            32,
            48,
            proof.len() / 2,
            proof.len() - 32,
            proof.len() - 1,
        ] {
            block_rejected(&proven, proof[..length].to_vec(), "cut off");
        }
        let mut longer = proof.clone();
        longer.push(0);
        block_rejected(&proven, longer.clone(), "lengthened");
        longer.extend([0; 31]);
        block_rejected(&proven, longer, "lengthened by a node");
        block_rejected(&proven, [proof.as_slice(), &proof].concat(), "doubled");
    }
}

#[test]
fn made_up_proofs_are_rejected() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    for proven in one_of_each() {
        if matches!(proven.statement, Statement::Aggregate(_)) {
            continue; // Its block holds digests, and random ones are missing blocks.
        }
        let length = proven.encoded().len();
        for _ in 0..20 {
            let mut bytes = vec![0; length];
            random.fill_bytes(&mut bytes);
            block_rejected(&proven, bytes.clone(), "random bytes");
            // Field elements, so that it gets further.
            bytes.chunks_exact_mut(32).for_each(|node| node[31] &= 0x3f);
            block_rejected(&proven, bytes, "random nodes");
        }
        block_rejected(&proven, vec![0; length], "zeros");
        block_rejected(&proven, vec![0xff; length], "ones");
    }
}

#[test]
fn made_up_fields_are_rejected() {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let verifier = VanillaVerifier::new();
    for proven in one_of_each() {
        let store = store(&proven.proof);
        let length = proven.proof.bytes.len();
        let mut fields = vec![Vec::new(), vec![0; length], vec![0xff; length]];
        for _ in 0..100 {
            let mut field = vec![0; random.next_u32() as usize % 300];
            random.fill_bytes(&mut field);
            fields.push(field.clone());
            if let Some(tag) = field.get_mut(..8) {
                tag.copy_from_slice(&stand_in::TAG);
            }
            fields.push(field);
        }
        for length in [0, 79, 80, 191, length - 1, length + 1, 2 * length] {
            let mut field = proven.proof.bytes.clone();
            field.resize(length, 0);
            if field.len() != proven.proof.bytes.len() {
                fields.push(field);
            }
        }
        for field in fields {
            let verdict = verifier.verify(&proven.statement, &field, &store);
            assert!(invalid(&verdict), "{field:?}: {verdict:?}");
        }
    }
}

/// Its first byte tells a Groth16 proof, which has no business in this scheme.
#[test]
fn a_groth16_proof_is_refused_by_its_first_byte() {
    let proven = prove_seal(first());
    let field = [[0x80; 96], [0x91; 96]].concat();
    let verdict = VanillaVerifier::new().verify(&proven.statement, &field, &store(&proven.proof));
    assert!(invalid(&verdict));
}

#[test]
fn spoiled_proofs_are_in_order_outside_and_invalid_inside() {
    for proven in one_of_each() {
        let spoiled = proven.proof.spoiled();
        assert_ne!(spoiled, proven.proof);
        let verdict = verdict(&proven.statement, &spoiled);
        match proven.statement {
            // It names a proof that nobody has.
            Statement::Aggregate(_) => assert!(!verdict.is_valid()),
            _ => assert!(invalid(&verdict), "{verdict:?}"),
        }
    }
}

#[test]
fn an_aggregate_takes_only_the_proofs_of_its_seals() {
    let [first, second, _] = three();
    let Statement::Aggregate(statement) = super::honest::aggregate(&three()[..2]).statement else {
        unreachable!("an aggregate was proven")
    };
    let (one, two) = (prove_seal(first).proof, prove_seal(second).proof);
    let prover = VanillaProver::new();
    for wrong in [
        vec![],
        vec![one.clone()],
        vec![two.clone(), one.clone()],
        vec![one.clone(), one.clone()],
        vec![one.clone(), two.clone(), two.clone()],
    ] {
        assert!(matches!(
            prover.aggregate_seals(&statement, &wrong),
            Err(ProveError::Refused(_))
        ));
    }
    // One bad proof spoils the whole.
    let aggregate = prover
        .aggregate_seals(&statement, &[one, two.spoiled()])
        .unwrap();
    assert!(invalid(&verdict(
        &Statement::Aggregate(statement),
        &aggregate
    )));
}
