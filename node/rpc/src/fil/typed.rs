//! States of built-in actors in the types of their own crates, and the JSON of what is
//! in them.

use boatyard_chain::StateView;
use boatyard_sdk::ActorError;
use fvm_ipld_bitfield::BitField;
use fvm_ipld_encoding::CborStore;
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::state::ActorState;
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::error::RpcError;
use crate::fil::json::address_text;
use crate::fil::state::actor;
use crate::registry::{Param, kind};

/// An actor whose code has this name, with its state.
///
/// # Errors
/// When there is no such actor, it is another one, or its state cannot be read.
pub fn state_of<T: DeserializeOwned>(
    view: &StateView,
    address: &Address,
    name: &str,
) -> Result<(ActorID, ActorState, T), RpcError> {
    let (id, actor) = actor(view, address)?;
    let text = address_text(address);
    if !view.manifest()?.is(&actor.code, name) {
        let what = match name {
            "storageminer" => "storage provider".to_owned(),
            other => format!("actor of type {other}"),
        };
        return Err(RpcError::failure(format!("{text} is no {what}")));
    }
    let state = view
        .store()
        .get_cbor(&actor.state)
        .map_err(|error| RpcError::failure(format!("the state of {text}: {error:#}")))?
        .ok_or_else(|| {
            RpcError::failure(format!(
                "the state of {text}: block {} is missing",
                actor.state
            ))
        })?;
    Ok((id, actor, state))
}

/// A state could not be read by its actor's own code.
impl From<ActorError> for RpcError {
    fn from(error: ActorError) -> Self {
        RpcError::failure(format!("the state cannot be read: {error}"))
    }
}

/// Numbers as lengths of runs, beginning with a run of those that are not in the set.
#[derive(Debug, Clone)]
pub struct RunsJson(pub BitField);

impl Serialize for RunsJson {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut runs = Vec::new();
        let mut position = 0;
        for range in self.0.ranges() {
            runs.push(range.start - position);
            runs.push(range.end - range.start);
            position = range.end;
        }
        if runs.is_empty() {
            runs.push(0);
        }
        runs.serialize(out)
    }
}

impl From<&BitField> for RunsJson {
    fn from(set: &BitField) -> Self {
        Self(set.clone())
    }
}

/// A set of numbers as a parameter, in the same form.
#[derive(Debug, Clone)]
pub struct Runs(pub BitField);

/// Most runs of a set that a client sends.
const MOST_RUNS: usize = 1 << 20;

impl Param for Runs {
    const SHAPE: &'static str = "run lengths";

    fn read(value: Value) -> Result<Self, String> {
        let Value::Array(items) = value else {
            return Err(format!("expected an array, got {}", kind(&value)));
        };
        if items.len() > MOST_RUNS {
            return Err(format!("more than {MOST_RUNS} runs"));
        }
        let mut ranges = Vec::new();
        let mut position = 0u64;
        for (index, item) in items.into_iter().enumerate() {
            let length = u64::read(item)?;
            let end = position
                .checked_add(length)
                .filter(|end| *end < u64::MAX)
                .ok_or("the runs are longer than 2^64 together")?;
            if index % 2 == 1 && length > 0 {
                ranges.push(position..end);
            }
            position = end;
        }
        let ranges = fvm_ipld_bitfield::iter::Ranges::new(ranges);
        Ok(Self(BitField::from_ranges(ranges)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sets_are_run_lengths_both_ways() {
        for (numbers, runs) in [
            (vec![], json!([0])),
            (vec![5], json!([5, 1])),
            (vec![0, 1, 2, 7], json!([0, 3, 4, 1])),
        ] {
            let set = BitField::try_from_bits(numbers.iter().copied()).unwrap();
            assert_eq!(serde_json::to_value(RunsJson::from(&set)).unwrap(), runs);
            let read = Runs::read(runs).unwrap().0;
            assert_eq!(read.iter().collect::<Vec<u64>>(), numbers);
        }
        for wrong in [json!([-1]), json!("5"), json!([u64::MAX, u64::MAX])] {
            assert!(Runs::read(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
