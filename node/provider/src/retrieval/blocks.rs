//! Any block by its CID, out of whatever piece holds it.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;

use axum::body::Bytes;
use axum::http::StatusCode;
use boatyard_dag::{BlockSource, DagError};
use cid::Cid;

use super::Counter;
use super::vault::{Holdings, Trouble};
use crate::http::Refusal;

/// The blocks that a provider keeps, for one request.
pub struct Blocks<'a> {
    counter: &'a Counter,
    holdings: OnceCell<Holdings>,
    /// Pieces that were used in this request.
    used: RefCell<HashMap<Cid, Bytes>>,
    /// Why a block that is known cannot be had.
    trouble: RefCell<Option<Trouble>>,
    /// Pieces that could not be looked into.
    unread: RefCell<Vec<Trouble>>,
    /// Whether an index named bytes that are not the block's.
    astray: Cell<bool>,
}

impl<'a> Blocks<'a> {
    /// The blocks behind a counter.
    pub fn of(counter: &'a Counter) -> Self {
        Self {
            counter,
            holdings: OnceCell::new(),
            used: RefCell::default(),
            trouble: RefCell::default(),
            unread: RefCell::default(),
            astray: Cell::default(),
        }
    }

    /// Whether an index led to bytes that are not the block's: the pieces themselves are
    /// checked, so it is the index that is wrong.
    pub fn is_astray(&self) -> bool {
        self.astray.get()
    }

    /// Says why a DAG cannot be read, in terms of what is kept here.
    pub fn refusal(&self, error: DagError) -> Refusal {
        if let DagError::Source { .. } = error
            && let Some(trouble) = self.trouble.take()
        {
            return trouble.into();
        }
        if let DagError::WrongBytes(_) = error {
            self.astray.set(true);
        }
        let words = error.to_string();
        match error {
            DagError::Missing(_) => {
                let unread = self.unread.borrow();
                match unread.first() {
                    Some(first) => Refusal::not_found(format!(
                        "{words}, as far as can be seen: {} of the pieces cannot be looked into. \
                         {first}",
                        unread.len()
                    )),
                    None => {
                        Refusal::not_found(format!("{words}: no piece of this provider holds it"))
                    }
                }
            }
            DagError::NoEntry { .. } | DagError::NotADirectory(_) => Refusal::not_found(words),
            DagError::IsDirectory(_)
            | DagError::NotAFile { .. }
            | DagError::UnknownCodec { .. } => Refusal::new(
                StatusCode::NOT_ACCEPTABLE,
                format!(
                    "{words}, or take the block as it is with ?format=raw, all with ?format=car"
                ),
            ),
            DagError::TooLarge { .. } | DagError::TooDeep(_) => {
                Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, words)
            }
            DagError::UnknownHash { .. } | DagError::Malformed { .. } => Refusal::unfit(words),
            DagError::WrongBytes(_) | DagError::Source { .. } => Refusal::internal(&words),
        }
    }

    fn holdings(&self) -> &Holdings {
        self.holdings
            .get_or_init(|| Holdings::of(&self.counter.provider))
    }

    fn piece(&self, piece: &Cid) -> Result<Bytes, Trouble> {
        if let Some(bytes) = self.used.borrow().get(piece) {
            return Ok(bytes.clone());
        }
        let bytes = self.counter.vault.piece(self.holdings(), piece)?.bytes;
        self.used.borrow_mut().insert(*piece, bytes.clone());
        Ok(bytes)
    }

    /// Where a block may lie. Pieces nobody has looked into are unsealed for it, one
    /// after the other.
    fn places(&self, cid: &Cid) -> Vec<(Cid, u64, u64)> {
        let catalogue = &self.counter.catalogue;
        let files = self.counter.provider.files();
        let places = catalogue.places(cid);
        if !places.is_empty() {
            return places;
        }
        for piece in catalogue.load(files, self.holdings().pieces()) {
            if !catalogue.places(cid).is_empty() {
                break;
            }
            match self.piece(&piece) {
                Ok(bytes) => catalogue.make(files, piece, &bytes),
                Err(trouble) => self.unread.borrow_mut().push(trouble),
            }
        }
        catalogue.places(cid)
    }
}

impl BlockSource for Blocks<'_> {
    fn find(&self, cid: &Cid) -> Result<Option<Bytes>, DagError> {
        let mut trouble = None;
        for (piece, offset, length) in self.places(cid) {
            match self.piece(&piece) {
                Ok(bytes) => {
                    let end = offset.saturating_add(length).min(bytes.len() as u64);
                    let start = offset.min(end);
                    return Ok(Some(bytes.slice(start as usize..end as usize)));
                }
                // It was kept once, and is no more.
                Err(Trouble::Unknown(_)) => {}
                Err(other) => trouble = trouble.or(Some(other)),
            }
        }
        match trouble {
            None => Ok(None),
            Some(trouble) => {
                let reason = trouble.to_string();
                self.trouble.replace(Some(trouble));
                Err(DagError::Source { cid: *cid, reason })
            }
        }
    }
}
