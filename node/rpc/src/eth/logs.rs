//! Which logs a client wants, and finding them (spec 10 §2.10).

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy::primitives::{Address as EthAddr, B256, U64};
use boatyard_chain::ethereum::to_filecoin;
use boatyard_chain::{EventFilter, EventRecord, ExecutedTipset};
use fvm_shared::clock::ChainEpoch;
use serde_json::{Map, Value};

use crate::call::Call;
use crate::error::RpcError;
use crate::eth::block_param::{BlockParam, Tag};
use crate::eth::types::Log;
use crate::node::{Node, unknown_block};
use crate::params::{EthAddress, Hash};
use crate::registry::{Method, Param, kind, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    methods![
        /// The logs that a filter matches.
        ["eth_getLogs", "Filecoin.EthGetLogs"]
        (filter: LogFilter) -> "logs" = compute get_logs;
    ]
}

/// Longest range in strict mode, in epochs.
const LONGEST_RANGE: ChainEpoch = 2880;
/// Most logs spread over several blocks.
const MOST_LOGS: usize = 10_000;
/// Codec of topics.
const RAW: u64 = 0x55;

/// Which logs a client wants.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LogFilter {
    /// First block.
    pub from: Option<BlockParam>,
    /// Last block.
    pub to: Option<BlockParam>,
    /// One block, instead of a range.
    pub hash: Option<B256>,
    /// Contracts; empty means any.
    pub addresses: Vec<EthAddr>,
    /// Accepted values of each topic; empty means any.
    pub topics: [Vec<B256>; 4],
}

impl Param for LogFilter {
    const SHAPE: &'static str = "log filter";

    fn read(value: Value) -> Result<Self, String> {
        let Value::Object(mut fields) = value else {
            return Err(format!("expected an object, got {}", kind(&value)));
        };
        let mut filter = Self {
            from: field(&mut fields, "fromBlock")?,
            to: field(&mut fields, "toBlock")?,
            hash: field::<Hash>(&mut fields, "blockHash")?.map(|hash| hash.0),
            addresses: one_or_many::<EthAddress>(fields.remove("address"), "address")?
                .into_iter()
                .map(|address| address.0)
                .collect(),
            topics: Default::default(),
        };
        if filter.hash.is_some() && (filter.from.is_some() || filter.to.is_some()) {
            return Err("must not specify block hash and from/to block".into());
        }
        match fields.remove("topics") {
            None | Some(Value::Null) => {}
            Some(Value::Array(topics)) if topics.len() <= filter.topics.len() => {
                for (accepted, topic) in filter.topics.iter_mut().zip(topics) {
                    *accepted = one_or_many::<Hash>(Some(topic), "topics")?
                        .into_iter()
                        .map(|hash| hash.0)
                        .collect();
                }
            }
            Some(_) => return Err("topics: expected an array of at most 4".into()),
        }
        Ok(filter)
    }

    fn missing() -> Option<Self> {
        Some(Self::default())
    }
}

fn field<T: Param>(fields: &mut Map<String, Value>, name: &str) -> Result<Option<T>, String> {
    match fields.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => T::read(value)
            .map(Some)
            .map_err(|error| format!("{name}: {error}")),
    }
}

fn one_or_many<T: Param>(value: Option<Value>, name: &str) -> Result<Vec<T>, String> {
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => items
            .into_iter()
            // Null inside an array of topics means any, as null alone does.
            .filter(|item| !item.is_null())
            .map(T::read)
            .collect::<Result<_, _>>(),
        Some(value) => T::read(value).map(|one| vec![one]),
    }
    .map_err(|error| format!("{name}: {error}"))
}

impl LogFilter {
    /// Whether a log of a block in the range is wanted.
    pub fn matches(&self, log: &Log) -> bool {
        let topics = self.topics.iter().enumerate();
        (self.addresses.is_empty() || self.addresses.contains(&log.address))
            && topics.into_iter().all(|(index, accepted)| {
                accepted.is_empty()
                    || log
                        .topics
                        .get(index)
                        .is_some_and(|topic| accepted.contains(topic))
            })
    }

    /// The same for the chain's index, over these epochs.
    fn to_index(&self, from: ChainEpoch, to: ChainEpoch) -> EventFilter {
        let mut keys = BTreeMap::new();
        for (index, accepted) in self.topics.iter().enumerate() {
            if !accepted.is_empty() {
                let values = accepted
                    .iter()
                    .map(|topic| (Some(RAW), topic.to_vec()))
                    .collect();
                keys.insert(format!("t{}", index + 1), values);
            }
        }
        EventFilter {
            from,
            to: Some(to),
            emitters: self.addresses.iter().map(to_filecoin).collect(),
            keys,
            limit: Some(MOST_LOGS),
        }
    }
}

fn get_logs(call: &Call, filter: LogFilter) -> Result<Vec<Log>, RpcError> {
    find(&call.node, &filter)
}

/// All logs on the chain that a filter matches.
pub fn find(node: &Arc<Node>, filter: &LogFilter) -> Result<Vec<Log>, RpcError> {
    let Some((from, to)) = range(node, filter)? else {
        return Ok(Vec::new());
    };
    let records = node.chain.events(&filter.to_index(from, to))?;
    write(node, &records)
}

/// The epochs of a filter; `None` when all of them lie in the future.
fn range(node: &Node, filter: &LogFilter) -> Result<Option<(ChainEpoch, ChainEpoch)>, RpcError> {
    let head = node.chain.head().height();
    if let Some(hash) = filter.hash {
        let block = BlockParam::Hash(hash);
        let tipset = node
            .find_block(block)?
            .ok_or_else(|| unknown_block(block, head))?;
        return Ok(Some((tipset.height(), tipset.height())));
    }
    let from = epoch(node, filter.from, "FromBlock")?;
    let to = epoch(node, filter.to, "ToBlock")?;
    if node.options.strict && (from > head || (to > head && filter.to.is_some())) {
        return Err(RpcError::failure(
            "events for the requested block are not yet available",
        ));
    }
    if from > to && filter.to.is_some() {
        return Err(RpcError::failure(format!(
            "invalid epoch range: to block ({to}) must be after from block ({from})"
        )));
    }
    if from > head {
        return Ok(None);
    }
    let to = to.min(head);
    if node.options.strict && to - from > LONGEST_RANGE {
        return Err(RpcError::range_too_long(LONGEST_RANGE, to - from));
    }
    Ok(Some((from, to)))
}

fn epoch(node: &Node, block: Option<BlockParam>, name: &str) -> Result<ChainEpoch, RpcError> {
    match block.unwrap_or(BlockParam::LATEST) {
        BlockParam::Number(number) => Ok(ChainEpoch::try_from(number).unwrap_or(ChainEpoch::MAX)),
        BlockParam::Tag(Tag::Earliest) => Ok(0),
        BlockParam::Tag(Tag::Latest) => Ok(node.chain.head().height()),
        BlockParam::Tag(_) | BlockParam::Hash(_) if node.options.strict => {
            Err(RpcError::failure(format!("{name} is not a hex")))
        }
        block => Ok(node.block(block)?.height()),
    }
}

/// Found events as logs; those that are none are left out.
fn write(node: &Arc<Node>, records: &[EventRecord]) -> Result<Vec<Log>, RpcError> {
    let mut logs = Vec::with_capacity(records.len());
    for of_tipset in records.chunk_by(|one, next| one.tipset.key() == next.tipset.key()) {
        let tipset = &of_tipset[0].tipset;
        let mut writer = node.writer(tipset);
        for record in of_tipset {
            let Some(log_index) = record.log_index else {
                continue;
            };
            let shown = if node.options.strict {
                record.event_index
            } else {
                log_index
            };
            logs.push(writer.log(tipset, record.message_index, &record.event, shown)?);
        }
    }
    Ok(logs)
}

/// How logs that come piece by piece are numbered. Lotus has three ways, Ethereum one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbering {
    /// Among all logs of the block.
    OfBlock,
    /// Among those that match.
    OfMatches,
    /// Not at all: 0.
    None,
}

impl Numbering {
    /// The only one that makes sense, unless the node is to answer as Lotus does.
    pub fn of(node: &Node, on_lotus: Self) -> Self {
        match node.options.strict {
            true => on_lotus,
            false => Numbering::OfBlock,
        }
    }
}

/// The logs of one tipset that a filter matches, `removed` as given.
pub fn of_tipset(
    node: &Arc<Node>,
    filter: &LogFilter,
    tipset: &ExecutedTipset,
    removed: bool,
    numbering: Numbering,
) -> Result<Vec<Log>, RpcError> {
    let height = tipset.height();
    let outside = |block: Option<BlockParam>, beyond: fn(ChainEpoch, ChainEpoch) -> bool| {
        matches!(block, Some(BlockParam::Number(number))
            if beyond(height, ChainEpoch::try_from(number).unwrap_or(ChainEpoch::MAX)))
    };
    if outside(filter.from, |height, from| height < from)
        || outside(filter.to, |height, to| height > to)
    {
        return Ok(Vec::new());
    }
    let logs = node.writer(tipset).logs_of(tipset)?;
    Ok(logs
        .into_iter()
        .map(|(_, _, log)| log)
        .filter(|log| filter.matches(log))
        .enumerate()
        .map(|(index, log)| Log {
            removed,
            log_index: match numbering {
                Numbering::OfBlock => log.log_index,
                Numbering::OfMatches => U64::from(index),
                Numbering::None => U64::ZERO,
            },
            ..log
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn log(topics: Vec<B256>) -> Log {
        Log {
            address: EthAddr::repeat_byte(1),
            data: Default::default(),
            topics,
            removed: false,
            log_index: U64::ZERO,
            transaction_index: U64::ZERO,
            transaction_hash: B256::ZERO,
            block_hash: B256::ZERO,
            block_number: U64::ZERO,
        }
    }

    #[test]
    fn topics_are_one_many_or_any() {
        let [a, b] = [B256::repeat_byte(0xa), B256::repeat_byte(0xb)];
        for (topics, wanted) in [
            (json!(null), true),
            (json!([]), true),
            (json!([a]), true),
            (json!([null, b]), true),
            (json!([[b, a]]), true),
            (json!([b]), false),
            (json!([a, b, a]), false),
        ] {
            let filter = LogFilter::read(json!({ "topics": topics })).unwrap();
            assert_eq!(filter.matches(&log(vec![a, b])), wanted, "{topics}");
        }
    }

    #[test]
    fn addresses_are_one_many_or_any() {
        let [one, other] = [EthAddr::repeat_byte(1), EthAddr::repeat_byte(2)];
        for (address, wanted) in [
            (json!(null), true),
            (json!(one), true),
            (json!([other, one]), true),
            (json!(other), false),
        ] {
            let filter = LogFilter::read(json!({ "address": address })).unwrap();
            assert_eq!(filter.matches(&log(Vec::new())), wanted, "{address}");
        }
    }

    #[test]
    fn a_filter_that_contradicts_itself_is_refused() {
        let hash = B256::ZERO;
        for wrong in [
            json!({ "blockHash": hash, "fromBlock": "0x1" }),
            json!({ "topics": [hash, hash, hash, hash, hash] }),
            json!({ "topics": "0x" }),
            json!({ "address": "t01000" }),
            json!([]),
        ] {
            assert!(LogFilter::read(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
