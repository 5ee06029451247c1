//! Differences between what was recorded and what a machine did.

use std::fmt;

use boatyard_abi::schema::Schema;
use boatyard_vm::machine::Applied;
use boatyard_vm::trace::{CallTrace, Outcome};
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_shared::address::Address;
use fvm_shared::event::{ActorEvent, StampedEvent};
use fvm_shared::state::ActorState;
use fvm_shared::{ActorID, METHOD_SEND};

use super::format::{Block, Call, Message, Stamped};
use super::names::{self, Names};

/// Something that is not as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What it is about: a field, and where in the call tree.
    pub what: String,
    /// What was recorded, decoded.
    pub expected: String,
    /// What the machine did, decoded.
    pub got: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.what)?;
        writeln!(f, "  expected {}", self.expected)?;
        write!(f, "  got      {}", self.got)
    }
}

/// Collects differences.
pub struct Comparison<'a> {
    names: &'a Names,
    differences: Vec<Difference>,
}

impl<'a> Comparison<'a> {
    /// Nothing compared yet.
    pub fn new(names: &'a Names) -> Self {
        Self {
            names,
            differences: Vec::new(),
        }
    }

    /// What was found.
    pub fn finish(self) -> Vec<Difference> {
        self.differences
    }

    /// Compares two values that can be shown.
    pub fn same<T: PartialEq>(
        &mut self,
        what: impl FnOnce() -> String,
        expected: &T,
        got: &T,
        show: impl Fn(&T) -> String,
    ) {
        if expected != got {
            self.differences.push(Difference {
                what: what(),
                expected: show(expected),
                got: show(got),
            });
        }
    }

    /// Compares everything but the actors.
    pub fn applied(&mut self, message: &Message, applied: &Applied) {
        let expect = &message.expect;
        let reason = match &applied.error {
            Some(reason) => format!(" ({reason})"),
            None => String::new(),
        };
        let code = applied.receipt.exit_code.value();
        if expect.exit_code != code {
            self.differences.push(Difference {
                what: "exit code".to_owned(),
                expected: expect.exit_code.to_string(),
                got: format!("{code}{reason}"),
            });
        }
        let schema = self
            .names
            .method(&expect.trace.to.0, message.method)
            .map(|found| &found.returns);
        let got = applied.return_codec.map(|codec| IpldBlock {
            codec,
            data: applied.receipt.return_data.to_vec(),
        });
        self.block(
            || "return".to_owned(),
            expect.returned.as_ref(),
            got.as_ref(),
            schema,
        );
        let expected: Vec<_> = expect.events.iter().map(stamped).collect();
        self.same(
            || "events".to_owned(),
            &expected,
            &applied.events,
            |events| {
                list(events, |event| {
                    format!("f0{} {}", event.emitter, entries(&event.event))
                })
            },
        );
        match &applied.trace {
            Some(trace) => self.call("", &expect.trace, trace),
            None => self.differences.push(Difference {
                what: "trace".to_owned(),
                expected: "a call tree".to_owned(),
                got: format!("none{reason}"),
            }),
        }
    }

    /// Compares an actor's record.
    pub fn actor(
        &mut self,
        id: ActorID,
        expected: Option<&ActorState>,
        got: Option<&ActorState>,
        state: impl Fn(&ActorState) -> String,
    ) {
        let name = format!("actor {}", self.names.actor(id));
        let (Some(expected), Some(got)) = (expected, got) else {
            let show = |actor: &Option<&ActorState>| match actor {
                Some(actor) => format!("{actor:?}"),
                None => "no such actor".to_owned(),
            };
            self.same(|| name, &expected, &got, show);
            return;
        };
        let field = |field: &str| format!("{name}: {field}");
        self.same(
            || field("code"),
            &expected.code,
            &got.code,
            ToString::to_string,
        );
        self.same(
            || field("nonce"),
            &expected.sequence,
            &got.sequence,
            ToString::to_string,
        );
        self.same(
            || field("balance"),
            &expected.balance,
            &got.balance,
            |amount| format!("{} atto", amount.atto()),
        );
        self.same(
            || field("delegated address"),
            &expected.delegated_address,
            &got.delegated_address,
            |address| address.map_or("none".to_owned(), |address| address.to_string()),
        );
        if expected.state != got.state {
            self.differences.push(Difference {
                what: field("head"),
                expected: expected.state.to_string(),
                got: format!("{} {}", got.state, state(got)),
            });
        }
    }

    /// Compares a call with all that it called. `path` is the position below the
    /// message's own call, as `/1/0`.
    fn call(&mut self, path: &str, expected: &Call, got: &CallTrace) {
        let names = self.names;
        let method = names.method(&expected.to.0, expected.method);
        let place = names.call(&expected.to.0, expected.method);
        let field = |field: &str| format!("call {path}: f0{} → {place}: {field}", expected.from);

        self.same(
            || field("from"),
            &expected.from,
            &got.call.from,
            |id| format!("f0{id}"),
        );
        let resolved = got.to_id.map_or(got.call.to, Address::new_id);
        self.same(
            || field("to"),
            &expected.to.0,
            &resolved,
            ToString::to_string,
        );
        self.same(
            || field("to as given"),
            &expected.to_raw.0,
            &got.call.to,
            ToString::to_string,
        );
        self.same(
            || field("value"),
            &expected.value.0,
            &got.call.value,
            |amount| format!("{} atto", amount.atto()),
        );
        self.same(
            || field("method"),
            &expected.method,
            &got.call.method,
            ToString::to_string,
        );
        self.params(
            || field("params"),
            expected,
            got,
            method.map(|found| &found.params),
        );
        self.same(
            || field("read only"),
            &expected.read_only,
            &got.call.read_only,
            ToString::to_string,
        );
        self.same(
            || field("constructor"),
            &expected.constructor,
            &got.constructor,
            ToString::to_string,
        );
        self.outcome(&field, expected, got);
        let emitted: Vec<_> = expected
            .events
            .iter()
            .map(|event| stamped(event).event)
            .collect();
        self.same(
            || field("events"),
            &emitted,
            &got.events,
            |events| list(events, entries),
        );

        for (at, (expected, got)) in expected.calls.iter().zip(&got.calls).enumerate() {
            self.call(&format!("{path}/{at}"), expected, got);
        }
        if expected.calls.len() != got.calls.len() {
            self.differences.push(Difference {
                what: field("calls"),
                expected: list(&expected.calls, |call| names.call(&call.to.0, call.method)),
                got: list(&got.calls, |call| {
                    names.call(
                        &call.to_id.map_or(call.call.to, Address::new_id),
                        call.call.method,
                    )
                }),
            });
        }
    }

    fn params(
        &mut self,
        what: impl FnOnce() -> String,
        expected: &Call,
        got: &CallTrace,
        schema: Option<&Schema>,
    ) {
        let mut params = expected.params.as_ref().map(IpldBlock::from);
        // A plain transfer's parameters reach nobody; the FVM takes those of a
        // message for raw bytes, the recordings for CBOR.
        if expected.method == METHOD_SEND
            && let (Some(params), Some(got)) = (&mut params, &got.call.params)
        {
            params.codec = got.codec;
        }
        self.same(what, &params, &got.call.params, |params| {
            names::block(params.as_ref(), schema)
        });
    }

    fn outcome(&mut self, field: &impl Fn(&str) -> String, expected: &Call, got: &CallTrace) {
        let error = match &got.outcome {
            Outcome::Refused(error) => Some(format!("{error:?}")),
            _ => None,
        };
        self.same(
            || field("error"),
            &expected.error,
            &error,
            |error| {
                error
                    .clone()
                    .unwrap_or_else(|| "none: the call was made".to_owned())
            },
        );
        let code = got.outcome.exit_code().value();
        if expected.exit_code != code {
            let reason = match (&got.message, &got.outcome) {
                (Some(message), _) => format!(" ({message})"),
                (None, Outcome::Aborted(reason)) => format!(" ({reason})"),
                _ => String::new(),
            };
            self.differences.push(Difference {
                what: field("exit code"),
                expected: expected.exit_code.to_string(),
                got: format!("{code}{reason}"),
            });
        }
        let data = match &got.outcome {
            Outcome::Returned { data, .. } => data.as_ref(),
            _ => None,
        };
        let method = self.names.method(&expected.to.0, expected.method);
        let schema = method.map(|found| &found.returns);
        self.block(|| field("return"), expected.returned.as_ref(), data, schema);
    }

    fn block(
        &mut self,
        what: impl FnOnce() -> String,
        expected: Option<&Block>,
        got: Option<&IpldBlock>,
        schema: Option<&Schema>,
    ) {
        self.same(
            what,
            &expected.map(IpldBlock::from),
            &got.cloned(),
            |block| names::block(block.as_ref(), schema),
        );
    }
}

fn stamped(event: &Stamped) -> StampedEvent {
    let entries: Vec<_> = event
        .entries
        .iter()
        .map(|entry| fvm_shared::event::Entry {
            flags: fvm_shared::event::Flags::from_bits_retain(entry.flags),
            key: entry.key.clone(),
            codec: entry.codec,
            value: entry.value.0.clone(),
        })
        .collect();
    StampedEvent::new(event.emitter, ActorEvent::from(entries))
}

fn entries(event: &ActorEvent) -> String {
    list(&event.entries, |entry| {
        let value = IpldBlock {
            codec: entry.codec,
            data: entry.value.clone(),
        };
        format!(
            "{}={}/{}",
            entry.key,
            names::block(Some(&value), None),
            entry.flags.bits()
        )
    })
}

fn list<T>(items: &[T], show: impl Fn(&T) -> String) -> String {
    let shown: Vec<_> = items.iter().map(show).collect();
    format!("[{}]", shown.join(", "))
}
