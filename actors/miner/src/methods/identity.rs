//! Owner, worker and peer (spec 05 §7.1-§7.4).

use boatyard_actors_shared::{Policy, PolicyExt};
use boatyard_sdk::{ActorError, Context, Runtime, Type, ensure, exit_codes::*};
use fvm_ipld_encoding::RawBytes;
use fvm_shared::address::{Address, Protocol};

use crate::schema::{MinerInfo, State, WorkerKeyChange};
use crate::sends;
use crate::types::{ChangeMultiaddrsParams, ChangePeerIDParams, ChangeWorkerAddressParams};

/// Replaces the control addresses and, after a delay, the worker. While a change of
/// the worker waits, no other begins.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_ILLEGAL_ARGUMENT` (16) | more than 10 control addresses, an address that does not resolve, a worker without BLS key |
/// | `USR_FORBIDDEN` (18) | the caller is not the owner |
///
/// Source: spec 05 §7.2.
pub(crate) fn change_worker(
    rt: &impl Runtime,
    params: ChangeWorkerAddressParams,
) -> Result<(), ActorError> {
    check_control_addresses(rt.policy(), &params.new_control_addresses)?;
    let worker = resolve_worker(rt, &params.new_worker)?;
    let controls = resolve_control_addresses(rt, &params.new_control_addresses)?;
    change_info(rt, |info| {
        rt.validate_caller_is([&info.owner])?;
        info.control_addresses = controls;
        if worker != info.worker && info.pending_worker_key.is_none() {
            info.pending_worker_key = Some(WorkerKeyChange {
                new_worker: worker,
                effective_at: rt.epoch() + rt.policy().worker_key_change_delay,
            });
        }
        Ok(())
    })
}

/// Lets the worker to come take over if its time has come; otherwise does nothing.
///
/// # Errors
/// `USR_FORBIDDEN` (18) when the caller is not the owner.
///
/// Source: spec 05 §7.2.
pub(crate) fn confirm_worker(rt: &impl Runtime) -> Result<(), ActorError> {
    change_info(rt, |info| {
        rt.validate_caller_is([&info.owner])?;
        info.confirm_worker(rt.epoch());
        Ok(())
    })
}

/// Proposes an owner, or takes the miner over as the one proposed. An owner who
/// proposes itself takes a proposal back.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_ILLEGAL_ARGUMENT` (16) | no ID address; who takes over names somebody else |
/// | `USR_FORBIDDEN` (18) | the caller is neither the owner nor the one proposed |
///
/// Source: spec 05 §7.3.
pub(crate) fn change_owner(rt: &impl Runtime, new_owner: Address) -> Result<(), ActorError> {
    ensure!(
        new_owner.protocol() == Protocol::ID,
        USR_ILLEGAL_ARGUMENT,
        "an owner is named by its ID address, not by {new_owner}"
    );
    change_info(rt, |info| {
        match info.pending_owner_address {
            Some(pending) if rt.caller() != info.owner => {
                rt.validate_caller_is([&pending])?;
                ensure!(
                    new_owner == pending,
                    USR_ILLEGAL_ARGUMENT,
                    "{pending} is to become owner, not {new_owner}"
                );
                if info.beneficiary == info.owner {
                    info.beneficiary = pending;
                }
                info.pending_beneficiary_term = None;
                info.owner = pending;
            }
            _ => {
                rt.validate_caller_is([&info.owner])?;
                info.pending_owner_address = Some(new_owner);
            }
        }
        info.pending_owner_address
            .take_if(|pending| *pending == info.owner);
        Ok(())
    })
}

/// Sets the libp2p peer.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_ILLEGAL_ARGUMENT` (16) | more than 128 bytes |
/// | `USR_FORBIDDEN` (18) | the caller does not control the miner |
///
/// Source: spec 05 §7.4.
pub(crate) fn change_peer_id(
    rt: &impl Runtime,
    params: ChangePeerIDParams,
) -> Result<(), ActorError> {
    check_peer(rt.policy(), &params.new_id, &[])?;
    change_info(rt, |info| {
        rt.validate_caller_is(info.controllers())?;
        info.peer_id = params.new_id;
        Ok(())
    })
}

/// Sets the addresses under which the peer is to be reached.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_ILLEGAL_ARGUMENT` (16) | an empty one, or more than 1 024 bytes in all |
/// | `USR_FORBIDDEN` (18) | the caller does not control the miner |
///
/// Source: spec 05 §7.4.
pub(crate) fn change_multiaddrs(
    rt: &impl Runtime,
    params: ChangeMultiaddrsParams,
) -> Result<(), ActorError> {
    check_peer(rt.policy(), &RawBytes::default(), &params.new_multi_addrs)?;
    change_info(rt, |info| {
        rt.validate_caller_is(info.controllers())?;
        info.multi_address = params.new_multi_addrs;
        Ok(())
    })
}

/// Changes the identity in a transaction of its own.
pub(super) fn change_info(
    rt: &impl Runtime,
    change: impl FnOnce(&mut MinerInfo) -> Result<(), ActorError>,
) -> Result<(), ActorError> {
    rt.transaction(|state: &mut State| {
        let store = &rt.store();
        let mut info = state.load_info(store)?;
        change(&mut info)?;
        state.save_info(store, &info)
    })
}

/// The ID address of a worker: an account with a BLS key, which is asked for its key
/// unless the key was given (spec 05 §7.1).
pub(super) fn resolve_worker(rt: &impl Runtime, worker: &Address) -> Result<Address, ActorError> {
    let id = rt.resolve(worker).or_exit(
        USR_ILLEGAL_ARGUMENT,
        format_args!("there is no worker {worker}"),
    )?;
    ensure!(
        rt.type_of(id) == Some(Type::Account),
        USR_ILLEGAL_ARGUMENT,
        "a worker is an account, which {worker} is not"
    );
    let resolved = Address::new_id(id);
    if worker.protocol() != Protocol::BLS {
        let key = sends::pubkey_address(rt, &resolved)?;
        ensure!(
            key.protocol() == Protocol::BLS,
            USR_ILLEGAL_ARGUMENT,
            "a worker has a BLS key, {worker} has {key}"
        );
    }
    Ok(resolved)
}

pub(super) fn check_control_addresses(
    policy: &Policy,
    addresses: &[Address],
) -> Result<(), ActorError> {
    ensure!(
        addresses.len() <= policy.max_control_addresses,
        USR_ILLEGAL_ARGUMENT,
        "{} control addresses are more than {}",
        addresses.len(),
        policy.max_control_addresses
    );
    Ok(())
}

pub(super) fn resolve_control_addresses(
    rt: &impl Runtime,
    addresses: &[Address],
) -> Result<Vec<Address>, ActorError> {
    addresses
        .iter()
        .map(|address| {
            let id = rt.resolve(address).or_exit(
                USR_ILLEGAL_ARGUMENT,
                format_args!("there is no control address {address}"),
            )?;
            Ok(Address::new_id(id))
        })
        .collect()
}

pub(super) fn check_peer(
    policy: &Policy,
    peer_id: &RawBytes,
    multiaddrs: &[RawBytes],
) -> Result<(), ActorError> {
    ensure!(
        peer_id.len() <= policy.max_peer_id_length,
        USR_ILLEGAL_ARGUMENT,
        "a peer ID of {} bytes is longer than {}",
        peer_id.len(),
        policy.max_peer_id_length
    );
    ensure!(
        multiaddrs.iter().all(|multiaddr| !multiaddr.is_empty()),
        USR_ILLEGAL_ARGUMENT,
        "an empty multiaddr"
    );
    let total: usize = multiaddrs.iter().map(|multiaddr| multiaddr.len()).sum();
    ensure!(
        total <= policy.max_multiaddr_data,
        USR_ILLEGAL_ARGUMENT,
        "multiaddrs of {total} bytes are longer than {}",
        policy.max_multiaddr_data
    );
    Ok(())
}
