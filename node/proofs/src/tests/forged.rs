//! Provers that never had the data, or skipped the work: they seal with rules of
//! their own. The library's check believes two of them (spec 11 §4); ours none.

use storage_proofs_core::drgraph::Graph;
use storage_proofs_core::proof::ProofScheme;
use storage_proofs_porep::stacked::StackedDrg;

use super::fixture::*;
use super::library_form::{self, library_inputs};
use crate::commitment::Commitment;
use crate::piece;
use crate::shape::{DataHasher, NODE, SectorShapeBase};
use crate::statement::SealStatement;
use crate::vanilla::nodes::{Tree, field_element, poseidon};
use crate::vanilla::porep::{self, Claim, LibraryProof, column_hash};

const NODES: usize = 64;

/// How a sector is sealed by somebody who chooses the rules.
struct Rules {
    /// The data that goes into the replica, padded.
    encoded: Vec<Commitment>,
    /// The data that CommD commits to, padded.
    claimed: Vec<Commitment>,
    /// The label of a node in a layer, where it is not what the graph demands.
    label: fn(layer: usize, node: usize) -> Option<Commitment>,
    /// The leaf that a proof shows as the data: that of CommD, or that in the replica.
    shows_encoded: bool,
}

/// What comes out, with everything that proofs need.
pub(super) struct Forged {
    pub(super) statement: SealStatement,
    pub(super) encoded: Vec<u8>,
}

fn padded(data: &[u8]) -> Vec<Commitment> {
    let mut nodes = Vec::new();
    piece::pad(data, fvm_shared::piece::UnpaddedPieceSize(2032), |bytes| {
        nodes.extend_from_slice(bytes);
        Ok(())
    })
    .unwrap();
    nodes
        .chunks_exact(NODE)
        .map(|node| node.try_into().unwrap())
        .collect()
}

/// Seals and proves after own rules.
fn forge(rules: &Rules) -> Forged {
    let (data_tree, tree) = (Tree::data(NODES), Tree::replica::<SectorShapeBase>(NODES));
    let claimed = data_tree.rows(rules.claimed.clone()).unwrap();
    let mut statement = SealStatement {
        comm_d: claimed.last().unwrap()[0],
        ..first().sealed.statement(&SEED)
    };
    // The labels depend on the claim, but not on CommR.
    let claim = Claim::<SectorShapeBase>::new(&statement, size()).unwrap();
    let mut columns: Vec<Vec<Commitment>> = vec![Vec::new(); NODES];
    for layer in 0..2 {
        for node in 0..NODES {
            let mut parents = [0u32; 14];
            claim.parameters.graph.parents(node, &mut parents).unwrap();
            let (same, below) = parents.split_at(6);
            let mut labels: Vec<_> = match node {
                0 => Vec::new(),
                _ => same.iter().map(|p| columns[*p as usize][layer]).collect(),
            };
            if layer > 0 && node > 0 {
                labels.extend(below.iter().map(|p| columns[*p as usize][layer - 1]));
            }
            let honest = claim.label(layer, node, &labels);
            columns[node].push((rules.label)(layer, node).unwrap_or(honest));
        }
    }
    let column_rows = tree.rows(columns.iter().map(|rows| column_hash(rows)).collect());
    let column_rows = column_rows.unwrap();
    let replica = columns
        .iter()
        .zip(&rules.encoded)
        .map(|(rows, data)| {
            let sum = field_element(&rows[1]).unwrap() + field_element(data).unwrap();
            crate::shape::Node::from(sum).into()
        })
        .collect();
    let replica_rows = tree.rows(replica).unwrap();
    let (comm_c, comm_r_last) = (
        column_rows.last().unwrap()[0],
        replica_rows.last().unwrap()[0],
    );
    statement.comm_r = poseidon(&[comm_c, comm_r_last]);

    let claim = Claim::<SectorShapeBase>::new(&statement, size()).unwrap();
    let mut encoded = [comm_c, comm_r_last].concat();
    for challenge in claim.challenges() {
        let leaf = match rules.shows_encoded {
            true => rules.encoded[challenge],
            false => rules.claimed[challenge],
        };
        encoded.extend(leaf);
        data_tree.siblings_in(&claimed, challenge, &mut encoded);
        tree.siblings_in(&replica_rows, challenge, &mut encoded);
        tree.siblings_in(&column_rows, challenge, &mut encoded);
        let mut parents = [0u32; 14];
        claim
            .parameters
            .graph
            .parents(challenge, &mut parents)
            .unwrap();
        for parent in parents {
            encoded.extend(columns[parent as usize].iter().flatten());
            tree.siblings_in(&column_rows, parent as usize, &mut encoded);
        }
    }
    Forged { statement, encoded }
}

fn size() -> fvm_shared::sector::SectorSize {
    fvm_shared::sector::SectorSize::_2KiB
}

fn honest_rules() -> Rules {
    Rules {
        encoded: padded(&data()),
        claimed: padded(&data()),
        label: |_, _| None,
        shows_encoded: false,
    }
}

/// A replica of zeros under the CommD of real data.
pub(super) fn swapped_data(shows_encoded: bool) -> Forged {
    forge(&Rules {
        encoded: vec![[0; NODE]; NODES],
        shows_encoded,
        ..honest_rules()
    })
}

/// What the library says of its own kind of proof.
fn library_accepts(statement: &SealStatement, proof: &LibraryProof<SectorShapeBase>) -> bool {
    let (parameters, inputs) = library_inputs(statement);
    StackedDrg::<SectorShapeBase, DataHasher>::verify_all_partitions(&parameters, &inputs, proof)
        .unwrap()
}

fn accepted(forged: &Forged) -> bool {
    porep::verify(&forged.statement, &forged.encoded).is_ok()
}

#[test]
fn who_follows_the_rules_gets_what_the_library_makes() {
    let ours = forge(&honest_rules());
    assert_eq!(ours.statement, first().sealed.statement(&SEED));
    assert_eq!(ours.encoded, prove_seal(first()).encoded());
    assert!(accepted(&ours));
    let proof = library_form::seal(&ours.statement, &ours.encoded);
    assert!(library_accepts(&ours.statement, &proof));
}

#[test]
fn data_swapped_under_a_real_commitment_is_noticed() {
    for shows_encoded in [false, true] {
        let forged = swapped_data(shows_encoded);
        assert_eq!(forged.statement.comm_d, first().sealed.comm_d);
        assert!(!accepted(&forged), "shows what is encoded: {shows_encoded}");
        // The library compares roots that the proof names, and hashes no path.
        let proof = library_form::seal(&forged.statement, &forged.encoded);
        assert!(
            library_accepts(&forged.statement, &proof),
            "if this changed, the library learned to look"
        );
    }
}

#[test]
fn removed_parents_are_noticed() {
    let proven = prove_seal(first());
    let statement = first().sealed.statement(&SEED);
    let mut proof = library_form::seal(&statement, proven.encoded());
    for opening in proof.iter_mut().flatten() {
        opening.replica_column_proofs.drg_parents.clear();
        opening.replica_column_proofs.exp_parents.clear();
    }
    assert!(
        library_accepts(&statement, &proof),
        "if this changed, the library learned to look"
    );
    assert!(porep::encode(&statement, &proof).is_err());
    // The same in our encoding: each opening without its parents.
    let bytes = proven.encoded();
    let opening = (bytes.len() - 2 * NODE) / 2;
    let parents = 14 * (2 + 14) * NODE;
    let mut cut = bytes[..2 * NODE].to_vec();
    for opening in bytes[2 * NODE..].chunks_exact(opening) {
        cut.extend(&opening[..opening.len() - parents]);
    }
    assert!(porep::verify(&statement, &cut).is_err());
}

#[test]
fn no_partitions_at_all_are_noticed() {
    let statement = first().sealed.statement(&SEED);
    let nothing: LibraryProof<SectorShapeBase> = Vec::new();
    assert!(
        library_accepts(&statement, &nothing),
        "if this changed, the library learned to look"
    );
    assert!(porep::encode(&statement, &nothing).is_err());
    assert!(porep::verify(&statement, &[]).is_err());
}

#[test]
fn labels_that_do_not_follow_the_graph_are_noticed() {
    for (name, label) in [
        ("zeros", (|_, _| Some([0; NODE])) as fn(usize, usize) -> _),
        ("a second layer of zeros", |layer, _| {
            (layer == 1).then_some([0; NODE])
        }),
        ("a first layer of zeros", |layer, _| {
            (layer == 0).then_some([0; NODE])
        }),
    ] {
        let forged = forge(&Rules {
            label,
            ..honest_rules()
        });
        assert!(!accepted(&forged), "{name}");
    }
    // Two challenges among 63 nodes: skipping few labels can go unnoticed, here as on
    // every network with such sectors. Skipping those that are asked for cannot.
    let asked = forge(&Rules {
        label: |layer, node| (layer == 1 && [4, 57].contains(&node)).then_some([1; NODE]),
        ..honest_rules()
    });
    assert!(!accepted(&asked));
}

#[test]
fn who_has_only_commitments_cannot_answer() {
    // CommC and CommRLast are public knowledge of a sort; openings are not.
    let statement = first().sealed.statement(&SEED);
    let honest = prove_seal(first());
    let mut invented = honest.encoded()[..2 * NODE].to_vec();
    invented.resize(honest.encoded().len(), 0);
    assert!(porep::verify(&statement, &invented).is_err());
    let post = post_statement(&WINDOW, std::slice::from_ref(first()));
    let honest = prove_window(std::slice::from_ref(first()));
    let mut invented = honest.encoded()[..NODE].to_vec();
    invented.resize(honest.encoded().len(), 0);
    assert!(crate::vanilla::post::verify(&post, &invented).is_err());
}

#[test]
fn an_answer_to_one_challenge_is_none_to_another() {
    // Every answer replaced by the first one, which is true.
    let post = post_statement(&WINDOW, std::slice::from_ref(first()));
    let honest = prove_window(std::slice::from_ref(first()));
    let (comm_c, answers) = honest.encoded().split_at(NODE);
    let answer = &answers[..answers.len() / 10];
    let forged = [comm_c, &answer.repeat(10)].concat();
    assert!(crate::vanilla::post::verify(&post, &forged).is_err());
}
