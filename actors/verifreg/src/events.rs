//! What the world is told (spec 08 §A7).

use boatyard_actors_shared::ext::verifreg::{AllocationId, Claim, ClaimId, DataCap};
use boatyard_sdk::abi::EventAbi;
use boatyard_sdk::{ActorError, EventBuilder, Runtime, Schema};
use fvm_shared::ActorID;
use fvm_shared::bigint::bigint_ser::BigIntSer;

use crate::state::Allocation;

/// A verifier may hand out more or less.
pub const VERIFIER_BALANCE: &str = "verifier-balance";
/// There is a new allocation.
pub const ALLOCATION: &str = "allocation";
/// An allocation expired and its datacap went back.
pub const ALLOCATION_REMOVED: &str = "allocation-removed";
/// An allocation became a claim.
pub const CLAIM: &str = "claim";
/// A claim lasts longer.
pub const CLAIM_UPDATED: &str = "claim-updated";
/// A claim expired and is forgotten.
pub const CLAIM_REMOVED: &str = "claim-removed";

const ALLOCATION_FIELDS: &[(&str, Schema)] = &[
    ("id", Schema::Uint),
    ("client", Schema::Uint),
    ("provider", Schema::Uint),
    ("piece-cid", Schema::Cid),
    ("piece-size", Schema::Uint),
    ("term-min", Schema::Int),
    ("term-max", Schema::Int),
    ("expiration", Schema::Int),
];

const CLAIM_FIELDS: &[(&str, Schema)] = &[
    ("id", Schema::Uint),
    ("client", Schema::Uint),
    ("provider", Schema::Uint),
    ("piece-cid", Schema::Cid),
    ("piece-size", Schema::Uint),
    ("term-min", Schema::Int),
    ("term-max", Schema::Int),
    ("term-start", Schema::Int),
    ("sector", Schema::Uint),
];

/// The registry's events. The client of a `verifier-balance` is there only when
/// datacap was handed out to it.
pub const EVENTS: &[EventAbi] = &[
    EventAbi {
        name: VERIFIER_BALANCE,
        fields: &[
            ("verifier", Schema::Uint),
            ("balance", Schema::BigInt),
            ("client", Schema::Uint),
        ],
    },
    EventAbi {
        name: ALLOCATION,
        fields: ALLOCATION_FIELDS,
    },
    EventAbi {
        name: ALLOCATION_REMOVED,
        fields: ALLOCATION_FIELDS,
    },
    EventAbi {
        name: CLAIM,
        fields: CLAIM_FIELDS,
    },
    EventAbi {
        name: CLAIM_UPDATED,
        fields: CLAIM_FIELDS,
    },
    EventAbi {
        name: CLAIM_REMOVED,
        fields: CLAIM_FIELDS,
    },
];

pub(crate) fn verifier_balance(
    rt: &impl Runtime,
    verifier: ActorID,
    balance: &DataCap,
    client: Option<ActorID>,
) -> Result<(), ActorError> {
    let event = EventBuilder::named(VERIFIER_BALANCE)
        .indexed("verifier", &verifier)
        .field("balance", &BigIntSer(balance));
    match client {
        Some(client) => event.indexed("client", &client).emit(rt),
        None => event.emit(rt),
    }
}

/// `name` is [`ALLOCATION`] or [`ALLOCATION_REMOVED`].
pub(crate) fn allocation(
    rt: &impl Runtime,
    name: &str,
    id: AllocationId,
    allocation: &Allocation,
) -> Result<(), ActorError> {
    EventBuilder::named(name)
        .indexed("id", &id)
        .indexed("client", &allocation.client)
        .indexed("provider", &allocation.provider)
        .indexed("piece-cid", &allocation.data)
        .field("piece-size", &allocation.size)
        .field("term-min", &allocation.term_min)
        .field("term-max", &allocation.term_max)
        .field("expiration", &allocation.expiration)
        .emit(rt)
}

/// `name` is [`CLAIM`], [`CLAIM_UPDATED`] or [`CLAIM_REMOVED`].
pub(crate) fn claim(
    rt: &impl Runtime,
    name: &str,
    id: ClaimId,
    claim: &Claim,
) -> Result<(), ActorError> {
    EventBuilder::named(name)
        .indexed("id", &id)
        .indexed("client", &claim.client)
        .indexed("provider", &claim.provider)
        .indexed("piece-cid", &claim.data)
        .field("piece-size", &claim.size)
        .field("term-min", &claim.term_min)
        .field("term-max", &claim.term_max)
        .field("term-start", &claim.term_start)
        .indexed("sector", &claim.sector)
        .emit(rt)
}
