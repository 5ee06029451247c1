//! Everything that goes wrong on request. The consequences are the chain's.

use serde::{Deserialize, Serialize};

/// What a provider does wrong on purpose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mischief {
    /// It does nothing at all.
    pub stopped: bool,
    /// It sends no Window PoSt.
    pub skips_posts: bool,
    /// It changes a bit of every Window PoSt before sending it.
    pub spoils_posts: bool,
}
