//! Singletons of the network itself: system, init, cron.

use boatyard_actors_shared::ext::init::{EXEC, EXEC4, Exec4Params, ExecParams};
use boatyard_mock::code_cid;
use boatyard_mock::hostile::Choices;
use boatyard_sdk::Type;
use fvm_ipld_encoding::RawBytes;
use fvm_shared::ActorID;

use crate::cast::{CLIENT, OWNER, WALLET, id, piece};
use crate::input::one_of;
use crate::stage::{Call, Stage, Subject, readable};

pub(crate) struct System;

impl Subject for System {
    type Actor = boatyard_system::System;
    const ID: ActorID = 0;

    fn begin(_: &Stage, _: &mut dyn Choices) -> Vec<Call> {
        Vec::new()
    }

    /// It has no other method, which succeeds once.
    fn plan(_: &Stage, _: &mut dyn Choices) -> Option<Call> {
        Some(Call::new(0, 1))
    }

    fn violations(stage: &Stage) -> Vec<String> {
        readable(stage, |state| {
            boatyard_system::invariants::check(state, stage.rt.store())
        })
    }
}

pub(crate) struct Init;

impl Subject for Init {
    type Actor = boatyard_init::Init;
    const ID: ActorID = 1;

    /// IDs are handed out from behind everybody who is there.
    fn begin(stage: &Stage, _: &mut dyn Choices) -> Vec<Call> {
        let params = boatyard_init::ConstructorParams {
            network_name: "fuzz".into(),
        };
        let constructor = Call::new(0, 1).with(&params);
        stage
            .call::<Self>(&constructor)
            .expect("genesis constructs");
        let state: boatyard_init::State = stage.state();
        stage.rt.set_state(&boatyard_init::State {
            next_id: 5_000,
            ..state
        });
        Vec::new()
    }

    fn plan(_: &Stage, choices: &mut dyn Choices) -> Option<Call> {
        let kind = one_of(
            choices,
            &[
                Type::Multisig,
                Type::PaymentChannel,
                Type::Miner,
                Type::Evm,
                Type::EthAccount,
                Type::Placeholder,
            ],
        );
        let code_cid = match choices.below(8) {
            0 => piece(1),
            _ => code_cid(kind),
        };
        let caller = one_of(choices, &[OWNER, CLIENT, WALLET, 4, 10]);
        let length = one_of(choices, &[0, 1, 20, 54, 55]);
        let byte = choices.below(8) as u8;
        let constructor_params = RawBytes::new(vec![byte; choices.below(4) as usize]);
        Some(match choices.below(2) {
            0 => Call::new(caller, EXEC).with(&ExecParams {
                code_cid,
                constructor_params,
            }),
            _ => Call::new(10, EXEC4).with(&Exec4Params {
                code_cid,
                constructor_params,
                subaddress: RawBytes::new(vec![byte; length]),
            }),
        })
    }

    fn violations(stage: &Stage) -> Vec<String> {
        readable(stage, |state| {
            boatyard_init::invariants::check(state, stage.rt.store())
        })
    }
}

pub(crate) struct Cron;

impl Subject for Cron {
    type Actor = boatyard_cron::Cron;
    const ID: ActorID = 3;

    fn begin(_: &Stage, _: &mut dyn Choices) -> Vec<Call> {
        let entry = |to, method_num| boatyard_cron::Entry {
            receiver: id(to),
            method_num,
        };
        let params = boatyard_cron::ConstructorParams {
            entries: vec![entry(4, 5), entry(5, 9), entry(CLIENT, 2)],
        };
        vec![Call::new(0, 1).with(&params)]
    }

    fn plan(_: &Stage, _: &mut dyn Choices) -> Option<Call> {
        Some(Call::new(0, 2))
    }

    fn violations(stage: &Stage) -> Vec<String> {
        readable(stage, boatyard_cron::invariants::check)
    }
}
