use boatyard_sdk::MapRoot;
use boatyard_sdk::nested::SetMultimap;
use cid::multihash::Multihash;
use fvm_ipld_blockstore::MemoryBlockstore;
use fvm_shared::piece::PaddedPieceSize;

use super::*;
use crate::balances::{Ledger, Reason};
use crate::label::Label;
use crate::provider_sectors;

const CLIENT: ActorID = 110;
const PROVIDER: ActorID = 1_000;
const NOW: ChainEpoch = 50;

fn atto(amount: i64) -> TokenAmount {
    TokenAmount::from_atto(amount)
}

fn piece() -> Cid {
    Cid::new_v1(0xf101, Multihash::wrap(0x1012, &[1; 32]).unwrap())
}

/// Two deals of 100 epochs from 20 on: 0 is activated in sector 7 and paid until 40,
/// 1 waits with allocation 70.
struct Fixture {
    store: MemoryBlockstore,
    state: State,
    balance: TokenAmount,
}

fn deal() -> DealProposal {
    DealProposal {
        piece_cid: piece(),
        piece_size: PaddedPieceSize(128),
        verified_deal: true,
        client: Address::new_id(CLIENT),
        provider: Address::new_id(PROVIDER),
        label: Label::default(),
        start_epoch: 20,
        end_epoch: 120,
        storage_price_per_epoch: atto(1),
        provider_collateral: atto(5),
        client_collateral: atto(3),
    }
}

fn later() -> DealProposal {
    DealProposal {
        start_epoch: 60,
        end_epoch: 160,
        ..deal()
    }
}

fn active() -> DealState {
    DealState {
        last_updated_epoch: 40,
        ..DealState::activated(7, 10)
    }
}

fn good() -> Fixture {
    let store = MemoryBlockstore::new();
    let mut state = State::new(&store).unwrap();
    let mut proposals = state.proposals.load(&store).unwrap();
    proposals.set(0, deal()).unwrap();
    proposals.set(1, later()).unwrap();
    state.proposals = proposals.flush().unwrap();
    let mut states = state.states.load(&store).unwrap();
    states.set(0, active()).unwrap();
    state.states = states.flush().unwrap();
    provider_sectors::put(&mut state, &store, PROVIDER, &[(7, vec![0])]).unwrap();
    let mut pending = state.pending_proposals.load(&store).unwrap();
    let bytes = to_vec(&later()).unwrap();
    let cid = Cid::new_v1(DAG_CBOR, Code::Blake2b256.digest(&bytes));
    pending.set(&cid, ()).unwrap();
    state.pending_proposals = pending.flush().unwrap();
    let mut allocations = state.pending_deal_allocation_ids.load(&store).unwrap();
    allocations.set(&1, 70).unwrap();
    state.pending_deal_allocation_ids = allocations.flush().unwrap();
    let mut ops = SetMultimap::load(&state.deal_ops_by_epoch, &store).unwrap();
    ops.add(&100, &[1]).unwrap();
    state.deal_ops_by_epoch = ops.flush().unwrap();
    state.next_id = 2;
    state.last_cron = NOW;

    let mut ledger = Ledger::open(&state, &store).unwrap();
    for (who, has, locks) in [(CLIENT, 500, 80 + 100 + 6), (PROVIDER, 50, 10)] {
        ledger
            .escrow
            .add(&Address::new_id(who), &atto(has))
            .unwrap();
        ledger.lock(&Address::new_id(who), &atto(locks)).unwrap();
    }
    ledger.locked_for(Reason::StorageFee, &atto(180));
    ledger.locked_for(Reason::ClientCollateral, &atto(6));
    ledger.locked_for(Reason::ProviderCollateral, &atto(10));
    ledger.close(&mut state).unwrap();
    Fixture {
        store,
        state,
        balance: atto(550),
    }
}

impl Fixture {
    fn check(&self) -> Vec<String> {
        check(&self.state, &self.store, &self.balance, NOW)
    }

    fn set_proposal(&mut self, id: DealID, deal: DealProposal) {
        let mut proposals = self.state.proposals.load(&self.store).unwrap();
        proposals.set(id, deal).unwrap();
        self.state.proposals = proposals.flush().unwrap();
    }

    fn set_state(&mut self, id: DealID, deal: DealState) {
        let mut states = self.state.states.load(&self.store).unwrap();
        states.set(id, deal).unwrap();
        self.state.states = states.flush().unwrap();
    }

    fn list(&mut self, provider: ActorID, sector: SectorNumber, ids: Vec<DealID>) {
        let sectors = [(sector, ids)];
        provider_sectors::put(&mut self.state, &self.store, provider, &sectors).unwrap();
    }
}

#[test]
fn nothing_is_wrong_with_a_good_state() {
    assert_eq!(good().check(), [""; 0]);
    let store = MemoryBlockstore::new();
    let new = State::new(&store).unwrap();
    assert_eq!(check(&new, &store, &atto(0), 0), [""; 0]);
}

#[test]
fn every_violation_is_found() {
    type Spoil = fn(&mut Fixture);
    let spoiled: &[(&str, Spoil)] = &[
        ("of which", |f| {
            let mut escrow = f.state.escrow_table.load(&f.store).unwrap();
            escrow.set(&Address::new_id(PROVIDER), atto(9)).unwrap();
            f.state.escrow_table = escrow.flush().unwrap();
        }),
        ("escrow: f0110 has -", |f| {
            let mut escrow = f.state.escrow_table.load(&f.store).unwrap();
            escrow.set(&Address::new_id(CLIENT), atto(-9)).unwrap();
            f.state.escrow_table = escrow.flush().unwrap();
        }),
        ("is no ID address", |f| {
            let mut locked = f.state.locked_table.load(&f.store).unwrap();
            locked.set(&Address::new_actor(b"x"), atto(0)).unwrap();
            f.state.locked_table = locked.flush().unwrap();
        }),
        ("is in escrow, but there is", |f| f.balance = atto(549)),
        ("total storage fee", |f| {
            f.state.total_client_storage_fee = atto(181);
        }),
        ("total client collateral", |f| {
            f.state.total_client_locked_collateral = atto(-6);
        }),
        ("total provider collateral", |f| {
            f.state.total_provider_locked_collateral = atto(0);
        }),
        ("but its deals need", |f| {
            let mut locked = f.state.locked_table.load(&f.store).unwrap();
            locked.set(&Address::new_id(77), atto(1)).unwrap();
            f.state.locked_table = locked.flush().unwrap();
        }),
        ("but the next number is", |f| f.state.next_id = 1),
        ("is no ID address", |f| {
            let client = Address::new_actor(b"x");
            f.set_proposal(1, DealProposal { client, ..later() });
        }),
        ("ends before it starts", |f| {
            f.set_proposal(
                1,
                DealProposal {
                    end_epoch: 60,
                    ..later()
                },
            );
        }),
        ("was activated at", |f| {
            f.set_state(
                0,
                DealState {
                    sector_start_epoch: NOW + 1,
                    ..active()
                },
            );
        }),
        ("is paid until", |f| {
            f.set_state(
                0,
                DealState {
                    last_updated_epoch: NOW + 1,
                    ..active()
                },
            );
        }),
        ("ended early at", |f| {
            f.set_state(
                0,
                DealState {
                    slash_epoch: 9,
                    ..active()
                },
            );
        }),
        ("but its allocation is pending", |f| {
            f.set_state(1, DealState::activated(7, 10));
            f.list(PROVIDER, 7, vec![1]);
        }),
        ("there is no proposal", |f| {
            f.set_state(9, active());
        }),
        ("allocation 80 is pending, but there is no deal", |f| {
            let mut allocations = f.state.pending_deal_allocation_ids.load(&f.store).unwrap();
            allocations.set(&9, 80).unwrap();
            f.state.pending_deal_allocation_ids = allocations.flush().unwrap();
        }),
        ("deal 1 is not of sector 8", |f| {
            f.list(PROVIDER, 8, vec![1])
        }),
        ("deal 0 is not of sector 7 of f077", |f| {
            f.list(77, 7, vec![0])
        }),
        ("in no sector", |f| {
            f.state.provider_sectors = MapRoot::empty(&f.store).unwrap();
        }),
        ("but there is no deal of it", |f| {
            f.set_proposal(
                1,
                DealProposal {
                    label: Label::Text("x".into()),
                    ..later()
                },
            );
        }),
        ("but is not scheduled", |f| {
            f.state.deal_ops_by_epoch = MapRoot::empty(&f.store).unwrap();
        }),
        ("nothing is scheduled for epoch 7", |f| {
            let mut ops = SetMultimap::load(&f.state.deal_ops_by_epoch, &f.store).unwrap();
            ops.add(&7, &[]).unwrap();
            f.state.deal_ops_by_epoch = ops.flush().unwrap();
        }),
        ("deals: ", |f| {
            f.state.proposals = boatyard_sdk::ArrayRoot::from_cid(piece());
        }),
    ];
    for (words, spoil) in spoiled {
        let mut fixture = good();
        spoil(&mut fixture);
        let found = fixture.check();
        assert!(
            found.iter().any(|sentence| sentence.contains(words)),
            "{words}: {found:?}"
        );
    }
}

#[test]
fn miners_and_allocations_are_compared() {
    let fixture = good();
    let summary = summary(&fixture.state, &fixture.store).unwrap();
    assert_eq!(summary.escrow, atto(550));
    assert_eq!(summary.provider_sectors[&PROVIDER][&7], [0]);
    let made = |client, number| (client == CLIENT && number == 70).then(|| (PROVIDER, piece()));
    let is_miner = |id| id == PROVIDER;
    assert_eq!(check_others(&summary, made, is_miner), [""; 0]);
    assert_eq!(check_others(&summary, |_, _| None, is_miner), [""; 0]);
    let found = check_others(&summary, |_, _| Some((77, piece())), |_| false);
    assert_eq!(found.len(), 2, "{found:?}");
}
