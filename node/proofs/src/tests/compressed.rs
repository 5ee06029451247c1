//! The Groth16 scheme, with the parameters that are quick to make.

use super::fixture::*;
use crate::groth16::setup::{Part, Progress, make};
use crate::groth16::{Groth16Prover, Groth16Verifier};
use crate::prover::{ProveError, Prover};
use crate::stand_in::StandIn;
use crate::statement::Statement;
use crate::verifier::{Verdict, Verifier};
use fvm_ipld_blockstore::MemoryBlockstore;

/// One test, for the parameters take seconds; they stay for the next run.
#[test]
fn a_window_proof_is_compressed_and_holds() {
    let sectors = three();
    let mut told = Vec::new();
    make(&[Part::Window], |progress| told.push(progress)).unwrap();
    assert!(matches!(
        told[..],
        [Progress::Present(_)] | [Progress::Started(_), Progress::Made(..)]
    ));
    told.clear();
    make(&[Part::Window], |progress| told.push(progress)).unwrap();
    assert_eq!(told, [Progress::Present(Part::Window)]);

    let replicas: Vec<_> = sectors
        .iter()
        .map(|sector| sector.sealed.replica(&sector.dir))
        .collect();
    let proof = Groth16Prover.prove_window(&WINDOW, &replicas).unwrap();
    assert_eq!(proof.bytes.len(), 2 * 192);
    assert!(proof.blocks.is_empty());
    assert_eq!(proof.bytes[0] & 0x80, 0x80, "a compressed point");

    let verifier = Groth16Verifier::for_parts(&[Part::Window]).unwrap();
    let none = MemoryBlockstore::default();
    let window = |sectors: &[Sector]| Statement::Window(post_statement(&WINDOW, sectors));
    let statement = window(sectors);
    assert_eq!(
        verifier.verify(&statement, &proof.bytes, &none),
        Verdict::Valid
    );
    let invalid = |statement: &Statement, bytes: &[u8]| {
        matches!(
            verifier.verify(statement, bytes, &none),
            Verdict::Invalid(_)
        )
    };
    assert!(invalid(&window(&sectors[..2]), &proof.bytes));
    assert!(invalid(&statement, &proof.bytes[..192]));
    assert!(invalid(&statement, &proof.bytes[..383]));
    assert!(invalid(&statement, &[]));
    for position in (0..384).step_by(13) {
        let mut changed = proof.bytes.clone();
        changed[position] ^= 1;
        assert!(invalid(&statement, &changed), "byte {position}");
    }
    let stand_in = prove_window(sectors).proof;
    assert!(StandIn::parse(&stand_in.bytes).is_ok());
    assert!(invalid(&statement, &stand_in.bytes));

    // What it has no keys for it calls neither valid nor invalid.
    let seal = Statement::Seal(sectors[0].sealed.statement(&SEED));
    assert!(matches!(
        verifier.verify(&seal, &[0; 192], &none),
        Verdict::Unable(_)
    ));
}

#[test]
fn without_parameters_there_is_neither_prover_nor_verifier() {
    first(); // Sets the directories.
    if Part::Update.is_complete() {
        return; // Somebody made them all on this machine.
    }
    let (sector, update) = updated();
    assert!(matches!(
        Groth16Prover.prove_update(&sector.dir, &sector.sealed, update),
        Err(ProveError::NoParameters(_))
    ));
    let error = Groth16Verifier::new().unwrap_err().to_string();
    assert!(error.contains("boatyard proofs setup"), "{error}");
    assert!(crate::Scheme::Groth16.verifier().is_err());
    assert!(crate::Scheme::Groth16.prover().is_err());
}
