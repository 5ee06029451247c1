//! Sectors for tests, sealed once per process.

use std::path::Path;
use std::sync::OnceLock;

use fvm_ipld_blockstore::{Blockstore, MemoryBlockstore};
use fvm_shared::piece::UnpaddedPieceSize;
use fvm_shared::sector::{RegisteredPoStProof, RegisteredSealProof, SectorSize};

use crate::prover::{PostChallenge, Proof, Prover};
use crate::seal::{self, PieceSource};
use crate::sector::{SealedSector, SectorDir, SectorSpec, UpdatedSector};
use crate::settings;
use crate::stand_in::StandIn;
use crate::statement::{PostKind, PostStatement, Statement};
use crate::vanilla::{VanillaProver, VanillaVerifier};
use crate::verifier::{Verdict, Verifier};

pub(crate) const MINER: u64 = 1000;
pub(crate) const TICKET: [u8; 32] = [5; 32];
pub(crate) const SEED: [u8; 32] = [6; 32];
pub(crate) const RANDOMNESS: [u8; 32] = [9; 32];
pub(crate) const INTERACTIVE: RegisteredSealProof = RegisteredSealProof::StackedDRG2KiBV1P1;
pub(crate) const NON_INTERACTIVE: RegisteredSealProof =
    RegisteredSealProof::StackedDRG2KiBV1P2_Feat_NiPoRep;
pub(crate) const SYNTHETIC: RegisteredSealProof =
    RegisteredSealProof::StackedDRG2KiBV1P1_Feat_SyntheticPoRep;

pub(crate) const WINDOW: PostChallenge = PostChallenge {
    proof: RegisteredPoStProof::StackedDRGWindow2KiBV1P1,
    randomness: RANDOMNESS,
    prover: MINER,
};
pub(crate) const WINNING: PostChallenge = PostChallenge {
    proof: RegisteredPoStProof::StackedDRGWinning2KiBV1,
    ..WINDOW
};

/// The data of spec 11 §A.
pub(crate) fn data() -> Vec<u8> {
    (0..2032u32).map(|i| (7 * i % 251) as u8).collect()
}

/// A sealed sector in a directory that lasts as long as the process.
#[derive(Clone)]
pub(crate) struct Sector {
    pub(crate) dir: SectorDir,
    pub(crate) sealed: SealedSector,
}

/// Where this process keeps its sectors; deleted by the system's cleaning, as test
/// processes have no common end.
fn root() -> &'static Path {
    static ROOT: OnceLock<tempfile::TempDir> = OnceLock::new();
    ROOT.get_or_init(|| {
        settings::use_directory(&std::env::temp_dir().join("boatyard-proofs-tests")).unwrap();
        tempfile::tempdir().unwrap()
    })
    .path()
}

/// A directory of its own.
pub(crate) fn directory() -> SectorDir {
    SectorDir::new(tempfile::tempdir_in(root()).unwrap().keep())
}

/// Seals one piece, or zeros when there is no data.
pub(crate) fn sector(proof: RegisteredSealProof, miner: u64, number: u64, data: &[u8]) -> Sector {
    let dir = directory();
    let size = proof.sector_size().unwrap();
    let pieces = pieces(size, data);
    let pieces = seal::stage(&dir.unsealed(), size, pieces).unwrap();
    let spec = SectorSpec {
        proof,
        miner,
        number,
        ticket: TICKET,
    };
    let sealed = seal::replicate(&dir, &spec, &pieces).unwrap();
    Sector { dir, sealed }
}

pub(crate) fn pieces(size: SectorSize, data: &[u8]) -> Vec<PieceSource<'_>> {
    if data.is_empty() {
        return Vec::new();
    }
    vec![PieceSource {
        data: Box::new(data),
        size: UnpaddedPieceSize(size as u64 / 128 * 127),
        expected: None,
    }]
}

/// Sector 1 of the sheet: interactive, with data.
pub(crate) fn first() -> &'static Sector {
    static SECTOR: OnceLock<Sector> = OnceLock::new();
    SECTOR.get_or_init(|| sector(INTERACTIVE, MINER, 1, &data()))
}

/// Sectors 1 to 3 of one miner, with different data.
pub(crate) fn three() -> &'static [Sector; 3] {
    static SECTORS: OnceLock<[Sector; 3]> = OnceLock::new();
    SECTORS.get_or_init(|| {
        [
            first().clone(),
            sector(INTERACTIVE, MINER, 2, &[]),
            sector(INTERACTIVE, MINER, 3, &[3; 2032]),
        ]
    })
}

/// Sector 2 of the sheet, zeros, and its update with the data.
pub(crate) fn updated() -> &'static (Sector, UpdatedSector) {
    static SECTOR: OnceLock<(Sector, UpdatedSector)> = OnceLock::new();
    SECTOR.get_or_init(|| {
        let sector = sector(INTERACTIVE, MINER, 2, &[]);
        let update = update(&sector, &data());
        (sector, update)
    })
}

pub(crate) fn update(sector: &Sector, data: &[u8]) -> UpdatedSector {
    let size = sector.sealed.spec.proof.sector_size().unwrap();
    let staged = seal::stage(&sector.dir.update_unsealed(), size, pieces(size, data)).unwrap();
    seal::update(&sector.dir, &sector.sealed, &staged).unwrap()
}

/// A statement with a proof of it.
#[derive(Clone)]
pub(crate) struct Proven {
    pub(crate) statement: Statement,
    pub(crate) proof: Proof,
}

impl Proven {
    /// The encoded vanilla proof.
    pub(crate) fn encoded(&self) -> &[u8] {
        &self.proof.blocks[0].data
    }

    /// What a fresh verifier says with just the proof's blocks.
    pub(crate) fn verdict(&self) -> Verdict {
        verdict(&self.statement, &self.proof)
    }

    /// What it says of the same proof for another statement, from inside: the
    /// stand-in is made to fit, so that the vanilla proof itself has to fail.
    pub(crate) fn verdict_for(&self, statement: Statement) -> Verdict {
        let mut proof = self.proof.clone();
        let stand_in = StandIn::parse(&proof.bytes).unwrap();
        proof.bytes = StandIn {
            statement: statement.digest(),
            kind: crate::stand_in::kind(&statement),
            ..stand_in
        }
        .to_bytes(crate::stand_in::field_length(&statement).unwrap());
        verdict(&statement, &proof)
    }
}

pub(crate) fn verdict(statement: &Statement, proof: &Proof) -> Verdict {
    VanillaVerifier::new().verify(statement, &proof.bytes, &store(proof))
}

pub(crate) fn store(proof: &Proof) -> MemoryBlockstore {
    let store = MemoryBlockstore::default();
    for block in &proof.blocks {
        store.put_keyed(&block.cid, &block.data).unwrap();
    }
    store
}

pub(crate) fn prove_seal(sector: &Sector) -> Proven {
    let proof = VanillaProver::new().prove_seal(&sector.dir, &sector.sealed, &SEED);
    Proven {
        statement: Statement::Seal(sector.sealed.statement(&SEED)),
        proof: proof.unwrap(),
    }
}

pub(crate) fn prove_window(sectors: &[Sector]) -> Proven {
    let replicas: Vec<_> = sectors
        .iter()
        .map(|sector| sector.sealed.replica(&sector.dir))
        .collect();
    let proof = VanillaProver::new().prove_window(&WINDOW, &replicas);
    Proven {
        statement: Statement::Window(post_statement(&WINDOW, sectors)),
        proof: proof.unwrap(),
    }
}

pub(crate) fn prove_winning(sector: &Sector) -> Proven {
    let replica = sector.sealed.replica(&sector.dir);
    let proof = VanillaProver::new().prove_winning(&WINNING, &replica);
    Proven {
        statement: Statement::Winning(post_statement(&WINNING, std::slice::from_ref(sector))),
        proof: proof.unwrap(),
    }
}

pub(crate) fn post_statement(challenge: &PostChallenge, sectors: &[Sector]) -> PostStatement {
    let infos: Vec<_> = sectors
        .iter()
        .map(|sector| sector.sealed.replica(&sector.dir).info())
        .collect();
    PostStatement::new(
        PostKind::of(challenge.proof).unwrap(),
        challenge.proof,
        &challenge.randomness,
        challenge.prover,
        &infos,
    )
    .unwrap()
}

pub(crate) fn prove_update() -> Proven {
    let (sector, update) = updated();
    let proof = VanillaProver::new().prove_update(&sector.dir, &sector.sealed, update);
    Proven {
        statement: Statement::Update(update.statement()),
        proof: proof.unwrap(),
    }
}
