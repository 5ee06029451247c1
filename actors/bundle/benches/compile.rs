//! How long the FVM takes to compile each actor, which is what a node's start
//! waits for; sizes are printed first.

use boatyard_bundle::Bundle;
use boatyard_sdk::NetworkVariant;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use fvm::engine::EnginePool;
use fvm::machine::NetworkConfig;
use fvm_ipld_blockstore::MemoryBlockstore;
use fvm_shared::version::NetworkVersion;

fn compile(criterion: &mut Criterion) {
    let bundle = Bundle::embedded(NetworkVariant::Devnet);
    let store = MemoryBlockstore::default();
    bundle.install(&store).expect("memory takes every block");
    let registry = bundle.registry().map(|code| ("registry".to_owned(), code));
    let actors: Vec<_> = bundle.actors().iter().cloned().chain(registry).collect();
    let size = |code| bundle.wasm(code).map_or(0, <[u8]>::len);
    for (name, code) in &actors {
        println!("{name}: {} bytes", size(code));
    }
    println!(
        "all: {} bytes",
        actors.iter().map(|(_, code)| size(code)).sum::<usize>()
    );

    let mut group = criterion.benchmark_group("compile");
    group.sample_size(10);
    let mut measure = |name: &str, codes: Vec<&cid::Cid>| {
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || {
                    let config = NetworkConfig::new(NetworkVersion::V28);
                    EnginePool::new((&config).into()).expect("the configuration is the FVM's own")
                },
                |engine| {
                    let engine = engine.acquire();
                    for code in &codes {
                        engine
                            .preload(code, &store)
                            .expect("a test compiles every module");
                    }
                },
                BatchSize::PerIteration,
            );
        });
    };
    for (name, code) in &actors {
        if !bundle.missing().contains(name) {
            measure(name, vec![code]);
        }
    }
    measure("all", actors.iter().map(|(_, code)| code).collect());
}

criterion_group!(benches, compile);
criterion_main!(benches);
