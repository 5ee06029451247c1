use std::sync::atomic::Ordering;
use std::time::Duration;

use fvm_shared::econ::TokenAmount;

use crate::config::MiningMode;
use crate::testing::{Script, chain, chain_of, config, signed, total};
use crate::{ChainConfig, ChainError, TipsetRef};

fn on_request() -> ChainConfig {
    ChainConfig {
        mining: MiningMode::OnRequest,
        ..config()
    }
}

/// How often cron ran up to a state.
fn cron_runs(chain: &crate::ChainHandle, root: cid::Cid) -> u64 {
    chain
        .state(root)
        .sequence(&fvm_shared::address::Address::new_id(3))
        .unwrap()
}

#[tokio::test]
async fn a_message_is_mined_before_the_push_returns() {
    let chain = chain(config());
    let pushed = chain.push(signed(&chain, 0, 0, |_| {})).await.unwrap();
    let location = pushed.location.unwrap();
    assert_eq!(location.tipset.height(), 1);
    assert_eq!(chain.head().height(), 1);
    assert_eq!(location.message().cid, pushed.cid);
    assert!(location.message().receipt.exit_code.is_success());
    assert!(chain.pending().is_empty());
}

#[tokio::test]
async fn without_mining_messages_wait_for_the_next_request() {
    let chain = chain(on_request());
    for nonce in 0..3 {
        let pushed = chain.push(signed(&chain, 0, nonce, |_| {})).await.unwrap();
        assert!(pushed.location.is_none());
    }
    assert_eq!((chain.head().height(), chain.pending().len()), (0, 3));
    let made = chain.mine(2).await.unwrap();
    assert_eq!(
        made.iter()
            .map(|tipset| tipset.height())
            .collect::<Vec<_>>(),
        [1, 2]
    );
    assert_eq!((made[0].messages.len(), made[1].messages.len()), (3, 0));
    assert!(chain.pending().is_empty());
}

#[tokio::test]
async fn switching_to_mining_on_message_mines_what_waits() {
    let chain = chain(on_request());
    chain.push(signed(&chain, 0, 0, |_| {})).await.unwrap();
    chain.set_mining(MiningMode::OnMessage).await.unwrap();
    assert_eq!(chain.head().messages.len(), 1);
}

#[tokio::test]
async fn an_interval_makes_tipsets_by_itself() {
    let chain = chain(on_request());
    let mut news = chain.subscribe();
    chain
        .set_mining(MiningMode::Interval(Duration::from_millis(5)))
        .await
        .unwrap();
    for _ in 0..3 {
        news.next().await.unwrap();
    }
    assert!(chain.head().height() >= 3);
    assert!(matches!(
        chain.set_mining(MiningMode::Interval(Duration::ZERO)).await,
        Err(ChainError::Config(_))
    ));
}

#[tokio::test]
async fn a_jump_makes_null_rounds_in_which_cron_runs() {
    let chain = chain(config());
    let tipset = chain.advance_to(5_000).await.unwrap();
    assert_eq!(tipset.height(), 5_000);
    assert_eq!(cron_runs(&chain, tipset.state_root), 5_000);
    assert_eq!(cron_runs(&chain, tipset.start_root), 4_999);
    assert_eq!(chain.tipset(&TipsetRef::Height(4_000)).unwrap().height(), 0);
    assert_eq!(chain.tipset_after(17).unwrap().height(), 5_000);
    // A jump to where the head is already makes nothing.
    assert_eq!(chain.advance_to(10).await.unwrap().height(), 5_000);
}

#[tokio::test]
async fn a_jump_gives_the_same_state_as_the_same_epochs_one_by_one() {
    let (jumping, walking) = (chain(config()), chain(config()));
    let jumped = jumping.advance_to(40).await.unwrap();
    walking.mine(40).await.unwrap();
    assert_eq!(cron_runs(&jumping, jumped.state_root), 40);
    assert_eq!(cron_runs(&walking, walking.head().state_root), 40);
    // Only the rewards differ.
    assert_eq!(
        total(&jumping, jumped.state_root),
        total(&walking, walking.head().state_root)
    );
}

#[tokio::test]
async fn jumps_beyond_reason_are_refused_at_once() {
    let chain = chain(config());
    assert!(matches!(
        chain.advance_to(i64::MAX).await,
        Err(ChainError::TooFar { .. })
    ));
    assert!(matches!(
        chain.mine(u64::MAX).await,
        Err(ChainError::TooFar { .. })
    ));
    assert!(matches!(
        chain.mine_spaced(2, u64::MAX).await,
        Err(ChainError::TooFar { .. })
    ));
    assert!(matches!(
        chain.increase_time(u64::MAX).await,
        Err(ChainError::TooFar { .. })
    ));
    assert!(matches!(
        chain.set_next_timestamp(u64::MAX).await,
        Err(ChainError::TooFar { .. })
    ));
    assert!(matches!(
        chain.wait_epoch(i64::MAX).await,
        Err(ChainError::TooFar { .. })
    ));
    assert_eq!(chain.head().height(), 0);
}

#[tokio::test]
async fn seconds_become_epochs_rounded_up() {
    let chain = chain(config());
    assert_eq!(chain.increase_time(31).await.unwrap(), 60);
    assert_eq!(chain.increase_time(3_600).await.unwrap(), 3_660);
    assert_eq!(chain.mine(1).await.unwrap()[0].height(), 122);
    assert_eq!(chain.head().tipset.timestamp(), 1_700_000_000 + 122 * 30);
    // Used up.
    assert_eq!(chain.mine(1).await.unwrap()[0].height(), 123);
}

#[tokio::test]
async fn the_next_timestamp_is_reached_or_just_passed() {
    let chain = chain(config());
    chain.mine(2).await.unwrap();
    let wish = 1_700_000_000 + 30 * 10 + 1;
    assert_eq!(
        chain.set_next_timestamp(wish).await.unwrap(),
        1_700_000_000 + 30 * 11
    );
    assert_eq!(chain.mine(1).await.unwrap()[0].height(), 11);
    let past = chain.set_next_timestamp(1_700_000_000 + 30 * 11).await;
    assert!(matches!(
        past,
        Err(ChainError::TimestampNotAfterHead { .. })
    ));
}

#[tokio::test]
async fn tipsets_can_be_made_with_null_rounds_between_them() {
    let chain = chain(config());
    let made = chain.mine_spaced(3, 10).await.unwrap();
    assert_eq!(
        made.iter()
            .map(|tipset| tipset.height())
            .collect::<Vec<_>>(),
        [1, 11, 21]
    );
}

#[tokio::test]
async fn who_waits_for_confirmations_gets_the_epochs() {
    let chain = chain(config());
    let pushed = chain.push(signed(&chain, 0, 0, |_| {})).await.unwrap();
    let location = chain.wait_message(&pushed.cid, 5, false).await.unwrap();
    assert_eq!(location.tipset.height(), 1);
    assert_eq!(chain.head().height(), 6);
    // They are there now.
    chain.wait_message(&pushed.cid, 5, false).await.unwrap();
    assert_eq!(chain.head().height(), 6);
    assert_eq!(chain.wait_epoch(9).await.unwrap().height(), 9);
}

#[tokio::test]
async fn who_waits_for_what_is_mined_on_request_waits() {
    let chain = chain(on_request());
    let pushed = chain.push(signed(&chain, 0, 0, |_| {})).await.unwrap();
    let waiter = tokio::spawn({
        let chain = chain.clone();
        async move { chain.wait_message(&pushed.cid, 1, false).await }
    });
    while !waiter.is_finished() {
        chain.mine(1).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(waiter.await.unwrap().unwrap().tipset.height(), 1);
}

#[tokio::test]
async fn a_replaced_message_is_waited_for_under_its_new_name() {
    let chain = chain(on_request());
    let first = chain.push(signed(&chain, 0, 0, |_| {})).await.unwrap();
    let waiter = tokio::spawn({
        let chain = chain.clone();
        async move { chain.wait_message(&first.cid, 0, true).await }
    });
    tokio::task::yield_now().await;
    let dearer = signed(&chain, 0, 0, |message| {
        message.gas_premium = TokenAmount::from_atto(250_000);
    });
    let second = chain.push(dearer).await.unwrap();
    chain.mine(1).await.unwrap();
    assert_eq!(waiter.await.unwrap().unwrap().message().cid, second.cid);
}

#[tokio::test]
async fn a_stopped_chain_answers_look_ups_and_refuses_the_rest() {
    let chain = chain(config());
    chain.mine(1).await.unwrap();
    chain.stop().await;
    assert_eq!(chain.head().height(), 1);
    assert!(matches!(chain.mine(1).await, Err(ChainError::Stopped)));
    assert!(matches!(
        chain.push(signed(&chain, 0, 0, |_| {})).await,
        Err(crate::Rejection::Chain(ChainError::Stopped))
    ));
    let unknown = crate::message::message_cid(&signed(&chain, 0, 9, |_| {}).message);
    assert!(matches!(
        chain.wait_message(&unknown, 0, false).await,
        Err(ChainError::Stopped)
    ));
    chain.stop().await;
}

#[tokio::test]
async fn a_waiter_hears_of_the_stop() {
    let chain = chain(on_request());
    let waiter = tokio::spawn({
        let chain = chain.clone();
        async move { chain.wait_epoch(5).await }
    });
    tokio::task::yield_now().await;
    chain.stop().await;
    assert!(matches!(waiter.await.unwrap(), Err(ChainError::Stopped)));
}

#[tokio::test]
async fn looking_things_up_opens_no_machine() {
    let script = std::sync::Arc::new(Script::default());
    let chain = chain_of(config(), script.clone());
    let address = chain.dev_accounts()[0].eth_address().unwrap();
    let view = chain.head_state();
    view.eth_code(&address).unwrap();
    view.eth_nonce(&address).unwrap();
    chain
        .next_nonce(&chain.dev_accounts()[0].address())
        .unwrap();
    chain.supply(&view).unwrap();
    chain.pending_state().await.unwrap();
    assert_eq!(script.opened.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_message_that_breaks_the_machine_is_thrown_out_and_the_rest_is_mined() {
    let chain = chain(on_request());
    let script = |text: &'static str| {
        move |message: &mut fvm_shared::message::Message| {
            message.params = crate::testing::input(text);
        }
    };
    chain
        .push(signed(&chain, 0, 0, script("fault")))
        .await
        .unwrap();
    let good = chain.push(signed(&chain, 1, 0, |_| {})).await.unwrap();
    let tipset = chain.mine(1).await.unwrap().remove(0);
    assert_eq!(tipset.messages.len(), 1);
    assert_eq!(tipset.messages[0].cid, good.cid);
    assert!(chain.pending().is_empty());
    chain.set_mining(MiningMode::OnMessage).await.unwrap();
    let refused = chain
        .push(signed(&chain, 0, 0, script("fault")))
        .await
        .unwrap_err();
    assert!(
        refused.to_string().contains("as the script says"),
        "{refused}"
    );
}
