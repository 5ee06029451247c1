//! The call tree of a message, for people.

use console::{StyledObject, style};
use serde::Deserialize;
use serde_json::Value;

use crate::actor::address_text;
use crate::failure::{Exit, Failure};
use crate::message::people_amount;
use crate::output::{grouped, short};

/// Answer of `boatyard_traceMessage` and `boatyard_traceCall`, as far as people
/// get to see it.
#[derive(Debug, Clone, Deserialize)]
pub struct MessageTrace {
    /// CID of the message.
    pub cid: String,
    /// Ethereum hash; none for a message that was only tried.
    pub hash: Option<String>,
    /// Epoch.
    pub epoch: i64,
    /// Exit code.
    pub exit_code: u32,
    /// The exit code's name and meaning.
    pub exit: String,
    /// Why it failed, in words.
    pub error: Option<String>,
    /// Gas used.
    pub gas_used: u64,
    /// Gas limit; 0 if there was none.
    pub gas_limit: u64,
    /// What the sender paid for gas, attoFIL.
    pub gas_cost: String,
    /// The call tree; none when the message was refused before execution.
    pub call: Option<CallNode>,
}

/// Somebody in a call.
#[derive(Debug, Clone, Deserialize)]
pub struct Party {
    /// ID, if there is somebody.
    pub id: Option<u64>,
    /// Address.
    pub address: String,
    /// 0x form.
    pub eth: Option<String>,
    /// Name of the code.
    pub actor: Option<String>,
}

/// A block of data.
#[derive(Debug, Clone, Deserialize)]
pub struct Data {
    /// The bytes.
    pub hex: String,
    /// What they mean.
    pub decoded: Value,
}

/// A call of the tree.
#[derive(Debug, Clone, Deserialize)]
pub struct CallNode {
    /// Caller.
    pub from: Party,
    /// Receiver.
    pub to: Party,
    /// attoFIL.
    pub value: String,
    /// Method number.
    pub method: u64,
    /// Method name.
    pub method_name: Option<String>,
    /// Parameters.
    pub params: Option<Data>,
    /// Whether the call runs read-only.
    pub read_only: bool,
    /// Whether the machine made the call.
    pub constructor: bool,
    /// Gas used with all calls inside.
    pub gas_used: u64,
    /// Gas used without the calls inside.
    pub gas_self: u64,
    /// `returned`, `refused` or `aborted`.
    pub outcome: String,
    /// Exit code.
    pub exit_code: u32,
    /// Its name.
    pub exit: String,
    /// Why it failed.
    pub error: Option<String>,
    /// Return data, or the data of a failure.
    pub returned: Option<Data>,
    /// Events.
    pub events: Vec<Value>,
    /// Debug output.
    pub logs: Vec<String>,
    /// Gas charges.
    #[serde(default)]
    pub charges: Vec<Charge>,
    /// State accesses.
    #[serde(default)]
    pub accesses: Vec<Access>,
    /// Calls inside.
    pub calls: Vec<CallNode>,
}

/// A gas charge.
#[derive(Debug, Clone, Deserialize)]
pub struct Charge {
    /// What for.
    pub name: String,
    /// For computation.
    pub compute: u64,
    /// For storage and the rest.
    pub other: u64,
}

/// A state access.
#[derive(Debug, Clone, Deserialize)]
pub struct Access {
    /// `read`, `write` or `head`.
    pub kind: String,
    /// The block.
    pub cid: String,
    /// Its size in bytes.
    pub size: Option<u64>,
}

impl MessageTrace {
    /// The failure that a non-zero exit code is, with the words of the actor in
    /// which it began.
    pub fn failure(&self, what: &str) -> Failure {
        let deepest = self.call.as_ref().and_then(deepest_failure);
        let reason = deepest
            .and_then(|call| call.error.clone())
            .or_else(|| self.error.clone());
        let place = match (deepest, &self.call) {
            (Some(inner), Some(outer)) if !std::ptr::eq(inner, outer) => {
                format!(", in {}", call_name(inner))
            }
            _ => String::new(),
        };
        let failure = Failure::new(format!("{what}: {}", self.exit)).exit(Exit::MessageFailed);
        match reason {
            Some(reason) => failure.why(format!("{reason}{place}")),
            None if !place.is_empty() => failure.why(format!("it began{place}")),
            None => failure,
        }
    }

    /// Every event of calls that were not undone, with the emitter, in order.
    pub fn events(&self) -> Vec<(&Party, &Value)> {
        let mut events = Vec::new();
        if let Some(call) = &self.call {
            collect_events(call, &mut events);
        }
        events
    }

    /// What the message returned; null for nothing.
    pub fn returned(&self) -> Option<&Value> {
        let data = self.call.as_ref()?.returned.as_ref()?;
        Some(&data.decoded)
    }

    /// The whole tree in lines.
    pub fn lines(&self) -> Vec<String> {
        let mut out = vec![self.summary()];
        if let Some(call) = &self.call {
            write_call(call, "", "", &mut out);
        }
        out
    }

    /// One line: what it was, how it ended, what it cost.
    pub fn summary(&self) -> String {
        let name = self.hash.as_deref().unwrap_or(&self.cid);
        let limit = match self.gas_limit {
            0 => String::new(),
            limit => format!(" of {}", grouped(limit)),
        };
        let cost = match self.gas_cost.as_str() {
            "0" => String::new(),
            cost => format!(", {}", people_amount(cost)),
        };
        let ended = match self.exit_code {
            0 => style("OK".to_owned()).green(),
            _ => style(self.exit.clone()).red(),
        };
        format!(
            "{} {} {} gas {}{limit}{cost}",
            style(name).dim(),
            style(format!("epoch {}", self.epoch)).dim(),
            ended,
            grouped(self.gas_used),
        )
    }
}

/// The innermost call through which a failure went up: the last failed call of
/// each level with the same exit code.
fn deepest_failure(call: &CallNode) -> Option<&CallNode> {
    if call.exit_code == 0 {
        return None;
    }
    let inner = call
        .calls
        .iter()
        .rev()
        .find(|inner| inner.exit_code == call.exit_code)
        .and_then(deepest_failure);
    inner.or(Some(call))
}

fn collect_events<'a>(call: &'a CallNode, out: &mut Vec<(&'a Party, &'a Value)>) {
    if call.exit_code != 0 {
        return;
    }
    // Events of inner calls come first or last depending on the actor; the trace
    // does not tell, so a caller's own come after its calls'.
    for inner in &call.calls {
        collect_events(inner, out);
    }
    out.extend(call.events.iter().map(|event| (&call.to, event)));
}

fn write_call(call: &CallNode, first: &str, rest: &str, out: &mut Vec<String>) {
    let name = match call.exit_code {
        0 => style(call_name(call)).green(),
        _ => style(call_name(call)).red(),
    };
    let mut head = format!("{first}{} {}", name.bold(), style(parties(call)).dim());
    if call.value != "0" {
        head.push_str(&format!("  {}", style(people_amount(&call.value)).yellow()));
    }
    if call.read_only {
        head.push_str(&format!("  {}", style("read-only").dim()));
    }
    out.push(head);
    let detail = match call.calls.is_empty() {
        true => format!("{rest}   "),
        false => format!("{rest}│  "),
    };
    let mut line =
        |label: StyledObject<&str>, text: String| out.push(format!("{detail}{label} {text}"));
    if let Some(params) = &call.params {
        line(style("params ").cyan(), short(&params.decoded));
    }
    match (&call.returned, call.exit_code) {
        (Some(returned), 0) if is_nothing(&returned.decoded) => {}
        (Some(returned), 0) => line(style("returns").cyan(), short(&returned.decoded)),
        (None, 0) => {}
        (returned, _) => {
            let reason = call
                .error
                .as_ref()
                .map(|error| format!(": {error}"))
                .unwrap_or_default();
            let ended = match call.outcome.as_str() {
                "refused" => "refused by the machine ",
                "aborted" => "aborted ",
                _ => "",
            };
            line(
                style("failed ").red(),
                format!("{ended}{} ({}){reason}", call.exit, call.exit_code),
            );
            if let Some(returned) = returned {
                line(style("data   ").red(), short(&returned.decoded));
            }
        }
    }
    let gas = match call.calls.is_empty() {
        true => grouped(call.gas_used),
        false => format!(
            "{} (own {})",
            grouped(call.gas_used),
            grouped(call.gas_self)
        ),
    };
    line(style("gas    ").cyan(), gas);
    for event in &call.events {
        line(style("event  ").magenta(), event_text(event));
    }
    for log in &call.logs {
        line(style("log    ").cyan(), log.clone());
    }
    for charge in &call.charges {
        let text = format!(
            "{} {} + {}",
            charge.name,
            grouped(charge.compute),
            grouped(charge.other)
        );
        line(style("charge ").dim(), text);
    }
    for access in &call.accesses {
        let size = access
            .size
            .map(|size| format!(" ({} bytes)", grouped(size)))
            .unwrap_or_default();
        line(
            style("state  ").dim(),
            format!("{} {}{size}", access.kind, access.cid),
        );
    }
    let last = call.calls.len().saturating_sub(1);
    for (position, inner) in call.calls.iter().enumerate() {
        match position == last {
            true => write_call(inner, &format!("{rest}└─ "), &format!("{rest}   "), out),
            false => write_call(inner, &format!("{rest}├─ "), &format!("{rest}│  "), out),
        }
    }
}

/// What a function without a result returns.
fn is_nothing(value: &Value) -> bool {
    value.is_null() || value == "0x"
}

/// `counter.Add`, `f01005.17`, `account.Send`.
fn call_name(call: &CallNode) -> String {
    let actor = call
        .to
        .actor
        .clone()
        .unwrap_or_else(|| address_text(&call.to.address));
    let method = call
        .method_name
        .clone()
        .unwrap_or_else(|| call.method.to_string());
    let machine = if call.constructor {
        " (by the machine)"
    } else {
        ""
    };
    format!("{actor}.{method}{machine}")
}

fn parties(call: &CallNode) -> String {
    format!("{} → {}", party(&call.from), party(&call.to))
}

/// An address, with the ID behind it if that is another.
fn party(party: &Party) -> String {
    let address = party
        .eth
        .clone()
        .unwrap_or_else(|| address_text(&party.address));
    match party.id.map(|id| format!("f0{id}")) {
        Some(id) if id != address => format!("{address} ({id})"),
        _ => address,
    }
}

/// `Transfer {from: 0x…, to: 0x…}`
pub fn event_text(event: &Value) -> String {
    let name = event["name"].as_str().unwrap_or("(no name)");
    format!("{name} {}", short(&event["fields"]))
}

#[cfg(test)]
mod tests;
