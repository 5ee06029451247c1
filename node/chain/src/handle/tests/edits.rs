use alloy::primitives::{Address as EthAddress, B256, U256};
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;

use crate::config::MiningMode;
use crate::ethereum::to_filecoin;
use crate::testing::{balances, chain, config, signed, total};
use crate::{ChainConfig, ChainHandle, StateEdit};

fn fil(amount: u64) -> TokenAmount {
    TokenAmount::from_whole(amount)
}

async fn set_balance(chain: &ChainHandle, address: Address, amount: TokenAmount) {
    chain
        .edit(vec![StateEdit::Balance { address, amount }])
        .await
        .unwrap();
}

fn kind(chain: &ChainHandle, address: &Address) -> String {
    let state = chain.head_state();
    let (_, actor) = state.actor(address).unwrap().unwrap();
    state
        .manifest()
        .unwrap()
        .name_of(&actor.code)
        .unwrap()
        .to_string()
}

const SOMEBODY: EthAddress = EthAddress::repeat_byte(0x51);

#[tokio::test]
async fn a_new_balance_comes_from_the_faucet_and_returns_to_it() {
    let chain = chain(config());
    let address = to_filecoin(&SOMEBODY);
    let faucet = |chain: &ChainHandle| balances(chain, chain.head().state_root)[&100].clone();
    let before = faucet(&chain);
    set_balance(&chain, address, fil(1_000)).await;
    assert_eq!(chain.head_state().balance(&address).unwrap(), fil(1_000));
    assert_eq!(faucet(&chain), &before - fil(1_000));
    assert_eq!(kind(&chain, &address), "placeholder");
    set_balance(&chain, address, fil(400)).await;
    assert_eq!(faucet(&chain), before - fil(400));
    assert_eq!(total(&chain, chain.head().state_root), fil(2_000_000_000));
}

#[tokio::test]
async fn what_the_faucet_does_not_have_is_made_counted_and_unmade_first() {
    let chain = chain(config());
    let address = to_filecoin(&SOMEBODY);
    set_balance(&chain, address, fil(1_000_000_000)).await;
    let minted = chain.minted_by_edits();
    assert!(minted.is_positive());
    assert_eq!(
        balances(&chain, chain.head().state_root)[&100],
        TokenAmount::default()
    );
    assert_eq!(
        total(&chain, chain.head().state_root),
        fil(2_000_000_000) + &minted
    );
    set_balance(&chain, address, TokenAmount::default()).await;
    assert!(chain.minted_by_edits().is_zero());
    assert_eq!(total(&chain, chain.head().state_root), fil(2_000_000_000));
}

#[tokio::test]
async fn the_faucet_itself_can_be_edited() {
    let chain = chain(config());
    set_balance(&chain, Address::new_id(100), fil(1)).await;
    assert_eq!(total(&chain, chain.head().state_root), fil(2_000_000_000));
    set_balance(&chain, Address::new_id(100), fil(3)).await;
    assert_eq!(chain.minted_by_edits(), fil(2));
}

#[tokio::test]
async fn addresses_get_the_actor_that_a_transfer_would_make() {
    let chain = chain(config());
    let key = crate::Key::new(crate::KeyKind::Delegated, &[3; 32]).unwrap();
    chain.keyring().add(key.clone());
    for (address, expected) in [
        (key.address(), "ethaccount"),
        (to_filecoin(&SOMEBODY), "placeholder"),
        (Address::new_secp256k1(&[3; 65]).unwrap(), "account"),
        (Address::new_bls(&[3; 48]).unwrap(), "account"),
        (Address::new_id(90), "multisig"),
    ] {
        set_balance(&chain, address, fil(7)).await;
        assert_eq!(kind(&chain, &address), expected);
        assert_eq!(chain.head_state().balance(&address).unwrap(), fil(7));
    }
    let account = Address::new_secp256k1(&[3; 65]).unwrap();
    let id = chain.head_state().resolve(&account).unwrap().unwrap();
    let key = chain
        .head_state()
        .account_key(&Address::new_id(id))
        .unwrap();
    assert_eq!(key, Some(account));
    for address in [Address::new_id(777_777), Address::new_actor(b"x")] {
        let edit = StateEdit::Balance {
            address,
            amount: fil(1),
        };
        assert!(chain.edit(vec![edit]).await.is_err());
    }
}

#[tokio::test]
async fn code_and_storage_make_a_contract_of_a_free_address() {
    let chain = chain(config());
    let address = to_filecoin(&SOMEBODY);
    let slot = B256::repeat_byte(1);
    let value = B256::repeat_byte(2);
    set_balance(&chain, address, fil(5)).await;
    chain
        .edit(vec![
            StateEdit::Storage {
                address,
                slot,
                value,
            },
            StateEdit::Code {
                address,
                code: vec![0x60, 0x00],
            },
            StateEdit::Nonce { address, nonce: 9 },
        ])
        .await
        .unwrap();
    let state = chain.head_state();
    let read = |slot: B256| {
        state
            .eth_storage(&SOMEBODY, U256::from_be_bytes(slot.0))
            .unwrap()
    };
    assert_eq!(kind(&chain, &address), "evm");
    assert_eq!(state.eth_code(&SOMEBODY).unwrap(), [0x60, 0x00]);
    assert_eq!(state.eth_nonce(&SOMEBODY).unwrap(), 9);
    assert_eq!(read(slot), value);
    assert_eq!(read(B256::ZERO), B256::ZERO);
    assert_eq!(state.balance(&address).unwrap(), fil(5));
    let cleared = StateEdit::Storage {
        address,
        slot,
        value: B256::ZERO,
    };
    chain.edit(vec![cleared]).await.unwrap();
    let state = chain.head_state();
    assert_eq!(
        state
            .eth_storage(&SOMEBODY, U256::from_be_bytes(slot.0))
            .unwrap(),
        B256::ZERO
    );
    // An account keeps its sequence apart from a contract's nonce.
    let native = chain.keyring().addresses()[1];
    let refused = StateEdit::Code {
        address: native,
        code: vec![],
    };
    let refused = chain.edit(vec![refused]).await.unwrap_err().to_string();
    assert!(refused.contains("account"), "{refused}");
}

#[tokio::test]
async fn edits_are_made_all_or_none() {
    let chain = chain(config());
    let before = chain.head().state_root;
    let edits = vec![
        StateEdit::Balance {
            address: to_filecoin(&SOMEBODY),
            amount: fil(5),
        },
        StateEdit::Balance {
            address: to_filecoin(&SOMEBODY),
            amount: fil(5) - fil(9),
        },
    ];
    assert!(chain.edit(edits).await.is_err());
    assert_eq!(chain.head().state_root, before);
}

#[tokio::test]
async fn the_next_tipset_builds_on_the_edited_state() {
    let chain = chain(config());
    let key = chain.head().key().clone();
    set_balance(&chain, to_filecoin(&SOMEBODY), fil(5)).await;
    let edited = chain.head().state_root;
    assert_eq!(*chain.head().key(), key);
    let tipset = chain.mine(1).await.unwrap().remove(0);
    assert_eq!(tipset.tipset.parent_state_root(), edited);
    assert_eq!(
        chain.head_state().balance(&to_filecoin(&SOMEBODY)).unwrap(),
        fil(5)
    );
}

#[tokio::test]
async fn another_nonce_drops_what_the_sender_has_waiting() {
    let chain = chain(ChainConfig {
        mining: MiningMode::OnRequest,
        ..config()
    });
    let sender = chain.dev_accounts()[0].address();
    chain.push(signed(&chain, 0, 0, |_| {})).await.unwrap();
    chain.push(signed(&chain, 1, 0, |_| {})).await.unwrap();
    chain
        .edit(vec![StateEdit::Nonce {
            address: sender,
            nonce: 40,
        }])
        .await
        .unwrap();
    assert_eq!(chain.pending().len(), 1);
    assert_eq!(chain.next_nonce(&sender).unwrap(), 40);
    chain.push(signed(&chain, 0, 40, |_| {})).await.unwrap();
    assert_eq!(chain.mine(1).await.unwrap()[0].messages.len(), 2);
}
