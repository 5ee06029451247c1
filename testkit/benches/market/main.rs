//! What deals cost: publishing 1, 10 and 100 of them in one message, and the tick of an
//! epoch in which none of 0, 1 000 and 100 000 live deals is due, on both machines.
//!
//! `cargo bench -p boatyard-testkit --bench market`.
//! `BOATYARD_REFERENCE_BUNDLE=FILE` adds the gas of the same messages with the actors
//! of another bundle, as a ratio.

mod world;

use boatyard_bundle::Bundle;
use boatyard_vm::engine::{Engine, MachineKind};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use world::{Call, World};

/// Every message that is measured, on a state in which it can be sent. The states are
/// made natively, whichever machine they are for.
fn messages(engine: &Engine) -> Vec<(String, World, Call)> {
    let empty = World::new(engine.clone());
    // The first deals write entries that later ones only change.
    let begun = empty.clone().with_deals(100);
    let mut messages = Vec::new();
    for count in [1, 10, 100] {
        let call = begun.publish(count);
        messages.push((format!("publish {count}"), begun.clone(), call));
    }
    for live in [0, 1_000, 100_000] {
        let world = empty.clone().with_deals(live).next_epoch();
        messages.push((format!("tick, {live} deals"), world, World::tick()));
    }
    messages
}

fn speed(criterion: &mut Criterion) {
    let messages = messages(&world::engine(world::embedded()));
    for (name, kind) in [("fvm", MachineKind::Fvm), ("native", MachineKind::Native)] {
        let mut group = criterion.benchmark_group(name);
        for (message, world, call) in &messages {
            group.bench_function(message, |bencher| {
                bencher.iter_batched_ref(
                    || world.machine(kind),
                    |machine| World::apply(machine.as_mut(), call),
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
        messages(&world::engine(bundle))
            .into_iter()
            .map(|(name, world, call)| {
                let mut machine = world.machine(MachineKind::Fvm);
                (name, World::apply(machine.as_mut(), &call))
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

criterion_group!(market, gas, speed);
criterion_main!(market);
