//! The sectors by number.

use boatyard_sdk::{ActorError, ArrayRoot, Context, exit_codes::*};
use fvm_ipld_bitfield::BitField;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::sector::SectorNumber;

use crate::amt::{self, Amt, AmtResult};
use crate::schema::state::SECTORS_BITS;
use crate::schema::{SectorOnChainInfo, State};

/// The sectors of a state, or of a deadline's snapshot.
pub struct Sectors<'s, BS> {
    amt: Amt<'s, BS, SectorOnChainInfo>,
}

impl<'s, BS: Blockstore> Sectors<'s, BS> {
    /// Loads what a root points at.
    pub fn load(
        store: &'s BS,
        root: &ArrayRoot<SectorOnChainInfo, SECTORS_BITS>,
    ) -> Result<Self, ActorError> {
        Ok(Self {
            amt: amt::open(root, store)?,
        })
    }

    /// A sector, if it is there.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) for the number 2^64-1, which no array can have.
    pub fn get(&self, number: SectorNumber) -> Result<Option<SectorOnChainInfo>, ActorError> {
        let found = self.amt.get(number);
        Ok(found.amt(format_args!("reading sector {number}"))?.cloned())
    }

    /// A sector that has to be there.
    ///
    /// # Errors
    /// `USR_NOT_FOUND` (17) when it is not.
    pub fn must_get(&self, number: SectorNumber) -> Result<SectorOnChainInfo, ActorError> {
        self.get(number)?
            .or_exit(USR_NOT_FOUND, format_args!("there is no sector {number}"))
    }

    /// Sectors that have to be there, in the order of their numbers.
    ///
    /// The set must be bounded by the caller, since a bitfield of a few bytes can
    /// name 2^63 sectors.
    ///
    /// # Errors
    /// `USR_NOT_FOUND` (17) when one is not.
    pub fn load_all(&self, numbers: &BitField) -> Result<Vec<SectorOnChainInfo>, ActorError> {
        numbers.iter().map(|number| self.must_get(number)).collect()
    }

    /// What a Window PoSt over `all` is checked against: every sector, and in the
    /// place of each ignored one the first that is not ignored. Nothing if all are.
    ///
    /// # Errors
    /// `USR_NOT_FOUND` (17) when a sector is not there.
    ///
    /// Source: spec 06 §14.3.
    pub fn for_proof(
        &self,
        all: &BitField,
        ignored: &BitField,
    ) -> Result<Vec<SectorOnChainInfo>, ActorError> {
        let Some(first) = (all - ignored).first() else {
            return Ok(Vec::new());
        };
        let stand_in = self.must_get(first)?;
        all.iter()
            .map(|number| match ignored.get(number) {
                true => Ok(stand_in.clone()),
                false => self.must_get(number),
            })
            .collect()
    }

    /// Adds or replaces sectors.
    pub fn set_all(
        &mut self,
        sectors: impl IntoIterator<Item = SectorOnChainInfo>,
    ) -> Result<(), ActorError> {
        for sector in sectors {
            let number = sector.sector_number;
            self.amt
                .set(number, sector)
                .amt(format_args!("writing sector {number}"))?;
        }
        Ok(())
    }

    /// Removes sectors that have to be there.
    ///
    /// # Errors
    /// `USR_NOT_FOUND` (17) when one is not.
    pub fn delete_all(&mut self, numbers: &BitField) -> Result<(), ActorError> {
        for number in numbers.iter() {
            self.amt
                .delete(number)
                .amt(format_args!("deleting sector {number}"))?
                .or_exit(USR_NOT_FOUND, format_args!("there is no sector {number}"))?;
        }
        Ok(())
    }

    /// Calls `visit` for every sector by number.
    pub fn for_each(
        &self,
        mut visit: impl FnMut(SectorNumber, &SectorOnChainInfo) -> Result<(), ActorError>,
    ) -> Result<(), ActorError> {
        self.amt
            .for_each(|number, sector| Ok(visit(number, sector)?))
            .amt("walking the sectors")
    }

    /// Stores what changed and gives the new root.
    pub fn flush(&mut self) -> Result<ArrayRoot<SectorOnChainInfo, SECTORS_BITS>, ActorError> {
        amt::flush(&mut self.amt)
    }
}

impl State {
    /// A sector, if it is there; the terminated ones are until they are compacted.
    ///
    /// # Errors
    /// Those of [`Sectors::get`].
    pub fn get_sector(
        &self,
        store: &impl Blockstore,
        number: SectorNumber,
    ) -> Result<Option<SectorOnChainInfo>, ActorError> {
        Sectors::load(store, &self.sectors)?.get(number)
    }
}
