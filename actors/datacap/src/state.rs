//! What the state holds.

use boatyard_sdk::abi::{AbiType, Schema};
use boatyard_sdk::{ActorError, Context, MapRoot, exit_codes::*};
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
}
