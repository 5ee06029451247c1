//! A contract with its caller, and what it left.

use boatyard_actors_shared::EthAddress;
use boatyard_actors_shared::ext::evm::INVOKE_CONTRACT;
use boatyard_mock::MockRuntime;
use boatyard_sdk::{ActorError, Type};
use cid::Cid;
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_ipld_encoding::{BytesDe, BytesSer, CBOR, DAG_CBOR, IPLD_RAW};
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;
use multihash_codetable::{Code, MultihashDigest};
use revm_interpreter::primitives::U256;

use super::asm::asm;
use crate::EvmActor;
use crate::state::State;
use crate::storage::Slots;
use crate::types::BytecodeHash;

/// The contract.
pub const CONTRACT: ActorID = 1000;
/// Its caller, an ethaccount and the message's origin.
pub const CALLER: ActorID = 1001;
/// Another contract.
pub const OTHER: ActorID = 1002;

/// The Ethereum address of one of these actors.
pub fn eth(id: ActorID) -> EthAddress {
    let mut bytes = [0xc0; 20];
    bytes[18..].copy_from_slice(&(id as u16).to_be_bytes());
    EthAddress(bytes)
}

/// Its f410 address.
pub fn f410(id: ActorID) -> Address {
    eth(id).to_address()
}

/// The address as it stands in a program.
pub fn word_of(address: EthAddress) -> String {
    format!("0x{}", hex::encode(address.0))
}

pub fn atto(amount: u64) -> TokenAmount {
    TokenAmount::from_atto(amount)
}

/// A world in which the contract is a program. `OTHER` exists, with no code.
pub fn contract(program: &str) -> MockRuntime {
    contract_of(&asm(program))
}

/// A world in which the contract is a bytecode.
pub fn contract_of(code: &[u8]) -> MockRuntime {
    let rt = empty_world();
    let state = state_with(&rt, code);
    rt.set_state(&state);
    rt
}

/// A world in which the contract is about to be constructed.
pub fn empty_world() -> MockRuntime {
    let rt = MockRuntime::new().receiver(CONTRACT);
    for (id, kind) in [
        (CONTRACT, Type::Evm),
        (OTHER, Type::Evm),
        (CALLER, Type::EthAccount),
    ] {
        rt.actor(id, kind).delegated(id, f410(id));
    }
    rt.caller(CALLER).origin(CALLER).nonce(7).epoch(1_000)
}

/// A state with this bytecode and nothing else.
pub fn state_with(rt: &MockRuntime, code: &[u8]) -> State {
    State {
        bytecode: put_code(rt, code),
        bytecode_hash: hash_of(code),
        contract_state: Slots::empty(rt.store()).flush().unwrap(),
        transient_data: None,
        nonce: 1,
        tombstone: None,
    }
}

/// Stores a bytecode.
pub fn put_code(rt: &MockRuntime, code: &[u8]) -> Cid {
    let cid = Cid::new_v1(IPLD_RAW, Code::Blake2b256.digest(code));
    rt.store().put_keyed(&cid, code).unwrap();
    cid
}

pub fn hash_of(code: &[u8]) -> BytecodeHash {
    BytecodeHash(Code::Keccak256.digest(code).digest().try_into().unwrap())
}

/// Calls the contract with calldata, as other contracts do.
#[track_caller]
pub fn invoke(rt: &MockRuntime, input: &[u8]) -> Result<Vec<u8>, ActorError> {
    let params = (!input.is_empty()).then(|| raw(input));
    let returned = rt.call::<EvmActor>(INVOKE_CONTRACT, params)?;
    let returned = returned.expect("a contract always returns a block");
    assert_eq!(returned.codec, CBOR);
    let BytesDe(output) = returned.deserialize().expect("a byte string");
    Ok(output)
}

/// Calls the contract without calldata; gives the word that it returns.
#[track_caller]
pub fn word(rt: &MockRuntime) -> U256 {
    let output = invoke(rt, &[]).expect("the contract does not fail");
    assert_eq!(output.len(), 32, "the contract returns a word");
    U256::from_be_slice(&output)
}

/// Calls the contract without calldata; gives the exit code.
#[track_caller]
pub fn exit(rt: &MockRuntime) -> u32 {
    match invoke(rt, &[]) {
        Ok(_) => 0,
        Err(error) => error.exit_code().value(),
    }
}

/// The word that a program leaves on the stack.
#[track_caller]
pub fn eval(program: &str) -> U256 {
    word(&contract(&returning(program)))
}

/// The exit code of a program.
#[track_caller]
pub fn exit_of(program: &str) -> u32 {
    exit(&contract(program))
}

/// The exit code of a program in a read-only call.
#[track_caller]
pub fn exit_read_only(program: &str) -> u32 {
    exit(&contract(program).read_only())
}

/// A program that ends by returning the word on the stack.
pub fn returning(program: &str) -> String {
    format!("{program} 0 MSTORE 32 0 RETURN")
}

/// A slot of the contract, as stored.
pub fn slot(rt: &MockRuntime, slot: u64) -> U256 {
    let state: State = rt.state();
    Slots::stored(state.contract_state, rt.store())
        .get(U256::from(slot))
        .unwrap()
}

pub fn raw(bytes: &[u8]) -> IpldBlock {
    IpldBlock {
        codec: IPLD_RAW,
        data: bytes.to_vec(),
    }
}

/// A byte string in a block.
pub fn bytes_block(bytes: &[u8]) -> IpldBlock {
    IpldBlock::serialize(CBOR, &BytesSer(bytes)).unwrap()
}

/// A link in a block, null for none.
pub fn link_block(cid: Option<Cid>) -> IpldBlock {
    IpldBlock::serialize(DAG_CBOR, &cid).unwrap()
}

/// What a send may use of all gas that there is.
pub fn all_but_one_64th(gas: u64) -> u64 {
    (u128::from(gas) * 63 / 64) as u64
}

/// Gas that the mock has at the start of every call.
pub const GAS: u64 = u32::MAX as u64;
