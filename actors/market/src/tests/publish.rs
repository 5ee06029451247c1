//! Publishing without datacap.

use fvm_shared::error::ErrorNumber;

use super::*;
use crate::deal::next_update_epoch;

fn publish_raw(
    rt: &MockRuntime,
    proposals: &[DealProposal],
) -> Result<PublishStorageDealsReturn, Option<u32>> {
    call(rt, 4, &params(proposals))
}

/// What a callee does.
pub(super) type Answer = for<'a> fn(ExpectedSend<'a>) -> ExpectedSend<'a>;

/// Publishes a good proposal behind one that is left out.
fn is_left_out(rt: &MockRuntime, bad: DealProposal, signature: Answer) {
    let good = proposal(200);
    expect_questions(rt);
    signature(expect_signature(rt, &bad));
    expect_signature(rt, &good);
    let next = rt.state::<State>().next_id;
    expect_notice(rt, next, &good);
    let published = publish_raw(rt, &[bad.clone(), good]).unwrap();
    assert_eq!(published.ids, [next]);
    let bits: Vec<_> = published.valid_deals.iter().collect();
    assert_eq!(bits, [1], "{bad:?}");
    state(rt);
}

#[test]
fn a_deal_locks_money_and_is_scheduled() {
    let rt = funded();
    let published = publish(&rt, &[proposal(1), proposal(2)]);
    assert_eq!(published, [0, 1]);
    assert_eq!(
        balances(&rt, CLIENT),
        [100 * CLIENT_NEEDS, 2 * CLIENT_NEEDS]
    );
    assert_eq!(
        balances(&rt, PROVIDER),
        [100 * PROVIDER_COLLATERAL, 2 * PROVIDER_COLLATERAL]
    );
    let state = state(&rt);
    assert_eq!(state.next_id, 2);
    assert_eq!(
        state.total_client_locked_collateral,
        atto(2 * CLIENT_COLLATERAL)
    );
    assert_eq!(state.total_client_storage_fee, atto(2 * FEE));
    assert_eq!(
        state.total_provider_locked_collateral,
        atto(2 * PROVIDER_COLLATERAL)
    );
    assert_eq!(deal(&rt, 1), Some(proposal(2)));
    assert_eq!(waiting(&rt), BTreeSet::from([0, 1]));
    for id in [0, 1] {
        assert_eq!(scheduled(&rt, id), [next_update_epoch(id, INTERVAL, START)]);
    }
    assert_eq!(
        events(&rt),
        [event("deal-published", 0), event("deal-published", 1)]
    );
}

/// Signed is what came, at the address that came; stored and told is with IDs.
#[test]
fn addresses_become_ids() {
    let rt = funded();
    let client = Address::new_bls(&[7; 48]).unwrap();
    let provider = Address::new_actor(b"miner");
    rt.resolves(client, CLIENT).resolves(provider, PROVIDER);
    let came = DealProposal {
        client,
        provider,
        ..proposal(1)
    };
    // The provider may be named in either way.
    let mixed = DealProposal {
        provider: id(PROVIDER),
        client,
        ..proposal(2)
    };
    expect_questions(&rt);
    for proposal in [&came, &mixed] {
        expect_signature(&rt, proposal);
    }
    expect_notice(&rt, 0, &proposal(1));
    expect_notice(&rt, 1, &proposal(2));
    let published = publish_raw(&rt, &[came, mixed]).unwrap();
    assert_eq!(published.ids, [0, 1]);
    assert_eq!(deal(&rt, 0), Some(proposal(1)));
    state(&rt);
}

#[test]
fn the_provider_must_be_a_miner_that_the_caller_controls() {
    let rt = funded().caller(WORKER);
    assert_eq!(publish_raw(&rt, &[]), Err(Some(16)), "no proposals");
    let of = |provider| DealProposal {
        provider,
        ..proposal(1)
    };
    for (provider, expected, why) in [
        (Address::new_actor(b"nobody"), 17, "unresolved"),
        (id(999), 17, "no actor"),
        (id(CLIENT), 16, "no miner"),
    ] {
        assert_eq!(
            publish_raw(&rt, &[of(provider)]),
            Err(Some(expected)),
            "{why}"
        );
    }
    expect_controlling(&rt, WORKER, false);
    assert_eq!(publish_raw(&rt, &[proposal(1)]), Err(Some(18)));
    expect_controlling(&rt, WORKER, true).exits(40);
    assert_eq!(publish_raw(&rt, &[proposal(1)]), Err(Some(40)));
    expect_controlling(&rt, WORKER, true).responds(ExitCode::OK, None);
    assert_eq!(publish_raw(&rt, &[proposal(1)]), Err(Some(24)));
}

#[test]
fn no_baseline_or_power_no_deals() {
    let rt = funded().caller(WORKER);
    expect_controlling(&rt, WORKER, true);
    expect_reward(&rt, 0).exits(20);
    assert_eq!(publish_raw(&rt, &[proposal(1)]), Err(Some(20)));
    expect_controlling(&rt, WORKER, true);
    expect_reward(&rt, 0);
    expect_power(&rt, 0).refused(ErrorNumber::NotFound);
    assert_eq!(publish_raw(&rt, &[proposal(1)]), Err(Some(23)));
}

#[test]
fn a_signature_that_is_not_confirmed_is_not_valid() {
    let rt = funded();
    is_left_out(&rt, proposal(1), |send| send.returns(&false));
    let rt = funded();
    is_left_out(&rt, proposal(1), |send| send.exits(16));
    let rt = funded();
    is_left_out(&rt, proposal(1), |send| send.responds(ExitCode::OK, None));
    let rt = funded();
    is_left_out(&rt, proposal(1), |send| send.returns(&1u64));
    let rt = funded();
    is_left_out(&rt, proposal(1), |send| send.refused(ErrorNumber::NotFound));
}

/// Spec 07 §7, PublishStorageDeals 7.2-7.10, each a step beyond the bound.
#[test]
fn wrong_proposals_are_left_out_after_their_client_was_asked() {
    let most = TokenAmount::from_whole(2_000_000_000);
    let more = &most + atto(1);
    type Spoil = fn(&mut DealProposal, TokenAmount);
    let wrong: [(&str, Spoil); 18] = [
        ("text label", |d, _| {
            d.label = Label::Text("é".repeat(128) + "x")
        }),
        ("bytes label", |d, _| d.label = Label::Bytes(vec![0; 257])),
        ("small piece", |d, _| d.piece_size = PaddedPieceSize(64)),
        ("no piece", |d, _| d.piece_size = PaddedPieceSize(0)),
        ("odd piece", |d, _| d.piece_size = PaddedPieceSize(KIB + 1)),
        ("codec", |d, _| {
            d.piece_cid = Cid::new_v1(0xf102, Multihash::wrap(0x1012, &[1; 32]).unwrap());
        }),
        ("hash", |d, _| {
            d.piece_cid = Cid::new_v1(0xf101, Multihash::wrap(0xb401, &[1; 32]).unwrap());
        }),
        ("digest", |d, _| {
            d.piece_cid = Cid::new_v1(0xf101, Multihash::wrap(0x1012, &[1; 31]).unwrap());
        }),
        ("end", |d, _| d.end_epoch = d.start_epoch),
        ("end far before", |d, _| d.end_epoch = i64::MIN),
        ("start", |d, _| d.start_epoch = NOW - 1),
        ("short", |d, _| d.end_epoch -= 1),
        ("long", |d, _| d.end_epoch = d.start_epoch + 3_680_641),
        ("negative price", |d, _| {
            d.storage_price_per_epoch = atto(-1)
        }),
        ("price", |d, more| d.storage_price_per_epoch = more),
        ("negative collateral", |d, _| {
            d.provider_collateral = atto(-1)
        }),
        ("collateral", |d, more| d.provider_collateral = more),
        ("client collateral", |d, more| d.client_collateral = more),
    ];
    for (why, spoil) in wrong {
        // Shown when the mock ends the test.
        println!("{why}");
        let rt = funded();
        let mut bad = proposal(1);
        spoil(&mut bad, more.clone());
        is_left_out(&rt, bad, |send| send);
    }
    let rt = funded();
    let mut bad = proposal(1);
    bad.client_collateral = atto(-1);
    is_left_out(&rt, bad, |send| send);
}

#[test]
fn bounds_themselves_are_allowed() {
    let rt = market();
    let most = TokenAmount::from_whole(2_000_000_000);
    let all = |amount: &TokenAmount| {
        rt.value(amount.clone());
        amount.clone()
    };
    let needed = &most * 3_680_640 + &most;
    all(&needed);
    assert_eq!(code(&rt, 2, &id(CLIENT)), 0);
    all(&most);
    expect_control_addresses(&rt, PROVIDER);
    assert_eq!(code(&rt, 2, &id(PROVIDER)), 0);
    let bold = DealProposal {
        label: Label::Text("é".repeat(128)),
        piece_size: PaddedPieceSize(128),
        start_epoch: NOW,
        end_epoch: NOW + 3_680_640,
        storage_price_per_epoch: most.clone(),
        provider_collateral: most.clone(),
        client_collateral: most,
        ..proposal(1)
    };
    assert_eq!(publish(&rt, &[bold]), [0]);
    let modest = DealProposal {
        piece_size: PaddedPieceSize(1 << 63),
        storage_price_per_epoch: atto(0),
        provider_collateral: atto(0),
        client_collateral: atto(0),
        ..proposal(2)
    };
    assert_eq!(publish(&rt, &[modest]), [1]);
}

/// Spec 07 §5: its share of a hundredth of the supply, rounded down.
#[test]
fn the_provider_sets_a_share_of_the_supply_aside() {
    // Supply, baseline, raw power, and the least for a piece of 1 KiB.
    for (supply, baseline, raw, least) in [
        (1_000_000, 0, 0, 10_000),        // the piece is all there is
        (1_000_000, 2 * KIB, 0, 5_000),   // half of the baseline
        (1_000_000, KIB, 4 * KIB, 2_500), // a quarter of the power
        (999_999, KIB, 4 * KIB, 2_499),   // rounded down
        (0, 0, 0, 0),
    ] {
        for (collateral, good) in [(least, true), (least - 1, false)] {
            let rt = funded().circulating_supply(atto(supply));
            let deal = DealProposal {
                provider_collateral: atto(collateral),
                ..proposal(1)
            };
            rt.caller(WORKER);
            expect_controlling(&rt, WORKER, true);
            expect_reward(&rt, baseline);
            expect_power(&rt, raw);
            expect_signature(&rt, &deal);
            if good {
                expect_notice(&rt, 0, &deal);
                assert_eq!(publish_raw(&rt, &[deal]).unwrap().ids, [0]);
            } else {
                assert_eq!(publish_raw(&rt, &[deal]), Err(Some(16)), "{collateral}");
            }
        }
    }
}

#[test]
fn on_test_networks_the_provider_may_set_nothing_aside() {
    let rt = funded().circulating_supply(atto(1_000_000));
    rt.variant(boatyard_sdk::NetworkVariant::Testing);
    let deal = DealProposal {
        provider_collateral: atto(0),
        ..proposal(1)
    };
    assert_eq!(publish(&rt, &[deal]), [0]);
    assert_eq!(
        entries(&rt, PROVIDER)[1],
        Some(atto(0)),
        "locking nothing leaves an entry"
    );
}

#[test]
fn other_parties_are_left_out() {
    let rt = funded();
    let provider = DealProposal {
        provider: id(PROVIDER_2),
        ..proposal(1)
    };
    // The first one's provider counts, so the bad one comes second.
    let good = proposal(0);
    let client = DealProposal {
        client: Address::new_bls(&[9; 48]).unwrap(),
        ..proposal(1)
    };
    expect_questions(&rt);
    for deal in [&good, &provider, &client] {
        expect_signature(&rt, deal);
    }
    expect_notice(&rt, 0, &good);
    let published = publish_raw(&rt, &[good, provider, client]).unwrap();
    assert_eq!(published.valid_deals.iter().collect::<Vec<_>>(), [0]);

    // Another spelling of the same provider, which is not the first one's.
    let f2 = Address::new_actor(b"miner");
    rt.resolves(f2, PROVIDER);
    let spelt = DealProposal {
        provider: f2,
        ..proposal(3)
    };
    let good = proposal(2);
    expect_questions(&rt);
    for deal in [&good, &spelt] {
        expect_signature(&rt, deal);
    }
    expect_notice(&rt, 1, &good);
    let published = publish_raw(&rt, &[good, spelt]).unwrap();
    assert_eq!(published.valid_deals.iter().collect::<Vec<_>>(), [0]);
}

/// What is left out counts for nothing later.
#[test]
fn deals_that_cannot_be_paid_are_left_out() {
    let rt = market();
    deposit(&rt, CLIENT, 2 * CLIENT_NEEDS + 5);
    deposit(&rt, CLIENT_2, 100 * CLIENT_NEEDS);
    deposit(&rt, PROVIDER, 3 * PROVIDER_COLLATERAL);
    let of = |client: ActorID, byte: u8| DealProposal {
        client: id(client),
        ..proposal(byte)
    };
    let dear = DealProposal {
        client_collateral: atto(CLIENT_COLLATERAL + 6),
        ..of(CLIENT, 1)
    };
    let fits = DealProposal {
        client_collateral: atto(CLIENT_COLLATERAL + 5),
        ..of(CLIENT, 2)
    };
    let proposals = [
        of(CLIENT, 0),
        dear,            // 1: too much for the client
        fits,            // 2: uses the client's escrow up
        of(CLIENT, 3),   // 3: nothing left
        of(CLIENT_2, 4), // 4: the provider's last
        of(CLIENT_2, 5), // 5: nothing left of the provider's
    ];
    expect_questions(&rt);
    for deal in &proposals {
        expect_signature(&rt, deal);
    }
    for (number, index) in [(0, 0), (1, 2), (2, 4)] {
        expect_notice(&rt, number, &proposals[index]);
    }
    let published = publish_raw(&rt, &proposals).unwrap();
    assert_eq!(published.ids, [0, 1, 2]);
    assert_eq!(published.valid_deals.iter().collect::<Vec<_>>(), [0, 2, 4]);
    state(&rt);

    // What earlier messages locked counts, too.
    expect_questions(&rt);
    expect_signature(&rt, &of(CLIENT_2, 6));
    assert_eq!(publish_raw(&rt, &[of(CLIENT_2, 6)]), Err(Some(16)));
}

#[test]
fn a_proposal_is_published_once() {
    let rt = funded();
    let twice = [proposal(1), proposal(1), proposal(2)];
    expect_questions(&rt);
    for deal in &twice {
        expect_signature(&rt, deal);
    }
    expect_notice(&rt, 0, &twice[0]);
    expect_notice(&rt, 1, &twice[2]);
    let published = publish_raw(&rt, &twice).unwrap();
    assert_eq!(published.valid_deals.iter().collect::<Vec<_>>(), [0, 2]);

    // Also in another message, in another spelling, and when it is activated.
    activate(&rt, 7, &[0]);
    let key = Address::new_bls(&[7; 48]).unwrap();
    rt.resolves(key, CLIENT);
    let again = DealProposal {
        client: key,
        ..proposal(1)
    };
    expect_questions(&rt);
    expect_signature(&rt, &again);
    assert_eq!(publish_raw(&rt, &[again]), Err(Some(16)));

    // The kind of the label makes a difference.
    let bytes = DealProposal {
        label: Label::Bytes(b"label".to_vec()),
        ..proposal(1)
    };
    assert_eq!(publish(&rt, &[bytes]), [2]);
}

#[test]
fn none_good_is_a_failure() {
    let rt = funded();
    expect_questions(&rt);
    expect_signature(&rt, &proposal(1)).returns(&false);
    assert_eq!(publish_raw(&rt, &[proposal(1)]), Err(Some(16)));
}

/// The message is undone for all, whatever the client's reason.
#[test]
fn a_client_refuses_its_deal() {
    let rt = funded();
    let before = rt.head();
    let deals = [proposal(1), proposal(2)];
    for refusal in [Some(18), None] {
        expect_questions(&rt);
        for deal in &deals {
            expect_signature(&rt, deal);
        }
        expect_notice(&rt, 0, &deals[0]).returns(&"whatever");
        let notice = expect_notice(&rt, 1, &deals[1]);
        match refusal {
            Some(code) => notice.exits(code),
            None => notice.refused(ErrorNumber::LimitExceeded),
        };
        assert_eq!(publish_raw(&rt, &deals), Err(Some(16)));
        assert_eq!(rt.head(), before);
    }
}

/// The escrow is looked at again when money is locked.
#[test]
fn money_that_is_gone_in_between_is_a_failure() {
    let rt = market();
    deposit(&rt, CLIENT, CLIENT_NEEDS);
    deposit(&rt, PROVIDER, PROVIDER_COLLATERAL);
    let deal = DealProposal {
        verified_deal: true,
        ..proposal(1)
    };
    expect_questions(&rt);
    expect_signature(&rt, &deal);
    super::publish_datacap::expect_datacap(&rt, CLIENT, i64::MAX);
    super::publish_datacap::expect_transfer(&rt, CLIENT, std::slice::from_ref(&deal), &[1]).effect(
        |rt| {
            let params = WithdrawBalanceParams {
                provider_or_client: id(CLIENT),
                amount: atto(1),
            };
            rt.caller(CLIENT);
            rt.expect_send(id(CLIENT), 0).value(atto(1));
            rt.call_with::<Market>(3, &params).unwrap();
        },
    );
    assert_eq!(publish_raw(&rt, &[deal]), Err(Some(19)));
}
