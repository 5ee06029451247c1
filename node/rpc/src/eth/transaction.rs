//! Transaction objects and overrides as clients send them.

use std::collections::BTreeMap;

use alloy::primitives::TxKind;
use boatyard_chain::Overrides;
use boatyard_chain::call::AccountOverride;
use boatyard_chain::ethereum::{target, to_filecoin};
use fvm_shared::address::Address;
use fvm_shared::message::Message;
use serde::Deserialize;

use crate::error::RpcError;
use crate::params::{EthAddress, HexBytes, Quantity, Word, param_by_serde};

/// A transaction or call object. Unknown fields are ignored.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TransactionRequest {
    /// Sender; the zero address for a call.
    pub from: Option<EthAddress>,
    /// Receiver; none for a creation.
    pub to: Option<EthAddress>,
    /// Gas limit.
    #[serde(alias = "gasLimit")]
    pub gas: Option<Quantity>,
    /// Makes it a legacy transaction.
    pub gas_price: Option<Quantity>,
    /// Fee cap.
    pub max_fee_per_gas: Option<Quantity>,
    /// Premium.
    pub max_priority_fee_per_gas: Option<Quantity>,
    /// attoFIL.
    pub value: Option<Quantity>,
    /// Call data, before `data`.
    pub input: Option<HexBytes>,
    /// Call data.
    pub data: Option<HexBytes>,
    /// Nonce.
    pub nonce: Option<Quantity>,
    /// Chain ID.
    pub chain_id: Option<Quantity>,
    /// Access list, which must be empty in a transaction.
    pub access_list: Option<Vec<serde_json::Value>>,
    /// Type, which must be 0 or 2 in a transaction.
    #[serde(rename = "type")]
    pub kind: Option<Quantity>,
}

param_by_serde! { TransactionRequest = "transaction" }

impl TransactionRequest {
    /// The call data.
    pub fn call_data(&self) -> &[u8] {
        self.input
            .as_ref()
            .or(self.data.as_ref())
            .map_or(&[], |bytes| &bytes.0)
    }

    /// Receiver or creation.
    pub fn tx_kind(&self) -> TxKind {
        self.to.map_or(TxKind::Create, |to| TxKind::Call(to.0))
    }

    /// The message to try for it. Fees and limits of calls are not used.
    ///
    /// # Errors
    /// In strict mode for a sender that is a masked ID.
    pub fn as_call(&self, strict: bool) -> Result<Message, RpcError> {
        let from = self.from.map_or_else(Default::default, |from| from.0);
        let from = to_filecoin(&from);
        if strict && matches!(from.payload(), fvm_shared::address::Payload::ID(_)) {
            return Err(RpcError::failure(
                "expected a class 4 address as sender, got the masked form of an ID",
            ));
        }
        Ok(self.as_message(from))
    }

    /// The message that it stands for, without nonce, gas and fees.
    pub fn as_message(&self, from: Address) -> Message {
        let to = self.to.map(|to| to.0);
        let (to, method_num, params) = target(to.as_ref(), self.call_data());
        Message {
            version: 0,
            from,
            to,
            sequence: 0,
            value: self
                .value
                .map(|value| value.as_tokens())
                .unwrap_or_default(),
            method_num,
            params,
            gas_limit: 0,
            gas_fee_cap: Default::default(),
            gas_premium: Default::default(),
        }
    }
}

/// Changes to accounts that one call sees, by address.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct StateOverride(BTreeMap<String, AccountOverrideJson>);

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct AccountOverrideJson {
    balance: Option<Quantity>,
    nonce: Option<Quantity>,
    code: Option<HexBytes>,
    state: Option<BTreeMap<String, Word>>,
    state_diff: Option<BTreeMap<String, Word>>,
}

/// Changes to the surroundings that one call sees. What Filecoin has no value for
/// is ignored.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BlockOverride {
    #[serde(alias = "blockNumber")]
    number: Option<Quantity>,
    #[serde(alias = "timestamp")]
    time: Option<Quantity>,
    #[serde(alias = "baseFeePerGas")]
    base_fee: Option<Quantity>,
}

param_by_serde! {
    StateOverride = "state overrides",
    BlockOverride = "block overrides",
}

/// Both kinds of overrides in the chain's form.
///
/// # Errors
/// For addresses, slots and numbers that are none.
pub fn overrides(
    state: Option<StateOverride>,
    block: Option<BlockOverride>,
) -> Result<Overrides, RpcError> {
    let block = block.unwrap_or_default();
    let mut accounts = BTreeMap::new();
    for (address, change) in state.unwrap_or_default().0 {
        let address = EthAddress::parse(&address).map_err(RpcError::invalid_params)?;
        let account = AccountOverride {
            balance: change.balance.map(|balance| balance.as_tokens()),
            nonce: change
                .nonce
                .map(|nonce| nonce.as_u64("nonce"))
                .transpose()?,
            code: change.code.map(|code| code.0),
            storage: change.state.map(slots).transpose()?,
            storage_diff: slots(change.state_diff.unwrap_or_default())?,
        };
        accounts.insert(to_filecoin(&address.0), account);
    }
    let epoch = block
        .number
        .map(|number| number.as_u64("number"))
        .transpose()?;
    Ok(Overrides {
        accounts,
        epoch: epoch
            .map(|epoch| {
                i64::try_from(epoch)
                    .map_err(|_| RpcError::invalid_params(format!("{epoch} is no epoch")))
            })
            .transpose()?,
        timestamp: block.time.map(|time| time.as_u64("time")).transpose()?,
        base_fee: block.base_fee.map(|fee| fee.as_tokens()),
    })
}

fn slots(
    slots: BTreeMap<String, Word>,
) -> Result<BTreeMap<alloy::primitives::B256, alloy::primitives::B256>, RpcError> {
    slots
        .into_iter()
        .map(|(slot, value)| {
            let slot = Word::parse(&slot).map_err(RpcError::invalid_params)?;
            Ok((slot.0, value.0))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use alloy::primitives::B256;
    use serde_json::json;

    use super::*;
    use crate::registry::Param;

    #[test]
    fn input_wins_over_data() {
        let request =
            TransactionRequest::read(json!({ "data": "0x01", "input": "0x02", "foo": 1 })).unwrap();
        assert_eq!(request.call_data(), [2]);
    }

    #[test]
    fn overrides_reach_the_chain_in_full() {
        let state = StateOverride::read(json!({
            "0xd8da6bf26964af9d7eed9e03e53415d37aa96045": {
                "balance": "0x5", "nonce": 7, "code": "0x00",
                "stateDiff": { "0x1": format!("0x{:064x}", 2) },
            }
        }))
        .unwrap();
        let block = BlockOverride::read(json!({ "number": "0x10", "time": 5 })).unwrap();
        let overrides = overrides(Some(state), Some(block)).unwrap();
        assert_eq!((overrides.epoch, overrides.timestamp), (Some(16), Some(5)));
        let account = overrides.accounts.values().next().unwrap();
        assert_eq!(account.nonce, Some(7));
        assert_eq!(
            account.storage_diff.get(&B256::with_last_byte(1)),
            Some(&B256::with_last_byte(2))
        );
        let wrong = StateOverride::read(json!({ "0x12": {} })).unwrap();
        assert!(super::overrides(Some(wrong), None).is_err());
    }
}
