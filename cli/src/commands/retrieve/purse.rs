//! What was promised through payment channels, kept from one command to the next.
//!
//! A voucher states the total of its lane, so whoever signs the next one has to know the
//! last. The chain knows only what was redeemed; what was signed since is in the file
//! `channels.json`. It is believed as far as the chain agrees: a channel that is not
//! there, is another's or is closing is not used, and a file that is lost costs nothing
//! but a new channel.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use boatyard_abi::{parse_address, parse_amount};
use boatyard_paych::State;
use boatyard_sdk::Type;
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::actor;
use crate::builtin::{Blocks, broken};
use crate::failure::Failure;
use crate::rpc::{Rpc, RpcError};

/// The variable that chooses where the file is.
const VARIABLE: &str = "BOATYARD_STATE";
/// Channels that are remembered; those used longest ago are forgotten.
const MOST: usize = 200;
/// The lane that is used.
pub const LANE: u64 = 0;

/// What was signed for a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// ID of who pays.
    from: ActorID,
    /// ID of who is paid.
    to: ActorID,
    /// ID of the channel.
    channel: ActorID,
    /// Epoch in which it was opened.
    epoch: ChainEpoch,
    /// Hash of the block of that epoch: other chains have other ones.
    block: String,
    /// Number of the last voucher; 0 before the first.
    pub nonce: u64,
    /// attoFIL that it states, in decimal digits.
    amount: String,
    /// The last voucher, as a provider takes it.
    pub voucher: String,
}

/// A channel that can be used, as the chain has it.
pub struct Channel {
    /// What was signed for it.
    pub promise: Promise,
    /// What the lane's next voucher starts from.
    pub redeemed: TokenAmount,
    /// Number of the last voucher that was redeemed.
    pub redeemed_nonce: u64,
    /// What is owed already, of all lanes.
    pub owed: TokenAmount,
    /// What is in it.
    pub balance: TokenAmount,
}

impl Promise {
    /// A channel that was opened just now.
    ///
    /// # Errors
    /// The node gives no answer.
    pub fn opened(
        rpc: &Rpc,
        sides: (ActorID, ActorID),
        channel: ActorID,
        epoch: ChainEpoch,
    ) -> Result<Self, Failure> {
        Ok(Self {
            from: sides.0,
            to: sides.1,
            channel,
            epoch,
            block: block_of(rpc, epoch)?.unwrap_or_default(),
            nonce: 0,
            amount: "0".into(),
            voucher: String::new(),
        })
    }

    /// The channel.
    pub fn address(&self) -> Address {
        Address::new_id(self.channel)
    }

    /// attoFIL that was promised in all.
    pub fn amount(&self) -> TokenAmount {
        parse_amount(&self.amount).unwrap_or_default()
    }

    /// The same after another voucher.
    pub fn signed(self, nonce: u64, amount: &TokenAmount, voucher: String) -> Self {
        Self {
            nonce,
            amount: amount.atto().to_string(),
            voucher,
            ..self
        }
    }

    /// The channel on chain, if it is that one, between the same two, and open.
    fn find(&self, rpc: &Rpc) -> Result<Option<Channel>, Failure> {
        if block_of(rpc, self.epoch)?.is_none_or(|block| block != self.block) {
            return Ok(None);
        }
        let address = self.address();
        let found = actor::find(rpc, &address)?;
        if found.and_then(|found| found.actor).as_deref() != Some(Type::PaymentChannel.name()) {
            return Ok(None);
        }
        let blocks = Blocks::of(rpc);
        let (info, state): (_, State) = blocks.state(&address, Type::PaymentChannel)?;
        let sides = (Address::new_id(self.from), Address::new_id(self.to));
        if (state.from, state.to) != sides || state.is_settling() {
            return Ok(None);
        }
        let lanes = state.lane_states.load(&blocks).map_err(broken)?;
        let lane = lanes.get(LANE).map_err(broken)?;
        Ok(Some(Channel {
            promise: self.clone(),
            redeemed: lane.map(|lane| lane.redeemed.clone()).unwrap_or_default(),
            redeemed_nonce: lane.map_or(0, |lane| lane.nonce),
            owed: state.to_send.clone(),
            balance: parse_amount(&info.balance)
                .map_err(|reason| Failure::new("the node's answer cannot be read").why(reason))?,
        }))
    }
}

/// Hash of the block of an epoch, if there is one.
fn block_of(rpc: &Rpc, epoch: ChainEpoch) -> Result<Option<String>, Failure> {
    let asked = [json!(format!("{epoch:#x}")), json!(false)];
    match rpc.call::<Value>("eth_getBlockByNumber", asked) {
        Ok(block) => Ok(block["hash"].as_str().map(str::to_owned)),
        // It is later than the newest.
        Err(RpcError::Refused { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The file, which nobody else uses meanwhile.
pub struct Purse {
    path: PathBuf,
    /// The one used last is the last.
    promises: Vec<Promise>,
    /// Locked as long as it is open.
    _lock: File,
}

impl Purse {
    /// Opens the user's, and waits for others that pay.
    ///
    /// # Errors
    /// The directory cannot be used, or the file is none.
    pub fn open() -> Result<Self, Failure> {
        Self::open_in(&directory())
    }

    fn open_in(directory: &Path) -> Result<Self, Failure> {
        let path = directory.join("channels.json");
        let unusable = |error: std::io::Error| {
            Failure::new(format!(
                "what is paid through channels cannot be kept in {}",
                directory.display()
            ))
            .because(error)
            .help(format!("{VARIABLE}=DIRECTORY chooses another place for it"))
        };
        fs::create_dir_all(directory).map_err(unusable)?;
        let lock = private(&directory.join("channels.lock")).map_err(unusable)?;
        lock.lock().map_err(unusable)?;
        let promises = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                Failure::new(format!("{} cannot be read", path.display()))
                    .because(error)
                    .help("delete it; what is in payment channels is not lost by that")
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(unusable(error)),
        };
        Ok(Self {
            path,
            promises,
            _lock: lock,
        })
    }

    /// An open channel from somebody to somebody.
    ///
    /// # Errors
    /// The node gives no answer.
    pub fn find(&self, rpc: &Rpc, sides: (ActorID, ActorID)) -> Result<Option<Channel>, Failure> {
        let known = self.promises.iter().rev();
        for promise in known.filter(|promise| (promise.from, promise.to) == sides) {
            if let Some(channel) = promise.find(rpc)? {
                return Ok(Some(channel));
            }
        }
        Ok(None)
    }

    /// Keeps what was signed for a channel.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn keep(&mut self, promise: Promise) -> Result<(), Failure> {
        let key = |promise: &Promise| (promise.channel, promise.epoch, promise.block.clone());
        let kept = key(&promise);
        self.promises.retain(|known| key(known) != kept);
        self.promises.push(promise);
        let forgotten = self.promises.len().saturating_sub(MOST);
        self.promises.drain(..forgotten);
        self.write().map_err(|error| {
            Failure::new(format!("{} cannot be written", self.path.display()))
                .because(error)
                .help(format!("{VARIABLE}=DIRECTORY chooses another place for it"))
        })
    }

    /// Exchanges the file as a whole.
    fn write(&self) -> std::io::Result<()> {
        let new = self.path.with_extension("new");
        let file = private(&new)?;
        file.set_len(0)?;
        serde_json::to_writer_pretty(&file, &self.promises)?;
        file.sync_all()?;
        fs::rename(&new, &self.path)
    }
}

/// A file that is for the user alone: vouchers are money.
fn private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn directory() -> PathBuf {
    let named = |variable| std::env::var_os(variable).filter(|path| !path.is_empty());
    named(VARIABLE)
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(named("XDG_STATE_HOME")?).join("boatyard")))
        .or_else(|| Some(PathBuf::from(named("HOME")?).join(".local/state/boatyard")))
        .unwrap_or_else(|| std::env::temp_dir().join("boatyard"))
}

/// What a provider says that it has of a channel's lane: `GET /vouchers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// attoFIL of its best voucher.
    pub amount: TokenAmount,
    /// attoFIL of it that were not used up.
    pub credit: TokenAmount,
}

impl Heard {
    /// Finds a channel in the provider's list; nothing it is said of is believed beyond
    /// what [`next`] allows.
    pub fn find(list: &Value, channel: Address) -> Option<Self> {
        let rows = list["channels"].as_array()?;
        let is_it = |row: &&Value| {
            let text = row["channel"].as_str().unwrap_or_default();
            parse_address(text).is_ok_and(|address| address == channel)
        };
        let row = rows.iter().find(is_it)?;
        let amount = |value: &Value| parse_amount(value.as_str()?).ok();
        let mut lanes = row["lanes"].as_array()?.iter();
        let lane = lanes.find(|lane| lane["lane"] == LANE)?;
        Some(Self {
            amount: amount(&lane["amount"])?,
            credit: amount(&row["credit"])?,
        })
    }
}

/// What pays for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// The last voucher once more: something of it is left.
    Again,
    /// Another one.
    Sign {
        /// Its number.
        nonce: u64,
        /// attoFIL that it states.
        amount: TokenAmount,
    },
}

/// What pays `cost`, whatever the provider says: at most that much beyond what was signed.
pub fn next(channel: &Channel, heard: Option<&Heard>, cost: &TokenAmount) -> Next {
    let nothing = TokenAmount::default();
    let signed = channel.promise.amount();
    // The last voucher may not have come to it. What it has not seen it does not count.
    let seen = heard.map_or(nothing.clone(), |heard| heard.amount.clone());
    let has_last = channel.promise.nonce > 0 && seen == signed;
    let credit = match heard {
        Some(heard) if has_last => heard.credit.clone().clamp(nothing, cost.clone()),
        _ => nothing,
    };
    if has_last && credit == *cost {
        return Next::Again;
    }
    let last = channel.promise.nonce.max(channel.redeemed_nonce);
    Next::Sign {
        nonce: last.saturating_add(1),
        amount: seen.min(signed).max(channel.redeemed.clone()) + cost - credit,
    }
}

impl Channel {
    /// attoFIL that are missing in it for a voucher that states this.
    pub fn missing(&self, amount: &TokenAmount) -> TokenAmount {
        let missing = &self.owed + (amount - &self.redeemed) - &self.balance;
        missing.max(TokenAmount::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn atto(amount: u64) -> TokenAmount {
        TokenAmount::from_atto(amount)
    }

    fn promise(channel: ActorID) -> Promise {
        Promise {
            from: 100,
            to: 101,
            channel,
            epoch: 7,
            block: "0x07".into(),
            nonce: 0,
            amount: "0".into(),
            voucher: String::new(),
        }
    }

    fn channel(nonce: u64, signed: u64) -> Channel {
        Channel {
            promise: promise(1_000).signed(nonce, &atto(signed), "v".into()),
            redeemed: atto(0),
            redeemed_nonce: 0,
            owed: atto(0),
            balance: atto(0),
        }
    }

    fn heard(amount: u64, credit: u64) -> Heard {
        Heard {
            amount: atto(amount),
            credit: atto(credit),
        }
    }

    fn sign(nonce: u64, amount: u64) -> Next {
        Next::Sign {
            nonce,
            amount: atto(amount),
        }
    }

    #[test]
    fn vouchers_go_on_from_the_total_of_the_last_one() {
        let new = channel(0, 0);
        assert_eq!(next(&new, None, &atto(30)), sign(1, 30));
        let used = channel(1, 30);
        assert_eq!(next(&used, Some(&heard(30, 0)), &atto(50)), sign(2, 80));
        // Redeemed meanwhile, or by a voucher that was signed by hand.
        let redeemed = Channel {
            redeemed: atto(30),
            redeemed_nonce: 1,
            ..channel(1, 30)
        };
        assert_eq!(next(&redeemed, Some(&heard(30, 0)), &atto(50)), sign(2, 80));
        let by_hand = Channel {
            redeemed: atto(100),
            redeemed_nonce: 9,
            ..channel(1, 30)
        };
        assert_eq!(
            next(&by_hand, Some(&heard(30, 0)), &atto(50)),
            sign(10, 150)
        );
    }

    #[test]
    fn what_was_paid_and_not_given_is_used_first() {
        let used = channel(3, 90);
        assert_eq!(next(&used, Some(&heard(90, 60)), &atto(50)), Next::Again);
        assert_eq!(next(&used, Some(&heard(90, 20)), &atto(50)), sign(4, 120));
        // The last voucher never came to the provider.
        assert_eq!(next(&used, Some(&heard(70, 0)), &atto(50)), sign(4, 120));
        assert_eq!(next(&used, None, &atto(50)), sign(4, 50));
    }

    #[test]
    fn a_provider_that_lies_gets_no_more_than_it_asks_for() {
        let used = channel(3, 90);
        for (amount, credit) in [(1_000_000, 0), (90, 0), (0, 0), (1_000_000, 7)] {
            let said = heard(amount, credit);
            let Next::Sign { nonce, amount } = next(&used, Some(&said), &atto(50)) else {
                panic!("{said:?}");
            };
            assert_eq!(nonce, 4);
            assert!(amount <= atto(140), "{said:?}: {amount}");
        }
        let debt = Heard {
            amount: atto(90),
            credit: -atto(1_000),
        };
        assert_eq!(next(&used, Some(&debt), &atto(50)), sign(4, 140));
    }

    #[test]
    fn a_channel_is_filled_up_by_what_is_missing() {
        let holds = |owed, redeemed, balance| Channel {
            owed: atto(owed),
            redeemed: atto(redeemed),
            balance: atto(balance),
            ..channel(1, 30)
        };
        assert_eq!(holds(0, 0, 30).missing(&atto(80)), atto(50));
        assert_eq!(holds(30, 30, 30).missing(&atto(80)), atto(50));
        assert_eq!(holds(30, 30, 80).missing(&atto(80)), atto(0));
        assert_eq!(holds(30, 30, 500).missing(&atto(80)), atto(0));
    }

    #[test]
    fn promises_are_kept_and_the_oldest_forgotten() {
        let directory = tempfile::TempDir::new().unwrap();
        let mut purse = Purse::open_in(directory.path()).unwrap();
        for number in 0..MOST as u64 + 5 {
            purse.keep(promise(number)).unwrap();
        }
        let last = promise(50).signed(2, &atto(9), "text".into());
        purse.keep(last.clone()).unwrap();
        drop(purse);
        let purse = Purse::open_in(directory.path()).unwrap();
        assert_eq!(purse.promises.len(), MOST);
        assert_eq!(purse.promises.last(), Some(&last));
        assert_eq!(purse.promises[0], promise(5));
        drop(purse);
        fs::write(directory.path().join("channels.json"), "{").unwrap();
        let words = Purse::open_in(directory.path()).err().unwrap().to_json();
        assert!(words["error"]["help"].as_str().unwrap().contains("delete"));
    }

    #[test]
    fn a_providers_list_is_searched_for_the_channel() {
        let list = json!({ "channels": [
            { "channel": "f01001", "credit": "5", "lanes": [] },
            { "channel": "f01002", "credit": "5", "lanes": [
                { "lane": 3, "nonce": 1, "amount": "70" },
                { "lane": 0, "nonce": 1, "amount": "30" },
            ] },
        ] });
        let find = |id| Heard::find(&list, Address::new_id(id));
        assert_eq!(find(1_002), Some(heard(30, 5)));
        assert_eq!(find(1_001), None);
        assert_eq!(find(1_003), None);
        assert_eq!(Heard::find(&json!("no list"), Address::new_id(1_002)), None);
    }
}
