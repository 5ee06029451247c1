//! LOG0..LOG4 as actor events (spec 02 §8.5).

use boatyard_sdk::Runtime;
use fvm_ipld_encoding::IPLD_RAW;
use fvm_shared::event::{ActorEvent, Entry, Flags};
use revm_interpreter::primitives::U256;

use super::memory::region;
use super::{OrAbort, Outcome, Step, pop, writable};

/// Keys of the topics, first to last.
const TOPICS: [&str; 4] = ["t1", "t2", "t3", "t4"];
/// Key of the data.
const DATA: &str = "d";

/// `ITEMS` is the number of topics and 2 more, for offset and size.
pub(super) fn log<const ITEMS: usize, RT: Runtime>(ctx: Step<'_, '_, RT>) -> Outcome {
    let items: [U256; ITEMS] = pop(ctx.interpreter)?;
    writable(ctx.host)?;
    let data = region(ctx.interpreter, ctx.host, items[0], items[1])?;
    let mut entries: Vec<Entry> = items[2..]
        .iter()
        .zip(TOPICS)
        .map(|(topic, key)| entry(key, topic.to_be_bytes_vec()))
        .collect();
    if !data.is_empty() {
        let data = ctx.interpreter.memory.slice_range(data).to_vec();
        entries.push(entry(DATA, data));
    }
    let emitted = ctx.host.rt.emit(&ActorEvent { entries });
    emitted.or_abort(ctx.host)
}

fn entry(key: &str, value: Vec<u8>) -> Entry {
    Entry {
        flags: Flags::FLAG_INDEXED_ALL,
        key: key.to_owned(),
        codec: IPLD_RAW,
        value,
    }
}
