//! CREATE and CREATE2 (spec 02 §8.7).

use crate::address::to_word;
use boatyard_actors_shared::EthAddress;
use boatyard_actors_shared::ext::eam;
use boatyard_actors_shared::ext::evm::INVOKE_CONTRACT;
use fvm_ipld_encoding::{BytesSer, RawBytes};
use fvm_shared::address::Address;
use fvm_shared::error::{ErrorNumber, ExitCode};
use revm_interpreter::primitives::U256;

use super::world::*;
use crate::state::State;

const EAM: Address = Address::new_id(10);

/// Creates from three bytes with value 5; leaves address, return data's size and
/// nonce of a second creation in slots.
const CREATE: &str = "0x010203 0 MSTORE 3 29 5 CREATE 0 SSTORE RETURNDATASIZE 1 SSTORE";

fn created() -> eam::Return {
    eam::Return {
        actor_id: 2000,
        robust_address: None,
        eth_address: EthAddress([0xaa; 20]),
    }
}

#[test]
fn creation_is_the_eams_work() {
    let rt = contract(CREATE).balance(CONTRACT, atto(5));
    rt.expect_send(EAM, eam::CREATE)
        .params(&eam::CreateParams {
            initcode: RawBytes::new(vec![1, 2, 3]),
            nonce: 1,
        })
        .value(atto(5))
        .gas_limit(all_but_one_64th(GAS))
        .returns(&created())
        .effect(|rt| assert_eq!(rt.state::<State>().nonce, 2));
    assert_eq!(exit(&rt), 0);
    assert_eq!(slot(&rt, 0), to_word(created().eth_address));
    assert_eq!(slot(&rt, 1), U256::ZERO, "no return data after a success");
    assert_eq!(rt.state::<State>().nonce, 2);
}

#[test]
fn creation_with_a_salt() {
    let rt = contract("77 0 0 0 CREATE2 0 SSTORE");
    let mut salt = [0; 32];
    salt[31] = 77;
    rt.expect_send(EAM, eam::CREATE2)
        .params(&eam::Create2Params {
            initcode: RawBytes::default(),
            salt: eam::Salt(salt),
        })
        .gas_limit(all_but_one_64th(GAS))
        .returns(&created());
    assert_eq!(exit(&rt), 0);
    assert_eq!(slot(&rt, 0), to_word(created().eth_address));
    assert_eq!(rt.state::<State>().nonce, 2);
}

#[test]
fn a_failed_creation_gives_zero_and_what_the_constructor_said() {
    for (data, size) in [(Some(bytes_block(b"no!")), 3), (None, 0)] {
        let rt = contract(CREATE).balance(CONTRACT, atto(5));
        rt.expect_send(EAM, eam::CREATE)
            .any_params()
            .value(atto(5))
            .gas_limit(all_but_one_64th(GAS))
            .responds(ExitCode::new(33), data);
        assert_eq!(exit(&rt), 0);
        assert_eq!(slot(&rt, 0), U256::ZERO);
        assert_eq!(slot(&rt, 1), U256::from(size));
        assert_eq!(rt.state::<State>().nonce, 2, "the nonce is used up");
    }
    let rt = contract(CREATE).balance(CONTRACT, atto(5));
    rt.expect_send(EAM, eam::CREATE)
        .any_params()
        .value(atto(5))
        .gas_limit(all_but_one_64th(GAS))
        .refused(ErrorNumber::LimitExceeded);
    assert_eq!(exit(&rt), 0);
    assert_eq!(slot(&rt, 0), U256::ZERO);
    assert_eq!(rt.state::<State>().nonce, 2);
}

#[test]
fn creation_forgets_the_return_data_before_it_fails() {
    let program = format!(
        "0 0 0 0 {} 1000 STATICCALL 0 0 1 CREATE RETURNDATASIZE 0 SSTORE 1 1 SSTORE",
        word_of(eth(OTHER))
    );
    let rt = contract(&program);
    rt.expect_send(f410(OTHER), INVOKE_CONTRACT)
        .read_only()
        .gas_limit(1000)
        .returns(&BytesSer(b"left over"));
    assert_eq!(exit(&rt), 0);
    assert_eq!(slot(&rt, 0), U256::ZERO);
    // Too little money: no send, and no nonce is used.
    assert_eq!(rt.state::<State>().nonce, 1);
    assert_eq!(slot(&rt, 1), U256::from(1));
}

#[test]
fn an_answer_that_is_none_ends_the_run() {
    for (block, code) in [(None, 24), (Some(bytes_block(b"?")), 21)] {
        let rt = contract("0 0 0 CREATE");
        rt.expect_send(EAM, eam::CREATE)
            .any_params()
            .gas_limit(all_but_one_64th(GAS))
            .responds(ExitCode::OK, block);
        assert_eq!(exit(&rt), code);
    }
}

#[test]
fn the_last_nonce_cannot_be_used() {
    let rt = contract("0 0 0 CREATE");
    let mut state: State = rt.state();
    state.nonce = u64::MAX;
    rt.set_state(&state);
    assert_eq!(exit(&rt), 24);
}
