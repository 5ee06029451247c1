//! What the world is told (spec 07 §9).

use boatyard_sdk::abi::EventAbi;
use boatyard_sdk::{ActorError, EventBuilder, Runtime, Schema};
use fvm_shared::deal::DealID;

use crate::deal::DealProposal;

/// A deal has a number.
pub const DEAL_PUBLISHED: &str = "deal-published";
/// A deal's piece is in a sector.
pub const DEAL_ACTIVATED: &str = "deal-activated";
/// A deal's sector ended before the deal.
pub const DEAL_TERMINATED: &str = "deal-terminated";
/// A deal was paid to its end.
pub const DEAL_COMPLETED: &str = "deal-completed";

const FIELDS: &[(&str, Schema)] = &[
    ("id", Schema::Uint),
    ("client", Schema::Uint),
    ("provider", Schema::Uint),
];

const fn event(name: &'static str) -> EventAbi {
    EventAbi {
        name,
        fields: FIELDS,
    }
}

/// The market's events. Proposals that lapse tell nothing.
pub const EVENTS: &[EventAbi] = &[
    event(DEAL_PUBLISHED),
    event(DEAL_ACTIVATED),
    event(DEAL_TERMINATED),
    event(DEAL_COMPLETED),
];

/// `name` is one of the above, `deal` a proposal of the state.
pub(crate) fn emit(
    rt: &impl Runtime,
    name: &str,
    id: DealID,
    deal: &DealProposal,
) -> Result<(), ActorError> {
    EventBuilder::named(name)
        .indexed("id", &id)
        .indexed("client", &deal.client_id()?)
        .indexed("provider", &deal.provider_id()?)
        .emit(rt)
}
