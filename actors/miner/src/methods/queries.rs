//! Methods that only read: identity and money (spec 05 §8, 06 §15.12).

use boatyard_actors_shared::ext::miner::ControlAddressesReturn;
use boatyard_sdk::{ActorError, Runtime};
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;

use crate::schema::{MinerInfo, State};
use crate::types::{
    ActiveBeneficiary, GetBeneficiaryReturn, GetMultiaddrsReturn, GetOwnerReturn, GetPeerIDReturn,
    GetVestingFundsReturn, MaxTerminationFeeParams,
};
use crate::{monies, sends, vesting};

/// The identity, for anybody.
fn info(rt: &impl Runtime) -> Result<MinerInfo, ActorError> {
    rt.accept_any_caller()?;
    let state: State = rt.state()?;
    state.load_info(&rt.store())
}

pub(crate) fn control_addresses(rt: &impl Runtime) -> Result<ControlAddressesReturn, ActorError> {
    let info = info(rt)?;
    Ok(ControlAddressesReturn {
        owner: info.owner,
        worker: info.worker,
        control_addresses: info.control_addresses,
    })
}

pub(crate) fn owner(rt: &impl Runtime) -> Result<GetOwnerReturn, ActorError> {
    let info = info(rt)?;
    Ok(GetOwnerReturn {
        owner: info.owner,
        proposed: info.pending_owner_address,
    })
}

pub(crate) fn is_controlling(rt: &impl Runtime, address: Address) -> Result<bool, ActorError> {
    let info = info(rt)?;
    Ok(rt.resolve(&address).is_some_and(|id| {
        let address = Address::new_id(id);
        info.controllers().any(|controller| *controller == address)
    }))
}

pub(crate) fn sector_size(rt: &impl Runtime) -> Result<u64, ActorError> {
    Ok(info(rt)?.sector_size as u64)
}

pub(crate) fn peer_id(rt: &impl Runtime) -> Result<GetPeerIDReturn, ActorError> {
    let peer_id = info(rt)?.peer_id;
    Ok(GetPeerIDReturn { peer_id })
}

pub(crate) fn multiaddrs(rt: &impl Runtime) -> Result<GetMultiaddrsReturn, ActorError> {
    let multi_addrs = info(rt)?.multi_address;
    Ok(GetMultiaddrsReturn { multi_addrs })
}

pub(crate) fn beneficiary(rt: &impl Runtime) -> Result<GetBeneficiaryReturn, ActorError> {
    let info = info(rt)?;
    Ok(GetBeneficiaryReturn {
        active: ActiveBeneficiary {
            beneficiary: info.beneficiary,
            term: info.beneficiary_term,
        },
        proposed: info.pending_beneficiary_term,
    })
}

/// What is not spoken for; negative while there is more debt than that. Nothing vests.
///
/// # Errors
/// `USR_ILLEGAL_STATE` (20) when more is spoken for than there is.
pub(crate) fn available_balance(rt: &impl Runtime) -> Result<TokenAmount, ActorError> {
    rt.accept_any_caller()?;
    let state: State = rt.state()?;
    state.available_balance(&rt.current_balance())
}

/// The vesting table. Nothing vests.
pub(crate) fn vesting_funds(rt: &impl Runtime) -> Result<GetVestingFundsReturn, ActorError> {
    rt.accept_any_caller()?;
    let state: State = rt.state()?;
    Ok(GetVestingFundsReturn {
        vesting_funds: vesting::load(&rt.store(), &state.vesting_funds)?,
    })
}

pub(crate) fn initial_pledge(rt: &impl Runtime) -> Result<TokenAmount, ActorError> {
    rt.accept_any_caller()?;
    let state: State = rt.state()?;
    Ok(state.initial_pledge)
}

/// What the early end of a sector would cost at most, as things are.
pub(crate) fn max_termination_fee(
    rt: &impl Runtime,
    params: MaxTerminationFeeParams,
) -> Result<TokenAmount, ActorError> {
    rt.accept_any_caller()?;
    let reward = sends::this_epoch_reward(rt)?;
    let power = sends::current_total_power(rt)?;
    let fault_fee = monies::continued_fault_fee(
        &reward.this_epoch_reward_smoothed,
        &power.quality_adj_power_smoothed,
        &params.power,
    )?;
    Ok(monies::termination_fee(
        &params.initial_pledge,
        monies::TERMINATION_LIFETIME_CAP,
        &fault_fee,
    ))
}
