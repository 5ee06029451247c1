//! Rounding epochs to a raster (spec 00 §18).

use boatyard_sdk::AbiType;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::clock::ChainEpoch;

/// The epochs `offset + n · unit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct QuantSpec {
    /// Distance between two of them, at least 1.
    pub unit: ChainEpoch,
    /// One of them.
    pub offset: ChainEpoch,
}

/// Every epoch.
pub const NO_QUANTIZATION: QuantSpec = QuantSpec { unit: 1, offset: 0 };

impl QuantSpec {
    /// The next epoch of the raster, or `epoch` itself if it is one.
    ///
    /// ```
    /// use boatyard_actors_shared::QuantSpec;
    /// assert_eq!(QuantSpec { unit: 10, offset: 3 }.up(4), 13);
    /// ```
    pub fn up(&self, epoch: ChainEpoch) -> ChainEpoch {
        let offset = self.offset % self.unit;
        let distance = epoch - offset;
        let quotient = distance / self.unit;
        // Division truncates, which already rounds negative distances up.
        if distance % self.unit == 0 || distance < 0 {
            self.unit * quotient + offset
        } else {
            self.unit * (quotient + 1) + offset
        }
    }

    /// The last epoch of the raster that is not after `epoch`.
    pub fn down(&self, epoch: ChainEpoch) -> ChainEpoch {
        let next = self.up(epoch);
        if next == epoch {
            epoch
        } else {
            next - self.unit
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Source: spec 00 §18.
    #[test]
    fn the_sheets_examples() {
        let spec = QuantSpec {
            unit: 10,
            offset: 3,
        };
        for (epoch, up) in [(3, 3), (4, 13), (2, 3), (-7, -7), (-8, -7)] {
            assert_eq!(spec.up(epoch), up, "{epoch}");
        }
        assert_eq!(spec.down(12), 3);
        assert_eq!(NO_QUANTIZATION.up(77), 77);
        assert_eq!(NO_QUANTIZATION.down(77), 77);
    }

    proptest! {
        #[test]
        fn up_and_down_enclose_the_epoch(
            unit in 1i64..5_000,
            offset in 0i64..1_000_000,
            epoch in -1_000_000i64..1_000_000,
        ) {
            let spec = QuantSpec { unit, offset };
            let (down, up) = (spec.down(epoch), spec.up(epoch));
            prop_assert!(down <= epoch && epoch <= up);
            prop_assert_eq!((up - offset) % unit, 0);
            prop_assert!(up - down == unit || (up == epoch && down == epoch));
        }
    }
}
