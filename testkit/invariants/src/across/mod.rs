//! What must hold between actors.
//!
//! | file | about |
//! |---|---|
//! | [`codes`] | which code an actor may run |
//! | [`addresses`] | who has which address |
//! | [`money`] | how much there is, and where |
//! | [`cron`] | who is called every epoch |
//! | [`datacap`] | the token and the registry that governs it |
//! | [`power`] | miners and their claims to power, and what they pledge |
//! | [`deals`] | deals, the miners behind them, and the datacap set aside for them |
//! | [`claims`] | verified data and the sectors that hold it |

mod addresses;
mod claims;
mod codes;
mod cron;
mod datacap;
mod deals;
mod money;
mod power;

use fvm_ipld_blockstore::Blockstore;

use crate::checker::{Found, World};
use crate::report::Total;

/// Everything that takes several actors to see.
pub(crate) fn check<S: Blockstore + Clone>(world: &World<'_, S>, found: &mut Found) {
    codes::check(world, found);
    addresses::check(world, found);
    money::check(world, found);
    cron::check(world, found);
    datacap::check(world, found);
    power::check(world, found);
    deals::check(world, found);
    claims::check(world, found);
}

/// Sums over the state, in the order in which people want to read them.
pub(crate) fn totals<S: Blockstore + Clone>(world: &World<'_, S>) -> Vec<Total> {
    let mut totals = money::totals(world);
    totals.extend(power::totals(world));
    totals.extend(deals::totals(world));
    totals.extend(datacap::totals(world));
    totals
}
