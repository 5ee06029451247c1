//! Multisig wallets and payment channels.

use boatyard_mock::hostile::Choices;
use boatyard_multisig::{
    AddSignerParams, ChangeThresholdParams, LockBalanceParams, ProposeParams, RemoveSignerParams,
    SwapSignerParams, TxnIdParams,
};
use boatyard_paych::{Merge, ModVerifyParams, SignedVoucher, UpdateChannelStateParams};
use fvm_ipld_encoding::RawBytes;
use fvm_shared::ActorID;
use fvm_shared::crypto::signature::Signature;
use fvm_shared::econ::TokenAmount;
use serde::Serialize;

use crate::cast::{CLIENT, CONTRACT, OWNER, STRANGER, SUBJECT, VERIFIER, WORKER, id};
use crate::input::{once_in, one_of};
use crate::stage::{Call, Stage, Subject, readable};

pub(crate) struct Multisig;

const SIGNERS: [ActorID; 3] = [OWNER, WORKER, CLIENT];

fn encoded(params: &impl Serialize) -> RawBytes {
    RawBytes::serialize(params).expect("made parameters encode")
}

/// What signers propose: of the wallet itself, or money for somebody.
fn proposal(stage: &Stage, choices: &mut dyn Choices) -> ProposeParams {
    let everybody = [OWNER, WORKER, CLIENT, STRANGER, VERIFIER, SUBJECT];
    let who = id(one_of(choices, &everybody));
    let (method, params) = match choices.below(8) {
        0 => (
            5,
            encoded(&AddSignerParams {
                signer: who,
                increase: once_in(choices, 2),
            }),
        ),
        1 => (
            6,
            encoded(&RemoveSignerParams {
                signer: who,
                decrease: once_in(choices, 2),
            }),
        ),
        2 => (
            7,
            encoded(&SwapSignerParams {
                from: who,
                to: id(one_of(choices, &everybody)),
            }),
        ),
        3 => (
            8,
            encoded(&ChangeThresholdParams {
                new_threshold: choices.below(5),
            }),
        ),
        4 => (
            9,
            encoded(&LockBalanceParams {
                start_epoch: stage.now(),
                unlock_duration: one_of(choices, &[0, 1, 1_000, -1]),
                amount: TokenAmount::from_whole(choices.below(3)),
            }),
        ),
        5 => (
            3,
            encoded(&TxnIdParams {
                id: choices.below(4) as i64,
                proposal_hash: RawBytes::default(),
            }),
        ),
        _ => {
            let value = TokenAmount::from_whole(one_of(choices, &[0, 1, 600, 100_000]));
            let to = one_of(choices, &[who, id(CONTRACT)]);
            return ProposeParams {
                to,
                value,
                method: 0,
                params: RawBytes::default(),
            };
        }
    };
    ProposeParams {
        to: id(SUBJECT),
        value: TokenAmount::from_atto(choices.below(2)),
        method,
        params,
    }
}

impl Subject for Multisig {
    type Actor = boatyard_multisig::Multisig;
    const ID: ActorID = SUBJECT;

    fn begin(stage: &Stage, choices: &mut dyn Choices) -> Vec<Call> {
        let params = boatyard_multisig::ConstructorParams {
            signers: SIGNERS.map(id).to_vec(),
            num_approvals_threshold: 1 + choices.below(3),
            unlock_duration: one_of(choices, &[0, 10_000]),
            start_epoch: stage.now(),
        };
        vec![
            Call::new(1, 1)
                .with(&params)
                .paying(TokenAmount::from_whole(1_000)),
        ]
    }

    fn plan(stage: &Stage, choices: &mut dyn Choices) -> Option<Call> {
        let caller = one_of(choices, &SIGNERS);
        Some(match choices.below(5) {
            0 | 1 => Call::new(caller, 2).with(&proposal(stage, choices)),
            step => Call::new(caller, if step == 4 { 4 } else { 3 }).with(&TxnIdParams {
                id: choices.below(6) as i64,
                proposal_hash: RawBytes::default(),
            }),
        })
    }

    fn violations(stage: &Stage) -> Vec<String> {
        readable(stage, |state| {
            boatyard_multisig::invariants::check(state, stage.rt.store())
        })
    }
}

pub(crate) struct PaymentChannel;

fn voucher(stage: &Stage, choices: &mut dyn Choices) -> SignedVoucher {
    let now = stage.now();
    let extra = ModVerifyParams {
        actor: id(CONTRACT),
        method: 1 << 24,
        data: RawBytes::new(vec![1]),
    };
    let merges = (0..choices.below(3)).map(|_| Merge {
        lane: choices.below(4),
        nonce: choices.below(8),
    });
    let merges = merges.collect();
    let mut voucher = SignedVoucher {
        channel_addr: id(SUBJECT),
        time_lock_min: one_of(choices, &[0, 0, now + 1]),
        time_lock_max: one_of(choices, &[0, 0, now, now - 1]),
        secret_pre_image: RawBytes::default(),
        extra: once_in(choices, 6).then_some(extra),
        lane: one_of(choices, &[0, 1, 2, 3, u64::MAX]),
        nonce: choices.below(8),
        amount: TokenAmount::from_whole(one_of(choices, &[0, 1, 2, 999, 2_000])),
        min_settle_height: one_of(choices, &[0, 0, now + 10_000]),
        merges,
        signature: None,
    };
    let signed = voucher.signing_bytes().expect("a made voucher encodes");
    voucher.signature = Some(Signature::new_bls(signed));
    voucher
}

impl Subject for PaymentChannel {
    type Actor = boatyard_paych::PaymentChannel;
    const ID: ActorID = SUBJECT;

    fn begin(_: &Stage, _: &mut dyn Choices) -> Vec<Call> {
        let params = boatyard_paych::ConstructorParams {
            from: id(OWNER),
            to: id(CLIENT),
        };
        vec![
            Call::new(1, 1)
                .with(&params)
                .paying(TokenAmount::from_whole(1_000)),
        ]
    }

    fn plan(stage: &Stage, choices: &mut dyn Choices) -> Option<Call> {
        let caller = one_of(choices, &[OWNER, CLIENT]);
        Some(match choices.below(12) {
            0 => Call::new(caller, 3),
            1 => Call::new(caller, 4),
            _ => Call::new(caller, 2).with(&UpdateChannelStateParams {
                sv: voucher(stage, choices),
                secret: RawBytes::default(),
            }),
        })
    }

    fn violations(stage: &Stage) -> Vec<String> {
        readable(stage, |state| {
            boatyard_paych::invariants::check(state, &stage.balance(), stage.rt.store())
        })
    }
}
