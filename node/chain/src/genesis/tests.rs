use alloy::primitives::{hex, keccak256};
use fvm_shared::address::Protocol;

use super::*;
use crate::testing;

/// A genesis state of the usual configuration, and its tree.
fn genesis() -> (SharedStore, ChainConfig, Accounts, StateTree<SharedStore>) {
    let store = SharedStore::memory();
    let config = ChainConfig::default();
    let accounts = Accounts::derive(&config, 0).unwrap();
    let (root, _) = write_state(&store, &config, &accounts, &testing::actors()).unwrap();
    let tree = StateTree::load(store.clone(), &root).unwrap();
    (store, config, accounts, tree)
}

#[test]
fn singletons_have_the_heads_of_the_sheet() {
    let (_, _, _, tree) = genesis();
    for (id, name, head) in [
        (
            2,
            "reward",
            "bafy2bzaceaslbmsgmgmfi6pn2osvqcfuqinauuyt67zifnefurhpk4zxd2fos",
        ),
        (
            3,
            "cron",
            "bafy2bzacebs5dwwxmsjmzvoqcamx3qtl2x5qpqgpqxgnzl7scccmbvd37ulvs",
        ),
        (
            4,
            "storagepower",
            "bafy2bzaceasliok4bbcsxu5i47crjwa4kit7uwdz6257fu2o66vqtot3trak4",
        ),
        (
            5,
            "storagemarket",
            "bafy2bzaceb3ikngdghhmbj2fxh5ovckfm7kecirnv5tef2ka6okhva6yv3pbm",
        ),
        (
            6,
            "verifiedregistry",
            "bafy2bzacea3u25p5rea2k2gs5k5ldo3jqwsfw7sra7sm4rmpdnx4snxapzgvk",
        ),
        (
            7,
            "datacap",
            "bafy2bzacedvbi5u76loih5l52kha6yuq7tz25r76lthjofph2mcocmdwbb5q4",
        ),
        (
            10,
            "eam",
            "bafy2bzacebc3bt6cedhoyw34drrmjvazhu4oj25er2ebk4u445pzycvq4ta4a",
        ),
        (
            80,
            "multisig",
            "bafy2bzacecfnrwhfzhcvmfzymrxjomcm2nu5xflgls4oqzozuzov7nxt4vpes",
        ),
        (
            90,
            "multisig",
            "bafy2bzacecfnrwhfzhcvmfzymrxjomcm2nu5xflgls4oqzozuzov7nxt4vpes",
        ),
        (
            99,
            "account",
            "bafy2bzacedpuk5ggwoq3s2wixsyjjnexpsjstdlyntio76vs2lt2jvy3o6mau",
        ),
    ] {
        let actor = tree.actor(id).unwrap().unwrap();
        assert_eq!(actor.state.to_string(), head, "f0{id}");
        assert!(tree.manifest().unwrap().is(&actor.code, name), "f0{id}");
        assert_eq!(
            (actor.sequence, actor.delegated_address),
            (0, None),
            "f0{id}"
        );
    }
    assert_eq!(tree.actor(8).unwrap(), None);
    assert_eq!(tree.actor(9).unwrap(), None);
}

#[test]
fn an_init_actor_with_an_empty_map_has_the_head_of_the_sheet() {
    let store = SharedStore::memory();
    let map = Hamt::<_, ActorID>::new_with_bit_width(&store, HAMT_BIT_WIDTH)
        .flush()
        .unwrap();
    for (next_id, head) in [
        (
            100,
            "bafy2bzacebgom3tgszuyopms3lael4qriz76lezrhgrkeys3xk227gny4ndes",
        ),
        (
            1000,
            "bafy2bzaceddayyozuotjlrnygox7vj6vdqnvsjaffforovnzeuw3w2qcqimxm",
        ),
    ] {
        let state = InitState {
            address_map: map,
            next_id,
            network_name: "devnet".into(),
        };
        assert_eq!(state.save(&store).unwrap().to_string(), head);
    }
}

#[test]
fn the_system_actor_lists_sixteen_actors_in_order_and_no_other_code_is_used() {
    let (_, _, _, tree) = genesis();
    let manifest = tree.manifest().unwrap();
    assert_eq!(manifest.entries(), testing::actors().builtin);
    assert_eq!(manifest.entries().len(), 16);
    for (id, actor) in tree.actors().unwrap() {
        assert!(manifest.type_of(&actor.code).is_some(), "f0{id}");
    }
}

#[test]
fn there_are_two_billion_fil_whatever_the_accounts_get() {
    for (accounts, fil) in [(0, 1), (10, 10_000), (400, 600_000)] {
        let store = SharedStore::memory();
        let config = ChainConfig {
            accounts,
            account_balance: TokenAmount::from_whole(fil),
            ..ChainConfig::default()
        };
        let keys = Accounts::derive(&config, 0).unwrap();
        let (root, _) = write_state(&store, &config, &keys, &testing::actors()).unwrap();
        let actors = StateTree::load(store, &root).unwrap().actors().unwrap();
        let sum: TokenAmount = actors.values().map(|actor| actor.balance.clone()).sum();
        assert_eq!(sum, TokenAmount::from_whole(TOTAL_FIL));
    }
}

#[test]
fn more_money_or_accounts_than_there_are_is_refused_with_the_figures() {
    for (accounts, fil, word) in [
        (10, 25_000_001, "500000000"),
        (401, 1, "400"),
        (1, -1, "negative"),
    ] {
        let config = ChainConfig {
            accounts,
            account_balance: TokenAmount::from_whole(fil),
            ..ChainConfig::default()
        };
        let error = Accounts::derive(&config, 0)
            .and_then(|_| Accounts::operator_balance(&config))
            .unwrap_err()
            .to_string();
        assert!(error.contains(word), "{error}");
    }
}

/// Keys and addresses that every Ethereum tool derives from the mnemonic.
#[test]
fn development_accounts_are_those_that_tools_know() {
    let (_, _, accounts, tree) = genesis();
    assert_eq!(
        accounts.dev[0].eth_address().unwrap().to_string(),
        "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    );
    assert_eq!(
        accounts.dev[9].eth_address().unwrap().to_string(),
        "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720"
    );
    assert_eq!(
        hex::encode(accounts.dev[0].private_bytes()),
        "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
    );
    let manifest = tree.manifest().unwrap();
    for (key, kind) in accounts
        .dev
        .iter()
        .map(|key| (key, "ethaccount"))
        .chain(accounts.dev_native.iter().map(|key| (key, "account")))
    {
        let id = tree.resolve(&key.address()).unwrap().unwrap();
        let actor = tree.actor(id).unwrap().unwrap();
        assert!(manifest.is(&actor.code, kind));
        assert_eq!(actor.balance, TokenAmount::from_whole(10_000));
    }
}

#[test]
fn operator_and_worker_have_the_ids_that_others_name() {
    let (_, _, accounts, tree) = genesis();
    assert_eq!(
        tree.resolve(&accounts.operator.address()).unwrap(),
        Some(OPERATOR)
    );
    assert_eq!(
        tree.resolve(&accounts.worker.address()).unwrap(),
        Some(WORKER)
    );
    assert_eq!(accounts.worker.address().protocol(), Protocol::BLS);
    assert_eq!(accounts.operator.address().protocol(), Protocol::Secp256k1);
    assert_eq!(tree.init_state().unwrap().next_id, FIRST_FREE_ID);
}

#[test]
fn the_deployment_proxy_is_byte_for_byte_what_stands_on_other_chains() {
    let proxy = &contracts::PREINSTALLED[0];
    assert_eq!(proxy.code().len(), 69);
    assert_eq!(
        hex::encode(keccak256(proxy.code())),
        "2fa86add0aed31f33a762c9d88e807c475bd51d0f52bd0955754b2608f7e4989"
    );
    let (store, _, _, tree) = genesis();
    let root = { tree }.flush().unwrap();
    let view = crate::view::StateView::new(store, root);
    let address = EthAddress::from(proxy.address);
    assert_eq!(view.eth_code(&address).unwrap(), proxy.code());
    assert_eq!(view.eth_nonce(&address).unwrap(), 1);
}

/// Selectors of the interface that clients of the other chains' Multicall3 use.
#[test]
fn the_multicall_answers_the_customary_interface() {
    let code = contracts::PREINSTALLED[1].code();
    for selector in [
        "252dba42", "82ad56cb", "174dea71", "c3077fa9", "3e64a696", "ee82ac5e", "42cbb15c",
        "3408e470", "a8b0574e", "72425d9d", "86d516e8", "0f28c97d", "4d2301cc", "27e86d6e",
        "bce38bd7", "399542e9",
    ] {
        let push = hex::decode(format!("63{selector}")).unwrap();
        assert!(code.windows(5).any(|window| window == push), "{selector}");
    }
}

#[test]
fn the_supply_of_the_genesis_state_is_what_accounts_have() {
    let (_, _, _, tree) = genesis();
    let supply = crate::supply::supply(&tree).unwrap();
    assert_eq!(supply.circulating, TokenAmount::from_whole(600_000_000));
    assert!(supply.mined.is_zero() && supply.reserve_disbursed.is_zero());
}

#[test]
fn the_genesis_header_is_the_customary_one() {
    let (store, config, _, mut tree) = genesis();
    let root = tree.flush().unwrap();
    let header = header(&store, &config, root).unwrap();
    assert_eq!((header.height, header.miner), (0, Address::new_id(0)));
    assert_eq!(header.parent_state_root, root);
    assert_eq!(
        header.parent_message_receipts.to_string(),
        "bafy2bzacedswlcz5ddgqnyo3sak3jmhmkxashisnlpq6ujgyhe4mlobzpnhs6"
    );
    assert_eq!(
        header.messages.to_string(),
        "bafy2bzacecmda75ovposbdateg7eyhwij65zklgyijgcjwynlklmqazpwlhba"
    );
    let again: BlockHeader = fvm_ipld_encoding::from_slice(&header.to_bytes()).unwrap();
    assert_eq!(again, header);
}
