//! What the world is told (specs 05 §22, 06 §14.4).

use boatyard_sdk::abi::EventAbi;
use boatyard_sdk::{ActorError, EventBuilder, Runtime, Schema};
use cid::Cid;
use fvm_shared::piece::PieceInfo;
use fvm_shared::sector::SectorNumber;

/// A sector was announced.
pub const SECTOR_PRECOMMITTED: &str = "sector-precommitted";
/// A sector was proven.
pub const SECTOR_ACTIVATED: &str = "sector-activated";
/// A sector of zeros got data.
pub const SECTOR_UPDATED: &str = "sector-updated";
/// A sector ended early and was settled.
pub const SECTOR_TERMINATED: &str = "sector-terminated";

const NUMBER: &[(&str, Schema)] = &[("sector", Schema::Uint)];

const CONTENT: &[(&str, Schema)] = &[
    ("sector", Schema::Uint),
    ("unsealed-cid", Schema::Optional(&Schema::Cid)),
    ("piece-cid", Schema::Cid),
    ("piece-size", Schema::Uint),
];

/// The miner's events. The pair of `piece-cid` and `piece-size` comes once for each
/// piece, perhaps never.
pub const EVENTS: &[EventAbi] = &[
    EventAbi {
        name: SECTOR_PRECOMMITTED,
        fields: NUMBER,
    },
    EventAbi {
        name: SECTOR_ACTIVATED,
        fields: CONTENT,
    },
    EventAbi {
        name: SECTOR_UPDATED,
        fields: CONTENT,
    },
    EventAbi {
        name: SECTOR_TERMINATED,
        fields: NUMBER,
    },
];

pub(crate) fn sector_precommitted(
    rt: &impl Runtime,
    sector: SectorNumber,
) -> Result<(), ActorError> {
    of_number(rt, SECTOR_PRECOMMITTED, sector)
}

pub(crate) fn sector_terminated(rt: &impl Runtime, sector: SectorNumber) -> Result<(), ActorError> {
    of_number(rt, SECTOR_TERMINATED, sector)
}

pub(crate) fn sector_activated(
    rt: &impl Runtime,
    sector: SectorNumber,
    unsealed: Option<&Cid>,
    pieces: &[PieceInfo],
) -> Result<(), ActorError> {
    of_content(rt, SECTOR_ACTIVATED, sector, unsealed, pieces)
}

pub(crate) fn sector_updated(
    rt: &impl Runtime,
    sector: SectorNumber,
    unsealed: Option<&Cid>,
    pieces: &[PieceInfo],
) -> Result<(), ActorError> {
    of_content(rt, SECTOR_UPDATED, sector, unsealed, pieces)
}

fn of_number(rt: &impl Runtime, name: &str, sector: SectorNumber) -> Result<(), ActorError> {
    EventBuilder::named(name)
        .indexed("sector", &sector)
        .emit(rt)
}

/// A machine takes at most 255 entries, so a sector with more than 126 pieces fails
/// here with 24.
fn of_content(
    rt: &impl Runtime,
    name: &str,
    sector: SectorNumber,
    unsealed: Option<&Cid>,
    pieces: &[PieceInfo],
) -> Result<(), ActorError> {
    let mut event = EventBuilder::named(name)
        .indexed("sector", &sector)
        .indexed("unsealed-cid", &unsealed);
    for piece in pieces {
        event = event
            .indexed("piece-cid", &piece.cid)
            .field("piece-size", &piece.size.0);
    }
    event.emit(rt)
}
