//! The call tree while it grows.
//!
//! The kernel tells the recorder when a call begins and ends. Gas charges come
//! from the FVM's own trace, a flat list; the kernel puts marks into it, by way of
//! log entries, so that [`Recorder::finish`] can hand them out to the calls.

use ::fvm::call_manager::Backtrace;
use ::fvm::gas::Gas;
use ::fvm::trace::{ExecutionEvent, ExecutionTrace};
use cid::Cid;
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::error::{ErrorNumber, ExitCode};
use fvm_shared::event::ActorEvent;

use crate::context::Tracing;
use crate::trace::{Call, CallTrace, GasCharge, Outcome, StateAccess};

/// Mark in the FVM's trace: a call begins.
pub(super) const BEGIN: &str = "(";
/// Mark in the FVM's trace: a call has ended.
pub(super) const END: &str = ")";

/// Records one message at a time.
pub(super) struct Recorder {
    tracing: Tracing,
    open: Vec<OpenCall>,
    finished: Option<CallTrace>,
}

struct OpenCall {
    trace: CallTrace,
    /// Gas used by the message when the call began.
    gas_before: Gas,
    /// The call will make an account first, whose constructor has not run yet.
    makes_account: bool,
    /// Code and words with which the actor gave up.
    exit: Option<(ExitCode, String)>,
}

impl Recorder {
    pub(super) fn new(tracing: Tracing) -> Self {
        Self {
            tracing,
            open: Vec::new(),
            finished: None,
        }
    }

    /// Whether there is anything to record.
    pub(super) fn is_on(&self) -> bool {
        self.tracing != Tracing::Off
    }

    /// Whether gas charges and state accesses are wanted too.
    pub(super) fn is_full(&self) -> bool {
        self.tracing == Tracing::Full
    }

    /// Forgets the message before.
    pub(super) fn reset(&mut self) {
        self.open.clear();
        self.finished = None;
    }

    /// A call begins. `code` is the receiver's, `makes_account` tells that the
    /// FVM will run an account constructor before it.
    pub(super) fn begin(
        &mut self,
        call: Call,
        code: Option<Cid>,
        makes_account: bool,
        gas_used: Gas,
    ) {
        self.open.push(OpenCall {
            trace: CallTrace {
                call,
                to_id: None,
                code,
                constructor: false,
                // Overwritten at the end; a message cut short ends here.
                outcome: Outcome::Aborted("the message ended".into()),
                message: None,
                gas_used: 0,
                events: Vec::new(),
                logs: Vec::new(),
                charges: Vec::new(),
                accesses: Vec::new(),
                calls: Vec::new(),
            },
            gas_before: gas_used,
            makes_account,
            exit: None,
        });
    }

    /// An actor starts to run. True if it is the constructor of an account that
    /// the FVM makes for the call that has just begun; then that is a call too.
    pub(super) fn starts_constructor(
        &mut self,
        from: ActorID,
        to: ActorID,
        account: Cid,
        gas_used: Gas,
    ) -> bool {
        let Some(open) = self.open.last_mut() else {
            return false;
        };
        if !std::mem::take(&mut open.makes_account) {
            return false;
        }
        let address = open.trace.call.to;
        let call = Call {
            from,
            to: Address::new_id(to),
            value: Default::default(),
            method: fvm_shared::METHOD_CONSTRUCTOR,
            params: fvm_ipld_encoding::ipld_block::IpldBlock::serialize_cbor(&address)
                .unwrap_or(None),
            gas_limit: None,
            read_only: false,
        };
        self.begin(call, Some(account), false, gas_used);
        if let Some(open) = self.open.last_mut() {
            open.trace.constructor = true;
            open.trace.to_id = Some(to);
        }
        true
    }

    /// The innermost call has ended.
    pub(super) fn end(
        &mut self,
        outcome: Outcome,
        to_id: Option<ActorID>,
        message: Option<String>,
        gas_used: Gas,
    ) {
        let Some(mut open) = self.open.pop() else {
            return;
        };
        let failed = outcome.exit_code() != ExitCode::OK;
        let exit = open.exit.filter(|_| failed).map(|(_, words)| words);
        open.trace.outcome = outcome;
        open.trace.to_id = to_id.or_else(|| open.trace.created_account());
        open.trace.message = message.or(exit);
        open.trace.gas_used = (gas_used - open.gas_before).round_up();
        match self.open.last_mut() {
            Some(parent) => parent.trace.calls.push(open.trace),
            None => self.finished = Some(open.trace),
        }
    }

    /// The constructor of an account has ended. The FVM does not tell how: what
    /// the actor said itself counts.
    pub(super) fn end_constructor(&mut self, out_of_gas: bool, gas_used: Gas) {
        let Some(open) = self.open.last() else { return };
        let to_id = open.trace.to_id;
        let outcome = match &open.exit {
            Some((exit_code, _)) => Outcome::Returned {
                exit_code: *exit_code,
                data: None,
            },
            None if out_of_gas => Outcome::Aborted("out of gas".into()),
            None => Outcome::Returned {
                exit_code: ExitCode::OK,
                data: None,
            },
        };
        self.end(outcome, to_id, None, gas_used);
    }

    /// The running actor exits by its own choice.
    pub(super) fn exit(&mut self, code: ExitCode, words: &str) {
        if let Some(open) = self.open.last_mut() {
            open.exit = Some((code, words.to_owned()));
        }
    }

    /// The running actor has emitted an event.
    pub(super) fn event(&mut self, event: ActorEvent) {
        if let Some(open) = self.open.last_mut() {
            open.trace.events.push(event);
        }
    }

    /// The running actor has logged a line.
    pub(super) fn log(&mut self, line: String) {
        if let Some(open) = self.open.last_mut() {
            open.trace.logs.push(line);
        }
    }

    /// The running actor has read or written state.
    pub(super) fn access(&mut self, access: StateAccess) {
        if let Some(open) = self.open.last_mut() {
            open.trace.accesses.push(access);
        }
    }

    /// The finished tree, with what only the FVM could tell.
    pub(super) fn finish(
        &mut self,
        gas_used: u64,
        backtrace: &Backtrace,
        events: ExecutionTrace,
    ) -> Option<CallTrace> {
        let mut root = self.finished.take()?;
        // Including the message on chain is paid for outside any call.
        root.gas_used = gas_used;
        if self.is_full() {
            hand_out_charges(&mut root, events);
        }
        hand_out_messages(&mut root, backtrace);
        Some(root)
    }
}

/// Gives each call the gas charges made between its marks, but outside those of
/// its children.
fn hand_out_charges(root: &mut CallTrace, events: ExecutionTrace) {
    // Charges of the calls in the order in which they began. What was charged
    // before the first began belongs to the root as well.
    let mut charges: Vec<Vec<GasCharge>> = vec![Vec::new()];
    let mut open: Vec<usize> = Vec::new();
    let mut begun = 0;
    for event in events {
        match event {
            ExecutionEvent::Log(mark) if mark == BEGIN => {
                if begun > 0 {
                    charges.push(Vec::new());
                }
                open.push(begun);
                begun += 1;
            }
            ExecutionEvent::Log(mark) if mark == END => {
                open.pop();
            }
            ExecutionEvent::GasCharge(charge) => {
                let at = open.last().copied().unwrap_or(0);
                if let Some(list) = charges.get_mut(at) {
                    list.push(GasCharge {
                        name: charge.name.into_owned(),
                        compute: charge.compute_gas.round_up(),
                        other: charge.other_gas.round_up(),
                    });
                }
            }
            _ => {}
        }
    }
    let mut charges = charges.into_iter();
    let mut todo = vec![root];
    while let Some(call) = todo.pop() {
        call.charges = charges.next().unwrap_or_default();
        todo.extend(call.calls.iter_mut().rev());
    }
}

/// Traps leave their words in the FVM's backtrace only.
fn hand_out_messages(root: &mut CallTrace, backtrace: &Backtrace) {
    let mut todo = vec![root];
    while let Some(call) = todo.pop() {
        if call.message.is_none() {
            let exit_code = call.outcome.exit_code();
            call.message = backtrace
                .frames
                .iter()
                .find(|frame| {
                    frame.code == exit_code
                        && frame.method == call.call.method
                        && Some(frame.source) == call.to_id
                })
                .map(|frame| frame.message.clone());
        }
        todo.extend(call.calls.iter_mut());
    }
}

/// How a call ended for its caller, given what the FVM made of it.
pub(super) fn refusal(error: &::fvm::kernel::ExecutionError) -> (Outcome, String) {
    use ::fvm::kernel::ExecutionError::{Fatal, OutOfGas, Syscall};
    match error {
        OutOfGas => (Outcome::Aborted("out of gas".into()), "out of gas".into()),
        Syscall(error) => (Outcome::Refused(error.1), error.0.clone()),
        Fatal(error) => {
            let words = format!("{error:#}");
            (Outcome::Aborted(words.clone()), words)
        }
    }
}

/// The FVM's error for an outcome that an interceptor gave.
pub(super) fn refused(number: ErrorNumber) -> ::fvm::kernel::ExecutionError {
    ::fvm::kernel::SyscallError::new(number, "refused by the test's interceptor").into()
}
