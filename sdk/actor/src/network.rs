//! Which network's policy the actors follow, and the types of built-in actors.

use cid::Cid;
use fvm_shared::ActorID;

/// The policy set that actor code runs under (spec 00 §21).
///
/// Chosen at run time on the native machine and the mock; for Wasm the bundle
/// writes the number behind [`MARKER`] into the compiled module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[repr(u8)]
pub enum NetworkVariant {
    /// The main network; also what an unpatched module follows.
    #[default]
    Mainnet = 0,
    /// The calibration test network.
    Calibration = 1,
    /// The butterfly test network.
    Butterfly = 2,
    /// The caterpillar test network.
    Caterpillar = 3,
    /// A local network of 2 KiB and 8 MiB sectors.
    Devnet = 4,
    /// All sector sizes, no provider collateral.
    Testing = 5,
}

impl NetworkVariant {
    /// Every variant, in the order of their numbers.
    pub const ALL: [NetworkVariant; 6] = [
        NetworkVariant::Mainnet,
        NetworkVariant::Calibration,
        NetworkVariant::Butterfly,
        NetworkVariant::Caterpillar,
        NetworkVariant::Devnet,
        NetworkVariant::Testing,
    ];

    /// The variant with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|variant| *variant as u8 == number)
    }

    /// Its name in lower case, as the command line and the vectors use it.
    pub fn name(self) -> &'static str {
        match self {
            NetworkVariant::Mainnet => "mainnet",
            NetworkVariant::Calibration => "calibration",
            NetworkVariant::Butterfly => "butterfly",
            NetworkVariant::Caterpillar => "caterpillar",
            NetworkVariant::Devnet => "devnet",
            NetworkVariant::Testing => "testing",
        }
    }

    /// The variant of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|variant| variant.name() == name)
    }
}

/// What precedes the variant's number in a module's data, so that the bundle
/// finds the byte that it has to set.
pub const MARKER: [u8; 16] = *b"BOATYARD-NETWORK";

/// The types of built-in actors; the number is the position in the manifest,
/// from 1 (spec 00 §1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
#[allow(missing_docs)]
pub enum Type {
    System = 1,
    Init = 2,
    Cron = 3,
    Account = 4,
    Power = 5,
    Miner = 6,
    Market = 7,
    PaymentChannel = 8,
    Multisig = 9,
    Reward = 10,
    VerifiedRegistry = 11,
    DataCap = 12,
    Placeholder = 13,
    Evm = 14,
    Eam = 15,
    EthAccount = 16,
}

impl Type {
    /// All types in manifest order.
    pub const ALL: [Type; 16] = [
        Type::System,
        Type::Init,
        Type::Cron,
        Type::Account,
        Type::Power,
        Type::Miner,
        Type::Market,
        Type::PaymentChannel,
        Type::Multisig,
        Type::Reward,
        Type::VerifiedRegistry,
        Type::DataCap,
        Type::Placeholder,
        Type::Evm,
        Type::Eam,
        Type::EthAccount,
    ];

    /// The type at a manifest position, from 1.
    pub fn from_position(position: u32) -> Option<Self> {
        Self::ALL
            .get(usize::try_from(position).ok()?.checked_sub(1)?)
            .copied()
    }

    /// Its name in the manifest.
    pub fn name(self) -> &'static str {
        match self {
            Type::System => "system",
            Type::Init => "init",
            Type::Cron => "cron",
            Type::Account => "account",
            Type::Power => "storagepower",
            Type::Miner => "storageminer",
            Type::Market => "storagemarket",
            Type::PaymentChannel => "paymentchannel",
            Type::Multisig => "multisig",
            Type::Reward => "reward",
            Type::VerifiedRegistry => "verifiedregistry",
            Type::DataCap => "datacap",
            Type::Placeholder => "placeholder",
            Type::Evm => "evm",
            Type::Eam => "eam",
            Type::EthAccount => "ethaccount",
        }
    }

    /// The type of this manifest name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// ID of the system actor, the nominal sender of implicit messages.
pub const SYSTEM_ACTOR_ID: ActorID = 0;

/// ID of the Ethereum address manager, the namespace of f410 addresses.
pub const EAM_ACTOR_ID: ActorID = 10;

/// Head of an actor without state: the CID of the empty array.
pub const EMPTY_STATE: Cid = fvm_shared::EMPTY_ARR_CID;
