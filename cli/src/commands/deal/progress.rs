//! A deal on its way, step by step.

use std::thread;
use std::time::{Duration, Instant};

use boatyard_abi::format_amount;
use console::{StyledObject, style};
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use indicatif::ProgressBar;
use serde_json::{Value, json};

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
        self.line(name, style("✓").green(), facts, json);
    }

    /// Something has to be done elsewhere before it goes on.
    pub fn waits(&self, facts: &str, json: Value) {
        self.line("waiting", style("…").yellow(), facts, json);
    }

    fn line(&self, name: &str, mark: StyledObject<&str>, facts: &str, json: Value) {
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
                "{mark} {} {}",
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
    let mut shown = 0;
    let mut last = (0, Instant::now());
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
        let (clock, epoch) = Clock::of(rpc)?;
        if epoch > now.start_epoch {
            return Err(Failure::new(format!(
                "the deal was to begin in epoch {}, and is {} in epoch {epoch}",
                now.start_epoch, now.state
            ))
            .help("was the provider stopped? `boatyard provider list` shows it"));
        }
        progress.now(format!("{}, epoch {epoch}", printable(&now.state)));
        if epoch != last.0 {
            last = (epoch, Instant::now());
        }
        let waited = last.1.elapsed();
        if clock
            .patience(rpc.timeout())
            .is_some_and(|most| waited > most)
        {
            return Err(stands_still(clock, &now, epoch, waited));
        }
        clock.pass(rpc)?;
    }
}

/// No epoch passes any more.
fn stands_still(clock: Clock, order: &Order, epoch: ChainEpoch, since: Duration) -> Failure {
    let failure = Failure::new(format!(
        "no epoch has passed for {} seconds; in epoch {epoch} the deal is {}",
        since.as_secs(),
        printable(&order.state)
    ));
    let number = order.order;
    let then = format!(
        "the provider goes on by itself, and `boatyard deal status order:{number}` shows how far \
         it is; it has to be active by epoch {}",
        order.start_epoch
    );
    match clock {
        Clock::OnRequest => failure.help(format!("{ON_REQUEST}. Then {then}")),
        _ => failure.help(format!(
            "is the node busy? --timeout SECONDS waits longer; {then}"
        )),
    }
}

/// Says so where nothing goes on until somebody lets epochs pass.
///
/// # Errors
/// The node gives no answer.
pub fn announce(rpc: &Rpc, progress: &Progress) -> Result<(), Failure> {
    if Clock::of(rpc)?.0 == Clock::OnRequest {
        progress.waits(ON_REQUEST, json!({ "help": ON_REQUEST }));
    }
    Ok(())
}

/// What to do where epochs pass on request.
const ON_REQUEST: &str = "this node lets epochs pass on request only (--no-mining): \
    `boatyard warp --epochs 30` elsewhere is enough for a deal";

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
    /// When somebody asks for it, as this command does.
    OnDemand,
    /// By itself, every so often.
    ByItself(Duration),
    /// When somebody else asks.
    OnRequest,
}

impl Clock {
    /// The clock of a node, and its epoch.
    fn of(rpc: &Rpc) -> Result<(Self, ChainEpoch), Failure> {
        let info: Value = rpc.call("boatyard_nodeInfo", [])?;
        let epoch = info["epoch"]
            .as_i64()
            .ok_or_else(|| Failure::new("the node does not say which epoch it is"))?;
        let clock = match info["mining"].as_str() {
            Some("on_message") => Clock::OnDemand,
            Some("interval") => {
                let pause = info["interval_ms"].as_u64().unwrap_or_default();
                Clock::ByItself(Duration::from_millis(pause))
            }
            _ => Clock::OnRequest,
        };
        Ok((clock, epoch))
    }

    /// How long an epoch may take; for ever where this command lets them pass.
    fn patience(self, timeout: Duration) -> Option<Duration> {
        match self {
            Clock::OnDemand => None,
            Clock::ByItself(pause) => Some(pause.saturating_add(timeout)),
            Clock::OnRequest => Some(timeout),
        }
    }

    /// Lets an epoch pass, or a moment.
    fn pass(self, rpc: &Rpc) -> Result<(), Failure> {
        match self {
            Clock::OnDemand => {
                let _epoch: Value = rpc.call("boatyard_advance", [json!(1)])?;
            }
            Clock::ByItself(_) | Clock::OnRequest => thread::sleep(PAUSE),
        }
        Ok(())
    }
}
