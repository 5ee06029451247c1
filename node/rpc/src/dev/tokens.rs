//! Balances and allowances of ERC-20 tokens from outside.
//!
//! Where a token keeps them is seen by letting it answer: the slots that it reads are
//! tried one by one until changing one changes the answer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use alloy::primitives::{Address as EthAddr, B256, U256};
use alloy::sol;
use alloy::sol_types::SolCall;
use boatyard_chain::ethereum::{from_cbor_bytes, target, to_filecoin};
use boatyard_chain::{AccountOverride, CallPoint, CallRequest, Overrides, StateEdit};
use boatyard_vm::context::{Intercept, Interceptor, Tracing, Watched};
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::message::Message;

use crate::call::Call;
use crate::error::RpcError;
use crate::params::{EthAddress, Quantity};
use crate::registry::{Method, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    methods![
        /// Sets the balance of an ERC-20 token.
        ["anvil_dealERC20", "anvil_setERC20Balance", "hardhat_dealERC20", "tenderly_setErc20Balance"]
        (address: EthAddress, token: EthAddress, amount: Quantity) -> "null" = wait deal;

        /// Sets the allowance of an ERC-20 token.
        ["anvil_setERC20Allowance", "hardhat_setERC20Allowance"]
        (owner: EthAddress, spender: EthAddress, token: EthAddress, amount: Quantity)
            -> "null" = wait allow;
    ]
}

sol! {
    function balanceOf(address owner) returns (uint256);
    function allowance(address owner, address spender) returns (uint256);
}

/// Most slots that are tried.
const MOST_SLOTS: usize = 256;

async fn deal(
    call: Call,
    address: EthAddress,
    token: EthAddress,
    amount: Quantity,
) -> Result<(), RpcError> {
    let question = balanceOfCall { owner: address.0 }.abi_encode();
    set_answer(&call, token.0, question, amount.0, "balanceOf").await
}

async fn allow(
    call: Call,
    owner: EthAddress,
    spender: EthAddress,
    token: EthAddress,
    amount: Quantity,
) -> Result<(), RpcError> {
    let question = allowanceCall {
        owner: owner.0,
        spender: spender.0,
    }
    .abi_encode();
    set_answer(&call, token.0, question, amount.0, "allowance").await
}

/// Notes the slots that are read, in the order of reading.
#[derive(Default)]
struct Reads(Mutex<Vec<(ActorID, B256)>>);

impl Interceptor for Reads {
    fn before_call(&self, _: &boatyard_vm::trace::Call) -> Intercept {
        Intercept::Proceed
    }

    fn watches_instructions(&self) -> bool {
        true
    }

    fn instruction(&self, at: &Watched<'_>) {
        const SLOAD: u8 = 0x54;
        if at.inside.opcode() != SLOAD {
            return;
        }
        if let Some(slot) = at.inside.stack_word(0) {
            let mut reads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let read = (at.actor, B256::from(slot));
            if reads.len() < MOST_SLOTS && !reads.contains(&read) {
                reads.push(read);
            }
        }
    }
}

/// Finds the slot that decides what a token answers, and writes it.
async fn set_answer(
    call: &Call,
    token: EthAddr,
    question: Vec<u8>,
    wanted: U256,
    name: &str,
) -> Result<(), RpcError> {
    let chain = &call.node.chain;
    let at = CallPoint::After(chain.head());
    let message = ask(token, &question);
    let reads = Arc::new(Reads::default());
    let request = CallRequest::new(message.clone(), at.clone());
    chain.watch_call(request, Some(reads.clone())).await?;
    let reads = std::mem::take(&mut *reads.0.lock().unwrap_or_else(PoisonError::into_inner));
    // The value itself is read last: before it come pointers and flags.
    for (actor, slot) in reads.into_iter().rev() {
        let address = Address::new_id(actor);
        let change = AccountOverride {
            storage_diff: BTreeMap::from([(slot, B256::from(wanted))]),
            ..AccountOverride::default()
        };
        let request = CallRequest {
            message: message.clone(),
            at: at.clone(),
            overrides: Overrides {
                accounts: BTreeMap::from([(address, change)]),
                ..Overrides::default()
            },
            tracing: Tracing::Off,
        };
        let applied = chain.call(request).await?;
        let answered = from_cbor_bytes(applied.receipt.return_data.bytes())
            .filter(|_| applied.receipt.exit_code.is_success())
            .and_then(|bytes| U256::try_from_be_slice(&bytes));
        if answered == Some(wanted) {
            let edit = StateEdit::Storage {
                address,
                slot,
                value: B256::from(wanted),
            };
            return Ok(chain.edit(vec![edit]).await?);
        }
    }
    Err(RpcError::failure(format!(
        "no storage slot of {token} decides what {name} answers; set it with anvil_setStorageAt, \
         or let a holder that you impersonate send tokens"
    )))
}

fn ask(token: EthAddr, question: &[u8]) -> Message {
    let (to, method_num, params) = target(Some(&token), question);
    Message {
        version: 0,
        from: to_filecoin(&EthAddr::ZERO),
        to,
        sequence: 0,
        value: Default::default(),
        method_num,
        params,
        gas_limit: 0,
        gas_fee_cap: Default::default(),
        gas_premium: Default::default(),
    }
}
