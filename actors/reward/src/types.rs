//! Parameters and returns.

pub use boatyard_actors_shared::ext::reward::{AwardBlockRewardParams, ThisEpochRewardReturn};
