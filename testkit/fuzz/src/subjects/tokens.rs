//! Verified registry and datacap.

use boatyard_actors_shared::Policy;
use boatyard_actors_shared::ext::UNIVERSAL_RECEIVER_HOOK;
use boatyard_actors_shared::ext::datacap::{
    self, BurnParams, DestroyParams, MintParams, TransferFromParams, TransferParams, tokens,
};
use boatyard_actors_shared::ext::verifreg::{
    self, AllocationClaim, AllocationRequest, AllocationRequests, ClaimAllocationsParams,
    ClaimExtensionRequest, GetClaimsParams, SectorAllocationClaims,
};
use boatyard_actors_shared::frc46::{
    FRC46_TOKEN_TYPE, FRC46TokenReceived, UniversalReceiverParams,
};
use boatyard_datacap::{
    BurnFromParams, DecreaseAllowanceParams, IncreaseAllowanceParams, RevokeAllowanceParams,
};
use boatyard_mock::hostile::Choices;
use boatyard_sdk::{NetworkVariant, method_number};
use boatyard_verifreg::{
    AddVerifiedClientParams, ClaimTerm, ExtendClaimTermsParams, RemoveDataCapParams,
    RemoveDataCapRequest, RemoveExpiredAllocationsParams, RemoveExpiredClaimsParams,
    VerifierParams,
};
use fvm_ipld_encoding::RawBytes;
use fvm_shared::ActorID;
use fvm_shared::bigint::BigInt;
use fvm_shared::crypto::signature::Signature;
use fvm_shared::econ::TokenAmount;

use crate::cast::{
    CLIENT, CONTRACT, MINER, MINER_2, OWNER, STRANGER, VERIFIER, VERIFIER_2, id, piece,
};
use crate::input::{once_in, one_of};
use crate::stage::{Call, Stage, Subject, readable};

pub(crate) struct VerifiedRegistry;

const TERM: i64 = 518_400;
const SIZES: [u64; 3] = [256, 512, 1_024];

fn add_verifier(who: ActorID) -> Call {
    Call::new(OWNER, 2).with(&VerifierParams {
        address: id(who),
        allowance: BigInt::from(1u64 << 40),
    })
}

/// Datacap arrives, with requests that it pays for, or nearly so.
fn received(stage: &Stage, choices: &mut dyn Choices) -> Call {
    let requests: Vec<_> = (0..1 + choices.below(3))
        .map(|_| AllocationRequest {
            provider: one_of(choices, &[MINER, MINER_2]),
            data: piece(choices.below(4) as u8),
            size: one_of(choices, &SIZES),
            term_min: TERM,
            term_max: TERM * (1 + choices.below(3) as i64),
            expiration: stage.now() + one_of(choices, &[1, 1_000, 100_000]),
        })
        .collect();
    let extensions: Vec<_> = (0..choices.below(4) / 3)
        .map(|_| ClaimExtensionRequest {
            provider: MINER,
            claim: choices.below(6),
            term_max: TERM * 4,
        })
        .collect();
    let bytes: u64 = requests.iter().map(|request| request.size).sum();
    let extra = extensions.len() as u64 * one_of(choices, &SIZES);
    let operator_data = AllocationRequests {
        allocations: requests,
        extensions,
    };
    let payload = FRC46TokenReceived {
        from: CLIENT,
        to: 6,
        operator: one_of(choices, &[CLIENT, 5]),
        amount: tokens(&BigInt::from(bytes + extra)),
        operator_data: RawBytes::serialize(operator_data).expect("made requests encode"),
        token_data: RawBytes::default(),
    };
    Call::new(7, UNIVERSAL_RECEIVER_HOOK).with(&UniversalReceiverParams {
        type_: FRC46_TOKEN_TYPE,
        payload: RawBytes::serialize(payload).expect("a made payload encodes"),
    })
}

/// A claim of what may be allocated under a number: the state says what.
fn claim(stage: &Stage, choices: &mut dyn Choices) -> Call {
    let state: boatyard_verifreg::State = stage.state();
    let mut allocations = state
        .load_allocations(stage.rt.store())
        .expect("a state of this actor");
    let mut provider = MINER;
    let claims: Vec<_> = (0..1 + choices.below(2))
        .map(|_| {
            let allocation_id = 1 + choices.below(8);
            let found = allocations
                .get(&CLIENT, &allocation_id)
                .ok()
                .flatten()
                .cloned();
            let found = found.as_ref();
            provider = found.map_or(provider, |found| found.provider);
            AllocationClaim {
                client: CLIENT,
                allocation_id,
                data: found.map_or(piece(1), |found| found.data),
                size: found.map_or(256, |found| found.size),
            }
        })
        .collect();
    Call::new(provider, verifreg::CLAIM_ALLOCATIONS).with(&ClaimAllocationsParams {
        sectors: vec![SectorAllocationClaims {
            sector: choices.below(8),
            expiry: stage.now() + TERM + choices.below(2) as i64,
            claims,
        }],
        all_or_nothing: once_in(choices, 2),
    })
}

impl Subject for VerifiedRegistry {
    type Actor = boatyard_verifreg::VerifiedRegistry;
    const ID: ActorID = 6;

    fn begin(_: &Stage, _: &mut dyn Choices) -> Vec<Call> {
        let constructor = Call::new(0, 1).with(&id(OWNER));
        vec![
            constructor,
            add_verifier(VERIFIER),
            add_verifier(VERIFIER_2),
        ]
    }

    fn plan(stage: &Stage, choices: &mut dyn Choices) -> Option<Call> {
        let number = 1 + choices.below(8);
        Some(match choices.below(12) {
            0 => add_verifier(one_of(choices, &[VERIFIER, STRANGER])),
            1 => Call::new(OWNER, 3).with(&id(STRANGER)),
            2 => Call::new(VERIFIER, 4).with(&AddVerifiedClientParams {
                address: id(one_of(choices, &[CLIENT, STRANGER, CONTRACT])),
                allowance: BigInt::from(1u64 << choices.below(42)),
            }),
            3..=5 => received(stage, choices),
            6 | 7 => claim(stage, choices),
            8 => Call::new(CLIENT, 11).with(&ExtendClaimTermsParams {
                terms: vec![ClaimTerm {
                    provider: MINER,
                    claim_id: number,
                    term_max: TERM * one_of(choices, &[1, 3, 5]),
                }],
            }),
            9 => Call::new(STRANGER, 8).with(&RemoveExpiredAllocationsParams {
                client: CLIENT,
                allocation_ids: (0..choices.below(3)).map(|more| number + more).collect(),
            }),
            10 => Call::new(STRANGER, 12).with(&RemoveExpiredClaimsParams {
                provider: MINER,
                claim_ids: (0..choices.below(3)).map(|more| number + more).collect(),
            }),
            _ if once_in(choices, 2) => {
                Call::new(STRANGER, verifreg::GET_CLAIMS).with(&GetClaimsParams {
                    provider: MINER,
                    claim_ids: vec![number],
                })
            }
            _ => {
                let request = |verifier| RemoveDataCapRequest {
                    verifier: id(verifier),
                    signature: Signature::new_bls(vec![1]),
                };
                Call::new(OWNER, 7).with(&RemoveDataCapParams {
                    verified_client_to_remove: id(CLIENT),
                    data_cap_amount_to_remove: BigInt::from(256),
                    verifier_request_1: request(VERIFIER),
                    verifier_request_2: request(one_of(choices, &[VERIFIER_2, VERIFIER])),
                })
            }
        })
    }

    fn violations(stage: &Stage) -> Vec<String> {
        let policy = Policy::of(NetworkVariant::Devnet);
        readable(stage, |state| {
            boatyard_verifreg::invariants::check(state, stage.rt.store(), policy, stage.now())
        })
    }
}

pub(crate) struct DataCap;

impl Subject for DataCap {
    type Actor = boatyard_datacap::DataCap;
    const ID: ActorID = 7;

    fn begin(_: &Stage, _: &mut dyn Choices) -> Vec<Call> {
        vec![Call::new(0, 1).with(&id(6))]
    }

    fn plan(_: &Stage, choices: &mut dyn Choices) -> Option<Call> {
        let holder = one_of(choices, &[CLIENT, STRANGER, 6]);
        let owner = id(holder);
        let amount = match choices.below(6) {
            0 => TokenAmount::from_atto(choices.below(3)),
            _ => TokenAmount::from_whole(choices.below(4)),
        };
        let operator = id(5);
        let operator_data = RawBytes::new(vec![1; choices.below(3) as usize]);
        let to = id(one_of(choices, &[6, 6, 6, CLIENT]));
        Some(match choices.below(12) {
            0..=2 => Call::new(6, datacap::MINT).with(&MintParams {
                to: owner,
                amount,
                operators: vec![operator; choices.below(2) as usize],
            }),
            3 | 4 => Call::new(holder, datacap::TRANSFER).with(&TransferParams {
                to,
                amount,
                operator_data,
            }),
            5 | 6 => Call::new(5, datacap::TRANSFER_FROM).with(&TransferFromParams {
                from: owner,
                to,
                amount,
                operator_data,
            }),
            7 => Call::new(holder, datacap::BURN).with(&BurnParams { amount }),
            8 => Call::new(6, datacap::DESTROY).with(&DestroyParams { owner, amount }),
            9 => Call::new(5, method_number("BurnFrom")).with(&BurnFromParams { owner, amount }),
            10 => Call::new(holder, method_number("IncreaseAllowance")).with(
                &IncreaseAllowanceParams {
                    operator,
                    increase: amount,
                },
            ),
            _ if once_in(choices, 2) => Call::new(holder, method_number("RevokeAllowance"))
                .with(&RevokeAllowanceParams { operator }),
            _ => Call::new(holder, method_number("DecreaseAllowance")).with(
                &DecreaseAllowanceParams {
                    operator,
                    decrease: amount,
                },
            ),
        })
    }

    /// An allowance for oneself is odd, and nothing refuses it (spec 08 §B6).
    fn violations(stage: &Stage) -> Vec<String> {
        let mut found = readable(stage, |state| {
            boatyard_datacap::invariants::check(state, stage.rt.store())
        });
        found.retain(|violation| !violation.starts_with("stored an allowance for self"));
        found
    }
}
