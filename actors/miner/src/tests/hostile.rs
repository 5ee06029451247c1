//! Parameters that nobody should send: an exit code, never a panic.

use boatyard_actors_shared::ext::account::PUBKEY_ADDRESS;
use boatyard_actors_shared::ext::market::{self, BatchActivateDealsReturn};
use boatyard_actors_shared::ext::verifreg::{
    self, Claim, ClaimAllocationsReturn, GetClaimsReturn, SectorClaimSummary,
};
use boatyard_actors_shared::{BatchReturn, MARKET_ACTOR_ID, VERIFREG_ACTOR_ID};
use boatyard_mock::hostile::{Known, nobody};
use boatyard_sdk::Actor;
use cid::Cid;
use cid::multihash::Multihash;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_ipld_encoding::{DAG_CBOR, IPLD_RAW, to_vec};
use fvm_shared::Response;
use fvm_shared::address::Protocol;
use fvm_shared::error::{ErrorNumber, ExitCode};
use proptest::prelude::*;

use super::*;
use crate::testing;

fn never_panics(rt: &MockRuntime, method: MethodNum, params: Option<IpldBlock>) {
    let before = rt.head();
    if let Err(error) = rt.call::<Miner>(method, params) {
        assert!(!error.message().contains("panicked"), "{error}");
        assert!(error.exit_code().value() >= 16, "{error}");
        assert_eq!(rt.head(), before);
    }
    state(rt);
}

fn cbor(params: &impl Serialize) -> Option<IpldBlock> {
    Some(IpldBlock {
        codec: CBOR,
        data: to_vec(params).unwrap(),
    })
}

fn takes_params(method: &boatyard_sdk::abi::MethodAbi) -> bool {
    !matches!(method.params, boatyard_sdk::Schema::Nothing)
}

#[test]
fn parameters_of_another_shape_do_not_decode() {
    let rt = miner();
    for method in Miner::ABI.methods {
        let number = method.number;
        let missing = rt.call::<Miner>(number, None);
        if !takes_params(method) {
            let error = rt.call::<Miner>(number, cbor(&())).unwrap_err();
            assert_eq!(error.exit_code().value(), 16, "{}", method.name);
            continue;
        }
        assert_eq!(missing.unwrap_err().exit_code().value(), 16);
        for params in [
            cbor(&()),
            cbor(&(1, 2, 3, 4, 5, 6, 7, 8)),
            cbor(&"text"),
            cbor(&(((),),)),
        ] {
            let error = rt.call::<Miner>(number, params).unwrap_err();
            assert_eq!(error.exit_code().value(), 21, "{}", method.name);
        }
    }
}

/// A list that says it has 2^32 elements, and a byte string that says it is as long.
#[test]
fn lengths_that_are_not_there_do_not_decode() {
    let rt = miner();
    for method in Miner::ABI
        .methods
        .iter()
        .filter(|method| takes_params(method))
    {
        for claim in [
            &[0x9a, 0xff, 0xff, 0xff, 0xff][..],
            &[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0x81, 0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0x5a, 0xff, 0xff, 0xff, 0xff],
            &[0x81, 0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        ] {
            let params = Some(IpldBlock {
                codec: CBOR,
                data: claim.to_vec(),
            });
            let error = rt.call::<Miner>(method.number, params).unwrap_err();
            assert_eq!(error.exit_code().value(), 21, "{}", method.name);
        }
    }
}

/// Source: spec 05 §1.1, point 1; §2.
#[test]
fn numbers_that_nobody_has_are_refused() {
    for method in [0, 6, 7, 8, 25, 26, 27, 29, 33, 37, 1 << 24, u64::MAX] {
        for (kind, below) in [(Type::Account, 22), (Type::Evm, 18)] {
            let rt = miner().caller_of_type(300, kind);
            let expected = if method < 1 << 24 { below } else { 22 };
            let error = rt.call::<Miner>(method, cbor(&())).unwrap_err();
            assert_eq!(error.exit_code().value(), expected, "{method} {kind:?}");
        }
    }
}

#[test]
fn reading_calls_change_nothing() {
    let rt = miner();
    for (method, params) in [
        (4, cbor(&(RawBytes::new(vec![1]),))),
        (16, cbor(&(TokenAmount::default(),))),
        (22, None),
        (23, cbor(&id(NOMINEE))),
    ] {
        rt.read_only();
        let error = rt.call::<Miner>(method, params).unwrap_err();
        assert_eq!(error.exit_code().value(), 25, "{method}");
    }
}

fn any_amount() -> impl Strategy<Value = TokenAmount> {
    prop_oneof![
        Just(TokenAmount::default()),
        any::<i64>().prop_map(atto),
        any::<i128>().prop_map(TokenAmount::from_atto),
        any::<u128>().prop_map(|big| TokenAmount::from_atto(BigInt::from(big) << 800)),
    ]
}

fn any_epoch() -> impl Strategy<Value = ChainEpoch> {
    prop_oneof![Just(i64::MIN), Just(i64::MAX), any::<i64>(), 0..2 * BIRTH]
}

fn any_address() -> impl Strategy<Value = Address> {
    prop_oneof![
        any::<u64>().prop_map(Address::new_id),
        (90u64..110).prop_map(Address::new_id),
        any::<u8>().prop_map(bls),
        any::<u8>().prop_map(secp),
        any::<u8>().prop_map(|byte| Address::new_actor(&[byte])),
        any::<u8>().prop_map(|byte| Address::new_delegated(10, &[byte; 20]).unwrap()),
    ]
}

fn any_caller() -> impl Strategy<Value = ActorID> {
    prop::sample::select(vec![
        0,
        INIT_ACTOR_ID,
        REWARD_ACTOR_ID,
        POWER_ACTOR_ID,
        OWNER,
        WORKER,
        STRANGER,
        NOMINEE,
    ])
}

proptest! {
    #[test]
    fn random_bytes_do_no_harm(
        index in any::<prop::sample::Index>(),
        caller in any_caller(),
        codec in prop::sample::select(vec![CBOR, DAG_CBOR, IPLD_RAW, 0x99]),
        data in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let method = index.get(Miner::ABI.methods).number;
        let rt = miner().caller(caller).answer_sends(nobody);
        never_panics(&rt, method, Some(IpldBlock { codec, data }));
    }

    #[test]
    fn any_identity_is_taken_or_refused(
        caller in any_caller(),
        address in any_address(),
        controls in prop::collection::vec(any_address(), 0..12),
        quota in any_amount(),
        expiration in any_epoch(),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let rt = miner().caller(caller);
        // A worker that is named otherwise is asked for its key.
        if address.protocol() == Protocol::BLS {
            never_panics(&rt, 3, cbor(&(address, &controls)));
        }
        never_panics(&rt, 23, cbor(&address));
        never_panics(&rt, 4, cbor(&(RawBytes::new(bytes.clone()),)));
        never_panics(&rt, 18, cbor(&(vec![RawBytes::new(bytes)],)));
        never_panics(&rt, 30, cbor(&(address, quota, expiration)));
        never_panics(&rt, 348_244_887, cbor(&address));
    }

    #[test]
    fn any_location_is_right_or_wrong(
        number in prop_oneof![Just(u64::MAX), any::<u64>()],
        status in any::<u8>(),
        deadline in any_epoch(),
        partition in any_epoch(),
    ) {
        let rt = miner();
        let location = RawBytes::serialize((deadline, partition)).unwrap();
        never_panics(&rt, 3_092_458_564, cbor(&(number, status, location)));
        never_panics(&rt, 1_321_604_665, cbor(&(number,)));
        never_panics(&rt, 3_010_055_991, cbor(&number));
        never_panics(&rt, 13, cbor(&(number,)));
    }

    #[test]
    fn a_reward_of_any_size_is_refused_if_it_was_not_sent(
        reward in any_amount(),
        penalty in any_amount(),
    ) {
        prop_assume!(!reward.is_zero() && !reward.is_negative());
        let rt = miner().caller(REWARD_ACTOR_ID);
        prop_assume!(crate::monies::locked_share(&reward).is_positive());
        never_panics(&rt, 14, cbor(&(reward, penalty)));
    }

    #[test]
    fn a_withdrawal_of_any_size_is_paid_or_refused(amount in any_amount()) {
        never_panics(&miner(), 16, cbor(&(amount.clone(),)));
        never_panics(&miner().caller(STRANGER), 16, cbor(&(amount,)));
    }
}

/// What others answer, whatever they are asked.
fn answer(to: &Address, method: MethodNum) -> Result<Response, ErrorNumber> {
    let (reward, power) = answers();
    let block = match (to.id(), method) {
        (Ok(REWARD_ACTOR_ID), _) => cbor(&reward),
        (Ok(POWER_ACTOR_ID), CURRENT_TOTAL_POWER) => cbor(&power),
        (Ok(MARKET_ACTOR_ID), market::VERIFY_DEALS_FOR_ACTIVATION) => cbor(&((None::<Cid>,),)),
        (Ok(MARKET_ACTOR_ID), market::BATCH_ACTIVATE_DEALS) => cbor(&BatchActivateDealsReturn {
            activation_results: BatchReturn::ok(0),
            activations: vec![],
        }),
        (Ok(VERIFREG_ACTOR_ID), verifreg::GET_CLAIMS) => cbor(&GetClaimsReturn {
            batch_info: BatchReturn::ok(1),
            claims: vec![claim()],
        }),
        (Ok(VERIFREG_ACTOR_ID), verifreg::CLAIM_ALLOCATIONS) => cbor(&ClaimAllocationsReturn {
            sector_results: BatchReturn::ok(1),
            sector_claims: vec![SectorClaimSummary {
                claimed_space: BigInt::from(2_048),
            }],
        }),
        (_, market::SECTOR_CONTENT_CHANGED) => cbor(&vec![vec![true]]),
        (_, PUBKEY_ADDRESS) => cbor(&bls(9)),
        _ => None,
    };
    Ok(Response {
        exit_code: ExitCode::OK,
        return_data: block,
    })
}

/// The claim of the sector that has data.
fn claim() -> Claim {
    Claim {
        provider: MINER,
        client: STRANGER,
        data: testing::sector(9).sealed_cid,
        size: 2_048,
        term_min: 518_400,
        term_max: 5_000_000,
        term_start: BIRTH,
        sector: 9,
    }
}

fn known() -> Known {
    let unsealed = Multihash::wrap(0x1012, &[1; 32]).unwrap();
    let deadlines = [0, 0, 0, 1, 37, 47, 48];
    let sectors = [7, 9, 11, 13];
    // Proof types, sizes, sector sizes, the miner itself.
    let others = [1, 3, 8, 13, 18, 192, 2_048, 1 << 35, 1_000];
    let epochs = [
        NOW - 60,
        NOW - 1,
        NOW,
        NOW + 1,
        NOW + 600_000,
        BIRTH + 1_500_000,
        BIRTH + 2_000_000,
    ];
    Known {
        numbers: [&deadlines[..], &sectors, &others, &epochs].concat(),
        addresses: vec![id(OWNER), id(WORKER), id(NOMINEE), secp(1)],
        cids: vec![testing::sector(7).sealed_cid, Cid::new_v1(0xf101, unsealed)],
    }
}

/// In deadline 0, a day after its first proof was missed.
const NOW: ChainEpoch = cron::NEXT_DAY + 2_880;

/// A miner with faulty sectors, a pre-commit, debt and money.
fn busy() -> MockRuntime {
    let rt = cron::with_sectors().answer_sends(answer);
    rt.epoch(cron::NEXT_DAY);
    assert_eq!(cron::fire(&rt, 1), 0);
    edit(&rt, |state| {
        let store = rt.store();
        state
            .put_pre_commits(store, [cron::pre_commit(11, 50)])
            .unwrap();
        state.add_pre_commit_deposit(&atto(50)).unwrap();
        state.fee_debt = atto(7);
    });
    edit_info(&rt, |info| info.pending_owner_address = Some(id(NOMINEE)));
    rt.epoch(NOW)
}

/// Every method, with parameters that decode.
#[test]
fn parameters_that_make_no_sense_have_an_exit_code() {
    let known = known();
    let mut successes = 0;
    for method in Miner::ABI.methods {
        let rt = busy();
        for seed in 0..150 {
            let callers = [OWNER, WORKER, OWNER, NOMINEE, 0, 1, 2, POWER_ACTOR_ID];
            rt.caller(callers[seed as usize % callers.len()]);
            let params = boatyard_mock::hostile::params(method, seed, &known);
            match rt.call::<Miner>(method.number, params) {
                Ok(_) => successes += 1,
                Err(error) => {
                    let code = error.exit_code().value();
                    assert!(
                        code >= 16 && !error.message().contains("panicked"),
                        "{} seed {seed}: {error}",
                        method.name
                    );
                }
            }
        }
    }
    assert!(successes > 300, "most paths were cut short: {successes}");
}
