//! Accounts: actors that hardly do anything.

use boatyard_actors_shared::ext::account::{
    AUTHENTICATE_MESSAGE, AuthenticateMessageParams, PUBKEY_ADDRESS,
};
use boatyard_mock::hostile::Choices;
use boatyard_sdk::{EMPTY_STATE, Type};
use fvm_ipld_encoding::RawBytes;
use fvm_shared::ActorID;

use crate::cast::{OWNER, STRANGER, SUBJECT, bls, f410};
use crate::input::one_of;
use crate::stage::{Call, Stage, Subject, readable};

pub(crate) struct Account;

impl Subject for Account {
    type Actor = boatyard_account::Account;
    const ID: ActorID = SUBJECT;

    fn begin(_: &Stage, _: &mut dyn Choices) -> Vec<Call> {
        vec![Call::new(0, 1).with(&bls(9))]
    }

    fn plan(_: &Stage, choices: &mut dyn Choices) -> Option<Call> {
        let signed = RawBytes::new(vec![choices.below(3) as u8]);
        Some(match choices.below(3) {
            0 => Call::new(OWNER, PUBKEY_ADDRESS),
            1 => Call::new(OWNER, 1 << 24),
            _ => Call::new(OWNER, AUTHENTICATE_MESSAGE).with(&AuthenticateMessageParams {
                signature: RawBytes::new(vec![choices.below(3) as u8]),
                message: signed,
            }),
        })
    }

    fn violations(stage: &Stage) -> Vec<String> {
        readable(stage, |state| {
            boatyard_account::invariants::check(stage.receiver, state)
        })
    }
}

/// An actor without state keeps the empty one.
pub(crate) fn stateless(stage: &Stage) -> Vec<String> {
    if stage.rt.head() == EMPTY_STATE {
        return Vec::new();
    }
    vec!["an actor without state has another head".into()]
}

pub(crate) struct Placeholder;

impl Subject for Placeholder {
    type Actor = boatyard_placeholder::Placeholder;
    const ID: ActorID = SUBJECT;

    fn begin(stage: &Stage, _: &mut dyn Choices) -> Vec<Call> {
        stage.rt.delegated(SUBJECT, f410(SUBJECT));
        Vec::new()
    }

    fn plan(_: &Stage, choices: &mut dyn Choices) -> Option<Call> {
        Some(Call::new(
            STRANGER,
            one_of(choices, &[0, 1, 2, 1 << 24, u64::MAX]),
        ))
    }

    fn violations(stage: &Stage) -> Vec<String> {
        stateless(stage)
    }
}

pub(crate) struct EthAccount;

impl Subject for EthAccount {
    type Actor = boatyard_ethaccount::EthAccount;
    const ID: ActorID = SUBJECT;

    fn begin(stage: &Stage, _: &mut dyn Choices) -> Vec<Call> {
        stage
            .rt
            .actor(SUBJECT, Type::EthAccount)
            .delegated(SUBJECT, f410(SUBJECT));
        vec![Call::new(0, 1)]
    }

    fn plan(_: &Stage, choices: &mut dyn Choices) -> Option<Call> {
        Some(Call::new(
            STRANGER,
            one_of(choices, &[1, 2, 1 << 24, u64::MAX]),
        ))
    }

    fn violations(stage: &Stage) -> Vec<String> {
        stateless(stage)
    }
}
