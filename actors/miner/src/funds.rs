//! What of a miner's balance is spoken for (spec 05 §5.2, 06 §12).
//!
//! Penalties and fees are booked as debt first and paid from it, out of what is free
//! and, where the caller wants it, out of what is locked.

use boatyard_sdk::{ActorError, ensure};
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use num_traits::Zero;

use crate::exit_codes::ERR_BALANCE_INVARIANTS_BROKEN;
use crate::schema::State;
use crate::vesting::{self, VestSpec};

/// What a repayment of debt came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Repaid {
    /// attoFIL to burn.
    pub burn: TokenAmount,
    /// attoFIL that are locked no more, and that the network's pledge falls by.
    pub unlocked: TokenAmount,
}

impl State {
    /// What is not spoken for, debt left aside.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when more is spoken for than there is.
    pub fn unlocked_balance(&self, balance: &TokenAmount) -> Result<TokenAmount, ActorError> {
        let unlocked =
            balance - &self.locked_funds - &self.pre_commit_deposits - &self.initial_pledge;
        ensure!(
            !unlocked.is_negative(),
            USR_ILLEGAL_STATE,
            "{balance} do not cover {} locked, {} deposited and {} pledged",
            self.locked_funds,
            self.pre_commit_deposits,
            self.initial_pledge
        );
        Ok(unlocked)
    }

    /// What is not spoken for; negative while there is more debt than that.
    ///
    /// # Errors
    /// Those of [`unlocked_balance`](Self::unlocked_balance).
    pub fn available_balance(&self, balance: &TokenAmount) -> Result<TokenAmount, ActorError> {
        Ok(self.unlocked_balance(balance)? - &self.fee_debt)
    }

    /// Changes the sum of the deposits.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when it became negative.
    pub fn add_pre_commit_deposit(&mut self, delta: &TokenAmount) -> Result<(), ActorError> {
        self.pre_commit_deposits = not_negative("deposits", &self.pre_commit_deposits + delta)?;
        Ok(())
    }

    /// Changes the sum of the pledges.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when it became negative.
    pub fn add_initial_pledge(&mut self, delta: &TokenAmount) -> Result<(), ActorError> {
        self.initial_pledge = not_negative("pledge", &self.initial_pledge + delta)?;
        Ok(())
    }

    /// Books a penalty or fee as debt.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when it is negative.
    pub fn apply_penalty(&mut self, penalty: &TokenAmount) -> Result<(), ActorError> {
        self.fee_debt += not_negative("penalty", penalty.clone())?;
        Ok(())
    }

    /// Settles all debt, or fails; gives what to burn. Touches nothing locked.
    ///
    /// # Errors
    /// `USR_INSUFFICIENT_FUNDS` (19) when the debt is larger than what is not spoken
    /// for; those of [`unlocked_balance`](Self::unlocked_balance).
    pub fn repay_debts(&mut self, balance: &TokenAmount) -> Result<TokenAmount, ActorError> {
        let unlocked = self.unlocked_balance(balance)?;
        ensure!(
            unlocked >= self.fee_debt,
            USR_INSUFFICIENT_FUNDS,
            "{unlocked} do not cover a debt of {}",
            self.fee_debt
        );
        Ok(std::mem::take(&mut self.fee_debt))
    }

    /// Settles as much debt as possible, out of what is locked first.
    ///
    /// # Errors
    /// Those of [`unlock_vested_and_unvested_funds`] and [`unlocked_balance`].
    ///
    /// [`unlock_vested_and_unvested_funds`]: Self::unlock_vested_and_unvested_funds
    /// [`unlocked_balance`]: Self::unlocked_balance
    pub fn repay_partial_debt(
        &mut self,
        store: &impl Blockstore,
        epoch: ChainEpoch,
        balance: &TokenAmount,
    ) -> Result<Repaid, ActorError> {
        let debt = self.fee_debt.clone();
        let unlocked = self.unlock_vested_and_unvested_funds(store, epoch, &debt)?;
        let burn = self.unlocked_balance(balance)?.min(debt);
        self.fee_debt -= &burn;
        Ok(Repaid { burn, unlocked })
    }

    /// Locks `sum`; gives what came free meanwhile.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when `sum` is negative or more comes free than is
    /// locked; those of [`vesting::add`].
    pub fn add_locked_funds(
        &mut self,
        store: &impl Blockstore,
        epoch: ChainEpoch,
        sum: &TokenAmount,
        spec: &VestSpec,
    ) -> Result<TokenAmount, ActorError> {
        let sum = not_negative("sum to lock", sum.clone())?;
        let start = self.proving_period_start;
        let vested = vesting::add(store, &mut self.vesting_funds, epoch, &sum, start, spec)?;
        self.release(&vested)?;
        self.locked_funds += sum;
        Ok(vested)
    }

    /// Releases what came free; gives its sum.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when more comes free than is locked; those of
    /// [`vesting::take_vested`].
    pub fn unlock_vested_funds(
        &mut self,
        store: &impl Blockstore,
        epoch: ChainEpoch,
    ) -> Result<TokenAmount, ActorError> {
        if self.locked_funds.is_zero() {
            return Ok(TokenAmount::zero());
        }
        let vested = vesting::take_vested(store, &mut self.vesting_funds, epoch)?;
        self.release(&vested)?;
        Ok(vested)
    }

    /// Releases up to `target` of what is not free yet, and with it what is free;
    /// gives the sum of both. A target of nought releases nothing.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when more comes free than is locked; those of
    /// [`vesting::take`].
    pub fn unlock_vested_and_unvested_funds(
        &mut self,
        store: &impl Blockstore,
        epoch: ChainEpoch,
        target: &TokenAmount,
    ) -> Result<TokenAmount, ActorError> {
        if target.is_zero() || self.locked_funds.is_zero() {
            return Ok(TokenAmount::zero());
        }
        let taken = vesting::take(store, &mut self.vesting_funds, epoch, target)?;
        let total = taken.vested + taken.unvested;
        self.release(&total)?;
        Ok(total)
    }

    fn release(&mut self, amount: &TokenAmount) -> Result<(), ActorError> {
        self.locked_funds = not_negative("locked sum", &self.locked_funds - amount)?;
        Ok(())
    }

    /// What must hold of the funds after every method that moves some.
    ///
    /// # Errors
    /// `ERR_BALANCE_INVARIANTS_BROKEN` (1000).
    pub fn check_balance_invariants(&self, balance: &TokenAmount) -> Result<(), ActorError> {
        let broken = |words: String| Err(ActorError::new(ERR_BALANCE_INVARIANTS_BROKEN, words));
        for (what, amount) in [
            ("deposits", &self.pre_commit_deposits),
            ("locked sum", &self.locked_funds),
            ("pledge", &self.initial_pledge),
            ("debt", &self.fee_debt),
        ] {
            if amount.is_negative() {
                return broken(format!("negative {what}: {amount}"));
            }
        }
        let needed = &self.pre_commit_deposits + &self.locked_funds + &self.initial_pledge;
        if *balance < needed {
            return broken(format!("{balance} do not cover the {needed} spoken for"));
        }
        Ok(())
    }

    /// Whether anything is spoken for, which keeps cron going (spec 06 §16).
    pub fn has_funds_at_stake(&self) -> bool {
        !self.pre_commit_deposits.is_zero()
            || !self.initial_pledge.is_zero()
            || !self.locked_funds.is_zero()
    }
}

fn not_negative(what: &str, amount: TokenAmount) -> Result<TokenAmount, ActorError> {
    ensure!(
        !amount.is_negative(),
        USR_ILLEGAL_STATE,
        "negative {what}: {amount}"
    );
    Ok(amount)
}
