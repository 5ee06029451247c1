//! What storage costs a miner: announcing and proving 1, 32 and 256 sectors, and the
//! Window PoSt of a full partition, on both machines. No proof is looked at, but its
//! check is paid for with gas.
//!
//! `cargo bench -p boatyard-testkit --bench miner`.
//! `BOATYARD_REFERENCE_BUNDLE=FILE` adds the gas of the same messages with the actors
//! of another bundle, as a ratio.

mod world;

use boatyard_bundle::Bundle;
use boatyard_vm::engine::{Engine, MachineKind};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use world::{Call, World};

/// Sectors of 32 GiB in a partition.
const PARTITION: u64 = 2_349;
/// As many are announced in one message.
const BATCH: u64 = 256;

/// Every message that is measured, on a state in which it can be sent.
fn messages(engine: &Engine, kind: MachineKind) -> Vec<(String, World, Call)> {
    let world = World::new(engine.clone(), kind);
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
    let (open, deadline) = full.window();
    let call = open.post_call(deadline);
    messages.push((format!("Window PoSt of {PARTITION} sectors"), open, call));
    messages
}

fn speed(criterion: &mut Criterion) {
    for (name, kind) in [("fvm", MachineKind::Fvm), ("native", MachineKind::Native)] {
        let engine = world::engine(world::embedded());
        let mut group = criterion.benchmark_group(name);
        group.sample_size(10);
        for (message, world, call) in messages(&engine, kind) {
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
    let of = |bundle: &Bundle| -> Vec<(String, u64)> {
        let engine = world::engine(bundle);
        messages(&engine, MachineKind::Fvm)
            .into_iter()
            .map(|(name, world, call)| {
                let gas = world.apply(world.machine().as_mut(), &call);
                (name, gas)
            })
            .collect()
    };
    let ours = of(world::embedded());
    let reference = std::env::var_os("BOATYARD_REFERENCE_BUNDLE").map(|path| {
        let car = std::fs::read(path).expect("BOATYARD_REFERENCE_BUNDLE names a file");
        of(&Bundle::from_car(&car).expect("BOATYARD_REFERENCE_BUNDLE names a bundle"))
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
}

criterion_group!(miner, gas, speed);
criterion_main!(miner);
