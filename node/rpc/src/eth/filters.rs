//! Filters: what a client polls instead of being told (spec 10 §2.14).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use alloy::primitives::B256;
use boatyard_chain::ChainEvent;
use serde::Serialize;

use crate::call::Call;
use crate::error::{RpcError, quote};
use crate::eth::logs::{self, LogFilter, Numbering};
use crate::eth::types::Log;
use crate::follow::Follower;
use crate::node::Node;
use crate::params::Text;
use crate::registry::{Method, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    methods![
        /// Begins to collect logs.
        ["eth_newFilter", "Filecoin.EthNewFilter"]
        (filter: LogFilter) -> "filter id" = compute new_filter;

        /// Begins to collect the hashes of new blocks.
        ["eth_newBlockFilter", "Filecoin.EthNewBlockFilter"]
        () -> "filter id" = compute new_block_filter;

        /// Begins to collect the hashes of transactions that enter the pool.
        ["eth_newPendingTransactionFilter", "Filecoin.EthNewPendingTransactionFilter"]
        () -> "filter id" = compute new_pending_filter;

        /// What a filter collected since the last time.
        ["eth_getFilterChanges", "Filecoin.EthGetFilterChanges"]
        (id: Text) -> "logs or hashes" = compute changes;

        /// All logs on the chain that a filter matches.
        ["eth_getFilterLogs", "Filecoin.EthGetFilterLogs"]
        (id: Text) -> "logs" = compute all_logs;

        /// Ends a filter; false when there is none with this id.
        ["eth_uninstallFilter", "Filecoin.EthUninstallFilter"]
        (id: Text) -> "bool" = compute uninstall;
    ]
}

/// A filter that nobody asked for so long is dropped.
const LIFETIME: Duration = Duration::from_secs(3600);
/// Most filters at a time.
const MOST_FILTERS: usize = 1000;
/// The same on Lotus.
const MOST_FILTERS_STRICT: usize = 100;

/// The filters of a node.
#[derive(Default)]
pub struct Filters(Mutex<Table>);

#[derive(Default)]
struct Table {
    created: u64,
    filters: HashMap<String, Arc<Mutex<Filter>>>,
}

struct Filter {
    wanted: Wanted,
    follower: Follower,
    used: Instant,
}

#[derive(Clone)]
enum Wanted {
    Logs(Arc<LogFilter>),
    Blocks,
    Pending,
}

/// What a filter collected.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Changes {
    /// Of a log filter.
    Logs(Vec<Log>),
    /// Of the others.
    Hashes(Vec<B256>),
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Filters {
    fn add(&self, node: &Node, wanted: Wanted) -> Result<String, RpcError> {
        let mut table = locked(&self.0);
        table
            .filters
            .retain(|_, filter| locked(filter).used.elapsed() < LIFETIME);
        let most = match node.options.strict {
            true => MOST_FILTERS_STRICT,
            false => MOST_FILTERS,
        };
        if table.filters.len() >= most {
            return Err(RpcError::failure(format!(
                "maximum number of filters registered ({most}); \
                 end some with eth_uninstallFilter"
            )));
        }
        table.created += 1;
        let id = format!("0x{:032x}{:032x}", table.created, 0);
        let filter = Filter {
            wanted,
            follower: Follower::new(&node.chain),
            used: Instant::now(),
        };
        table
            .filters
            .insert(id.clone(), Arc::new(Mutex::new(filter)));
        Ok(id)
    }

    fn get(&self, id: &str) -> Result<Arc<Mutex<Filter>>, RpcError> {
        let filter = locked(&self.0).filters.get(id).cloned();
        filter.ok_or_else(|| RpcError::failure(format!("filter not found: {}", quote(id))))
    }

    fn remove(&self, id: &str) -> bool {
        locked(&self.0).filters.remove(id).is_some()
    }
}

fn new_filter(call: &Call, filter: LogFilter) -> Result<String, RpcError> {
    call.node
        .filters
        .add(&call.node, Wanted::Logs(Arc::new(filter)))
}

fn new_block_filter(call: &Call) -> Result<String, RpcError> {
    call.node.filters.add(&call.node, Wanted::Blocks)
}

fn new_pending_filter(call: &Call) -> Result<String, RpcError> {
    call.node.filters.add(&call.node, Wanted::Pending)
}

fn changes(call: &Call, id: Text) -> Result<Changes, RpcError> {
    let filter = call.node.filters.get(&id.0)?;
    let mut filter = locked(&filter);
    filter.used = Instant::now();
    let wanted = filter.wanted.clone();
    let numbering = Numbering::of(&call.node, Numbering::OfMatches);
    let mut logs = Vec::new();
    let mut hashes = Vec::new();
    while let Some(event) = filter.follower.try_next() {
        match (&wanted, event) {
            (Wanted::Logs(wanted), ChainEvent::Applied(tipset)) => {
                logs.extend(logs::of_tipset(
                    &call.node, wanted, &tipset, false, numbering,
                )?);
            }
            (Wanted::Logs(wanted), ChainEvent::Reverted(tipset)) => {
                logs.extend(logs::of_tipset(
                    &call.node, wanted, &tipset, true, numbering,
                )?);
            }
            (Wanted::Blocks, ChainEvent::Applied(tipset)) => hashes.push(tipset.tipset.eth_hash()),
            (Wanted::Pending, ChainEvent::Pending(message)) => hashes.push(message.eth_hash),
            _ => {}
        }
    }
    Ok(match wanted {
        Wanted::Logs(_) => Changes::Logs(logs),
        Wanted::Blocks | Wanted::Pending => Changes::Hashes(hashes),
    })
}

fn all_logs(call: &Call, id: Text) -> Result<Changes, RpcError> {
    if call.node.options.strict {
        return changes(call, id);
    }
    let filter = call.node.filters.get(&id.0)?;
    let wanted = {
        let mut filter = locked(&filter);
        filter.used = Instant::now();
        filter.wanted.clone()
    };
    match wanted {
        Wanted::Logs(wanted) => Ok(Changes::Logs(logs::find(&call.node, &wanted)?)),
        Wanted::Blocks | Wanted::Pending => Err(RpcError::failure(
            "this filter collects no logs; use eth_getFilterChanges",
        )),
    }
}

fn uninstall(call: &Call, id: Text) -> Result<bool, RpcError> {
    Ok(call.node.filters.remove(&id.0))
}
