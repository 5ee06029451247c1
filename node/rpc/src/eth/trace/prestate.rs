//! What a message found, and what it changed: `prestateTracer`, and Parity's `stateDiff`.
//!
//! Which accounts and slots matter is seen while the message runs once more on the native
//! machine; their values are read from the states before and after it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use alloy::primitives::{Address as EthAddr, B256, Bytes, U64, U256};
use boatyard_chain::StateView;
use boatyard_chain::ethereum::{to_ethereum, to_filecoin};
use boatyard_vm::context::{Intercept, Interceptor, Watched};
use boatyard_vm::trace::Call;
use fvm_shared::ActorID;
use fvm_shared::address::{Address, Payload};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::frames::Framer;
use super::opcodes::{SLOAD, SSTORE, address_at};
use crate::error::RpcError;
use crate::params::quantity;

/// Most accounts and slots that are noted of one message.
const MOST_TOUCHED: usize = 200_000;

/// Notes what a message touches.
#[derive(Debug, Default)]
pub struct TouchLog(Mutex<Touched>);

#[derive(Debug, Default, Clone)]
struct Touched {
    ids: BTreeSet<ActorID>,
    addresses: BTreeSet<EthAddr>,
    slots: BTreeMap<ActorID, BTreeSet<B256>>,
    count: usize,
}

impl TouchLog {
    fn note(&self, work: impl FnOnce(&mut Touched) -> bool) {
        let mut touched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if touched.count < MOST_TOUCHED && work(&mut touched) {
            touched.count += 1;
        }
    }
}

impl Interceptor for TouchLog {
    fn before_call(&self, call: &Call) -> Intercept {
        self.note(|touched| touched.ids.insert(call.from));
        self.note(|touched| match call.to.payload() {
            Payload::ID(id) => touched.ids.insert(*id),
            _ => match to_ethereum(&call.to) {
                Some(address) => touched.addresses.insert(address),
                None => false,
            },
        });
        Intercept::Proceed
    }

    fn watches_instructions(&self) -> bool {
        true
    }

    fn instruction(&self, at: &Watched<'_>) {
        let opcode = at.inside.opcode();
        self.note(|touched| touched.ids.insert(at.actor));
        if matches!(opcode, SLOAD | SSTORE)
            && let Some(slot) = at.inside.stack_word(0)
        {
            self.note(|touched| {
                let slots = touched.slots.entry(at.actor).or_default();
                slots.insert(B256::from(slot))
            });
        }
        if let Some(place) = address_at(opcode)
            && let Some(word) = at.inside.stack_word(place)
        {
            let address = EthAddr::from_slice(&word[12..]);
            self.note(|touched| touched.addresses.insert(address));
        }
    }
}

/// What `prestateTracer` can be told.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PrestateOptions {
    diff_mode: bool,
    disable_code: bool,
    disable_storage: bool,
}

/// An account at one time; what was not asked for is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Account {
    #[serde(skip_serializing_if = "Option::is_none")]
    balance: Option<U256>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Bytes>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    storage: BTreeMap<B256, B256>,
}

/// Answer of `prestateTracer`.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Prestate {
    /// What the message found.
    Before(BTreeMap<EthAddr, Account>),
    /// What it changed.
    Diff {
        /// Before it.
        pre: BTreeMap<EthAddr, Account>,
        /// After it: the changed members only.
        post: BTreeMap<EthAddr, Account>,
    },
}

/// An account in full, before or after.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Full {
    balance: U256,
    nonce: u64,
    code: Vec<u8>,
    storage: BTreeMap<B256, B256>,
}

/// An account before and after; none where it did not exist.
type Change = (Option<Full>, Option<Full>);

fn changes(
    touched: &TouchLog,
    before: &StateView,
    after: &StateView,
) -> Result<BTreeMap<EthAddr, Change>, RpcError> {
    let touched = touched
        .0
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    if touched.count >= MOST_TOUCHED {
        return Err(RpcError::failure(format!(
            "the message touches more than {MOST_TOUCHED} accounts and slots"
        )));
    }
    let mut names = Framer::new(before.clone(), after.clone())?;
    let mut slots: BTreeMap<EthAddr, BTreeSet<B256>> = BTreeMap::new();
    for id in touched.ids {
        let address = names.address(id)?;
        let of = touched.slots.get(&id).cloned().unwrap_or_default();
        slots.entry(address).or_default().extend(of);
    }
    for address in touched.addresses {
        slots.entry(address).or_default();
    }
    slots
        .into_iter()
        .map(|(address, slots)| {
            let change = (
                account(before, &address, &slots)?,
                account(after, &address, &slots)?,
            );
            Ok((address, change))
        })
        .collect()
}

fn account(
    view: &StateView,
    address: &EthAddr,
    slots: &BTreeSet<B256>,
) -> Result<Option<Full>, RpcError> {
    let filecoin: Address = to_filecoin(address);
    let Some((_, actor)) = view.actor(&filecoin)? else {
        return Ok(None);
    };
    let mut storage = BTreeMap::new();
    for slot in slots {
        let value = view.eth_storage(address, U256::from_be_bytes(slot.0))?;
        storage.insert(*slot, value);
    }
    Ok(Some(Full {
        balance: quantity(&actor.balance),
        nonce: view.eth_nonce(address)?,
        code: view.eth_code(address)?,
        storage,
    }))
}

/// Writes what a message found or changed as geth does.
///
/// # Errors
/// When the states cannot be read, or too much was touched.
pub fn prestate(
    touched: &TouchLog,
    before: &StateView,
    after: &StateView,
    options: PrestateOptions,
) -> Result<Prestate, RpcError> {
    let changes = changes(touched, before, after)?;
    if !options.diff_mode {
        let found = changes.into_iter().map(|(address, (before, _))| {
            let account = before.map_or_else(
                || Account {
                    balance: Some(U256::ZERO),
                    ..Account::default()
                },
                |full| shown(&full, options),
            );
            (address, account)
        });
        return Ok(Prestate::Before(found.collect()));
    }
    let mut pre = BTreeMap::new();
    let mut post = BTreeMap::new();
    for (address, change) in changes {
        match change {
            (Some(before), Some(after)) if before == after => {}
            (Some(before), Some(after)) => {
                let changed = |slot: &B256| before.storage.get(slot) != after.storage.get(slot);
                let kept = |full: &Full| {
                    let mut account = shown(full, options);
                    account
                        .storage
                        .retain(|slot, value| changed(slot) && !value.is_zero());
                    account
                };
                let mut new = kept(&after);
                new.balance = new.balance.filter(|_| before.balance != after.balance);
                new.nonce = new.nonce.filter(|_| before.nonce != after.nonce);
                new.code = new.code.filter(|_| before.code != after.code);
                pre.insert(address, kept(&before));
                post.insert(address, new);
            }
            (None, Some(after)) => {
                let mut account = shown(&after, options);
                account.storage.retain(|_, value| !value.is_zero());
                post.insert(address, account);
            }
            (Some(before), None) => {
                pre.insert(address, shown(&before, options));
            }
            (None, None) => {}
        }
    }
    Ok(Prestate::Diff { pre, post })
}

fn shown(full: &Full, options: PrestateOptions) -> Account {
    Account {
        balance: Some(full.balance),
        nonce: (full.nonce > 0).then_some(full.nonce),
        code: (!options.disable_code && !full.code.is_empty()).then(|| full.code.clone().into()),
        storage: if options.disable_storage {
            BTreeMap::new()
        } else {
            full.storage.clone()
        },
    }
}

/// Writes what a message changed as Parity does: `=`, `+`, `-` or `*` for every member of
/// every account that is not the same as before.
///
/// # Errors
/// As [`prestate`].
pub fn state_diff(
    touched: &TouchLog,
    before: &StateView,
    after: &StateView,
) -> Result<BTreeMap<EthAddr, Value>, RpcError> {
    let mut diff = BTreeMap::new();
    for (address, change) in changes(touched, before, after)? {
        if change.0 == change.1 {
            continue;
        }
        let (before, after) = change;
        let member = |read: &dyn Fn(&Full) -> Value| {
            delta(before.as_ref().map(read), after.as_ref().map(read))
        };
        let slots: BTreeSet<B256> = [&before, &after]
            .into_iter()
            .flatten()
            .flat_map(|full| full.storage.keys().copied())
            .collect();
        let value = |full: &Option<Full>, slot: &B256| {
            full.as_ref().map_or(B256::ZERO, |full| {
                full.storage.get(slot).copied().unwrap_or_default()
            })
        };
        let storage: BTreeMap<B256, Value> = slots
            .into_iter()
            .filter(|slot| value(&before, slot) != value(&after, slot))
            .map(|slot| {
                let (old, new) = (value(&before, &slot), value(&after, &slot));
                let change = if before.is_none() {
                    json!({ "+": new })
                } else {
                    json!({ "*": { "from": old, "to": new } })
                };
                (slot, change)
            })
            .collect();
        diff.insert(
            address,
            json!({
                "balance": member(&|full| json!(full.balance)),
                "nonce": member(&|full| json!(U64::from(full.nonce))),
                "code": member(&|full| json!(Bytes::from(full.code.clone()))),
                "storage": storage,
            }),
        );
    }
    Ok(diff)
}

fn delta(before: Option<Value>, after: Option<Value>) -> Value {
    match (before, after) {
        (Some(old), Some(new)) if old == new => json!("="),
        (Some(old), Some(new)) => json!({ "*": { "from": old, "to": new } }),
        (None, Some(new)) => json!({ "+": new }),
        (Some(old), None) => json!({ "-": old }),
        (None, None) => json!("="),
    }
}
