//! Base fee and gas premium.

use fvm_shared::econ::TokenAmount;

use crate::message::Authority;
use crate::tipset::ExecutedMessage;

/// Gas that the messages of a block may ask for together.
pub const BLOCK_GAS_LIMIT: u64 = 10_000_000_000;
/// The lowest base fee, in attoFIL.
pub const MINIMUM_BASE_FEE: u64 = 100;

/// Base fee after a tipset of one block, from its messages' premiums (FIP-0115,
/// spec 10 §2.12).
///
/// A block counts as full of messages without premium where it is not full. The
/// price P is the lowest premium at or below which more than a fifth of its gas
/// lies; the fee moves towards P by at most an eighth, and falls by an eighth
/// while P is 0.
pub(crate) fn next_base_fee(base_fee: &TokenAmount, messages: &[ExecutedMessage]) -> TokenAmount {
    let bids = messages.iter().map(|message| {
        let premium = match message.authority {
            Authority::Signed => effective_premium(
                base_fee,
                &message.signed.message.gas_fee_cap,
                &message.signed.message.gas_premium,
            ),
            // Pays nothing, so it bids nothing.
            Authority::Impersonated => TokenAmount::default(),
        };
        (premium, message.signed.message.gas_limit)
    });
    step_towards(price(bids.collect()), base_fee)
}

fn step_towards(price: TokenAmount, base_fee: &TokenAmount) -> TokenAmount {
    let step = base_fee.div_ceil(8);
    let change = step.clone().min(price - step);
    (base_fee + change).max(TokenAmount::from_atto(MINIMUM_BASE_FEE))
}

/// What of a premium the fee cap leaves room for: max(0, min(premium, cap − base)).
pub(crate) fn effective_premium(
    base_fee: &TokenAmount,
    fee_cap: &TokenAmount,
    premium: &TokenAmount,
) -> TokenAmount {
    premium
        .clone()
        .min(fee_cap - base_fee)
        .max(TokenAmount::default())
}

fn price(mut bids: Vec<(TokenAmount, u64)>) -> TokenAmount {
    // From the dearest on, until the block is full: the cheapest tail is cut.
    bids.sort_by(|one, other| other.0.cmp(&one.0));
    let mut room = BLOCK_GAS_LIMIT;
    for (_, gas) in &mut bids {
        *gas = (*gas).min(room);
        room -= *gas;
    }
    // `room` is what is padded with zero.
    let mut below = room;
    let threshold = BLOCK_GAS_LIMIT / 5;
    if below > threshold {
        return TokenAmount::default();
    }
    for (premium, gas) in bids.iter().rev() {
        below += gas;
        if below > threshold {
            return premium.clone();
        }
    }
    TokenAmount::default()
}

/// A premium with which a message should be mined within `blocks` tipsets: the
/// median of what the last `2 · blocks` of them paid, but not less than a floor
/// that is lower for those who wait longer (spec 10 §2.12).
pub(crate) fn premium_estimate(blocks: u64, mut paid: Vec<(TokenAmount, u64)>) -> TokenAmount {
    let blocks = blocks.max(1);
    let floor = TokenAmount::from_atto(match blocks {
        1 => 200_000,
        2 => 150_000,
        _ => 100_000,
    });
    paid.sort_by(|one, other| other.0.cmp(&one.0));
    // Half of the gas that blocks aim at.
    let mut gas = i128::from(BLOCK_GAS_LIMIT / 2) * i128::from(blocks) / 2;
    let mut last = None::<&TokenAmount>;
    for (premium, limit) in &paid {
        gas -= i128::from(*limit);
        if gas < 0 {
            let median = match last {
                Some(last) => (premium + last).div_floor(2),
                None => premium.clone(),
            };
            return median.max(floor);
        }
        last = Some(premium);
    }
    floor
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn atto(amount: u64) -> TokenAmount {
        TokenAmount::from_atto(amount)
    }

    fn next(base: u64, bids: &[(u64, u64)]) -> TokenAmount {
        let price = price(
            bids.iter()
                .map(|(premium, gas)| (atto(*premium), *gas))
                .collect(),
        );
        step_towards(price, &atto(base))
    }

    #[test]
    fn the_fee_of_a_quiet_chain_falls_by_an_eighth_down_to_the_floor() {
        assert_eq!(next_base_fee(&atto(100_000_000), &[]), atto(87_500_000));
        assert_eq!(next_base_fee(&atto(801), &[]), atto(700));
        assert_eq!(next_base_fee(&atto(110), &[]), atto(100));
        assert_eq!(next_base_fee(&atto(100), &[]), atto(100));
        let mut fee = atto(100_000_000);
        for _ in 0..110 {
            fee = next_base_fee(&fee, &[]);
        }
        assert_eq!(fee, atto(100));
    }

    #[test]
    fn only_a_block_filled_to_four_fifths_raises_the_fee() {
        let premium = 1_000_000;
        assert_eq!(next(1_000, &[(premium, 7_999_999_999)]), atto(875));
        assert_eq!(next(1_000, &[(premium, 8_000_000_000)]), atto(1_125));
        assert_eq!(next(1_000, &[(premium, BLOCK_GAS_LIMIT)]), atto(1_125));
    }

    #[test]
    fn a_low_price_moves_the_fee_by_less_than_an_eighth() {
        // P = 150: 1000 + min(125, 150 − 125).
        assert_eq!(next(1_000, &[(150, BLOCK_GAS_LIMIT)]), atto(1_025));
        assert_eq!(next(1_000, &[(125, BLOCK_GAS_LIMIT)]), atto(1_000));
    }

    #[test]
    fn the_cheapest_tail_beyond_a_block_does_not_count() {
        assert_eq!(
            next(1_000, &[(1, 5_000_000_000), (1_000, BLOCK_GAS_LIMIT)]),
            next(1_000, &[(1_000, BLOCK_GAS_LIMIT)])
        );
        assert_eq!(
            price(vec![(atto(7), 7_000_000_000), (atto(3), 3_000_000_000)]),
            atto(3)
        );
        assert_eq!(
            price(vec![(atto(7), 8_000_000_001), (atto(3), 1_999_999_999)]),
            atto(7)
        );
    }

    #[test]
    fn without_traffic_the_premium_is_the_floor() {
        assert_eq!(premium_estimate(0, vec![]), atto(200_000));
        assert_eq!(premium_estimate(1, vec![(atto(5), 10)]), atto(200_000));
        assert_eq!(premium_estimate(2, vec![]), atto(150_000));
        assert_eq!(premium_estimate(10, vec![]), atto(100_000));
    }

    #[test]
    fn with_full_blocks_the_premium_is_about_the_median() {
        let paid = vec![
            (atto(1_000_000), 2_000_000_000),
            (atto(3_000_000), 2_000_000_000),
            (atto(2_000_000), 2_000_000_000),
        ];
        assert_eq!(premium_estimate(1, paid), atto(2_500_000));
    }

    proptest! {
        #[test]
        fn the_fee_never_moves_by_more_than_an_eighth(
            base in 100u64..1 << 40,
            bids in prop::collection::vec((0u64..1 << 40, 1u64..BLOCK_GAS_LIMIT), 0..20),
        ) {
            let after = next(base, &bids);
            let step = atto(base).div_ceil(8);
            prop_assert!(after <= atto(base) + step.clone());
            prop_assert!(after >= (atto(base) - step).min(atto(base)).max(atto(MINIMUM_BASE_FEE)));
        }
    }
}
