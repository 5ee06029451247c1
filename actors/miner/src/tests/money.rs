//! Rewards, withdrawals, debt and consensus faults.

use boatyard_actors_shared::ext::miner::ApplyRewardsParams;
use fvm_ipld_bitfield::BitField;
use fvm_shared::error::ErrorNumber;

use super::*;
use crate::schema::BeneficiaryTerm;
use crate::vesting;

const APPLY_REWARDS: MethodNum = 14;
const REPORT: MethodNum = 15;
const WITHDRAW: MethodNum = 16;
const REPAY_DEBT: MethodNum = 22;

/// After all of a creation deposit has come free.
const LATER: ChainEpoch = BIRTH + 600_000;

fn rewards(reward: i64, penalty: i64) -> ApplyRewardsParams {
    ApplyRewardsParams {
        reward: atto(reward),
        penalty: atto(penalty),
    }
}

fn locked(rt: &MockRuntime) -> TokenAmount {
    let state = state(rt);
    let table = vesting::load(rt.store(), &state.vesting_funds).unwrap();
    let sum = table.iter().map(|fund| &fund.amount).sum();
    assert_eq!(state.locked_funds, sum);
    sum
}

fn reward_for(rt: &MockRuntime, amount: i64) -> MockRuntime {
    rt.caller(REWARD_ACTOR_ID).value(atto(amount))
}

#[test]
fn three_quarters_of_a_reward_are_locked() {
    let rt = reward_for(&miner(), 103);
    expect_pledge(&rt, atto(77));
    assert_eq!(code(&rt, APPLY_REWARDS, &rewards(103, 0)), 0);
    assert_eq!(locked(&rt), creation_deposit() + atto(77));
    assert_eq!(balance(&rt), creation_deposit() + atto(103));
}

#[test]
fn a_penalty_is_paid_out_of_what_is_locked() {
    let rt = reward_for(&miner(), 103);
    expect_pledge(&rt, atto(77 - 20));
    expect_burn(&rt, atto(20));
    assert_eq!(code(&rt, APPLY_REWARDS, &rewards(103, 20)), 0);
    assert_eq!(locked(&rt), creation_deposit() + atto(57));
    assert_eq!(balance(&rt), creation_deposit() + atto(83));
}

#[test]
fn a_reward_repays_older_debt() {
    let rt = reward_for(&miner(), 103);
    edit(&rt, |state| state.fee_debt = atto(30));
    expect_pledge(&rt, atto(77 - 50));
    expect_burn(&rt, atto(50));
    assert_eq!(code(&rt, APPLY_REWARDS, &rewards(103, 20)), 0);
    assert_eq!(state(&rt).fee_debt, atto(0));
}

#[test]
fn a_reward_releases_what_came_free() {
    let rt = reward_for(&miner(), 4).epoch(LATER);
    expect_pledge(&rt, atto(3) - creation_deposit());
    assert_eq!(code(&rt, APPLY_REWARDS, &rewards(4, 0)), 0);
    assert_eq!(locked(&rt), atto(3));
}

#[test]
fn a_reward_that_changes_no_pledge_is_not_told() {
    let rt = reward_for(&miner(), 1);
    assert_eq!(code(&rt, APPLY_REWARDS, &rewards(1, 0)), 0);
}

#[test]
fn rewards_are_refused() {
    for (what, caller, value, params, expected) in [
        ("negative reward", STRANGER, 0, rewards(-1, 0), 16),
        ("negative penalty", STRANGER, 0, rewards(0, -1), 16),
        ("stranger", STRANGER, 10, rewards(10, 0), 18),
        ("reward not sent", REWARD_ACTOR_ID, 2, rewards(4, 0), 19),
    ] {
        let rt = miner().caller(caller).value(atto(value));
        assert_eq!(code(&rt, APPLY_REWARDS, &params), expected, "{what}");
    }
    let rt = reward_for(&miner(), 10);
    edit(&rt, |state| state.initial_pledge = atto(11));
    assert_eq!(code(&rt, APPLY_REWARDS, &rewards(10, 0)), 20);
}

fn withdraw(rt: &MockRuntime, amount: i64) -> Result<TokenAmount, Option<u32>> {
    let params = WithdrawBalanceParams {
        amount_requested: atto(amount),
    };
    call(rt, WITHDRAW, &params)
}

#[test]
fn the_owner_withdraws_what_is_not_spoken_for() {
    let rt = miner_with(atto(100));
    rt.expect_send(id(OWNER), 0).value(atto(30));
    assert_eq!(withdraw(&rt, 30), Ok(atto(30)));
    rt.expect_send(id(OWNER), 0).value(atto(70));
    assert_eq!(withdraw(&rt, 1_000), Ok(atto(70)));
    assert_eq!(withdraw(&rt, 1_000), Ok(atto(0)), "nothing is sent");
    assert_eq!(balance(&rt), creation_deposit());
}

#[test]
fn a_withdrawal_releases_what_came_free_and_pays_debt() {
    let rt = miner_with(atto(100)).epoch(LATER);
    edit(&rt, |state| state.fee_debt = atto(40));
    rt.expect_send(id(OWNER), 0).value(atto(500));
    expect_burn(&rt, atto(40));
    expect_pledge(&rt, -creation_deposit());
    assert_eq!(withdraw(&rt, 500), Ok(atto(500)));
    assert_eq!(state(&rt).vesting_funds, None);
    assert_eq!(balance(&rt), creation_deposit() + atto(100 - 40 - 500));
}

#[test]
fn debt_comes_before_withdrawals() {
    let rt = miner_with(atto(100));
    edit(&rt, |state| state.fee_debt = atto(101));
    assert_eq!(withdraw(&rt, 1), Err(Some(19)));
    edit(&rt, |state| state.fee_debt = atto(100));
    expect_burn(&rt, atto(100));
    assert_eq!(withdraw(&rt, 1), Ok(atto(0)));
}

#[test]
fn withdrawals_are_refused() {
    for (caller, expected) in [(STRANGER, 18), (WORKER, 18), (CONTROL, 18)] {
        let rt = miner_with(atto(100)).caller(caller);
        assert_eq!(withdraw(&rt, 1), Err(Some(expected)), "{caller}");
        assert_eq!(withdraw(&rt, -1), Err(Some(16)), "{caller}");
    }
    let rt = miner_with(atto(100));
    edit(&rt, |state| {
        state.early_terminations = BitField::try_from_bits([3]).unwrap()
    });
    assert_eq!(withdraw(&rt, 1), Err(Some(18)), "not settled");
    edit(&rt, |state| {
        state.early_terminations = BitField::new();
        state.initial_pledge = atto(101);
    });
    assert_eq!(withdraw(&rt, 1), Err(Some(20)), "broken");
}

#[test]
fn a_failing_payment_fails_the_withdrawal() {
    let rt = miner_with(atto(100));
    rt.expect_send(id(OWNER), 0).value(atto(30)).exits(4);
    assert_eq!(withdraw(&rt, 30), Err(Some(23)));
}

#[test]
fn withdrawals_go_to_the_beneficiary_within_its_quota() {
    let rt = miner_with(atto(100));
    edit_info(&rt, |info| {
        info.beneficiary = id(NOMINEE);
        info.beneficiary_term = BeneficiaryTerm {
            quota: atto(50),
            used_quota: atto(10),
            expiration: BIRTH + 1,
        };
    });
    for (caller, wanted, paid) in [(OWNER, 15, 15), (NOMINEE, 1_000, 25)] {
        rt.caller(caller)
            .expect_send(id(NOMINEE), 0)
            .value(atto(paid));
        assert_eq!(withdraw(&rt, wanted), Ok(atto(paid)));
    }
    assert_eq!(info(&rt).beneficiary_term.used_quota, atto(50));
    assert_eq!(withdraw(&rt, 1), Err(Some(18)), "it has had all");
}

#[test]
fn a_beneficiarys_term_ends_before_its_expiration() {
    let rt = miner_with(atto(100));
    edit_info(&rt, |info| {
        info.beneficiary = id(NOMINEE);
        info.beneficiary_term = BeneficiaryTerm {
            quota: atto(50),
            used_quota: atto(0),
            expiration: BIRTH,
        };
    });
    assert_eq!(withdraw(&rt, 1), Err(Some(18)));
}

#[test]
fn a_withdrawal_of_nothing_leaves_the_quota() {
    let rt = miner();
    edit_info(&rt, |info| {
        info.beneficiary = id(NOMINEE);
        info.beneficiary_term.quota = atto(50);
        info.beneficiary_term.expiration = BIRTH + 1;
    });
    let before = rt.head();
    assert_eq!(withdraw(&rt, 1_000), Ok(atto(0)));
    assert_eq!(rt.head(), before);
}

#[test]
fn debt_is_repaid_as_far_as_possible() {
    let rt = miner_with(atto(10)).caller(CONTROL);
    edit(&rt, |state| state.fee_debt = creation_deposit() + atto(15));
    expect_pledge(&rt, -creation_deposit());
    expect_burn(&rt, creation_deposit() + atto(10));
    assert_eq!(code_without_params(&rt, REPAY_DEBT), 0);
    assert_eq!(state(&rt).fee_debt, atto(5));
    assert_eq!(locked(&rt), atto(0));
    assert_eq!(balance(&rt), atto(0));

    assert_eq!(code_without_params(&rt, REPAY_DEBT), 0, "nothing to send");
    assert_eq!(code_without_params(&rt.caller(STRANGER), REPAY_DEBT), 18);
}

/// Source: spec 06 §12.1.
#[test]
fn debt_is_drawn_from_locked_funds_though_free_ones_would_do() {
    let rt = miner_with(atto(10));
    edit(&rt, |state| state.fee_debt = atto(5));
    expect_pledge(&rt, atto(-5));
    expect_burn(&rt, atto(5));
    assert_eq!(code_without_params(&rt, REPAY_DEBT), 0);
    assert_eq!(locked(&rt), creation_deposit() - atto(5));
    assert_eq!(balance(&rt), creation_deposit() + atto(5));
}

/// Headers as the mock's rule reads them.
fn headers(target: ActorID, epoch: ChainEpoch) -> ReportConsensusFaultParams {
    let mut header = b"fault\x01".to_vec();
    header.extend_from_slice(&target.to_be_bytes());
    header.extend_from_slice(&epoch.to_be_bytes());
    ReportConsensusFaultParams {
        header1: RawBytes::new(header),
        header2: RawBytes::new(vec![2]),
        header_extra: RawBytes::new(vec![]),
    }
}

/// What the reward of these tests makes of a fault.
fn penalty_and_share() -> (TokenAmount, TokenAmount) {
    (fil(36), TokenAmount::from_nano(1_800_000_000))
}

#[test]
fn a_consensus_fault_costs_the_miner_and_pays_the_reporter() {
    let (penalty, share) = penalty_and_share();
    let rt = miner_with(fil(40)).caller(STRANGER);
    expect_reward(&rt);
    rt.expect_send(id(STRANGER), 0).value(share.clone());
    expect_burn(&rt, &penalty - &share);
    expect_pledge(&rt, -creation_deposit());
    assert_eq!(code(&rt, REPORT, &headers(MINER, BIRTH - 1)), 0);
    assert_eq!(info(&rt).consensus_fault_elapsed, BIRTH + 900);
    assert_eq!(state(&rt).fee_debt, atto(0));
    assert_eq!(balance(&rt), creation_deposit() + fil(4));
}

/// Source: spec 06 §18, point 2.
#[test]
fn a_reporter_of_a_poor_miner_is_paid_nought() {
    let rt = miner().epoch(LATER).caller(STRANGER);
    edit(&rt, |state| {
        state.locked_funds = atto(0);
        state.vesting_funds = None;
        state.initial_pledge = creation_deposit();
    });
    expect_reward(&rt);
    rt.expect_send(id(STRANGER), 0);
    assert_eq!(code(&rt, REPORT, &headers(MINER, BIRTH - 1)), 0);
    assert_eq!(state(&rt).fee_debt, fil(36));
}

#[test]
fn a_reporter_that_takes_nothing_leaves_it_to_the_miner() {
    let (penalty, share) = penalty_and_share();
    let rt = miner_with(fil(40)).caller(STRANGER);
    expect_reward(&rt);
    rt.expect_send(id(STRANGER), 0)
        .value(share.clone())
        .refused(ErrorNumber::Forbidden);
    expect_burn(&rt, &penalty - &share);
    expect_pledge(&rt, -creation_deposit());
    assert_eq!(code(&rt, REPORT, &headers(MINER, BIRTH - 1)), 0);
    assert_eq!(balance(&rt), creation_deposit() + fil(4) + share);
}

#[test]
fn consensus_faults_are_refused() {
    let nothing = ReportConsensusFaultParams {
        header1: RawBytes::new(vec![1]),
        ..headers(MINER, 0)
    };
    for (what, params) in [
        ("no fault", nothing),
        ("another's", headers(MINER + 1, BIRTH - 1)),
        ("of this epoch", headers(MINER, BIRTH)),
        ("of the future", headers(MINER, BIRTH + 1)),
    ] {
        assert_eq!(code(&miner(), REPORT, &params), 16, "{what}");
    }
    let long_ago = headers(MINER, i64::MIN);
    assert_eq!(code(&miner(), REPORT, &long_ago), 24, "its age overflows");
    let rt = miner();
    edit_info(&rt, |info| info.consensus_fault_elapsed = BIRTH - 5);
    expect_reward(&rt);
    assert_eq!(code(&rt, REPORT, &headers(MINER, BIRTH - 6)), 18);
}

#[test]
fn broken_funds_end_with_a_code_of_their_own() {
    let rt = miner_with(atto(10));
    for break_it in [
        |state: &mut State| state.fee_debt = atto(-1),
        |state: &mut State| state.initial_pledge = atto(-1),
        |state: &mut State| state.pre_commit_deposits = atto(-1),
        |state: &mut State| state.initial_pledge = atto(11),
    ] {
        let mut broken = state(&rt);
        break_it(&mut broken);
        let error = broken.check_balance_invariants(&balance(&rt)).unwrap_err();
        assert_eq!(error.exit_code().value(), 1_000, "{error}");
    }
    let mut whole = state(&rt);
    whole.initial_pledge = atto(10);
    assert_eq!(whole.check_balance_invariants(&balance(&rt)), Ok(()));
}

#[test]
fn sums_never_become_negative() {
    let mut state = state(&miner());
    let refused = |result: Result<(), ActorError>| result.unwrap_err().exit_code().value();
    assert_eq!(refused(state.add_initial_pledge(&atto(-1))), 20);
    assert_eq!(refused(state.add_pre_commit_deposit(&atto(-1))), 20);
    assert_eq!(refused(state.apply_penalty(&atto(-1))), 20);
    assert_eq!(state.add_initial_pledge(&atto(5)), Ok(()));
    assert_eq!(state.add_initial_pledge(&atto(-5)), Ok(()));
}
