//! Tipsets, messages and events as Ethereum clients see them (spec 10 §2).

use std::collections::HashMap;

use alloy::consensus::{Transaction as _, TxEnvelope};
use alloy::primitives::{Address as EthAddr, B64, B256, Bloom, BloomInput, Bytes, U64, U256};
use alloy::sol_types::SolValue;
use boatyard_chain::ethereum::{
    CREATE_EXTERNAL, EAM, INVOKE_EVM, from_cbor_bytes, masked_id, transaction_of,
};
use boatyard_chain::events::is_eth_log;
use boatyard_chain::fees::BLOCK_GAS_LIMIT;
use boatyard_chain::{ChainError, ExecutedMessage, ExecutedTipset, SignedMessage, StateView};
use fvm_ipld_encoding::{BytesDe, from_slice};
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::event::{ActorEvent, StampedEvent};
use fvm_shared::message::Message;

use crate::eth::types::{
    Block, Log, NO_TRANSACTIONS, NO_UNCLES, Receipt, Transaction, Transactions,
};
use crate::params::quantity;

/// What a receiver that nobody has is shown as.
pub(crate) const NOBODY: EthAddr = EthAddr::new([
    0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
]);

/// Selector of `handle_filecoin_method(uint64,uint64,bytes)`.
pub(crate) const HANDLE_FILECOIN_METHOD: [u8; 4] = [0x86, 0x8e, 0x10, 0xc4];

/// Codec of parameters.
const CBOR: u64 = 0x51;

/// Writes what a chain holds as Ethereum JSON, with the addresses of one state.
pub struct Writer {
    view: StateView,
    chain_id: u64,
    strict: bool,
    emitters: HashMap<ActorID, EthAddr>,
}

/// Where a transaction is.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Block.
    pub hash: B256,
    /// Block.
    pub number: u64,
    /// Place in the block.
    pub index: usize,
}

impl Place {
    /// The place of the tipset's message `index`.
    pub fn of(tipset: &ExecutedTipset, index: usize) -> Self {
        Self {
            hash: tipset.tipset.eth_hash(),
            number: number(tipset),
            index,
        }
    }
}

impl Writer {
    /// A writer with the addresses of `view`: of the state after the tipset.
    pub fn new(view: StateView, chain_id: u64, strict: bool) -> Self {
        Self {
            view,
            chain_id,
            strict,
            emitters: HashMap::new(),
        }
    }

    /// A tipset as a block.
    pub fn block(&mut self, tipset: &ExecutedTipset, full: bool) -> Result<Block, ChainError> {
        let mut bloom = Bloom::ZERO;
        for (_, _, log) in self.logs_of(tipset)? {
            accrue(&mut bloom, &log);
        }
        let transactions = if full {
            let mut transactions = Vec::with_capacity(tipset.messages.len());
            for index in 0..tipset.messages.len() {
                transactions.push(self.mined(tipset, index)?);
            }
            Transactions::Full(transactions)
        } else {
            Transactions::Hashes(
                tipset
                    .messages
                    .iter()
                    .map(|message| message.eth_hash)
                    .collect(),
            )
        };
        let header = &tipset.tipset;
        Ok(Block {
            hash: header.eth_hash(),
            parent_hash: header.parents().eth_hash(),
            sha3_uncles: NO_UNCLES,
            miner: EthAddr::ZERO,
            state_root: B256::ZERO,
            transactions_root: if tipset.messages.is_empty() {
                NO_TRANSACTIONS
            } else {
                B256::ZERO
            },
            receipts_root: B256::ZERO,
            logs_bloom: bloom,
            difficulty: U64::ZERO,
            total_difficulty: U64::ZERO,
            number: U64::from(number(tipset)),
            gas_limit: U64::from(BLOCK_GAS_LIMIT * header.blocks().len() as u64),
            gas_used: U64::from(tipset.gas_used()),
            timestamp: U64::from(header.timestamp()),
            extra_data: Bytes::new(),
            mix_hash: B256::ZERO,
            nonce: B64::ZERO,
            base_fee_per_gas: quantity(header.base_fee()),
            size: U64::ZERO,
            transactions,
            uncles: [],
        })
    }

    /// The tipset's message `index` as a transaction.
    pub fn mined(&self, tipset: &ExecutedTipset, index: usize) -> Result<Transaction, ChainError> {
        let message = &tipset.messages[index];
        let mut transaction = self.transaction(&message.signed, message.eth_hash)?;
        let place = Place::of(tipset, index);
        transaction.block_hash = Some(place.hash);
        transaction.block_number = Some(U64::from(place.number));
        transaction.transaction_index = Some(U64::from(index));
        if transaction.max_fee_per_gas.is_some() && !self.strict {
            transaction.gas_price = Some(effective_price(message));
        }
        Ok(transaction)
    }

    /// A message without a place as a transaction.
    pub fn transaction(
        &self,
        signed: &SignedMessage,
        hash: B256,
    ) -> Result<Transaction, ChainError> {
        Ok(match transaction_of(signed, self.chain_id) {
            Ok(envelope) => self.ethereum(&envelope, &signed.message, hash)?,
            Err(_) => self.native(&signed.message, hash)?,
        })
    }

    fn ethereum(
        &self,
        envelope: &TxEnvelope,
        message: &Message,
        hash: B256,
    ) -> Result<Transaction, ChainError> {
        let signature = envelope.signature();
        let legacy = envelope.is_legacy();
        let parity = u64::from(signature.v());
        let v = match (legacy, envelope.chain_id()) {
            (false, _) => parity,
            (true, None) => 27 + parity,
            // As JSON shows it, 64 bits suffice for every chain ID that a node has.
            (true, Some(id)) => id.saturating_mul(2).saturating_add(35 + parity),
        };
        let max_fee = U256::from(envelope.max_fee_per_gas());
        let price = match (legacy, self.strict) {
            (true, _) | (false, false) => Some(max_fee),
            (false, true) => None,
        };
        Ok(Transaction {
            chain_id: U64::from(envelope.chain_id().unwrap_or_default()),
            nonce: U64::from(message.sequence),
            hash,
            block_hash: None,
            block_number: None,
            transaction_index: None,
            from: self.sender(&message.from)?,
            to: match envelope.to() {
                None => None,
                Some(_) => Some(self.receiver(&message.to)?),
            },
            value: quantity(&message.value),
            kind: U64::from(if legacy { 0 } else { 2 }),
            input: envelope.input().clone(),
            gas: U64::from(message.gas_limit),
            max_fee_per_gas: (!legacy).then_some(max_fee),
            max_priority_fee_per_gas: (!legacy).then(|| quantity(&message.gas_premium)),
            gas_price: price,
            access_list: (!self.strict).then_some([]),
            v: U64::from(v),
            r: signature.r(),
            s: signature.s(),
            y_parity: (!legacy && !self.strict).then(|| U64::from(parity)),
        })
    }

    fn native(&self, message: &Message, hash: B256) -> Result<Transaction, ChainError> {
        let (input, creates) = native_input(message);
        let max_fee = quantity(&message.gas_fee_cap);
        Ok(Transaction {
            chain_id: U64::from(self.chain_id),
            nonce: U64::from(message.sequence),
            hash,
            block_hash: None,
            block_number: None,
            transaction_index: None,
            from: self.sender(&message.from)?,
            to: if creates {
                None
            } else {
                Some(self.receiver(&message.to)?)
            },
            value: quantity(&message.value),
            kind: U64::from(2),
            input: input.into(),
            gas: U64::from(message.gas_limit),
            max_fee_per_gas: Some(max_fee),
            max_priority_fee_per_gas: Some(quantity(&message.gas_premium)),
            gas_price: (!self.strict).then_some(max_fee),
            access_list: Some([]),
            v: U64::ZERO,
            r: U256::ZERO,
            s: U256::ZERO,
            y_parity: (!self.strict).then_some(U64::ZERO),
        })
    }

    /// The receipt of the tipset's message `index`.
    pub fn receipt(
        &mut self,
        tipset: &ExecutedTipset,
        index: usize,
    ) -> Result<Receipt, ChainError> {
        let logs = self.logs_of(tipset)?;
        self.receipt_with(tipset, index, &logs)
    }

    /// The receipts of all messages of a tipset.
    pub fn receipts(&mut self, tipset: &ExecutedTipset) -> Result<Vec<Receipt>, ChainError> {
        let logs = self.logs_of(tipset)?;
        (0..tipset.messages.len())
            .map(|index| self.receipt_with(tipset, index, &logs))
            .collect()
    }

    fn receipt_with(
        &self,
        tipset: &ExecutedTipset,
        index: usize,
        logs: &[(usize, usize, Log)],
    ) -> Result<Receipt, ChainError> {
        let message = &tipset.messages[index];
        let transaction = self.transaction(&message.signed, message.eth_hash)?;
        let place = Place::of(tipset, index);
        let success = message.receipt.exit_code.is_success();
        let logs: Vec<Log> = logs
            .iter()
            .filter(|(of, _, _)| *of == index)
            .map(|(_, _, log)| log.clone())
            .collect();
        let mut bloom = Bloom::ZERO;
        logs.iter().for_each(|log| accrue(&mut bloom, log));
        let cumulative = if self.strict {
            0
        } else {
            tipset.messages[..=index]
                .iter()
                .map(|message| message.receipt.gas_used)
                .sum()
        };
        Ok(Receipt {
            transaction_hash: message.eth_hash,
            transaction_index: U64::from(index),
            block_hash: place.hash,
            block_number: U64::from(place.number),
            from: transaction.from,
            to: transaction.to,
            root: B256::ZERO,
            status: U64::from(success),
            contract_address: if success && transaction.to.is_none() {
                created_contract(message.receipt.return_data.bytes())
            } else {
                None
            },
            cumulative_gas_used: U64::from(cumulative),
            gas_used: U64::from(message.receipt.gas_used),
            effective_gas_price: effective_price(message),
            logs_bloom: bloom,
            logs,
            kind: transaction.kind,
        })
    }

    /// The logs of a tipset, each with the index of its message and of its event
    /// in the tipset.
    pub fn logs_of(
        &mut self,
        tipset: &ExecutedTipset,
    ) -> Result<Vec<(usize, usize, Log)>, ChainError> {
        let mut logs = Vec::new();
        for (event_index, (message_index, event)) in tipset.events().enumerate() {
            if !is_eth_log(event) {
                continue;
            }
            let shown = if self.strict { event_index } else { logs.len() };
            let log = self.log(tipset, message_index, event, shown)?;
            logs.push((message_index, event_index, log));
        }
        Ok(logs)
    }

    /// An event as a log.
    pub fn log(
        &mut self,
        tipset: &ExecutedTipset,
        message_index: usize,
        event: &StampedEvent,
        log_index: usize,
    ) -> Result<Log, ChainError> {
        let place = Place::of(tipset, message_index);
        let (topics, data) = topics_and_data(&event.event);
        Ok(Log {
            address: self.emitter(event.emitter)?,
            data: data.into(),
            topics,
            removed: false,
            log_index: U64::from(log_index),
            transaction_index: U64::from(message_index),
            transaction_hash: tipset.messages[message_index].eth_hash,
            block_hash: place.hash,
            block_number: U64::from(place.number),
        })
    }

    fn emitter(&mut self, id: ActorID) -> Result<EthAddr, ChainError> {
        if let Some(known) = self.emitters.get(&id) {
            return Ok(*known);
        }
        let address = self
            .view
            .eth_address(&Address::new_id(id))?
            .unwrap_or_else(|| masked_id(id));
        self.emitters.insert(id, address);
        Ok(address)
    }

    fn sender(&self, address: &Address) -> Result<EthAddr, ChainError> {
        Ok(self.view.eth_address(address)?.unwrap_or(NOBODY))
    }

    fn receiver(&self, address: &Address) -> Result<EthAddr, ChainError> {
        Ok(self.view.eth_address(address)?.unwrap_or(NOBODY))
    }
}

/// A tipset's number as a block.
pub fn number(tipset: &ExecutedTipset) -> u64 {
    u64::try_from(tipset.height()).expect("epochs are counted from 0")
}

/// What the sender lost besides the value, per unit of gas used.
pub fn effective_price(message: &ExecutedMessage) -> U256 {
    let used = message.receipt.gas_used;
    if used == 0 {
        return U256::ZERO;
    }
    let gas = &message.gas;
    let lost = &gas.base_fee_burn + &gas.miner_tip + &gas.over_estimation_burn;
    if lost.is_zero() {
        return U256::ZERO;
    }
    quantity(&lost) / U256::from(used)
}

/// The call data of a native message, and whether it creates a contract
/// (spec 10 §2.6).
fn native_input(message: &Message) -> (Vec<u8>, bool) {
    let params = message.params.bytes();
    if message.method_num == INVOKE_EVM {
        if params.is_empty() {
            return (Vec::new(), false);
        }
        if let Some(input) = from_cbor_bytes(params) {
            return (input, false);
        }
    }
    if message.to == Address::new_id(EAM)
        && message.method_num == CREATE_EXTERNAL
        && let Some(code) = from_cbor_bytes(params)
    {
        return (code, true);
    }
    let codec = if params.is_empty() { 0 } else { CBOR };
    let arguments = (message.method_num, codec, Bytes::copy_from_slice(params));
    let mut input = HANDLE_FILECOIN_METHOD.to_vec();
    input.extend(arguments.abi_encode_params());
    (input, false)
}

/// The address in what the EAM returns: `[id, f2 address or null, 20 bytes]`.
pub fn created_contract(returned: &[u8]) -> Option<EthAddr> {
    let (_, _, address): (ActorID, Option<Address>, BytesDe) = from_slice(returned).ok()?;
    EthAddr::try_from(address.0.as_slice()).ok()
}

/// Topics in order, and the data.
pub(crate) fn topics_and_data(event: &ActorEvent) -> (Vec<B256>, Vec<u8>) {
    let find = |key: &str| event.entries.iter().find(|entry| entry.key == key);
    let topics = ["t1", "t2", "t3", "t4"]
        .into_iter()
        .map_while(find)
        .filter_map(|entry| B256::try_from(entry.value.as_slice()).ok())
        .collect();
    let data = find("d")
        .map(|entry| entry.value.clone())
        .unwrap_or_default();
    (topics, data)
}

fn accrue(bloom: &mut Bloom, log: &Log) {
    bloom.accrue(BloomInput::Raw(log.address.as_slice()));
    for topic in &log.topics {
        bloom.accrue(BloomInput::Raw(topic.as_slice()));
    }
}

#[cfg(test)]
mod tests {
    use fvm_ipld_encoding::RawBytes;
    use fvm_shared::econ::TokenAmount;

    use super::*;

    fn message(to: Address, method_num: u64, params: Vec<u8>) -> Message {
        Message {
            version: 0,
            from: Address::new_id(100),
            to,
            sequence: 0,
            value: TokenAmount::default(),
            method_num,
            params: RawBytes::new(params),
            gas_limit: 0,
            gas_fee_cap: TokenAmount::default(),
            gas_premium: TokenAmount::default(),
        }
    }

    #[test]
    fn a_plain_send_has_132_bytes_of_input() {
        let (input, creates) = native_input(&message(Address::new_id(101), 0, Vec::new()));
        assert_eq!(input.len(), 132);
        assert_eq!(input[..4], HANDLE_FILECOIN_METHOD);
        assert!(!creates);
    }

    #[test]
    fn calls_and_creations_are_unwrapped() {
        let wrapped = boatyard_chain::ethereum::cbor_bytes(&[1, 2, 3]).to_vec();
        let call = message(Address::new_id(101), INVOKE_EVM, wrapped.clone());
        assert_eq!(native_input(&call), (vec![1, 2, 3], false));
        let creation = message(Address::new_id(EAM), CREATE_EXTERNAL, wrapped);
        assert_eq!(native_input(&creation), (vec![1, 2, 3], true));
        let empty = message(Address::new_id(101), INVOKE_EVM, Vec::new());
        assert_eq!(native_input(&empty), (Vec::new(), false));
    }
}
