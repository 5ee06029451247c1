//! Contracts and the address manager that deploys them.

use boatyard_actors_shared::EthAddress;
use boatyard_actors_shared::ext::eam::{
    CREATE, CREATE_EXTERNAL, CREATE2, Create2Params, CreateParams, Salt,
};
use boatyard_actors_shared::ext::evm::{
    ConstructorParams, GET_BYTECODE, GET_BYTECODE_HASH, INVOKE_CONTRACT, RESURRECT,
};
use boatyard_mock::hostile::Choices;
use boatyard_sdk::Type;
use fvm_ipld_encoding::RawBytes;
use fvm_shared::ActorID;
use fvm_shared::error::ExitCode;

use crate::cast::{CONTRACT, ETH_ACCOUNT, OWNER, STRANGER, SUBJECT, f410};
use crate::input::{once_in, one_of};
use crate::stage::{Call, Stage, Subject, readable};

pub(crate) struct Evm;

const PUSH0: u8 = 0x5f;
const PUSH1: u8 = 0x60;
const PUSH3: u8 = 0x62;
const PUSH20: u8 = 0x73;
const PUSH32: u8 = 0x7f;
const JUMPDEST: u8 = 0x5b;

/// Instructions with operands for most of them. Jumps go forward only, as nothing
/// here would end a loop.
fn program(choices: &mut dyn Choices) -> Vec<u8> {
    let mut code = vec![PUSH0];
    for _ in 0..choices.below(40) {
        for _ in 0..choices.below(8) {
            operand(&mut code, choices);
        }
        match choices.below(10) {
            // Relative to its own place: PC + 6 is the JUMPDEST behind it.
            0 => code.extend([0x58, PUSH1, 6, 0x01, 0x56, 0xfe, JUMPDEST]),
            _ => {
                let opcode = choices.below(256) as u8;
                let is_made_elsewhere = matches!(opcode, 0x56 | 0x57 | PUSH1..=PUSH32 | JUMPDEST);
                code.push(if is_made_elsewhere { PUSH0 } else { opcode });
            }
        }
    }
    code
}

fn operand(code: &mut Vec<u8>, choices: &mut dyn Choices) {
    let mut push = |opcode, bytes: &[u8]| {
        code.push(opcode);
        code.extend_from_slice(bytes);
    };
    match choices.below(8) {
        0..=2 => push(PUSH1, &[choices.below(65) as u8]),
        3 => push(PUSH1, &[0xfe]),
        4 => push(PUSH3, &(choices.below(1 << 24) as u32).to_be_bytes()[1..]),
        5 => {
            let byte = choices.below(256) as u8;
            push(PUSH32, &[byte; 32]);
        }
        6 => {
            let who = one_of(choices, &[SUBJECT, CONTRACT, ETH_ACCOUNT, STRANGER]);
            let address = EthAddress::from_address(&f410(who)).unwrap_or(EthAddress::from_id(who));
            push(PUSH20, &address.0);
        }
        // A precompile of Ethereum or of Filecoin.
        _ => {
            let mut address = [0; 20];
            address[0] = one_of(choices, &[0, 0xfe]);
            address[19] = choices.below(18) as u8;
            push(PUSH20, &address);
        }
    }
}

/// Code that makes a contract of a program.
fn initcode(program: &[u8]) -> Vec<u8> {
    let length = (program.len() as u16).to_be_bytes();
    let head = [
        0x61, length[0], length[1], 0x80, PUSH1, 10, PUSH0, 0x39, PUSH0, 0xf3,
    ];
    [&head, program].concat()
}

/// A few words of calldata, and now and then a precompile's.
fn calldata(choices: &mut dyn Choices) -> Vec<u8> {
    let words = choices.below(9);
    let mut data = Vec::new();
    for _ in 0..words {
        let mut word = [choices.below(4) as u8 / 3 * 0xff; 32];
        word[31] = choices.below(256) as u8;
        data.extend(word);
    }
    data.truncate(data.len().saturating_sub(choices.below(32) as usize));
    data
}

impl Subject for Evm {
    type Actor = boatyard_evm::EvmActor;
    const ID: ActorID = SUBJECT;

    fn begin(stage: &Stage, choices: &mut dyn Choices) -> Vec<Call> {
        stage
            .rt
            .actor(SUBJECT, Type::Evm)
            .delegated(SUBJECT, f410(SUBJECT));
        let params = ConstructorParams {
            creator: EthAddress([7; 20]),
            initcode: RawBytes::new(initcode(&program(choices))),
        };
        vec![Call::new(1, 1).with(&params)]
    }

    fn plan(_: &Stage, choices: &mut dyn Choices) -> Option<Call> {
        let caller = one_of(choices, &[ETH_ACCOUNT, CONTRACT, OWNER]);
        Some(match choices.below(12) {
            0 => Call::new(caller, GET_BYTECODE),
            1 => Call::new(caller, GET_BYTECODE_HASH),
            2 => Call::new(caller, 1 << 24).with(&7),
            // The initcode itself is a program too.
            3 => Call::new(10, RESURRECT).with(&ConstructorParams {
                creator: EthAddress([7; 20]),
                initcode: RawBytes::new(match once_in(choices, 2) {
                    true => program(choices),
                    false => initcode(&program(choices)),
                }),
            }),
            _ => Call::new(caller, INVOKE_CONTRACT).with(&RawBytes::new(calldata(choices))),
        })
    }

    fn violations(stage: &Stage) -> Vec<String> {
        readable(stage, |state| {
            let address = stage.rt.delegated_of(SUBJECT);
            boatyard_evm::invariants::check(stage.rt.store(), state, address.as_ref())
        })
    }

    /// Natively, more memory than the FVM gives is a failure with the code of its
    /// trap, which the machine reports as 9.
    fn may_exit(code: u32) -> bool {
        code >= 16 || code == ExitCode::SYS_ILLEGAL_EXIT_CODE.value()
    }
}

pub(crate) struct Eam;

impl Subject for Eam {
    type Actor = boatyard_eam::Eam;
    const ID: ActorID = 10;

    fn begin(_: &Stage, _: &mut dyn Choices) -> Vec<Call> {
        vec![Call::new(0, 1)]
    }

    fn plan(stage: &Stage, choices: &mut dyn Choices) -> Option<Call> {
        let initcode = RawBytes::new(vec![1; choices.below(40) as usize]);
        let origin = one_of(choices, &[OWNER, ETH_ACCOUNT]);
        stage.rt.origin(origin);
        Some(match choices.below(3) {
            0 => Call::new(CONTRACT, CREATE).with(&CreateParams {
                initcode,
                nonce: one_of(choices, &[0, 1, u64::MAX]),
            }),
            1 => Call::new(CONTRACT, CREATE2).with(&Create2Params {
                initcode,
                salt: Salt([choices.below(3) as u8; 32]),
            }),
            _ => Call::new(origin, CREATE_EXTERNAL).with(&initcode),
        })
    }

    fn violations(stage: &Stage) -> Vec<String> {
        super::plain::stateless(stage)
    }
}
