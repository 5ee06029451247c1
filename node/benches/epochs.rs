//! What time costs: quiet epochs in a jump, and empty tipsets.

use boatyard_node::{Node, NodeConfig};
use boatyard_vm::engine::MachineKind;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tokio::runtime::Runtime;

/// Epochs per jump.
const JUMP: i64 = 1_000;

fn epochs(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime starts");
    for (name, machine) in [("fvm", MachineKind::Fvm), ("native", MachineKind::Native)] {
        let config = NodeConfig {
            machine,
            ..NodeConfig::default()
        };
        let chain = Node::start_chain(&config).expect("the embedded actors start");
        // What must be compiled is compiled before anything is measured.
        runtime.block_on(chain.mine(1)).expect("it is mined");
        let mut group = criterion.benchmark_group(name);
        group.bench_function("empty tipset", |bench| {
            bench.iter(|| runtime.block_on(chain.mine(1)).expect("it is mined"));
        });
        group.throughput(Throughput::Elements(JUMP.unsigned_abs()));
        group.bench_function("quiet epochs", |bench| {
            bench.iter(|| {
                let target = chain.head().height() + JUMP;
                runtime
                    .block_on(chain.advance_to(target))
                    .expect("time passes")
            });
        });
        group.finish();
    }
}

criterion_group!(benches, epochs);
criterion_main!(benches);
