//! What actors send to each other: method numbers, parameters, returns.
//!
//! An actor's own crate uses these types where it is called by another one, so
//! that both sides mean the same bytes.

use boatyard_sdk::AbiType;
use cid::Cid;
use fvm_ipld_encoding::RawBytes;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;
use fvm_shared::{ActorID, METHOD_CONSTRUCTOR, MethodNum};

use crate::eth::EthAddress;

/// Init actor, f01 (spec 01 §2).
pub mod init {
    use super::*;

    /// Creates a multisig, payment channel or (from power) miner.
    pub const EXEC: MethodNum = 2;
    /// Creates an actor at an f4 address.
    pub const EXEC4: MethodNum = 3;

    /// Parameters of [`EXEC`].
    #[derive(Debug, Clone, PartialEq, Serialize_tuple, Deserialize_tuple, AbiType)]
    pub struct ExecParams {
        /// Code of the new actor.
        pub code_cid: Cid,
        /// What its constructor gets; empty is nothing.
        pub constructor_params: RawBytes,
    }

    /// Parameters of [`EXEC4`].
    #[derive(Debug, Clone, PartialEq, Serialize_tuple, Deserialize_tuple, AbiType)]
    pub struct Exec4Params {
        /// Code of the new actor.
        pub code_cid: Cid,
        /// What its constructor gets; empty is nothing.
        pub constructor_params: RawBytes,
        /// Sub-address in the caller's namespace, up to 54 bytes.
        pub subaddress: RawBytes,
    }

    /// Return of [`EXEC`] and [`EXEC4`].
    #[derive(Debug, Clone, PartialEq, Serialize_tuple, Deserialize_tuple, AbiType)]
    pub struct ExecReturn {
        /// The new actor's ID address.
        pub id_address: Address,
        /// Its f2 address, which stays the same after a reorganisation.
        pub robust_address: Address,
    }
}

/// Accounts (spec 01 §4).
pub mod account {
    use super::*;

    /// Gives the key address.
    pub const PUBKEY_ADDRESS: MethodNum = 2;
    /// Checks a signature of the account's key; also answered by other signers.
    pub const AUTHENTICATE_MESSAGE: MethodNum = 2_643_134_072;

    /// Parameters of [`AUTHENTICATE_MESSAGE`].
    #[derive(Debug, Clone, PartialEq, Serialize_tuple, Deserialize_tuple, AbiType)]
    pub struct AuthenticateMessageParams {
        /// Signature without its type byte.
        pub signature: RawBytes,
        /// What was signed.
        pub message: RawBytes,
    }
}

/// Ethereum address manager, f010 (spec 01 §7).
pub mod eam {
    use super::*;

    /// Deploys at the address that Ethereum's CREATE would give.
    pub const CREATE: MethodNum = 2;
    /// Deploys at the address that Ethereum's CREATE2 would give.
    pub const CREATE2: MethodNum = 3;
    /// Deploys for an account.
    pub const CREATE_EXTERNAL: MethodNum = 4;

    /// Parameters of [`CREATE`].
    #[derive(Debug, Clone, PartialEq, Serialize_tuple, Deserialize_tuple, AbiType)]
    pub struct CreateParams {
        /// Code that returns the contract's code.
        pub initcode: RawBytes,
        /// The creating contract's nonce.
        pub nonce: u64,
    }

    /// Parameters of [`CREATE2`].
    #[derive(Debug, Clone, PartialEq, Serialize_tuple, Deserialize_tuple, AbiType)]
    pub struct Create2Params {
        /// Code that returns the contract's code.
        pub initcode: RawBytes,
        /// Salt of the address.
        pub salt: Salt,
    }

    /// 32 bytes chosen by the creator. In CBOR a byte string of exactly 32 bytes.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Salt(pub [u8; 32]);

    impl serde::Serialize for Salt {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            fvm_ipld_encoding::strict_bytes::serialize(&self.0, serializer)
        }
    }

    impl<'de> serde::Deserialize<'de> for Salt {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let bytes: Vec<u8> = fvm_ipld_encoding::strict_bytes::deserialize(deserializer)?;
            let length = bytes.len();
            bytes
                .try_into()
                .map(Self)
                .map_err(|_| serde::de::Error::invalid_length(length, &"the 32 bytes of a salt"))
        }
    }

    impl AbiType for Salt {
        const SCHEMA: boatyard_sdk::Schema = boatyard_sdk::Schema::Bytes;
    }

    /// Return of all three.
    #[derive(Debug, Clone, PartialEq, Serialize_tuple, Deserialize_tuple, AbiType)]
    pub struct Return {
        /// ID of the contract.
        pub actor_id: ActorID,
        /// Its f2 address; nothing when it was deployed over a dead contract.
        pub robust_address: Option<Address>,
        /// Its Ethereum address.
        pub eth_address: EthAddress,
    }
}

/// EVM contracts (spec 02).
pub mod evm {
    use super::*;

    /// Deploys anew over a contract that destroyed itself.
    pub const RESURRECT: MethodNum = 2;
    /// The contract's code.
    pub const GET_BYTECODE: MethodNum = 3;
    /// Keccak-256 of the contract's code.
    pub const GET_BYTECODE_HASH: MethodNum = 4;
    /// A storage slot; for the system actor only.
    pub const GET_STORAGE_AT: MethodNum = 5;
    /// Runs another contract's code in this one's place.
    pub const INVOKE_CONTRACT_DELEGATE: MethodNum = 6;
    /// Runs the contract.
    pub const INVOKE_CONTRACT: MethodNum = 3_844_450_837;

    /// Parameters of the constructor and of [`RESURRECT`].
    #[derive(Debug, Clone, PartialEq, Serialize_tuple, Deserialize_tuple, AbiType)]
    pub struct ConstructorParams {
        /// Who creates the contract.
        pub creator: EthAddress,
        /// Code that returns the contract's code.
        pub initcode: RawBytes,
    }
}

/// Reward actor, f02 (spec 03 §2).
pub mod reward {
    use fvm_shared::bigint::{BigInt, bigint_ser};

    use super::*;
    use crate::smoothing::FilterEstimate;

    /// Pays a block's reward; implicit.
    pub const AWARD_BLOCK_REWARD: MethodNum = 2;
    /// The smoothed reward and the baseline.
    pub const THIS_EPOCH_REWARD: MethodNum = 3;
    /// The power of the network, from the power actor every epoch.
    pub const UPDATE_NETWORK_KPI: MethodNum = 4;

    /// Parameters of [`AWARD_BLOCK_REWARD`].
    #[derive(Debug, Clone, PartialEq, Serialize_tuple, Deserialize_tuple, AbiType)]
    pub struct AwardBlockRewardParams {
        /// Who produced the block.
        pub miner: Address,
        /// Penalty for messages that should not have been included.
        pub penalty: TokenAmount,
        /// Gas fees that the block earned.
        pub gas_reward: TokenAmount,
        /// Number of elections won with it.
        pub win_count: i64,
    }

    /// Return of [`THIS_EPOCH_REWARD`].
    #[derive(Debug, Clone, PartialEq, Serialize_tuple, Deserialize_tuple, AbiType)]
    pub struct ThisEpochRewardReturn {
        /// Reward per epoch, filtered, in attoFIL.
        pub this_epoch_reward_smoothed: FilterEstimate,
        /// Baseline power of the epoch in bytes.
        #[serde(with = "bigint_ser")]
        pub this_epoch_baseline_power: BigInt,
    }
}

pub mod datacap;
pub mod market;
pub mod miner;
pub mod power;
pub mod verifreg;

/// Cron actor, f03 (spec 01 §3).
pub mod cron {
    use super::*;

    /// The end of an epoch; implicit.
    pub const EPOCH_TICK: MethodNum = 2;
}

/// Code registry of devnets, f08 (see the crate `boatyard-registry`).
pub mod registry {
    use super::*;

    /// Whether code is installed: takes a bare CID, returns a bool.
    pub const IS_INSTALLED: MethodNum = 92_230_421;
}

/// The hook through which tokens announce themselves to a receiver (FRC-0046).
pub const UNIVERSAL_RECEIVER_HOOK: MethodNum = 3_726_118_371;

/// Method number of every constructor.
pub const CONSTRUCTOR: MethodNum = METHOD_CONSTRUCTOR;

#[cfg(test)]
mod tests {
    use boatyard_sdk::method_number;
    use fvm_ipld_encoding::{from_slice, to_vec};

    use super::*;

    /// Source: spec 00 appendix A; the registry's is ours.
    #[test]
    fn exported_methods_have_the_numbers_of_their_names() {
        for (name, number) in [
            ("AuthenticateMessage", account::AUTHENTICATE_MESSAGE),
            ("InvokeEVM", evm::INVOKE_CONTRACT),
            ("SectorContentChanged", market::SECTOR_CONTENT_CHANGED),
            ("MarketNotifyDeal", market::MARKET_NOTIFY_DEAL),
            ("Mint", datacap::MINT),
            ("Destroy", datacap::DESTROY),
            ("Balance", datacap::BALANCE),
            ("Transfer", datacap::TRANSFER),
            ("TransferFrom", datacap::TRANSFER_FROM),
            ("Burn", datacap::BURN),
            ("Receive", UNIVERSAL_RECEIVER_HOOK),
            ("IsInstalled", registry::IS_INSTALLED),
            ("Constructor", CONSTRUCTOR),
        ] {
            assert_eq!(method_number(name), number, "{name}");
        }
    }

    #[test]
    fn a_salt_has_32_bytes() {
        let bytes = to_vec(&eam::Salt([7; 32])).unwrap();
        assert_eq!(bytes[..2], [0x58, 32]);
        assert!(from_slice::<eam::Salt>(&bytes).is_ok());
        let short = to_vec(&RawBytes::new(vec![7; 31])).unwrap();
        assert!(from_slice::<eam::Salt>(&short).is_err());
    }
}
