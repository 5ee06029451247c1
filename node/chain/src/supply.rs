//! Circulating supply (spec 09 §11).

use boatyard_vm::state::StateTree;
use boatyard_vm::store::SharedStore;
use fvm_ipld_encoding::CborStore;
use fvm_shared::ActorID;
use fvm_shared::econ::TokenAmount;
use serde::de::DeserializeOwned;

use crate::error::ChainError;
use crate::genesis::states::{MarketState, PowerState, RewardState};
use crate::genesis::{BURNT_FUNDS, RESERVE, RESERVE_FIL, VESTED_FIL};

/// Parts of the circulating supply, in attoFIL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Supply {
    /// Genesis allocations unlocked by now: all, from the start.
    pub vested: TokenAmount,
    /// Block rewards paid so far.
    pub mined: TokenAmount,
    /// What left the reserve f090.
    pub reserve_disbursed: TokenAmount,
    /// Balance of f099.
    pub burnt: TokenAmount,
    /// Pledge of miners and funds locked in the market.
    pub locked: TokenAmount,
    /// max(0, vested + mined + reserve disbursed − burnt − locked).
    pub circulating: TokenAmount,
}

/// Computes the supply of a state.
pub(crate) fn supply(tree: &StateTree<SharedStore>) -> Result<Supply, ChainError> {
    let reward: RewardState = state(tree, 2)?;
    let power: PowerState = state(tree, 4)?;
    let market: MarketState = state(tree, 5)?;
    let balance = |id| {
        Ok::<_, ChainError>(
            tree.actor(id)?
                .map(|actor| actor.balance)
                .unwrap_or_default(),
        )
    };
    let vested = TokenAmount::from_whole(VESTED_FIL);
    let mined = reward.total_storage_power_reward;
    let reserve_disbursed = TokenAmount::from_whole(RESERVE_FIL) - balance(RESERVE)?;
    let burnt = balance(BURNT_FUNDS)?;
    let locked = power.total_pledge_collateral
        + market.total_client_locked_collateral
        + market.total_provider_locked_collateral
        + market.total_client_storage_fee;
    let circulating =
        (&vested + &mined + &reserve_disbursed - &burnt - &locked).max(TokenAmount::default());
    Ok(Supply {
        vested,
        mined,
        reserve_disbursed,
        burnt,
        locked,
        circulating,
    })
}

fn state<T: DeserializeOwned>(tree: &StateTree<SharedStore>, id: ActorID) -> Result<T, ChainError> {
    let address = fvm_shared::address::Address::new_id(id);
    let actor = tree.actor(id)?.ok_or(ChainError::ActorNotFound(address))?;
    tree.store()
        .get_cbor(&actor.state)
        .map_err(ChainError::Store)?
        .ok_or(ChainError::MissingBlock(actor.state))
}
