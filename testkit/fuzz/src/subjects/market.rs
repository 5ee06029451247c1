//! The market, with its deals.

use boatyard_actors_shared::ext::market::{
    BATCH_ACTIVATE_DEALS, BatchActivateDealsParams, CRON_TICK, ON_MINER_SECTORS_TERMINATE,
    OnMinerSectorsTerminateParams, PieceChange, SECTOR_CONTENT_CHANGED, SectorChanges, SectorDeals,
    VERIFY_DEALS_FOR_ACTIVATION, VerifyDealsForActivationParams,
};
use boatyard_market::{
    ClientDealProposal, DealProposal, Label, PublishStorageDealsParams, WithdrawBalanceParams,
};
use boatyard_mock::hostile::Choices;
use boatyard_sdk::method_number;
use fvm_ipld_bitfield::BitField;
use fvm_ipld_encoding::RawBytes;
use fvm_shared::ActorID;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::crypto::signature::Signature;
use fvm_shared::econ::TokenAmount;
use fvm_shared::piece::PaddedPieceSize;

use crate::cast::{
    CLIENT, MINER, MINER_2, OWNER, SEAL_PROOF, STRANGER, VERIFIER, WORKER, id, piece,
};
use crate::input::{once_in, one_of};
use crate::stage::{Call, Stage, Subject, readable};

pub(crate) struct Market;

const SHORTEST: ChainEpoch = 518_400;

fn deposit(holder: ActorID, amount: TokenAmount) -> Call {
    Call::new(holder, 2).with(&id(holder)).paying(amount)
}

fn proposal(stage: &Stage, choices: &mut dyn Choices) -> ClientDealProposal {
    let start_epoch = stage.now() + one_of(choices, &[0, 1, 100, 2_880]);
    let proposal = DealProposal {
        piece_cid: piece(choices.below(4) as u8),
        piece_size: PaddedPieceSize(one_of(choices, &[128, 256, 1_024, 2_048])),
        verified_deal: once_in(choices, 3),
        client: id(one_of(choices, &[CLIENT, VERIFIER])),
        provider: id(one_of(choices, &[MINER, MINER, MINER_2])),
        label: match once_in(choices, 4) {
            true => Label::Bytes(vec![0xff; choices.below(3) as usize]),
            false => Label::Text(String::new()),
        },
        start_epoch,
        end_epoch: start_epoch
            + one_of(
                choices,
                &[SHORTEST, SHORTEST + 1, 3 * SHORTEST, SHORTEST - 1],
            ),
        storage_price_per_epoch: TokenAmount::from_atto(one_of(choices, &[0, 1, 1u64 << 40])),
        provider_collateral: TokenAmount::from_whole(choices.below(3)),
        client_collateral: TokenAmount::from_atto(choices.below(3)),
    };
    ClientDealProposal {
        proposal,
        client_signature: Signature::new_bls(vec![1]),
    }
}

fn sectors(stage: &Stage, choices: &mut dyn Choices) -> Vec<SectorDeals> {
    let count = 1 + choices.below(2);
    (0..count)
        .map(|_| SectorDeals {
            sector_number: choices.below(6),
            sector_type: SEAL_PROOF,
            sector_expiry: stage.now() + 4 * SHORTEST,
            deal_ids: (0..choices.below(3)).map(|_| choices.below(12)).collect(),
        })
        .collect()
}

/// A notification about a deal as it stands in the state.
fn notification(stage: &Stage, choices: &mut dyn Choices) -> Call {
    let state: boatyard_market::State = stage.state();
    let number = choices.below(12);
    let proposals = state
        .proposals
        .load(stage.rt.store())
        .expect("a state of this actor");
    let deal = proposals.get(number).ok().flatten().cloned();
    let provider = deal.as_ref().and_then(|deal| deal.provider.id().ok());
    let change = PieceChange {
        data: deal.as_ref().map_or(piece(1), |deal| deal.piece_cid),
        size: deal
            .as_ref()
            .map_or(PaddedPieceSize(128), |deal| deal.piece_size),
        payload: RawBytes::serialize(number).expect("a number encodes"),
    };
    Call::new(provider.unwrap_or(MINER), SECTOR_CONTENT_CHANGED).with(&vec![SectorChanges {
        sector: choices.below(6),
        minimum_commitment_epoch: stage.now() + one_of(choices, &[0, SHORTEST, 4 * SHORTEST]),
        added: vec![change; 1 + choices.below(2) as usize],
    }])
}

impl Subject for Market {
    type Actor = boatyard_market::Market;
    const ID: ActorID = 5;

    fn begin(_: &Stage, _: &mut dyn Choices) -> Vec<Call> {
        let mut calls = vec![Call::new(0, 1)];
        calls
            .extend([CLIENT, VERIFIER].map(|client| deposit(client, TokenAmount::from_whole(100))));
        calls.extend([MINER, MINER_2].map(|miner| Call {
            caller: WORKER,
            ..deposit(miner, TokenAmount::from_whole(100))
        }));
        calls
    }

    fn plan(stage: &Stage, choices: &mut dyn Choices) -> Option<Call> {
        let deal = choices.below(12);
        Some(match choices.below(16) {
            0 => deposit(
                one_of(choices, &[CLIENT, OWNER]),
                TokenAmount::from_whole(1),
            ),
            1 => {
                let holder = one_of(choices, &[CLIENT, VERIFIER, MINER]);
                let caller = if holder == MINER { OWNER } else { holder };
                Call::new(caller, 3).with(&WithdrawBalanceParams {
                    provider_or_client: id(holder),
                    amount: TokenAmount::from_whole(one_of(choices, &[0, 1, 1_000])),
                })
            }
            2..=5 => {
                let deals = (0..1 + choices.below(3))
                    .map(|_| proposal(stage, choices))
                    .collect();
                Call::new(WORKER, 4).with(&PublishStorageDealsParams { deals })
            }
            6 => Call::new(
                one_of(choices, &[MINER, MINER_2]),
                VERIFY_DEALS_FOR_ACTIVATION,
            )
            .with(&VerifyDealsForActivationParams {
                sectors: sectors(stage, choices),
            }),
            7 | 8 => Call::new(
                one_of(choices, &[MINER, MINER, MINER_2]),
                BATCH_ACTIVATE_DEALS,
            )
            .with(&BatchActivateDealsParams {
                sectors: sectors(stage, choices),
                compute_cid: once_in(choices, 2),
            }),
            9 | 10 => notification(stage, choices),
            11 => Call::new(
                one_of(choices, &[MINER, MINER_2]),
                ON_MINER_SECTORS_TERMINATE,
            )
            .with(&OnMinerSectorsTerminateParams {
                epoch: stage.now(),
                sectors: BitField::try_from_bits([choices.below(6)]).ok()?,
            }),
            12 | 13 => Call::new(STRANGER, method_number("SettleDealPayments"))
                .with(&BitField::try_from_bits([deal, choices.below(12)]).ok()?),
            14 => Call::new(STRANGER, method_number("GetDealActivation")).with(&deal),
            _ => Call::new(3, CRON_TICK),
        })
    }

    fn advance(stage: &Stage, to: ChainEpoch) {
        stage.rt.epoch(to);
        stage
            .call::<Self>(&Call::new(3, CRON_TICK))
            .expect("cron never fails");
    }

    fn violations(stage: &Stage) -> Vec<String> {
        readable(stage, |state| {
            boatyard_market::invariants::check(
                state,
                stage.rt.store(),
                &stage.balance(),
                stage.now(),
            )
        })
    }
}
