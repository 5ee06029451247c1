//! Actors with fixed IDs (spec 00 §2).

use fvm_shared::ActorID;
use fvm_shared::address::Address;

macro_rules! singletons {
    ($($(#[$doc:meta])* $id_name:ident, $address_name:ident = $id:literal;)+) => {
        $(
            $(#[$doc])*
            pub const $id_name: ActorID = $id;
            $(#[$doc])*
            pub const $address_name: Address = Address::new_id($id);
        )+
    };
}

singletons! {
    /// System actor.
    SYSTEM_ACTOR_ID, SYSTEM_ACTOR = 0;
    /// Init actor.
    INIT_ACTOR_ID, INIT_ACTOR = 1;
    /// Reward actor.
    REWARD_ACTOR_ID, REWARD_ACTOR = 2;
    /// Cron actor.
    CRON_ACTOR_ID, CRON_ACTOR = 3;
    /// Storage power actor.
    POWER_ACTOR_ID, POWER_ACTOR = 4;
    /// Storage market actor.
    MARKET_ACTOR_ID, MARKET_ACTOR = 5;
    /// Verified registry.
    VERIFREG_ACTOR_ID, VERIFREG_ACTOR = 6;
    /// Datacap token.
    DATACAP_ACTOR_ID, DATACAP_ACTOR = 7;
    /// Code registry of devnets. The protocol leaves this ID unused.
    REGISTRY_ACTOR_ID, REGISTRY_ACTOR = 8;
    /// Ethereum address manager.
    EAM_ACTOR_ID, EAM_ACTOR = 10;
    /// Burnt funds: an account that nobody has the key of.
    BURNT_FUNDS_ACTOR_ID, BURNT_FUNDS_ACTOR = 99;
}

/// The first ID handed out to actors that are no singletons.
pub const FIRST_NON_SINGLETON_ADDR: ActorID = fvm_shared::address::FIRST_NON_SINGLETON_ADDR;
