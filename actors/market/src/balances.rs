//! Who has how much in escrow, and how much of it is locked.
//!
//! The tables hold entries of nothing, and which ones depends on the order of the
//! steps (spec 07 §11): an addition of nothing to nothing makes one, an addition
//! that uses an amount up removes it. So no step is left out for being of nothing.

use boatyard_sdk::{ActorError, Map, ensure};
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;
use num_traits::Zero;

use crate::state::{BalancesRoot, State};

/// Amounts by ID address.
pub struct BalanceTable<BS>(Map<BS, Address, TokenAmount, 6>);

impl<BS: Blockstore> BalanceTable<BS> {
    /// Loads what a root points at.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when it cannot be read, here and everywhere else.
    pub fn load(root: &BalancesRoot, store: BS) -> Result<Self, ActorError> {
        Ok(Self(root.load(store)?))
    }

    /// Stores what changed and gives the new root.
    pub fn flush(&mut self) -> Result<BalancesRoot, ActorError> {
        self.0.flush()
    }

    /// What an address has; nothing without an entry.
    pub fn get(&self, owner: &Address) -> Result<TokenAmount, ActorError> {
        Ok(self.0.get(owner)?.cloned().unwrap_or_default())
    }

    /// Adds to what an address has.
    ///
    /// # Errors
    /// `USR_ILLEGAL_ARGUMENT` (16) when less than nothing would be left.
    pub fn add(&mut self, owner: &Address, amount: &TokenAmount) -> Result<(), ActorError> {
        let before = self.get(owner)?;
        let after = &before + amount;
        ensure!(
            !after.is_negative(),
            USR_ILLEGAL_ARGUMENT,
            "{owner} has {before}, less than {}",
            -amount
        );
        if after.is_zero() && !before.is_zero() {
            self.0.remove(owner)?;
        } else {
            self.0.set(owner, after)?;
        }
        Ok(())
    }

    /// Takes from what an address has.
    ///
    /// # Errors
    /// `USR_ILLEGAL_ARGUMENT` (16) when it does not have as much.
    pub fn must_subtract(
        &mut self,
        owner: &Address,
        amount: &TokenAmount,
    ) -> Result<(), ActorError> {
        self.add(owner, &-amount)
    }

    /// Takes up to `amount` without going below `floor`, and tells how much it was.
    pub fn subtract_with_minimum(
        &mut self,
        owner: &Address,
        amount: &TokenAmount,
        floor: &TokenAmount,
    ) -> Result<TokenAmount, ActorError> {
        let available = (self.get(owner)? - floor).max(TokenAmount::zero());
        let taken = available.min(amount.clone());
        if taken.is_positive() {
            self.must_subtract(owner, &taken)?;
        }
        Ok(taken)
    }
}

/// What money is locked for. Each has its sum in the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The client's promise.
    ClientCollateral,
    /// The price of storage.
    StorageFee,
    /// The provider's promise.
    ProviderCollateral,
}

/// Both tables with the sums of what is locked, open for changes.
pub struct Ledger<BS> {
    /// All that is here.
    pub escrow: BalanceTable<BS>,
    /// What of it is locked.
    pub locked: BalanceTable<BS>,
    client_collateral: TokenAmount,
    storage_fee: TokenAmount,
    provider_collateral: TokenAmount,
}

impl<BS: Blockstore + Clone> Ledger<BS> {
    /// Opens the state's ledger.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when the tables cannot be read, here and everywhere
    /// else.
    pub fn open(state: &State, store: BS) -> Result<Self, ActorError> {
        Ok(Self {
            escrow: BalanceTable::load(&state.escrow_table, store.clone())?,
            locked: BalanceTable::load(&state.locked_table, store)?,
            client_collateral: state.total_client_locked_collateral.clone(),
            storage_fee: state.total_client_storage_fee.clone(),
            provider_collateral: state.total_provider_locked_collateral.clone(),
        })
    }

    /// Stores what changed.
    pub fn close(mut self, state: &mut State) -> Result<(), ActorError> {
        state.escrow_table = self.escrow.flush()?;
        state.locked_table = self.locked.flush()?;
        state.total_client_locked_collateral = self.client_collateral;
        state.total_client_storage_fee = self.storage_fee;
        state.total_provider_locked_collateral = self.provider_collateral;
        Ok(())
    }

    fn total(&mut self, reason: Reason) -> &mut TokenAmount {
        match reason {
            Reason::ClientCollateral => &mut self.client_collateral,
            Reason::StorageFee => &mut self.storage_fee,
            Reason::ProviderCollateral => &mut self.provider_collateral,
        }
    }

    /// Locks an amount, even of nothing. The sums are told by
    /// [`locked_for`](Self::locked_for).
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) for less than nothing, `USR_INSUFFICIENT_FUNDS` (19)
    /// when the escrow does not have as much.
    pub fn lock(&mut self, owner: &Address, amount: &TokenAmount) -> Result<(), ActorError> {
        not_negative(amount)?;
        let locked = self.locked.get(owner)? + amount;
        let escrow = self.escrow.get(owner)?;
        ensure!(
            locked <= escrow,
            USR_INSUFFICIENT_FUNDS,
            "{owner} has {escrow} in escrow, not the {locked} that its deals need"
        );
        self.locked.add(owner, amount)
    }

    /// Tells what it was that was [`lock`](Self::lock)ed.
    pub fn locked_for(&mut self, reason: Reason, amount: &TokenAmount) {
        *self.total(reason) += amount;
    }

    /// Unlocks an amount, even of nothing.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) for less than nothing, `USR_ILLEGAL_ARGUMENT` (16)
    /// when as much is not locked.
    pub fn unlock(
        &mut self,
        owner: &Address,
        amount: &TokenAmount,
        reason: Reason,
    ) -> Result<(), ActorError> {
        not_negative(amount)?;
        self.locked.must_subtract(owner, amount)?;
        *self.total(reason) -= amount;
        Ok(())
    }

    /// Pays for storage out of what is locked for it.
    ///
    /// # Errors
    /// Those of [`slash`](Self::slash).
    pub fn transfer(
        &mut self,
        from: &Address,
        to: &Address,
        amount: &TokenAmount,
    ) -> Result<(), ActorError> {
        self.slash(from, amount, Reason::StorageFee)?;
        self.escrow.add(to, amount)
    }

    /// Takes an amount that is locked out of the escrow, even of nothing.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) for less than nothing, `USR_ILLEGAL_ARGUMENT` (16)
    /// when there is not as much.
    pub fn slash(
        &mut self,
        owner: &Address,
        amount: &TokenAmount,
        reason: Reason,
    ) -> Result<(), ActorError> {
        not_negative(amount)?;
        self.escrow.must_subtract(owner, amount)?;
        self.unlock(owner, amount, reason)
    }
}

fn not_negative(amount: &TokenAmount) -> Result<(), ActorError> {
    ensure!(
        !amount.is_negative(),
        USR_ILLEGAL_STATE,
        "an amount of {amount}"
    );
    Ok(())
}

#[cfg(test)]
mod tests;
