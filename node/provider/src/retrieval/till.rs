//! Which vouchers a provider has, and what for.
//!
//! A channel has a file `vouchers/ID` (CBOR of [`Account`]). Vouchers state totals, so
//! the best of each lane stands for all before it. What they promise beyond what the
//! lanes had redeemed when the provider first saw them, less what was served, is the
//! payer's credit.

use std::fs;
use std::path::PathBuf;

use boatyard_paych::SignedVoucher;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;
use tokio::sync::Mutex;

use crate::files::{self, FilesError};

/// What passed through a payment channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub struct Account {
    /// The channel.
    pub channel: ActorID,
    /// Who pays.
    pub from: Address,
    /// Who is paid.
    pub to: Address,
    /// attoFIL that was earned with it.
    pub earned: TokenAmount,
    /// Bytes that were given out for that.
    pub bytes: u64,
    /// By number.
    pub lanes: Vec<LaneAccount>,
}

/// What a lane of a channel promises.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub struct LaneAccount {
    /// Its number.
    pub lane: u64,
    /// attoFIL that it had redeemed when it was first used here.
    pub before: TokenAmount,
    /// The voucher with the highest total.
    pub best: SignedVoucher,
}

impl Account {
    /// A channel that was not used here yet.
    pub fn new(channel: ActorID, from: Address, to: Address) -> Self {
        Self {
            channel,
            from,
            to,
            earned: TokenAmount::default(),
            bytes: 0,
            lanes: Vec::new(),
        }
    }

    /// attoFIL promised beyond what was earned.
    pub fn credit(&self) -> TokenAmount {
        let promised: TokenAmount = self
            .lanes
            .iter()
            .map(|lane| &lane.best.amount - &lane.before)
            .sum();
        promised - &self.earned
    }

    /// A lane.
    pub fn lane(&self, lane: u64) -> Option<&LaneAccount> {
        self.lanes.iter().find(|held| held.lane == lane)
    }

    /// Takes a voucher that the channel would redeem, of a lane that has redeemed
    /// `redeemed` so far.
    ///
    /// # Errors
    /// It is worth no more than what is here already.
    pub fn take(&mut self, voucher: SignedVoucher, redeemed: &TokenAmount) -> Result<(), String> {
        match self.lanes.iter_mut().find(|held| held.lane == voucher.lane) {
            Some(held) if held.best == voucher => {}
            Some(held) if voucher.nonce <= held.best.nonce => {
                return Err(format!(
                    "lane {} has a voucher with nonce {} here; sign one with a higher nonce",
                    voucher.lane, held.best.nonce
                ));
            }
            Some(held) if voucher.amount <= held.best.amount => {
                return Err(format!(
                    "lane {} has a voucher of {} attoFIL in all here; amounts are totals of the \
                     lane, sign one for more",
                    voucher.lane,
                    held.best.amount.atto()
                ));
            }
            Some(held) => held.best = voucher,
            None => {
                self.lanes.push(LaneAccount {
                    lane: voucher.lane,
                    before: redeemed.clone(),
                    best: voucher,
                });
                self.lanes.sort_by_key(|held| held.lane);
            }
        }
        Ok(())
    }
}

/// The vouchers of a provider. Who changes an account holds the till.
pub struct Till {
    folder: PathBuf,
    open: Mutex<()>,
}

/// The till while somebody holds it.
pub struct OpenTill<'a> {
    folder: &'a PathBuf,
    _held: tokio::sync::MutexGuard<'a, ()>,
}

impl Till {
    /// The till in a folder that need not exist.
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            open: Mutex::default(),
        }
    }

    /// Waits for others that hold the till.
    pub async fn open(&self) -> OpenTill<'_> {
        OpenTill {
            folder: &self.folder,
            _held: self.open.lock().await,
        }
    }
}

impl OpenTill<'_> {
    /// All accounts, by channel.
    ///
    /// # Errors
    /// [`FilesError`]; a file that is no account is named.
    pub fn accounts(&self) -> Result<Vec<Account>, FilesError> {
        let entries = match fs::read_dir(self.folder) {
            Ok(entries) => entries,
            Err(_) => return Ok(Vec::new()),
        };
        let mut accounts: Vec<Account> = Vec::new();
        for entry in entries.flatten() {
            let path = entry.path();
            if path.extension().is_none() {
                accounts.push(files::read(&path)?);
            }
        }
        accounts.sort_by_key(|account| account.channel);
        Ok(accounts)
    }

    /// The account of a channel, if it was used here and is still the same: on a devnet
    /// that went back in time its number may be another's.
    ///
    /// # Errors
    /// [`FilesError`].
    pub fn account(
        &self,
        channel: ActorID,
        from: Address,
        to: Address,
    ) -> Result<Account, FilesError> {
        let path = self.folder.join(channel.to_string());
        let known: Option<Account> = match path.exists() {
            true => Some(files::read(&path)?),
            false => None,
        };
        let same = known.filter(|account| (account.from, account.to) == (from, to));
        Ok(same.unwrap_or_else(|| Account::new(channel, from, to)))
    }

    /// Keeps an account.
    ///
    /// # Errors
    /// [`FilesError`].
    pub fn keep(&self, account: &Account) -> Result<(), FilesError> {
        fs::create_dir_all(self.folder).map_err(|reason| FilesError {
            path: self.folder.clone(),
            reason,
        })?;
        files::write(&self.folder.join(account.channel.to_string()), account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fvm_ipld_encoding::RawBytes;
    use tempfile::TempDir;

    fn voucher(lane: u64, nonce: u64, amount: u64) -> SignedVoucher {
        SignedVoucher {
            channel_addr: Address::new_id(1_005),
            time_lock_min: 0,
            time_lock_max: 0,
            secret_pre_image: RawBytes::default(),
            extra: None,
            lane,
            nonce,
            amount: TokenAmount::from_atto(amount),
            min_settle_height: 0,
            merges: Vec::new(),
            signature: None,
        }
    }

    fn account() -> Account {
        Account::new(1_005, Address::new_id(100), Address::new_id(1_001))
    }

    fn atto(amount: u64) -> TokenAmount {
        TokenAmount::from_atto(amount)
    }

    #[test]
    fn totals_of_lanes_less_what_was_before_and_what_was_earned_are_the_credit() {
        let mut account = account();
        account.take(voucher(0, 1, 100), &atto(30)).unwrap();
        assert_eq!(account.credit(), atto(70));
        account.take(voucher(0, 2, 150), &atto(30)).unwrap();
        account.take(voucher(7, 1, 50), &atto(0)).unwrap();
        assert_eq!(account.credit(), atto(170));
        account.earned = atto(60);
        // Redeeming on chain in between changes nothing.
        account.take(voucher(0, 3, 160), &atto(150)).unwrap();
        assert_eq!(account.credit(), atto(120));
    }

    #[test]
    fn the_same_voucher_may_come_again_and_a_lesser_one_may_not() {
        let mut account = account();
        account.take(voucher(0, 2, 100), &atto(0)).unwrap();
        account.take(voucher(0, 2, 100), &atto(0)).unwrap();
        assert_eq!(account.credit(), atto(100));
        for lesser in [
            voucher(0, 2, 200),
            voucher(0, 1, 200),
            voucher(0, 3, 100),
            voucher(0, 3, 9),
        ] {
            assert!(account.take(lesser, &atto(0)).is_err());
        }
        assert_eq!(account.credit(), atto(100));
    }

    #[tokio::test]
    async fn accounts_are_kept_until_the_channel_is_anothers() {
        let folder = TempDir::new().unwrap();
        let till = Till::new(folder.path().join("vouchers"));
        let open = till.open().await;
        assert_eq!(open.accounts().unwrap(), []);
        let mut account = account();
        account.take(voucher(0, 1, 100), &atto(0)).unwrap();
        open.keep(&account).unwrap();
        assert_eq!(open.accounts().unwrap(), [account.clone()]);
        let (from, to) = (account.from, account.to);
        assert_eq!(open.account(1_005, from, to).unwrap(), account);
        assert_eq!(open.account(1_005, to, from).unwrap().lanes, []);
    }
}
