use std::cell::Cell;

use boatyard_sdk::nested::Multimap;
use cid::Cid;
use fvm_ipld_blockstore::{Blockstore, MemoryBlockstore};

use super::*;

#[test]
fn only_miners_enroll() {
    let rt = with_miners(&[MINER]);
    for caller in [0, ACCOUNT, CRON_ACTOR_ID] {
        assert_eq!(enroll(&rt.caller(caller), -1, b""), 18, "before the epoch");
    }
}

#[test]
fn there_is_no_epoch_before_genesis() {
    let rt = with_miners(&[MINER]);
    for epoch in [-1, i64::MIN] {
        assert_eq!(enroll(&rt, epoch, b""), 16);
    }
    for epoch in [0, i64::MAX] {
        assert_eq!(enroll(&rt, epoch, b""), 0);
    }
}

/// Source: spec 03 §4.3.
#[test]
fn the_sheets_event_has_the_sheets_roots() {
    let rt = with_miners(&[MINER]);
    assert_eq!(enroll(&rt, 101, b"\x81\x01"), 0);
    let state = state(&rt);
    assert_eq!(
        state.cron_event_queue.cid().to_string(),
        "bafy2bzaceb253tferit6p4w64jbdzlcs4cvtzh4urrdtks474ov4emspznuhs"
    );
    let outer = state.cron_event_queue.load(rt.store()).unwrap();
    assert_eq!(
        outer.get(&101).unwrap().unwrap().cid().to_string(),
        "bafy2bzacebyclpq4b67vjgu7whtpaypcisby3drdtapyygmxkrsudy562dwxe"
    );
    assert_eq!(
        rt.head().to_string(),
        "bafy2bzacea464mij2r32xgiccx63fbis2xefn4gcb6ucugg5jsvxtcvrzhoau"
    );
}

#[test]
fn an_earlier_event_lowers_the_first_epoch() {
    let rt = with_miners(&[MINER]);
    let first = |rt: &MockRuntime| state(rt).first_cron_epoch;
    quiet_tick(&rt, 50, 0);
    assert_eq!(first(&rt), 51);
    for (epoch, expected) in [(60, 51), (51, 51), (50, 50), (7, 7), (8, 7)] {
        assert_eq!(enroll(&rt.caller(MINER), epoch, b""), 0);
        assert_eq!(first(&rt), expected, "{epoch}");
    }
}

#[test]
fn no_claim_is_needed_to_enroll() {
    let rt = with_miners(&[MINER]).caller_of_type(MINER_2, Type::Miner);
    assert_eq!(enroll(&rt, 5, b""), 0);
    let summary = invariants::summary(&state(&rt), rt.store()).unwrap();
    assert_eq!(summary.events[&MINER_2].len(), 1);
    assert!(!summary.claims.contains_key(&MINER_2));
}

/// Counts the blocks read and written.
#[derive(Default)]
struct Counting {
    blocks: MemoryBlockstore,
    reads: Cell<usize>,
    writes: Cell<usize>,
}

impl Blockstore for Counting {
    fn get(&self, cid: &Cid) -> anyhow::Result<Option<Vec<u8>>> {
        self.reads.set(self.reads.get() + 1);
        self.blocks.get(cid)
    }

    fn put_keyed(&self, cid: &Cid, block: &[u8]) -> anyhow::Result<()> {
        self.writes.set(self.writes.get() + 1);
        self.blocks.put_keyed(cid, block)
    }
}

/// Only the nodes on the way to the epoch are read: two for a thousand epochs,
/// however many events each of them has.
#[test]
fn events_that_are_not_due_are_not_read() {
    for (epochs, per_epoch, reads) in [(0, 0, 1), (1_000, 1, 2), (1_000, 20, 2)] {
        let store = Counting::default();
        let mut state = State::new(&store).unwrap();
        let mut queue = Multimap::load(&state.cron_event_queue, &store).unwrap();
        for n in 0..epochs * per_epoch {
            let event = CronEvent {
                miner_addr: id(MINER),
                callback_payload: RawBytes::new(b"\x81\x01".to_vec()),
            };
            queue.add(&(10 + n % epochs), event).unwrap();
        }
        state.cron_event_queue = queue.flush().unwrap();
        state.first_cron_epoch = 9;
        store.reads.set(0);
        store.writes.set(0);
        assert_eq!(state.take_due_events(&store, 9).unwrap(), []);
        assert_eq!((store.reads.get(), store.writes.get()), (reads, 0));
        assert_eq!(state.first_cron_epoch, 10);
    }
}
