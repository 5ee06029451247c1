//! What the state holds, what is locked, and whose approvals count.

use boatyard_sdk::{AbiType, ActorError, Context, Map, MapRoot, ensure, exit_codes::*};
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::RawBytes;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::MethodNum;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;

use crate::types::ProposalHashData;

/// Most signers that a wallet may have.
pub const MAX_SIGNERS: usize = 256;

/// Number of a transaction; the first is 0.
pub type TxnId = i64;

/// State of a multisig.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct State {
    /// ID addresses of the signers, in the order in which they joined.
    pub signers: Vec<Address>,
    /// Number of approvals that a transaction needs.
    pub num_approvals_threshold: u64,
    /// The next transaction's ID.
    pub next_tx_id: TxnId,
    /// What unlocks over time, in attoFIL.
    pub initial_balance: TokenAmount,
    /// When the unlocking begins.
    pub start_epoch: ChainEpoch,
    /// Epochs until everything is free; 0 locks nothing.
    pub unlock_duration: ChainEpoch,
    /// Transactions that wait for approval.
    pub pending_txs: MapRoot<TxnId, Transaction>,
}

/// A transaction that waits for approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct Transaction {
    /// Receiver as proposed, not resolved.
    pub to: Address,
    /// Value that it carries, in attoFIL.
    pub value: TokenAmount,
    /// Method that it calls.
    pub method: MethodNum,
    /// Encoded parameters; empty is "no parameters".
    pub params: RawBytes,
    /// ID addresses of the approvers, in order. The first counts as the proposer.
    pub approved: Vec<Address>,
}

impl Transaction {
    /// What its proposal hash is the hash of.
    pub fn hash_data(&self) -> ProposalHashData {
        ProposalHashData {
            requester: self.approved.first().copied(),
            to: self.to,
            value: self.value.clone(),
            method: self.method,
            params: self.params.clone(),
        }
    }
}

impl State {
    /// A wallet without pending transactions that locks nothing.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when the empty map cannot be stored.
    pub fn new(
        store: impl Blockstore,
        signers: Vec<Address>,
        num_approvals_threshold: u64,
    ) -> Result<Self, ActorError> {
        Ok(Self {
            signers,
            num_approvals_threshold,
            next_tx_id: 0,
            initial_balance: TokenAmount::default(),
            start_epoch: 0,
            unlock_duration: 0,
            pending_txs: MapRoot::empty(store)?,
        })
    }

    /// Whether this ID address is that of a signer.
    pub fn is_signer(&self, address: &Address) -> bool {
        self.signers.contains(address)
    }

    /// Whether a transaction has all approvals that it needs.
    pub fn is_approved(&self, txn: &Transaction) -> bool {
        txn.approved.len() as u64 >= self.num_approvals_threshold
    }

    /// What is still locked `elapsed` epochs after the start, in attoFIL.
    ///
    /// Falls linearly from `initial_balance` to 0 over `unlock_duration` epochs,
    /// rounded up. Source: spec 04 §1.9.
    ///
    /// ```
    /// # use boatyard_multisig::State;
    /// # use fvm_ipld_blockstore::MemoryBlockstore;
    /// # use fvm_shared::econ::TokenAmount;
    /// let mut wallet = State::new(MemoryBlockstore::new(), vec![], 0).unwrap();
    /// wallet.initial_balance = TokenAmount::from_atto(100);
    /// wallet.unlock_duration = 1_000;
    /// assert_eq!(wallet.locked(501), TokenAmount::from_atto(50));
    /// ```
    pub fn locked(&self, elapsed: ChainEpoch) -> TokenAmount {
        if elapsed >= self.unlock_duration {
            return TokenAmount::default();
        }
        if elapsed <= 0 {
            return self.initial_balance.clone();
        }
        (&self.initial_balance * (self.unlock_duration - elapsed)).div_ceil(self.unlock_duration)
    }

    /// That `value` can leave a balance of `balance`, both in attoFIL, without
    /// touching what is locked. Nothing can always leave.
    ///
    /// # Errors
    /// | exit code | when |
    /// |---|---|
    /// | `USR_ILLEGAL_ARGUMENT` (16) | the value is negative |
    /// | `USR_INSUFFICIENT_FUNDS` (19) | there is not as much, or it is locked |
    /// | `USR_ASSERTION_FAILED` (24) | the epochs since the start overflow |
    ///
    /// Source: spec 04 §1.8.
    pub fn check_available(
        &self,
        balance: &TokenAmount,
        value: &TokenAmount,
        epoch: ChainEpoch,
    ) -> Result<(), ActorError> {
        ensure!(
            !value.is_negative(),
            USR_ILLEGAL_ARGUMENT,
            "a transaction of {value}"
        );
        ensure!(
            balance >= value,
            USR_INSUFFICIENT_FUNDS,
            "a transaction of {value} out of {balance}"
        );
        if value.is_zero() {
            return Ok(());
        }
        let elapsed = epoch.checked_sub(self.start_epoch).or_exit(
            USR_ASSERTION_FAILED,
            format_args!("the epochs from {} to {epoch}", self.start_epoch),
        )?;
        let locked = self.locked(elapsed);
        let left = balance - value;
        ensure!(
            left >= locked,
            USR_INSUFFICIENT_FUNDS,
            "a transaction of {value} out of {balance}, of which {locked} are locked"
        );
        Ok(())
    }

    /// Removes an address from the approvals of all pending transactions; those
    /// that nobody else approves vanish.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when the transactions cannot be read or written.
    ///
    /// Source: spec 04 §1.13.
    pub fn purge_approvals(
        &mut self,
        store: impl Blockstore,
        address: &Address,
    ) -> Result<(), ActorError> {
        let mut pending = self.pending_txs.load(store)?;
        let mut approved_by_address = Vec::new();
        pending.for_each(|id, txn| {
            if txn.approved.contains(address) {
                approved_by_address.push((id, txn.clone()));
            }
            Ok(())
        })?;
        for (id, mut txn) in approved_by_address {
            txn.approved.retain(|approver| approver != address);
            if txn.approved.is_empty() {
                pending.remove(&id)?;
            } else {
                pending.set(&id, txn)?;
            }
        }
        self.pending_txs = pending.flush()?;
        Ok(())
    }

    /// Changes the pending transactions and stores them.
    ///
    /// # Errors
    /// Those of `change`; `USR_ILLEGAL_STATE` (20) when the transactions cannot be
    /// read or written.
    pub(crate) fn change_pending<BS: Blockstore>(
        &mut self,
        store: BS,
        change: impl FnOnce(&mut Map<BS, TxnId, Transaction>) -> Result<(), ActorError>,
    ) -> Result<(), ActorError> {
        let mut pending = self.pending_txs.load(store)?;
        change(&mut pending)?;
        self.pending_txs = pending.flush()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use boatyard_mock::MockRuntime;
    use proptest::prelude::*;

    use super::*;

    fn atto(amount: i64) -> TokenAmount {
        TokenAmount::from_atto(amount)
    }

    fn locking(initial: i64, start_epoch: ChainEpoch, unlock_duration: ChainEpoch) -> State {
        State {
            initial_balance: atto(initial),
            start_epoch,
            unlock_duration,
            ..State::new(MockRuntime::new().store(), vec![], 1).unwrap()
        }
    }

    /// Source: spec 04 §1.9.
    #[test]
    fn the_lock_falls_linearly_rounded_up() {
        let state = locking(100, 0, 1_000);
        for (elapsed, locked) in [
            (i64::MIN, 100),
            (-1, 100),
            (0, 100),
            (1, 100),
            (501, 50),
            (999, 1),
            (1_000, 0),
            (i64::MAX, 0),
        ] {
            assert_eq!(state.locked(elapsed), atto(locked), "{elapsed}");
        }
        let nothing = locking(0, 0, 0);
        assert_eq!(nothing.locked(0), atto(0));
        assert_eq!(nothing.locked(-1), atto(0));
    }

    #[test]
    fn what_is_locked_stays() {
        let state = locking(100, 10, 1_000);
        let check = |balance, value, epoch| {
            state
                .check_available(&atto(balance), &atto(value), epoch)
                .map_err(|error| error.exit_code().value())
        };
        assert_eq!(check(0, -1, 0), Err(16), "the sign comes first");
        assert_eq!(check(4, 5, 2_000), Err(19), "too little");
        assert_eq!(check(150, 50, 0), Ok(()));
        assert_eq!(check(150, 51, 0), Err(19));
        assert_eq!(check(150, 100, 511), Ok(()));
        assert_eq!(check(150, 101, 511), Err(19));
        assert_eq!(check(150, 150, 1_010), Ok(()));
        assert_eq!(
            check(10, 0, 0),
            Ok(()),
            "nothing, though too much is locked"
        );

        let past = locking(100, i64::MIN, 1_000);
        let overflow = past.check_available(&atto(5), &atto(1), 0).unwrap_err();
        assert_eq!(overflow.exit_code().value(), 24);
        assert_eq!(past.check_available(&atto(5), &atto(0), 0), Ok(()));
    }

    proptest! {
        #[test]
        fn the_lock_never_grows_and_never_exceeds_its_share(
            initial in 0i64..1_000_000, duration in 1i64..10_000, elapsed in -10i64..11_000,
        ) {
            let state = locking(initial, 0, duration);
            let locked = state.locked(elapsed);
            prop_assert!(locked >= state.locked(elapsed + 1));
            prop_assert!(!locked.is_negative() && locked <= atto(initial));
            if (0..=duration).contains(&elapsed) {
                // Not less than the linear share, and less than one more than it.
                let share = i128::from(initial) * i128::from(duration - elapsed);
                let locked = locked.atto() * duration;
                prop_assert!(locked >= share.into() && locked < (share + i128::from(duration)).into());
            }
        }
    }
}
