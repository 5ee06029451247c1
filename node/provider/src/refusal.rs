//! Orders for whose sake the chain refuses to take a sector.
//!
//! A sector is proven, or updated, by one message for all of its orders. Any of them can
//! make it fail: a contract that refuses to be told, an allocation that is gone. If
//! nothing were done, the pre-commit would run out and its deposit be lost, and the other
//! orders with it. So once such a message has failed, it is tried without what its orders
//! ask for, and then with one after another: those that make it fail are given up.

use boatyard_chain::Turn;
use boatyard_miner::types::PieceActivationManifest;
use fvm_ipld_encoding::RawBytes;
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;
use fvm_shared::message::Message;

use crate::order::{Order, Purpose};
use crate::pipeline::{PipelineError, manifests};
use crate::provider::Shelf;
use crate::record::SectorPiece;
use crate::task::Task;

/// Gives up those orders of a sector that make its message fail, if that has happened.
/// `params` encodes the message's parameters with what its pieces ask for.
pub(crate) fn settle(
    shelf: &mut Shelf<'_>,
    turn: &Turn<'_>,
    task: &Task,
    pieces: &[SectorPiece],
    method: u64,
    params: impl Fn(Vec<PieceActivationManifest>) -> Result<RawBytes, PipelineError>,
) -> Result<(), PipelineError> {
    if !shelf.tasks.is_doubtful(task) {
        return Ok(());
    }
    let trial = |manifests: &[PieceActivationManifest]| -> Result<_, PipelineError> {
        let message = Message {
            version: 0,
            from: shelf.config.worker.address(),
            to: Address::new_id(shelf.config.miner),
            sequence: 0,
            value: TokenAmount::default(),
            method_num: method,
            params: params(manifests.to_vec())?,
            gas_limit: 0,
            gas_fee_cap: TokenAmount::default(),
            gas_premium: TokenAmount::default(),
        };
        let applied = turn.call(message)?;
        let exit = applied.receipt.exit_code;
        Ok(match exit.is_success() {
            true => None,
            false => Some(applied.error.unwrap_or_else(|| format!("exit code {exit}"))),
        })
    };
    let wanted = manifests(shelf.orders, pieces);
    // What passes here and fails on chain nevertheless depends on who is told.
    let distrusted: Vec<bool> = pieces
        .iter()
        .map(|piece| shelf.tasks.is_two_faced(task) && is_told(shelf.orders.get(&piece.order)))
        .collect();
    for (index, reason) in refused(&wanted, &distrusted, trial)? {
        let order = pieces.get(index).map(|piece| piece.order);
        let Some(mut order) = order.and_then(|id| shelf.orders.get(&id)).cloned() else {
            continue;
        };
        tracing::warn!(miner = shelf.config.miner, order = order.id, %task, reason, "an order is given up so that its sector is not lost");
        order.failed = Some(format!(
            "its sector cannot be proven together with what it asks for: {reason}"
        ));
        shelf.put_order(order)?;
    }
    Ok(())
}

/// Whether somebody other than the market is told of an order.
fn is_told(order: Option<&Order>) -> bool {
    match order.map(|order| &order.purpose) {
        Some(Purpose::Allocation { notify, .. } | Purpose::Favour { notify }) => !notify.is_empty(),
        Some(Purpose::Deal { .. }) | None => false,
    }
}

/// Which pieces, by their place, make a message fail, and how. `trial` gives the reason
/// why it fails with these wishes, or nothing. None is refused when it fails without any.
fn refused<E>(
    wanted: &[PieceActivationManifest],
    distrusted: &[bool],
    trial: impl Fn(&[PieceActivationManifest]) -> Result<Option<String>, E>,
) -> Result<Vec<(usize, String)>, E> {
    let distrusts = |index: usize| distrusted.get(index).copied().unwrap_or_default();
    let suspects = (0..wanted.len()).any(distrusts);
    if !suspects && trial(wanted)?.is_none() {
        return Ok(Vec::new());
    }
    let bare = |piece: &PieceActivationManifest| PieceActivationManifest {
        verified_allocation_key: None,
        notify: Vec::new(),
        ..piece.clone()
    };
    let mut kept: Vec<PieceActivationManifest> = wanted.iter().map(bare).collect();
    if trial(&kept)?.is_some() {
        return Ok(Vec::new());
    }
    let mut refused = Vec::new();
    for (index, piece) in wanted.iter().enumerate() {
        let asks = piece.verified_allocation_key.is_some() || !piece.notify.is_empty();
        let Some(place) = kept.get_mut(index).filter(|_| asks) else {
            continue;
        };
        if distrusts(index) {
            let reason = "the message was tried and passed, and failed on chain all the same";
            refused.push((index, reason.to_owned()));
            continue;
        }
        let without = std::mem::replace(place, piece.clone());
        if let Some(reason) = trial(&kept)? {
            refused.push((index, reason));
            if let Some(place) = kept.get_mut(index) {
                *place = without;
            }
        }
    }
    Ok(refused)
}

#[cfg(test)]
mod tests {
    use super::*;
    use boatyard_miner::types::DataActivationNotification;
    use boatyard_proofs::piece;
    use std::convert::Infallible;

    /// A piece of which this actor is told.
    fn told(actor: u64) -> PieceActivationManifest {
        let info = piece::of_bytes(&actor.to_be_bytes());
        PieceActivationManifest {
            cid: info.cid,
            size: info.size,
            verified_allocation_key: None,
            notify: vec![DataActivationNotification {
                address: Address::new_id(actor),
                payload: RawBytes::default(),
            }],
        }
    }

    /// Fails with everybody of these who is told.
    fn against(
        enemies: &[u64],
    ) -> impl Fn(&[PieceActivationManifest]) -> Result<Option<String>, Infallible> {
        let enemies: Vec<Address> = enemies.iter().copied().map(Address::new_id).collect();
        move |pieces| {
            let mut told = pieces.iter().flat_map(|piece| &piece.notify);
            let enemy = told.find(|told| enemies.contains(&told.address));
            Ok(enemy.map(|told| format!("{} refuses", told.address)))
        }
    }

    #[test]
    fn those_who_refuse_are_found_and_nobody_else() {
        let wanted: Vec<_> = [1, 2, 3, 4].map(told).to_vec();
        let nobody = vec![false; 4];
        let found = refused(&wanted, &nobody, against(&[2, 4])).unwrap();
        let expected = [(1, "f02 refuses".to_owned()), (3, "f04 refuses".to_owned())];
        assert_eq!(found, expected);
        assert_eq!(refused(&wanted, &nobody, against(&[])).unwrap(), []);
        let always = |_: &[PieceActivationManifest]| Ok::<_, Infallible>(Some("no money".into()));
        assert_eq!(refused(&wanted, &nobody, always).unwrap(), []);
    }

    #[test]
    fn who_passes_every_trial_and_fails_on_chain_is_left_out() {
        let wanted: Vec<_> = [1, 2, 3].map(told).to_vec();
        let found = refused(&wanted, &[false, true, false], against(&[3])).unwrap();
        let places: Vec<usize> = found.iter().map(|(index, _)| *index).collect();
        assert_eq!(places, [1, 2]);
        let always = |_: &[PieceActivationManifest]| Ok::<_, Infallible>(Some("no money".into()));
        assert_eq!(refused(&wanted, &[true; 3], always).unwrap(), []);
    }
}
