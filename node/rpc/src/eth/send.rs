//! Transactions and signatures.
//!
//! Transactions that the node signs go one after another, so that two of them
//! never take the same nonce.

use std::time::Duration;

use alloy::consensus::{SignableTransaction, TxEip1559, TxEnvelope, TxLegacy};
use alloy::dyn_abi::TypedData;
use alloy::eips::Encodable2718;
use alloy::primitives::{Address as EthAddr, B256, Bytes, Signature, U256, eip191_hash_message};
use boatyard_chain::ethereum::{message_of, to_filecoin};
use boatyard_chain::fees::BLOCK_GAS_LIMIT;
use boatyard_chain::handle::Pushed;
use boatyard_chain::{CallPoint, Key, Overrides};
use serde::Serialize;
use serde_json::{Value, json};

use crate::call::Call;
use crate::deep;
use crate::error::RpcError;
use crate::eth::transaction::TransactionRequest;
use crate::eth::types::{Receipt, Transaction};
use crate::params::{EthAddress, HexBytes, Json, Quantity, Text, quantity};
use crate::refusal;
use crate::registry::{Method, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    methods![
        /// Takes a signed transaction, legacy or EIP-1559, and gives its hash.
        ["eth_sendRawTransaction", "Filecoin.EthSendRawTransaction",
         "Filecoin.EthSendRawTransactionUntrusted", "eth_sendRawTransactionUntrusted"]
        (raw: HexBytes) -> "32-byte hash" = wait send_raw;

        /// Takes a signed transaction and waits until it is mined, 30 seconds unless a number of
        /// milliseconds is given; gives the receipt.
        ["eth_sendRawTransactionSync"]
        (raw: HexBytes, timeout: Option<Quantity>) -> "receipt" = wait send_raw_sync;

        /// Fills in nonce, gas and fees, signs with a key of the node (or, for an
        /// impersonated sender, does without) and sends; gives the hash.
        ["eth_sendTransaction"]
        (transaction: TransactionRequest) -> "32-byte hash" [Sign] = wait send;

        /// Fills in nonce, gas and fees and signs with a key of the node.
        ["eth_signTransaction"]
        (transaction: TransactionRequest) -> "raw and decoded transaction" [Sign] = wait sign_transaction;

        /// Signs a text or bytes as EIP-191 says.
        ["eth_sign"]
        (address: EthAddress, data: Text) -> "hex bytes" [Sign] = compute eth_sign;

        /// Signs a text or bytes as EIP-191 says; the parameters are in the other order.
        ["personal_sign"]
        (data: Text, address: EthAddress) -> "hex bytes" [Sign] = compute personal_sign;

        /// Signs typed data as EIP-712 says.
        ["eth_signTypedData_v4", "eth_signTypedData"]
        (address: EthAddress, data: Json) -> "hex bytes" [Sign] = compute sign_typed_data;
    ]
}

async fn send_raw(call: Call, raw: HexBytes) -> Result<B256, RpcError> {
    Ok(call.node.chain.push_transaction(&raw.0).await?.eth_hash)
}

/// How long `eth_sendRawTransactionSync` waits at most, and when nothing is said.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
const USUAL_WAIT: Duration = Duration::from_secs(30);

async fn send_raw_sync(
    call: Call,
    raw: HexBytes,
    timeout: Option<Quantity>,
) -> Result<Receipt, RpcError> {
    let chain = &call.node.chain;
    let wait = match timeout {
        None => USUAL_WAIT,
        Some(millis) => Duration::from_millis(millis.as_u64("timeout")?).min(LONGEST_WAIT),
    };
    let pushed = chain.push_transaction(&raw.0).await?;
    let mined = tokio::time::timeout(wait, chain.wait_message(&pushed.cid, 0, false)).await;
    let Ok(location) = mined else {
        return Err(RpcError {
            data: Some(json!(pushed.eth_hash)),
            ..RpcError::failure(format!(
                "transaction {} was taken but not mined within {} ms; ask for its receipt later",
                pushed.eth_hash,
                wait.as_millis()
            ))
        });
    };
    let location = location?;
    let tipset = &location.tipset;
    Ok(call.node.writer(tipset).receipt(tipset, location.index)?)
}

/// Fills in, signs and sends.
///
/// # Errors
/// When the node may not sign for the sender, or the pool refuses.
pub(crate) async fn send(call: Call, request: TransactionRequest) -> Result<B256, RpcError> {
    let from = sender(&call, &request)?;
    let _turn = call.node.signing.lock().await;
    let pushed = match key_of(&call, from) {
        Some(key) => {
            let envelope = fill_and_sign(&call, &request, from, &key).await?;
            let signed = message_of(&envelope, call.node.chain_id())?;
            call.node.chain.push(signed).await?
        }
        None if call.node.chain.is_impersonated(&to_filecoin(&from)) => {
            impersonate(&call, &request, from).await?
        }
        None => return Err(unknown_account(from)),
    };
    Ok(pushed.eth_hash)
}

/// A signed transaction that was not sent.
#[derive(Serialize)]
struct SignedTransaction {
    raw: Bytes,
    tx: Transaction,
}

async fn sign_transaction(
    call: Call,
    request: TransactionRequest,
) -> Result<SignedTransaction, RpcError> {
    let from = sender(&call, &request)?;
    let key = key_of(&call, from).ok_or_else(|| unknown_account(from))?;
    let envelope = fill_and_sign(&call, &request, from, &key).await?;
    let signed = message_of(&envelope, call.node.chain_id())?;
    let writer = call.node.writer(&call.node.chain.head());
    Ok(SignedTransaction {
        raw: envelope.encoded_2718().into(),
        tx: writer.transaction(&signed, *envelope.hash())?,
    })
}

/// The sender named, or the node's first account.
fn sender(call: &Call, request: &TransactionRequest) -> Result<EthAddr, RpcError> {
    if let Some(from) = request.from {
        return Ok(from.0);
    }
    let accounts = crate::eth::chain::accounts(call)?;
    accounts.first().copied().ok_or_else(|| {
        RpcError::invalid_params("the transaction names no sender, and the node has no account")
    })
}

fn key_of(call: &Call, address: EthAddr) -> Option<Key> {
    call.node.chain.keyring().get(&to_filecoin(&address))
}

fn unknown_account(address: EthAddr) -> RpcError {
    RpcError::failure(format!(
        "unknown account {address}: the node has no key for it; sign the transaction yourself, \
         or let it be impersonated with anvil_impersonateAccount"
    ))
}

/// What a transaction costs, once everything is filled in.
struct Filled {
    nonce: u64,
    gas: u64,
    price: Price,
}

enum Price {
    Legacy(u128),
    Market { cap: u128, premium: u128 },
}

async fn fill(
    call: &Call,
    request: &TransactionRequest,
    from: EthAddr,
) -> Result<Filled, RpcError> {
    let node = &call.node;
    let filecoin = to_filecoin(&from);
    if let Some(id) = request.chain_id {
        let got = id.as_u64("chainId")?;
        if got != node.chain_id() {
            return Err(RpcError::failure(format!(
                "invalid chain id: the transaction is for {got}, this chain has {}",
                node.chain_id()
            )));
        }
    }
    if request
        .access_list
        .as_ref()
        .is_some_and(|list| !list.is_empty())
    {
        return Err(RpcError::failure(
            "access lists are not supported on Filecoin",
        ));
    }
    let nonce = match request.nonce {
        Some(nonce) => nonce.as_u64("nonce")?,
        None => node.chain.next_nonce(&filecoin)?,
    };
    let price = price(call, request)?;
    let gas = match request.gas {
        Some(gas) => gas.as_u64("gas")?,
        None => {
            let message = request.as_message(filecoin);
            let estimate = node
                .chain
                .estimate_gas(message, CallPoint::PendingOfSender, Overrides::default())
                .await
                .map_err(|error| refusal::estimate(error, node))?;
            estimate.limit.min(BLOCK_GAS_LIMIT)
        }
    };
    Ok(Filled { nonce, gas, price })
}

fn price(call: &Call, request: &TransactionRequest) -> Result<Price, RpcError> {
    let small = |what: &str, number: U256| {
        u128::try_from(number)
            .map_err(|_| RpcError::invalid_params(format!("{what} is too large: {number}")))
    };
    if let Some(price) = request.gas_price {
        return Ok(Price::Legacy(small("gasPrice", price.0)?));
    }
    let chain = &call.node.chain;
    let mut premium = match request.max_priority_fee_per_gas {
        Some(premium) => premium.0,
        None => quantity(&chain.gas_premium(1)),
    };
    let cap = match request.max_fee_per_gas {
        Some(cap) => {
            if request.max_priority_fee_per_gas.is_none() {
                premium = premium.min(cap.0);
            }
            cap.0
        }
        // As ethers does: room for the base fee to double.
        None => quantity(&chain.next_base_fee())
            .saturating_mul(U256::from(2))
            .saturating_add(premium),
    };
    Ok(Price::Market {
        cap: small("maxFeePerGas", cap)?,
        premium: small("maxPriorityFeePerGas", premium)?,
    })
}

async fn fill_and_sign(
    call: &Call,
    request: &TransactionRequest,
    from: EthAddr,
    key: &Key,
) -> Result<TxEnvelope, RpcError> {
    let kind = request.kind.map(|kind| kind.as_u64("type")).transpose()?;
    if let Some(kind) = kind.filter(|kind| !matches!(kind, 0 | 2)) {
        return Err(boatyard_chain::Rejection::UnsupportedType(
            u8::try_from(kind).unwrap_or(u8::MAX),
        )
        .into());
    }
    let filled = fill(call, request, from).await?;
    let chain_id = call.node.chain_id();
    let value = request.value.map_or(U256::ZERO, |value| value.0);
    let input = Bytes::copy_from_slice(request.call_data());
    let to = request.tx_kind();
    Ok(match filled.price {
        Price::Legacy(gas_price) => {
            let transaction = TxLegacy {
                chain_id: Some(chain_id),
                nonce: filled.nonce,
                gas_price,
                gas_limit: filled.gas,
                to,
                value,
                input,
            };
            let signature = sign(key, transaction.signature_hash())?;
            transaction.into_signed(signature).into()
        }
        Price::Market { cap, premium } => {
            let transaction = TxEip1559 {
                chain_id,
                nonce: filled.nonce,
                gas_limit: filled.gas,
                max_fee_per_gas: cap,
                max_priority_fee_per_gas: premium,
                to,
                value,
                access_list: Default::default(),
                input,
            };
            let signature = sign(key, transaction.signature_hash())?;
            transaction.into_signed(signature).into()
        }
    })
}

/// Sends without a signature: the chain accepts it from an impersonated sender.
async fn impersonate(
    call: &Call,
    request: &TransactionRequest,
    from: EthAddr,
) -> Result<Pushed, RpcError> {
    let filecoin = to_filecoin(&from);
    let mut message = request.as_message(filecoin);
    // Nothing is paid for, so a limit matters only to the message itself.
    message.gas_limit = match request.gas {
        Some(gas) => gas.as_u64("gas")?,
        None => {
            let node = &call.node;
            node.chain
                .estimate_gas(
                    message.clone(),
                    CallPoint::PendingOfSender,
                    Overrides::default(),
                )
                .await
                .map_err(|error| refusal::estimate(error, node))?
                .limit
        }
    };
    message.sequence = match request.nonce {
        Some(nonce) => nonce.as_u64("nonce")?,
        None => u64::MAX,
    };
    let (cap, premium) = match price(call, request)? {
        Price::Legacy(price) => (price, price),
        Price::Market { cap, premium } => (cap, premium),
    };
    message.gas_fee_cap = crate::params::tokens(U256::from(cap));
    message.gas_premium = crate::params::tokens(U256::from(premium));
    Ok(call.node.chain.push_impersonated(message).await?)
}

fn sign(key: &Key, digest: B256) -> Result<Signature, RpcError> {
    let bytes = key
        .sign_hash(&digest)
        .ok_or_else(|| RpcError::failure("a BLS key cannot sign Ethereum data"))?;
    Ok(Signature::from_bytes_and_parity(
        &bytes[..64],
        bytes[64] == 1,
    ))
}

fn eth_sign(call: &Call, address: EthAddress, data: Text) -> Result<Bytes, RpcError> {
    personal_sign(call, data, address)
}

fn personal_sign(call: &Call, data: Text, address: EthAddress) -> Result<Bytes, RpcError> {
    // Clients send hex; people at a keyboard send the text itself.
    let bytes = match data.0.strip_prefix("0x").map(|_| HexBytes::parse(&data.0)) {
        Some(Ok(bytes)) => bytes.0,
        Some(Err(_)) | None => data.0.into_bytes(),
    };
    signature_of(call, address.0, eip191_hash_message(bytes))
}

fn sign_typed_data(call: &Call, address: EthAddress, data: Json) -> Result<Bytes, RpcError> {
    let wrong =
        |error: &dyn std::fmt::Display| RpcError::invalid_params(format!("typed data: {error}"));
    let data = match data.0 {
        Value::String(text) => serde_json::from_str(&text).map_err(|error| wrong(&error))?,
        value => value,
    };
    data.get("types").map_or(Ok(()), deep::check_texts)?;
    let data: TypedData = serde_json::from_value(data).map_err(|error| wrong(&error))?;
    let digest = data.eip712_signing_hash().map_err(|error| wrong(&error))?;
    signature_of(call, address.0, digest)
}

fn signature_of(call: &Call, address: EthAddr, digest: B256) -> Result<Bytes, RpcError> {
    let key = key_of(call, address).ok_or_else(|| unknown_account(address))?;
    // v is 27 or 28, as ecrecover takes it.
    Ok(sign(&key, digest)?.as_bytes().into())
}
