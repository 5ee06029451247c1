//! Honest proofs hold, and everything is as in the sheet's vectors (spec 11 §A).

use sha2::{Digest, Sha256};

use super::fixture::*;
use crate::library;
use crate::prover::{Prover, winning_sector};
use crate::seal;
use crate::sector::SealedSector;
use crate::shape::SectorShapeBase;
use crate::stand_in::{self, missing_blocks};
use crate::statement::{AggregateStatement, PostKind, Statement};
use crate::vanilla::VanillaProver;
use crate::verifier::Verdict;
use fvm_shared::sector::RegisteredAggregateProof;

fn sha(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// SHA-256 of the library's own vanilla proof of replication.
fn library_proof(sealed: &SealedSector, sector: &Sector) -> String {
    let output = library::seal::<SectorShapeBase>(&sector.dir, sealed, &SEED).unwrap();
    sha(&bincode::serialize(&output.vanilla_proofs).unwrap())
}

#[test]
fn an_interactive_sector_is_sealed_as_in_the_sheet() {
    let sector = first();
    assert_eq!(
        hex::encode(sector.sealed.comm_r),
        "234da091cd8556802c7431b0ed4fe4cf0b59641f3a1dbddbd067b17a15569a55"
    );
    assert_eq!(
        hex::encode(sector.sealed.comm_d),
        "3b3c74dcac9cfc67bd64bac95f3ecad9a60f3aafc7daf9a256f2524b3cf1181f"
    );
    assert_eq!(
        sha(&std::fs::read(sector.dir.sealed()).unwrap()),
        "47c6e7c7b06f0c5cd7146437cbe6fd4370ce31d0843929ac9b994daf758c721d"
    );
    assert_eq!(
        library_proof(&sector.sealed, sector),
        "79f89ac84c9237025197f43397ff5615e461b5448ecdbbb2e66beda14437d304"
    );
    assert_eq!(prove_seal(sector).verdict(), Verdict::Valid);
}

#[test]
fn a_synthetic_sector_is_sealed_as_in_the_sheet() {
    let sector = sector(SYNTHETIC, MINER, 1, &data());
    assert_eq!(
        hex::encode(sector.sealed.comm_r),
        "789a60204d7f89e67744653f0e0f81990b9c072502ebeb25583a3eb7aafb7c6a"
    );
    assert_eq!(
        library_proof(&sector.sealed, &sector),
        "eccbe5475b70d7021bbcbe73326d258b401fbc56b87b6f6632431e2f8d15396e"
    );
    assert_eq!(prove_seal(&sector).verdict(), Verdict::Valid);
}

#[test]
fn a_non_interactive_sector_is_sealed_as_in_the_sheet() {
    let sector = sector(NON_INTERACTIVE, MINER, 1, &data());
    assert_eq!(
        hex::encode(sector.sealed.comm_r),
        "b51ae6a8890c85da51f045ad2530bd661f0ca2b6e77a59cb6168db8802e69d1d"
    );
    assert_eq!(
        library_proof(&sector.sealed, &sector),
        "7d9583430c6ce24fd21babced4e05b6ad08770b0acd0e7c5d9afe64f3bf92437"
    );
    let proven = prove_seal(&sector);
    assert_eq!(proven.verdict(), Verdict::Valid);
    assert_eq!(proven.proof.bytes.len(), 13 * 192);
}

#[test]
fn an_update_is_encoded_as_in_the_sheet() {
    let (sector, update) = updated();
    assert_eq!(
        hex::encode(sector.sealed.comm_r),
        "832f971c678e692f2bc0755420c460409000b558b32862dcba1ae00fd28f206f"
    );
    assert_eq!(
        hex::encode(update.comm_r),
        "6307e3e81ac813f68ff2e63d883017bdc01ad3c700fd1d7a76b7ea9e83975468"
    );
    let partitions =
        library::update::<SectorShapeBase>(&sector.dir, &sector.sealed, update).unwrap();
    assert_eq!(
        sha(&bincode::serialize(&partitions[0]).unwrap()),
        "94861ef7e42048a3c4aaa5c81a751f7dd358ec4e1e0f1e35d10573a54361b5ad"
    );
    assert_eq!(prove_update().verdict(), Verdict::Valid);
}

#[test]
fn challenges_of_spacetime_are_those_of_the_sheet() {
    let sector = first();
    let replica = sector.sealed.replica(&sector.dir);
    for (kind, challenge, expected) in [
        (
            PostKind::Window,
            WINDOW,
            "c21eadb091f20f9e2230d32120fd84edf438e493ef5adb2481cdb03e884d5692",
        ),
        (
            PostKind::Winning,
            WINNING,
            "411c8b5e1c4498b41601a9fda7bc05d86395212db2c45c980a639ac4834a6084",
        ),
    ] {
        let (statement, inputs) = library::post_inputs(kind, &challenge, [&replica]).unwrap();
        let (_, challenges) = &inputs[0];
        assert_eq!(challenges[..10], [13, 7, 9, 26, 18, 10, 27, 20, 55, 55]);
        let config = library::post_config(&statement).unwrap();
        let proof = library::post_sector::<SectorShapeBase>(&config, &replica, challenges).unwrap();
        assert_eq!(sha(&bincode::serialize(&proof).unwrap()), expected);
        let encoded =
            crate::vanilla::post::encode(fvm_shared::sector::SectorSize::_2KiB, challenges, &proof)
                .unwrap();
        let ours = match kind {
            PostKind::Window => prove_window(std::slice::from_ref(sector)),
            PostKind::Winning => prove_winning(sector),
        };
        assert_eq!(ours.encoded(), encoded, "in memory as through the library");
    }
    assert_eq!(winning_sector(&WINNING, 10), Some(8));
    assert_eq!(winning_sector(&WINNING, 0), None);
}

#[test]
fn proofs_of_spacetime_hold() {
    let proven = prove_winning(first());
    assert_eq!(proven.verdict(), Verdict::Valid);
    assert_eq!(proven.proof.bytes.len(), 192);
    for count in 1..=3 {
        let proven = prove_window(&three()[..count]);
        assert_eq!(proven.verdict(), Verdict::Valid, "{count} sectors");
        assert_eq!(proven.proof.bytes.len(), 192 * count.div_ceil(2));
    }
}

#[test]
fn an_updated_replica_is_stored_like_any_other() {
    let (sector, update) = updated();
    let replica = update.replica(&sector.sealed, &sector.dir);
    let proof = VanillaProver::new()
        .prove_window(&WINDOW, std::slice::from_ref(&replica))
        .unwrap();
    let statement = crate::statement::PostStatement::new(
        PostKind::Window,
        WINDOW.proof,
        &WINDOW.randomness,
        WINDOW.prover,
        &[replica.info()],
    )
    .unwrap();
    assert_eq!(
        verdict(&Statement::Window(statement), &proof),
        Verdict::Valid
    );
}

#[test]
fn order_and_repetition_of_replicas_do_not_matter() {
    let replicas: Vec<_> = three()
        .iter()
        .map(|sector| sector.sealed.replica(&sector.dir))
        .collect();
    let mut mixed: Vec<_> = replicas.iter().rev().cloned().collect();
    mixed.push(replicas[1].clone());
    let prover = VanillaProver::new();
    assert_eq!(
        prover.prove_window(&WINDOW, &replicas),
        prover.prove_window(&WINDOW, &mixed)
    );
}

pub(super) fn aggregate(sectors: &[Sector]) -> Proven {
    let proofs: Vec<_> = sectors.iter().map(prove_seal).collect();
    let statement = AggregateStatement {
        aggregate: RegisteredAggregateProof::SnarkPackV2,
        seals: sectors
            .iter()
            .map(|sector| sector.sealed.statement(&SEED))
            .collect(),
    };
    let proofs: Vec<_> = proofs.into_iter().map(|proven| proven.proof).collect();
    let proof = VanillaProver::new()
        .aggregate_seals(&statement, &proofs)
        .unwrap();
    Proven {
        statement: Statement::Aggregate(statement),
        proof,
    }
}

#[test]
fn an_aggregate_holds_and_is_as_long_as_snarkpack_would_be() {
    let proven = aggregate(three());
    assert_eq!(proven.verdict(), Verdict::Valid);
    assert_eq!(proven.proof.bytes.len(), 8_212);
    assert_eq!(proven.proof.blocks.len(), 4);
}

#[test]
fn blocks_that_a_message_needs_are_found_in_its_parameters() {
    let proven = aggregate(&three()[..2]);
    let mut params = vec![0x82, 0x59];
    params.extend(&proven.proof.bytes);
    let all = store(&proven.proof);
    assert!(missing_blocks(&params, &all).unwrap().is_empty());
    let mut partial = proven.proof.clone();
    let lost = partial.blocks.pop().unwrap();
    let some = store(&partial);
    assert_eq!(missing_blocks(&params, &some).unwrap(), [lost.cid]);
    assert_eq!(
        verdict(&proven.statement, &partial),
        Verdict::Missing(lost.cid)
    );
    partial.blocks.clear();
    let root = proven.proof.blocks[0].cid;
    assert_eq!(
        missing_blocks(&params, &store(&partial)).unwrap(),
        [root],
        "what the missing block names is not known yet"
    );
}

#[test]
fn without_its_block_a_proof_is_neither_valid_nor_invalid() {
    for mut proven in [
        prove_seal(first()),
        prove_window(three()),
        prove_winning(first()),
        prove_update(),
    ] {
        let block = proven.proof.blocks.pop().unwrap();
        assert_eq!(proven.verdict(), Verdict::Missing(block.cid));
    }
}

#[test]
fn a_store_with_wrong_bytes_gives_no_verdict() {
    use crate::verifier::Verifier;
    use fvm_ipld_blockstore::Blockstore;
    let proven = prove_seal(first());
    let cid = proven.proof.blocks[0].cid;
    let store = fvm_ipld_blockstore::MemoryBlockstore::default();
    store.put_keyed(&cid, b"something else").unwrap();
    let verifier = crate::vanilla::VanillaVerifier::new();
    let verdict = verifier.verify(&proven.statement, &proven.proof.bytes, &store);
    assert_eq!(verdict, Verdict::Missing(cid));
    // And what was found out later stays true without the block.
    let full = super::fixture::store(&proven.proof);
    let valid = verifier.verify(&proven.statement, &proven.proof.bytes, &full);
    assert_eq!(valid, Verdict::Valid);
}

#[test]
fn data_comes_back_from_the_replica_alone() {
    let sector = sector(INTERACTIVE, MINER, 9, &data());
    seal::release(&sector.dir).unwrap();
    std::fs::remove_file(sector.dir.unsealed()).unwrap();
    seal::unseal(&sector.dir, &sector.sealed).unwrap();
    let read = |range| seal::read_unsealed(&sector.dir.unsealed(), range).unwrap();
    assert_eq!(read(0..2032), data());
    assert!(read(0..0).is_empty());
    for range in [0..1, 126..128, 127..254, 500..1777, 2031..2032] {
        let expected = &data()[range.start as usize..range.end as usize];
        assert_eq!(read(range), expected);
    }
    assert!(seal::read_unsealed(&sector.dir.unsealed(), 2000..2033).is_err());
    #[expect(clippy::reversed_empty_ranges)]
    let backwards = 5..4;
    assert!(seal::read_unsealed(&sector.dir.unsealed(), backwards).is_err());
    // Unsealing does not disturb proofs of spacetime.
    assert_eq!(prove_window(&[sector]).verdict(), Verdict::Valid);
}

#[test]
fn update_data_comes_back_from_the_two_replicas() {
    let sector = sector(INTERACTIVE, MINER, 8, &[]);
    seal::release(&sector.dir).unwrap();
    let update = update(&sector, &data());
    VanillaProver::new()
        .prove_update(&sector.dir, &sector.sealed, &update)
        .unwrap();
    seal::release_update(&sector.dir).unwrap();
    std::fs::remove_file(sector.dir.update_unsealed()).unwrap();
    seal::decode_update(&sector.dir, &update).unwrap();
    assert_eq!(
        seal::read_unsealed(&sector.dir.update_unsealed(), 0..2032).unwrap(),
        data()
    );
}

#[test]
fn sealing_is_repeatable_and_sectors_survive_being_moved() {
    let sector = sector(INTERACTIVE, MINER, 1, &data());
    assert_eq!(sector.sealed, first().sealed);
    let again = seal::replicate(&sector.dir, &sector.sealed.spec, &sector.sealed.pieces).unwrap();
    assert_eq!(again, sector.sealed);
    let moved = directory();
    std::fs::remove_dir(moved.root()).unwrap();
    std::fs::rename(sector.dir.root(), moved.root()).unwrap();
    let sector = Sector {
        dir: moved,
        ..sector
    };
    assert_eq!(prove_seal(&sector).verdict(), Verdict::Valid);
    let bytes = fvm_ipld_encoding::to_vec(&sector.sealed).unwrap();
    assert_eq!(
        fvm_ipld_encoding::from_slice::<SealedSector>(&bytes).unwrap(),
        sector.sealed
    );
}

#[test]
fn proof_fields_are_as_long_as_groth16_proofs() {
    let seal = |proof| {
        let mut statement = first().sealed.statement(&SEED);
        statement.proof = proof;
        stand_in::field_length(&Statement::Seal(statement)).unwrap()
    };
    use fvm_shared::sector::RegisteredSealProof as P;
    assert_eq!(seal(P::StackedDRG2KiBV1P1), 192);
    assert_eq!(seal(P::StackedDRG8MiBV1P1), 192);
    assert_eq!(seal(P::StackedDRG32GiBV1P1), 1920);
    let aggregate = |count| {
        let statement = AggregateStatement {
            aggregate: RegisteredAggregateProof::SnarkPackV2,
            seals: vec![first().sealed.statement(&SEED); count],
        };
        stand_in::field_length(&Statement::Aggregate(statement)).unwrap()
    };
    assert_eq!(aggregate(3), 8_212);
    assert_eq!(aggregate(819), 32_020);
    assert_eq!(aggregate(1), aggregate(2));
}
