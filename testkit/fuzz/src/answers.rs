//! What others say when the actor calls them.
//!
//! Singletons are honest or fail; they are never wrong, as an actor trusts them.
//! Everybody else may answer anything, or call back.

use std::cell::RefCell;
use std::rc::Rc;

use boatyard_actors_shared::BatchReturn;
use boatyard_actors_shared::ext::account::{AUTHENTICATE_MESSAGE, PUBKEY_ADDRESS};
use boatyard_actors_shared::ext::datacap::{
    self, BurnReturn, MintReturn, TransferFromParams, TransferFromReturn, TransferReturn,
};
use boatyard_actors_shared::ext::market::{
    self, BatchActivateDealsParams, BatchActivateDealsReturn, SectorChanges, SectorDealActivation,
    VerifyDealsForActivationParams, VerifyDealsForActivationReturn,
};
use boatyard_actors_shared::ext::miner::{
    CONTROL_ADDRESSES, ControlAddressesReturn, IS_CONTROLLING_ADDRESS,
};
use boatyard_actors_shared::ext::power::{self, CurrentTotalPowerReturn, EnrollCronEventParams};
use boatyard_actors_shared::ext::reward::{THIS_EPOCH_REWARD, ThisEpochRewardReturn};
use boatyard_actors_shared::ext::verifreg::{
    self, AllocationRequests, AllocationsResponse, Claim, ClaimAllocationsParams,
    ClaimAllocationsReturn, GetClaimsParams, GetClaimsReturn, SectorClaimSummary,
};
use boatyard_actors_shared::ext::{eam, init, registry};
use boatyard_actors_shared::{EthAddress, FilterEstimate};
use boatyard_mock::hostile::{Choices, Seeded};
use boatyard_mock::{MockRuntime, Request};
use boatyard_sdk::{Actor, ActorError};
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_ipld_encoding::{CBOR, IPLD_RAW, RawBytes, from_slice, to_vec};
use fvm_shared::address::Address;
use fvm_shared::bigint::BigInt;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::error::{ErrorNumber, ExitCode};
use fvm_shared::{ActorID, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cast::{
    self, BIRTH, CLIENT, MINER, MINER_2, OWNER, STRANGER, SUBJECT, WORKER, bls, f410, id, piece,
};
use crate::input::{Input, one_of};
use crate::stage::Call;

/// How others are during a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// They answer as they should.
    Honest,
    /// One after another fails, now and then.
    Failing,
    /// Who is no singleton answers anything.
    Wild,
    /// Who is no singleton calls back before it answers.
    CallingBack,
}

impl Mood {
    pub(crate) fn drawn(input: &mut Input<'_>) -> Self {
        match input.below(10) {
            0..=5 => Self::Honest,
            6 | 7 => Self::Failing,
            8 => Self::Wild,
            _ => Self::CallingBack,
        }
    }
}

/// Calls of the actor to itself are not nested deeper than this.
const MOST_NESTED: u32 = 3;
/// A call makes so many sends; further ones fail.
const MOST_SENDS: u32 = 96;

/// What is known of the call that runs.
pub(crate) struct Notes {
    receiver: ActorID,
    mood: Mood,
    tape: Seeded,
    caller: ActorID,
    depth: u32,
    sends: u32,
    created: usize,
    /// Events of which the power actor heard: when, and with which payload.
    pub(crate) enrolled: Vec<(ChainEpoch, Vec<u8>)>,
    /// What panicked, in a call or in a call back.
    pub(crate) panics: Vec<String>,
}

impl Notes {
    pub(crate) fn new(receiver: ActorID) -> Self {
        Self {
            receiver,
            mood: Mood::Honest,
            tape: Seeded(0),
            caller: 0,
            depth: 0,
            sends: 0,
            created: 0,
            enrolled: Vec::new(),
            panics: Vec::new(),
        }
    }

    /// The earliest event of which the power actor heard, if it is due by an epoch.
    pub(crate) fn next_event(&self, by: ChainEpoch) -> Option<(ChainEpoch, Vec<u8>)> {
        let first = self.enrolled.iter().min_by_key(|(epoch, _)| *epoch)?;
        (first.0 <= by).then(|| first.clone())
    }

    /// The power actor forgets the first event of an epoch.
    pub(crate) fn take_event(&mut self, epoch: ChainEpoch) {
        if let Some(at) = self.enrolled.iter().position(|(of, _)| *of == epoch) {
            self.enrolled.remove(at);
        }
    }

    /// How others are from now on.
    pub(crate) fn set(&mut self, mood: Mood, tape: Seeded) {
        (self.mood, self.tape) = (mood, tape);
    }
}

/// Makes a call, also one within another.
pub(crate) fn call_as<A: Actor>(
    rt: &MockRuntime,
    notes: &Rc<RefCell<Notes>>,
    call: &Call,
    read_only: bool,
) -> Result<Option<IpldBlock>, ActorError> {
    let before = {
        let mut notes = notes.borrow_mut();
        if notes.depth == 0 {
            notes.sends = 0;
        }
        notes.depth += 1;
        std::mem::replace(&mut notes.caller, call.caller)
    };
    rt.caller(call.caller).value(call.value.clone());
    if read_only {
        rt.read_only();
    }
    let result = rt.call::<A>(call.method, call.params.clone());
    let mut notes = notes.borrow_mut();
    notes.depth -= 1;
    notes.caller = before;
    rt.caller(before);
    if let Err(error) = &result
        && error.message().contains("the actor panicked")
    {
        notes.panics.push(error.to_string());
    }
    result
}

/// Answers a send.
pub(crate) fn answer<A: Actor>(
    rt: &MockRuntime,
    request: &Request<'_>,
    notes: &Rc<RefCell<Notes>>,
) -> Result<Response, ErrorNumber> {
    let (receiver, mood, choice, depth) = {
        let mut notes = notes.borrow_mut();
        notes.sends += 1;
        if notes.sends > MOST_SENDS {
            return Err(ErrorNumber::LimitExceeded);
        }
        (notes.receiver, notes.mood, notes.tape.random(), notes.depth)
    };
    let target = cast::resolve(request.to);
    if target == Some(receiver) {
        return call_itself::<A>(rt, request, notes);
    }
    let is_singleton = target.is_some_and(|id| id < 100);
    match mood {
        Mood::Failing if choice % 3 == 0 => return failure(choice >> 8),
        Mood::Wild if !is_singleton => return wild(Seeded(choice)),
        Mood::CallingBack if !is_singleton && depth < MOST_NESTED => {
            call_back::<A>(rt, request, target, notes, Seeded(choice));
        }
        _ => {}
    }
    let Some(target) = target else {
        // Money makes an account of a key's address; nothing else is there.
        let is_transfer = request.method == 0;
        return if is_transfer {
            ok(None)
        } else {
            Err(ErrorNumber::NotFound)
        };
    };
    honest(rt, target, request, notes)
}

fn call_itself<A: Actor>(
    rt: &MockRuntime,
    request: &Request<'_>,
    notes: &Rc<RefCell<Notes>>,
) -> Result<Response, ErrorNumber> {
    let (me, depth) = (notes.borrow().receiver, notes.borrow().depth);
    if depth >= MOST_NESTED {
        return Err(ErrorNumber::LimitExceeded);
    }
    // The world gave the money to the receiver already, and would do so again.
    let balance = rt.balance_of(me).unwrap_or_default();
    rt.balance(me, balance - request.value);
    let call = Call {
        caller: me,
        method: request.method,
        params: request.params.clone(),
        value: request.value.clone(),
    };
    respond(call_as::<A>(rt, notes, &call, request.read_only))
}

/// What was called calls the actor that waits for it.
fn call_back<A: Actor>(
    rt: &MockRuntime,
    request: &Request<'_>,
    target: Option<ActorID>,
    notes: &Rc<RefCell<Notes>>,
    mut choices: Seeded,
) {
    let methods = A::ABI.methods;
    let Some(caller) = target.filter(|_| !methods.is_empty()) else {
        return;
    };
    let method = &methods[choices.below(methods.len() as u64) as usize];
    let known = cast::known(notes.borrow().receiver);
    let call = Call {
        caller,
        method: method.number,
        params: boatyard_mock::hostile::drawn(&method.params, &mut choices, &known),
        value: TokenAmount::default(),
    };
    // Whether it may is its own affair.
    let _ = call_as::<A>(rt, notes, &call, request.read_only);
}

fn respond(result: Result<Option<IpldBlock>, ActorError>) -> Result<Response, ErrorNumber> {
    match result {
        Ok(return_data) => ok(return_data),
        Err(error) => {
            let (exit_code, _, return_data) = error.into_parts();
            Ok(Response {
                exit_code,
                return_data,
            })
        }
    }
}

fn ok(return_data: Option<IpldBlock>) -> Result<Response, ErrorNumber> {
    Ok(Response {
        exit_code: ExitCode::OK,
        return_data,
    })
}

fn failure(choice: u64) -> Result<Response, ErrorNumber> {
    let refusals = [
        ErrorNumber::NotFound,
        ErrorNumber::LimitExceeded,
        ErrorNumber::InsufficientFunds,
        ErrorNumber::ReadOnly,
    ];
    match choice % 8 {
        0 => Err(refusals[(choice >> 8) as usize % refusals.len()]),
        1 => Ok(Response {
            exit_code: ExitCode::SYS_OUT_OF_GAS,
            return_data: None,
        }),
        2 => Ok(Response {
            exit_code: ExitCode::new((choice >> 8) as u32 | 32),
            return_data: block(&"words"),
        }),
        code => Ok(Response {
            exit_code: ExitCode::new(14 + code as u32),
            return_data: None,
        }),
    }
}

/// Anything at all.
fn wild(mut choices: Seeded) -> Result<Response, ErrorNumber> {
    let big = || TokenAmount::from_atto(BigInt::from(-1) << 600);
    let many = BatchReturn::ok(u32::MAX);
    let data = match choices.below(14) {
        0 => return failure(choices.random()),
        1 => None,
        2 => block(&(many,)),
        3 => block(&(BatchReturn::ok(1), Vec::<u8>::new())),
        4 => block(&big()),
        5 => block(&true),
        6 => block(&vec![vec![true; 3]; 3]),
        7 => block(&vec![Vec::<bool>::new(); 40]),
        8 => block(&u64::MAX),
        9 => block(&Address::new_actor(&[1])),
        10 => block(&(id(u64::MAX), id(0), Vec::<Address>::new())),
        11 => Some(IpldBlock {
            codec: CBOR,
            data: vec![0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        }),
        12 => Some(IpldBlock {
            codec: one_of(&mut choices, &[IPLD_RAW, CBOR, 0x99]),
            data: choices.random().to_be_bytes().to_vec(),
        }),
        _ => block(&RawBytes::new(vec![0xff; 70_000])),
    };
    ok(data)
}

fn block(value: &(impl Serialize + ?Sized)) -> Option<IpldBlock> {
    let data = to_vec(value).expect("made answers encode");
    Some(IpldBlock { codec: CBOR, data })
}

fn params<T: DeserializeOwned>(request: &Request<'_>) -> Option<T> {
    from_slice(&request.params.as_ref()?.data).ok()
}

/// 36 FIL an epoch.
pub(crate) fn reward() -> FilterEstimate {
    FilterEstimate::from_integers(BigInt::from(36_000_000_000_000_000_000u128), 0)
}

/// 20 EiB.
pub(crate) fn network_power() -> FilterEstimate {
    FilterEstimate::from_integers(BigInt::from(20u64) << 60, 0)
}

/// What an actor of this kind says if nothing is wrong. Parameters that it would not
/// understand are answered like those of a method without a return value.
fn honest(
    rt: &MockRuntime,
    target: ActorID,
    request: &Request<'_>,
    notes: &Rc<RefCell<Notes>>,
) -> Result<Response, ErrorNumber> {
    let data = match target {
        1 => created(request, notes),
        2 if request.method == THIS_EPOCH_REWARD => block(&ThisEpochRewardReturn {
            this_epoch_reward_smoothed: reward(),
            this_epoch_baseline_power: BigInt::from(25u64) << 60,
        }),
        4 => power(request, notes),
        5 => deals(request),
        6 => claims(request, notes.borrow().receiver, rt.epoch_now()),
        7 => tokens(request),
        8 if request.method == registry::IS_INSTALLED => block(&true),
        10 => block(&eam::Return {
            actor_id: 3_000,
            robust_address: Some(Address::new_actor(&[7])),
            eth_address: EthAddress([7; 20]),
        }),
        _ => others(target, request),
    };
    ok(data)
}

fn created(request: &Request<'_>, notes: &Rc<RefCell<Notes>>) -> Option<IpldBlock> {
    if !matches!(request.method, init::EXEC | init::EXEC4) {
        return None;
    }
    let number = notes.borrow().created;
    notes.borrow_mut().created += 1;
    let new = [MINER, MINER_2].get(number).copied();
    block(&init::ExecReturn {
        id_address: id(new.unwrap_or(3_000 + number as u64)),
        robust_address: Address::new_actor(&number.to_be_bytes()),
    })
}

fn power(request: &Request<'_>, notes: &Rc<RefCell<Notes>>) -> Option<IpldBlock> {
    match request.method {
        power::CURRENT_TOTAL_POWER => block(&CurrentTotalPowerReturn {
            raw_byte_power: BigInt::from(10u64) << 60,
            quality_adj_power: BigInt::from(20u64) << 60,
            pledge_collateral: TokenAmount::default(),
            quality_adj_power_smoothed: network_power(),
            ramp_start_epoch: 0,
            ramp_duration_epochs: 0,
        }),
        power::ENROLL_CRON_EVENT => {
            let params: EnrollCronEventParams = params(request)?;
            let event = (params.event_epoch, params.payload.to_vec());
            notes.borrow_mut().enrolled.push(event);
            None
        }
        _ => None,
    }
}

fn deals(request: &Request<'_>) -> Option<IpldBlock> {
    match request.method {
        market::VERIFY_DEALS_FOR_ACTIVATION => {
            let params: VerifyDealsForActivationParams = params(request)?;
            block(&VerifyDealsForActivationReturn {
                unsealed_cids: vec![None; params.sectors.len()],
            })
        }
        market::BATCH_ACTIVATE_DEALS => {
            let params: BatchActivateDealsParams = params(request)?;
            let nothing = SectorDealActivation {
                activated: vec![],
                unsealed_cid: None,
            };
            block(&BatchActivateDealsReturn {
                activation_results: BatchReturn::ok(params.sectors.len() as u32),
                activations: vec![nothing; params.sectors.len()],
            })
        }
        market::SECTOR_CONTENT_CHANGED => accepted(request),
        _ => None,
    }
}

/// Every piece is welcome.
fn accepted(request: &Request<'_>) -> Option<IpldBlock> {
    let changes: Vec<SectorChanges> = params(request)?;
    let all: Vec<_> = changes
        .iter()
        .map(|sector| vec![true; sector.added.len()])
        .collect();
    block(&all)
}

fn claims(request: &Request<'_>, receiver: ActorID, now: ChainEpoch) -> Option<IpldBlock> {
    match request.method {
        verifreg::CLAIM_ALLOCATIONS => {
            let params: ClaimAllocationsParams = params(request)?;
            let sums = params.sectors.iter().map(|sector| SectorClaimSummary {
                claimed_space: sector
                    .claims
                    .iter()
                    .map(|claim| claim.size)
                    .sum::<u64>()
                    .into(),
            });
            block(&ClaimAllocationsReturn {
                sector_results: BatchReturn::ok(params.sectors.len() as u32),
                sector_claims: sums.collect(),
            })
        }
        verifreg::GET_CLAIMS => {
            let params: GetClaimsParams = params(request)?;
            let claims = params.claim_ids.iter().map(|number| Claim {
                provider: receiver,
                client: CLIENT,
                data: piece(*number as u8),
                size: cast::SECTOR_SIZE,
                term_min: 518_400,
                term_max: 2_000_000,
                term_start: BIRTH.min(now),
                sector: number % 8,
            });
            block(&GetClaimsReturn {
                batch_info: BatchReturn::ok(params.claim_ids.len() as u32),
                claims: claims.collect(),
            })
        }
        _ => None,
    }
}

fn tokens(request: &Request<'_>) -> Option<IpldBlock> {
    let plenty = || TokenAmount::from_whole(1u64 << 50);
    match request.method {
        datacap::BALANCE => {
            // Verifiers may have none.
            let holder: Option<Address> = params(request);
            let has_some = [CLIENT, STRANGER].map(id).contains(&holder?);
            block(&if has_some {
                plenty()
            } else {
                TokenAmount::default()
            })
        }
        datacap::MINT => block(&MintReturn {
            balance: plenty(),
            supply: plenty(),
            recipient_data: RawBytes::default(),
        }),
        datacap::BURN => block(&BurnReturn { balance: plenty() }),
        datacap::DESTROY => block(&BurnReturn { balance: plenty() }),
        datacap::TRANSFER => block(&TransferReturn {
            from_balance: plenty(),
            to_balance: plenty(),
            recipient_data: RawBytes::default(),
        }),
        datacap::TRANSFER_FROM => {
            let params: TransferFromParams = params(request)?;
            let requests: AllocationRequests = params.operator_data.deserialize().ok()?;
            let response = AllocationsResponse {
                allocation_results: BatchReturn::ok(requests.allocations.len() as u32),
                extension_results: BatchReturn::ok(requests.extensions.len() as u32),
                new_allocations: (1..).take(requests.allocations.len()).collect(),
            };
            block(&TransferFromReturn {
                from_balance: plenty(),
                to_balance: plenty(),
                allowance: plenty(),
                recipient_data: RawBytes::serialize(response).ok()?,
            })
        }
        _ => None,
    }
}

fn others(target: ActorID, request: &Request<'_>) -> Option<IpldBlock> {
    let is_miner = [SUBJECT, MINER, MINER_2].contains(&target);
    match request.method {
        CONTROL_ADDRESSES if is_miner => block(&ControlAddressesReturn {
            owner: id(OWNER),
            worker: id(WORKER),
            control_addresses: vec![],
        }),
        IS_CONTROLLING_ADDRESS if is_miner => block(&true),
        PUBKEY_ADDRESS => block(&bls(1)),
        AUTHENTICATE_MESSAGE => block(&true),
        market::SECTOR_CONTENT_CHANGED => accepted(request),
        _ if target == cast::CONTRACT => block(&RawBytes::new(f410(target).to_bytes())),
        _ => None,
    }
}
