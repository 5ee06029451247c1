//! Circulating supply (spec 09 §11).

use boatyard_vm::machine::VmError;
use boatyard_vm::state::StateTree;
use boatyard_vm::store::SharedStore;
use cid::Cid;
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::from_slice;
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;
use fvm_shared::state::ActorState;
use serde::de::DeserializeOwned;

use crate::error::ChainError;
use crate::genesis::states::{MarketState, PowerState, RewardState};
use crate::genesis::{BURNT_FUNDS, RESERVE, RESERVE_FIL, VESTED_FIL};

const REWARD: ActorID = 2;
const POWER: ActorID = 4;
const MARKET: ActorID = 5;

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
    let block = |cid: &Cid| tree.store().get(cid).map_err(ChainError::Store);
    Meter::default().measure(block, |id| tree.actor(id))
}

/// Computes the supply of one state after another, and remembers what it read of
/// actors whose state is still the same.
#[derive(Default)]
pub(crate) struct Meter {
    mined: Option<(Cid, TokenAmount)>,
    pledged: Option<(Cid, TokenAmount)>,
    deals: Option<(Cid, TokenAmount)>,
}

impl Meter {
    /// The supply of the state in which `actor` finds actors and `block` what their
    /// states consist of.
    pub fn measure(
        &mut self,
        block: impl Fn(&Cid) -> Result<Option<Vec<u8>>, ChainError>,
        actor: impl Fn(ActorID) -> Result<Option<ActorState>, VmError>,
    ) -> Result<Supply, ChainError> {
        let head = |id| -> Result<Cid, ChainError> {
            let found = actor(id)?.ok_or(ChainError::ActorNotFound(Address::new_id(id)))?;
            Ok(found.state)
        };
        let balance = |id| -> Result<TokenAmount, ChainError> {
            Ok(actor(id)?.map(|actor| actor.balance).unwrap_or_default())
        };
        let mined = remembered(&mut self.mined, head(REWARD)?, |head| {
            let state: RewardState = decode(&block, head)?;
            Ok(state.total_storage_power_reward)
        })?;
        let pledged = remembered(&mut self.pledged, head(POWER)?, |head| {
            let state: PowerState = decode(&block, head)?;
            Ok(state.total_pledge_collateral)
        })?;
        let deals = remembered(&mut self.deals, head(MARKET)?, |head| {
            let state: MarketState = decode(&block, head)?;
            Ok(state.total_client_locked_collateral
                + state.total_provider_locked_collateral
                + state.total_client_storage_fee)
        })?;
        let vested = TokenAmount::from_whole(VESTED_FIL);
        let reserve_disbursed = TokenAmount::from_whole(RESERVE_FIL) - balance(RESERVE)?;
        let burnt = balance(BURNT_FUNDS)?;
        let locked = pledged + deals;
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
}

fn remembered(
    memory: &mut Option<(Cid, TokenAmount)>,
    head: Cid,
    read: impl FnOnce(&Cid) -> Result<TokenAmount, ChainError>,
) -> Result<TokenAmount, ChainError> {
    if let Some((known, amount)) = memory
        && *known == head
    {
        return Ok(amount.clone());
    }
    let amount = read(&head)?;
    *memory = Some((head, amount.clone()));
    Ok(amount)
}

fn decode<T: DeserializeOwned>(
    block: impl Fn(&Cid) -> Result<Option<Vec<u8>>, ChainError>,
    head: &Cid,
) -> Result<T, ChainError> {
    let bytes = block(head)?.ok_or(ChainError::MissingBlock(*head))?;
    from_slice(&bytes).map_err(|error| ChainError::Store(error.into()))
}

#[cfg(test)]
mod tests {
    use fvm_ipld_encoding::CborStore;
    use multihash_codetable::Code;

    use super::*;

    fn actor(head: Cid, fil: u64) -> ActorState {
        ActorState::new(head, head, TokenAmount::from_whole(fil), 0, None)
    }

    #[test]
    fn the_parts_add_up_and_follow_the_state() {
        let store = SharedStore::memory();
        let put = |reward: &RewardState| store.put_cbor(reward, Code::Blake2b256).unwrap();
        let mut reward = RewardState::genesis();
        reward.total_storage_power_reward = TokenAmount::from_whole(70);
        let mut power = PowerState::genesis(&store).unwrap();
        power.total_pledge_collateral = TokenAmount::from_whole(5);
        let mut market = MarketState::genesis(&store).unwrap();
        market.total_client_storage_fee = TokenAmount::from_whole(1);
        market.total_client_locked_collateral = TokenAmount::from_whole(2);
        market.total_provider_locked_collateral = TokenAmount::from_whole(3);
        let power = store.put_cbor(&power, Code::Blake2b256).unwrap();
        let market = store.put_cbor(&market, Code::Blake2b256).unwrap();
        let mut meter = Meter::default();
        let mut measure = |reward: Cid, reserve: u64, burnt: u64| {
            let find = |id| {
                Ok(Some(match id {
                    REWARD => actor(reward, 0),
                    POWER => actor(power, 0),
                    MARKET => actor(market, 0),
                    RESERVE => actor(power, reserve),
                    _ => actor(power, burnt),
                }))
            };
            meter
                .measure(|cid| store.get(cid).map_err(ChainError::Store), find)
                .unwrap()
        };
        let one = measure(put(&reward), RESERVE_FIL - 100, 40);
        assert_eq!(one.locked, TokenAmount::from_whole(11));
        assert_eq!(one.reserve_disbursed, TokenAmount::from_whole(100));
        assert_eq!(
            one.circulating,
            TokenAmount::from_whole(VESTED_FIL + 70 + 100 - 40 - 11)
        );
        // Another head is read again, and a supply is never negative.
        reward.total_storage_power_reward = TokenAmount::from_whole(90);
        let two = measure(put(&reward), RESERVE_FIL, 2_000_000_000);
        assert_eq!(two.mined, TokenAmount::from_whole(90));
        assert!(two.circulating.is_zero());
    }
}
