//! Actor code that runs in this process.

use std::collections::HashMap;
use std::fmt;
use std::sync::{PoisonError, RwLock};

use boatyard_sdk::{Actor, ActorError, ActorRuntime, NetworkVariant, Type, dispatch};
use cid::Cid;
use fvm_ipld_encoding::ipld_block::IpldBlock;

use super::host::NativeHost;

type Outcome = Result<Option<IpldBlock>, ActorError>;

/// An actor compiled into this process.
#[derive(Clone, Copy)]
pub(crate) struct NativeActor {
    invoke: for<'a> fn(NativeHost<'a>, Option<IpldBlock>) -> Outcome,
    upgrade: for<'a> fn(NativeHost<'a>, Cid, Option<IpldBlock>) -> Outcome,
    name: &'static str,
    builtin: bool,
}

impl fmt::Debug for NativeActor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NativeActor").field(&self.name).finish()
    }
}

impl NativeActor {
    /// The actor `A`.
    pub(crate) const fn of<A: Actor>() -> Self {
        fn upgrade<A: Actor>(
            host: NativeHost<'_>,
            old_code: Cid,
            params: Option<IpldBlock>,
        ) -> Outcome {
            A::upgrade(&ActorRuntime::new(host), old_code, params)
        }
        Self {
            invoke: |host, params| dispatch::run::<A, _>(host, params),
            upgrade: upgrade::<A>,
            name: A::ABI.name,
            builtin: false,
        }
    }

    /// Whether it is an actor of the protocol.
    pub(super) fn is_builtin(&self) -> bool {
        self.builtin
    }

    pub(super) fn invoke(&self, host: NativeHost<'_>, params: Option<IpldBlock>) -> Outcome {
        (self.invoke)(host, params)
    }

    pub(super) fn upgrade(
        &self,
        host: NativeHost<'_>,
        old_code: Cid,
        params: Option<IpldBlock>,
    ) -> Outcome {
        (self.upgrade)(host, old_code, params)
    }
}

/// The built-in actor of a type.
pub(super) fn builtin(kind: Type) -> NativeActor {
    let actor = match kind {
        Type::System => NativeActor::of::<boatyard_system::System>(),
        Type::Init => NativeActor::of::<boatyard_init::Init>(),
        Type::Cron => NativeActor::of::<boatyard_cron::Cron>(),
        Type::Account => NativeActor::of::<boatyard_account::Account>(),
        Type::Market => NativeActor::of::<boatyard_market::Market>(),
        Type::Miner => NativeActor::of::<boatyard_miner::Miner>(),
        Type::PaymentChannel => NativeActor::of::<boatyard_paych::PaymentChannel>(),
        Type::Multisig => NativeActor::of::<boatyard_multisig::Multisig>(),
        Type::Power => NativeActor::of::<boatyard_power::Power>(),
        Type::Reward => NativeActor::of::<boatyard_reward::Reward>(),
        Type::VerifiedRegistry => NativeActor::of::<boatyard_verifreg::VerifiedRegistry>(),
        Type::DataCap => NativeActor::of::<boatyard_datacap::DataCap>(),
        Type::Placeholder => NativeActor::of::<boatyard_placeholder::Placeholder>(),
        Type::Evm => NativeActor::of::<boatyard_evm::EvmActor>(),
        Type::Eam => NativeActor::of::<boatyard_eam::Eam>(),
        Type::EthAccount => NativeActor::of::<boatyard_ethaccount::EthAccount>(),
    };
    NativeActor {
        builtin: true,
        ..actor
    }
}

/// Which code runs as which actor, and under which policy.
pub(crate) struct Registry {
    pub(super) policy: NetworkVariant,
    users: RwLock<HashMap<Cid, NativeActor>>,
}

impl Registry {
    /// The built-in actors only.
    pub(crate) fn new(policy: NetworkVariant) -> Self {
        Self {
            policy,
            users: RwLock::default(),
        }
    }

    /// Adds user code.
    pub(crate) fn register(&self, code: Cid, actor: NativeActor) {
        self.users
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(code, actor);
    }

    /// User code.
    pub(super) fn find(&self, code: &Cid) -> Option<NativeActor> {
        self.users
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(code)
            .copied()
    }
}
