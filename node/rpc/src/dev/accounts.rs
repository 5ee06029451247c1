//! Impersonation; balances, code, nonces, storage from outside.

use boatyard_chain::StateEdit;

use crate::call::Call;
use crate::dev::AnyAddress;
use crate::error::RpcError;
use crate::params::{EthAddress, HexBytes, Quantity, Word};
use crate::registry::{Method, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    methods![
        /// Lets messages from an address be sent without its key: `eth_sendTransaction`, and
        /// `Filecoin.MpoolPushMessage` for any actor.
        ["anvil_impersonateAccount", "hardhat_impersonateAccount"]
        (address: AnyAddress) -> "null" = compute impersonate;

        /// Ends impersonation.
        ["anvil_stopImpersonatingAccount", "hardhat_stopImpersonatingAccount"]
        (address: AnyAddress) -> "null" = compute stop_impersonating;

        /// Lets everybody be impersonated, or no longer.
        ["anvil_autoImpersonateAccount", "hardhat_autoImpersonateAccount"]
        (allowed: bool) -> "null" = compute auto_impersonate;

        /// Sets a balance in attoFIL.
        ["anvil_setBalance", "hardhat_setBalance", "tenderly_setBalance", "evm_setAccountBalance"]
        (address: AnyAddress, amount: Quantity) -> "null" = wait set_balance;

        /// Adds to a balance.
        ["anvil_addBalance", "hardhat_addBalance", "tenderly_addBalance"]
        (address: AnyAddress, amount: Quantity) -> "null" = wait add_balance;

        /// Sets the runtime bytecode of an address.
        ["anvil_setCode", "hardhat_setCode", "evm_setAccountCode"]
        (address: EthAddress, code: HexBytes) -> "null" = wait set_code;

        /// Sets a nonce: of a contract the number of its creations plus one, else the
        /// sequence.
        ["anvil_setNonce", "hardhat_setNonce", "evm_setAccountNonce"]
        (address: AnyAddress, nonce: Quantity) -> "null" = wait set_nonce;

        /// Sets a storage slot of a contract.
        ["anvil_setStorageAt", "hardhat_setStorageAt"]
        (address: EthAddress, slot: Word, value: Word) -> "bool" = wait set_storage;

        /// Accepted and without effect: rewards go to the provider that makes the block.
        ["anvil_setCoinbase", "hardhat_setCoinbase"]
        (address: EthAddress) -> "null" = compute set_coinbase;
    ]
}

fn impersonate(call: &Call, address: AnyAddress) -> Result<(), RpcError> {
    call.node.chain.set_impersonated(&address.0, true);
    Ok(())
}

fn stop_impersonating(call: &Call, address: AnyAddress) -> Result<(), RpcError> {
    call.node.chain.set_impersonated(&address.0, false);
    Ok(())
}

fn auto_impersonate(call: &Call, allowed: bool) -> Result<(), RpcError> {
    call.node.chain.set_auto_impersonate(allowed);
    Ok(())
}

async fn edit(call: &Call, edit: StateEdit) -> Result<(), RpcError> {
    Ok(call.node.chain.edit(vec![edit]).await?)
}

async fn set_balance(call: Call, address: AnyAddress, amount: Quantity) -> Result<(), RpcError> {
    let amount = amount.as_tokens();
    edit(
        &call,
        StateEdit::Balance {
            address: address.0,
            amount,
        },
    )
    .await
}

async fn add_balance(call: Call, address: AnyAddress, amount: Quantity) -> Result<(), RpcError> {
    let balance = call.node.chain.head_state().balance(&address.0)?;
    let amount = balance + amount.as_tokens();
    edit(
        &call,
        StateEdit::Balance {
            address: address.0,
            amount,
        },
    )
    .await
}

async fn set_code(call: Call, address: EthAddress, code: HexBytes) -> Result<(), RpcError> {
    let address = boatyard_chain::ethereum::to_filecoin(&address.0);
    edit(
        &call,
        StateEdit::Code {
            address,
            code: code.0,
        },
    )
    .await
}

async fn set_nonce(call: Call, address: AnyAddress, nonce: Quantity) -> Result<(), RpcError> {
    let nonce = nonce.as_u64("nonce")?;
    edit(
        &call,
        StateEdit::Nonce {
            address: address.0,
            nonce,
        },
    )
    .await
}

async fn set_storage(
    call: Call,
    address: EthAddress,
    slot: Word,
    value: Word,
) -> Result<bool, RpcError> {
    let address = boatyard_chain::ethereum::to_filecoin(&address.0);
    edit(
        &call,
        StateEdit::Storage {
            address,
            slot: slot.0,
            value: value.0,
        },
    )
    .await?;
    Ok(true)
}

fn set_coinbase(_: &Call, _address: EthAddress) -> Result<(), RpcError> {
    Ok(())
}
