//! What storage costs a miner: announcing and proving 1, 32 and 256 sectors, the
//! Window PoSt of a full partition, and the end of a deadline with 1, 10 and 1 000
//! partitions that were not proven. On both machines; no proof is looked at, but its
//! check is paid for with gas.
//!
//! `cargo bench -p boatyard-testkit --bench miner`.
//! `BOATYARD_REFERENCE_BUNDLE=FILE` adds the gas of the same messages with the actors
//! of another bundle, as a ratio; one of mainnet's policy, which the end of deadlines,
//! with its small partitions of a devnet, is left out for.

mod world;

use boatyard_actors_shared::Policy;
use boatyard_bundle::Bundle;
use boatyard_sdk::NetworkVariant;
use boatyard_vm::engine::{Engine, MachineKind};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use fvm_shared::sector::RegisteredPoStProof;
use world::{Call, World, engine};

/// Sectors of 32 GiB in a partition.
const PARTITION: u64 = 2_349;
/// As many are announced in one message.
const BATCH: u64 = 256;
/// A deadline that takes sectors when the miner is new.
const DEADLINE: u64 = 5;

/// A message and a state in which it can be sent.
type Case = (String, World, Call);

/// Messages of a miner of 32 GiB sectors.
fn messages(engine: &Engine, kind: MachineKind) -> Vec<Case> {
    let proof = RegisteredPoStProof::StackedDRGWindow32GiBV1P1;
    let world = World::new(engine.clone(), kind, proof);
    // The first message of a miner starts its cron, which the others do not pay for.
    let begun = world.committed(0..1);
    let mut messages = Vec::new();
    for count in [1, 32, 256] {
        let numbers = 1..1 + count;
        let call = begun.pre_commit_call(numbers.clone());
        messages.push((format!("pre-commit {count}"), begun.clone(), call));
        let announced = begun.clone().announced(numbers.clone());
        let call = World::prove_commit_call(numbers);
        messages.push((format!("prove-commit {count}"), announced, call));
    }
    let mut full = begun;
    for first in (1..PARTITION).step_by(BATCH as usize) {
        full = full.committed(first..(first + BATCH).min(PARTITION));
    }
    let (open, deadline) = full.window(Policy::of(NetworkVariant::Mainnet));
    let call = open.post_call(deadline);
    messages.push((format!("Window PoSt of {PARTITION} sectors"), open, call));
    messages
}

/// Ends of deadlines of a miner of 2 KiB sectors.
fn ends(kind: MachineKind) -> Vec<Case> {
    let engine = engine(
        Bundle::embedded(NetworkVariant::Devnet),
        NetworkVariant::Devnet,
    );
    let proof = RegisteredPoStProof::StackedDRGWindow2KiBV1P1;
    let world = World::new(engine, kind, proof);
    let policy = Policy::of(NetworkVariant::Devnet);
    [1, 10, 1_000]
        .into_iter()
        .map(|count| {
            let end = world.clone().with_partitions(DEADLINE, count);
            let name = format!("end of a deadline of {count} partitions");
            (name, end.window_end(policy), World::cron_call())
        })
        .collect()
}

fn mainnet() -> Engine {
    engine(
        Bundle::embedded(NetworkVariant::Mainnet),
        NetworkVariant::Mainnet,
    )
}

fn speed(criterion: &mut Criterion) {
    for (name, kind) in [("fvm", MachineKind::Fvm), ("native", MachineKind::Native)] {
        let mut group = criterion.benchmark_group(name);
        group.sample_size(10);
        let cases = messages(&mainnet(), kind).into_iter().chain(ends(kind));
        for (message, world, call) in cases {
            group.bench_function(message, |bencher| {
                bencher.iter_batched_ref(
                    || world.machine(),
                    |machine| world.apply(machine.as_mut(), &call),
                    BatchSize::PerIteration,
                );
            });
        }
        group.finish();
    }
}

/// Not a time: prints gas, and the ratio to another bundle.
fn gas(_: &mut Criterion) {
    let of = |cases: Vec<Case>| -> Vec<(String, u64)> {
        cases
            .into_iter()
            .map(|(name, world, call)| {
                let gas = world.apply(world.machine().as_mut(), &call);
                (name, gas)
            })
            .collect()
    };
    let ours = of(messages(&mainnet(), MachineKind::Fvm));
    let reference = std::env::var_os("BOATYARD_REFERENCE_BUNDLE").map(|path| {
        let car = std::fs::read(path).expect("BOATYARD_REFERENCE_BUNDLE names a file");
        let bundle = Bundle::from_car(&car).expect("BOATYARD_REFERENCE_BUNDLE names a bundle");
        of(messages(
            &engine(&bundle, NetworkVariant::Mainnet),
            MachineKind::Fvm,
        ))
    });
    for (i, (name, gas)) in ours.iter().enumerate() {
        match &reference {
            Some(reference) => {
                let theirs = reference[i].1;
                let ratio = *gas as f64 / theirs as f64;
                println!("gas/{name}: {gas}, reference {theirs} (ratio {ratio:.3})");
            }
            None => println!("gas/{name}: {gas}"),
        }
    }
    for (name, gas) in of(ends(MachineKind::Fvm)) {
        println!("gas/{name}: {gas}");
    }
}

criterion_group!(miner, gas, speed);
criterion_main!(miner);
