use boatyard_actors_shared::INIT_ACTOR;
use boatyard_actors_shared::ext::init::{EXEC, ExecParams, ExecReturn};
use boatyard_actors_shared::ext::miner::ConstructorParams;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_shared::error::{ErrorNumber, ExitCode};

use super::*;

pub(super) fn params(window_post_proof_type: RegisteredPoStProof) -> CreateMinerParams {
    CreateMinerParams {
        owner: id(ACCOUNT),
        worker: Address::new_bls(&[7; 48]).unwrap(),
        window_post_proof_type,
        peer: RawBytes::new(b"peer".to_vec()),
        multiaddrs: vec![RawBytes::new(b"here".to_vec())],
    }
}

pub(super) fn created(miner: ActorID) -> ExecReturn {
    ExecReturn {
        id_address: id(miner),
        robust_address: Address::new_actor(&miner.to_be_bytes()),
    }
}

/// The init actor is asked for a miner with these parameters.
pub(super) fn expect_exec<'a>(rt: &'a MockRuntime, params: &CreateMinerParams) -> ExpectedSend<'a> {
    let constructor_params = ConstructorParams {
        owner: params.owner,
        worker: params.worker,
        control_addresses: vec![],
        window_post_proof_type: params.window_post_proof_type,
        peer_id: params.peer.clone(),
        multi_addresses: params.multiaddrs.clone(),
    };
    let code_cid = rt.within(|rt| rt.code_of(Type::Miner)).unwrap();
    rt.expect_send(INIT_ACTOR, EXEC).params(&ExecParams {
        code_cid,
        constructor_params: RawBytes::serialize(constructor_params).unwrap(),
    })
}

/// Source: spec 03 §4.3.
#[test]
fn a_new_miner_has_a_claim_without_power() {
    let rt = with_miners(&[MINER]);
    assert_eq!(claim(&rt, MINER), Some(Claim::new(WINDOW_2KIB)));
    let state = state(&rt);
    assert_eq!(
        (state.miner_count, state.miner_above_min_power_count),
        (1, 0)
    );
    assert_eq!(
        state.claims.cid().to_string(),
        "bafy2bzacecvkwjwwnaqzz2h64g6riuw5ysjwtnu5lszgzg6bixrvbltyvmjhi"
    );
    assert_eq!(
        rt.head().to_string(),
        "bafy2bzacea7pmwmfirmdylmjyzq2hqou5r4iz3cz3lb7ppsmdkljkuhn4qkiy"
    );
}

/// The list of control addresses comes third, which the input does not have.
#[test]
fn the_constructors_parameters_have_their_own_order() {
    let rt = power();
    let params = CreateMinerParams {
        owner: id(1),
        worker: id(2),
        window_post_proof_type: WINDOW_2KIB,
        peer: RawBytes::new(vec![7]),
        multiaddrs: vec![RawBytes::new(vec![8])],
    };
    assert_eq!(
        to_vec(&params).unwrap(),
        b"\x85\x42\x00\x01\x42\x00\x02\x0a\x41\x07\x81\x41\x08"
    );
    let constructor_params = b"\x86\x42\x00\x01\x42\x00\x02\x80\x0a\x41\x07\x81\x41\x08";
    let exec = ExecParams {
        code_cid: rt.within(|rt| rt.code_of(Type::Miner)).unwrap(),
        constructor_params: RawBytes::new(constructor_params.to_vec()),
    };
    rt.expect_send(INIT_ACTOR, EXEC)
        .params(&exec)
        .returns(&created(MINER));
    assert!(call::<CreateMinerReturn>(&rt, CREATE_MINER, &params).is_ok());
}

#[test]
fn all_the_value_goes_on_to_the_miner() {
    let rt = power();
    let params = params(WINDOW_2KIB);
    expect_exec(&rt, &params)
        .value(fil(3))
        .returns(&created(MINER));
    let contract = rt.caller_of_type(1_234, Type::Evm).value(fil(3));
    let miner: CreateMinerReturn = call(&contract, CREATE_MINER_EXPORTED, &params).unwrap();
    assert_eq!(miner.id_address, id(MINER));
    assert_eq!(miner.robust_address, created(MINER).robust_address);
    assert_eq!(rt.balance_of(POWER_ACTOR_ID), Some(fil(0)));
    assert_eq!(state(&rt).total_pledge_collateral, fil(0));
}

#[test]
fn a_failing_constructors_code_and_data_reach_the_caller() {
    let rt = power();
    let params = params(WINDOW_2KIB);
    let head = rt.head();
    let why = IpldBlock::serialize_cbor(&"why").unwrap();
    expect_exec(&rt, &params).responds(ExitCode::new(19), why.clone());
    let error = rt.call_with::<Power>(CREATE_MINER, &params).unwrap_err();
    assert_eq!(
        (error.exit_code().value(), error.data()),
        (19, why.as_ref())
    );

    expect_exec(&rt, &params).exits(9);
    assert_eq!(code(&rt, CREATE_MINER, &params), 23);
    expect_exec(&rt, &params).refused(ErrorNumber::InsufficientFunds);
    assert_eq!(code(&rt, CREATE_MINER, &params), 19);
    expect_exec(&rt, &params);
    assert_eq!(code(&rt, CREATE_MINER, &params), 24, "nothing returned");
    expect_exec(&rt, &params).returns(&id(MINER));
    assert_eq!(code(&rt, CREATE_MINER, &params), 21, "something else");
    assert_eq!(rt.head(), head);
}

/// The miner's constructor would refuse it; here it is judged only afterwards.
#[test]
fn an_unknown_proof_type_has_no_minimum() {
    let rt = power();
    for number in [-1, 5, 15, i64::MAX] {
        let params = params(RegisteredPoStProof::from(number));
        expect_exec(&rt, &params).returns(&created(MINER));
        assert_eq!(code(&rt, CREATE_MINER, &params), 20, "{number}");
    }
    for number in [0, 4, 10, 14] {
        create(&rt, MINER, RegisteredPoStProof::from(number));
        let known = claim(&rt, MINER).unwrap();
        assert_eq!(
            known.window_post_proof_type,
            RegisteredPoStProof::from(number)
        );
    }
    assert_eq!(state(&rt).miner_count, 4);
}

#[test]
fn a_miner_cannot_be_created_in_a_read_only_call() {
    let rt = power();
    let params = params(WINDOW_2KIB);
    expect_exec(&rt, &params).returns(&created(MINER));
    assert_eq!(code(&rt.read_only(), CREATE_MINER, &params), 25);
}
