//! How long sealing, proving and checking take, for sectors of 2 KiB and 8 MiB.

use std::hint::black_box;
use std::time::Duration;

use boatyard_proofs::groth16::setup;
use boatyard_proofs::seal::{self, PieceSource};
use boatyard_proofs::statement::{AggregateStatement, PostKind, PostStatement};
use boatyard_proofs::{
    PostChallenge, Proof, Replica, Scheme, SealedSector, SectorDir, SectorSpec, Statement,
    UpdatedSector, Verdict, piece, settings,
};
use criterion::{Criterion, criterion_group, criterion_main};
use fvm_ipld_blockstore::{Blockstore, MemoryBlockstore};
use fvm_shared::piece::UnpaddedPieceSize;
use fvm_shared::sector::{RegisteredAggregateProof, RegisteredPoStProof, RegisteredSealProof};
use tempfile::TempDir;

const SEED: [u8; 32] = [6; 32];
const SMALL: RegisteredSealProof = RegisteredSealProof::StackedDRG2KiBV1P1;
const SMALL_ALONE: RegisteredSealProof = RegisteredSealProof::StackedDRG2KiBV1P2_Feat_NiPoRep;
const LARGE: RegisteredSealProof = RegisteredSealProof::StackedDRG8MiBV1P1;

struct Sector {
    dir: SectorDir,
    sealed: SealedSector,
}

impl Sector {
    fn new(root: &TempDir, proof: RegisteredSealProof, number: u64, data: &[u8]) -> Self {
        let dir = SectorDir::new(root.path().join(format!("{proof:?}-{number}")));
        let size = proof.sector_size().unwrap();
        let pieces = seal::stage(&dir.unsealed(), size, pieces(proof, data)).unwrap();
        let spec = SectorSpec {
            proof,
            miner: 1000,
            number,
            ticket: [5; 32],
        };
        let sealed = seal::replicate(&dir, &spec, &pieces).unwrap();
        Self { dir, sealed }
    }

    fn replica(&self) -> Replica {
        self.sealed.replica(&self.dir)
    }

    fn update(&self, data: &[u8]) -> UpdatedSector {
        let proof = self.sealed.spec.proof;
        let size = proof.sector_size().unwrap();
        let target = self.dir.update_unsealed();
        let pieces = seal::stage(&target, size, pieces(proof, data)).unwrap();
        seal::update(&self.dir, &self.sealed, &pieces).unwrap()
    }
}

fn pieces(proof: RegisteredSealProof, data: &[u8]) -> Vec<PieceSource<'_>> {
    if data.is_empty() {
        return Vec::new();
    }
    let size = UnpaddedPieceSize(proof.sector_size().unwrap() as u64 / 128 * 127);
    let data = Box::new(data);
    vec![PieceSource {
        data,
        size,
        expected: None,
    }]
}

fn data(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|i| (i * 7 % 251) as u8).collect()
}

fn post(kind: PostKind, challenge: &PostChallenge, replicas: &[Replica]) -> Statement {
    let infos: Vec<_> = replicas.iter().map(Replica::info).collect();
    let statement = PostStatement::new(
        kind,
        challenge.proof,
        &challenge.randomness,
        challenge.prover,
        &infos,
    )
    .unwrap();
    match kind {
        PostKind::Window => Statement::Window(statement),
        PostKind::Winning => Statement::Winning(statement),
    }
}

/// A check as at the first application: the verifier remembers nothing yet.
fn bench_check(c: &mut Criterion, scheme: Scheme, name: &str, statement: Statement, proof: &Proof) {
    let store = MemoryBlockstore::default();
    for block in &proof.blocks {
        store.put_keyed(&block.cid, &block.data).unwrap();
    }
    let bytes: usize = proof.blocks.iter().map(|block| block.data.len()).sum();
    println!(
        "{name}: {} bytes in the message, {bytes} in blocks",
        proof.bytes.len()
    );
    c.bench_function(&format!("{name}, check"), |bench| {
        bench.iter_batched(
            || scheme.verifier().unwrap(),
            |verifier| {
                let verdict = verifier.verify(&statement, &proof.bytes, &store);
                assert_eq!(black_box(verdict), Verdict::Valid);
            },
            criterion::BatchSize::SmallInput,
        );
    });
}

fn challenge(proof: RegisteredPoStProof) -> PostChallenge {
    PostChallenge {
        proof,
        randomness: [9; 32],
        prover: 1000,
    }
}

fn bench_posts(
    c: &mut Criterion,
    size: &str,
    replicas: &[Replica],
    types: [RegisteredPoStProof; 2],
) {
    let prover = Scheme::Vanilla.prover().unwrap();
    let (window, winning) = (challenge(types[0]), challenge(types[1]));
    let name = format!("{size} window, {} sectors", replicas.len());
    c.bench_function(&format!("{name}, prove"), |bench| {
        bench.iter(|| prover.prove_window(&window, replicas).unwrap());
    });
    let proof = prover.prove_window(&window, replicas).unwrap();
    let statement = post(PostKind::Window, &window, replicas);
    bench_check(c, Scheme::Vanilla, &name, statement, &proof);

    let name = format!("{size} winning");
    c.bench_function(&format!("{name}, prove"), |bench| {
        bench.iter(|| prover.prove_winning(&winning, &replicas[0]).unwrap());
    });
    let proof = prover.prove_winning(&winning, &replicas[0]).unwrap();
    let statement = post(PostKind::Winning, &winning, &replicas[..1]);
    bench_check(c, Scheme::Vanilla, &name, statement, &proof);
}

fn bench_seal(c: &mut Criterion, name: &str, sector: &Sector) {
    let prover = Scheme::Vanilla.prover().unwrap();
    let spec = &sector.sealed.spec;
    c.bench_function(&format!("{name} seal, replicate"), |bench| {
        bench.iter(|| seal::replicate(&sector.dir, spec, &sector.sealed.pieces).unwrap());
    });
    c.bench_function(&format!("{name} seal, prove"), |bench| {
        bench.iter(|| {
            prover
                .prove_seal(&sector.dir, &sector.sealed, &SEED)
                .unwrap()
        });
    });
    let proof = prover
        .prove_seal(&sector.dir, &sector.sealed, &SEED)
        .unwrap();
    let statement = Statement::Seal(sector.sealed.statement(&SEED));
    bench_check(
        c,
        Scheme::Vanilla,
        &format!("{name} seal"),
        statement,
        &proof,
    );
}

fn bench_update(c: &mut Criterion, name: &str, sector: &Sector, data: &[u8]) {
    let prover = Scheme::Vanilla.prover().unwrap();
    c.bench_function(&format!("{name} update, encode"), |bench| {
        bench.iter(|| sector.update(data));
    });
    let update = sector.update(data);
    let prove = || {
        prover
            .prove_update(&sector.dir, &sector.sealed, &update)
            .unwrap()
    };
    c.bench_function(&format!("{name} update, prove"), |bench| bench.iter(prove));
    let statement = Statement::Update(update.statement());
    bench_check(
        c,
        Scheme::Vanilla,
        &format!("{name} update"),
        statement,
        &prove(),
    );
}

fn small(c: &mut Criterion) {
    let root = start();
    let prover = Scheme::Vanilla.prover().unwrap();
    let sectors: Vec<_> = (0..50)
        .map(|number| Sector::new(&root, SMALL, number, &data(2032)))
        .collect();
    bench_seal(c, "2 KiB", &sectors[0]);
    let replicas: Vec<_> = sectors.iter().map(Sector::replica).collect();
    let types = [
        RegisteredPoStProof::StackedDRGWindow2KiBV1P1,
        RegisteredPoStProof::StackedDRGWinning2KiBV1,
    ];
    bench_posts(c, "2 KiB", &replicas[..2], types);
    bench_posts(c, "2 KiB", &replicas, types);

    let proofs: Vec<_> = sectors
        .iter()
        .map(|sector| {
            prover
                .prove_seal(&sector.dir, &sector.sealed, &SEED)
                .unwrap()
        })
        .collect();
    let statement = AggregateStatement {
        aggregate: RegisteredAggregateProof::SnarkPackV2,
        seals: sectors
            .iter()
            .map(|sector| sector.sealed.statement(&SEED))
            .collect(),
    };
    let proof = prover.aggregate_seals(&statement, &proofs).unwrap();
    let statement = Statement::Aggregate(statement);
    bench_check(
        c,
        Scheme::Vanilla,
        "2 KiB aggregate of 50",
        statement,
        &proof,
    );

    let empty = Sector::new(&root, SMALL, 100, &[]);
    bench_update(c, "2 KiB", &empty, &data(2032));
    let alone = Sector::new(&root, SMALL_ALONE, 101, &[]);
    bench_seal(c, "2 KiB non-interactive", &alone);
    c.bench_function("2 KiB unseal", |bench| {
        bench.iter(|| seal::unseal(&sectors[0].dir, &sectors[0].sealed).unwrap());
    });
}

fn large(c: &mut Criterion) {
    let root = start();
    let bytes = data(8 << 20);
    c.bench_function("8 MiB piece commitment", |bench| {
        bench.iter(|| piece::of_bytes(&bytes[..8_323_072]));
    });
    let sector = Sector::new(&root, LARGE, 1, &[]);
    bench_seal(c, "8 MiB", &sector);
    let types = [
        RegisteredPoStProof::StackedDRGWindow8MiBV1P1,
        RegisteredPoStProof::StackedDRGWinning8MiBV1,
    ];
    bench_posts(c, "8 MiB", &[sector.replica()], types);
    bench_update(c, "8 MiB", &sector, &bytes[..8_323_072]);
}

/// Compressed proofs, where their parameters are there.
fn compressed(c: &mut Criterion) {
    let root = start();
    if !setup::missing().is_empty() {
        println!("no Groth16 parameters; `boatyard proofs setup` with BOATYARD_CACHE makes them");
        return;
    }
    let prover = Scheme::Groth16.prover().unwrap();
    let sectors: Vec<_> = (0..4)
        .map(|number| Sector::new(&root, SMALL, number, &data(2032)))
        .collect();
    let replicas: Vec<_> = sectors[..2].iter().map(Sector::replica).collect();
    let window = challenge(RegisteredPoStProof::StackedDRGWindow2KiBV1P1);
    let winning = challenge(RegisteredPoStProof::StackedDRGWinning2KiBV1);
    let took = |name: &str, prove: &dyn Fn() -> Proof| {
        let started = std::time::Instant::now();
        let proof = prove();
        println!(
            "2 KiB {name}, Groth16, prove: {:.1} s",
            started.elapsed().as_secs_f64()
        );
        proof
    };
    let proof = took("window", &|| {
        prover.prove_window(&window, &replicas).unwrap()
    });
    let statement = post(PostKind::Window, &window, &replicas);
    bench_check(
        c,
        Scheme::Groth16,
        "2 KiB window, Groth16",
        statement,
        &proof,
    );
    let proof = took("winning", &|| {
        prover.prove_winning(&winning, &replicas[0]).unwrap()
    });
    let statement = post(PostKind::Winning, &winning, &replicas[..1]);
    bench_check(
        c,
        Scheme::Groth16,
        "2 KiB winning, Groth16",
        statement,
        &proof,
    );
    let proofs: Vec<_> = sectors
        .iter()
        .map(|sector| {
            took("seal", &|| {
                prover
                    .prove_seal(&sector.dir, &sector.sealed, &SEED)
                    .unwrap()
            })
        })
        .collect();
    let statement = Statement::Seal(sectors[0].sealed.statement(&SEED));
    bench_check(
        c,
        Scheme::Groth16,
        "2 KiB seal, Groth16",
        statement,
        &proofs[0],
    );
    let statement = AggregateStatement {
        aggregate: RegisteredAggregateProof::SnarkPackV2,
        seals: sectors
            .iter()
            .map(|sector| sector.sealed.statement(&SEED))
            .collect(),
    };
    let proof = took("aggregate of 4", &|| {
        prover.aggregate_seals(&statement, &proofs).unwrap()
    });
    let statement = Statement::Aggregate(statement);
    bench_check(
        c,
        Scheme::Groth16,
        "2 KiB aggregate of 4, Groth16",
        statement,
        &proof,
    );
    let empty = Sector::new(&root, SMALL, 100, &[]);
    let update = empty.update(&data(2032));
    let proof = took("update", &|| {
        prover
            .prove_update(&empty.dir, &empty.sealed, &update)
            .unwrap()
    });
    let statement = Statement::Update(update.statement());
    bench_check(
        c,
        Scheme::Groth16,
        "2 KiB update, Groth16",
        statement,
        &proof,
    );
}

fn start() -> TempDir {
    let cache = std::env::var_os("BOATYARD_CACHE").map_or_else(
        || std::env::temp_dir().join("boatyard-proofs-tests"),
        |cache| std::path::PathBuf::from(cache).join("proofs"),
    );
    settings::use_directory(&cache).unwrap();
    tempfile::tempdir().unwrap()
}

fn configured() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
}

criterion_group! {
    name = benches;
    config = configured();
    targets = small, large, compressed
}
criterion_main!(benches);
