//! Sectors of 8 MiB: the same in other sizes. One is sealed per process.

use super::fixture::*;
use crate::prover::{PostChallenge, Prover};
use crate::statement::Statement;
use crate::vanilla::VanillaProver;
use crate::verifier::Verdict;
use fvm_shared::sector::{RegisteredPoStProof, RegisteredSealProof};

/// One test, for sealing takes seconds.
#[test]
fn a_sector_of_8_mib_is_sealed_proven_updated_and_stored() {
    let sector = sector(RegisteredSealProof::StackedDRG8MiBV1P1, MINER, 1, &[]);
    assert_eq!(prove_seal(&sector).verdict(), Verdict::Valid);

    let window = PostChallenge {
        proof: RegisteredPoStProof::StackedDRGWindow8MiBV1P1,
        ..WINDOW
    };
    let winning = PostChallenge {
        proof: RegisteredPoStProof::StackedDRGWinning8MiBV1,
        ..WINDOW
    };
    let prover = VanillaProver::new();
    let replica = sector.sealed.replica(&sector.dir);
    let sectors = std::slice::from_ref(&sector);
    let proof = prover.prove_window(&window, std::slice::from_ref(&replica));
    let statement = Statement::Window(post_statement(&window, sectors));
    assert_eq!(verdict(&statement, &proof.unwrap()), Verdict::Valid);
    let proof = prover.prove_winning(&winning, &replica).unwrap();
    let statement = Statement::Winning(post_statement(&winning, sectors));
    assert_eq!(verdict(&statement, &proof), Verdict::Valid);

    let data: Vec<u8> = (0..1_000_000u32).map(|i| (i / 7 % 256) as u8).collect();
    let update = update(&sector, &data);
    let proof = prover
        .prove_update(&sector.dir, &sector.sealed, &update)
        .unwrap();
    assert_eq!(proof.bytes.len(), 4 * 192);
    let statement = Statement::Update(update.statement());
    assert_eq!(verdict(&statement, &proof), Verdict::Valid);
    let mut other = update.statement();
    other.comm_d_new[0] ^= 1;
    let proven = Proven { statement, proof };
    let verdict = proven.verdict_for(Statement::Update(other));
    assert!(matches!(verdict, Verdict::Invalid(_)), "{verdict:?}");

    crate::seal::release_update(&sector.dir).unwrap();
    std::fs::remove_file(sector.dir.update_unsealed()).unwrap();
    crate::seal::decode_update(&sector.dir, &update).unwrap();
    let read = crate::seal::read_unsealed(&sector.dir.update_unsealed(), 0..1_000_000).unwrap();
    assert!(read == data);
}
