//! The same calls on both machines: everything must come out the same.
//!
//! The actors are built-in ones and two probes (`testkit/probe`), natively and as
//! Wasm. Compared are receipts, events, call trees with state accesses and logs,
//! and the state root after every message. Gas is not: the native machine has none,
//! so base fee and premium are zero.

use std::sync::Arc;

use boatyard_probe::{Data, SendStep, Step, script};
use boatyard_vm::context::{Intercept, Interceptor};
use boatyard_vm::machine::Mode;
use boatyard_vm::trace::{Call, Outcome};
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_ipld_encoding::{CBOR, DAG_CBOR, IPLD_RAW, RawBytes};
use fvm_shared::address::Address;
use fvm_shared::crypto::hash::SupportedHashes;
use fvm_shared::econ::TokenAmount;
use fvm_shared::error::{ErrorNumber, ExitCode};
use fvm_shared::message::Message;
use fvm_shared::{EMPTY_ARR_CID, METHOD_SEND};

mod random;
mod world;

use world::{ALICE, EAM, NOBODY, ONE, Pair, TWO, codes, f410, key_address, link_to, message, put};

const BLAKE2B: u64 = 0xb220;

fn send(to: Address, params: Option<Data>) -> Step {
    send_value(to, params, 0)
}

fn send_value(to: Address, params: Option<Data>, atto: i64) -> Step {
    let value = TokenAmount::from_atto(atto);
    Step::Send(SendStep {
        to,
        method: 1 << 24,
        params,
        value,
        flags: 0,
    })
}

fn transfer(to: Address, atto: i64) -> Step {
    let value = TokenAmount::from_atto(atto);
    Step::Send(SendStep {
        to,
        method: METHOD_SEND,
        params: None,
        value,
        flags: 0,
    })
}

fn read_only(step: Step) -> Step {
    match step {
        Step::Send(send) => Step::Send(SendStep { flags: 1, ..send }),
        other => other,
    }
}

fn id(id: u64) -> Address {
    Address::new_id(id)
}

fn raw(bytes: &[u8]) -> RawBytes {
    RawBytes::new(bytes.to_vec())
}

fn event(flags: u64, key: &str, codec: u64, value: &[u8]) -> Step {
    Step::Emit(vec![(flags, key.to_owned(), codec, raw(value))])
}

/// Calls of [`ONE`], each from the same state.
fn scripts() -> Vec<(&'static str, Vec<Step>)> {
    let (block, cid) = put(&[1, 2, 3]);
    let (dag, dag_cid) = link_to(&[EMPTY_ARR_CID]);
    let (_, foreign) = put(b"never stored");
    let (dangling, _) = link_to(&[foreign]);
    let nested = |steps: &[Step]| Some(script(steps));
    let save = || {
        vec![
            Step::Root,
            Step::Put(dag.clone(), BLAKE2B),
            Step::SetRoot(dag_cid),
        ]
    };
    let (p, q) = codes();
    vec![
        ("nothing", vec![]),
        (
            "context",
            vec![Step::Context, Step::Balance, Step::NextAddress],
        ),
        (
            "context of a nested call",
            vec![
                send_value(id(TWO), nested(&[Step::Context, Step::Balance]), 5),
                read_only(send(id(TWO), nested(&[Step::Context]))),
            ],
        ),
        (
            "a failing call to a new account",
            vec![Step::Send(SendStep {
                to: key_address(9),
                method: 3,
                params: None,
                value: TokenAmount::default(),
                flags: 0,
            })],
        ),
        ("state", save()),
        (
            "state, read again",
            [save(), vec![Step::Get(dag_cid), Step::Get(EMPTY_ARR_CID)]].concat(),
        ),
        (
            "a head nobody has come across",
            vec![Step::SetRoot(foreign), Step::SetRoot(cid)],
        ),
        (
            "blocks nobody has come across",
            vec![
                Step::Get(EMPTY_ARR_CID),
                Step::Root,
                Step::Get(EMPTY_ARR_CID),
                Step::Put(dangling.clone(), BLAKE2B),
                Step::Get(foreign),
            ],
        ),
        (
            "codecs and hashes of blocks",
            vec![
                Step::Put(block.clone(), BLAKE2B),
                Step::Get(cid),
                Step::Put(Data::new(CBOR, [0xff]), BLAKE2B),
                Step::Put(Data::new(DAG_CBOR, [0xff]), BLAKE2B),
                Step::Put(Data::new(0x70, [0x01]), BLAKE2B),
                Step::Put(Data::new(IPLD_RAW, [0x01]), 0x12),
                Step::Put(Data::new(IPLD_RAW, [0x01; 32]), 0),
                Step::Put(Data::new(IPLD_RAW, [0x01; 31]), 0),
            ],
        ),
        (
            "blocks of a mebibyte and one byte more",
            vec![
                Step::Put(Data::new(IPLD_RAW, vec![0; (1 << 20) - 200_000]), BLAKE2B),
                Step::Return(Data::new(IPLD_RAW, vec![0; 1 << 17])),
            ],
        ),
        (
            "links in parameters are followed",
            [
                save(),
                vec![send(
                    id(TWO),
                    Some(Data::new(DAG_CBOR, cbor_script_with_link(dag_cid))),
                )],
            ]
            .concat(),
        ),
        (
            "links in opaque parameters are not",
            [
                save(),
                vec![send(
                    id(TWO),
                    Some(Data::new(CBOR, cbor_script_with_link(dag_cid))),
                )],
            ]
            .concat(),
        ),
        (
            "parameters with links out of reach",
            vec![
                send(id(TWO), Some(dangling.clone())),
                send(id(TWO), Some(Data::new(0x70, [1]))),
                send(id(TWO), Some(Data::new(DAG_CBOR, [0x82]))),
            ],
        ),
        (
            "links in returned blocks are followed",
            vec![
                send(
                    id(TWO),
                    nested(&[
                        Step::Root,
                        Step::Put(dag.clone(), BLAKE2B),
                        Step::Return(link_to(&[dag_cid]).0),
                    ]),
                ),
                Step::Get(dag_cid),
            ],
        ),
        (
            "a returned block with links out of reach",
            vec![Step::Return(dangling.clone())],
        ),
        (
            "a returned block of an unknown codec",
            vec![Step::Return(Data::new(0x70, [1]))],
        ),
        (
            "data of a failure that cannot be a block",
            vec![Step::Exit(33, Some(dangling))],
        ),
        (
            "data of a failure",
            vec![
                send(
                    id(TWO),
                    nested(&[Step::Exit(33, Some(Data::new(CBOR, [7])))]),
                ),
                Step::Exit(40, Some(Data::new(IPLD_RAW, *b"why"))),
            ],
        ),
        (
            "codes of the system are not for actors",
            vec![
                send(id(TWO), nested(&[Step::Exit(4, None)])),
                send(
                    id(TWO),
                    nested(&[Step::Exit(15, Some(Data::new(CBOR, [7])))]),
                ),
                send(id(TWO), nested(&[Step::Exit(16, None)])),
                send(
                    id(TWO),
                    nested(&[Step::Exit(0, Some(Data::new(CBOR, [7])))]),
                ),
                Step::Exit(7, None),
            ],
        ),
        (
            "a panic",
            vec![
                send(
                    id(TWO),
                    nested(&[Step::Root, Step::Panic("inside".to_owned())]),
                ),
                Step::Panic("outside".to_owned()),
            ],
        ),
        (
            "what a failed call did is undone",
            vec![
                transfer(id(TWO), 1_000),
                send_value(
                    id(TWO),
                    nested(
                        &[
                            &save()[..],
                            &[
                                event(0, "k", CBOR, &[1]),
                                transfer(key_address(7), 3),
                                transfer(f410(7), 3),
                                Step::Exit(33, None),
                            ],
                        ]
                        .concat(),
                    ),
                    50,
                ),
                Step::Resolve(key_address(7)),
                event(3, "kept", CBOR, &[1]),
                Step::Balance,
            ],
        ),
        (
            "a call that failed inside one that did not",
            vec![send(
                id(TWO),
                nested(&[
                    event(1, "outer", IPLD_RAW, b"1"),
                    send(
                        id(ONE),
                        nested(&[event(2, "inner", CBOR, &[2]), Step::Exit(20, None)]),
                    ),
                    event(0, "after", CBOR, &[3]),
                ]),
            )],
        ),
        (
            "new accounts and placeholders",
            vec![
                transfer(key_address(7), 3),
                transfer(key_address(7), 4),
                transfer(f410(7), 3),
                send(key_address(8), None),
                send(f410(8), nested(&[Step::Context])),
                Step::Resolve(key_address(7)),
                Step::Resolve(key_address(9)),
                Step::Look(1_100),
                Step::Look(1_101),
                Step::Look(NOBODY),
            ],
        ),
        (
            "addresses of nobody",
            vec![
                transfer(id(NOBODY), 0),
                transfer(id(NOBODY), 1),
                transfer(Address::new_actor(b"nobody"), 0),
                transfer(Address::new_delegated(11, b"nobody").unwrap(), 0),
                transfer(Address::new_bls(&bls_zero()).unwrap(), 0),
            ],
        ),
        (
            "read-only calls change nothing",
            vec![
                read_only(send_value(id(TWO), None, 1)),
                read_only(transfer(key_address(7), 0)),
                read_only(transfer(f410(7), 0)),
                read_only(send(
                    id(TWO),
                    nested(&[
                        Step::Root,
                        Step::Put(dag.clone(), BLAKE2B),
                        Step::SetRoot(dag_cid),
                        event(0, "k", CBOR, &[1]),
                        Step::Delete,
                        Step::Upgrade(q, None),
                        Step::Create(p, NOBODY, None),
                        transfer(id(ONE), 1),
                        send(
                            id(ONE),
                            nested(&[Step::Context, Step::SetRoot(EMPTY_ARR_CID)]),
                        ),
                    ]),
                )),
            ],
        ),
        (
            "unknown flags",
            vec![match transfer(id(TWO), 0) {
                Step::Send(send) => Step::Send(SendStep { flags: 6, ..send }),
                other => other,
            }],
        ),
        (
            "money",
            vec![
                transfer(id(ONE), 1),
                transfer(id(ONE), i64::MAX),
                transfer(id(TWO), i64::MAX),
                transfer(id(TWO), -1),
                transfer(id(ALICE), 10),
                Step::Send(SendStep {
                    to: id(TWO),
                    method: METHOD_SEND,
                    params: None,
                    value: TokenAmount::from_whole(1_000_000_000_000_000_000_000_i128),
                    flags: 0,
                }),
                Step::Balance,
            ],
        ),
        (
            "events and their limits",
            vec![
                event(3, "key", CBOR, &[1]),
                Step::Emit(vec![]),
                event(4, "flags", CBOR, &[1]),
                event(0, &"k".repeat(31), IPLD_RAW, &[]),
                event(0, &"k".repeat(32), IPLD_RAW, &[]),
                event(0, "codec", DAG_CBOR, &[1]),
                event(0, "value", CBOR, &[0; 8_192]),
                event(0, "value", CBOR, &[0; 8_193]),
                Step::Emit(vec![(0, "many".to_owned(), CBOR, raw(&[1])); 255]),
                Step::Emit(vec![(0, "many".to_owned(), CBOR, raw(&[1])); 256]),
            ],
        ),
        (
            "deletion",
            vec![
                Step::Delete,
                transfer(id(TWO), 1_000_000),
                send(
                    id(TWO),
                    nested(&[
                        Step::Delete,
                        transfer(id(ALICE), 1_000_000),
                        Step::Delete,
                        Step::Root,
                        Step::SetRoot(EMPTY_ARR_CID),
                        Step::Balance,
                        Step::Delete,
                        transfer(id(ALICE), 1),
                        Step::Context,
                        send(id(TWO), None),
                    ]),
                ),
                Step::Look(TWO),
                send(id(TWO), None),
            ],
        ),
        (
            "creation is for the init actor",
            vec![Step::Create(p, NOBODY, None)],
        ),
        (
            "types",
            vec![
                Step::Types(p, 1),
                Step::Types(EMPTY_ARR_CID, 16),
                Step::Types(world::builtin("account"), 4),
            ],
        ),
        (
            "an upgrade",
            [
                save(),
                vec![Step::Upgrade(
                    q,
                    nested(&[Step::Context, Step::Root, Step::Look(ONE)]),
                )],
                vec![Step::Panic("never reached".to_owned())],
            ]
            .concat(),
        ),
        (
            "an upgrade that fails",
            vec![
                Step::Upgrade(
                    q,
                    nested(&[event(0, "k", CBOR, &[1]), Step::Exit(50, None)]),
                ),
                Step::Look(ONE),
            ],
        ),
        (
            "an upgrade to code that is not there",
            vec![Step::Upgrade(foreign, None), Step::Look(ONE)],
        ),
        (
            "an upgrade inside an upgrade",
            vec![Step::Upgrade(
                q,
                nested(&[Step::Upgrade(p, nested(&[Step::Look(ONE)]))]),
            )],
        ),
        (
            "an upgrade while somebody else has been called",
            vec![
                send(
                    id(TWO),
                    nested(&[send(id(ONE), nested(&[Step::Upgrade(q, None)]))]),
                ),
                Step::Look(ONE),
            ],
        ),
        (
            "randomness and tipsets",
            vec![
                Step::Randomness(false, 49),
                Step::Randomness(true, 49),
                Step::Randomness(false, 50),
                // A future epoch costs all the gas there is, on the FVM.
                Step::Randomness(false, 1),
                Step::Randomness(true, i64::MIN),
                Step::Randomness(true, -1),
                Step::Tipset(49),
                Step::Tipset(50),
                Step::Tipset(51),
                Step::Tipset(-1),
                Step::Tipset(i64::MIN),
            ],
        ),
        ("hashes", {
            use SupportedHashes::{Blake2b256, Blake2b512, Keccak256, Ripemd160, Sha2_256};
            [Sha2_256, Blake2b256, Blake2b512, Keccak256, Ripemd160]
                .into_iter()
                .flat_map(|hasher| [(hasher, &b""[..]), (hasher, b"abc")])
                .map(|(hasher, data)| Step::Hash(hasher.into(), raw(data)))
                .collect()
        }),
        ("signatures", signatures()),
        (
            "built-in actors",
            vec![
                send(id(ALICE), None),
                send(id(EAM), None),
                send(id(1), None),
                Step::Send(SendStep {
                    to: id(1),
                    method: 2,
                    params: Some(Data::new(CBOR, [0x80])),
                    value: TokenAmount::default(),
                    flags: 0,
                }),
                Step::Send(SendStep {
                    to: id(ALICE),
                    method: 2,
                    params: None,
                    value: TokenAmount::default(),
                    flags: 0,
                }),
            ],
        ),
        (
            "logs",
            vec![
                Step::Log("one line".to_owned()),
                send(id(TWO), nested(&[Step::Log("another".to_owned())])),
            ],
        ),
        (
            "parameters that are no script",
            vec![send(id(TWO), Some(Data::new(CBOR, [0x01])))],
        ),
    ]
}

fn bls_zero() -> [u8; 48] {
    let mut key = [0; 48];
    key[0] = 0xc0;
    key
}

/// A script that opens a block, whose CID is a link for readers of DAG-CBOR.
fn cbor_script_with_link(cid: cid::Cid) -> Vec<u8> {
    script(&[Step::Get(cid), Step::Get(EMPTY_ARR_CID)]).1.into()
}

fn signatures() -> Vec<Step> {
    let (address, signed) = world::secp_signature(b"text");
    let (bls, bls_signed) = world::bls_signature(b"text");
    let hash = world::blake2b(b"text");
    vec![
        Step::Verify(1, raw(&signed), address, raw(b"text")),
        Step::Verify(1, raw(&signed), address, raw(b"other text")),
        Step::Verify(2, raw(&signed), address, raw(b"text")),
        Step::Verify(1, raw(&signed[..64]), address, raw(b"text")),
        Step::Verify(1, raw(&signed), id(ALICE), raw(b"text")),
        Step::Verify(1, raw(&signed), f410(1), raw(b"text")),
        Step::Verify(2, raw(&bls_signed), bls, raw(b"text")),
        Step::Verify(2, raw(&bls_signed), bls, raw(b"other text")),
        Step::Verify(2, raw(&[0; 96]), bls, raw(b"text")),
        Step::Recover(raw(&hash), raw(&signed)),
        Step::Recover(raw(&hash), raw(&[0; 65])),
        Step::Recover(raw(&[0; 32]), raw(&signed)),
    ]
}

#[test]
fn scripts_come_out_the_same() {
    let differences: Vec<_> = scripts()
        .into_iter()
        .filter_map(|(name, steps)| {
            let applied = Pair::new().apply_same(&message(id(ONE), &steps), Mode::Unchecked);
            applied
                .err()
                .map(|difference| format!("{name}: {difference}"))
        })
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}

/// The same, one after another on one state and one pair of machines.
#[test]
fn a_sequence_of_scripts_comes_out_the_same() {
    let mut pair = Pair::new();
    for (name, steps) in scripts() {
        let applied = pair.apply_same(&message(id(ONE), &steps), Mode::Unchecked);
        if let Err(difference) = applied {
            panic!("{name}: {difference}");
        }
    }
}

/// Calls and transfers of all kinds as they come from outside.
fn outside() -> Vec<(&'static str, Message)> {
    let from_alice = |to: Address, method, params: &[u8], atto| Message {
        method_num: method,
        params: raw(params),
        value: TokenAmount::from_atto(atto),
        ..message(to, &[])
    };
    // Returns the caller.
    let contract = creation(&[0x33, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3]);
    vec![
        (
            "to a new key",
            from_alice(key_address(7), METHOD_SEND, &[], 10),
        ),
        (
            "to it again, with bytes",
            from_alice(key_address(7), METHOD_SEND, &[1], 10),
        ),
        (
            "a method of a new key",
            from_alice(key_address(8), 5, &[], 0),
        ),
        ("to a new f410", from_alice(f410(7), METHOD_SEND, &[], 10)),
        ("a method of it", from_alice(f410(7), 7, &[0x80], 10)),
        ("too much", from_alice(id(ONE), METHOD_SEND, &[], i64::MAX)),
        (
            "less than nothing",
            from_alice(id(ONE), METHOD_SEND, &[], -1),
        ),
        ("to nobody", from_alice(id(NOBODY), METHOD_SEND, &[], 0)),
        (
            "to an f2 of nobody",
            from_alice(Address::new_actor(b"x"), METHOD_SEND, &[], 0),
        ),
        (
            "bytes that are no script",
            from_alice(id(ONE), 1 << 24, &[1], 3),
        ),
        ("a key's method", from_alice(id(ALICE), 2, &[], 0)),
        ("a contract", from_alice(id(EAM), 4, &contract, 5)),
        (
            "a contract by way of a key",
            Message {
                from: key_address(100),
                ..from_alice(id(EAM), 4, &contract, 0)
            },
        ),
        (
            "a call of the contract",
            from_alice(id(1_104), 3_844_450_837, &[0x40], 1),
        ),
        ("its code", from_alice(id(1_104), 3, &[], 0)),
        ("an unknown method of init", from_alice(id(1), 77, &[], 0)),
        (
            "init's Exec of an account",
            from_alice(id(1), 2, &exec(world::builtin("account")), 0),
        ),
        (
            "init's Exec of nothing known",
            from_alice(id(1), 2, &exec(codes().0), 0),
        ),
        (
            "from a probe",
            Message {
                from: id(ONE),
                ..message(id(TWO), &[Step::Context])
            },
        ),
        (
            "from a placeholder",
            Message {
                from: f410(7),
                sequence: 0,
                ..message(id(TWO), &[Step::Context, Step::Look(1_101)])
            },
        ),
    ]
}

/// Parameters for the EAM's CreateExternal of a contract with this code.
fn creation(code: &[u8]) -> Vec<u8> {
    // PUSH1 length DUP1 PUSH1 10 PUSH0 CODECOPY PUSH0 RETURN STOP
    let mut prologue = *b"\x60\x00\x80\x60\x0a\x5f\x39\x5f\xf3\x00";
    prologue[1] = code.len() as u8;
    let initcode = [&prologue[..], code];
    fvm_ipld_encoding::to_vec(&raw(&initcode.concat())).unwrap()
}

fn exec(code: cid::Cid) -> Vec<u8> {
    fvm_ipld_encoding::to_vec(&(code, raw(&[0x80]))).unwrap()
}

/// In all three modes, one after another. Nonces are those of the messages'
/// writer, so most explicit ones are refused.
#[test]
fn messages_from_outside_come_out_the_same() {
    for mode in [
        Mode::Unchecked,
        Mode::Implicit,
        Mode::Explicit { chain_length: 100 },
    ] {
        let mut pair = Pair::new();
        let mut nonce = 0;
        for (name, mut message) in outside() {
            if message.from == id(ALICE) {
                message.sequence = nonce;
                nonce += u64::from(mode != Mode::Implicit);
            }
            if let Err(difference) = pair.apply_same(&message, mode) {
                panic!("{mode:?}, {name}: {difference}");
            }
        }
    }
}

/// A thousand calls inside each other, and a few more.
#[test]
fn calls_nest_as_deep() {
    for depth in [1_000, 1_023, 1_024, 1_100] {
        let mut steps = vec![Step::Context];
        for level in 0..depth {
            steps = vec![send(
                id(if level % 2 == 0 { TWO } else { ONE }),
                Some(script(&steps)),
            )];
        }
        // The last level that runs reports; those above pass reports on.
        let applied = Pair::new().apply_same(&message(id(ONE), &steps), Mode::Unchecked);
        if let Err(difference) = applied {
            panic!("{depth} deep: {difference}");
        }
    }
}

/// Answers some calls in the callee's place.
struct Impostor;

impl Interceptor for Impostor {
    fn before_call(&self, call: &Call) -> Intercept {
        let data = Some(IpldBlock {
            codec: CBOR,
            data: vec![7],
        });
        match call.method {
            201 => Intercept::Answer(Outcome::Returned {
                exit_code: ExitCode::OK,
                data,
            }),
            202 => Intercept::Answer(Outcome::Returned {
                exit_code: ExitCode::new(4),
                data,
            }),
            203 => Intercept::Answer(Outcome::Refused(ErrorNumber::Forbidden)),
            204 => Intercept::Answer(Outcome::Aborted("enough".to_owned())),
            _ => Intercept::Proceed,
        }
    }
}

#[test]
fn answers_in_the_callees_place_are_the_same() {
    let call = |method| {
        Step::Send(SendStep {
            to: id(TWO),
            method,
            params: None,
            value: TokenAmount::from_atto(9),
            flags: 0,
        })
    };
    let mut pair = Pair::with(|context| context.interceptor = Some(Arc::new(Impostor)));
    let steps = [call(201), call(202), call(203), call(205), Step::Balance];
    for message in [
        message(id(ONE), &steps),
        Message {
            method_num: 201,
            ..message(id(ONE), &steps)
        },
        Message {
            method_num: 203,
            ..message(id(ONE), &steps)
        },
        Message {
            method_num: 204,
            ..message(id(ONE), &steps)
        },
        // The message ends, however deep.
        message(
            id(ONE),
            &[send(id(TWO), Some(script(&[call(201), call(204)])))],
        ),
    ] {
        let method = message.method_num;
        if let Err(difference) = pair.apply_same(&message, Mode::Unchecked) {
            panic!("method {method}: {difference}");
        }
    }
}

/// Natively no gas is metered, but what never ends is ended.
#[test]
fn endless_contracts_end_natively() {
    // JUMPDEST PUSH0 JUMP, and CALL of itself in a loop.
    let loops = [
        [0x5b, 0x5f, 0x56].to_vec(),
        [
            0x5b, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x30, 0x5a, 0xf1, 0x50, 0x5f, 0x56,
        ]
        .to_vec(),
    ];
    for (nonce, code) in loops.into_iter().enumerate() {
        let mut pair = Pair::new();
        let from_alice = |to, method, params: &[u8], sequence| Message {
            method_num: method,
            params: raw(params),
            sequence,
            gas_limit: 5_000_000_000,
            ..message(to, &[])
        };
        let created = pair.native(&from_alice(id(EAM), 4, &creation(&code), 0));
        assert_eq!(created.receipt.exit_code.value(), 0, "{:?}", created.error);
        let called = pair.native(&from_alice(id(1_100), 3_844_450_837, &[0x40], 1));
        assert_eq!(
            called.receipt.exit_code.value(),
            7,
            "{nonce}: {:?}",
            called.error
        );
    }
}

/// A proof that nobody can judge, for want of a block, gives no receipt.
#[test]
fn a_missing_proof_stops_both_machines() {
    let fault = Pair::with(|context| context.verifier = Arc::new(world::Forgetful))
        .apply_same(&message(id(ONE), &[Step::Post]), Mode::Unchecked)
        .unwrap_err();
    assert!(fault.contains("missing from the block store"), "{fault}");
}

/// Scripts that nobody thought of; `RANDOM_SCRIPTS` says how many.
#[test]
fn random_scripts_come_out_the_same() {
    let count = std::env::var("RANDOM_SCRIPTS")
        .ok()
        .and_then(|count| count.parse().ok());
    let mut pair = Pair::new();
    for seed in 0..count.unwrap_or(400) {
        let steps = random::script(seed);
        let to = id(if seed % 3 == 0 { TWO } else { ONE });
        if let Err(difference) = pair.apply_same(&message(to, &steps), Mode::Unchecked) {
            panic!("seed {seed}: {difference}");
        }
    }
}
