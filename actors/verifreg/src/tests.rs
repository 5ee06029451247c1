use boatyard_actors_shared::ext::datacap as token;
use boatyard_actors_shared::ext::verifreg::{
    AllocationClaim, AllocationRequest, AllocationRequests, Claim, ClaimExtensionRequest, DataCap,
    SectorAllocationClaims,
};
use boatyard_actors_shared::frc46::{FRC46_TOKEN_TYPE, FRC46TokenReceived, RECEIVE};
use boatyard_actors_shared::{
    DATACAP_ACTOR, DATACAP_ACTOR_ID, MARKET_ACTOR, Policy, VERIFREG_ACTOR, VERIFREG_ACTOR_ID,
};
use boatyard_mock::{ExpectedSend, MockRuntime};
use boatyard_sdk::{NetworkVariant, Type};
use cid::Cid;
use cid::multihash::Multihash;
use fvm_ipld_encoding::{CBOR, RawBytes, from_slice, to_vec};
use fvm_shared::bigint::bigint_ser::BigIntSer;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::error::ExitCode;
use fvm_shared::event::{ActorEvent, Entry, Flags};
use fvm_shared::{ActorID, MethodNum};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::*;
use crate::state::Allocation;

mod allocations;
mod claims;
mod events;
mod hostile;
mod model;
mod money;
mod removal;
mod requests;
mod verifiers;

const ROOT: ActorID = 80;
const VERIFIER: ActorID = 110;
const VERIFIER_2: ActorID = 111;
const CLIENT: ActorID = 120;
const CLIENT_2: ActorID = 121;
const MINER: ActorID = 1_000;
const MINER_2: ActorID = 1_001;

/// The smallest allocation in bytes.
const MIB: u64 = 1 << 20;
/// The shortest and the longest term.
const TERM_MIN: ChainEpoch = 518_400;
const TERM_MAX: ChainEpoch = 5_259_485;
/// The longest time until an allocation expires.
const EXPIRATION: ChainEpoch = 172_800;
/// When most tests happen.
const NOW: ChainEpoch = 1_000;

fn id(id: ActorID) -> Address {
    Address::new_id(id)
}

fn key(byte: u8) -> Address {
    Address::new_secp256k1(&[byte; 65]).unwrap()
}

fn bytes(amount: u64) -> DataCap {
    amount.into()
}

/// Commitment of a piece.
fn piece(byte: u8) -> Cid {
    Cid::new_v1(0xf101, Multihash::wrap(0x1012, &[byte; 32]).unwrap())
}

/// The registry at genesis, with everybody there.
fn registry() -> MockRuntime {
    let rt = MockRuntime::new().receiver(VERIFREG_ACTOR_ID).caller(0);
    rt.actor(ROOT, Type::Multisig);
    assert_eq!(call::<()>(&rt, 1, &id(ROOT)), Err(None));
    for account in [VERIFIER, VERIFIER_2, CLIENT, CLIENT_2] {
        rt.actor(account, Type::Account);
    }
    for miner in [MINER, MINER_2] {
        rt.actor(miner, Type::Miner);
    }
    rt.epoch(NOW).caller(ROOT)
}

/// What a call returns; `Err(None)` for no block, `Err(Some(code))` for a failure.
fn call<R: DeserializeOwned>(
    rt: &MockRuntime,
    method: MethodNum,
    params: &impl Serialize,
) -> Result<R, Option<u32>> {
    match rt.call_with::<VerifiedRegistry>(method, params) {
        Ok(Some(block)) => {
            assert_eq!(block.codec, CBOR);
            Ok(block.deserialize().unwrap())
        }
        Ok(None) => Err(None),
        Err(error) => {
            assert!(!error.message().contains("panicked"), "{error}");
            Err(Some(error.exit_code().value()))
        }
    }
}

/// The exit code of a call that returns no data.
fn code(rt: &MockRuntime, method: MethodNum, params: &impl Serialize) -> u32 {
    match call::<()>(rt, method, params) {
        Err(code) => code.unwrap_or(0),
        Ok(()) => panic!("a block was returned"),
    }
}

/// The token is asked for a balance.
fn expect_balance(rt: &MockRuntime, of: ActorID, balance: TokenAmount) -> ExpectedSend<'_> {
    rt.expect_send(DATACAP_ACTOR, token::BALANCE)
        .params(&id(of))
        .read_only()
        .returns(&balance)
}

fn expect_burn(rt: &MockRuntime, amount: u64) -> ExpectedSend<'_> {
    let params = token::BurnParams {
        amount: TokenAmount::from_whole(amount),
    };
    rt.expect_send(DATACAP_ACTOR, token::BURN).params(&params)
}

fn expect_transfer(rt: &MockRuntime, client: ActorID, amount: u64) -> ExpectedSend<'_> {
    let params = token::TransferParams {
        to: id(client),
        amount: TokenAmount::from_whole(amount),
        operator_data: RawBytes::default(),
    };
    rt.expect_send(DATACAP_ACTOR, token::TRANSFER)
        .params(&params)
}

fn expect_mint(rt: &MockRuntime, client: ActorID, amount: u64) -> ExpectedSend<'_> {
    let params = token::MintParams {
        to: id(client),
        amount: TokenAmount::from_whole(amount),
        operators: vec![MARKET_ACTOR],
    };
    rt.expect_send(DATACAP_ACTOR, token::MINT).params(&params)
}

fn verifier(address: Address, allowance: u64) -> VerifierParams {
    VerifierParams {
        address,
        allowance: bytes(allowance),
    }
}

/// A registry in which both verifiers may hand out this much; the root key calls.
fn with_verifiers(allowance: u64) -> MockRuntime {
    let rt = registry();
    for who in [VERIFIER, VERIFIER_2] {
        expect_balance(&rt, who, TokenAmount::default());
        assert_eq!(code(&rt, 2, &verifier(id(who), allowance)), 0);
    }
    rt.events();
    rt
}

fn cap(rt: &MockRuntime, verifier: ActorID) -> Option<DataCap> {
    let state: State = rt.state();
    state.verifier_cap(rt.store(), &id(verifier)).unwrap()
}

/// A request for the longest term and time.
fn request(provider: ActorID, piece_byte: u8, size: u64) -> AllocationRequest {
    AllocationRequest {
        provider,
        data: piece(piece_byte),
        size,
        term_min: TERM_MIN,
        term_max: TERM_MAX,
        expiration: NOW + EXPIRATION,
    }
}

fn extension(provider: ActorID, claim: u64, term_max: ChainEpoch) -> ClaimExtensionRequest {
    ClaimExtensionRequest {
        provider,
        claim,
        term_max,
    }
}

fn hook(client: ActorID, amount: u64, requests: &AllocationRequests) -> UniversalReceiverParams {
    let received = FRC46TokenReceived {
        from: client,
        to: VERIFREG_ACTOR_ID,
        operator: client,
        amount: TokenAmount::from_whole(amount),
        operator_data: RawBytes::serialize(requests).unwrap(),
        token_data: RawBytes::default(),
    };
    UniversalReceiverParams {
        type_: FRC46_TOKEN_TYPE,
        payload: RawBytes::serialize(received).unwrap(),
    }
}

/// Datacap arrives from a client with requests.
fn receive(
    rt: &MockRuntime,
    client: ActorID,
    amount: u64,
    requests: &AllocationRequests,
) -> Result<AllocationsResponse, Option<u32>> {
    rt.caller(DATACAP_ACTOR_ID);
    call(rt, RECEIVE, &hook(client, amount, requests))
}

/// Makes allocations for a client and gives their numbers.
fn allocate(rt: &MockRuntime, client: ActorID, allocations: &[AllocationRequest]) -> Vec<u64> {
    let requests = AllocationRequests {
        allocations: allocations.to_vec(),
        extensions: vec![],
    };
    let amount = allocations.iter().map(|request| request.size).sum();
    let response = receive(rt, client, amount, &requests).unwrap();
    response.new_allocations
}

fn extend(
    rt: &MockRuntime,
    client: ActorID,
    amount: u64,
    extensions: &[ClaimExtensionRequest],
) -> Result<AllocationsResponse, Option<u32>> {
    let requests = AllocationRequests {
        allocations: vec![],
        extensions: extensions.to_vec(),
    };
    receive(rt, client, amount, &requests)
}

/// An allocation as made by [`request`], in a claim.
fn piece_claim(client: ActorID, allocation_id: u64, piece_byte: u8, size: u64) -> AllocationClaim {
    AllocationClaim {
        client,
        allocation_id,
        data: piece(piece_byte),
        size,
    }
}

/// A sector that lives for the shortest term.
fn sector(rt: &MockRuntime, number: u64, claims: &[AllocationClaim]) -> SectorAllocationClaims {
    SectorAllocationClaims {
        sector: number,
        expiry: rt.epoch_now() + TERM_MIN,
        claims: claims.to_vec(),
    }
}

fn claim_sectors(
    rt: &MockRuntime,
    miner: ActorID,
    sectors: &[SectorAllocationClaims],
    all_or_nothing: bool,
) -> Result<ClaimAllocationsReturn, Option<u32>> {
    let params = ClaimAllocationsParams {
        sectors: sectors.to_vec(),
        all_or_nothing,
    };
    call(&rt.caller(miner), 9, &params)
}

/// A registry with a claim of MINER for each piece of these sizes, of CLIENT, with
/// the numbers from 1 on, made at [`NOW`] for sector 7.
fn with_claims(sizes: &[u64]) -> MockRuntime {
    let rt = registry();
    let requests: Vec<_> = (1..)
        .zip(sizes)
        .map(|(n, size)| request(MINER, n, *size))
        .collect();
    let ids = allocate(&rt, CLIENT, &requests);
    let claims: Vec<_> = ids
        .iter()
        .zip(&requests)
        .map(|(id, request)| AllocationClaim {
            client: CLIENT,
            allocation_id: *id,
            data: request.data,
            size: request.size,
        })
        .collect();
    expect_burn(&rt, sizes.iter().sum());
    claim_sectors(&rt, MINER, &[sector(&rt, 7, &claims)], true).unwrap();
    rt.events();
    rt
}

/// The claim as [`with_claims`] makes it.
fn claim_of(number: u8, size: u64) -> Claim {
    Claim {
        provider: MINER,
        client: CLIENT,
        data: piece(number),
        size,
        term_min: TERM_MIN,
        term_max: TERM_MAX,
        term_start: NOW,
        sector: 7,
    }
}

fn state(rt: &MockRuntime) -> State {
    let state: State = rt.state();
    let policy = Policy::of(NetworkVariant::Mainnet);
    let violations = invariants::check(&state, rt.store(), policy, rt.epoch_now());
    assert_eq!(violations, [""; 0]);
    state
}

fn get_allocation(rt: &MockRuntime, client: ActorID, number: u64) -> Option<Allocation> {
    let mut allocations = state(rt).load_allocations(rt.store()).unwrap();
    allocations.get(&client, &number).unwrap().cloned()
}

fn get_claim(rt: &MockRuntime, provider: ActorID, number: u64) -> Option<Claim> {
    let mut claims = state(rt).load_claims(rt.store()).unwrap();
    claims.get(&provider, &number).unwrap().cloned()
}

fn batch(codes: &[u32]) -> BatchReturn {
    let codes: Vec<_> = codes.iter().copied().map(ExitCode::new).collect();
    BatchReturn::of(&codes)
}

/// The names of the events since the last time, with the first field after it.
fn event_names(rt: &MockRuntime) -> Vec<(String, u64)> {
    let entries = |event: &ActorEvent| {
        let name = from_slice(&event.entries[0].value).unwrap();
        (name, from_slice(&event.entries[1].value).unwrap())
    };
    rt.events().iter().map(|e| entries(&e.event)).collect()
}
