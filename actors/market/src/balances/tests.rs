use boatyard_sdk::MapRoot;
use fvm_ipld_blockstore::MemoryBlockstore;
use proptest::prelude::*;

use super::*;

const A: Address = Address::new_id(100);
const B: Address = Address::new_id(101);

fn atto(amount: i64) -> TokenAmount {
    TokenAmount::from_atto(amount)
}

fn table(store: &MemoryBlockstore) -> BalanceTable<&MemoryBlockstore> {
    BalanceTable::load(&MapRoot::empty(store).unwrap(), store).unwrap()
}

fn entry(table: &BalanceTable<&MemoryBlockstore>, owner: &Address) -> Option<TokenAmount> {
    table.0.get(owner).unwrap().cloned()
}

fn exit_code<T: std::fmt::Debug>(result: Result<T, ActorError>) -> u32 {
    result.unwrap_err().exit_code().value()
}

/// Spec 07 §6.1.
#[test]
fn nothing_added_to_nothing_leaves_an_entry() {
    let store = MemoryBlockstore::new();
    let mut table = table(&store);
    table.add(&A, &atto(0)).unwrap();
    assert_eq!(entry(&table, &A), Some(atto(0)));
    table.add(&A, &atto(5)).unwrap();
    table.add(&A, &atto(0)).unwrap();
    assert_eq!(entry(&table, &A), Some(atto(5)));
    table.add(&A, &atto(-5)).unwrap();
    assert_eq!(entry(&table, &A), None, "used up");
    table.must_subtract(&A, &atto(0)).unwrap();
    assert_eq!(entry(&table, &A), Some(atto(0)));
    table.must_subtract(&A, &atto(0)).unwrap();
    assert_eq!(entry(&table, &A), Some(atto(0)), "it stays");
}

#[test]
fn nobody_has_less_than_nothing() {
    let store = MemoryBlockstore::new();
    let mut table = table(&store);
    assert_eq!(exit_code(table.add(&A, &atto(-1))), 16);
    table.add(&A, &atto(5)).unwrap();
    assert_eq!(exit_code(table.must_subtract(&A, &atto(6))), 16);
    assert_eq!(table.get(&A).unwrap(), atto(5));
    assert_eq!(table.get(&B).unwrap(), atto(0));
}

#[test]
fn the_minimum_stays() {
    for (has, wanted, floor, taken) in [
        (10, 4, 0, 4),
        (10, 40, 0, 10),
        (10, 40, 7, 3),
        (10, 2, 7, 2),
        (10, 40, 10, 0),
        (10, 40, 11, 0),
        (0, 5, 0, 0),
    ] {
        let store = MemoryBlockstore::new();
        let mut table = table(&store);
        if has > 0 {
            table.add(&A, &atto(has)).unwrap();
        }
        let got = table.subtract_with_minimum(&A, &atto(wanted), &atto(floor));
        assert_eq!(got, Ok(atto(taken)));
        let left = has - taken;
        assert_eq!(entry(&table, &A), (left > 0).then(|| atto(left)));
    }
}

fn ledger(store: &MemoryBlockstore) -> Ledger<&MemoryBlockstore> {
    Ledger::open(&State::new(store).unwrap(), store).unwrap()
}

/// Spec 07 §6.2.
#[test]
fn only_what_is_there_is_locked() {
    let store = MemoryBlockstore::new();
    let mut ledger = ledger(&store);
    ledger.escrow.add(&A, &atto(10)).unwrap();
    assert_eq!(exit_code(ledger.lock(&A, &atto(-1))), 20);
    assert_eq!(exit_code(ledger.lock(&A, &atto(11))), 19);
    ledger.lock(&A, &atto(7)).unwrap();
    assert_eq!(exit_code(ledger.lock(&A, &atto(4))), 19);
    ledger.lock(&A, &atto(3)).unwrap();
    ledger.lock(&B, &atto(0)).unwrap();
    assert_eq!(
        entry(&ledger.locked, &B),
        Some(atto(0)),
        "an entry of nothing"
    );
}

#[test]
fn payments_come_out_of_what_is_locked() {
    let store = MemoryBlockstore::new();
    let mut ledger = ledger(&store);
    ledger.escrow.add(&A, &atto(10)).unwrap();
    ledger.lock(&A, &atto(6)).unwrap();
    ledger.locked_for(Reason::StorageFee, &atto(6));
    ledger.transfer(&A, &B, &atto(4)).unwrap();
    assert_eq!(ledger.escrow.get(&A).unwrap(), atto(6));
    assert_eq!(ledger.locked.get(&A).unwrap(), atto(2));
    assert_eq!(ledger.escrow.get(&B).unwrap(), atto(4));
    assert_eq!(*ledger.total(Reason::StorageFee), atto(2));
    for (amount, code) in [(-1, 20), (3, 16), (7, 16)] {
        assert_eq!(exit_code(ledger.transfer(&A, &B, &atto(amount))), code);
    }
}

#[test]
fn each_reason_has_its_sum() {
    let store = MemoryBlockstore::new();
    let mut state = State::new(&store).unwrap();
    let mut ledger = Ledger::open(&state, &store).unwrap();
    ledger.escrow.add(&A, &atto(100)).unwrap();
    ledger.lock(&A, &atto(60)).unwrap();
    for (reason, amount) in [
        (Reason::ClientCollateral, 10),
        (Reason::StorageFee, 20),
        (Reason::ProviderCollateral, 30),
    ] {
        ledger.locked_for(reason, &atto(amount));
        ledger.unlock(&A, &atto(1), reason).unwrap();
        ledger.slash(&A, &atto(2), reason).unwrap();
    }
    assert_eq!(
        exit_code(ledger.unlock(&A, &atto(-1), Reason::StorageFee)),
        20
    );
    assert_eq!(
        exit_code(ledger.slash(&A, &atto(-1), Reason::StorageFee)),
        20
    );
    ledger.close(&mut state).unwrap();
    assert_eq!(state.total_client_locked_collateral, atto(7));
    assert_eq!(state.total_client_storage_fee, atto(17));
    assert_eq!(state.total_provider_locked_collateral, atto(27));
    let ledger = Ledger::open(&state, &store).unwrap();
    assert_eq!(ledger.escrow.get(&A).unwrap(), atto(94));
    assert_eq!(ledger.locked.get(&A).unwrap(), atto(51));
}

proptest! {
    /// Against a list of amounts.
    #[test]
    fn a_table_adds_up(steps in prop::collection::vec((0u64..5, -20i64..20), 0..60)) {
        let store = MemoryBlockstore::new();
        let mut table = table(&store);
        let mut model = [0i64; 5];
        for (owner, amount) in steps {
            let address = Address::new_id(owner);
            let after = model[owner as usize] + amount;
            prop_assert_eq!(table.add(&address, &atto(amount)).is_ok(), after >= 0);
            if after >= 0 {
                model[owner as usize] = after;
            }
        }
        let mut reloaded = BalanceTable::load(&table.flush().unwrap(), &store).unwrap();
        for (owner, amount) in model.into_iter().enumerate() {
            prop_assert_eq!(reloaded.get(&Address::new_id(owner as u64)).unwrap(), atto(amount));
        }
        prop_assert_eq!(reloaded.flush().unwrap(), table.flush().unwrap());
    }
}
