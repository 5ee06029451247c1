//! Sectors and their proof types, as far as `fvm_shared` does not say (spec 00 §17).

use fvm_shared::sector::{RegisteredSealProof, SectorNumber};

/// The highest sector number.
pub const MAX_SECTOR_NUMBER: SectorNumber = i64::MAX as u64;

/// Length of a PoSt proof, of every type, in bytes.
pub const POST_PROOF_BYTES: usize = 192;

/// How a seal proof came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealFamily {
    /// StackedDRG V1, the oldest.
    V1,
    /// StackedDRG V1P1.
    V1P1,
    /// V1P1 with synthetic challenges.
    Synthetic,
    /// V1P2, non-interactive.
    NonInteractive,
}

/// The family of a seal proof type; `None` for an unknown number.
pub fn seal_family(proof: RegisteredSealProof) -> Option<SealFamily> {
    match i64::from(proof) {
        0..=4 => Some(SealFamily::V1),
        5..=9 => Some(SealFamily::V1P1),
        10..=14 => Some(SealFamily::Synthetic),
        15..=19 => Some(SealFamily::NonInteractive),
        _ => None,
    }
}

/// Length of a seal proof in bytes; `None` for an unknown number.
pub fn seal_proof_bytes(proof: RegisteredSealProof) -> Option<usize> {
    let large = i64::from(proof) % 5 >= 3;
    Some(match (seal_family(proof)?, large) {
        (SealFamily::NonInteractive, false) => 14_164,
        (SealFamily::NonInteractive, true) => 23_092,
        (_, false) => 192,
        (_, true) => 1_920,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sheet's table against both `fvm_shared` and this module.
    #[test]
    fn every_seal_proof_has_the_sheets_sizes() {
        let sizes = [
            2_048,
            8_388_608,
            536_870_912,
            34_359_738_368,
            68_719_476_736,
        ];
        let partitions = [2, 2, 2, 2_349, 2_300];
        let interactive = [192, 192, 192, 1_920, 1_920];
        let non_interactive = [14_164, 14_164, 14_164, 23_092, 23_092];
        for number in 0..20i64 {
            let proof = RegisteredSealProof::from(number);
            let column = (number % 5) as usize;
            assert_eq!(proof.sector_size().unwrap() as u64, sizes[column]);
            assert_eq!(
                proof.window_post_partition_sectors().unwrap(),
                partitions[column]
            );
            assert_eq!(
                i64::from(proof.registered_window_post_proof().unwrap()),
                10 + column as i64
            );
            assert_eq!(
                i64::from(proof.registered_update_proof().unwrap()),
                column as i64
            );
            let lengths = if number < 15 {
                interactive
            } else {
                non_interactive
            };
            assert_eq!(seal_proof_bytes(proof), Some(lengths[column]), "{number}");
        }
        for number in [-1, 20, i64::MAX] {
            let proof = RegisteredSealProof::from(number);
            assert!(proof.sector_size().is_err() && seal_proof_bytes(proof).is_none());
        }
    }
}
