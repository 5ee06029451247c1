//! Miners of a node, and who sends messages to them.

use boatyard_abi::parse_amount;
use boatyard_miner::State;
use boatyard_sdk::Type;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::SectorNumber;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::answers::{Info, Location, Partition, Timing};
use crate::actor;
use crate::builtin::{Blocks, Sender, SendingArgs};
use crate::failure::Failure;
use crate::output::Output;
use crate::rpc::Rpc;
use crate::signer::wallet_key;

/// A miner of a node.
pub struct Miner<'a> {
    rpc: &'a Rpc,
    /// Its address.
    pub address: Address,
    /// Who it is.
    pub info: Info,
}

impl<'a> Miner<'a> {
    /// The miner that a user named.
    ///
    /// # Errors
    /// There is none at this address.
    pub fn find(rpc: &'a Rpc, text: &str) -> Result<Self, Failure> {
        let address = actor::address(text)?;
        let found = actor::resolve(rpc, &address)?;
        if found.actor.as_deref() != Some(Type::Miner.name()) {
            return Err(Failure::new(format!(
                "{address} is {}, not {}",
                found.name(),
                Type::Miner.name()
            ))
            .help("`boatyard provider list` shows the storage providers of a node"));
        }
        let address = Address::new_id(found.id()?);
        let info = ask(rpc, &address, "Filecoin.StateMinerInfo")?;
        Ok(Self { rpc, address, info })
    }

    /// Asks a method that takes the miner and a tipset.
    ///
    /// # Errors
    /// The node gives no answer.
    pub fn ask<T: DeserializeOwned>(&self, method: &str) -> Result<T, Failure> {
        ask(self.rpc, &self.address, method)
    }

    /// The same for a method that takes a number as well.
    fn ask_of<T: DeserializeOwned>(&self, method: &str, number: u64) -> Result<T, Failure> {
        let miner = json!(self.address.to_string());
        Ok(self.rpc.call(method, [miner, json!(number), Value::Null])?)
    }

    /// Its balance in attoFIL, and its state.
    ///
    /// # Errors
    /// The node gives no answer.
    pub fn state(&self) -> Result<(TokenAmount, State), Failure> {
        let (info, state) = Blocks::of(self.rpc).state(&self.address, Type::Miner)?;
        let balance = parse_amount(&info.balance)
            .map_err(|reason| Failure::new("the node's answer cannot be read").why(reason))?;
        Ok((balance, state))
    }

    /// Where its deadlines lie.
    ///
    /// # Errors
    /// The node gives no answer.
    pub fn timing(&self) -> Result<Timing, Failure> {
        self.ask("Filecoin.StateMinerProvingDeadline")
    }

    /// The partitions of a deadline.
    ///
    /// # Errors
    /// The node gives no answer.
    pub fn partitions(&self, deadline: u64) -> Result<Vec<Partition>, Failure> {
        self.ask_of("Filecoin.StateMinerPartitions", deadline)
    }

    /// Where a sector is proven.
    ///
    /// # Errors
    /// There is no such sector.
    pub fn location(&self, sector: SectorNumber) -> Result<Location, Failure> {
        self.ask_of("Filecoin.StateSectorPartition", sector)
            .map_err(|failure| {
                let miner = self.address;
                failure
                    .context(format!("{miner} does not prove a sector {sector}"))
                    .help(format!(
                        "`boatyard miner sectors {miner}` lists those it has"
                    ))
            })
    }

    /// When a sector ends if it stays faulty; 0 while it is well.
    ///
    /// # Errors
    /// There is no such sector.
    pub fn early_end(&self, sector: SectorNumber) -> Result<ChainEpoch, Failure> {
        let ends: Value = self.ask_of("Filecoin.StateSectorExpiration", sector)?;
        Ok(ends["Early"].as_i64().unwrap_or(0))
    }

    /// Who sends a message to it if nobody is named: one of its own addresses, whose
    /// key the node keeps.
    ///
    /// # Errors
    /// There is no such key.
    pub fn sender(
        &self,
        output: Output,
        args: &SendingArgs,
        own: Address,
    ) -> Result<Sender<'a>, Failure> {
        if !args.signer.is_default() {
            return args.sender(self.rpc, output);
        }
        match wallet_key(self.rpc, &own)? {
            Some(key) => Ok(args.sender_with(self.rpc, output, key)),
            None => Err(Failure::new(format!(
                "this is for {own} to send, and the node does not keep its key"
            ))
            .help(
                "--from names another account, --private-key gives a key; Filecoin.WalletImport \
                 gives one to the node",
            )),
        }
    }
}

fn ask<T: DeserializeOwned>(rpc: &Rpc, miner: &Address, method: &str) -> Result<T, Failure> {
    Ok(rpc.call(method, [json!(miner.to_string()), Value::Null])?)
}
