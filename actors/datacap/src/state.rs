//! What the state holds.

use boatyard_sdk::{AbiType, ActorError, Context, MapRoot, Schema, exit_codes::*};
use frc46_token::token::state::TokenState;
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;

use crate::token::failed_state;

/// Bits per level of all maps.
pub const HAMT_BIT_WIDTH: u32 = 3;

/// State of the datacap token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub struct State {
    /// The verified registry, as the constructor got it.
    pub governor: Address,
    /// Supply, balances and allowances.
    pub token: TokenState,
}

type Balances = MapRoot<ActorID, TokenAmount, HAMT_BIT_WIDTH>;
type Allowances = MapRoot<ActorID, Balances, HAMT_BIT_WIDTH>;

/// The published crate's type cannot tell its shape.
impl AbiType for State {
    const SCHEMA: Schema = Schema::Tuple {
        name: "State",
        fields: &[
            ("governor", Address::SCHEMA),
            (
                "token",
                Schema::Tuple {
                    name: "TokenState",
                    fields: &[
                        ("supply", TokenAmount::SCHEMA),
                        ("balances", Balances::SCHEMA),
                        ("allowances", Allowances::SCHEMA),
                        ("hamt_bit_width", u32::SCHEMA),
                    ],
                },
            ),
        ],
    };
}

impl State {
    /// A token that nobody has.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when the empty maps cannot be stored.
    pub fn new(store: &impl Blockstore, governor: Address) -> Result<Self, ActorError> {
        let token = TokenState::new_with_bit_width(store, HAMT_BIT_WIDTH)
            .or_exit(USR_ILLEGAL_STATE, "storing the empty maps")?;
        Ok(Self { governor, token })
    }

    /// What an actor holds.
    ///
    /// # Errors
    /// `USR_SERIALIZATION` (21) when the balances cannot be read.
    pub fn balance(
        &self,
        store: &impl Blockstore,
        owner: ActorID,
    ) -> Result<TokenAmount, ActorError> {
        self.token.get_balance(store, owner).map_err(failed_state)
    }

    /// What an operator may spend for an owner.
    ///
    /// # Errors
    /// `USR_SERIALIZATION` (21) when the allowances cannot be read.
    pub fn allowance(
        &self,
        store: &impl Blockstore,
        owner: ActorID,
        operator: ActorID,
    ) -> Result<TokenAmount, ActorError> {
        self.token
            .get_allowance_between(store, owner, operator)
            .map_err(failed_state)
    }

    /// Calls `visit` with everybody who holds something, and with how much.
    ///
    /// # Errors
    /// Those of `visit`; `USR_ILLEGAL_STATE` (20) when the balances cannot be read.
    pub fn for_each_balance(
        &self,
        store: &impl Blockstore,
        visit: impl FnMut(ActorID, &TokenAmount) -> Result<(), ActorError>,
    ) -> Result<(), ActorError> {
        Balances::from_cid(self.token.balances)
            .load(store)?
            .for_each(visit)
    }
}

#[cfg(test)]
mod tests {
    use boatyard_mock::MockRuntime;
    use fvm_ipld_encoding::{from_slice, to_vec};

    use super::*;

    /// What the published crate's type would be, written with the sdk.
    #[derive(Serialize_tuple, Deserialize_tuple, AbiType)]
    struct TokenState {
        supply: TokenAmount,
        balances: Balances,
        allowances: Allowances,
        hamt_bit_width: u32,
    }

    mod described {
        use super::*;

        #[derive(Serialize_tuple, Deserialize_tuple, AbiType)]
        pub struct State {
            governor: Address,
            pub token: TokenState,
        }
    }

    #[test]
    fn the_shape_that_is_told_is_that_of_the_bytes() {
        let rt = MockRuntime::new();
        let mut state = State::new(rt.store(), Address::new_id(6)).unwrap();
        let token = &mut state.token;
        for owner in 100..140 {
            let amount = TokenAmount::from_whole(owner);
            token.set_balance(rt.store(), owner, &amount).unwrap();
            token
                .set_allowance(rt.store(), owner, owner + 1, &amount)
                .unwrap();
        }
        let bytes = to_vec(&state).unwrap();
        let told: described::State = from_slice(&bytes).unwrap();
        assert_eq!(to_vec(&told).unwrap(), bytes);
        assert_eq!(
            format!("{:?}", State::SCHEMA),
            format!("{:?}", described::State::SCHEMA)
        );

        let mut held = 0;
        state
            .for_each_balance(rt.store(), |owner, amount| {
                assert_eq!(*amount, TokenAmount::from_whole(owner));
                held += 1;
                Ok(())
            })
            .unwrap();
        assert_eq!(held, 40);
        let balances = told.token.balances.load(rt.store()).unwrap();
        let allowances = told.token.allowances.load(rt.store()).unwrap();
        for owner in 100..140 {
            let amount = TokenAmount::from_whole(owner);
            assert_eq!(balances.get(&owner), Ok(Some(&amount)));
            let of_owner = allowances.get(&owner).unwrap().unwrap();
            let of_owner = of_owner.load(rt.store()).unwrap();
            assert_eq!(of_owner.get(&(owner + 1)), Ok(Some(&amount)));
        }
    }
}
