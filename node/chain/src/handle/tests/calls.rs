use std::collections::BTreeMap;

use boatyard_vm::context::Tracing;
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;
use fvm_shared::message::Message;

use crate::call::{AccountOverride, CallPoint, CallRequest, Overrides};
use crate::config::MiningMode;
use crate::ethereum::from_cbor_bytes;
use crate::fees::BLOCK_GAS_LIMIT;
use crate::testing::{GAS, chain, config, input, signed};
use crate::tipset::MessageRole;
use crate::{ChainConfig, ChainHandle, EstimateError};

fn message(chain: &ChainHandle, text: &str) -> Message {
    let message = signed(chain, 0, 0, |message| message.params = input(text)).message;
    Message {
        value: TokenAmount::default(),
        gas_limit: 0,
        sequence: 77,
        ..message
    }
}

async fn ask(chain: &ChainHandle, text: &str, at: CallPoint) -> String {
    let applied = chain
        .call(CallRequest::new(message(chain, text), at))
        .await
        .unwrap();
    assert!(applied.receipt.exit_code.is_success());
    String::from_utf8(applied.receipt.return_data.to_vec()).unwrap()
}

#[tokio::test]
async fn a_call_leaves_nothing_behind() {
    let chain = chain(config());
    let before = chain.head().state_root;
    let request = CallRequest::new(message(&chain, "say hello"), CallPoint::After(chain.head()));
    let applied = chain.call(request).await.unwrap();
    assert_eq!(
        from_cbor_bytes(&applied.receipt.return_data).unwrap(),
        b"hello"
    );
    assert_eq!(
        (chain.head().height(), chain.head().state_root),
        (0, before)
    );
    let failing = CallRequest::new(message(&chain, "revert sorry"), CallPoint::Pending);
    let applied = chain.call(failing).await.unwrap();
    assert_eq!(applied.receipt.exit_code.value(), 33);
    assert_eq!(
        from_cbor_bytes(&applied.receipt.return_data).unwrap(),
        b"sorry"
    );
}

#[tokio::test]
async fn a_call_sees_the_environment_of_its_point() {
    let chain = chain(config());
    chain.advance_to(10).await.unwrap();
    let head = chain.head();
    let genesis = chain.genesis();
    assert_eq!(
        ask(&chain, "environment", CallPoint::After(head)).await,
        "10 1700000300"
    );
    assert_eq!(
        ask(&chain, "environment", CallPoint::After(genesis)).await,
        "0 1700000000"
    );
    assert_eq!(
        ask(&chain, "environment", CallPoint::Pending).await,
        "11 1700000330"
    );
    let overrides = Overrides {
        epoch: Some(99),
        timestamp: Some(5),
        ..Overrides::default()
    };
    let request = CallRequest {
        overrides,
        ..CallRequest::new(message(&chain, "environment"), CallPoint::Pending)
    };
    let applied = chain.call(request).await.unwrap();
    assert_eq!(applied.receipt.return_data.bytes(), b"99 5");
}

#[tokio::test]
async fn points_differ_in_what_came_before() {
    let chain = chain(ChainConfig {
        mining: MiningMode::OnRequest,
        ..config()
    });
    let receiver = chain.dev_accounts()[2].address();
    let id = chain.head_state().resolve(&receiver).unwrap().unwrap();
    let question = format!("balance {id}");
    let start = TokenAmount::from_whole(10_000);
    let fil = |n: u64| (&start + TokenAmount::from_whole(n)).atto().to_string();
    chain.push(signed(&chain, 0, 0, |_| {})).await.unwrap();
    chain.push(signed(&chain, 1, 0, |_| {})).await.unwrap();
    chain.mine(1).await.unwrap();
    chain.push(signed(&chain, 0, 1, |_| {})).await.unwrap();
    chain.push(signed(&chain, 1, 1, |_| {})).await.unwrap();
    // The message after a gap never counts.
    chain.push(signed(&chain, 0, 3, |_| {})).await.unwrap();
    let head = chain.head();
    assert_eq!(
        ask(&chain, &question, CallPoint::Before(head.clone())).await,
        fil(1)
    );
    assert_eq!(ask(&chain, &question, CallPoint::After(head)).await, fil(2));
    assert_eq!(
        ask(&chain, &question, CallPoint::PendingOfSender).await,
        fil(3)
    );
    assert_eq!(ask(&chain, &question, CallPoint::Pending).await, fil(4));
    let pending = chain.pending_state().await.unwrap();
    assert_eq!(
        pending.balance(&receiver).unwrap(),
        start + TokenAmount::from_whole(4)
    );
}

#[tokio::test]
async fn a_sender_without_actor_is_made_up() {
    let chain = chain(config());
    for from in [
        Address::new_delegated(10, &[7; 20]).unwrap(),
        Address::new_delegated(10, &[0; 20]).unwrap(),
        Address::new_secp256k1(&[7; 65]).unwrap(),
        Address::new_id(90),
    ] {
        let message = Message {
            from,
            ..message(&chain, "say hi")
        };
        let request = CallRequest::new(message, CallPoint::Pending);
        assert!(
            chain
                .call(request)
                .await
                .unwrap()
                .receipt
                .exit_code
                .is_success(),
            "{from}"
        );
    }
    for from in [Address::new_id(5_000), Address::new_actor(b"nobody")] {
        let message = Message {
            from,
            ..message(&chain, "say hi")
        };
        let refused = chain
            .call(CallRequest::new(message, CallPoint::Pending))
            .await;
        assert!(
            matches!(refused, Err(crate::ChainError::ActorNotFound(_))),
            "{from}"
        );
    }
}

#[tokio::test]
async fn overrides_are_seen_by_the_call_only() {
    let chain = chain(config());
    let rich = Address::new_delegated(10, &[7; 20]).unwrap();
    let account = AccountOverride {
        balance: Some(TokenAmount::from_whole(3_000_000_000_u64)),
        nonce: Some(5),
        ..AccountOverride::default()
    };
    let overrides = Overrides {
        accounts: BTreeMap::from([(rich, account)]),
        ..Overrides::default()
    };
    let message = Message {
        from: rich,
        value: TokenAmount::from_whole(2_500_000_000_u64),
        ..message(&chain, "say thanks")
    };
    let request = CallRequest {
        overrides,
        ..CallRequest::new(message.clone(), CallPoint::Pending)
    };
    assert!(
        chain
            .call(request)
            .await
            .unwrap()
            .receipt
            .exit_code
            .is_success()
    );
    let without = chain
        .call(CallRequest::new(message, CallPoint::Pending))
        .await
        .unwrap();
    assert_eq!(without.receipt.exit_code.value(), 6);
    assert!(chain.minted_by_edits().is_zero());
}

#[tokio::test]
async fn an_estimate_is_enough_when_the_message_is_sent() {
    let chain = chain(config());
    for (nonce, text) in ["", "say something long enough to cost", "need 77000000"]
        .iter()
        .enumerate()
    {
        let draft = signed(&chain, 0, nonce as u64, |message| {
            message.params = input(text)
        });
        let estimate = chain
            .estimate_gas(
                draft.message.clone(),
                CallPoint::PendingOfSender,
                Overrides::default(),
            )
            .await
            .unwrap();
        assert!(estimate.used > GAS);
        assert!(estimate.limit >= estimate.used);
        let message = signed(&chain, 0, nonce as u64, |message| {
            message.params = input(text);
            message.gas_limit = estimate.limit;
        });
        let pushed = chain.push(message).await.unwrap();
        let location = pushed.location.unwrap();
        assert!(location.message().receipt.exit_code.is_success(), "{text}");
        assert!(
            location.message().receipt.gas_used <= estimate.used,
            "{text}"
        );
    }
}

#[tokio::test]
async fn an_estimate_of_what_cannot_succeed_says_why() {
    let chain = chain(config());
    let ask = async |text: &str| {
        chain
            .estimate_gas(
                message(&chain, text),
                CallPoint::PendingOfSender,
                Overrides::default(),
            )
            .await
            .unwrap_err()
    };
    assert!(matches!(
        ask("revert no").await,
        EstimateError::Failed(applied) if applied.receipt.exit_code.value() == 33
    ));
    assert!(matches!(
        ask(&format!("need {}", BLOCK_GAS_LIMIT + 1)).await,
        EstimateError::OutOfGas
    ));
}

#[tokio::test]
async fn a_trace_repeats_what_happened() {
    let chain = chain(ChainConfig {
        mining: MiningMode::OnRequest,
        ..config()
    });
    chain.advance_to(5).await.unwrap();
    let one = chain
        .push(signed(&chain, 0, 0, |m| m.params = input("log x")))
        .await
        .unwrap();
    let two = chain
        .push(signed(&chain, 1, 0, |m| m.params = input("revert y")))
        .await
        .unwrap();
    chain.advance_to(20).await.unwrap();
    // Edits of the head are not part of what happened.
    let edit = crate::StateEdit::Balance {
        address: chain.dev_accounts()[0].address(),
        amount: TokenAmount::default(),
    };
    chain.edit(vec![edit]).await.unwrap();
    let head = chain.head();
    for pushed in [one, two] {
        let traced = chain
            .trace_message(&pushed.cid, Tracing::Calls)
            .await
            .unwrap();
        let crate::Found::Mined(location) = chain.message(&pushed.cid).unwrap() else {
            panic!("it is mined")
        };
        assert_eq!(traced.applied.receipt, location.message().receipt);
        assert_eq!(traced.applied.gas, location.message().gas);
        assert!(traced.applied.trace.is_some());
    }
    let all = chain.trace_tipset(&head, Tracing::Calls).await.unwrap();
    let roles: Vec<_> = all.iter().map(|trace| trace.role).collect();
    assert_eq!(
        roles,
        [
            MessageRole::Explicit(0),
            MessageRole::Explicit(1),
            MessageRole::Reward,
            MessageRole::Cron
        ]
    );
    assert!(
        chain
            .trace_tipset(&chain.genesis(), Tracing::Calls)
            .await
            .unwrap()
            .is_empty()
    );
    let unknown = crate::message::message_cid(&message(&chain, "never sent"));
    assert!(chain.trace_message(&unknown, Tracing::Calls).await.is_err());
}

#[tokio::test]
async fn calls_are_answered_while_the_chain_is_busy() {
    let chain = chain(config());
    let busy = tokio::spawn({
        let chain = chain.clone();
        async move { chain.advance_to(200_000).await }
    });
    tokio::task::yield_now().await;
    for _ in 0..20 {
        ask(&chain, "environment", CallPoint::After(chain.head())).await;
    }
    assert!(!busy.is_finished());
    // A stop does not wait for the end of the jump.
    chain.stop().await;
    assert!(busy.await.unwrap().is_err());
}
