//! Datacap, f07: the FRC-46 token of verified storage. One token is one byte of
//! datacap; it moves only to and from its governor, the verified registry (f06).
//! Created at genesis.
//!
//! | method | number | caller | purpose | done in |
//! |---|---|---|---|---|
//! | Constructor | 1 | f00 | names the governor | here |
//! | Mint | 116935346 | governor | new datacap, and who may spend it | [`movements`] |
//! | Destroy | 2624896501 | governor | takes datacap away | [`movements`] |
//! | Transfer | 80475954 | any | moves the caller's | [`movements`] |
//! | TransferFrom | 3621052141 | any, with allowance | moves somebody's to the governor | [`movements`] |
//! | Burn | 1434719642 | any | the caller's | [`movements`] |
//! | BurnFrom | 2979674018 | any, with allowance | somebody's | [`movements`] |
//! | IncreaseAllowance | 1777121560 | any | lets an operator spend more | here |
//! | DecreaseAllowance | 1529376545 | any | lets an operator spend less | here |
//! | RevokeAllowance | 2765635761 | any | lets an operator spend nothing | here |
//! | Name, Symbol, Granularity | 48890204, 2061153854, 3936767397 | any | what it is | here |
//! | TotalSupply, Balance, Allowance | 114981429, 3261979605, 4205072950 | any | how much there is | here |
//!
//! No exit codes of its own, no events, no fallback. Balances, allowances and the
//! rules of the standard are those of the published crate `frc46_token`.
//!
//! | module | answers |
//! |---|---|
//! | [`token`] | how the published crate sits on our runtime, and which codes its errors are |
//! | [`state`] | what the state holds |
//! | [`types`] | parameters that other actors do not send |
//! | [`invariants`] | what must hold of the state |
//!
//! Source: spec 08 part B.

use boatyard_actors_shared::SYSTEM_ACTOR;
use boatyard_actors_shared::ext::datacap::{
    BurnParams, BurnReturn, DestroyParams, MintParams, MintReturn, TransferFromParams,
    TransferFromReturn, TransferParams, TransferReturn,
};
use boatyard_sdk::{ActorError, Runtime, actor, ensure};
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;

pub mod invariants;
pub mod movements;
pub mod state;
pub mod token;
pub mod types;

pub use movements::infinite_allowance;
pub use state::State;
pub use types::{
    BurnFromParams, BurnFromReturn, DecreaseAllowanceParams, GetAllowanceParams,
    IncreaseAllowanceParams, RevokeAllowanceParams,
};

use token::{GRANULARITY, Library};

/// The token of verified storage.
pub struct DataCap;

#[actor(name = "datacap", state = State)]
impl DataCap {
    /// Names the governor; there is no datacap yet.
    ///
    /// # Errors
    /// | exit code | when |
    /// |---|---|
    /// | `USR_FORBIDDEN` (18) | the caller is not f00 |
    /// | `USR_ILLEGAL_ARGUMENT` (16) | the governor's address does not resolve |
    /// | `USR_ILLEGAL_STATE` (20) | constructed already |
    #[method(1)]
    fn constructor(rt: &impl Runtime, governor: Address) -> Result<(), ActorError> {
        rt.validate_caller_is(&[SYSTEM_ACTOR])?;
        ensure!(
            rt.resolve(&governor).is_some(),
            USR_ILLEGAL_ARGUMENT,
            "the governor {governor} does not resolve"
        );
        let state = State::new(&rt.store(), governor)?;
        rt.create(&state)
    }

    /// Makes new datacap and lets operators spend all that its owner has.
    #[method(exported)]
    fn mint(rt: &impl Runtime, params: MintParams) -> Result<MintReturn, ActorError> {
        movements::mint(rt, params)
    }

    /// Takes datacap away, without allowance.
    #[method(exported)]
    fn destroy(rt: &impl Runtime, params: DestroyParams) -> Result<BurnReturn, ActorError> {
        movements::destroy(rt, params)
    }

    /// Gives the token's name.
    #[method(exported)]
    fn name(rt: &impl Runtime) -> Result<String, ActorError> {
        rt.accept_any_caller()?;
        Ok("DataCap".into())
    }

    /// Gives the token's symbol.
    #[method(exported)]
    fn symbol(rt: &impl Runtime) -> Result<String, ActorError> {
        rt.accept_any_caller()?;
        Ok("DCAP".into())
    }

    /// Gives the smallest amount that moves: a whole token.
    #[method(exported)]
    fn granularity(rt: &impl Runtime) -> Result<u64, ActorError> {
        rt.accept_any_caller()?;
        Ok(GRANULARITY)
    }

    /// Gives all there is.
    #[method(exported)]
    fn total_supply(rt: &impl Runtime) -> Result<TokenAmount, ActorError> {
        rt.accept_any_caller()?;
        let state: State = rt.state()?;
        Ok(state.token.supply)
    }

    /// Gives what an address holds; nothing if it does not resolve.
    #[method(exported)]
    fn balance(rt: &impl Runtime, owner: Address) -> Result<TokenAmount, ActorError> {
        rt.accept_any_caller()?;
        let mut state: State = rt.state()?;
        Library::new(rt).with(&mut state, |token| token.balance_of(&owner))
    }

    /// Gives what an operator may spend for an owner; nothing if one of them does
    /// not resolve.
    #[method(exported)]
    fn allowance(rt: &impl Runtime, params: GetAllowanceParams) -> Result<TokenAmount, ActorError> {
        rt.accept_any_caller()?;
        let mut state: State = rt.state()?;
        Library::new(rt).with(&mut state, |token| {
            token.allowance(&params.owner, &params.operator)
        })
    }

    /// Moves the caller's datacap to or from the governor.
    #[method(exported)]
    fn transfer(rt: &impl Runtime, params: TransferParams) -> Result<TransferReturn, ActorError> {
        movements::transfer(rt, params)
    }

    /// Moves somebody's datacap to the governor, out of the caller's allowance.
    #[method(exported)]
    fn transfer_from(
        rt: &impl Runtime,
        params: TransferFromParams,
    ) -> Result<TransferFromReturn, ActorError> {
        movements::transfer_from(rt, params)
    }

    /// Lets an operator spend more of the caller's datacap. Gives the allowance.
    ///
    /// # Errors
    /// `USR_ILLEGAL_ARGUMENT` (16) for less than nothing, `USR_NOT_FOUND` (17) when
    /// the operator does not resolve.
    #[method(exported)]
    fn increase_allowance(
        rt: &impl Runtime,
        params: IncreaseAllowanceParams,
    ) -> Result<TokenAmount, ActorError> {
        rt.accept_any_caller()?;
        Library::new(rt).change(|token| {
            token.increase_allowance(&rt.caller(), &params.operator, &params.increase)
        })
    }

    /// Lets an operator spend less of the caller's datacap, but not less than
    /// nothing. Gives the allowance.
    ///
    /// # Errors
    /// Those of `IncreaseAllowance`.
    #[method(exported)]
    fn decrease_allowance(
        rt: &impl Runtime,
        params: DecreaseAllowanceParams,
    ) -> Result<TokenAmount, ActorError> {
        rt.accept_any_caller()?;
        Library::new(rt).change(|token| {
            token.decrease_allowance(&rt.caller(), &params.operator, &params.decrease)
        })
    }

    /// Lets an operator spend nothing of the caller's datacap. Gives the allowance
    /// that it had; nothing if it does not resolve.
    #[method(exported)]
    fn revoke_allowance(
        rt: &impl Runtime,
        params: RevokeAllowanceParams,
    ) -> Result<TokenAmount, ActorError> {
        rt.accept_any_caller()?;
        Library::new(rt).change(|token| token.revoke_allowance(&rt.caller(), &params.operator))
    }

    /// Burns the caller's datacap.
    #[method(exported)]
    fn burn(rt: &impl Runtime, params: BurnParams) -> Result<BurnReturn, ActorError> {
        movements::burn(rt, params)
    }

    /// Burns somebody's datacap, out of the caller's allowance.
    #[method(exported)]
    fn burn_from(rt: &impl Runtime, params: BurnFromParams) -> Result<BurnFromReturn, ActorError> {
        movements::burn_from(rt, params)
    }
}

boatyard_sdk::entry!(DataCap);

#[cfg(test)]
mod tests;
