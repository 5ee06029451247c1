use super::*;

#[test]
fn only_miners_change_their_power() {
    let rt = with_miners(&[MINER]);
    for caller in [0, ACCOUNT, CRON_ACTOR_ID] {
        assert_eq!(change(&rt.caller(caller), 1, 1), 18);
    }
    let contract = rt.caller_of_type(1_234, Type::Evm);
    assert_eq!(change(&contract, 1, 1), 18);
    let malformed = code(&rt.caller(ACCOUNT), UPDATE_CLAIMED_POWER, &(1, 2, 3));
    assert_eq!(malformed, 21, "parameters come before the caller");
}

#[test]
fn a_miner_without_a_claim_has_no_power_to_change() {
    let rt = with_miners(&[MINER]).caller_of_type(MINER_2, Type::Miner);
    assert_eq!(change(&rt, 0, 0), 17);
}

/// Source: spec 03 §4.3.
#[test]
fn the_sheets_power_has_the_sheets_head() {
    let rt = with_miners(&[MINER]);
    assert_eq!(enroll(&rt, 101, b"\x81\x01"), 0);
    assert_eq!(change(&rt, 4_096, 20_480), 0);
    assert_eq!(
        rt.head().to_string(),
        "bafy2bzacedmcn3vqick6bpnuacwytdhm2oudwn2e5e2zsgdwsi5hqmkykgaco"
    );
}

#[test]
fn the_whole_claim_counts_from_the_minimum_on() {
    let rt = with_miners(&[MINER, MINER_2]);
    let count = |rt: &MockRuntime| state(rt).miner_above_min_power_count;

    assert_eq!(change(&rt, MINIMUM - 1, 10 * MINIMUM), 0);
    let (below, qa) = (MINIMUM - 1, 10 * MINIMUM);
    assert_eq!(
        totals(&rt),
        bytes([0, below, 0, qa]),
        "quality does not matter"
    );
    assert_eq!(count(&rt), 0);

    assert_eq!(change(&rt, 1, 5), 0);
    let qa = qa + 5;
    assert_eq!(totals(&rt), bytes([MINIMUM, MINIMUM, qa, qa]));
    assert_eq!(count(&rt), 1);

    assert_eq!(change(&rt, 100, -5), 0);
    let (raw, qa) = (MINIMUM + 100, qa - 5);
    assert_eq!(totals(&rt), bytes([raw, raw, qa, qa]));

    assert_eq!(change(&rt.caller(MINER_2), 10, 20), 0);
    assert_eq!(totals(&rt), bytes([raw, raw + 10, qa, qa + 20]));
    assert_eq!(count(&rt), 1);

    assert_eq!(change(&rt.caller(MINER), -101, -1), 0);
    assert_eq!(totals(&rt), bytes([0, below + 10, 0, qa - 1 + 20]));
    assert_eq!(count(&rt), 0);
}

#[test]
fn a_claim_without_power_stays() {
    let rt = with_power(&[(MINER, MINIMUM, MINIMUM)]);
    assert_eq!(change(&rt, -MINIMUM, -MINIMUM), 0);
    assert_eq!(claim(&rt, MINER), Some(Claim::new(WINDOW_2KIB)));
    assert_eq!(state(&rt).miner_count, 1);
}

#[test]
fn no_change_keeps_the_claims_root() {
    let rt = with_power(&[(MINER, 1, 1)]);
    let head = rt.head();
    assert_eq!(change(&rt, 0, 0), 0);
    assert_eq!(rt.head(), head);
}

#[test]
fn power_is_never_negative() {
    let rt = with_power(&[(MINER, MINIMUM, 2 * MINIMUM), (MINER_2, 10, 10)]);
    let head = rt.head();
    for (raw, quality_adjusted) in [
        (-MINIMUM - 1, 0),
        (0, -2 * MINIMUM - 1),
        (-MINIMUM - 1, -2 * MINIMUM - 1),
    ] {
        assert_eq!(change(&rt, raw, quality_adjusted), 20);
    }
    assert_eq!(change(&rt.caller(MINER_2), -11, 0), 20);
    assert_eq!(rt.head(), head);
}

#[test]
fn the_count_of_large_miners_is_never_negative() {
    let rt = with_power(&[(MINER, MINIMUM, MINIMUM)]);
    let mut wrong: State = rt.state();
    wrong.miner_above_min_power_count = 0;
    rt.set_state(&wrong);
    assert_eq!(change(&rt, -1, 0), 20);
    wrong.miner_above_min_power_count = i64::MIN;
    rt.set_state(&wrong);
    assert_eq!(change(&rt, -1, 0), 24, "the count overflows");
}

#[test]
fn a_claim_of_an_unknown_proof_type_cannot_change() {
    let rt = with_miners(&[MINER]);
    let mut state: State = rt.state();
    let mut claims = state.claims.load(rt.store()).unwrap();
    let unknown = Claim::new(RegisteredPoStProof::Invalid(99));
    claims.set(&id(MINER), unknown).unwrap();
    state.claims = claims.flush().unwrap();
    rt.set_state(&state);
    assert_eq!(change(&rt, 0, 0), 20);
    assert_eq!(
        call::<MinerRawPowerReturn>(&rt, MINER_RAW_POWER, &MINER),
        Err(Some(20))
    );
    assert_eq!(
        call::<MinerPowerReturn>(&rt, MINER_POWER, &MINER).map(|power| power.raw_byte_power),
        Ok(0.into())
    );
}

/// The minimum is the network's, the same for all proof types.
#[test]
fn every_network_has_its_minimum() {
    for (variant, minimum) in [
        (NetworkVariant::Mainnet, 10u64 << 40),
        (NetworkVariant::Calibration, 32 << 30),
        (NetworkVariant::Butterfly, 2 << 30),
        (NetworkVariant::Caterpillar, 2_048),
        (NetworkVariant::Devnet, 2_048),
        (NetworkVariant::Testing, 2_048),
    ] {
        let policy = Policy::of(variant);
        for proof in (0..5).chain(10..15).map(RegisteredPoStProof::from) {
            let mut claim = Claim::new(proof);
            claim.raw_byte_power = StoragePower::from(minimum) - 1;
            assert_eq!(claim.reaches_minimum(policy), Ok(false), "{variant:?}");
            claim.raw_byte_power += 1;
            assert_eq!(claim.reaches_minimum(policy), Ok(true), "{variant:?}");
        }
    }
}

#[test]
fn nothing_changes_in_a_read_only_call() {
    let rt = with_miners(&[MINER]);
    assert_eq!(change(&rt.read_only(), 1, 1), 25);
    assert_eq!(
        change(&rt.read_only(), -1, 1),
        20,
        "its own failures come first"
    );
    assert_eq!(enroll(&rt.read_only(), 1, b""), 25);
    assert_eq!(pledge(&rt.read_only(), &fil(1)), 25);
}
