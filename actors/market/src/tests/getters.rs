//! What is known of a deal.

use boatyard_sdk::method_number;

use super::*;

const GETTERS: [&str; 11] = [
    "GetDealDataCommitment",
    "GetDealClient",
    "GetDealProvider",
    "GetDealLabel",
    "GetDealTerm",
    "GetDealTotalPrice",
    "GetDealClientCollateral",
    "GetDealProviderCollateral",
    "GetDealVerified",
    "GetDealActivation",
    "GetDealSector",
];

fn get(rt: &MockRuntime, name: &str, id: DealID) -> Result<Vec<u8>, u32> {
    rt.read_only();
    let returned = rt.call_with::<Market>(method_number(name), &id);
    returned
        .map(|block| block.expect("a value").data)
        .map_err(|error| error.exit_code().value())
}

/// Bytes and all, in read-only calls of anybody.
#[test]
fn what_was_agreed_is_told() {
    let rt = with_deals(1).caller(STRANGER);
    let encoded = |value: &dyn Fn() -> Vec<u8>| Ok(value());
    for (name, value) in [
        (GETTERS[0], encoded(&|| to_vec(&(piece(0), KIB)).unwrap())),
        (GETTERS[1], encoded(&|| to_vec(&CLIENT).unwrap())),
        (GETTERS[2], encoded(&|| to_vec(&PROVIDER).unwrap())),
        (GETTERS[3], encoded(&|| to_vec("label").unwrap())),
        (GETTERS[4], encoded(&|| to_vec(&(START, DURATION)).unwrap())),
        (GETTERS[5], encoded(&|| to_vec(&atto(FEE)).unwrap())),
        (
            GETTERS[6],
            encoded(&|| to_vec(&atto(CLIENT_COLLATERAL)).unwrap()),
        ),
        (
            GETTERS[7],
            encoded(&|| to_vec(&atto(PROVIDER_COLLATERAL)).unwrap()),
        ),
        (GETTERS[8], encoded(&|| vec![0xf4])),
        (GETTERS[9], encoded(&|| vec![0x82, 0x20, 0x20])),
        (GETTERS[10], Err(33)),
    ] {
        assert_eq!(get(&rt, name, 0), value, "{name}");
    }
}

#[test]
fn activation_and_sector_are_told() {
    let rt = with_active_deals(2).caller(STRANGER);
    assert_eq!(
        get(&rt, "GetDealActivation", 1),
        Ok(to_vec(&(NOW, -1)).unwrap())
    );
    assert_eq!(get(&rt, "GetDealSector", 1), Ok(vec![7]));
    let marked = DealState {
        slash_epoch: START,
        ..deal_state(&rt, 1).unwrap()
    };
    set_deal_state(&rt, 1, marked);
    assert_eq!(get(&rt, "GetDealActivation", 1), Err(32));
    assert_eq!(get(&rt, "GetDealSector", 1), Err(32));
}

#[test]
fn deals_that_are_not_there_are_told_apart() {
    let rt = with_deals(2);
    expect_burn(&rt, PROVIDER_COLLATERAL);
    tick(&rt, INTERVAL).unwrap();
    rt.caller(STRANGER);
    for name in GETTERS {
        assert_eq!(get(&rt, name, 0), Err(32), "{name}: it lapsed");
        assert_eq!(get(&rt, name, 2), Err(17), "{name}: it never was");
        assert_eq!(get(&rt, name, u64::MAX), Err(20), "{name}: it cannot be");
    }
}

#[test]
fn a_label_of_bytes_stays_bytes() {
    let rt = funded();
    let deal = DealProposal {
        label: Label::Bytes(vec![0xff, 0]),
        ..proposal(1)
    };
    publish(&rt, &[deal]);
    rt.caller(STRANGER);
    assert_eq!(get(&rt, "GetDealLabel", 0), Ok(vec![0x42, 0xff, 0]));
}
