//! What a provider shows while it works.
//!
//! Whoever works at the desk may seal there for many seconds. Everybody else reads this
//! copy of the orders and records, which is behind a lock that nobody keeps: every change
//! is put up as it is made, so an order's steps are seen while others still come.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use cid::Cid;
use fvm_shared::piece::PieceInfo;
use fvm_shared::sector::SectorNumber;

use crate::mischief::Mischief;
use crate::order::{Order, OrderId};
use crate::record::SectorRecord;

/// A copy of what the desk holds.
#[derive(Default)]
pub(crate) struct Board(RwLock<Shown>);

#[derive(Default)]
struct Shown {
    orders: BTreeMap<OrderId, Order>,
    sectors: BTreeMap<SectorNumber, SectorRecord>,
    mischief: Mischief,
}

impl Board {
    /// Shows these orders and records instead of what there is.
    pub fn renew(
        &self,
        orders: &BTreeMap<OrderId, Order>,
        sectors: &BTreeMap<SectorNumber, SectorRecord>,
    ) {
        let mut shown = self.write();
        shown.orders.clone_from(orders);
        shown.sectors.clone_from(sectors);
    }

    /// Shows an order.
    pub fn put_order(&self, order: &Order) {
        self.write().orders.insert(order.id, order.clone());
    }

    /// Shows a sector's record.
    pub fn put_sector(&self, record: &SectorRecord) {
        self.write().sectors.insert(record.number, record.clone());
    }

    /// Shows what goes wrong on purpose.
    pub fn put_mischief(&self, mischief: Mischief) {
        self.write().mischief = mischief;
    }

    /// All orders, by number.
    pub fn orders(&self) -> Vec<Order> {
        self.read().orders.values().cloned().collect()
    }

    /// One order.
    pub fn order(&self, id: OrderId) -> Option<Order> {
        self.read().orders.get(&id).cloned()
    }

    /// All sectors, by number.
    pub fn sectors(&self) -> Vec<SectorRecord> {
        self.read().sectors.values().cloned().collect()
    }

    /// One sector.
    pub fn sector(&self, number: SectorNumber) -> Option<SectorRecord> {
        self.read().sectors.get(&number).cloned()
    }

    /// What goes wrong on purpose.
    pub fn mischief(&self) -> Mischief {
        self.read().mischief
    }

    /// Whether an order waits for the bytes of a piece.
    pub fn waits_for(&self, piece: &Cid) -> bool {
        let shown = self.read();
        let mut orders = shown.orders.values();
        orders.any(|order| order.waits_for_bytes() && order.piece.cid == *piece)
    }

    /// Pieces that orders wait for, with where they can be fetched.
    pub fn wanted(&self) -> Vec<(PieceInfo, String)> {
        let shown = self.read();
        let waiting = shown
            .orders
            .values()
            .filter(|order| order.waits_for_bytes());
        waiting
            .filter_map(|order| Some((order.piece.clone(), order.location.clone()?)))
            .collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, Shown> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Shown> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
