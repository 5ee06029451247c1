//! What happens to messages, in the node's log: failures with their reason decoded.

use std::sync::Arc;

use boatyard_chain::ethereum::from_cbor_bytes;
use boatyard_chain::{ChainEvent, ExecutedMessage, ExecutedTipset};
use tracing::Level;

use crate::eth::revert::{exit_text, reason};
use crate::fil::json::address_text;
use crate::follow::Follower;
use crate::node::Node;

/// Target of the log lines, for filters.
const TARGET: &str = "messages";

/// Tells of every message that is executed, until the chain stops: of successes at level
/// info, of failures at level warn. Does nothing where nobody listens.
pub fn start(node: &Arc<Node>) {
    if !tracing::enabled!(target: TARGET, Level::WARN) {
        return;
    }
    let mut follower = Follower::new(&node.chain);
    let node = node.clone();
    tokio::spawn(async move {
        loop {
            let event = tokio::select! {
                event = follower.next() => event,
                () = node.stopping() => None,
            };
            match event {
                Some(ChainEvent::Applied(tipset)) => tell(&node, &tipset),
                Some(_) => {}
                None => break,
            }
        }
    });
}

fn tell(node: &Node, tipset: &ExecutedTipset) {
    let epoch = tipset.height();
    for message in tipset.messages.iter() {
        let fields = &message.signed.message;
        let (from, to) = (address_text(&fields.from), address_text(&fields.to));
        let gas = message.receipt.gas_used;
        let hash = message.eth_hash;
        if message.receipt.exit_code.is_success() {
            tracing::info!(target: TARGET, %hash, from, to, epoch, gas, "executed");
        } else {
            let why = why(node, message);
            tracing::warn!(target: TARGET, %hash, from, to, epoch, gas, "failed: {why}");
        }
    }
}

/// The reason of a contract's revert, else what the actor or the machine said.
fn why(node: &Node, message: &ExecutedMessage) -> String {
    let decoded = from_cbor_bytes(message.receipt.return_data.bytes())
        .and_then(|data| reason(&data, &node.abis));
    let exit = exit_text(message.receipt.exit_code);
    match (decoded, &message.error) {
        (Some(reason), _) => harmless(&reason),
        (None, Some(words)) => format!("exit {exit}: {}", harmless(words)),
        (None, None) => format!("exit {exit}"),
    }
}

/// Longest reason that is shown, in characters.
const LONGEST: usize = 1_000;

/// What others wrote does not command the terminal.
fn harmless(text: &str) -> String {
    text.chars()
        .take(LONGEST)
        .flat_map(|letter| {
            let spelled: Vec<char> = match letter.is_control() {
                true => letter.escape_default().collect(),
                false => vec![letter],
            };
            spelled
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_do_not_command_the_terminal() {
        assert_eq!(harmless("no\u{1b}[2Jway\n"), "no\\u{1b}[2Jway\\n");
        assert_eq!(harmless(&"é".repeat(2_000)).chars().count(), LONGEST);
    }
}
