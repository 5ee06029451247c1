//! What the methods do: they check the caller, change the state in transactions, and
//! send messages between them.
//!
//! | module | methods |
//! |---|---|
//! | [`identity`], [`beneficiary`] | owner, worker, control addresses, peer, beneficiary |
//! | [`queries`] | what anybody may ask about identity and money |
//! | [`rewards`], [`withdrawal`], [`consensus_fault`] | money that comes and goes |

pub(crate) mod beneficiary;
pub(crate) mod consensus_fault;
pub(crate) mod identity;
pub(crate) mod queries;
pub(crate) mod rewards;
pub(crate) mod withdrawal;
