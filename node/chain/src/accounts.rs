//! Who has money and keys from the start.
//!
//! | ID | who | key |
//! |---|---|---|
//! | f0100 | operator and faucet, signer of the multisigs f080 and f090 | f1, `m/44'/461'/0'/0/0` of the mnemonic |
//! | f0101 | worker: makes the blocks; owner of the first provider | f3, from `m/44'/461'/1'/0/0` |
//! | f0102 … | f1 of each development account | `m/44'/60'/0'/0/i` |
//! | then | f410 of each development account, an `ethaccount` | the same keys |
//! | then | workers and owners of further providers, f3 | `m/44'/461'/1'/0/i`, i from 1 |
//!
//! The paths of operator and worker are ours; those of the development accounts
//! are what all Ethereum tools derive.

use fvm_shared::ActorID;
use fvm_shared::econ::TokenAmount;

use crate::config::ChainConfig;
use crate::error::ChainError;
use crate::keys::{BadKey, Key, KeyKind};

/// ID of the operator, which pays for development accounts and edits.
pub const OPERATOR: ActorID = 100;
/// ID of the worker, a BLS account. Blocks name it as their miner until there is
/// a provider: it resolves, so `AwardBlockReward` accepts it, and as it has no
/// method `ApplyRewards`, the reward is burned (spec 03 §2.5, 09 §4.4).
pub const WORKER: ActorID = 101;
/// ID of the first development account.
pub const FIRST_DEV_ACCOUNT: ActorID = 102;
/// More accounts than this would run into the IDs that actors get.
pub const MAX_DEV_ACCOUNTS: u32 = 400;

const OPERATOR_PATH: &str = "m/44'/461'/0'/0/0";
/// More providers than this would run into the IDs that actors get.
pub const MAX_PROVIDERS: usize = 50;

/// Keys of the genesis accounts.
#[derive(Debug, Clone)]
pub(crate) struct Accounts {
    /// f0100, an f1 key.
    pub operator: Key,
    /// f0101, an f3 key.
    pub worker: Key,
    /// f3 keys of the owners of further providers.
    pub more_workers: Vec<Key>,
    /// f410 keys.
    pub dev: Vec<Key>,
    /// The same keys for f1 addresses.
    pub dev_native: Vec<Key>,
}

impl Accounts {
    /// Derives all keys, with those of so many providers.
    pub fn derive(config: &ChainConfig, providers: usize) -> Result<Self, ChainError> {
        if providers > MAX_PROVIDERS {
            return Err(ChainError::Config(format!(
                "{providers} providers, at most {MAX_PROVIDERS} fit below the IDs of other actors"
            )));
        }
        if config.accounts > MAX_DEV_ACCOUNTS {
            return Err(ChainError::Config(format!(
                "{} accounts, at most {MAX_DEV_ACCOUNTS} fit below the IDs of other actors",
                config.accounts
            )));
        }
        let bad = |error: BadKey| ChainError::Config(format!("mnemonic: {error}"));
        let phrase = &config.mnemonic;
        let mut dev = Vec::new();
        let mut dev_native = Vec::new();
        for index in 0..config.accounts {
            let path = format!("m/44'/60'/0'/0/{index}");
            let key = Key::from_mnemonic(KeyKind::Delegated, phrase, &path).map_err(bad)?;
            dev_native.push(key.as_kind(KeyKind::Secp256k1).map_err(bad)?);
            dev.push(key);
        }
        let worker = |index: usize| {
            let path = format!("m/44'/461'/1'/0/{index}");
            Key::from_mnemonic(KeyKind::Bls, phrase, &path).map_err(bad)
        };
        Ok(Self {
            operator: Key::from_mnemonic(KeyKind::Secp256k1, phrase, OPERATOR_PATH).map_err(bad)?,
            worker: worker(0)?,
            more_workers: (1..providers).map(worker).collect::<Result<_, _>>()?,
            dev,
            dev_native,
        })
    }

    /// What the operator keeps after funding both addresses of each account.
    pub fn operator_balance(config: &ChainConfig) -> Result<TokenAmount, ChainError> {
        if config.account_balance.is_negative() {
            return Err(ChainError::Config(
                "the balance of accounts is negative".into(),
            ));
        }
        let spent = &config.account_balance * (2 * config.accounts);
        let left = TokenAmount::from_whole(crate::genesis::OPERATOR_FIL) - &spent;
        if left.is_negative() {
            return Err(ChainError::Config(format!(
                "{} accounts with {} FIL on each of their two addresses take {} FIL, there are {} FIL to give",
                config.accounts,
                config.account_balance,
                spent,
                crate::genesis::OPERATOR_FIL
            )));
        }
        Ok(left)
    }
}
