//! What the state holds, block by block (specs 05 §3, 06 §4).
//!
//! | module | blocks |
//! |---|---|
//! | [`state`] | the root |
//! | [`info`] | who the miner is |
//! | [`sector`] | pre-commits and sectors |
//! | [`deadline`] | deadlines, partitions, what expires when |
//!
//! Nothing here decides anything: the algorithms are in the modules beside this one.

pub mod deadline;
pub mod info;
pub mod sector;
pub mod state;

pub use deadline::{Deadline, Deadlines, ExpirationSet, Partition, PowerPair, WindowedPoSt};
pub use info::{BeneficiaryTerm, MinerInfo, PendingBeneficiaryChange, WorkerKeyChange};
pub use sector::{
    SIMPLE_QA_POWER, SectorOnChainInfo, SectorPreCommitInfo, SectorPreCommitOnChainInfo,
};
pub use state::{State, VestingFund, VestingFunds};

#[cfg(test)]
mod tests;
