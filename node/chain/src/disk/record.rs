//! What is written of a chain.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy::primitives::B256;
use anyhow::{Result, anyhow};
use boatyard_vm::machine::GasOutputs;
use cid::Cid;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::event::StampedEvent;
use fvm_shared::receipt::Receipt;

use crate::block::{BlockHeader, Tipset};
use crate::core::{Clock, Data};
use crate::keys::{Key, KeyKind, Keyring};
use crate::message::{Authority, PoolMessage, SignedMessage};
use crate::tipset::{ExecutedMessage, ExecutedTipset};

/// An [`ExecutedTipset`].
#[derive(Serialize_tuple, Deserialize_tuple)]
pub(crate) struct TipsetRecord {
    blocks: Vec<BlockHeader>,
    messages: Vec<MessageRecord>,
    start_root: Cid,
    state_root: Cid,
    receipts_root: Cid,
    next_base_fee: TokenAmount,
    circulating_supply: TokenAmount,
}

#[derive(Serialize_tuple, Deserialize_tuple)]
struct MessageRecord {
    signed: SignedMessage,
    eth_hash: [u8; 32],
    impersonated: bool,
    receipt: Receipt,
    return_codec: Option<u64>,
    events: Vec<StampedEvent>,
    gas: GasRecord,
    error: Option<String>,
}

#[derive(Serialize_tuple, Deserialize_tuple)]
struct GasRecord {
    base_fee_burn: TokenAmount,
    over_estimation_burn: TokenAmount,
    miner_penalty: TokenAmount,
    miner_tip: TokenAmount,
    refund: TokenAmount,
    gas_refund: u64,
    gas_burned: u64,
}

impl TipsetRecord {
    pub fn of(tipset: &ExecutedTipset) -> Self {
        Self {
            blocks: tipset.tipset.blocks().to_vec(),
            messages: tipset.messages.iter().map(MessageRecord::of).collect(),
            start_root: tipset.start_root,
            state_root: tipset.state_root,
            receipts_root: tipset.receipts_root,
            next_base_fee: tipset.next_base_fee.clone(),
            circulating_supply: tipset.circulating_supply.clone(),
        }
    }

    pub fn restore(self) -> Result<ExecutedTipset> {
        let mut blocks = self.blocks.into_iter();
        let block = blocks
            .next()
            .ok_or_else(|| anyhow!("a tipset has no block"))?;
        if blocks.next().is_some() {
            return Err(anyhow!("a tipset of this chain has one block"));
        }
        Ok(ExecutedTipset {
            tipset: Tipset::single(block),
            messages: Arc::new(
                self.messages
                    .into_iter()
                    .map(MessageRecord::restore)
                    .collect(),
            ),
            start_root: self.start_root,
            state_root: self.state_root,
            receipts_root: self.receipts_root,
            next_base_fee: self.next_base_fee,
            circulating_supply: self.circulating_supply,
        })
    }
}

impl MessageRecord {
    fn of(message: &ExecutedMessage) -> Self {
        Self {
            signed: message.signed.clone(),
            eth_hash: message.eth_hash.0,
            impersonated: message.authority == Authority::Impersonated,
            receipt: message.receipt.clone(),
            return_codec: message.return_codec,
            events: message.events.clone(),
            gas: GasRecord::of(&message.gas),
            error: message.error.clone(),
        }
    }

    fn restore(self) -> ExecutedMessage {
        ExecutedMessage {
            cid: self.signed.cid(),
            signed: self.signed,
            eth_hash: B256::from(self.eth_hash),
            authority: authority(self.impersonated),
            receipt: self.receipt,
            return_codec: self.return_codec,
            events: self.events,
            gas: self.gas.restore(),
            error: self.error,
        }
    }
}

impl GasRecord {
    fn of(gas: &GasOutputs) -> Self {
        Self {
            base_fee_burn: gas.base_fee_burn.clone(),
            over_estimation_burn: gas.over_estimation_burn.clone(),
            miner_penalty: gas.miner_penalty.clone(),
            miner_tip: gas.miner_tip.clone(),
            refund: gas.refund.clone(),
            gas_refund: gas.gas_refund,
            gas_burned: gas.gas_burned,
        }
    }

    fn restore(self) -> GasOutputs {
        GasOutputs {
            base_fee_burn: self.base_fee_burn,
            over_estimation_burn: self.over_estimation_burn,
            miner_penalty: self.miner_penalty,
            miner_tip: self.miner_tip,
            refund: self.refund,
            gas_refund: self.gas_refund,
            gas_burned: self.gas_burned,
        }
    }
}

/// A message that waits.
#[derive(Serialize_tuple, Deserialize_tuple)]
pub(crate) struct PoolRecord {
    pub signed: SignedMessage,
    impersonated: bool,
}

impl PoolRecord {
    pub fn authority(&self) -> Authority {
        authority(self.impersonated)
    }
}

impl From<&PoolMessage> for PoolRecord {
    fn from(message: &PoolMessage) -> Self {
        Self {
            signed: message.signed.clone(),
            impersonated: message.authority == Authority::Impersonated,
        }
    }
}

fn authority(impersonated: bool) -> Authority {
    match impersonated {
        true => Authority::Impersonated,
        false => Authority::Signed,
    }
}

/// Everything else that a chain goes on from.
#[derive(Serialize_tuple, Deserialize_tuple)]
pub(crate) struct ChainRecord {
    not_before: Option<ChainEpoch>,
    added: u64,
    block_gas_limit: u64,
    beacon: BTreeMap<ChainEpoch, [u8; 32]>,
    minted: TokenAmount,
    keys: Vec<(u8, [u8; 32])>,
}

impl ChainRecord {
    pub fn of(data: &Data, keyring: &Keyring) -> Self {
        let keys = keyring.addresses();
        let keys = keys.iter().filter_map(|address| keyring.get(address));
        Self {
            not_before: data.clock.not_before,
            added: data.clock.added,
            block_gas_limit: data.block_gas_limit,
            beacon: data.beacon.clone(),
            minted: data.minted.clone(),
            keys: keys
                .map(|key| (key.kind() as u8, key.private_bytes()))
                .collect(),
        }
    }

    /// Puts it into a chain that has just been set up.
    pub fn restore(self, data: &mut Data, keyring: &Keyring) -> Result<()> {
        data.clock = Clock {
            not_before: self.not_before,
            added: self.added,
        };
        data.block_gas_limit = self.block_gas_limit;
        data.beacon = self.beacon;
        data.minted = self.minted;
        for (number, private) in self.keys {
            let kind = KeyKind::ALL
                .into_iter()
                .find(|kind| *kind as u8 == number)
                .ok_or_else(|| anyhow!("there is no kind {number} of key"))?;
            let key = Key::new(kind, &private).map_err(|error| anyhow!("{error}"))?;
            keyring.add(key);
        }
        Ok(())
    }
}
