//! Telling those whom manifests name of the pieces that sectors hold (spec 05 §17).

use std::collections::BTreeMap;

use boatyard_actors_shared::ext::market::{
    PieceChange, SECTOR_CONTENT_CHANGED, SectorChanges, SectorContentChangedParams,
    SectorContentChangedReturn,
};
use boatyard_sdk::{ActorError, Runtime, SendResult, cbor_params};
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;
use fvm_shared::error::ExitCode;
use num_traits::Zero;

use crate::exit_codes::{
    ERR_NOTIFICATION_RECEIVER_ABORTED, ERR_NOTIFICATION_REJECTED,
    ERR_NOTIFICATION_RESPONSE_INVALID, ERR_NOTIFICATION_SEND_FAILED,
};
use crate::pieces::SectorPieces;

/// Sends what every receiver is to know, receiver by receiver. The state says it
/// already.
///
/// Receivers are told apart by the address as it is written, not by what it resolves
/// to.
///
/// # Errors
/// None unless `must_succeed`. Then the first problem ends the message:
///
/// | exit code | when |
/// |---|---|
/// | 1001 | a receiver cannot be called |
/// | 1002 | it fails |
/// | 1003 | it does not answer, or not for every piece |
/// | 1004 | it refuses a piece |
pub(crate) fn notify<'a>(
    rt: &impl Runtime,
    sectors: impl IntoIterator<Item = SectorPieces<'a>>,
    must_succeed: bool,
) -> Result<(), ActorError> {
    for (receiver, changes) in by_receiver(sectors) {
        let answer = rt.send(
            &receiver,
            SECTOR_CONTENT_CHANGED,
            cbor_params(&changes)?,
            TokenAmount::zero(),
        );
        if must_succeed {
            check_answer(&changes, answer)
                .map_err(|error| error.context(format_args!("notifying {receiver}")))?;
        }
    }
    Ok(())
}

/// Receivers by address, in each the sectors by number, in each the pieces in the
/// order of the manifest.
fn by_receiver<'a>(
    sectors: impl IntoIterator<Item = SectorPieces<'a>>,
) -> BTreeMap<Address, SectorContentChangedParams> {
    let mut receivers: BTreeMap<Address, BTreeMap<_, SectorChanges>> = BTreeMap::new();
    for sector in sectors {
        for piece in sector.pieces {
            for notification in &piece.notify {
                receivers
                    .entry(notification.address)
                    .or_default()
                    .entry(sector.sector)
                    .or_insert_with(|| SectorChanges {
                        sector: sector.sector,
                        minimum_commitment_epoch: sector.expiration,
                        added: vec![],
                    })
                    .added
                    .push(PieceChange {
                        data: piece.cid,
                        size: piece.size,
                        payload: notification.payload.clone(),
                    });
            }
        }
    }
    receivers
        .into_iter()
        .map(|(receiver, changes)| (receiver, changes.into_values().collect()))
        .collect()
}

fn check_answer(changes: &[SectorChanges], answer: SendResult) -> Result<(), ActorError> {
    let problem = |code: ExitCode, words: String| Err(ActorError::new(code, words));
    let response = match answer {
        Ok(response) => response,
        Err(refusal) => {
            return problem(
                ERR_NOTIFICATION_SEND_FAILED,
                format!("the call was not made: {refusal}"),
            );
        }
    };
    if !response.exit_code.is_success() {
        return problem(
            ERR_NOTIFICATION_RECEIVER_ABORTED,
            format!("it failed with exit code {}", response.exit_code.value()),
        );
    }
    let Some(block) = response.return_data else {
        return problem(
            ERR_NOTIFICATION_RESPONSE_INVALID,
            "it answered nothing".into(),
        );
    };
    let accepted: SectorContentChangedReturn = match block.deserialize() {
        Ok(accepted) => accepted,
        Err(error) => {
            return problem(
                ERR_NOTIFICATION_RESPONSE_INVALID,
                format!("its answer does not decode: {error}"),
            );
        }
    };
    let right_shape = accepted.len() == changes.len()
        && accepted
            .iter()
            .zip(changes)
            .all(|(answers, sector)| answers.len() == sector.added.len());
    if !right_shape {
        return problem(
            ERR_NOTIFICATION_RESPONSE_INVALID,
            "it did not answer for every piece of every sector".into(),
        );
    }
    if accepted.iter().flatten().any(|accepted| !accepted) {
        return problem(ERR_NOTIFICATION_REJECTED, "it refused a piece".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use boatyard_mock::{ExpectedSend, MockRuntime};
    use cid::Cid;
    use fvm_ipld_encoding::RawBytes;
    use fvm_shared::error::ErrorNumber;
    use fvm_shared::piece::PaddedPieceSize;

    use super::*;
    use crate::types::{DataActivationNotification, PieceActivationManifest};

    const CONTRACT: Address = Address::new_id(2_000);
    const OTHER: Address = Address::new_id(256);

    fn piece(size: u64, notify: &[(Address, u8)]) -> PieceActivationManifest {
        PieceActivationManifest {
            cid: Cid::default(),
            size: PaddedPieceSize(size),
            verified_allocation_key: None,
            notify: notify
                .iter()
                .map(|(address, payload)| DataActivationNotification {
                    address: *address,
                    payload: RawBytes::new(vec![*payload]),
                })
                .collect(),
        }
    }

    fn change(size: u64, payload: u8) -> PieceChange {
        PieceChange {
            data: Cid::default(),
            size: PaddedPieceSize(size),
            payload: RawBytes::new(vec![payload]),
        }
    }

    fn changes(sector: u64, added: Vec<PieceChange>) -> SectorChanges {
        SectorChanges {
            sector,
            minimum_commitment_epoch: 1_000 + sector as i64,
            added,
        }
    }

    fn notify_of(
        rt: &MockRuntime,
        sectors: &[(u64, Vec<PieceActivationManifest>)],
        must_succeed: bool,
    ) -> Result<(), u32> {
        let sectors = sectors.to_vec();
        rt.within(move |rt| {
            rt.accept_any_caller()?;
            let told = sectors.iter().map(|(sector, pieces)| SectorPieces {
                sector: *sector,
                expiration: 1_000 + *sector as i64,
                pieces,
            });
            notify(rt, told, must_succeed)
        })
        .map_err(|error| error.exit_code().value())
    }

    #[test]
    fn each_receiver_hears_once_by_the_order_of_addresses() {
        let rt = MockRuntime::new();
        let key = Address::new_secp256k1(&[7; 65]).unwrap();
        let short = Address::new_delegated(10, &[9]).unwrap();
        let long = Address::new_delegated(10, &[1, 1]).unwrap();
        let sectors = [
            (
                9,
                vec![
                    piece(128, &[(long, 1), (CONTRACT, 2), (CONTRACT, 3)]),
                    piece(256, &[(short, 4), (CONTRACT, 5)]),
                ],
            ),
            (8, vec![piece(512, &[(OTHER, 6), (CONTRACT, 7), (key, 8)])]),
        ];
        for (receiver, expected) in [
            (OTHER, vec![changes(8, vec![change(512, 6)])]),
            (
                CONTRACT,
                vec![
                    changes(8, vec![change(512, 7)]),
                    changes(9, vec![change(128, 2), change(128, 3), change(256, 5)]),
                ],
            ),
            (key, vec![changes(8, vec![change(512, 8)])]),
            (short, vec![changes(9, vec![change(256, 4)])]),
            (long, vec![changes(9, vec![change(128, 1)])]),
        ] {
            let accepted: Vec<_> = expected.iter().map(|s| vec![true; s.added.len()]).collect();
            rt.expect_send(receiver, SECTOR_CONTENT_CHANGED)
                .params(&expected)
                .returns(&accepted);
        }
        assert_eq!(notify_of(&rt, &sectors, true), Ok(()));
    }

    #[test]
    fn only_who_must_succeed_is_listened_to() {
        let sectors = [(8, vec![piece(128, &[(OTHER, 1), (CONTRACT, 2)])])];
        let yes = vec![vec![true]];
        type Answer = fn(ExpectedSend<'_>);
        let problems: [(&str, u32, Answer); 8] = [
            ("not called", 1001, |send| {
                send.refused(ErrorNumber::NotFound);
            }),
            ("failed", 1002, |send| {
                send.exits(33);
            }),
            ("failed of the system's", 1002, |send| {
                send.exits(7);
            }),
            ("no answer", 1003, |_| ()),
            ("another type", 1003, |send| {
                send.returns("yes");
            }),
            ("too few sectors", 1003, |send| {
                send.returns(&Vec::<Vec<bool>>::new());
            }),
            ("too many pieces", 1003, |send| {
                send.returns(&[[true, false]]);
            }),
            ("refused", 1004, |send| {
                send.returns(&[[false]]);
            }),
        ];
        for (what, code, answer) in problems {
            let rt = MockRuntime::new();
            answer(rt.expect_send(OTHER, SECTOR_CONTENT_CHANGED).any_params());
            assert_eq!(notify_of(&rt, &sectors, true), Err(code), "{what}");

            let rt = MockRuntime::new();
            answer(rt.expect_send(OTHER, SECTOR_CONTENT_CHANGED).any_params());
            rt.expect_send(CONTRACT, SECTOR_CONTENT_CHANGED)
                .any_params()
                .returns(&yes);
            assert_eq!(notify_of(&rt, &sectors, false), Ok(()), "{what}");
        }
    }
}
