use super::*;

#[test]
fn a_new_networks_totals_have_the_sheets_form() {
    let rt = power();
    let mut state: State = rt.state();
    state.this_epoch_qa_power_smoothed = FilterEstimate::default();
    rt.set_state(&state);
    let block = rt
        .call::<Power>(CURRENT_TOTAL_POWER, None)
        .unwrap()
        .unwrap();
    assert_eq!(block.data, b"\x86\x40\x40\x40\x82\x40\x40\x00\x00");
}

#[test]
fn totals_are_those_of_the_last_tick() {
    let rt = with_power(&[(MINER, MINIMUM, 3 * MINIMUM)]);
    let mut state: State = rt.state();
    (state.ramp_start_epoch, state.ramp_duration_epochs) = (-7, 365);
    rt.set_state(&state);
    quiet_tick(&rt, 1, MINIMUM);
    assert_eq!(change(&rt.caller(MINER), 1, 1), 0);
    assert_eq!(pledge(&rt, &fil(1)), 0);
    assert_eq!(
        get(&rt, CURRENT_TOTAL_POWER),
        Ok(CurrentTotalPowerReturn {
            raw_byte_power: MINIMUM.into(),
            quality_adj_power: (3 * MINIMUM).into(),
            pledge_collateral: fil(0),
            quality_adj_power_smoothed: rt.state::<State>().this_epoch_qa_power_smoothed,
            ramp_start_epoch: -7,
            ramp_duration_epochs: 365,
        })
    );
    let frozen: BigIntDe = get(&rt, NETWORK_RAW_POWER).unwrap();
    assert_eq!(frozen.0, MINIMUM.into());
}

#[test]
fn counts_and_powers_are_live() {
    let rt = with_power(&[(MINER, MINIMUM, 3 * MINIMUM), (MINER_2, 10, 20)]);
    assert_eq!(get::<i64>(&rt, MINER_COUNT), Ok(2));
    assert_eq!(get::<i64>(&rt, MINER_CONSENSUS_COUNT), Ok(1));
    assert_eq!(
        call(&rt, MINER_POWER, &MINER_2),
        Ok(MinerPowerReturn {
            raw_byte_power: 10.into(),
            quality_adj_power: 20.into(),
        })
    );
}

#[test]
fn bare_values_have_no_array_around_them() {
    let rt = with_power(&[(MINER, MINIMUM, MINIMUM)]);
    quiet_tick(&rt, 1, MINIMUM);
    for (method, bytes) in [
        (MINER_COUNT, &b"\x01"[..]),
        (MINER_CONSENSUS_COUNT, b"\x01"),
        (NETWORK_RAW_POWER, b"\x43\x00\x08\x00"),
    ] {
        let block = rt.call::<Power>(method, None).unwrap().unwrap();
        assert_eq!(block.data, bytes);
    }
}

#[test]
fn strangers_have_no_power() {
    let rt = with_miners(&[MINER]);
    for stranger in [ACCOUNT, MINER_2, u64::MAX] {
        assert_eq!(
            call::<MinerPowerReturn>(&rt, MINER_POWER, &stranger),
            Err(Some(17))
        );
        assert_eq!(
            call::<MinerRawPowerReturn>(&rt, MINER_RAW_POWER, &stranger),
            Err(Some(16))
        );
    }
    assert_eq!(code(&rt, MINER_POWER, &(MINER,)), 21, "the ID is bare");
    assert_eq!(code(&rt, MINER_POWER, &-1), 21);
}

/// Any power is enough while fewer than four miners reach the minimum.
#[test]
fn small_miners_may_mine_while_large_ones_are_few() {
    let large = |count: u64| {
        let mut claims = vec![(MINER, 1, 1), (MINER_2, 0, 0)];
        claims.extend((0..count).map(|i| (2_000 + i, MINIMUM, MINIMUM)));
        with_power(&claims)
    };
    let may_mine = |rt: &MockRuntime, miner: ActorID| {
        let power: MinerRawPowerReturn = call(rt, MINER_RAW_POWER, &miner).unwrap();
        power.meets_consensus_minimum
    };
    for (count, small) in [(0, true), (1, true), (3, true), (4, false), (5, false)] {
        let rt = large(count);
        assert_eq!(may_mine(&rt, MINER), small, "{count}");
        assert!(!may_mine(&rt, MINER_2), "no power at all");
        if count > 0 {
            assert!(may_mine(&rt, 2_000));
        }
    }
}

#[test]
fn getters_work_in_read_only_calls() {
    let rt = with_miners(&[MINER]);
    assert_eq!(get::<i64>(&rt.read_only(), MINER_COUNT), Ok(1));
    assert_eq!(get::<i64>(&rt.read_only(), MINER_CONSENSUS_COUNT), Ok(0));
    assert!(get::<BigIntDe>(&rt.read_only(), NETWORK_RAW_POWER).is_ok());
    assert!(get::<CurrentTotalPowerReturn>(&rt.read_only(), CURRENT_TOTAL_POWER).is_ok());
    assert!(call::<MinerPowerReturn>(&rt.read_only(), MINER_POWER, &MINER).is_ok());
    assert!(call::<MinerRawPowerReturn>(&rt.read_only(), MINER_RAW_POWER, &MINER).is_ok());
}
