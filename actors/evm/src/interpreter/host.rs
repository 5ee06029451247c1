//! The world of a running contract, and what the loop's own instructions ask it.

use std::cell::OnceCell;
use std::sync::Arc;

use boatyard_actors_shared::EthAddress;
use boatyard_sdk::{ActorError, Host as _, Runtime};
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;
use revm_interpreter::context_interface::cfg::GasParams;
use revm_interpreter::context_interface::journaled_state::AccountInfoLoad;
use revm_interpreter::host::LoadError;
use revm_interpreter::primitives::{self, B256, Log, U256};
use revm_interpreter::{Host, SStoreResult, SelfDestructResult, StateLoad};

use crate::state::Contract;
use crate::word;

/// GASLIMIT.
const BLOCK_GAS_LIMIT: u64 = 10_000_000_000;

/// The world of a running contract.
pub(crate) struct Machine<'rt, RT: Runtime> {
    pub(crate) rt: &'rt RT,
    pub(crate) contract: Contract<'rt, RT>,
    /// Why the run must end, when it is no matter of the EVM.
    pub(super) abort: Option<ActorError>,
    /// PREVRANDAO, fetched once.
    pub(super) prevrandao: Option<U256>,
    gas_params: OnceCell<GasParams>,
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) held: super::memory::Held,
}

impl<'rt, RT: Runtime> Machine<'rt, RT> {
    pub(crate) fn new(rt: &'rt RT, contract: Contract<'rt, RT>) -> Self {
        Self {
            rt,
            contract,
            abort: None,
            prevrandao: None,
            gas_params: OnceCell::new(),
            #[cfg(not(target_arch = "wasm32"))]
            held: super::memory::Held::default(),
        }
    }

    /// The ID behind an Ethereum address. One that stands for an ID needs no
    /// actor behind it.
    pub(super) fn resolve(&self, address: EthAddress) -> Option<ActorID> {
        match address.as_id() {
            Some(id) => Some(id),
            None => self.rt.resolve(&address.to_address()),
        }
    }

    /// Moves value without running code; the state is neither written before nor
    /// read after it (spec 02 §5). False if it failed.
    pub(crate) fn transfer(&self, to: &Address, value: TokenAmount) -> bool {
        self.rt
            .send(to, fvm_shared::METHOD_SEND, None, value)
            .is_ok_and(|response| response.exit_code.is_success())
    }
}

/// What the block is, and no more: instructions that would ask for accounts, slots
/// and code are all replaced (see [`super::table`]), so for those this is an empty
/// world.
impl<RT: Runtime> Host for Machine<'_, RT> {
    fn basefee(&self) -> U256 {
        word::from_amount(&self.rt.network().base_fee)
    }

    fn gas_limit(&self) -> U256 {
        U256::from(BLOCK_GAS_LIMIT)
    }

    fn block_number(&self) -> U256 {
        U256::try_from(self.rt.epoch()).unwrap_or_default()
    }

    fn timestamp(&self) -> U256 {
        U256::from(self.rt.network().timestamp)
    }

    fn beneficiary(&self) -> primitives::Address {
        primitives::Address::ZERO
    }

    fn chain_id(&self) -> U256 {
        U256::from(self.rt.network().chain_id)
    }

    /// Base fee and premium; the fee cap does not matter.
    fn effective_gas_price(&self) -> U256 {
        self.basefee() + word::from_amount(&self.rt.message().gas_premium)
    }

    /// First 32 bytes of the digest in the tipset's CID as a big-endian number, 0 if
    /// there is none. The instruction asks for the last 256 epochs only.
    fn block_hash(&mut self, number: u64) -> Option<B256> {
        let mut word = [0; 32];
        if let Ok(epoch) = number.try_into()
            && let Ok(tipset) = self.rt.host().tipset_cid(epoch)
        {
            let digest = tipset.hash().digest();
            let length = digest.len().min(32);
            word[32 - length..].copy_from_slice(&digest[..length]);
        }
        Some(word.into())
    }

    /// All zero; EXP asks.
    fn gas_params(&self) -> &GasParams {
        self.gas_params
            .get_or_init(|| GasParams::new(Arc::new([0; 256])))
    }

    fn max_initcode_size(&self) -> usize {
        usize::MAX
    }

    fn is_amsterdam_eip8037_enabled(&self) -> bool {
        false
    }

    fn blob_gasprice(&self) -> U256 {
        U256::ZERO
    }

    fn difficulty(&self) -> U256 {
        U256::ZERO
    }

    fn prevrandao(&self) -> Option<U256> {
        None
    }

    fn slot_num(&self) -> U256 {
        U256::ZERO
    }

    fn caller(&self) -> primitives::Address {
        primitives::Address::ZERO
    }

    fn blob_hash(&self, _number: usize) -> Option<U256> {
        None
    }

    fn selfdestruct(
        &mut self,
        _address: primitives::Address,
        _target: primitives::Address,
        _skip_cold_load: bool,
    ) -> Result<StateLoad<SelfDestructResult>, LoadError> {
        Err(LoadError::DBError)
    }

    fn log(&mut self, _log: Log) {}

    fn sstore_skip_cold_load(
        &mut self,
        _address: primitives::Address,
        _key: U256,
        _value: U256,
        _skip_cold_load: bool,
    ) -> Result<StateLoad<SStoreResult>, LoadError> {
        Err(LoadError::DBError)
    }

    fn sload_skip_cold_load(
        &mut self,
        _address: primitives::Address,
        _key: U256,
        _skip_cold_load: bool,
    ) -> Result<StateLoad<U256>, LoadError> {
        Err(LoadError::DBError)
    }

    fn tstore(&mut self, _address: primitives::Address, _key: U256, _value: U256) {}

    fn tload(&mut self, _address: primitives::Address, _key: U256) -> U256 {
        U256::ZERO
    }

    fn load_account_info_skip_cold_load(
        &mut self,
        _address: primitives::Address,
        _load_code: bool,
        _skip_cold_load: bool,
    ) -> Result<AccountInfoLoad<'_>, LoadError> {
        Err(LoadError::DBError)
    }
}
