//! The oracle: the circuits that Groth16 would prove, evaluated without parameters
//! (spec 11 §13). What our check rejects they reject, what it accepts they accept.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bellperson::{Circuit, ConstraintSystem, Index, LinearCombination, SynthesisError, Variable};
use blstrs::Scalar as Fr;
use ff::Field;
use filecoin_proofs::parameters::{window_post_public_params, winning_post_public_params};
use storage_proofs_core::compound_proof::CompoundProof;
use storage_proofs_porep::stacked::StackedCompound;
use storage_proofs_post::fallback::FallbackPoStCompound;
use storage_proofs_update::EmptySectorUpdateCompound;

use super::fixture::*;
use super::library_form::{self, library_inputs};
use crate::library;
use crate::shape::{DataHasher, SectorShapeBase};
use crate::statement::{PostKind, PostStatement, SealStatement, UpdateStatement};
use crate::vanilla::porep::LibraryProof;
use crate::vanilla::{porep, post, update};

type S = SectorShapeBase;

/// Constraints of the circuits (spec 11 §12).
const SEAL: usize = 2_687_921;
const WINDOW_PARTITION: usize = 21_866;
const WINNING_ONLY: usize = 90_750;
const UPDATE: usize = 1_705_039;

/// Evaluates constraints as they come and gives up at the first that does not hold.
struct Evaluation {
    inputs: Vec<Fr>,
    values: Vec<Fr>,
    constraints: usize,
    holds: bool,
}

impl Evaluation {
    fn value(&self, sum: &LinearCombination<Fr>) -> Fr {
        sum.iter()
            .map(|(variable, coefficient)| match variable.get_unchecked() {
                Index::Input(place) => self.inputs[place] * coefficient,
                Index::Aux(place) => self.values[place] * coefficient,
            })
            .sum()
    }

    fn go_on(&self) -> Result<(), SynthesisError> {
        match self.holds {
            true => Ok(()),
            false => Err(SynthesisError::Unsatisfiable),
        }
    }
}

impl ConstraintSystem<Fr> for Evaluation {
    type Root = Self;

    fn alloc<F, A, AR>(&mut self, _: A, value: F) -> Result<Variable, SynthesisError>
    where
        F: FnOnce() -> Result<Fr, SynthesisError>,
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        self.go_on()?;
        self.values.push(value()?);
        Ok(Variable::new_unchecked(Index::Aux(self.values.len() - 1)))
    }

    fn alloc_input<F, A, AR>(&mut self, _: A, value: F) -> Result<Variable, SynthesisError>
    where
        F: FnOnce() -> Result<Fr, SynthesisError>,
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        self.go_on()?;
        self.inputs.push(value()?);
        Ok(Variable::new_unchecked(Index::Input(self.inputs.len() - 1)))
    }

    fn enforce<A, AR, LA, LB, LC>(&mut self, _: A, a: LA, b: LB, c: LC)
    where
        A: FnOnce() -> AR,
        AR: Into<String>,
        LA: FnOnce(LinearCombination<Fr>) -> LinearCombination<Fr>,
        LB: FnOnce(LinearCombination<Fr>) -> LinearCombination<Fr>,
        LC: FnOnce(LinearCombination<Fr>) -> LinearCombination<Fr>,
    {
        let a = self.value(&a(LinearCombination::zero()));
        let b = self.value(&b(LinearCombination::zero()));
        let c = self.value(&c(LinearCombination::zero()));
        self.constraints += 1;
        self.holds &= a * b == c;
    }

    fn push_namespace<NR, N>(&mut self, _: N)
    where
        NR: Into<String>,
        N: FnOnce() -> NR,
    {
    }

    fn pop_namespace(&mut self) {}

    fn get_root(&mut self) -> &mut Self::Root {
        self
    }
}

/// Whether the circuit holds, is the one expected, and has the public inputs that a
/// verifier would take.
fn holds<C: Circuit<Fr>>(
    make: impl FnOnce() -> anyhow::Result<(C, Vec<Fr>)>,
    constraints: usize,
) -> bool {
    let evaluated = catch_unwind(AssertUnwindSafe(|| {
        let (circuit, inputs) = make().ok()?;
        let mut system = Evaluation {
            inputs: vec![Fr::ONE],
            values: Vec::new(),
            constraints: 0,
            holds: true,
        };
        circuit.synthesize(&mut system).ok()?;
        if system.holds {
            assert_eq!(system.constraints, constraints, "another circuit");
        }
        Some(system.holds && system.inputs[1..] == inputs)
    }));
    matches!(evaluated, Ok(Some(true)))
}

fn seal_holds(statement: &SealStatement, proof: &LibraryProof<S>) -> bool {
    let (parameters, inputs) = library_inputs(statement);
    proof.iter().enumerate().all(|(k, partition)| {
        holds(
            || {
                let circuit = StackedCompound::<S, DataHasher>::circuit(
                    &inputs,
                    Default::default(),
                    partition,
                    &parameters,
                    Some(k),
                )?;
                let public = StackedCompound::<S, DataHasher>::generate_public_inputs(
                    &inputs,
                    &parameters,
                    Some(k),
                )?;
                Ok((circuit, public))
            },
            SEAL,
        )
    })
}

fn post_holds(statement: &PostStatement, encoded: &[u8]) -> bool {
    let config = library::post_config(statement).unwrap();
    let (parameters, constraints) = match PostKind::of(statement.proof).unwrap() {
        PostKind::Window => (window_post_public_params::<S>(&config), WINDOW_PARTITION),
        PostKind::Winning => (winning_post_public_params::<S>(&config), WINNING_ONLY),
    };
    let parameters = parameters.unwrap();
    let (partitions, inputs) = library_form::spacetime(statement, encoded);
    partitions.iter().enumerate().all(|(k, partition)| {
        holds(
            || {
                let circuit = FallbackPoStCompound::<S>::circuit(
                    &inputs,
                    Default::default(),
                    partition,
                    &parameters,
                    Some(k),
                )?;
                let public = FallbackPoStCompound::<S>::generate_public_inputs(
                    &inputs,
                    &parameters,
                    Some(k),
                )?;
                Ok((circuit, public))
            },
            constraints,
        )
    })
}

fn update_holds(statement: &UpdateStatement, encoded: &[u8]) -> bool {
    let (sector, updated) = updated();
    let honest = library::update::<S>(&sector.dir, &sector.sealed, updated).unwrap();
    let proof = library_form::replica_update(statement, encoded, honest[0].apex_leafs.clone());
    let parameters = storage_proofs_update::PublicParams::from_sector_size(2048);
    let inputs = storage_proofs_update::PublicInputs {
        k: 0,
        comm_r_old: statement.comm_r_old.into(),
        comm_d_new: statement.comm_d_new.into(),
        comm_r_new: statement.comm_r_new.into(),
        h: 1,
    };
    holds(
        || {
            let circuit = EmptySectorUpdateCompound::<S>::circuit(
                &inputs,
                Default::default(),
                &proof,
                &parameters,
                Some(0),
            )?;
            let public = EmptySectorUpdateCompound::<S>::generate_public_inputs(
                &inputs,
                &parameters,
                Some(0),
            )?;
            Ok((circuit, public))
        },
        UPDATE,
    )
}

/// Compares both checks on proofs changed in one bit, `count` of them spread over the
/// whole proof. Bytes that make no field element never reach a circuit.
fn agree(
    proof: &[u8],
    count: usize,
    ours: impl Fn(&[u8]) -> bool,
    circuit: impl Fn(&[u8]) -> bool,
) {
    assert!(ours(proof), "the honest proof");
    assert!(circuit(proof), "the honest proof in the circuit");
    for number in 0..count {
        let mut changed = proof.to_vec();
        let node = (proof.len() / 32 - 1) * number / count.saturating_sub(1).max(1);
        changed[32 * node + number % 31] ^= 1;
        assert_ne!(changed, proof);
        assert!(!ours(&changed), "node {node}");
        assert!(!circuit(&changed), "node {node} in the circuit");
    }
}

#[test]
fn the_circuit_agrees_on_seals() {
    let statement = first().sealed.statement(&SEED);
    agree(
        prove_seal(first()).encoded(),
        6,
        |proof| porep::verify(&statement, proof).is_ok(),
        |proof| seal_holds(&statement, &library_form::seal(&statement, proof)),
    );
}

#[test]
fn the_circuit_agrees_on_forged_seals() {
    for shows_encoded in [true, false] {
        let forged = super::forged::swapped_data(shows_encoded);
        let proof = library_form::seal(&forged.statement, &forged.encoded);
        assert!(!seal_holds(&forged.statement, &proof));
    }
    let statement = first().sealed.statement(&SEED);
    let mut proof = library_form::seal(&statement, prove_seal(first()).encoded());
    for opening in proof.iter_mut().flatten() {
        opening.replica_column_proofs.drg_parents.clear();
        opening.replica_column_proofs.exp_parents.clear();
    }
    assert!(!seal_holds(&statement, &proof), "parents removed");
}

#[test]
fn the_circuit_agrees_on_window_proofs() {
    for count in 1..=3 {
        let statement = post_statement(&WINDOW, &three()[..count]);
        agree(
            prove_window(&three()[..count]).encoded(),
            20,
            |proof| post::verify(&statement, proof).is_ok(),
            |proof| post_holds(&statement, proof),
        );
    }
}

#[test]
fn the_circuit_agrees_on_winning_proofs() {
    let statement = post_statement(&WINNING, std::slice::from_ref(first()));
    agree(
        prove_winning(first()).encoded(),
        20,
        |proof| post::verify(&statement, proof).is_ok(),
        |proof| post_holds(&statement, proof),
    );
}

#[test]
fn the_circuit_agrees_on_updates() {
    let statement = updated().1.statement();
    agree(
        prove_update().encoded(),
        6,
        |proof| update::verify(&statement, proof).is_ok(),
        |proof| update_holds(&statement, proof),
    );
}

#[test]
fn the_circuit_agrees_on_changed_inputs() {
    let statement = post_statement(&WINDOW, &three()[..2]);
    let proven = prove_window(&three()[..2]);
    for change in [
        |s: &mut PostStatement| s.randomness[3] ^= 4,
        |s: &mut PostStatement| s.sectors[0].number = 7,
        |s: &mut PostStatement| s.sectors[1].comm_r[5] ^= 1,
    ] {
        let mut changed = statement.clone();
        change(&mut changed);
        assert_ne!(changed, statement);
        assert!(post::verify(&changed, proven.encoded()).is_err());
        assert!(!post_holds(&changed, proven.encoded()));
    }
}
