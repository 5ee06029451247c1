//! What the methods do: they check the caller, change the state in transactions, and
//! send messages between them.
//!
//! | module | methods |
//! |---|---|
//! | `construct` | the constructor |
//! | `identity`, `beneficiary` | owner, worker, control addresses, peer, beneficiary |
//! | `queries` | what anybody may ask about identity and money |
//! | `rewards`, `withdrawal`, `consensus_fault` | money that comes and goes |
//! | `sector_status` | where sectors are and how they are |
//! | `window_post`, `faults` | proving sectors, and not proving them |
//! | `terminate`, `compact` | sectors that end, and are forgotten |
//! | `cron` | the end of a deadline |
//! | `precommit`, `prove_commit`, `prove_commit_ni`, `preseal` | sectors that come |
//! | `replica_update`, `extend` | sectors that get data, or live longer |

pub(crate) mod beneficiary;
pub(crate) mod compact;
pub(crate) mod consensus_fault;
pub(crate) mod construct;
pub(crate) mod cron;
pub(crate) mod extend;
pub(crate) mod faults;
pub(crate) mod identity;
pub(crate) mod precommit;
pub(crate) mod preseal;
pub(crate) mod prove_commit;
pub(crate) mod prove_commit_ni;
pub(crate) mod queries;
pub(crate) mod replica_update;
pub(crate) mod rewards;
pub(crate) mod sector_status;
pub(crate) mod terminate;
pub(crate) mod window_post;
pub(crate) mod withdrawal;
#[cfg(test)]
pub(crate) mod world;
#[cfg(test)]
pub(crate) mod world_proving;
