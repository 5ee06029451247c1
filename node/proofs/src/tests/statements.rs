//! What the FVM hands over, as statements; and the scheme that believes them all.

use super::fixture::*;
use crate::accept::{AcceptProver, AcceptVerifier};
use crate::commitment;
use crate::prover::Prover;
use crate::settings;
use crate::stand_in::field_length;
use crate::statement::{
    AggregateStatement, MalformedStatement, PostKind, PostStatement, SealStatement, Statement,
    UpdateStatement, mask,
};
use crate::verifier::{Verdict, Verifier};
use fvm_ipld_blockstore::MemoryBlockstore;
use fvm_shared::randomness::Randomness;
use fvm_shared::sector::{
    AggregateSealVerifyInfo, AggregateSealVerifyProofAndInfos, PoStProof, RegisteredAggregateProof,
    RegisteredPoStProof, RegisteredSealProof, RegisteredUpdateProof, ReplicaUpdateInfo,
    SealVerifyInfo, SectorID, SectorInfo, WindowPoStVerifyInfo, WinningPoStVerifyInfo,
};

fn seal() -> SealVerifyInfo {
    SealVerifyInfo {
        registered_proof: INTERACTIVE,
        sector_id: SectorID {
            miner: MINER,
            number: 1,
        },
        deal_ids: vec![7],
        randomness: Randomness(TICKET.to_vec()),
        interactive_randomness: Randomness(SEED.to_vec()),
        proof: Vec::new(),
        sealed_cid: commitment::sealed_cid(&[3; 32]).unwrap(),
        unsealed_cid: commitment::unsealed_cid(&[4; 32]).unwrap(),
    }
}

fn changed(change: impl FnOnce(&mut SealVerifyInfo)) -> Result<SealStatement, MalformedStatement> {
    let mut info = seal();
    change(&mut info);
    SealStatement::try_from(&info)
}

#[test]
fn a_seal_says_all_but_its_deals() {
    let statement = changed(|_| ()).unwrap();
    assert_eq!(
        statement,
        SealStatement {
            proof: INTERACTIVE,
            miner: MINER,
            number: 1,
            ticket: TICKET,
            seed: SEED,
            comm_r: [3; 32],
            comm_d: [4; 32],
        }
    );
    assert_eq!(changed(|info| info.deal_ids.clear()).unwrap(), statement);
}

#[test]
fn what_is_no_seal_is_refused() {
    assert!(changed(|info| info.registered_proof = RegisteredSealProof::Invalid(99)).is_err());
    assert!(changed(|info| info.randomness = Randomness(vec![1; 31])).is_err());
    assert!(changed(|info| info.interactive_randomness = Randomness(vec![1; 33])).is_err());
    assert!(changed(|info| info.interactive_randomness = Randomness(Vec::new())).is_err());
    assert!(changed(|info| info.sealed_cid = info.unsealed_cid).is_err());
    assert!(changed(|info| info.unsealed_cid = info.sealed_cid).is_err());
    let other = cid::Cid::try_from("bafkqaaa").unwrap();
    assert!(changed(|info| info.sealed_cid = other).is_err());
    assert!(changed(|info| info.unsealed_cid = other).is_err());
}

fn aggregate() -> AggregateSealVerifyProofAndInfos {
    let seal = seal();
    let info = AggregateSealVerifyInfo {
        sector_number: 1,
        randomness: seal.randomness,
        interactive_randomness: seal.interactive_randomness,
        sealed_cid: seal.sealed_cid,
        unsealed_cid: seal.unsealed_cid,
    };
    AggregateSealVerifyProofAndInfos {
        miner: MINER,
        seal_proof: INTERACTIVE,
        aggregate_proof: RegisteredAggregateProof::SnarkPackV2,
        proof: Vec::new(),
        infos: vec![info.clone(), info],
    }
}

#[test]
fn an_aggregate_is_its_seals_in_order() {
    let statement = AggregateStatement::try_from(&aggregate()).unwrap();
    assert_eq!(statement.seals, vec![changed(|_| ()).unwrap(); 2]);
    let mut none = aggregate();
    none.infos.clear();
    assert!(AggregateStatement::try_from(&none).is_err());
    let mut unknown = aggregate();
    unknown.aggregate_proof = RegisteredAggregateProof::Invalid(7);
    assert!(AggregateStatement::try_from(&unknown).is_err());
    let mut short = aggregate();
    short.infos[1].randomness = Randomness(vec![0; 3]);
    assert!(AggregateStatement::try_from(&short).is_err());
}

fn sector(number: u64, comm_r: u8) -> SectorInfo {
    SectorInfo {
        proof: INTERACTIVE,
        sector_number: number,
        sealed_cid: commitment::sealed_cid(&[comm_r; 32]).unwrap(),
    }
}

fn window(sectors: Vec<SectorInfo>) -> WindowPoStVerifyInfo {
    WindowPoStVerifyInfo {
        randomness: Randomness(vec![0xff; 32]),
        proofs: vec![PoStProof {
            post_proof: WINDOW.proof,
            proof_bytes: Vec::new(),
        }],
        challenged_sectors: sectors,
        prover: MINER,
    }
}

#[test]
fn a_window_proof_is_about_each_sector_once_in_order() {
    let info = window(vec![sector(5, 1), sector(2, 2), sector(5, 3)]);
    let statement = PostStatement::try_from(&info).unwrap();
    let sectors: Vec<_> = statement
        .sectors
        .iter()
        .map(|sector| (sector.number, sector.comm_r[0]))
        .collect();
    assert_eq!(sectors, [(2, 2), (5, 3)]);
    assert_eq!(statement.randomness[30..], [0xff, 0x3f]);
    assert_eq!(mask([0xff; 32]), statement.randomness);
    // Masked or not, it is the same statement.
    let mut masked = info;
    masked.randomness = Randomness(statement.randomness.to_vec());
    let again = PostStatement::try_from(&masked).unwrap();
    assert_eq!(
        Statement::Window(again).digest(),
        Statement::Window(statement).digest()
    );
}

#[test]
fn what_is_no_proof_of_spacetime_is_refused() {
    let refused = |change: &dyn Fn(&mut WindowPoStVerifyInfo)| {
        let mut info = window(vec![sector(1, 1)]);
        assert!(PostStatement::try_from(&info).is_ok());
        change(&mut info);
        assert!(PostStatement::try_from(&info).is_err());
    };
    refused(&|info| info.challenged_sectors.clear());
    refused(&|info| info.proofs.clear());
    refused(&|info| info.proofs.push(info.proofs[0].clone()));
    refused(&|info| info.randomness = Randomness(vec![1; 31]));
    refused(&|info| info.proofs[0].post_proof = WINNING.proof);
    refused(&|info| info.proofs[0].post_proof = RegisteredPoStProof::Invalid(5));
    refused(&|info| info.proofs[0].post_proof = RegisteredPoStProof::StackedDRGWindow8MiBV1P1);
    refused(&|info| {
        info.challenged_sectors[0].proof = RegisteredSealProof::StackedDRG8MiBV1P1;
    });
    refused(&|info| info.challenged_sectors[0].proof = RegisteredSealProof::Invalid(-1));
    refused(&|info| info.challenged_sectors[0].sealed_cid = cid::Cid::default());
    let mut mixed = window(vec![sector(1, 1), sector(2, 2)]);
    mixed.challenged_sectors[1].proof = RegisteredSealProof::StackedDRG8MiBV1P1;
    assert!(PostStatement::try_from(&mixed).is_err());
}

#[test]
fn a_winning_proof_is_about_one_sector() {
    let winning = |sectors| WinningPoStVerifyInfo {
        randomness: Randomness(vec![1; 32]),
        proofs: vec![PoStProof {
            post_proof: WINNING.proof,
            proof_bytes: Vec::new(),
        }],
        challenge_sectors: sectors,
        prover: MINER,
    };
    assert!(PostStatement::try_from(&winning(vec![sector(1, 1)])).is_ok());
    assert!(PostStatement::try_from(&winning(vec![])).is_err());
    assert!(PostStatement::try_from(&winning(vec![sector(1, 1), sector(2, 2)])).is_err());
}

#[test]
fn what_is_no_update_is_refused() {
    let info = ReplicaUpdateInfo {
        update_proof_type: RegisteredUpdateProof::StackedDRG2KiBV1,
        old_sealed_cid: commitment::sealed_cid(&[1; 32]).unwrap(),
        new_sealed_cid: commitment::sealed_cid(&[2; 32]).unwrap(),
        new_unsealed_cid: commitment::unsealed_cid(&[3; 32]).unwrap(),
        proof: Vec::new(),
    };
    let statement = UpdateStatement::try_from(&info).unwrap();
    assert_eq!(statement.comm_r_new, [2; 32]);
    for change in [
        (|info| info.update_proof_type = RegisteredUpdateProof::Invalid(9))
            as fn(&mut ReplicaUpdateInfo),
        |info| info.old_sealed_cid = info.new_unsealed_cid,
        |info| info.new_sealed_cid = info.new_unsealed_cid,
        |info| info.new_unsealed_cid = info.new_sealed_cid,
    ] {
        let mut wrong = info.clone();
        change(&mut wrong);
        assert!(UpdateStatement::try_from(&wrong).is_err());
    }
}

#[test]
fn the_same_inputs_as_another_kind_are_another_statement() {
    let post = PostStatement::try_from(&window(vec![sector(1, 1)])).unwrap();
    assert_ne!(
        Statement::Window(post.clone()).digest(),
        Statement::Winning(post).digest()
    );
}

#[test]
fn the_accepting_scheme_believes_what_its_script_lets_pass() {
    let sector = first();
    let proof = AcceptProver
        .prove_seal(&sector.dir, &sector.sealed, &SEED)
        .unwrap();
    let statement = Statement::Seal(sector.sealed.statement(&SEED));
    assert_eq!(Ok(proof.bytes.len()), field_length(&statement));
    let none = MemoryBlockstore::default();
    let verdict = AcceptVerifier::new().verify(&statement, &[], &none);
    assert_eq!(verdict, Verdict::Valid);
    let strict = AcceptVerifier::scripted(|_, proof| proof == b"please");
    assert!(strict.verify(&statement, b"please", &none).is_valid());
    assert!(!strict.verify(&statement, &proof.bytes, &none).is_valid());
    // It needs no files.
    let mut replica = sector.sealed.replica(&sector.dir);
    replica.sealed = "nowhere".into();
    let window = AcceptProver.prove_window(&WINDOW, std::slice::from_ref(&replica));
    assert_eq!(window.unwrap().bytes.len(), 192);
    assert!(AcceptProver.prove_winning(&WINDOW, &replica).is_err());
    assert_eq!(PostKind::of(WINDOW.proof), Some(PostKind::Window));
}

#[test]
fn the_libraries_stay_with_the_directory_they_have() {
    first(); // Has set one.
    let same = std::env::temp_dir().join("boatyard-proofs-tests");
    settings::use_directory(&same).unwrap();
    let other = tempfile::tempdir().unwrap();
    let error = settings::use_directory(other.path()).unwrap_err();
    assert!(error.to_string().contains("already"), "{error}");
    assert_eq!(settings::parameters().unwrap(), same.join("parameters"));
}
