//! How tokens announce themselves to their receiver (FRC-0046, spec 08 §B4).

use boatyard_sdk::AbiType;
use fvm_ipld_encoding::RawBytes;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::econ::TokenAmount;
use fvm_shared::{ActorID, MethodNum};

use crate::ext::UNIVERSAL_RECEIVER_HOOK;

/// The hook's method number.
pub const RECEIVE: MethodNum = UNIVERSAL_RECEIVER_HOOK;

/// The kind of asset that FRC-0046 tokens are: the number of the name `FRC46`.
pub const FRC46_TOKEN_TYPE: u32 = 2_233_613_279;

/// Parameters of the hook `Receive`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct UniversalReceiverParams {
    /// Kind of asset.
    pub type_: u32,
    /// What that kind tells, encoded; [`FRC46TokenReceived`] for [`FRC46_TOKEN_TYPE`].
    pub payload: RawBytes,
}

/// What an FRC-0046 token tells its receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct FRC46TokenReceived {
    /// Whose tokens they were; the token's own ID for new ones.
    pub from: ActorID,
    /// Whose they are now: the receiver.
    pub to: ActorID,
    /// Who moved them.
    pub operator: ActorID,
    /// How many, in 10^-18 of a token.
    pub amount: TokenAmount,
    /// What the operator has to say.
    pub operator_data: RawBytes,
    /// What the token has to say.
    pub token_data: RawBytes,
}

#[cfg(test)]
mod tests {
    use boatyard_sdk::method_number;

    use super::*;

    #[test]
    fn numbers_are_those_of_the_names() {
        assert_eq!(method_number("Receive"), RECEIVE);
        assert_eq!(method_number("FRC46"), u64::from(FRC46_TOKEN_TYPE));
    }
}
