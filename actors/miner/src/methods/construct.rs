//! The constructor (spec 05 §6).

use boatyard_actors_shared::ext::miner::ConstructorParams;
use boatyard_actors_shared::{INIT_ACTOR, Policy, PolicyExt};
use boatyard_sdk::{ActorError, Context, Runtime, ensure, exit_codes::*};
use fvm_ipld_encoding::to_vec;
use fvm_shared::address::Address;
use fvm_shared::bigint::BigInt;
use fvm_shared::sector::RegisteredPoStProof;

use super::identity::{
    check_control_addresses, check_peer, resolve_control_addresses, resolve_worker,
};
use crate::creation::{first_deadline, proving_period_offset};
use crate::monies::PledgeInputs;
use crate::schema::{MinerInfo, State};
use crate::vesting::REWARD_VESTING_SPEC;
use crate::{blocks, sends};

/// Sets a miner up. Of the value it is created with, as much is locked as the least
/// power that lets a miner mine would pledge, a tenth of it.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_FORBIDDEN` (18) | the caller is not f01 |
/// | `USR_ILLEGAL_ARGUMENT` (16) | too many control addresses, too much about the peer, a proof type that the network does not have, an address that does not resolve, a worker without BLS key |
/// | `USR_INSUFFICIENT_FUNDS` (19) | the value is too small |
/// | `USR_ILLEGAL_STATE` (20) | constructed already |
///
/// Source: spec 05 §6.
pub(crate) fn construct(rt: &impl Runtime, params: ConstructorParams) -> Result<(), ActorError> {
    rt.validate_caller_is(&[INIT_ACTOR])?;
    let policy = rt.policy();
    check_control_addresses(policy, &params.control_addresses)?;
    check_peer(policy, &params.peer_id, &params.multi_addresses)?;
    check_post_proof_type(policy, params.window_post_proof_type)?;

    let reward = sends::this_epoch_reward(rt)?;
    let power = sends::current_total_power(rt)?;
    let deposit = PledgeInputs::new(rt, &reward, &power)
        .initial_pledge(&BigInt::from(policy.create_miner_deposit_power))?;
    let balance = rt.current_balance();
    ensure!(
        balance >= deposit,
        USR_INSUFFICIENT_FUNDS,
        "a new miner deposits {deposit}, {balance} were sent"
    );

    let owner = rt.resolve(&params.owner).or_exit(
        USR_ILLEGAL_ARGUMENT,
        format_args!("there is no owner {}", params.owner),
    )?;
    let worker = resolve_worker(rt, &params.worker)?;
    let controls = resolve_control_addresses(rt, &params.control_addresses)?;

    let offset = proving_period_offset(policy, &digest_of_place_and_time(rt)?);
    let (period_start, deadline) = first_deadline(policy, rt.epoch(), offset);
    let info = MinerInfo::new(
        Address::new_id(owner),
        worker,
        controls,
        params.peer_id,
        params.multi_addresses,
        params.window_post_proof_type,
    )?;
    let store = &rt.store();
    let info = blocks::put(store, &info, "the miner's info")?;
    let mut state = State::new(policy, store, info, period_start, deadline)?;
    state.add_locked_funds(store, rt.epoch(), &deposit, &REWARD_VESTING_SPEC)?;
    rt.create(&state)
}

fn check_post_proof_type(
    policy: &Policy,
    proof_type: RegisteredPoStProof,
) -> Result<(), ActorError> {
    ensure!(
        policy.valid_post_proof_type.contains(proof_type),
        USR_ILLEGAL_ARGUMENT,
        "this network has no miners with proof type {}",
        i64::from(proof_type)
    );
    Ok(())
}

/// What the beginning of the proving periods is drawn from.
fn digest_of_place_and_time(rt: &impl Runtime) -> Result<[u8; 32], ActorError> {
    let mut seed =
        to_vec(&rt.receiver()).or_exit(USR_SERIALIZATION, "encoding the miner's address")?;
    seed.extend_from_slice(&rt.epoch().to_be_bytes());
    Ok(rt.blake2b(&seed))
}

#[cfg(test)]
mod tests {
    use boatyard_mock::MockRuntime;
    use boatyard_sdk::NetworkVariant;

    use super::*;

    /// Source: spec 05 §26.
    #[test]
    fn proving_periods_begin_where_the_sheet_says() {
        for (miner, epoch, offset, start, deadline) in [
            (1_000, 0, 658, -2_222, 37),
            (1_000, 12_345, 1_453, 10_093, 37),
            (3_001, 5_000_000, 2_829, 4_999_629, 6),
        ] {
            let rt = MockRuntime::new().receiver(miner).epoch(epoch);
            let policy = Policy::of(NetworkVariant::Mainnet);
            let digest = rt.within(digest_of_place_and_time).unwrap();
            assert_eq!(proving_period_offset(policy, &digest), offset);
            assert_eq!(first_deadline(policy, epoch, offset), (start, deadline));
        }
    }
}
