//! The one place where every call passes: nested sends, upgrades, and (from
//! `execute`) the call of the message itself.

use ::fvm::call_manager::{CallManager as _, NO_DATA_BLOCK_ID};
use ::fvm::gas::Gas;
use ::fvm::kernel::prelude::*;
use ::fvm::kernel::{ExecutionError, Result, SyscallError};
use ::fvm::machine::Machine as _;
use ::fvm::{DefaultKernel, syscall_error};
use cid::Cid;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_shared::ActorID;
use fvm_shared::address::{Address, Payload};
use fvm_shared::state::ActorState;
use fvm_shared::{METHOD_SEND, MethodNum};

use super::kernel::{CallManager, FvmKernel};
use super::recorder::{BEGIN, END, refusal, refused};
use crate::context::Intercept;
use crate::engine::CodeError;
use crate::engine::overlay::Fault;
use crate::state::EAM_ACTOR;
use crate::trace::{Call, METHOD_UPGRADE, Outcome};

/// What there is at an address before a call to it.
pub(super) struct Receiver {
    state: Option<ActorState>,
    /// Code of the actor that the FVM will make if there is none.
    creates: Option<Cid>,
    /// The one that it makes has a constructor.
    is_account: bool,
}

impl Receiver {
    /// Looks without charging gas or creating anything.
    pub(super) fn look_up(manager: &CallManager, to: &Address) -> Result<Self> {
        let machine = manager.machine();
        let mut receiver = Self {
            state: None,
            creates: None,
            is_account: false,
        };
        if let Some(id) = machine.state_tree().lookup_id(to)? {
            receiver.state = machine.state_tree().get_actor(id)?;
            return Ok(receiver);
        }
        match to.payload() {
            Payload::BLS(_) | Payload::Secp256k1(_) if !to.is_bls_zero_address() => {
                receiver.creates = Some(*machine.builtin_actors().get_account_code());
                receiver.is_account = true;
            }
            Payload::Delegated(f4) if f4.namespace() == EAM_ACTOR => {
                receiver.creates = Some(*machine.builtin_actors().get_placeholder_code());
            }
            _ => {}
        }
        Ok(receiver)
    }

    /// Makes sure that the code which the call will run can be run.
    pub(super) fn ensure_runnable(&self, manager: &CallManager, method: MethodNum) -> Result<()> {
        let constructor = self.creates.filter(|_| self.is_account);
        let called = self
            .code()
            .or(self.creates)
            .filter(|_| method != METHOD_SEND);
        for code in constructor.into_iter().chain(called) {
            check_code(manager, &code).map_err(|reason| {
                manager
                    .externs()
                    .faults
                    .note(Fault::Code(code, reason.clone()));
                ExecutionError::Fatal(reason.into())
            })?;
        }
        Ok(())
    }

    pub(super) fn code(&self) -> Option<Cid> {
        self.state.as_ref().map(|actor| actor.code)
    }

    pub(super) fn makes_account(&self) -> bool {
        self.is_account
    }
}

/// Whether the engine can run `code`.
pub(super) fn check_code(manager: &CallManager, code: &Cid) -> std::result::Result<(), CodeError> {
    manager
        .externs()
        .ensure_runnable(code, manager.engine(), manager.blockstore())
}

/// Records the begin of a call, if calls are recorded.
pub(super) fn begin(manager: &mut CallManager, call: &Call, code: Option<Cid>, account: bool) {
    let full = {
        let externs = manager.externs();
        let mut recorder = externs.recorder();
        if !recorder.is_on() {
            return;
        }
        recorder.begin(
            call.clone(),
            code,
            account,
            manager.gas_tracker().gas_used(),
        );
        recorder.is_full()
    };
    if full {
        manager.log(BEGIN.into());
    }
}

/// Records the end of the call that began last.
pub(super) fn end(
    manager: &mut CallManager,
    to: &Address,
    outcome: Outcome,
    message: Option<String>,
) -> Result<()> {
    let full = {
        let externs = manager.externs();
        if !externs.recorder().is_on() {
            return Ok(());
        }
        let to_id: Option<ActorID> = manager.machine().state_tree().lookup_id(to)?;
        let gas_used = manager.gas_tracker().gas_used();
        let mut recorder = externs.recorder();
        recorder.end(outcome, to_id, message, gas_used);
        recorder.is_full()
    };
    if full {
        manager.log(END.into());
    }
    Ok(())
}

/// The interceptor's answer to a call, if it has one.
pub(super) fn intercept(manager: &CallManager, call: &Call) -> Option<Outcome> {
    match manager.externs().interceptor.as_ref()?.before_call(call) {
        Intercept::Proceed => None,
        Intercept::Answer(outcome) => Some(outcome),
    }
}

/// Whether anybody looks at calls.
fn is_watched(manager: &CallManager) -> bool {
    let externs = manager.externs();
    externs.interceptor.is_some() || externs.recorder().is_on()
}

impl FvmKernel {
    /// Sends as the FVM does.
    fn pass_on(
        &mut self,
        recipient: &Address,
        method: MethodNum,
        params_id: BlockId,
        value: &TokenAmount,
        gas_limit: Option<Gas>,
        flags: SendFlags,
    ) -> Result<CallResult> {
        <DefaultKernel<CallManager> as SendOps<Self>>::send(
            &mut self.inner,
            recipient,
            method,
            params_id,
            value,
            gas_limit,
            flags,
        )
    }

    /// Parameters as the caller made them.
    fn params(&self, id: BlockId) -> Result<Option<IpldBlock>> {
        if id == NO_DATA_BLOCK_ID {
            return Ok(None);
        }
        Ok(Some(self.inner.blocks.get(id)?.into()))
    }

    /// How a call ended, for the record.
    fn outcome(&self, result: &Result<CallResult>) -> (Outcome, Option<String>) {
        match result {
            Ok(call) => {
                let data = self.params(call.block_id).unwrap_or(None);
                (
                    Outcome::Returned {
                        exit_code: call.exit_code,
                        data,
                    },
                    None,
                )
            }
            Err(error) => {
                let (outcome, words) = refusal(error);
                (outcome, Some(words))
            }
        }
    }

    /// Gives the caller an outcome that nobody computed.
    fn answer(&mut self, outcome: Outcome) -> Result<CallResult> {
        let (exit_code, data) = match outcome {
            Outcome::Returned { exit_code, data } => (exit_code, data),
            Outcome::Refused(number) => return Err(refused(number)),
            Outcome::Aborted(_) => return Err(ExecutionError::OutOfGas),
        };
        let Some(data) = data else {
            let block_stat = BlockStat { codec: 0, size: 0 };
            return Ok(CallResult {
                block_id: NO_DATA_BLOCK_ID,
                block_stat,
                exit_code,
            });
        };
        let block = Block::new(data.codec, data.data, Vec::new());
        let block_stat = block.stat();
        let block_id = self.inner.blocks.put_reachable(block)?;
        Ok(CallResult {
            block_id,
            block_stat,
            exit_code,
        })
    }
}

impl SendOps for FvmKernel {
    fn send(
        &mut self,
        recipient: &Address,
        method: MethodNum,
        params_id: BlockId,
        value: &TokenAmount,
        gas_limit: Option<Gas>,
        flags: SendFlags,
    ) -> Result<CallResult> {
        let receiver = Receiver::look_up(&self.inner.call_manager, recipient)?;
        let substitutions = &self.externs().substitutions;
        let limit = gas_limit.filter(|_| !substitutions.unmetered);
        if !is_watched(&self.inner.call_manager) {
            receiver.ensure_runnable(&self.inner.call_manager, method)?;
            return self.pass_on(recipient, method, params_id, value, limit, flags);
        }

        let call = Call {
            from: self.inner.actor_id,
            to: *recipient,
            value: value.clone(),
            method,
            params: self.params(params_id)?,
            gas_limit: gas_limit.map(|gas| gas.round_down()),
            read_only: self.inner.read_only || flags.read_only(),
        };
        let makes_account = receiver.makes_account() && !call.read_only;
        begin(
            &mut self.inner.call_manager,
            &call,
            receiver.code(),
            makes_account,
        );
        let result = match intercept(&self.inner.call_manager, &call) {
            Some(outcome) => self.answer(outcome),
            None => receiver
                .ensure_runnable(&self.inner.call_manager, method)
                .and_then(|()| self.pass_on(recipient, method, params_id, value, limit, flags)),
        };
        let (outcome, message) = self.outcome(&result);
        end(&mut self.inner.call_manager, recipient, outcome, message)?;
        result
    }
}

impl UpgradeOps for FvmKernel {
    /// Refuses code that cannot be run before the actor is changed to it.
    fn upgrade_actor(&mut self, code: Cid, params_id: BlockId) -> Result<CallResult> {
        if !self.inner.read_only {
            self.check_new_code(&code)?;
        }
        let me = Address::new_id(self.inner.actor_id);
        let call = Call {
            from: self.inner.caller,
            to: me,
            value: TokenAmount::default(),
            method: METHOD_UPGRADE,
            params: self.params(params_id)?,
            gas_limit: None,
            read_only: false,
        };
        begin(&mut self.inner.call_manager, &call, Some(code), false);
        let result = <DefaultKernel<CallManager> as UpgradeOps<Self>>::upgrade_actor(
            &mut self.inner,
            code,
            params_id,
        );
        let (outcome, message) = self.outcome(&result);
        end(&mut self.inner.call_manager, &me, outcome, message)?;
        result
    }
}

impl FvmKernel {
    /// Whether an actor may get this code.
    pub(super) fn check_new_code(&self, code: &Cid) -> Result<()> {
        check_code(&self.inner.call_manager, code).map_err(|reason| {
            let error: SyscallError = match &reason {
                CodeError::Missing(_) => syscall_error!(NotFound; "{}", reason),
                _ => syscall_error!(IllegalArgument; "{}", reason),
            };
            error.into()
        })
    }
}
