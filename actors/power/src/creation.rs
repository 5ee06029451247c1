//! CreateMiner.

use boatyard_actors_shared::ext::init::{EXEC, ExecParams, ExecReturn};
use boatyard_actors_shared::ext::miner::ConstructorParams;
use boatyard_actors_shared::{INIT_ACTOR, PolicyExt};
use boatyard_sdk::{ActorError, Context, Runtime, SendResultExt, Type, cbor_params, exit_codes::*};
use fvm_ipld_encoding::RawBytes;

use crate::state::State;
use crate::types::{CreateMinerParams, CreateMinerReturn};

/// Creates a miner, which gets all the value received and a claim without power.
/// How much it needs is the miner's to say.
///
/// # Errors
/// Those of the init actor and of the miner's constructor; `USR_ILLEGAL_STATE` (20)
/// for an unknown proof type that the constructor let pass.
///
/// Source: spec 03 §1.5.1.
pub(crate) fn create_miner(
    rt: &impl Runtime,
    params: CreateMinerParams,
) -> Result<CreateMinerReturn, ActorError> {
    rt.accept_any_caller()?;
    let proof_type = params.window_post_proof_type;
    let constructor_params = ConstructorParams {
        owner: params.owner,
        worker: params.worker,
        control_addresses: Vec::new(),
        window_post_proof_type: proof_type,
        peer_id: params.peer,
        multi_addresses: params.multiaddrs,
    };
    let exec_params = ExecParams {
        code_cid: rt.code_of(Type::Miner)?,
        constructor_params: RawBytes::serialize(&constructor_params).or_exit(
            USR_SERIALIZATION,
            "the constructor's parameters cannot be encoded",
        )?,
    };
    let ExecReturn {
        id_address,
        robust_address,
    } = rt
        .send(
            &INIT_ACTOR,
            EXEC,
            cbor_params(&exec_params)?,
            rt.value_received().clone(),
        )
        .value()?;
    rt.transaction(|state: &mut State| {
        state.add_miner(rt.policy(), rt.store(), &id_address, proof_type)
    })?;
    Ok(CreateMinerReturn {
        id_address,
        robust_address,
    })
}
