//! Balances, nonces, code, storage.

use alloy::primitives::{B256, Bytes, U64, U256};
use boatyard_chain::ChainError;
use boatyard_chain::ethereum::to_filecoin;
use serde::Serialize;

use crate::call::Call;
use crate::error::{RpcError, code};
use crate::eth::block_param::{BlockParam, Tag};
use crate::params::{EthAddress, Word, quantity};
use crate::registry::{Method, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    methods![
        /// Balance in attoFIL after a block; 0 where there is no actor.
        ["eth_getBalance", "Filecoin.EthGetBalance"]
        (address: EthAddress, block: BlockParam) -> "quantity" = wait balance;

        /// Nonce after a block: of a contract the number of its creations plus one, else
        /// the actor's sequence; `pending` counts the messages that wait.
        ["eth_getTransactionCount", "Filecoin.EthGetTransactionCount"]
        (address: EthAddress, block: BlockParam) -> "quantity" = wait nonce;

        /// Runtime bytecode after a block; empty for whatever is no living contract.
        ["eth_getCode", "Filecoin.EthGetCode"]
        (address: EthAddress, block: BlockParam) -> "hex bytes" = wait bytecode;

        /// Balance, nonce and code after a block.
        ["eth_getAccountInfo"]
        (address: EthAddress, block: BlockParam) -> "account info" = wait account_info;

        /// Not to be had: Filecoin keeps its state in HAMTs, of which Ethereum's Merkle-Patricia
        /// proofs do not exist.
        ["eth_getProof"]
        (address: EthAddress, slots: Option<Vec<Word>>, block: BlockParam) -> "error" = compute no_proof;

        /// A storage slot after a block; zero for whatever is no living contract.
        ["eth_getStorageAt", "Filecoin.EthGetStorageAt"]
        (address: EthAddress, slot: Word, block: BlockParam) -> "32-byte word" = wait storage;
    ]
}

async fn balance(call: Call, address: EthAddress, block: BlockParam) -> Result<U256, RpcError> {
    let state = call.node.state(block).await?;
    Ok(quantity(&state.balance(&to_filecoin(&address.0))?))
}

async fn nonce(call: Call, address: EthAddress, block: BlockParam) -> Result<U64, RpcError> {
    let node = &call.node;
    let filecoin = to_filecoin(&address.0);
    if block == BlockParam::Tag(Tag::Pending) {
        let state = node.chain.head_state();
        if state.eth_code(&address.0)?.is_empty() {
            return match node.chain.next_nonce(&filecoin) {
                Ok(nonce) => Ok(U64::from(nonce)),
                Err(ChainError::ActorNotFound(_)) => Ok(U64::ZERO),
                Err(error) => Err(error.into()),
            };
        }
    }
    Ok(U64::from(node.state(block).await?.eth_nonce(&address.0)?))
}

async fn bytecode(call: Call, address: EthAddress, block: BlockParam) -> Result<Bytes, RpcError> {
    let node = &call.node;
    if node.options.strict && node.block(block)?.height() == 0 {
        return Err(RpcError::failure(
            "block param must not specify genesis block",
        ));
    }
    Ok(node.state(block).await?.eth_code(&address.0)?.into())
}

/// Answer of `eth_getAccountInfo`.
#[derive(Debug, Clone, Serialize)]
struct AccountInfo {
    balance: U256,
    nonce: U64,
    code: Bytes,
}

async fn account_info(
    call: Call,
    address: EthAddress,
    block: BlockParam,
) -> Result<AccountInfo, RpcError> {
    let state = call.node.state(block).await?;
    Ok(AccountInfo {
        balance: quantity(&state.balance(&to_filecoin(&address.0))?),
        nonce: nonce(call, address, block).await?,
        code: state.eth_code(&address.0)?.into(),
    })
}

fn no_proof(
    _: &Call,
    _address: EthAddress,
    _slots: Option<Vec<Word>>,
    _block: BlockParam,
) -> Result<(), RpcError> {
    Err(RpcError {
        code: code::METHOD_NOT_FOUND,
        ..RpcError::failure(
            "eth_getProof cannot be answered: Filecoin keeps its state in HAMTs, of which there \
             are no Merkle-Patricia proofs; read values with eth_getBalance, eth_getCode and \
             eth_getStorageAt, or the state's blocks with Filecoin.ChainReadObj",
        )
    })
}

async fn storage(
    call: Call,
    address: EthAddress,
    slot: Word,
    block: BlockParam,
) -> Result<B256, RpcError> {
    let state = call.node.state(block).await?;
    Ok(state.eth_storage(&address.0, U256::from_be_bytes(slot.0.0))?)
}
