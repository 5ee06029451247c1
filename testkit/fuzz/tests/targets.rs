//! Every target, with bytes that follow from seeds and with those that a fuzzer
//! found to reach something new (`fuzz/corpus`).

use std::collections::BTreeSet;
use std::path::Path;

use boatyard_fuzz::{Played, TARGETS, target};
use boatyard_mock::hostile::{Choices, Seeded};

/// Bytes of an input that follow from its number.
fn bytes(seed: u64) -> Vec<u8> {
    let mut choices = Seeded(seed);
    let length = 64 + choices.below(1_024) as usize;
    (0..length).map(|_| choices.below(256) as u8).collect()
}

fn corpus(name: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(format!("actor_{name}"));
    let Ok(entries) = std::fs::read_dir(&folder) else {
        panic!("{} is not there", folder.display());
    };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read =
        |path: &std::path::PathBuf| (path.display().to_string(), std::fs::read(path).unwrap());
    files.iter().map(read).collect()
}

/// Plays all inputs. So many methods at least succeed, or else the target has become
/// one that looks at refusals only.
fn run(name: &str, seeds: u64, methods: usize) {
    let target = target(name).unwrap();
    let mut reached = BTreeSet::new();
    let mut sum = Played::default();
    let mut play = |what: &str, bytes: &[u8]| {
        let played = std::panic::catch_unwind(|| (target.play)(bytes))
            .unwrap_or_else(|_| panic!("{name}: {what} failed, as told above"));
        sum.calls += played.calls;
        sum.successes += played.successes;
        reached.extend(played.methods);
    };
    for seed in 0..seeds {
        play(&format!("seed {seed}"), &bytes(seed));
    }
    for (path, bytes) in corpus(name) {
        play(&path, &bytes);
    }
    println!(
        "{name}: {} of {} calls succeeded, by {} methods: {reached:?}",
        sum.successes,
        sum.calls,
        reached.len()
    );
    assert!(
        reached.len() >= methods,
        "only {} methods succeeded: {reached:?}",
        reached.len()
    );
    assert!(sum.successes > 0);
}

macro_rules! targets {
    ($($test:ident: $name:literal, $seeds:literal, $methods:literal;)+) => {
        $(
            #[test]
            fn $test() {
                run($name, $seeds, $methods);
            }
        )+

        #[test]
        fn every_built_in_actor_is_a_target() {
            let tested = [$($name),+];
            assert_eq!(TARGETS.map(|target| target.name), tested);
            let manifest = boatyard_sdk::Type::ALL.map(|kind| kind.name());
            assert_eq!(manifest, tested);
        }
    };
}

targets! {
    system_keeps_its_invariants: "system", 100, 1;
    init_keeps_its_invariants: "init", 300, 2;
    cron_keeps_its_invariants: "cron", 100, 1;
    accounts_keep_their_invariants: "account", 100, 3;
    power_keeps_its_invariants: "storagepower", 300, 8;
    miners_keep_their_invariants: "storageminer", 200, 20;
    the_market_keeps_its_invariants: "storagemarket", 300, 12;
    channels_keep_their_invariants: "paymentchannel", 300, 3;
    wallets_keep_their_invariants: "multisig", 300, 6;
    reward_keeps_its_invariants: "reward", 300, 3;
    the_registry_keeps_its_invariants: "verifiedregistry", 300, 8;
    datacap_keeps_its_invariants: "datacap", 300, 10;
    placeholders_keep_their_invariants: "placeholder", 100, 3;
    contracts_keep_their_invariants: "evm", 300, 5;
    the_address_manager_keeps_its_invariants: "eam", 200, 3;
    ethereum_accounts_keep_their_invariants: "ethaccount", 100, 2;
}
