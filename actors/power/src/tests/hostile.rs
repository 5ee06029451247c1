//! Parameters that nobody should send: an exit code, never a panic.

use boatyard_mock::hostile::nobody;
use boatyard_sdk::Actor;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_ipld_encoding::{DAG_CBOR, IPLD_RAW};
use proptest::prelude::*;

use super::*;

/// The call ends with an exit code; what it sends is answered.
fn never_panics(rt: &MockRuntime, method: MethodNum, params: Option<IpldBlock>) -> u32 {
    match rt.call::<Power>(method, params) {
        Ok(_) => 0,
        Err(error) => {
            assert!(!error.message().contains("panicked"), "{error}");
            assert!(error.exit_code().value() >= 16, "{error}");
            error.exit_code().value()
        }
    }
}

fn cbor(params: &impl Serialize) -> Option<IpldBlock> {
    Some(IpldBlock {
        codec: CBOR,
        data: to_vec(params).unwrap(),
    })
}

fn takes_parameters(method: MethodNum) -> bool {
    [
        CREATE_MINER,
        CREATE_MINER_EXPORTED,
        UPDATE_CLAIMED_POWER,
        ENROLL_CRON_EVENT,
        UPDATE_PLEDGE_TOTAL,
        MINER_RAW_POWER,
        MINER_POWER,
    ]
    .contains(&method)
}

#[test]
fn parameters_of_another_shape_do_not_decode() {
    let rt = with_miners(&[MINER]);
    for method in Power::ABI.methods {
        let expected = if takes_parameters(method.number) {
            21
        } else {
            16
        };
        for params in [
            cbor(&()),
            cbor(&(1, 2, 3, 4, 5, 6)),
            cbor(&"text"),
            cbor(&(1, ())),
            cbor(&-1),
        ] {
            let code = never_panics(&rt, method.number, params);
            assert_eq!(code, expected, "{}", method.name);
        }
        if takes_parameters(method.number) {
            assert_eq!(
                never_panics(&rt, method.number, None),
                16,
                "{}",
                method.name
            );
        }
    }
}

#[test]
fn numbers_beyond_128_bytes_do_not_decode() {
    let rt = with_miners(&[MINER]);
    let mut huge = vec![0x58, 129, 0];
    huge.extend([0xff; 128]);
    let block = |data: Vec<u8>| Some(IpldBlock { codec: CBOR, data });
    assert_eq!(
        never_panics(&rt, UPDATE_PLEDGE_TOTAL, block(huge.clone())),
        21
    );
    let both = [&[0x82][..], &huge, &huge].concat();
    assert_eq!(never_panics(&rt, UPDATE_CLAIMED_POWER, block(both)), 21);
}

/// The largest number decodes, but the sum of two of them cannot be stored.
#[test]
fn power_that_cannot_be_stored_is_refused() {
    let rt = with_miners(&[MINER]);
    let largest: StoragePower = (BigInt::from(1) << 1016) - 1;
    let delta = UpdateClaimedPowerParams {
        raw_byte_delta: largest.clone(),
        quality_adjusted_delta: largest.clone(),
    };
    assert_eq!(code(&rt, UPDATE_CLAIMED_POWER, &delta), 0);
    assert_eq!(code(&rt, UPDATE_CLAIMED_POWER, &delta), 20);
    let pledge = TokenAmount::from_atto(largest);
    assert_eq!(code(&rt, UPDATE_PLEDGE_TOTAL, &pledge), 0);
    assert_eq!(code(&rt, UPDATE_PLEDGE_TOTAL, &pledge), 16);
}

proptest! {
    #[test]
    fn random_bytes_do_no_harm(
        index in 0usize..Power::ABI.methods.len(),
        caller in prop::sample::select(vec![0, 1, ACCOUNT, MINER, MINER_2]),
        codec in prop::sample::select(vec![CBOR, DAG_CBOR, IPLD_RAW, 0x99]),
        data in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let method = Power::ABI.methods[index].number;
        let rt = with_miners(&[MINER]).actor(MINER_2, Type::Miner).caller(caller).answer_sends(nobody);
        never_panics(&rt, method, Some(IpldBlock { codec, data }));
        state(&rt);
    }

    #[test]
    fn any_creation_is_forwarded(
        owner in any::<u64>(),
        proof in prop_oneof![any::<i64>(), -1i64..20],
        peer in prop::collection::vec(any::<u8>(), 0..300),
        addresses in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..9),
        code in prop::sample::select(vec![0u32, 4, 7, 16, 1_000]),
    ) {
        let rt = power();
        let params = CreateMinerParams {
            owner: id(owner),
            worker: Address::new_actor(b"nobody"),
            window_post_proof_type: RegisteredPoStProof::from(proof),
            peer: RawBytes::new(peer),
            multiaddrs: addresses.into_iter().map(RawBytes::new).collect(),
        };
        let exec = creation::expect_exec(&rt, &params);
        if code == 0 {
            exec.returns(&creation::created(owner));
        } else {
            exec.exits(code);
        }
        never_panics(&rt, CREATE_MINER, cbor(&params));
        state(&rt);
    }

    #[test]
    fn any_miners_message_is_taken_or_refused(
        raw in any::<i64>(),
        quality_adjusted in any::<i64>(),
        epoch in any::<i64>(),
        amount in any::<i64>(),
        payload in prop::collection::vec(any::<u8>(), 0..40),
        asked in any::<u64>(),
    ) {
        let rt = with_miners(&[MINER]);
        change(&rt, raw, quality_adjusted);
        enroll(&rt, epoch, &payload);
        pledge(&rt, &fil(amount));
        never_panics(&rt, MINER_POWER, cbor(&asked));
        never_panics(&rt, MINER_RAW_POWER, cbor(&asked));
        assert!(rt.state::<State>().total_pledge_collateral >= fil(0));
    }
}
