//! The machine under an actor on chain: [`Host`] on the FVM's system calls.

use std::cell::OnceCell;

use cid::Cid;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_sdk as sdk;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::consensus::ConsensusFault;
use fvm_shared::crypto::hash::SupportedHashes;
use fvm_shared::crypto::signature::{Signature, SignatureType};
use fvm_shared::econ::TokenAmount;
use fvm_shared::error::ErrorNumber;
use fvm_shared::event::ActorEvent;
use fvm_shared::piece::PieceInfo;
use fvm_shared::sector::{
    AggregateSealVerifyProofAndInfos, RegisteredSealProof, ReplicaUpdateInfo, SealVerifyInfo,
    WindowPoStVerifyInfo,
};
use fvm_shared::sys::SendFlags;
use fvm_shared::upgrade::UpgradeInfo;
use fvm_shared::{ActorID, MethodNum, Response};

use crate::dispatch::Actor;
use crate::error::ActorError;
use crate::host::{Host, MessageContext, NetworkContext};
use crate::network::{MARKER, NetworkVariant};
use crate::runtime::ActorRuntime;

/// The number behind the marker is written by the bundle (see [`MARKER`]).
#[repr(C)]
struct Variant([u8; 16], u8);

static VARIANT: Variant = Variant(MARKER, NetworkVariant::Mainnet as u8);

/// The FVM's system calls for the call that is being executed.
pub struct FvmHost {
    message: MessageContext,
    network: OnceCell<NetworkContext>,
}

impl FvmHost {
    fn current() -> Self {
        use sdk::message;
        Self {
            message: MessageContext {
                origin: message::origin(),
                nonce: message::nonce(),
                caller: message::caller(),
                receiver: message::receiver(),
                method: message::method_number(),
                value: message::value_received(),
                gas_premium: message::gas_premium(),
                read_only: sdk::vm::read_only(),
            },
            network: OnceCell::new(),
        }
    }
}

impl Host for FvmHost {
    fn message(&self) -> &MessageContext {
        &self.message
    }

    fn network(&self) -> &NetworkContext {
        use sdk::network;
        self.network.get_or_init(|| NetworkContext {
            epoch: network::curr_epoch(),
            timestamp: network::tipset_timestamp(),
            base_fee: network::base_fee(),
            chain_id: network::chain_id().into(),
            network_version: network::version().into(),
        })
    }

    #[expect(unsafe_code, reason = "a volatile read has no safe form")]
    fn variant(&self) -> NetworkVariant {
        // Volatile: the byte changes between compilation and execution.
        // SAFETY: a reference to a static is valid for reads.
        let variant = unsafe { std::ptr::read_volatile(&raw const VARIANT) };
        NetworkVariant::from_number(variant.1).expect("the bundle writes known variants")
    }

    fn block_get(&self, cid: &Cid) -> Result<Vec<u8>, ErrorNumber> {
        sdk::ipld::get(cid)
    }

    fn block_put(&self, codec: u64, hash: u64, data: &[u8]) -> Result<Cid, ErrorNumber> {
        sdk::ipld::put(hash, 32, codec, data)
    }

    fn root(&self) -> Result<Cid, ErrorNumber> {
        sdk::sself::root().map_err(|_| ErrorNumber::IllegalOperation)
    }

    fn set_root(&self, root: &Cid) -> Result<(), ErrorNumber> {
        use sdk::error::StateUpdateError;
        sdk::sself::set_root(root).map_err(|error| match error {
            StateUpdateError::ActorDeleted => ErrorNumber::IllegalOperation,
            StateUpdateError::ReadOnly => ErrorNumber::ReadOnly,
        })
    }

    fn current_balance(&self) -> TokenAmount {
        sdk::sself::current_balance()
    }

    fn self_destruct(&self) -> Result<(), ErrorNumber> {
        use sdk::error::ActorDeleteError;
        sdk::sself::self_destruct(false).map_err(|error| match error {
            ActorDeleteError::UnspentFunds => ErrorNumber::IllegalOperation,
            ActorDeleteError::ReadOnly => ErrorNumber::ReadOnly,
        })
    }

    fn resolve_address(&self, address: &Address) -> Option<ActorID> {
        sdk::actor::resolve_address(address)
    }

    fn delegated_address(&self, id: ActorID) -> Option<Address> {
        sdk::actor::lookup_delegated_address(id)
    }

    fn code_cid(&self, id: ActorID) -> Option<Cid> {
        sdk::actor::get_actor_code_cid(&Address::new_id(id))
    }

    fn balance_of(&self, id: ActorID) -> Option<TokenAmount> {
        sdk::actor::balance_of(id)
    }

    fn builtin_type(&self, code: &Cid) -> u32 {
        sdk::actor::get_builtin_actor_type(code).unwrap_or(0) as u32
    }

    fn builtin_code(&self, position: u32) -> Option<Cid> {
        Some(sdk::actor::get_code_cid_for_type(
            i32::try_from(position).ok()?,
        ))
    }

    fn next_actor_address(&self) -> Address {
        sdk::actor::next_actor_address()
    }

    fn create_actor(
        &self,
        code: &Cid,
        id: ActorID,
        delegated: Option<Address>,
    ) -> Result<(), ErrorNumber> {
        sdk::actor::create_actor(id, code, delegated)
    }

    fn upgrade_actor(
        &self,
        code: &Cid,
        params: Option<IpldBlock>,
    ) -> Result<Response, ErrorNumber> {
        sdk::actor::upgrade_actor(code, params)
    }

    fn send(
        &self,
        to: &Address,
        method: MethodNum,
        params: Option<IpldBlock>,
        value: TokenAmount,
        gas_limit: Option<u64>,
        flags: SendFlags,
    ) -> Result<Response, ErrorNumber> {
        sdk::send::send(to, method, params, value, gas_limit, flags)
    }

    fn ticket_randomness(&self, epoch: ChainEpoch) -> Result<[u8; 32], ErrorNumber> {
        sdk::rand::get_chain_randomness(epoch)
    }

    fn beacon_randomness(&self, epoch: ChainEpoch) -> Result<[u8; 32], ErrorNumber> {
        sdk::rand::get_beacon_randomness(epoch)
    }

    fn tipset_cid(&self, epoch: ChainEpoch) -> Result<Cid, ErrorNumber> {
        use sdk::error::EpochBoundsError;
        sdk::network::tipset_cid(epoch).map_err(|error| match error {
            EpochBoundsError::Invalid => ErrorNumber::IllegalArgument,
            EpochBoundsError::ExceedsLookback => ErrorNumber::LimitExceeded,
        })
    }

    fn circulating_supply(&self) -> TokenAmount {
        sdk::network::total_fil_circ_supply()
    }

    fn gas_available(&self) -> u64 {
        sdk::gas::available()
    }

    fn charge_gas(&self, name: &str, compute: u64) {
        sdk::gas::charge(name, compute);
    }

    fn hash(&self, hasher: SupportedHashes, data: &[u8]) -> Vec<u8> {
        sdk::crypto::hash_owned(hasher, data)
    }

    fn verify_signature(
        &self,
        kind: SignatureType,
        signature: &[u8],
        signer: &Address,
        plaintext: &[u8],
    ) -> Result<bool, ErrorNumber> {
        let signature = Signature {
            sig_type: kind,
            bytes: signature.to_vec(),
        };
        sdk::crypto::verify_signature(&signature, signer, plaintext)
    }

    fn verify_bls_aggregate(
        &self,
        signature: &[u8; 96],
        keys: &[[u8; 48]],
        plaintexts: &[&[u8]],
    ) -> Result<bool, ErrorNumber> {
        sdk::crypto::verify_bls_aggregate(signature, keys, plaintexts)
    }

    fn recover_secp_key(
        &self,
        hash: &[u8; 32],
        signature: &[u8; 65],
    ) -> Result<[u8; 65], ErrorNumber> {
        sdk::crypto::recover_secp_public_key(hash, signature)
    }

    fn unsealed_sector_cid(
        &self,
        proof: RegisteredSealProof,
        pieces: &[PieceInfo],
    ) -> Result<Cid, ErrorNumber> {
        sdk::crypto::compute_unsealed_sector_cid(proof, pieces)
    }

    fn verify_post(&self, info: &WindowPoStVerifyInfo) -> Result<bool, ErrorNumber> {
        sdk::crypto::verify_post(info)
    }

    fn batch_verify_seals(&self, seals: &[SealVerifyInfo]) -> Result<Vec<bool>, ErrorNumber> {
        sdk::crypto::batch_verify_seals(seals)
    }

    fn verify_aggregate_seals(
        &self,
        aggregate: &AggregateSealVerifyProofAndInfos,
    ) -> Result<bool, ErrorNumber> {
        sdk::crypto::verify_aggregate_seals(aggregate)
    }

    fn verify_replica_update(&self, update: &ReplicaUpdateInfo) -> Result<bool, ErrorNumber> {
        sdk::crypto::verify_replica_update(update)
    }

    fn verify_consensus_fault(
        &self,
        header_1: &[u8],
        header_2: &[u8],
        extra: &[u8],
    ) -> Result<Option<ConsensusFault>, ErrorNumber> {
        sdk::crypto::verify_consensus_fault(header_1, header_2, extra)
    }

    fn emit_event(&self, event: &ActorEvent) -> Result<(), ErrorNumber> {
        sdk::event::emit_event(event)
    }

    fn log_enabled(&self) -> bool {
        sdk::debug::enabled()
    }

    fn log(&self, line: &str) {
        sdk::debug::log(line.to_owned());
    }
}

/// The module's `invoke`: one call from parameter block to return block.
pub fn invoke<A: Actor>(params: u32) -> u32 {
    sdk::initialize();
    let params = sdk::message::params_raw(params).expect("the machine gives a valid block");
    let host = FvmHost::current();
    let method = host.message.method;
    finish(A::invoke(&ActorRuntime::new(host), method, params))
}

/// The module's `upgrade`: called when the actor's code was replaced by this one.
pub fn upgrade<A: Actor>(params: u32, info: u32) -> u32 {
    sdk::initialize();
    let params = sdk::message::params_raw(params).expect("the machine gives a valid block");
    let info: UpgradeInfo = sdk::message::params_raw(info)
        .expect("the machine gives a valid block")
        .and_then(|block| block.deserialize().ok())
        .expect("the machine says which code was replaced");
    finish(A::upgrade(
        &ActorRuntime::new(FvmHost::current()),
        info.old_code_cid,
        params,
    ))
}

fn finish(result: Result<Option<IpldBlock>, ActorError>) -> u32 {
    match result {
        Ok(None) => sdk::NO_DATA_BLOCK_ID,
        Ok(Some(block)) => {
            sdk::ipld::put_block(block.codec, &block.data).expect("the return value can be stored")
        }
        Err(error) => {
            let (code, message, data) = error.into_parts();
            sdk::vm::exit(code.value(), data, Some(&message))
        }
    }
}
