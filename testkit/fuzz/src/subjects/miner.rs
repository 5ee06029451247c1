//! A storage miner with sectors of 2 KiB, two of them in a partition.

use boatyard_actors_shared::Policy;
use boatyard_actors_shared::ext::miner::{
    APPLY_REWARDS, ApplyRewardsParams, ConstructorParams, DeferredCronEventParams,
    ON_DEFERRED_CRON_EVENT,
};
use boatyard_miner::State;
use boatyard_miner::schema::SectorPreCommitInfo;
use boatyard_miner::types::{
    ChangeBeneficiaryParams, ChangeWorkerAddressParams, CompactPartitionsParams,
    CompactSectorNumbersParams, DataActivationNotification, DeclareFaultsParams,
    DeclareFaultsRecoveredParams, DisputeWindowedPoStParams, ExpirationExtension2,
    ExtendSectorExpiration2Params, GenerateSectorLocationParams, GenerateSectorLocationReturn,
    PieceActivationManifest, PoStPartition, PreCommitSectorBatchParams, ProveCommitSectors3Params,
    ProveCommitSectorsNiParams, ProveReplicaUpdates3Params, ReportConsensusFaultParams,
    SectorActivationManifest, SectorClaim, SectorDeclaration, SectorLocation,
    SectorNiActivationInfo, SectorUpdateManifest, SubmitWindowedPoStParams, TerminateSectorsParams,
    VerifiedAllocationKey, WithdrawBalanceParams,
};
use boatyard_mock::hostile::Choices;
use boatyard_sdk::runtime::RandomnessTag;
use boatyard_sdk::{NetworkVariant, Runtime, method_number};
use fvm_ipld_bitfield::BitField;
use fvm_ipld_encoding::RawBytes;
use fvm_shared::ActorID;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::piece::PaddedPieceSize;
use fvm_shared::sector::{
    PoStProof, RegisteredAggregateProof, RegisteredPoStProof, RegisteredSealProof,
    RegisteredUpdateProof,
};

use crate::answers::{network_power, reward};
use crate::cast::{
    CLIENT, OWNER, SEAL_PROOF, SECTOR_SIZE, STRANGER, SUBJECT, VERIFIER, WORKER, bls, id, piece,
    replica, unsealed,
};
use crate::input::{once_in, one_of};
use crate::stage::{Call, Stage, Subject, readable};

pub(crate) struct Miner;

/// Sectors have numbers below this.
const NUMBERS: u64 = 8;
const WINDOW_POST: RegisteredPoStProof = RegisteredPoStProof::StackedDRGWindow2KiBV1P1;
/// As many events of cron follow each other at most.
const MOST_EVENTS: usize = 200;

/// Chooses what comes first: nothing is odd.
struct Plain;

impl Choices for Plain {
    fn random(&mut self) -> u64 {
        0
    }
}

fn policy() -> &'static Policy {
    Policy::of(NetworkVariant::Devnet)
}

/// Whether a sector is announced with data: every other one.
fn has_data(number: u64) -> bool {
    number % 2 == 1
}

fn piece_of(number: u64, choices: &mut dyn Choices) -> PieceActivationManifest {
    let key = VerifiedAllocationKey {
        client: CLIENT,
        id: number,
    };
    let notify = DataActivationNotification {
        address: id(one_of(choices, &[5, STRANGER])),
        payload: RawBytes::new(vec![1]),
    };
    PieceActivationManifest {
        cid: piece(number as u8),
        size: PaddedPieceSize(SECTOR_SIZE),
        verified_allocation_key: once_in(choices, 2).then_some(key),
        notify: vec![notify; choices.below(2) as usize],
    }
}

fn pre_commit(stage: &Stage, choices: &mut dyn Choices) -> Call {
    let mut numbers: Vec<u64> = (0..1 + choices.below(3))
        .map(|_| choices.below(NUMBERS))
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    announce(stage, &numbers, one_of(choices, &[12_000, 40_000, 900_000]))
}

/// Announces sectors that live so many epochs longer than they have to.
fn announce(stage: &Stage, numbers: &[u64], longer: ChainEpoch) -> Call {
    let sectors = numbers.iter().map(|number| SectorPreCommitInfo {
        seal_proof: SEAL_PROOF,
        sector_number: *number,
        sealed_cid: replica(*number as u8),
        seal_rand_epoch: stage.now() - 1,
        deal_ids: vec![],
        expiration: stage.now() + policy().min_sector_expiration + longer,
        unsealed_cid: has_data(*number).then(|| unsealed(piece(*number as u8))),
    });
    let sectors = sectors.collect();
    Call::new(WORKER, 28).with(&PreCommitSectorBatchParams { sectors })
}

/// Those numbers that are announced, after a while.
fn prove_commit(stage: &Stage, choices: &mut dyn Choices) -> Option<Call> {
    Miner::advance(stage, stage.now() + policy().pre_commit_challenge_delay + 1);
    let state: State = stage.state();
    let waiting = state.pre_committed_sectors.load(stage.rt.store()).ok()?;
    let waiting: Vec<u64> = (0..NUMBERS)
        .filter(|number| waiting.get(number).ok().flatten().is_some())
        .collect();
    let activations: Vec<_> = waiting
        .into_iter()
        .map(|number| SectorActivationManifest {
            sector_number: number,
            pieces: has_data(number)
                .then(|| piece_of(number, choices))
                .into_iter()
                .collect(),
        })
        .collect();
    if activations.is_empty() {
        return None;
    }
    let proof = || match once_in(choices, 8) {
        true => RawBytes::new(b"i_am_invalid_proof".to_vec()),
        false => RawBytes::new(vec![1; 192]),
    };
    let proofs = std::iter::repeat_with(proof)
        .take(activations.len())
        .collect();
    Some(Call::new(WORKER, 34).with(&ProveCommitSectors3Params {
        sector_activations: activations,
        sector_proofs: proofs,
        aggregate_proof: RawBytes::default(),
        aggregate_proof_type: None,
        require_activation_success: once_in(choices, 2),
        require_notification_success: once_in(choices, 4),
    }))
}

fn prove_commit_ni(stage: &Stage, choices: &mut dyn Choices) -> Call {
    let number = choices.below(NUMBERS);
    Call::new(WORKER, 36).with(&ProveCommitSectorsNiParams {
        sectors: vec![SectorNiActivationInfo {
            sealing_number: number,
            sealer_id: SUBJECT,
            sealed_cid: replica(number as u8),
            sector_number: number,
            seal_rand_epoch: stage.now() - 1,
            expiration: stage.now() + policy().min_sector_expiration + 10_000,
        }],
        aggregate_proof: RawBytes::new(vec![1; 192]),
        seal_proof_type: RegisteredSealProof::StackedDRG2KiBV1P2_Feat_NiPoRep,
        aggregate_proof_type: RegisteredAggregateProof::SnarkPackV2,
        proving_deadline: choices.below(48),
        require_activation_success: once_in(choices, 2),
    })
}

/// Where a sector is, as the actor itself says.
fn location(stage: &Stage, sector_number: u64) -> Option<(u64, u64)> {
    let params = GenerateSectorLocationParams { sector_number };
    let method = method_number("GenerateSectorLocation");
    stage.rt.caller(STRANGER);
    let found: GenerateSectorLocationReturn = stage
        .rt
        .call_for::<boatyard_miner::Miner, _>(method, &params)
        .ok()?;
    let location: SectorLocation = found.aux_data.deserialize().ok()?;
    Some((
        location.deadline.try_into().ok()?,
        location.partition.try_into().ok()?,
    ))
}

/// A sector that is somewhere, or any number with some place.
fn placed(stage: &Stage, choices: &mut dyn Choices) -> (u64, (u64, u64)) {
    let first = choices.below(NUMBERS);
    let numbers = (first..NUMBERS).chain(0..first);
    numbers
        .filter_map(|number| Some((number, location(stage, number)?)))
        .next()
        .unwrap_or((first, (first % 3, 0)))
}

fn bits(numbers: &[u64]) -> BitField {
    BitField::try_from_bits(numbers.iter().copied()).unwrap_or_default()
}

fn declaration(stage: &Stage, choices: &mut dyn Choices) -> SectorDeclaration {
    let (number, (deadline, partition)) = placed(stage, choices);
    SectorDeclaration {
        deadline,
        partition,
        sectors: bits(&[number]),
    }
}

/// A proof in the next window of some sector.
fn prove_window(stage: &Stage, choices: &mut dyn Choices) -> Option<Call> {
    let (number, place) = placed(stage, choices);
    prove_window_of(stage, choices, number, place)
}

fn prove_window_of(
    stage: &Stage,
    choices: &mut dyn Choices,
    number: u64,
    (deadline, partition): (u64, u64),
) -> Option<Call> {
    let state: State = stage.state();
    let open = state.next_window(policy(), deadline, stage.now()).open;
    Miner::advance(stage, open + 2);
    let now = stage.now();
    let drawn = stage
        .rt
        .within(|rt| rt.ticket_randomness(RandomnessTag::PoStChainCommit, now - 1, &[]));
    let proof_bytes = match once_in(choices, 4) {
        true => b"i_am_invalid_post".to_vec(),
        false => vec![1; 192],
    };
    let skipped = if once_in(choices, 4) {
        bits(&[number])
    } else {
        BitField::new()
    };
    Some(Call::new(WORKER, 5).with(&SubmitWindowedPoStParams {
        deadline,
        partitions: vec![PoStPartition {
            index: partition,
            skipped,
        }],
        proofs: vec![PoStProof {
            post_proof: WINDOW_POST,
            proof_bytes,
        }],
        chain_commit_epoch: now - 1,
        chain_commit_rand: RawBytes::new(drawn.ok()?.to_vec()),
    }))
}

fn extend(stage: &Stage, choices: &mut dyn Choices) -> Call {
    let (number, (deadline, partition)) = placed(stage, choices);
    let claim = SectorClaim {
        sector_number: number,
        maintain_claims: vec![number],
        drop_claims: vec![],
    };
    let with_claims = once_in(choices, 2);
    Call::new(WORKER, 32).with(&ExtendSectorExpiration2Params {
        extensions: vec![ExpirationExtension2 {
            deadline,
            partition,
            sectors: if with_claims {
                BitField::new()
            } else {
                bits(&[number])
            },
            sectors_with_claims: with_claims.then_some(claim).into_iter().collect(),
            new_expiration: stage.now()
                + policy().min_sector_expiration
                + one_of(choices, &[100_000, 1_000_000]),
        }],
    })
}

fn update(stage: &Stage, choices: &mut dyn Choices) -> Call {
    let (number, (deadline, partition)) = placed(stage, choices);
    Call::new(WORKER, 35).with(&ProveReplicaUpdates3Params {
        sector_updates: vec![SectorUpdateManifest {
            sector: number,
            deadline,
            partition,
            new_sealed_cid: replica(100 + number as u8),
            pieces: vec![piece_of(number, choices)],
        }],
        sector_proofs: vec![RawBytes::new(vec![1; 192])],
        aggregate_proof: RawBytes::default(),
        update_proofs_type: RegisteredUpdateProof::StackedDRG2KiBV1,
        aggregate_proof_type: None,
        require_activation_success: once_in(choices, 2),
        require_notification_success: once_in(choices, 4),
    })
}

fn identity(stage: &Stage, choices: &mut dyn Choices) -> Call {
    let somebody = id(one_of(choices, &[OWNER, STRANGER, WORKER]));
    let caller = one_of(choices, &[OWNER, STRANGER]);
    match choices.below(5) {
        0 => Call::new(OWNER, 3).with(&ChangeWorkerAddressParams {
            new_worker: one_of(choices, &[bls(1), bls(2)]),
            new_control_addresses: vec![somebody; choices.below(3) as usize],
        }),
        1 => Call::new(OWNER, 21),
        2 => Call::new(caller, 23).with(&somebody),
        3 => Call::new(caller, 30).with(&ChangeBeneficiaryParams {
            new_beneficiary: somebody,
            new_quota: TokenAmount::from_whole(choices.below(3)),
            new_expiration: stage.now() + one_of(choices, &[0, 100_000]),
        }),
        _ => Call::new(STRANGER, method_number("GetBeneficiary")),
    }
}

/// A double-signed block of this miner, by the rules of the mock.
fn consensus_fault(stage: &Stage) -> Call {
    let epoch = stage.now() - 1;
    let header = [
        &b"fault\x01"[..],
        &SUBJECT.to_be_bytes(),
        &epoch.to_be_bytes(),
    ]
    .concat();
    Call::new(STRANGER, 15).with(&ReportConsensusFaultParams {
        header1: RawBytes::new(header),
        header2: RawBytes::new(vec![2]),
        header_extra: RawBytes::default(),
    })
}

impl Subject for Miner {
    type Actor = boatyard_miner::Miner;
    const ID: ActorID = SUBJECT;
    const TRUSTED: &'static [ActorID] = &[0, 2, 4];

    /// Either nothing but a miner, or one with sectors that were proven once.
    fn begin(stage: &Stage, choices: &mut dyn Choices) -> Vec<Call> {
        let params = ConstructorParams {
            owner: id(OWNER),
            worker: bls(1),
            control_addresses: vec![id(VERIFIER)],
            window_post_proof_type: WINDOW_POST,
            peer_id: RawBytes::new(vec![7; 8]),
            multi_addresses: vec![RawBytes::new(vec![8])],
        };
        let constructor = Call::new(1, 1)
            .with(&params)
            .paying(TokenAmount::from_whole(100_000));
        if once_in(choices, 4) {
            return vec![constructor];
        }
        let succeeds = |call: &Call| {
            stage
                .call::<Self>(call)
                .expect("an honest miner's calls succeed");
        };
        succeeds(&constructor);
        let numbers = [0, 1, 2, 4];
        succeeds(&announce(stage, &numbers, 100_000));
        let proof = prove_commit(stage, &mut Plain).expect("sectors are announced");
        succeeds(&proof);
        for number in numbers {
            let place = location(stage, number).expect("the sector was just proven");
            if let Some(post) = prove_window_of(stage, &mut Plain, number, place) {
                // Two sectors are in one partition, which is proven once.
                let _ = stage.call::<Self>(&post);
            }
        }
        Vec::new()
    }

    fn plan(stage: &Stage, choices: &mut dyn Choices) -> Option<Call> {
        Some(match choices.below(24) {
            0..=3 => pre_commit(stage, choices),
            4..=7 => prove_commit(stage, choices)?,
            8 => prove_commit_ni(stage, choices),
            9..=11 => prove_window(stage, choices)?,
            12 => Call::new(WORKER, 10).with(&DeclareFaultsParams {
                faults: vec![declaration(stage, choices)],
            }),
            13 => Call::new(WORKER, 11).with(&DeclareFaultsRecoveredParams {
                recoveries: vec![declaration(stage, choices)],
            }),
            14 => Call::new(WORKER, 9).with(&TerminateSectorsParams {
                terminations: vec![declaration(stage, choices)],
            }),
            15 => extend(stage, choices),
            16 => update(stage, choices),
            17 => Call::new(OWNER, 16).with(&WithdrawBalanceParams {
                amount_requested: TokenAmount::from_whole(one_of(choices, &[0, 1, 1_000_000])),
            }),
            18 => {
                let reward = TokenAmount::from_whole(choices.below(3));
                let params = ApplyRewardsParams {
                    reward: reward.clone(),
                    penalty: TokenAmount::from_atto(choices.below(1 << 62)),
                };
                Call::new(2, APPLY_REWARDS).with(&params).paying(reward)
            }
            19 => consensus_fault(stage),
            20 => {
                let (_, (deadline, partition)) = placed(stage, choices);
                Call::new(WORKER, 19).with(&CompactPartitionsParams {
                    deadline,
                    partitions: bits(&[partition]),
                })
            }
            21 => Call::new(WORKER, 20).with(&CompactSectorNumbersParams {
                mask_sector_numbers: bits(&[choices.below(2 * NUMBERS)]),
            }),
            22 => {
                let (_, (deadline, _)) = placed(stage, choices);
                Call::new(STRANGER, 24).with(&DisputeWindowedPoStParams {
                    deadline,
                    post_index: choices.below(2),
                })
            }
            _ => identity(stage, choices),
        })
    }

    /// The power actor calls at the end of the epochs for which the miner enrolled.
    fn advance(stage: &Stage, to: ChainEpoch) {
        for _ in 0..MOST_EVENTS {
            let due = stage.notes.borrow().next_event(to);
            let Some((epoch, payload)) = due else {
                stage.rt.epoch(to);
                return;
            };
            stage.rt.epoch(epoch.max(stage.now()));
            let params = DeferredCronEventParams {
                event_payload: RawBytes::new(payload),
                reward_smoothed: reward(),
                quality_adj_power_smoothed: network_power(),
            };
            let call = Call::new(4, ON_DEFERRED_CRON_EVENT).with(&params);
            stage.notes.borrow_mut().take_event(epoch);
            if let Err(error) = stage.call::<Self>(&call) {
                panic!("cron failed at epoch {epoch}: {error}");
            }
            stage.rt.epoch(stage.now() + 1);
        }
    }

    fn violations(stage: &Stage) -> Vec<String> {
        readable(stage, |state: &State| {
            let (_, found) = boatyard_miner::invariants::check(
                state,
                stage.rt.store(),
                policy(),
                &stage.balance(),
            );
            found
        })
    }
}
