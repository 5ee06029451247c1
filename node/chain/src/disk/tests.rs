//! Chains of scripted machines that stop and go on.

use std::path::Path;
use std::sync::Arc;

use fvm_shared::econ::TokenAmount;
use tempfile::TempDir;

use crate::handle::{ChainHandle, ChainSetup};
use crate::testing::{Script, Unreachable, actors, config, signed};
use crate::{ChainConfig, ChainError, ChainFile, Key, KeyKind, MiningMode, StateEdit};

fn open(directory: &Path, config: ChainConfig) -> Result<ChainHandle, ChainError> {
    let file = ChainFile::open(directory)?;
    ChainHandle::start(ChainSetup {
        config,
        store: file.store(),
        file: Some(file),
        actors: actors(),
        machines: Arc::new(Script::default()),
        verifier: Arc::new(Unreachable),
    })
}

fn on_request() -> ChainConfig {
    ChainConfig {
        mining: MiningMode::OnRequest,
        ..config()
    }
}

/// As after a kill: nothing is said to the chain.
async fn drop_without_goodbye(chain: ChainHandle) {
    chain.stop().await;
    drop(chain);
}

#[tokio::test]
async fn a_chain_goes_on_where_it_was() {
    let directory = TempDir::new().unwrap();
    let chain = open(directory.path(), on_request()).unwrap();
    let cid = chain.push(signed(&chain, 0, 0, |_| {})).await.unwrap().cid;
    chain.mine(3).await.unwrap();
    let waiting = chain.push(signed(&chain, 0, 1, |_| {})).await.unwrap().cid;
    let key = Key::bls_from_seed(&[9; 32]);
    chain.keyring().add(key.clone());
    let account = chain.dev_accounts()[1].address();
    let amount = TokenAmount::from_whole(5);
    let edit = StateEdit::Balance {
        address: account,
        amount: amount.clone(),
    };
    chain.edit(vec![edit]).await.unwrap();
    chain.increase_time(3_000).await.unwrap();
    let (head, next) = (chain.head(), chain.next_epoch());
    drop_without_goodbye(chain).await;
    let newest = ChainFile::open(directory.path()).unwrap().newest().unwrap();
    assert_eq!(newest, Some((head.height(), head.state_root)));

    let chain = open(directory.path(), on_request()).unwrap();
    let again = chain.head();
    assert_eq!(again.key(), head.key());
    assert_eq!(again.state_root, head.state_root);
    assert_eq!(again.next_base_fee, head.next_base_fee);
    assert_eq!(chain.head_state().balance(&account).unwrap(), amount);
    assert_eq!(chain.next_epoch(), next);
    assert_eq!(chain.pending().len(), 1);
    assert_eq!(chain.pending()[0].cid, waiting);
    assert!(chain.keyring().get(&key.address()).is_some());
    let crate::Found::Mined(location) = chain.message(&cid).unwrap() else {
        panic!("the message was mined");
    };
    assert_eq!(location.tipset.height(), 1);
    assert!(location.message().receipt.exit_code.is_success());
    assert_eq!(chain.mine(1).await.unwrap()[0].messages.len(), 1);
}

#[tokio::test]
async fn what_was_taken_back_stays_away() {
    let directory = TempDir::new().unwrap();
    let chain = open(directory.path(), on_request()).unwrap();
    chain.mine(2).await.unwrap();
    let snapshot = chain.snapshot().await.unwrap();
    let kept = chain.head();
    chain.mine(5).await.unwrap();
    assert!(chain.revert(snapshot).await.unwrap());
    drop_without_goodbye(chain).await;
    let chain = open(directory.path(), on_request()).unwrap();
    assert_eq!(chain.head().key(), kept.key());
    chain.reset().await.unwrap();
    drop_without_goodbye(chain).await;
    let chain = open(directory.path(), on_request()).unwrap();
    assert_eq!(chain.head().height(), 0);
}

#[tokio::test]
async fn a_chain_of_another_genesis_is_not_gone_on_with() {
    let directory = TempDir::new().unwrap();
    drop_without_goodbye(open(directory.path(), config()).unwrap()).await;
    let other = ChainConfig {
        network_name: "another".into(),
        ..config()
    };
    let Err(ChainError::Config(reason)) = open(directory.path(), other) else {
        panic!("it was started");
    };
    assert!(reason.contains("another data directory"), "{reason}");
}

#[tokio::test]
async fn two_nodes_do_not_share_a_directory() {
    let directory = TempDir::new().unwrap();
    let chain = open(directory.path(), config()).unwrap();
    let Err(ChainError::Config(reason)) = open(directory.path(), config()) else {
        panic!("it was started");
    };
    assert!(reason.contains("another node uses it"), "{reason}");
    drop_without_goodbye(chain).await;
}

#[tokio::test]
async fn a_file_that_is_none_of_ours_is_named() {
    let directory = TempDir::new().unwrap();
    std::fs::write(directory.path().join(super::CHAIN_FILE), b"mars.jpg").unwrap();
    let Err(ChainError::Config(reason)) = open(directory.path(), config()) else {
        panic!("it was started");
    };
    assert!(reason.contains(super::CHAIN_FILE), "{reason}");
}

#[test]
fn kinds_of_keys_have_numbers_that_stay() {
    assert_eq!(KeyKind::ALL.map(|kind| kind as u8), [0, 1, 2]);
}
