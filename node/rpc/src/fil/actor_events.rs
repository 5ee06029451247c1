//! Events of actors, native ones included (spec 10 §5.4).

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use boatyard_chain::{ChainEvent, EventFilter, EventRecord};
use fvm_ipld_amt::Amt;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::event::{Entry, StampedEvent};
use serde::{Deserialize, Serialize};

use crate::call::Call;
use crate::error::RpcError;
use crate::fil::json::{AddressJson, BlobJson, CidJson, KeyJson};
use crate::follow::Follower;
use crate::node::Node;
use crate::params::{CidParam, param_by_serde};
use crate::registry::{Method, methods};
use crate::stream::{Protocol, Source};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    methods![
        /// The events below a root, as a receipt names it.
        ["Filecoin.ChainGetEvents"]
        (root: CidParam) -> "Events" = compute of_root;

        /// The events that a filter matches.
        ["Filecoin.GetActorEventsRaw"]
        (filter: Option<ActorEventFilter>) -> "ActorEvents" = compute search;

        /// Tells of the events that a filter matches, those of the past first. WebSocket only.
        ["Filecoin.SubscribeActorEventsRaw"]
        (filter: Option<ActorEventFilter>) -> "channel of ActorEvents" = stream subscribe;
    ]
}

/// Longest range in strict mode, in epochs.
const LONGEST_RANGE: ChainEpoch = 2880;
/// Most events of one answer.
const MOST_EVENTS: usize = 10_000;

/// Which events are wanted.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ActorEventFilter {
    addresses: Option<Vec<AddressJson>>,
    fields: Option<BTreeMap<String, Vec<FieldJson>>>,
    from_height: Option<ChainEpoch>,
    to_height: Option<ChainEpoch>,
    tipset_key: Option<Vec<CidJson>>,
}

#[derive(Debug, Clone, Deserialize)]
struct FieldJson {
    #[serde(default)]
    codec: Option<u64>,
    value: BlobJson,
}

param_by_serde! { ActorEventFilter = "EventFilter" }

impl ActorEventFilter {
    /// For the chain's index; absent heights mean the head, and an open end.
    fn to_index(&self, node: &Node) -> Result<EventFilter, RpcError> {
        let head = node.chain.head().height();
        let (from, to) = match &self.tipset_key {
            Some(_) if self.from_height.is_some() || self.to_height.is_some() => {
                return Err(RpcError::failure(
                    "cannot specify both TipSetKey and FromHeight/ToHeight",
                ));
            }
            Some(key) => {
                let key = key.iter().map(|cid| cid.0).collect();
                let height = node.tipset(&boatyard_chain::TipsetKey::new(key))?.height();
                (height, Some(height))
            }
            None => (self.from_height.unwrap_or(head), self.to_height),
        };
        if from < 0 || to.is_some_and(|to| to < 0) {
            return Err(RpcError::failure("heights are not negative"));
        }
        if let Some(to) = to.filter(|to| *to < from) {
            return Err(RpcError::failure(format!(
                "invalid epoch range: to height ({to}) must be after from height ({from})"
            )));
        }
        let length = to.unwrap_or(head).min(head) - from;
        if node.options.strict && length > LONGEST_RANGE {
            return Err(RpcError::range_too_long(LONGEST_RANGE, length));
        }
        let addresses = self.addresses.iter().flatten();
        let fields = self.fields.iter().flatten();
        Ok(EventFilter {
            from,
            to,
            emitters: addresses.map(|address| address.0).collect(),
            keys: fields
                .map(|(key, values)| {
                    let values = values
                        .iter()
                        .map(|field| (field.codec, field.value.0.clone()));
                    (key.clone(), values.collect())
                })
                .collect(),
            limit: Some(MOST_EVENTS),
        })
    }
}

#[derive(Debug, Clone, Serialize)]
struct EntryJson {
    #[serde(rename = "Flags")]
    flags: u64,
    #[serde(rename = "Key")]
    key: String,
    #[serde(rename = "Codec")]
    codec: u64,
    #[serde(rename = "Value")]
    value: BlobJson,
}

impl From<&Entry> for EntryJson {
    fn from(entry: &Entry) -> Self {
        Self {
            flags: entry.flags.bits(),
            key: entry.key.clone(),
            codec: entry.codec,
            value: entry.value.clone().into(),
        }
    }
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct EventJson {
    emitter: u64,
    entries: Vec<EntryJson>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct ActorEventJson {
    entries: Vec<EntryJson>,
    emitter: AddressJson,
    reverted: bool,
    height: ChainEpoch,
    tipset_key: KeyJson,
    msg_cid: CidJson,
}

fn entries(event: &StampedEvent) -> Vec<EntryJson> {
    event.event.entries.iter().map(Into::into).collect()
}

/// Emitters are shown by their f4 address if they have one.
fn shown(node: &Node, record: &EventRecord, reverted: bool) -> Result<ActorEventJson, RpcError> {
    let id = Address::new_id(record.event.emitter);
    let view = node.chain.state(record.tipset.state_root);
    let delegated = view
        .actor(&id)?
        .and_then(|(_, actor)| actor.delegated_address);
    Ok(ActorEventJson {
        entries: entries(&record.event),
        emitter: delegated.unwrap_or(id).into(),
        reverted,
        height: record.tipset.height(),
        tipset_key: record.tipset.key().clone().into(),
        msg_cid: record.message().cid.into(),
    })
}

fn of_root(call: &Call, root: CidParam) -> Result<Vec<EventJson>, RpcError> {
    let store = call.node.chain.store();
    let missing = |error: &dyn std::fmt::Display| {
        RpcError::failure(format!("failed to load events amt {}: {error}", root.0))
    };
    let events: Amt<StampedEvent, _> =
        Amt::load(&root.0, store).map_err(|error| missing(&error))?;
    let mut all = Vec::new();
    events
        .for_each(|_, event| {
            all.push(EventJson {
                emitter: event.emitter,
                entries: entries(event),
            });
            Ok(())
        })
        .map_err(|error| missing(&error))?;
    Ok(all)
}

fn search(call: &Call, filter: Option<ActorEventFilter>) -> Result<Vec<ActorEventJson>, RpcError> {
    let filter = filter.unwrap_or_default().to_index(&call.node)?;
    let records = call.node.chain.events(&filter)?;
    records
        .iter()
        .map(|record| shown(&call.node, record, false))
        .collect()
}

fn subscribe(call: &Call, filter: Option<ActorEventFilter>) -> Result<Source, RpcError> {
    let node = call.node.clone();
    let wanted = filter.unwrap_or_default();
    let filter = wanted.to_index(&node)?;
    let mut follower = Follower::new(&node.chain);
    let head = follower.head().height();
    let past = node.chain.events(&filter)?;
    // Nothing can come any more.
    let over = filter.to.is_some_and(|to| to <= head);
    Ok(Source::new(Protocol::Channel, async move |outlet| {
        let mut past: VecDeque<EventRecord> = past.into();
        while let Some(record) = past.pop_front() {
            match shown(&node, &record, false) {
                Ok(event) if outlet.send(&event).await.is_ok() => {}
                _ => return,
            }
        }
        if over {
            return;
        }
        loop {
            let (tipset, reverted) = match follower.next().await {
                Some(ChainEvent::Applied(tipset)) => (tipset, false),
                Some(ChainEvent::Reverted(tipset)) => (tipset, true),
                Some(ChainEvent::Pending(_) | ChainEvent::Dropped(_)) => continue,
                None => return,
            };
            let height = tipset.height();
            if filter.to.is_some_and(|to| height > to) {
                return;
            }
            if height < filter.from {
                continue;
            }
            let Ok(records) = node.chain.events_of(&Arc::clone(&tipset), &filter) else {
                return;
            };
            for record in &records {
                match shown(&node, record, reverted) {
                    Ok(event) if outlet.send(&event).await.is_ok() => {}
                    _ => return,
                }
            }
        }
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::registry::Param;

    #[test]
    fn a_filter_is_read_as_lotus_writes_it() {
        let filter = ActorEventFilter::read(json!({
            "addresses": ["t01000"],
            "fields": { "$type": [{ "codec": 81, "value": "bGhlbGxv" }] },
            "fromHeight": 5,
        }))
        .unwrap();
        assert_eq!(filter.from_height, Some(5));
        assert_eq!(filter.fields.unwrap()["$type"][0].codec, Some(0x51));
        assert!(ActorEventFilter::read(json!({ "fromHeight": "x" })).is_err());
    }
}
