//! Sector files lost or damaged: there is no proof, or a valid one made without them.

use std::fs;
use std::path::{Path, PathBuf};

use super::fixture::*;
use crate::prover::{Proof, ProveError, Prover};
use crate::sector::UpdatedSector;
use crate::statement::Statement;
use crate::vanilla::VanillaProver;

/// What can happen to a file.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Damage {
    Deleted,
    Emptied,
    CutInHalf,
    Lengthened,
    Zeroed,
    BitFlipped,
}

const ALL: [Damage; 6] = [
    Damage::Deleted,
    Damage::Emptied,
    Damage::CutInHalf,
    Damage::Lengthened,
    Damage::Zeroed,
    Damage::BitFlipped,
];

impl Damage {
    fn happens_to(self, file: &Path) {
        let mut bytes = fs::read(file).unwrap();
        match self {
            Self::Deleted => return fs::remove_file(file).unwrap(),
            Self::Emptied => bytes.clear(),
            Self::CutInHalf => bytes.truncate(bytes.len() / 2),
            Self::Lengthened => bytes.push(0),
            Self::Zeroed => bytes.fill(0),
            Self::BitFlipped => {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 0x10;
            }
        }
        fs::write(file, bytes).unwrap();
    }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut all: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    all.sort();
    all
}

fn name(file: &Path) -> String {
    file.file_name().unwrap().to_string_lossy().into_owned()
}

/// A copy of a sector's directory to damage.
fn copy(sector: &Sector) -> Sector {
    fn copy_all(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for file in files(from) {
            let target = to.join(file.file_name().unwrap());
            match file.is_dir() {
                true => copy_all(&file, &target),
                false => drop(fs::copy(&file, &target).unwrap()),
            }
        }
    }
    let dir = directory();
    copy_all(sector.dir.root(), dir.root());
    Sector {
        dir,
        sealed: sector.sealed.clone(),
    }
}

/// Fails for the sector's sake, or else the proof holds.
fn faulty_or_valid(
    result: Result<Proof, ProveError>,
    statement: &Statement,
    what: &str,
) -> Result<(), ()> {
    match result {
        Ok(proof) => {
            let verdict = verdict(statement, &proof);
            assert!(verdict.is_valid(), "{what}: {verdict:?}");
            Ok(())
        }
        Err(ProveError::Faulty(sectors)) => {
            assert_eq!(sectors.len(), 1, "{what}");
            Err(())
        }
        Err(other) => panic!("{what}: {other}"),
    }
}

#[test]
fn a_damaged_sector_is_not_proven_at_commit() {
    let honest = first();
    let statement = Statement::Seal(honest.sealed.statement(&SEED));
    let prover = VanillaProver::new();
    let mut all = files(&honest.dir.cache());
    all.push(honest.dir.sealed());
    let mut refused = 0;
    for file in &all {
        let relative = file.strip_prefix(honest.dir.root()).unwrap();
        for damage in ALL {
            let sector = copy(honest);
            damage.happens_to(&sector.dir.root().join(relative));
            let proof = prover.prove_seal(&sector.dir, &sector.sealed, &SEED);
            let what = format!("{} {damage:?}", relative.display());
            refused += usize::from(faulty_or_valid(proof, &statement, &what).is_err());
        }
    }
    assert!(refused > all.len() * 3, "{refused} of {}", all.len() * 6);
}

#[test]
fn a_damaged_replica_is_not_proven_to_be_stored() {
    let honest = first();
    let prover = VanillaProver::new();
    let window = Statement::Window(post_statement(&WINDOW, std::slice::from_ref(honest)));
    let winning = Statement::Winning(post_statement(&WINNING, std::slice::from_ref(honest)));
    // The same prover as before the damage, so that it knows the sector.
    let mut all = files(&honest.dir.cache());
    all.push(honest.dir.sealed());
    for file in &all {
        let relative = file.strip_prefix(honest.dir.root()).unwrap();
        for damage in ALL {
            let sector = copy(honest);
            let replica = sector.sealed.replica(&sector.dir);
            prover
                .prove_window(&WINDOW, std::slice::from_ref(&replica))
                .unwrap();
            damage.happens_to(&sector.dir.root().join(relative));
            let what = format!("{} {damage:?}", relative.display());
            let proofs = [
                faulty_or_valid(
                    prover.prove_window(&WINDOW, std::slice::from_ref(&replica)),
                    &window,
                    &what,
                ),
                faulty_or_valid(prover.prove_winning(&WINNING, &replica), &winning, &what),
            ];
            let needed = ["sealed", "p_aux"].contains(&name(file).as_str());
            assert_eq!(
                proofs,
                [needed; 2].map(|n| if n { Err(()) } else { Ok(()) }),
                "{what}"
            );
        }
    }
}

#[test]
fn a_damaged_sector_is_named_among_sound_ones() {
    let sectors: Vec<_> = three().iter().map(copy).collect();
    fs::remove_file(sectors[0].dir.sealed()).unwrap();
    Damage::BitFlipped.happens_to(&sectors[2].dir.sealed());
    let replicas: Vec<_> = sectors
        .iter()
        .map(|sector| sector.sealed.replica(&sector.dir))
        .collect();
    let Err(ProveError::Faulty(faulty)) = VanillaProver::new().prove_window(&WINDOW, &replicas)
    else {
        panic!("two replicas are damaged")
    };
    let numbers: Vec<_> = faulty.iter().map(|sector| sector.number).collect();
    assert_eq!(numbers, [1, 3]);
    assert!(faulty.iter().all(|sector| !sector.reason.is_empty()));
}

#[test]
fn one_replica_does_not_stand_for_another() {
    let [first, second, _] = three();
    let mut swapped = first.sealed.replica(&first.dir);
    swapped.sealed = second.dir.sealed();
    let prover = VanillaProver::new();
    assert!(prover.prove_winning(&WINNING, &swapped).is_err());
    swapped.cache = second.dir.cache();
    assert!(prover.prove_winning(&WINNING, &swapped).is_err());
    let wrong = prover.prove_seal(&second.dir, &first.sealed, &SEED);
    assert!(matches!(wrong, Err(ProveError::Faulty(_))));
}

#[test]
fn a_damaged_update_is_not_proven() {
    let (sector, updated) = updated();
    let statement = Statement::Update(updated.statement());
    let prover = VanillaProver::new();
    let mut all = files(&sector.dir.cache());
    all.extend(files(&sector.dir.update_cache()));
    all.extend([sector.dir.sealed(), sector.dir.update()]);
    let mut refused = 0;
    for file in &all {
        let relative = file.strip_prefix(sector.dir.root()).unwrap();
        for damage in [Damage::Deleted, Damage::Zeroed, Damage::BitFlipped] {
            let sector = copy(sector);
            damage.happens_to(&sector.dir.root().join(relative));
            let proof = prover.prove_update(&sector.dir, &sector.sealed, updated);
            let what = format!("{} {damage:?}", relative.display());
            refused += usize::from(faulty_or_valid(proof, &statement, &what).is_err());
        }
    }
    assert!(refused >= all.len(), "{refused} of {}", all.len() * 3);
}

#[test]
fn damaged_data_does_not_come_back_as_if_it_were_sound() {
    let (sector, updated) = updated();
    let check = |spoil: &dyn Fn(&Sector), what: &str| {
        let sector = copy(sector);
        spoil(&sector);
        for file in [sector.dir.unsealed(), sector.dir.update_unsealed()] {
            fs::remove_file(file).unwrap();
        }
        let results = [
            crate::seal::unseal(&sector.dir, &sector.sealed).is_ok(),
            crate::seal::decode_update(&sector.dir, updated).is_ok(),
        ];
        assert_eq!(sector.dir.unsealed().exists(), results[0], "{what}");
        assert_eq!(sector.dir.update_unsealed().exists(), results[1], "{what}");
        results
    };
    let flip = |file: PathBuf| Damage::BitFlipped.happens_to(&file);
    assert_eq!(check(&|_| (), "nothing"), [true, true]);
    assert_eq!(check(&|s| flip(s.dir.sealed()), "old replica"), [false; 2]);
    assert_eq!(check(&|s| flip(s.dir.update()), "update"), [true, false]);
    let cut = |s: &Sector| Damage::CutInHalf.happens_to(&s.dir.sealed());
    assert_eq!(check(&cut, "cut"), [false; 2]);
    // Public data of another sector gives garbage, which is noticed.
    let mut other = copy(sector);
    other.sealed.spec.number += 1;
    assert!(crate::seal::unseal(&other.dir, &other.sealed).is_err());
    let other = UpdatedSector {
        comm_d: sector.sealed.comm_d,
        ..updated.clone()
    };
    assert!(crate::seal::decode_update(&copy(sector).dir, &other).is_err());
}

#[test]
fn sealing_refuses_data_that_is_not_the_pieces() {
    let sector = copy(first());
    Damage::BitFlipped.happens_to(&sector.dir.unsealed());
    assert!(
        crate::seal::replicate(&sector.dir, &sector.sealed.spec, &sector.sealed.pieces).is_err()
    );
    fs::remove_file(sector.dir.unsealed()).unwrap();
    assert!(
        crate::seal::replicate(&sector.dir, &sector.sealed.spec, &sector.sealed.pieces).is_err()
    );
    // What was sealed before is still there.
    assert!(prove_seal(&sector).verdict().is_valid());
    let size = fvm_shared::sector::SectorSize::_2KiB;
    let mut piece = pieces(size, &[1; 2032]).pop().unwrap();
    piece.expected = Some(sector.sealed.unsealed_cid());
    assert!(crate::seal::stage(&sector.dir.unsealed(), size, vec![piece]).is_err());
}
