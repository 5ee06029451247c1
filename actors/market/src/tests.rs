use std::collections::BTreeSet;

use boatyard_actors_shared::batch::BatchReturn;
use boatyard_actors_shared::ext::account::{AUTHENTICATE_MESSAGE, AuthenticateMessageParams};
use boatyard_actors_shared::ext::market::{
    ActivatedDeal, MARKET_NOTIFY_DEAL, MarketNotifyDealParams, SectorDeals,
};
use boatyard_actors_shared::ext::miner::{
    CONTROL_ADDRESSES, ControlAddressesReturn, IS_CONTROLLING_ADDRESS,
};
use boatyard_actors_shared::ext::power::{CURRENT_TOTAL_POWER, CurrentTotalPowerReturn};
use boatyard_actors_shared::ext::reward::{THIS_EPOCH_REWARD, ThisEpochRewardReturn};
use boatyard_actors_shared::{
    BURNT_FUNDS_ACTOR, CRON_ACTOR_ID, FilterEstimate, MARKET_ACTOR_ID, POWER_ACTOR, REWARD_ACTOR,
};
use boatyard_mock::{ExpectedSend, MockRuntime};
use boatyard_sdk::Type;
use cid::Cid;
use cid::multihash::Multihash;
use fvm_ipld_encoding::{CBOR, RawBytes, from_slice, to_vec};
use fvm_shared::MethodNum;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::crypto::signature::Signature;
use fvm_shared::piece::PaddedPieceSize;
use fvm_shared::sector::{RegisteredSealProof, StoragePower};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::*;

mod activation;
mod content;
mod cron;
mod escrow;
mod getters;
mod hostile;
mod model;
mod money;
mod publish;
mod publish_datacap;
mod settlement;
mod termination;
mod verify;

const CLIENT: ActorID = 110;
const CLIENT_2: ActorID = 111;
const OWNER: ActorID = 120;
const WORKER: ActorID = 121;
const CONTROL: ActorID = 122;
const STRANGER: ActorID = 130;
const PROVIDER: ActorID = 1_000;
const PROVIDER_2: ActorID = 1_001;

/// When most tests begin.
const NOW: ChainEpoch = 1_000;
/// When most deals start.
const START: ChainEpoch = NOW + 100;
/// The shortest deal.
const DURATION: ChainEpoch = 518_400;
/// When most deals end.
const END: ChainEpoch = START + DURATION;
/// How often cron looks at a deal.
const INTERVAL: ChainEpoch = 86_400;

const KIB: u64 = 1 << 10;
const PRICE: i64 = 10;
const CLIENT_COLLATERAL: i64 = 3_000;
const PROVIDER_COLLATERAL: i64 = 7_000;
const FEE: i64 = PRICE * DURATION;
const CLIENT_NEEDS: i64 = FEE + CLIENT_COLLATERAL;

fn id(id: ActorID) -> Address {
    Address::new_id(id)
}

fn atto(amount: i64) -> TokenAmount {
    TokenAmount::from_atto(amount)
}

fn piece(byte: u8) -> Cid {
    Cid::new_v1(0xf101, Multihash::wrap(0x1012, &[byte; 32]).unwrap())
}

/// The market at genesis, with everybody there.
fn market() -> MockRuntime {
    let rt = MockRuntime::new().receiver(MARKET_ACTOR_ID).caller(0);
    assert_eq!(rt.call::<Market>(1, None), Ok(None));
    for account in [CLIENT, CLIENT_2, OWNER, WORKER, CONTROL, STRANGER] {
        rt.actor(account, Type::Account);
    }
    for miner in [PROVIDER, PROVIDER_2] {
        rt.actor(miner, Type::Miner);
    }
    rt.epoch(NOW).caller(STRANGER)
}

/// What a call returns; `Err(None)` for no block, `Err(Some(code))` for a failure.
fn call<R: DeserializeOwned>(
    rt: &MockRuntime,
    method: MethodNum,
    params: &(impl Serialize + ?Sized),
) -> Result<R, Option<u32>> {
    match rt.call_with::<Market>(method, params) {
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
fn code(rt: &MockRuntime, method: MethodNum, params: &(impl Serialize + ?Sized)) -> u32 {
    match call::<()>(rt, method, params) {
        Err(code) => code.unwrap_or(0),
        Ok(()) => panic!("a block was returned"),
    }
}

/// The state, in which everything holds that must.
fn state(rt: &MockRuntime) -> State {
    let state: State = rt.state();
    let balance = rt.balance_of(MARKET_ACTOR_ID).unwrap();
    let violations = invariants::check(&state, rt.store(), &balance, rt.epoch_now());
    assert_eq!(violations, [""; 0]);
    state
}

// --- Money ---

fn expect_control_addresses(rt: &MockRuntime, miner: ActorID) -> ExpectedSend<'_> {
    let control = ControlAddressesReturn {
        owner: id(OWNER),
        worker: id(WORKER),
        control_addresses: vec![id(CONTROL)],
    };
    rt.expect_send(id(miner), CONTROL_ADDRESSES)
        .returns(&control)
}

fn deposit(rt: &MockRuntime, holder: ActorID, amount: i64) {
    if [PROVIDER, PROVIDER_2].contains(&holder) {
        expect_control_addresses(rt, holder);
    }
    rt.value(atto(amount));
    assert_eq!(code(rt, 2, &id(holder)), 0);
}

/// What somebody has in escrow, and what of it is locked; `None` without an entry.
fn entries(rt: &MockRuntime, holder: ActorID) -> [Option<TokenAmount>; 2] {
    let state: State = rt.state();
    [state.escrow_table, state.locked_table].map(|root| {
        let table = root.load(rt.store()).unwrap();
        table.get(&id(holder)).unwrap().cloned()
    })
}

/// The same in attoFIL, nothing without an entry.
fn balances(rt: &MockRuntime, holder: ActorID) -> [i64; 2] {
    entries(rt, holder).map(|entry| {
        let amount = entry.unwrap_or_default();
        i64::try_from(amount.atto()).unwrap()
    })
}

fn expect_burn(rt: &MockRuntime, amount: i64) -> ExpectedSend<'_> {
    rt.expect_send(BURNT_FUNDS_ACTOR, 0).value(atto(amount))
}

/// A market in which clients and providers have enough for a hundred deals.
fn funded() -> MockRuntime {
    let rt = market();
    for client in [CLIENT, CLIENT_2] {
        deposit(&rt, client, 100 * CLIENT_NEEDS);
    }
    for provider in [PROVIDER, PROVIDER_2] {
        deposit(&rt, provider, 100 * PROVIDER_COLLATERAL);
    }
    rt
}

// --- Publishing ---

/// A proposal of CLIENT to PROVIDER; the byte makes it a different one.
fn proposal(byte: u8) -> DealProposal {
    DealProposal {
        piece_cid: piece(byte),
        piece_size: PaddedPieceSize(KIB),
        verified_deal: false,
        client: id(CLIENT),
        provider: id(PROVIDER),
        label: Label::Text("label".into()),
        start_epoch: START,
        end_epoch: END,
        storage_price_per_epoch: atto(PRICE),
        provider_collateral: atto(PROVIDER_COLLATERAL),
        client_collateral: atto(CLIENT_COLLATERAL),
    }
}

fn signed(proposal: &DealProposal) -> ClientDealProposal {
    ClientDealProposal {
        proposal: proposal.clone(),
        client_signature: Signature::new_bls(b"signature".to_vec()),
    }
}

fn params(proposals: &[DealProposal]) -> PublishStorageDealsParams {
    PublishStorageDealsParams {
        deals: proposals.iter().map(signed).collect(),
    }
}

fn expect_controlling(rt: &MockRuntime, caller: ActorID, answer: bool) -> ExpectedSend<'_> {
    rt.expect_send(id(PROVIDER), IS_CONTROLLING_ADDRESS)
        .params(&id(caller))
        .returns(&answer)
}

fn expect_reward(rt: &MockRuntime, baseline: u64) -> ExpectedSend<'_> {
    let reward = ThisEpochRewardReturn {
        this_epoch_reward_smoothed: FilterEstimate::default(),
        this_epoch_baseline_power: baseline.into(),
    };
    rt.expect_send(REWARD_ACTOR, THIS_EPOCH_REWARD)
        .returns(&reward)
}

fn expect_power(rt: &MockRuntime, raw: u64) -> ExpectedSend<'_> {
    let power = CurrentTotalPowerReturn {
        raw_byte_power: StoragePower::from(raw),
        quality_adj_power: StoragePower::from(raw),
        pledge_collateral: TokenAmount::default(),
        quality_adj_power_smoothed: FilterEstimate::default(),
        ramp_start_epoch: 0,
        ramp_duration_epochs: 0,
    };
    rt.expect_send(POWER_ACTOR, CURRENT_TOTAL_POWER)
        .returns(&power)
}

/// The questions before the first signature: the caller is the worker.
fn expect_questions(rt: &MockRuntime) {
    rt.caller(WORKER);
    expect_controlling(rt, WORKER, true);
    expect_reward(rt, 0);
    expect_power(rt, 0);
}

/// A client is asked whether it signed.
fn expect_signature<'a>(rt: &'a MockRuntime, proposal: &DealProposal) -> ExpectedSend<'a> {
    let params = AuthenticateMessageParams {
        signature: RawBytes::new(b"signature".to_vec()),
        message: RawBytes::serialize(proposal).unwrap(),
    };
    rt.expect_send(proposal.client, AUTHENTICATE_MESSAGE)
        .params(&params)
        .read_only()
        .returns(&true)
}

/// A client is told of its deal; the proposal has ID addresses.
fn expect_notice<'a>(
    rt: &'a MockRuntime,
    deal_id: DealID,
    proposal: &DealProposal,
) -> ExpectedSend<'a> {
    let params = MarketNotifyDealParams {
        proposal: RawBytes::serialize(proposal).unwrap(),
        deal_id,
    };
    rt.expect_send(proposal.client, MARKET_NOTIFY_DEAL)
        .params(&params)
}

/// Publishes proposals that are all good, without datacap.
fn publish(rt: &MockRuntime, proposals: &[DealProposal]) -> Vec<DealID> {
    let next = rt.state::<State>().next_id;
    expect_questions(rt);
    for proposal in proposals {
        expect_signature(rt, proposal);
    }
    for (id, proposal) in (next..).zip(proposals) {
        expect_notice(rt, id, proposal);
    }
    let published: PublishStorageDealsReturn = call(rt, 4, &params(proposals)).unwrap();
    assert_eq!(published.valid_deals.len(), proposals.len() as u64);
    state(rt);
    published.ids
}

/// A funded market with so many published deals, numbered from 0.
fn with_deals(count: u8) -> MockRuntime {
    let rt = funded();
    let proposals: Vec<_> = (0..count).map(proposal).collect();
    assert_eq!(
        publish(&rt, &proposals),
        (0..u64::from(count)).collect::<Vec<_>>()
    );
    rt.events();
    rt
}

// --- Sectors ---

fn sector(number: u64, deals: &[DealID]) -> SectorDeals {
    SectorDeals {
        sector_number: number,
        sector_type: RegisteredSealProof::StackedDRG2KiBV1P1,
        sector_expiry: END,
        deal_ids: deals.to_vec(),
    }
}

fn batch_activate(
    rt: &MockRuntime,
    sectors: &[SectorDeals],
    compute_cid: bool,
) -> Result<BatchActivateDealsReturn, Option<u32>> {
    let params = BatchActivateDealsParams {
        sectors: sectors.to_vec(),
        compute_cid,
    };
    call(rt, 6, &params)
}

/// Activates deals of PROVIDER in a sector.
fn activate(rt: &MockRuntime, number: u64, deals: &[DealID]) {
    rt.caller(PROVIDER);
    let returned = batch_activate(rt, &[sector(number, deals)], false).unwrap();
    assert_eq!(returned.activation_results, BatchReturn::ok(1));
    state(rt);
    rt.events();
}

/// A funded market with so many deals, activated in sector 7 at [`NOW`].
fn with_active_deals(count: u8) -> MockRuntime {
    let rt = with_deals(count);
    activate(&rt, 7, &(0..u64::from(count)).collect::<Vec<_>>());
    rt
}

fn tick(rt: &MockRuntime, epoch: ChainEpoch) -> Result<(), u32> {
    rt.epoch(epoch).caller(CRON_ACTOR_ID);
    let ended = rt.call::<Market>(9, None);
    ended
        .map(|block| assert_eq!(block, None))
        .map_err(|error| error.exit_code().value())
}

fn settle(rt: &MockRuntime, ids: &[DealID]) -> Result<SettleDealPaymentsReturn, Option<u32>> {
    let ids = BitField::try_from_bits(ids.iter().copied()).unwrap();
    rt.caller(STRANGER);
    call(rt, 1_900_091_594, &ids)
}

fn deal(rt: &MockRuntime, id: DealID) -> Option<DealProposal> {
    let state: State = rt.state();
    let proposals = state.proposals.load(rt.store()).unwrap();
    proposals.get(id).unwrap().cloned()
}

fn deal_state(rt: &MockRuntime, id: DealID) -> Option<DealState> {
    rt.state::<State>().deal_state(rt.store(), id).unwrap()
}

fn set_deal_state(rt: &MockRuntime, id: DealID, deal: DealState) {
    let mut state: State = rt.state();
    let mut states = state.states.load(rt.store()).unwrap();
    states.set(id, deal).unwrap();
    state.states = states.flush().unwrap();
    rt.set_state(&state);
}

/// Which deals' proposals wait.
fn waiting(rt: &MockRuntime) -> BTreeSet<DealID> {
    let state: State = rt.state();
    let pending = state.pending_proposals.load(rt.store()).unwrap();
    let mut found = BTreeSet::new();
    let proposals = state.proposals.load(rt.store()).unwrap();
    proposals
        .for_each(|id, deal| {
            let deal = deal.clone();
            let cid = rt.within(move |rt| {
                rt.accept_any_caller()?;
                deal.cid(rt)
            })?;
            if pending.contains(&cid)? {
                found.insert(id);
            }
            Ok(())
        })
        .unwrap();
    found
}

/// When cron looks at a deal.
fn scheduled(rt: &MockRuntime, deal: DealID) -> Vec<ChainEpoch> {
    let state: State = rt.state();
    let mut epochs = Vec::new();
    let ops = state.deal_ops_by_epoch.load(rt.store()).unwrap();
    ops.for_each(|epoch, root| {
        if root.load(rt.store())?.contains(&deal)? {
            epochs.push(epoch);
        }
        Ok(())
    })
    .unwrap();
    epochs.sort_unstable();
    epochs
}

/// The deals in a sector; `None` without an entry.
fn in_sector(rt: &MockRuntime, provider: ActorID, sector: u64) -> Option<Vec<DealID>> {
    let state: State = rt.state();
    let providers = state.provider_sectors.load(rt.store()).unwrap();
    let sectors = providers.get(&provider).unwrap()?;
    let sectors = sectors.load(rt.store()).unwrap();
    sectors.get(&sector).unwrap().cloned()
}

/// A short bitfield with nearly 2^64 bits set.
fn almost_all() -> BitField {
    let ranges = fvm_ipld_bitfield::iter::Ranges::new(std::iter::once(0..u64::MAX - 1));
    BitField::from_ranges(ranges)
}

/// The names of the events since the last time, with the deals' numbers.
fn events(rt: &MockRuntime) -> Vec<(String, DealID)> {
    let name_and_deal = |event: &fvm_shared::event::StampedEvent| {
        let entries = &event.event.entries;
        assert_eq!(entries.len(), 4);
        let name = from_slice(&entries[0].value).unwrap();
        (name, from_slice(&entries[1].value).unwrap())
    };
    rt.events().iter().map(name_and_deal).collect()
}

fn event(name: &str, deal: DealID) -> (String, DealID) {
    (name.to_owned(), deal)
}

fn batch(codes: &[u32]) -> BatchReturn {
    let codes: Vec<_> = codes.iter().copied().map(ExitCode::new).collect();
    BatchReturn::of(&codes)
}

// --- The actor itself ---

/// Source: spec 07 §4.
#[test]
fn the_first_state_has_the_protocols_cid() {
    let rt = MockRuntime::new().receiver(MARKET_ACTOR_ID).caller(0);
    assert_eq!(rt.call::<Market>(1, None), Ok(None));
    assert_eq!(
        rt.head().to_string(),
        "bafy2bzaceb3ikngdghhmbj2fxh5ovckfm7kecirnv5tef2ka6okhva6yv3pbm"
    );
    let again = rt.call::<Market>(1, None).unwrap_err();
    assert_eq!(again.exit_code().value(), 20);
    let stranger = rt.caller(STRANGER).actor(STRANGER, Type::Account);
    let error = stranger.call::<Market>(1, None).unwrap_err();
    assert_eq!(error.exit_code().value(), 18);
}

/// Source: spec 07 §2.
#[test]
fn methods_have_the_sheets_numbers() {
    use boatyard_sdk::Actor;
    let numbers: BTreeSet<MethodNum> = Market::ABI
        .methods
        .iter()
        .map(|method| method.number)
        .collect();
    let expected = [
        1, 2, 3, 4, 5, 6, 7, 9, 822473126, 2280458852, 2236929350, 726108461, 1157985802,
        128053329, 935081690, 46363526, 163777312, 4287162428, 200567895, 2986712137, 2627389465,
        2567238399, 2611213344, 1900091594, 2034386435,
    ];
    assert_eq!(numbers, BTreeSet::from(expected));
    let rt = market();
    for gone in [8, 10, 4_186_741_094] {
        let error = rt.call::<Market>(gone, None).unwrap_err();
        assert_eq!(error.exit_code().value(), 22, "{gone}");
    }
}

/// Source: spec 07 §9.
#[test]
fn an_event_names_deal_client_and_provider() {
    let rt = funded();
    publish(&rt, &[proposal(0), proposal(1)]);
    let event = rt.events().pop().unwrap();
    assert_eq!(event.emitter, MARKET_ACTOR_ID);
    let entries: Vec<_> = event
        .event
        .entries
        .iter()
        .map(|e| (e.key.as_str(), e.codec, e.flags.bits(), e.value.clone()))
        .collect();
    let name = to_vec("deal-published").unwrap();
    assert_eq!(
        entries,
        [
            ("$type", CBOR, 3, name),
            ("id", CBOR, 3, vec![1]),
            ("client", CBOR, 3, to_vec(&CLIENT).unwrap()),
            ("provider", CBOR, 3, to_vec(&PROVIDER).unwrap()),
        ]
    );
}
