//! What a message is for, and when to try again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use cid::Cid;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::sector::SectorNumber;

use crate::order::OrderId;

/// Epochs after which something that failed is tried again.
pub const PATIENCE: ChainEpoch = 30;

/// What a message is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Task {
    /// Window PoSt of partitions of a deadline, in the window that opens then.
    Post {
        /// The deadline.
        deadline: u64,
        /// First epoch of the window.
        open: ChainEpoch,
        /// The first partition.
        partition: u64,
    },
    /// Declaring faulty sectors of a deadline well.
    Recover {
        /// The deadline.
        deadline: u64,
    },
    /// Money for the provider's collateral into the market's escrow.
    Collateral,
    /// Publishing deals.
    Publish(Vec<OrderId>),
    /// Having deals paid out that reached their end.
    Settle,
    /// Pre-committing a sector.
    PreCommit(SectorNumber),
    /// Proving a new sector.
    Prove(SectorNumber),
    /// Proving data that was put into a sector.
    Update(SectorNumber),
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Post {
                deadline,
                partition,
                ..
            } => write!(
                f,
                "the PoSt of partition {partition} of deadline {deadline}"
            ),
            Self::Recover { deadline } => write!(f, "the recovery in deadline {deadline}"),
            Self::Collateral => f.write_str("the collateral of deals"),
            Self::Publish(orders) => write!(f, "the publication of orders {orders:?}"),
            Self::Settle => f.write_str("the settlement of deals"),
            Self::PreCommit(number) => write!(f, "the pre-commit of sector {number}"),
            Self::Prove(number) => write!(f, "the proof of sector {number}"),
            Self::Update(number) => write!(f, "the update of sector {number}"),
        }
    }
}

/// Where a message failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Before it was sent.
    InTrial,
    /// When it was executed.
    OnChain,
}

/// Messages on their way, and tasks that have to wait. Lives in memory: after a
/// restart everything is looked at and tried again.
#[derive(Debug, Default)]
pub struct Tasks {
    /// Handed to the chain, which tells of them in this order.
    handed: VecDeque<Task>,
    /// In the pool or mined since the last look.
    sent: BTreeMap<Cid, Task>,
    /// Not to be tried before.
    resting: BTreeMap<Task, ChainEpoch>,
    /// Orders that are not published together with others any more.
    singles: BTreeSet<OrderId>,
    /// Sectors that did not give their data back.
    unreadable: BTreeSet<SectorNumber>,
    /// What failed for a reason that may lie in an order; how often it did on chain.
    doubtful: BTreeMap<Task, u32>,
}

impl Tasks {
    /// Whether a task may be tried at this epoch.
    pub fn may(&self, task: &Task, epoch: ChainEpoch) -> bool {
        let resting = self.resting.get(task);
        resting.is_none_or(|until| *until <= epoch) && !self.is_under_way(task)
    }

    /// When a task may be tried, seen from this epoch.
    pub fn ready_at(&self, task: &Task, epoch: ChainEpoch) -> ChainEpoch {
        self.resting
            .get(task)
            .map_or(epoch, |until| epoch.max(*until))
    }

    /// Whether a message for it waits in the pool.
    pub fn is_under_way(&self, task: &Task) -> bool {
        self.sent.values().any(|sent| sent == task)
    }

    /// A message for a task is handed to the chain.
    pub fn hand(&mut self, task: Task) {
        self.handed.push_back(task);
    }

    /// The chain tells of the next message that it was handed.
    pub fn told(&mut self) -> Option<Task> {
        self.handed.pop_front()
    }

    /// The message is in the pool.
    pub fn sent(&mut self, task: Task, message: Cid) {
        self.sent.insert(message, task);
    }

    /// A message was mined; gives what it was for.
    pub fn mined(&mut self, message: &Cid) -> Option<Task> {
        self.sent.remove(message)
    }

    /// A task failed; it rests.
    pub fn rest(&mut self, task: Task, epoch: ChainEpoch) {
        match task {
            // Each of them is tried by itself.
            Task::Publish(orders) => {
                for order in orders {
                    let task = Task::Publish(vec![order]);
                    self.resting.insert(task, epoch + PATIENCE);
                    self.singles.insert(order);
                }
            }
            task => {
                self.resting.insert(task, epoch + PATIENCE);
            }
        }
    }

    /// A task failed when it was tried, or on chain. Once it is tried again at once, after
    /// a look at whose fault it is; then it rests.
    pub fn doubt(&mut self, task: Task, epoch: ChainEpoch, where_it_failed: Failure) {
        let again = match self.doubtful.contains_key(&task) {
            true => epoch + PATIENCE,
            false => epoch + 1,
        };
        let failures = self.doubtful.entry(task.clone()).or_default();
        *failures += u32::from(where_it_failed == Failure::OnChain);
        self.resting.insert(task, again);
    }

    /// A task succeeded.
    pub fn trust(&mut self, task: &Task) {
        self.doubtful.remove(task);
    }

    /// Whether a task failed.
    pub fn is_doubtful(&self, task: &Task) -> bool {
        self.doubtful.contains_key(task)
    }

    /// Whether a task failed on chain repeatedly, each time after it had passed a trial.
    pub fn is_two_faced(&self, task: &Task) -> bool {
        self.doubtful
            .get(task)
            .is_some_and(|failures| *failures > 1)
    }

    /// A sector did not give its data back; it is not tried again for the time being.
    pub fn note_unreadable(&mut self, sector: SectorNumber) {
        self.unreadable.insert(sector);
    }

    /// Whether a sector did not give its data back.
    pub fn is_unreadable(&self, sector: SectorNumber) -> bool {
        self.unreadable.contains(&sector)
    }

    /// Orders whose publication is on its way.
    pub fn publishing(&self) -> BTreeSet<OrderId> {
        let tasks = self.sent.values().chain(&self.handed);
        let orders = tasks.filter_map(|task| match task {
            Task::Publish(orders) => Some(orders),
            _ => None,
        });
        orders.flatten().copied().collect()
    }

    /// Has orders published one by one from now on.
    pub fn part(&mut self, orders: &[OrderId]) {
        self.singles.extend(orders);
    }

    /// Whether an order is published alone.
    pub fn is_single(&self, order: OrderId) -> bool {
        self.singles.contains(&order)
    }

    /// A task is not tried again before this epoch.
    pub fn rest_until(&mut self, task: Task, epoch: ChainEpoch) {
        self.resting.insert(task, epoch);
    }

    /// Whether a proof of a deadline was tried in the window that opens then.
    pub fn has_tried_post(&self, deadline: u64, open: ChainEpoch) -> bool {
        let first = |partition| Task::Post {
            deadline,
            open,
            partition,
        };
        let range = first(0)..=first(u64::MAX);
        self.resting.range(range).next().is_some()
    }

    /// Forgets what is over.
    pub fn tidy(&mut self, epoch: ChainEpoch) {
        self.resting.retain(|_, until| *until > epoch);
    }

    /// Forgets everything: the chain went back, or the pool was emptied.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_rests_and_what_is_under_way_is_not_sent_twice() {
        let mut tasks = Tasks::default();
        let task = Task::PreCommit(7);
        assert!(tasks.may(&task, 10));
        tasks.rest(task.clone(), 10);
        assert!(!tasks.may(&task, 10 + PATIENCE - 1));
        assert!(tasks.may(&task, 10 + PATIENCE));
        assert_eq!(tasks.ready_at(&task, 11), 10 + PATIENCE);
        tasks.tidy(10 + PATIENCE);
        assert_eq!(tasks.ready_at(&task, 3), 3);

        // What may be somebody's fault is looked at before it rests.
        tasks.doubt(task.clone(), 200, Failure::InTrial);
        assert!(tasks.may(&task, 201) && tasks.is_doubtful(&task));
        tasks.doubt(task.clone(), 201, Failure::OnChain);
        assert!(!tasks.may(&task, 202) && !tasks.is_two_faced(&task));
        tasks.doubt(task.clone(), 231, Failure::OnChain);
        assert!(tasks.is_two_faced(&task));
        tasks.trust(&task);
        tasks.tidy(300);
        assert!(!tasks.is_doubtful(&task));

        let cid = Cid::default();
        tasks.sent(task.clone(), cid);
        assert!(!tasks.may(&task, 100));
        assert_eq!(tasks.mined(&cid), Some(task.clone()));
        assert!(tasks.may(&task, 100));
    }
}
