//! A deal on its way, step by step.

use std::thread;
use std::time::Duration;

use boatyard_abi::format_amount;
use console::style;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use indicatif::ProgressBar;
use serde_json::{Value, json};

use crate::builtin::epoch;
use crate::failure::Failure;
use crate::output::{Output, printable, say};
use crate::provider::{Order, Provider};
use crate::rpc::Rpc;

/// How often a provider is asked while time passes by itself.
const PAUSE: Duration = Duration::from_millis(250);

/// Steps as they happen: a line each, for people and for programs.
pub struct Progress {
    output: Output,
    spinner: ProgressBar,
}

impl Progress {
    /// Begins.
    pub fn start(output: Output, words: impl Into<String>) -> Self {
        Self {
            output,
            spinner: output.spinner(words),
        }
    }

    /// What is being waited for.
    pub fn now(&self, words: impl Into<String>) {
        self.spinner.set_message(words.into());
    }

    /// Something is done.
    pub fn done(&self, name: &str, facts: &str, json: Value) {
        let mut line = json!({ "step": name });
        if let (Some(line), Value::Object(facts)) = (line.as_object_mut(), json) {
            line.extend(facts);
        }
        if self.output.quiet {
            return;
        }
        self.spinner.suspend(|| match self.output.json {
            true => say!("{line}"),
            false => say!(
                "{} {} {}",
                style("✓").green(),
                style(format!("{:<14}", printable(name))).bold(),
                printable(facts)
            ),
        });
    }

    /// A message did something on chain.
    pub fn on_chain(&self, name: &str, epoch: ChainEpoch, message: &str, cost: &TokenAmount) {
        let facts = format!("epoch {epoch}  {message}  {}", format_amount(cost));
        let json = json!({
            "epoch": epoch,
            "message": message,
            "cost": cost.atto().to_string(),
        });
        self.done(name, &facts, json);
    }

    /// Nothing more to wait for.
    pub fn finish(&self) {
        self.spinner.finish_and_clear();
    }
}

/// Waits until an order is active.
///
/// # Errors
/// Nothing came of it, or its time has passed.
pub fn follow(
    rpc: &Rpc,
    provider: &Provider,
    order: u64,
    progress: &Progress,
) -> Result<Order, Failure> {
    let clock = Clock::of(rpc)?;
    let mut shown = 0;
    loop {
        let now = provider.order(order)?;
        for step in now.steps.get(shown..).unwrap_or_default() {
            progress.on_chain(&step.name, step.epoch, &step.message, &step.cost);
        }
        shown = shown.max(now.steps.len());
        match now.state.as_str() {
            "active" => return Ok(now),
            "failed" | "expired" | "slashed" => return Err(came_to_nothing(&now)),
            _ => {}
        }
        let epoch = epoch(rpc)?;
        if epoch > now.start_epoch {
            return Err(Failure::new(format!(
                "the deal was to begin in epoch {}, and is {} in epoch {epoch}",
                now.start_epoch, now.state
            ))
            .help("was the provider stopped? `boatyard provider list` shows it"));
        }
        progress.now(format!("{}, epoch {epoch}", printable(&now.state)));
        clock.pass(rpc)?;
    }
}

fn came_to_nothing(order: &Order) -> Failure {
    let failure = Failure::new(format!(
        "nothing came of the deal: order {} has {}",
        order.order,
        printable(&order.state)
    ));
    match &order.error {
        Some(error) => failure.why(printable(error)),
        None => failure,
    }
}

/// How time passes on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clock {
    /// When somebody asks for it.
    OnDemand,
    /// By itself, or when somebody else asks.
    Elsewhere,
}

impl Clock {
    fn of(rpc: &Rpc) -> Result<Self, Failure> {
        let info: Value = rpc.call("boatyard_nodeInfo", [])?;
        Ok(match info["mining"].as_str() {
            Some("on_message") => Clock::OnDemand,
            _ => Clock::Elsewhere,
        })
    }

    /// Lets an epoch pass, or a moment.
    fn pass(self, rpc: &Rpc) -> Result<(), Failure> {
        match self {
            Clock::OnDemand => {
                let _epoch: Value = rpc.call("boatyard_advance", [json!(1)])?;
            }
            Clock::Elsewhere => thread::sleep(PAUSE),
        }
        Ok(())
    }
}
