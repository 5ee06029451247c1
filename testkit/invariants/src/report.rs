//! What was found.

use std::collections::BTreeMap;
use std::fmt;

use fvm_shared::ActorID;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use serde::{Deserialize, Serialize};

/// What a look at a state found. The same for people, programs and the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// State root.
    pub root: String,
    /// Epoch for which the state was judged.
    pub epoch: ChainEpoch,
    /// How many actors of each type there are, by the type's name.
    pub actors: BTreeMap<String, u64>,
    /// Sums over the state.
    pub totals: Vec<Total>,
    /// Everything that does not hold: actor by actor, then between actors.
    pub violations: Vec<Violation>,
}

impl Report {
    /// Whether everything holds.
    pub fn holds(&self) -> bool {
        self.violations.is_empty()
    }
}

/// Something that must hold and does not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Violation {
    /// The actor whose state is wrong, or disagrees with others; none when it is the
    /// state as a whole.
    pub actor: Option<ActorID>,
    /// Name of the actor's type.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Whether it takes several actors to see it.
    pub across: bool,
    /// In words.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.actor, &self.kind) {
            (Some(id), Some(kind)) => write!(f, "f0{id} ({kind}): {}", self.text),
            (Some(id), None) => write!(f, "f0{id}: {}", self.text),
            (None, _) => write!(f, "{}", self.text),
        }
    }
}

/// A sum over the state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    /// Of what.
    pub name: String,
    /// A decimal number of that unit.
    pub value: String,
    /// What is counted.
    pub unit: Unit,
}

impl Total {
    pub(crate) fn fil(name: &str, amount: &TokenAmount) -> Self {
        Self {
            name: name.into(),
            value: amount.atto().to_string(),
            unit: Unit::AttoFil,
        }
    }

    pub(crate) fn bytes(name: &str, bytes: impl fmt::Display) -> Self {
        Self {
            name: name.into(),
            value: bytes.to_string(),
            unit: Unit::Bytes,
        }
    }
}

/// What a [`Total`] counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// Money.
    #[serde(rename = "attoFIL")]
    AttoFil,
    /// Storage, power, datacap.
    #[serde(rename = "bytes")]
    Bytes,
}
