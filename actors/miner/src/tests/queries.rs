//! What anybody may ask.

use boatyard_actors_shared::ext::miner::ControlAddressesReturn;

use super::*;
use crate::types::{
    CheckSectorProvenParams, GenerateSectorLocationParams, GenerateSectorLocationReturn,
    SectorLocation, SectorStatusCode, ValidateSectorStatusParams,
};

fn number(name: &str) -> MethodNum {
    boatyard_sdk::method_number(name)
}

fn ask<R: DeserializeOwned>(rt: &MockRuntime, name: &str) -> R {
    rt.read_only();
    get(rt, number(name)).unwrap()
}

#[test]
fn the_identity_is_no_secret() {
    let rt = miner().caller(STRANGER);
    let owner: GetOwnerReturn = ask(&rt, "GetOwner");
    assert_eq!((owner.owner, owner.proposed), (id(OWNER), None));
    let peer: GetPeerIDReturn = ask(&rt, "GetPeerID");
    assert_eq!(peer.peer_id.bytes(), [7; 8]);
    let addresses: GetMultiaddrsReturn = ask(&rt, "GetMultiaddrs");
    assert_eq!(addresses.multi_addrs.len(), 2);
    assert_eq!(ask::<u64>(&rt, "GetSectorSize"), 32 << 30);
    let all: ControlAddressesReturn = get(&rt, 2).unwrap();
    assert_eq!((all.owner, all.worker), (id(OWNER), id(WORKER)));
    assert_eq!(all.control_addresses.len(), 3);
}

#[test]
fn controlling_are_owner_worker_and_control_addresses() {
    let rt = miner();
    edit_info(&rt, |info| info.beneficiary = id(NOMINEE));
    for (address, expected) in [
        (id(OWNER), true),
        (bls(1), true),
        (id(WORKER), true),
        (secp(1), true),
        (id(CONTROL_2), true),
        (id(NOMINEE), false),
        (id(STRANGER), false),
        (secp(99), false),
    ] {
        let answer: bool = call(&rt, number("IsControllingAddress"), &address).unwrap();
        assert_eq!(answer, expected, "{address}");
    }
}

#[test]
fn money_is_no_secret() {
    let rt = miner_with(atto(10));
    edit(&rt, |state| {
        state.fee_debt = atto(12);
        state.initial_pledge = atto(3);
    });
    assert_eq!(ask::<TokenAmount>(&rt, "GetAvailableBalance"), atto(-5));
    assert_eq!(ask::<TokenAmount>(&rt, "InitialPledge"), atto(3));
    let table: GetVestingFundsReturn = ask(&rt, "GetVestingFunds");
    assert_eq!(table.vesting_funds.len(), 180);
    edit(&rt, |state| state.initial_pledge = atto(11));
    let broken = get::<TokenAmount>(&rt, number("GetAvailableBalance"));
    assert_eq!(broken, Err(Some(20)));
}

#[test]
fn a_termination_costs_at_most_what_the_formula_says() {
    let rt = miner();
    expect_reward(&rt);
    expect_power(&rt);
    let params = MaxTerminationFeeParams {
        power: BigInt::from(0),
        initial_pledge: atto(1_000),
    };
    let fee: TokenAmount = call(&rt, number("MaxTerminationFee"), &params).unwrap();
    assert_eq!(fee, atto(85));
}

#[test]
fn a_sector_that_never_was_is_nowhere() {
    let rt = miner();
    for (sector_number, expected) in [
        (7, 17),
        (i64::MAX as u64, 17),
        (1 << 63, 16),
        (u64::MAX, 16),
    ] {
        let params = CheckSectorProvenParams { sector_number };
        assert_eq!(code(&rt, 13, &params), expected);
    }
    let expiration = number("GetNominalSectorExpiration");
    assert_eq!(call::<ChainEpoch>(&rt, expiration, &7u64), Err(Some(17)));
    assert_eq!(
        call::<ChainEpoch>(&rt, expiration, &u64::MAX),
        Err(Some(20))
    );
    let locate = number("GenerateSectorLocation");
    let params = GenerateSectorLocationParams { sector_number: 7 };
    let found: GenerateSectorLocationReturn = call(&rt, locate, &params).unwrap();
    assert_eq!(found.status, SectorStatusCode::Dead);
    assert_eq!(found.aux_data.bytes(), [0x82, 0x20, 0x20]);
    let params = GenerateSectorLocationParams {
        sector_number: u64::MAX,
    };
    assert_eq!(
        call::<GenerateSectorLocationReturn>(&rt, locate, &params),
        Err(Some(20))
    );
}

fn validate(
    rt: &MockRuntime,
    status: SectorStatusCode,
    deadline: i64,
    partition: i64,
) -> Result<bool, Option<u32>> {
    let location = SectorLocation {
        deadline,
        partition,
    };
    let params = ValidateSectorStatusParams {
        sector_number: 7,
        status,
        aux_data: RawBytes::serialize(location).unwrap(),
    };
    call(rt, number("ValidateSectorStatus"), &params)
}

/// Source: spec 05 §8, 06 §15.12.
#[test]
fn a_location_is_judged_step_by_step() {
    let rt = miner();
    for (status, deadline, partition, expected) in [
        (SectorStatusCode::Dead, -1, -1, Ok(true)),
        (SectorStatusCode::Active, -1, -1, Ok(false)),
        (SectorStatusCode::Dead, -1, 0, Err(Some(16))),
        (SectorStatusCode::Dead, 0, -1, Err(Some(16))),
        (SectorStatusCode::Dead, 48, 0, Err(Some(16))),
        (SectorStatusCode::Dead, -2, 0, Err(Some(16))),
        (SectorStatusCode::Dead, 0, 0, Err(Some(17))),
        (SectorStatusCode::Dead, 0, -2, Err(Some(17))),
        (SectorStatusCode::Dead, 1 << 32, 0, Err(Some(17))),
        (SectorStatusCode::Dead, i64::MIN, 0, Err(Some(17))),
    ] {
        assert_eq!(
            validate(&rt, status, deadline, partition),
            expected,
            "{deadline} {partition}"
        );
    }
    let validate = number("ValidateSectorStatus");
    let no_location = (7u64, 0u8, RawBytes::new(vec![0x81, 0x00]));
    assert_eq!(call::<bool>(&rt, validate, &no_location), Err(Some(16)));
    let no_status = (7u64, 3u8, RawBytes::new(vec![0x82, 0x20, 0x20]));
    assert_eq!(call::<bool>(&rt, validate, &no_status), Err(Some(21)));
}
