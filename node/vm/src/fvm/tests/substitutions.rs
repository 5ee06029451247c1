//! The rules of the golden vectors, and what they replace.

use std::sync::Arc;

use cid::multihash::Multihash;
use fvm_ipld_encoding::to_vec;
use fvm_shared::address::Address;
use fvm_shared::error::ExitCode;
use fvm_shared::piece::{PaddedPieceSize, PieceInfo};
use fvm_shared::randomness::Randomness;
use fvm_shared::sector::{PoStProof, RegisteredPoStProof, WindowPoStVerifyInfo};
use multihash_codetable::{Code, MultihashDigest};

use super::world::*;
use crate::context::{Substitutions, VerifyError};
use crate::machine::{Applied, Mode, VmError};

/// A world in which actor one runs `body`, with some bytes at 1024.
fn world(data: &[u8], body: &str) -> World {
    World::new().with_actor(ONE, &actor_with(&[(1024, data)], body))
}

fn substituted(substitutions: Substitutions) -> impl FnOnce(&mut crate::context::Context) {
    move |context| context.substitutions = Some(Arc::new(substitutions))
}

fn returned(applied: &Applied) -> &[u8] {
    assert_eq!(
        applied.receipt.exit_code,
        ExitCode::OK,
        "{:?}",
        applied.error
    );
    applied.receipt.return_data.bytes()
}

const TICKET: &str = "(call $check (call $ticket (i32.const 512) (i64.const EPOCH)))
    (return (call $block (i32.const 512) (i32.const 32)))";
const BEACON: &str = "(call $check (call $beacon (i32.const 512) (i64.const EPOCH)))
    (return (call $block (i32.const 512) (i32.const 32)))";

#[test]
fn randomness_comes_from_the_chain_and_not_from_the_future() {
    for (body, epoch, expected) in [
        (TICKET, 45, Ok([45; 32])),
        (TICKET, 50, Ok([50; 32])),
        (TICKET, 39, Err(101)),
        (TICKET, i64::MIN, Err(101)),
        (BEACON, 45, Ok([145; 32])),
        // The FVM prices the distance before it looks at the sign.
        (TICKET, 51, Err(7)),
        (BEACON, 51, Err(7)),
    ] {
        let applied = world(b"", &body.replace("EPOCH", &epoch.to_string())).call();
        match expected {
            Ok(bytes) => assert_eq!(returned(&applied), bytes, "{epoch}"),
            Err(code) => assert_eq!(applied.receipt.exit_code, ExitCode::new(code), "{epoch}"),
        }
    }
}

#[test]
fn fixed_randomness_is_base_and_draw_alike() {
    let fixed = [9; 32];
    let rules = || Substitutions {
        randomness: Some(fixed),
        ..Default::default()
    };
    for (body, epoch) in [(TICKET, 45), (TICKET, 51), (TICKET, -7), (BEACON, 3)] {
        let body = body.replace("EPOCH", &epoch.to_string());
        let applied = world(b"", &body).with_context(substituted(rules())).call();
        assert_eq!(returned(&applied), fixed, "{epoch}");
    }
    // Asking for an epoch so old that the difference overflows stays an error.
    let body = TICKET.replace("EPOCH", &i64::MIN.to_string());
    let applied = world(b"", &body).with_context(substituted(rules())).call();
    assert_eq!(applied.receipt.exit_code, ExitCode::new(101));

    let draw = [&[0; 8][..], &fixed, &[1; 8], b"entropy"].concat();
    let other = [&[0; 8][..], &[8; 32], &[1; 8], b"entropy"].concat();
    let hash = |len: usize| {
        format!(
            "(call $check (call $hash (i32.const 508) (i64.const 0xb220) (i32.const 1024)
               (i32.const {len}) (i32.const 512) (i32.const 32)))
             (return (call $block (i32.const 512) (i32.const 32)))"
        )
    };
    for (data, with, expected) in [
        (&draw, true, fixed.to_vec()),
        (
            &draw,
            false,
            Code::Blake2b256.digest(&draw).digest().to_vec(),
        ),
        (
            &other,
            true,
            Code::Blake2b256.digest(&other).digest().to_vec(),
        ),
    ] {
        let world = world(data, &hash(data.len()));
        let rules = if with {
            rules()
        } else {
            Substitutions::default()
        };
        let applied = world.with_context(substituted(rules)).call();
        assert_eq!(returned(&applied), expected);
    }
}

#[test]
fn a_signature_may_have_to_equal_what_it_signs() {
    let signer = key_address(1).to_bytes();
    for (data, with, expected) in [
        (&b"messageMESSAGE"[..], true, 0xff),
        (b"messagemessage", true, 0),
        (b"messagemessage", false, 0xff),
    ] {
        let body = "(call $check (call $verify_signature (i32.const 512) (i32.const 1)
               (i32.const 1024) (i32.const 7) (i32.const 1100) (i32.const 21)
               (i32.const 1031) (i32.const 7)))
             (return (call $block (i32.const 512) (i32.const 4)))";
        let wasm = actor_with(&[(1024, data), (1100, &signer)], body);
        let rules = Substitutions {
            signatures_equal_message: with,
            ..Default::default()
        };
        let applied = World::new()
            .with_actor(ONE, &wasm)
            .with_context(substituted(rules))
            .call();
        assert_eq!(returned(&applied), [expected; 4], "{with}");
    }
}

#[test]
fn unmetered_gas_has_no_limits_and_looks_the_same_everywhere() {
    let see = "(call $check (call $available (i32.const 512)))
         (return (call $block (i32.const 512) (i32.const 8)))";
    let caller = actor_with(
        &[(1024, &Address::new_id(TWO).to_bytes())],
        "(call $check (call $call (i32.const 1024) (i32.const 3) (i64.const 7) (i64.const 0)
           (i64.const 0) (i64.const 1)))
         (return (i32.load (i32.const 196)))",
    );
    let rules = Substitutions {
        unmetered: true,
        ..Default::default()
    };
    let mut world = World::new()
        .with_actor(ONE, &caller)
        .with_actor(TWO, &actor(see))
        .with_context(substituted(rules));
    let mut message = to(ONE);
    message.gas_limit = 1;
    let applied = world.open().apply(&message, Mode::Unchecked).unwrap();
    assert_eq!(returned(&applied), 4_294_967_295u64.to_le_bytes());

    let metered = World::new().with_actor(ONE, &actor(see)).call();
    let seen = u64::from_le_bytes(returned(&metered).try_into().unwrap());
    assert!(seen < to(ONE).gas_limit && seen > to(ONE).gas_limit - 10_000_000);
}

fn window_post() -> Vec<u8> {
    to_vec(&WindowPoStVerifyInfo {
        randomness: Randomness(vec![1; 32]),
        proofs: vec![PoStProof {
            post_proof: RegisteredPoStProof::StackedDRGWindow2KiBV1P1,
            proof_bytes: vec![1, 2, 3],
        }],
        challenged_sectors: Vec::new(),
        prover: 1000,
    })
    .unwrap()
}

fn post_body(len: usize) -> String {
    format!(
        "(call $check (call $verify_post (i32.const 512) (i32.const 1024) (i32.const {len})))
         (return (call $block (i32.const 512) (i32.const 4)))"
    )
}

#[test]
fn proofs_are_the_verifiers_business() {
    let info = window_post();
    for (verifier, expected) in [
        (
            Verifier {
                valid: true,
                ..Default::default()
            },
            Ok(0),
        ),
        (Verifier::default(), Ok(0xff)),
        (
            Verifier {
                error: Some(VerifyError::Malformed("short".into())),
                ..Default::default()
            },
            Err("cannot verify: short"),
        ),
        (
            Verifier {
                panics: true,
                ..Default::default()
            },
            Err("the verifier panicked"),
        ),
    ] {
        let mut world = world(&info, &post_body(info.len()))
            .with_context(|context| context.verifier = Arc::new(verifier));
        let applied = world.call();
        match expected {
            Ok(byte) => assert_eq!(returned(&applied), [byte; 4]),
            Err(words) => {
                assert_eq!(
                    applied.receipt.exit_code,
                    ExitCode::new(101),
                    "illegal argument"
                );
                assert!(
                    applied.error.as_ref().unwrap().contains(words),
                    "{:?}",
                    applied.error
                );
            }
        }
    }
}

/// Spec 11: a missing block is not a verdict.
#[test]
fn a_proof_that_cannot_be_checked_stops_the_message() {
    let info = window_post();
    let missing = cid_of(0x55, b"the vanilla proof");
    for (trouble, words) in [
        (VerifyError::MissingBlock(missing), missing.to_string()),
        (VerifyError::Unable("no keys".into()), "no keys".into()),
    ] {
        let verifier = Verifier {
            error: Some(trouble),
            ..Default::default()
        };
        let mut world = world(&info, &post_body(info.len()))
            .with_context(|context| context.verifier = Arc::new(verifier));
        let error = world.open().apply(&to(ONE), Mode::Unchecked).unwrap_err();
        assert!(matches!(error, VmError::Fatal(_)), "{error}");
        assert!(error.to_string().contains(&words), "{error}");
    }
}

#[test]
fn commitments_faults_seals_and_supply_are_passed_through() {
    let yes = || -> Box<dyn FnOnce(&mut crate::context::Context)> {
        Box::new(|context| {
            context.verifier = Arc::new(Verifier {
                valid: true,
                ..Default::default()
            });
        })
    };
    let piece = fvm_shared::commcid::piece_commitment_v1_to_cid(&[3; 32]).unwrap();
    let pieces = to_vec(&vec![PieceInfo {
        size: PaddedPieceSize(2048),
        cid: piece,
    }])
    .unwrap();
    let body = format!(
        "(call $check (call $unsealed (i32.const 508) (i64.const 5) (i32.const 1024)
           (i32.const {}) (i32.const 512) (i32.const 100)))
         (return (call $block (i32.const 512) (i32.load (i32.const 508))))",
        pieces.len()
    );
    assert_eq!(
        returned(&world(&pieces, &body).with_context(yes()).call()),
        piece.to_bytes()
    );

    let body = "(call $check (call $consensus_fault (i32.const 512) (i32.const 1024) (i32.const 1)
           (i32.const 1024) (i32.const 0) (i32.const 1024) (i32.const 0)))
         (return (call $block (i32.const 512) (i32.const 20)))";
    let fault = [
        &7i64.to_le_bytes()[..],
        &42u64.to_le_bytes(),
        &3u32.to_le_bytes(),
    ]
    .concat();
    assert_eq!(
        returned(&world(&[42], body).with_context(yes()).call()),
        fault
    );
    assert_eq!(returned(&world(&[42], body).call()), [0; 20], "no fault");

    let body = "(call $check (call $batch (i32.const 1024) (i32.const 1) (i32.const 512)))
         (return (call $block (i32.const 512) (i32.const 1)))";
    assert_eq!(
        returned(&world(b"\x80", body).call()),
        [0],
        "an empty batch"
    );

    let body = "(call $check (call $supply (i32.const 512)))
         (return (call $block (i32.const 512) (i32.const 16)))";
    let supply = 2_000_000_000_000_000_000_000u128.to_le_bytes();
    assert_eq!(returned(&world(b"", body).call()), supply);
}

#[test]
fn tipset_cids_are_those_of_past_epochs() {
    let body = |epoch: i64| {
        format!(
            "(call $check (call $tipset_cid (i32.const 508) (i64.const {epoch}) (i32.const 512)
               (i32.const 100)))
             (return (call $block (i32.const 512) (i32.load (i32.const 508))))"
        )
    };
    let expected = cid_of(0x71, &49i64.to_be_bytes());
    assert_eq!(returned(&world(b"", &body(49)).call()), expected.to_bytes());
    for epoch in [50, 51, -1] {
        assert_eq!(
            world(b"", &body(epoch)).call().receipt.exit_code,
            ExitCode::new(101)
        );
    }
    // What the node should know and does not is not the actor's fault.
    let error = world(b"", &body(39))
        .open()
        .apply(&to(ONE), Mode::Unchecked)
        .unwrap_err();
    assert!(
        error.to_string().contains("no chain data for epoch 39"),
        "{error}"
    );
}

/// Code under identity CIDs, as the vectors have it, is run but never stored.
#[test]
fn code_from_the_code_map_runs_without_being_in_the_store() {
    use crate::engine::{CodeMap, Engine, EngineOptions};
    use fvm_ipld_blockstore::Blockstore;
    use fvm_ipld_encoding::CborStore;
    use fvm_shared::{EMPTY_ARR_CID, state::ActorState};

    let test_code = |name: &str| {
        let hash = Multihash::wrap(0, format!("fil/test/{name}").as_bytes()).unwrap();
        cid::Cid::new_v1(0x55, hash)
    };
    let types = [
        "system",
        "init",
        "cron",
        "account",
        "placeholder",
        "eam",
        "ethaccount",
        "evm",
    ];
    let account = actor("(return (call $number (i32.const 77)))");
    let map = CodeMap::default()
        .with_builtin_actors(types.map(|name| (name, test_code(name))))
        .with_module(test_code("account"), account);

    let mut world = World::new();
    let system = world
        .store
        .put_cbor(&(EMPTY_ARR_CID,), Code::Blake2b256)
        .unwrap();
    world = world.with_head(0, system);
    let root = world.root();
    let mut tree = crate::state::StateTree::load(world.store.clone(), &root).unwrap();
    for (id, name) in [(ONE, "account"), (TWO, "evm")] {
        let state = ActorState::new(test_code(name), EMPTY_ARR_CID, Default::default(), 0, None);
        tree.set_actor(id, state);
    }
    let root = tree.flush().unwrap();

    let refused = world
        .engine
        .open(
            Default::default(),
            world.store.clone(),
            root,
            world.context.clone(),
        )
        .err()
        .unwrap();
    assert!(
        refused.to_string().contains("names no built-in actors"),
        "{refused}"
    );

    world.engine = Engine::new(EngineOptions {
        code: map,
        ..Default::default()
    });
    let mut machine = world.open_on(root);
    let applied = machine.apply(&to(ONE), Mode::Unchecked).unwrap();
    assert_eq!(returned(&applied), b"\x1a\0\0\0\x4d");
    // A key address becomes an account of that code.
    machine
        .apply(&transfer(key_address(50), atto(1)), Mode::Unchecked)
        .unwrap();
    let made = machine.resolve(&key_address(50)).unwrap().unwrap();
    assert_eq!(
        machine.actor(made).unwrap().unwrap().code,
        test_code("account")
    );
    machine.flush().unwrap();
    assert!(!world.store.has(&test_code("account")).unwrap());

    let error = machine.apply(&to(TWO), Mode::Unchecked).unwrap_err();
    assert!(
        matches!(&error, VmError::Code { code, .. } if *code == test_code("evm")),
        "listed, but without a module: {error}"
    );
}
