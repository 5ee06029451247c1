//! The call tree while it grows.

use cid::Cid;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;
use fvm_shared::event::ActorEvent;
use fvm_shared::{ActorID, METHOD_CONSTRUCTOR};

use crate::context::Tracing;
use crate::state::SYSTEM_ACTOR;
use crate::trace::{Call, CallTrace, Outcome, StateAccess};

/// Records one message.
pub(super) struct Recorder {
    tracing: Tracing,
    open: Vec<CallTrace>,
    finished: Option<CallTrace>,
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

    /// A call begins; `code` is the receiver's so far.
    pub(super) fn begin(&mut self, call: Call, code: Option<Cid>) {
        if !self.is_on() {
            return;
        }
        self.open.push(CallTrace {
            call,
            to_id: None,
            code,
            constructor: false,
            // Overwritten at the end.
            outcome: Outcome::Aborted("the message ended".to_owned()),
            message: None,
            gas_used: 0,
            events: Vec::new(),
            logs: Vec::new(),
            charges: Vec::new(),
            accesses: Vec::new(),
            calls: Vec::new(),
        });
    }

    /// The machine runs the constructor of the account it has just made.
    pub(super) fn begin_constructor(&mut self, id: ActorID, code: Cid, params: IpldBlock) {
        let call = Call {
            from: SYSTEM_ACTOR,
            to: Address::new_id(id),
            value: TokenAmount::default(),
            method: METHOD_CONSTRUCTOR,
            params: Some(params),
            gas_limit: None,
            read_only: false,
        };
        self.begin(call, Some(code));
        if let Some(open) = self.open.last_mut() {
            open.constructor = true;
        }
    }

    /// The innermost call has ended.
    pub(super) fn end(&mut self, outcome: Outcome, to_id: Option<ActorID>, words: Option<String>) {
        let Some(mut ended) = self.open.pop() else {
            return;
        };
        ended.outcome = outcome;
        ended.to_id = to_id.or_else(|| ended.created_account());
        ended.message = words.or(ended.message);
        match self.open.last_mut() {
            Some(parent) => parent.calls.push(ended),
            None => self.finished = Some(ended),
        }
    }

    /// Why the innermost call fails.
    pub(super) fn say(&mut self, words: &str) {
        if let Some(open) = self.open.last_mut() {
            open.message = Some(words.to_owned());
        }
    }

    pub(super) fn event(&mut self, event: &ActorEvent) {
        if let Some(open) = self.open.last_mut() {
            open.events.push(event.clone());
        }
    }

    pub(super) fn log(&mut self, line: &str) {
        if let Some(open) = self.open.last_mut() {
            open.logs.push(line.to_owned());
        }
    }

    pub(super) fn access(&mut self, access: impl FnOnce() -> StateAccess) {
        if self.tracing == Tracing::Full
            && let Some(open) = self.open.last_mut()
        {
            open.accesses.push(access());
        }
    }

    /// The tree, once the message is over.
    pub(super) fn finish(self) -> Option<CallTrace> {
        self.finished
    }
}
