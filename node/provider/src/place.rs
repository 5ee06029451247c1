//! Where a sector is proven, and how it is there.

use fvm_shared::clock::ChainEpoch;
use fvm_shared::sector::SectorNumber;

use crate::miner::{MinerError, MinerView};

/// Where a sector is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its deadline.
    pub deadline: u64,
    /// Its partition there.
    pub partition: u64,
    /// How it is.
    pub health: Health,
}

/// How a sector is that has a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Its first Window PoSt is to come.
    Unproven,
    /// Proven as it should be.
    Active,
    /// Faulty.
    Faulty,
    /// Faulty, and said to be well again.
    Recovering,
    /// Over.
    Terminated,
}

impl Place {
    /// Finds a sector; `None` for one that was never there, or was compacted away.
    ///
    /// # Errors
    /// [`MinerError`].
    pub fn find(view: &MinerView, number: SectorNumber) -> Result<Option<Self>, MinerError> {
        let deadlines = view.deadlines()?;
        for deadline in 0..deadlines.due.len() as u64 {
            let partitions = view.partitions(&view.deadline(&deadlines, deadline)?)?;
            for (partition, held) in (0..).zip(partitions) {
                if !held.sectors.get(number) {
                    continue;
                }
                let health = match number {
                    _ if held.terminated.get(number) => Health::Terminated,
                    _ if held.recoveries.get(number) => Health::Recovering,
                    _ if held.faults.get(number) => Health::Faulty,
                    _ if held.unproven.get(number) => Health::Unproven,
                    _ => Health::Active,
                };
                return Ok(Some(Self {
                    deadline,
                    partition,
                    health,
                }));
            }
        }
        Ok(None)
    }

    /// The first epoch, not before this one, at which the deadline takes changes: it is
    /// neither open nor about to be.
    pub fn mutable_from(&self, view: &MinerView, epoch: ChainEpoch) -> ChainEpoch {
        match view
            .state
            .is_deadline_mutable(view.policy(), self.deadline, epoch)
        {
            true => epoch,
            false => {
                let window = view.state.next_window(view.policy(), self.deadline, epoch);
                window.close
            }
        }
    }
}
