//! A whole devnet with real actors, on the FVM and natively.

use std::sync::Arc;

use alloy::primitives::{Address as EthAddress, B256, U256, hex, keccak256};
use boatyard_bundle::Bundle;
use boatyard_chain::ethereum::{INVOKE_EVM, from_cbor_bytes, target, to_filecoin};
use boatyard_chain::genesis::GenesisActors;
use boatyard_chain::{
    CallPoint, CallRequest, ChainConfig, ChainHandle, ChainProofs, ChainSetup, EngineMachines,
    EstimateError, EventFilter, ExecutedMessage, MiningMode, Overrides, SignedMessage, StateEdit,
};
use boatyard_node::{BundleSource, Node, NodeConfig, NodeError};
use boatyard_proofs::Scheme;
use boatyard_sdk::NetworkVariant;
use boatyard_vm::context::Tracing;
use boatyard_vm::engine::{Engine, EngineOptions, MachineKind};
use boatyard_vm::store::SharedStore;
use fvm_ipld_encoding::RawBytes;
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;
use fvm_shared::message::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const MACHINES: [MachineKind; 2] = [MachineKind::Fvm, MachineKind::Native];

/// Stores its first argument in slot 0, logs it under the topic 0x2a, returns it.
const ECHO: &str = "60168060 0b6000396000f3 600035 80 600055 600052 602a60206000a1 60206000f3";

fn config(machine: MachineKind) -> NodeConfig {
    NodeConfig {
        port: 0,
        genesis_timestamp: Some(1_700_000_000),
        machine,
        ..NodeConfig::default()
    }
}

fn start(machine: MachineKind) -> ChainHandle {
    Node::start_chain(&config(machine)).expect("the embedded actors start")
}

fn echo() -> Vec<u8> {
    hex::decode(ECHO.replace(' ', "")).expect("the constant is hex")
}

/// A message of the first account to a contract, or a deployment.
fn draft(chain: &ChainHandle, to: Option<&EthAddress>, input: &[u8]) -> Message {
    let (to, method_num, params) = target(to, input);
    let from = chain.dev_accounts()[0].address();
    Message {
        version: 0,
        from,
        to,
        sequence: chain.next_nonce(&from).expect("the account exists"),
        value: TokenAmount::default(),
        method_num,
        params,
        gas_limit: 0,
        gas_fee_cap: TokenAmount::from_atto(1_000_000),
        gas_premium: TokenAmount::from_atto(200_000),
    }
}

fn sign(chain: &ChainHandle, message: Message) -> SignedMessage {
    let key = chain
        .keyring()
        .get(&message.from)
        .expect("the node has the key");
    key.sign_message(message, chain.config().chain_id)
        .expect("a transaction")
}

/// Estimates, signs and pushes, as a wallet does.
async fn send(chain: &ChainHandle, message: Message) -> ExecutedMessage {
    let estimate = chain
        .estimate_gas(
            message.clone(),
            CallPoint::PendingOfSender,
            Overrides::default(),
        )
        .await
        .expect("it succeeds");
    let message = Message {
        gas_limit: estimate.limit,
        ..message
    };
    let pushed = chain
        .push(sign(chain, message))
        .await
        .expect("it is a good message");
    let executed = pushed
        .location
        .expect("it is mined at once")
        .message()
        .clone();
    assert!(
        executed.receipt.gas_used <= estimate.used,
        "the estimate was too low"
    );
    executed
}

/// Deploys and gives the contract's address.
async fn deploy(chain: &ChainHandle, init_code: &[u8]) -> EthAddress {
    let executed = send(chain, draft(chain, None, init_code)).await;
    assert!(
        executed.receipt.exit_code.is_success(),
        "{:?}",
        executed.error
    );
    let (_, _, address): (u64, Option<Address>, fvm_ipld_encoding::BytesDe) = executed
        .receipt
        .return_data
        .deserialize()
        .expect("what the EAM returns");
    EthAddress::from_slice(&address.0)
}

fn word(value: u64) -> [u8; 32] {
    U256::from(value).to_be_bytes()
}

fn total(chain: &ChainHandle) -> TokenAmount {
    let actors = chain.head_state().actors().expect("the state is whole");
    actors.into_values().map(|actor| actor.balance).sum()
}

#[tokio::test]
async fn fil_moves_between_all_kinds_of_accounts() {
    for machine in MACHINES {
        let chain = start(machine);
        let value = TokenAmount::from_whole(3);
        let fresh = [
            to_filecoin(&EthAddress::repeat_byte(0x51)),
            Address::new_secp256k1(&[7; 65]).unwrap(),
            Address::new_id(100),
        ];
        for to in fresh {
            let before = chain.head_state().balance(&to).unwrap();
            let native = chain.keyring().addresses()[1];
            let message = Message {
                from: native,
                to,
                sequence: chain.next_nonce(&native).unwrap(),
                value: value.clone(),
                method_num: 0,
                params: RawBytes::default(),
                ..draft(&chain, None, &[])
            };
            let executed = send(&chain, message).await;
            assert!(executed.receipt.exit_code.is_success(), "{machine:?} {to}");
            assert_eq!(chain.head_state().balance(&to).unwrap(), before + &value);
        }
        assert_eq!(
            total(&chain),
            TokenAmount::from_whole(2_000_000_000),
            "{machine:?}"
        );
    }
}

#[tokio::test]
async fn a_contract_is_deployed_called_and_leaves_events_and_storage() {
    for machine in MACHINES {
        let chain = start(machine);
        let contract = deploy(&chain, &echo()).await;
        let deployer = chain.dev_accounts()[0].eth_address().unwrap();
        assert_eq!(contract, deployer.create(0), "{machine:?}");
        assert_eq!(
            chain.head_state().eth_code(&contract).unwrap(),
            echo()[11..]
        );

        let executed = send(&chain, draft(&chain, Some(&contract), &word(77))).await;
        assert_eq!(
            from_cbor_bytes(&executed.receipt.return_data).unwrap(),
            word(77)
        );
        let state = chain.head_state();
        assert_eq!(
            state.eth_storage(&contract, U256::ZERO).unwrap(),
            B256::from(word(77))
        );
        assert_eq!(state.eth_nonce(&contract).unwrap(), 1);
        assert_eq!(state.eth_nonce(&deployer).unwrap(), 2);

        let filter = EventFilter {
            emitters: vec![to_filecoin(&contract)],
            ..EventFilter::default()
        };
        let found = chain.events(&filter).unwrap();
        assert_eq!(found.len(), 1, "{machine:?}");
        assert_eq!(found[0].log_index, Some(0));
        let root = executed.receipt.events_root.unwrap();
        assert!(chain.read_block(&root).unwrap().is_some(), "{machine:?}");
        let entries = &found[0].event.event.entries;
        assert_eq!(
            (entries[0].key.as_str(), entries[0].value.as_slice()),
            ("t1", &word(0x2a)[..])
        );
        assert_eq!(
            (entries[1].key.as_str(), entries[1].value.as_slice()),
            ("d", &word(77)[..])
        );

        let before = chain.head().state_root;
        let call = CallRequest::new(
            draft(&chain, Some(&contract), &word(5)),
            CallPoint::After(chain.head()),
        );
        let applied = chain.call(call).await.unwrap();
        assert_eq!(
            from_cbor_bytes(&applied.receipt.return_data).unwrap(),
            word(5)
        );
        assert_eq!(chain.head().state_root, before);

        let traced = chain
            .trace_message(&executed.cid, Tracing::Calls)
            .await
            .unwrap();
        assert_eq!(traced.applied.receipt, executed.receipt, "{machine:?}");
    }
}

#[tokio::test]
async fn a_revert_reaches_whoever_calls_estimates_or_sends() {
    for machine in MACHINES {
        let chain = start(machine);
        // Runtime: PUSH1 42, MSTORE at 0, REVERT(0, 32).
        let code = hex!("602a60005260206000fd").to_vec();
        let contract = EthAddress::repeat_byte(0x66);
        let address = to_filecoin(&contract);
        chain
            .edit(vec![StateEdit::Code { address, code }])
            .await
            .unwrap();
        let message = draft(&chain, Some(&contract), b"hello");
        let call = CallRequest::new(message.clone(), CallPoint::Pending);
        let applied = chain.call(call).await.unwrap();
        assert_eq!(applied.receipt.exit_code.value(), 33, "{machine:?}");
        assert_eq!(
            from_cbor_bytes(&applied.receipt.return_data).unwrap(),
            word(42)
        );
        let estimate = chain
            .estimate_gas(
                message.clone(),
                CallPoint::PendingOfSender,
                Overrides::default(),
            )
            .await;
        assert!(
            matches!(estimate, Err(EstimateError::Failed(_))),
            "{machine:?}"
        );
        let message = Message {
            gas_limit: 100_000_000,
            ..message
        };
        let pushed = chain.push(sign(&chain, message)).await.unwrap();
        let location = pushed.location.unwrap();
        assert_eq!(location.message().receipt.exit_code.value(), 33);
        assert_eq!(
            chain
                .head_state()
                .eth_nonce(&chain.dev_accounts()[0].eth_address().unwrap())
                .unwrap(),
            1
        );
    }
}

#[tokio::test]
async fn the_deployment_proxy_deploys_where_tools_expect() {
    for machine in MACHINES {
        let chain = start(machine);
        let proxy: EthAddress = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
            .parse()
            .unwrap();
        let salt = B256::repeat_byte(3);
        let input = [salt.as_slice(), &echo()].concat();
        let executed = send(&chain, draft(&chain, Some(&proxy), &input)).await;
        let contract = proxy.create2(salt, keccak256(echo()));
        assert_eq!(
            from_cbor_bytes(&executed.receipt.return_data).unwrap(),
            contract.as_slice(),
            "{machine:?}"
        );
        assert_eq!(
            chain.head_state().eth_code(&contract).unwrap(),
            echo()[11..]
        );
    }
}

#[tokio::test]
async fn the_multicall_asks_several_things_at_once() {
    alloy::sol! {
        struct Call3 { address target; bool allowFailure; bytes callData; }
        struct Result { bool success; bytes returnData; }
        function aggregate3(Call3[] calldata calls) external payable returns (Result[] memory);
        function getEthBalance(address addr) external view returns (uint256);
        function getChainId() external view returns (uint256);
    }
    use alloy::sol_types::SolCall;
    for machine in MACHINES {
        let chain = start(machine);
        let multicall: EthAddress = "0xcA11bde05977b3631167028862bE2a173976CA11"
            .parse()
            .unwrap();
        let account = chain.dev_accounts()[1].eth_address().unwrap();
        let ask = |data: Vec<u8>, may_fail| Call3 {
            target: multicall,
            allowFailure: may_fail,
            callData: data.into(),
        };
        let calls = vec![
            ask(getEthBalanceCall { addr: account }.abi_encode(), false),
            ask(getChainIdCall {}.abi_encode(), false),
            ask(vec![1, 2, 3, 4], true),
        ];
        let input = aggregate3Call { calls }.abi_encode();
        let call = CallRequest::new(draft(&chain, Some(&multicall), &input), CallPoint::Pending);
        let applied = chain.call(call).await.unwrap();
        let answer = from_cbor_bytes(&applied.receipt.return_data).unwrap();
        let results = aggregate3Call::abi_decode_returns(&answer).unwrap();
        let number = |index: usize| U256::from_be_slice(&results[index].returnData);
        assert_eq!(
            number(0),
            U256::from(10_000) * U256::from(10).pow(U256::from(18))
        );
        assert_eq!(number(1), U256::from(31_415_926));
        assert!(!results[2].success, "{machine:?}");
    }
}

#[tokio::test]
async fn edits_make_contracts_that_run() {
    for machine in MACHINES {
        let chain = start(machine);
        let contract = EthAddress::repeat_byte(0x77);
        let address = to_filecoin(&contract);
        // Runtime: return slot 1.
        let code = hex!("60015460005260206000f3").to_vec();
        let edits = vec![
            StateEdit::Balance {
                address,
                amount: TokenAmount::from_whole(2),
            },
            StateEdit::Code { address, code },
            StateEdit::Storage {
                address,
                slot: B256::from(word(1)),
                value: B256::from(word(99)),
            },
        ];
        chain.edit(edits).await.unwrap();
        let call = CallRequest::new(draft(&chain, Some(&contract), &[1]), CallPoint::Pending);
        let applied = chain.call(call).await.unwrap();
        assert_eq!(
            from_cbor_bytes(&applied.receipt.return_data).unwrap(),
            word(99),
            "{machine:?}"
        );
    }
}

#[tokio::test]
async fn a_contract_and_a_multisig_can_be_impersonated() {
    for machine in MACHINES {
        let chain = start(machine);
        let contract = deploy(&chain, &echo()).await;
        let edit = StateEdit::Balance {
            address: to_filecoin(&contract),
            amount: TokenAmount::from_whole(2),
        };
        chain.edit(vec![edit]).await.unwrap();
        let to = chain.dev_accounts()[3].address();
        for from in [to_filecoin(&contract), Address::new_id(90)] {
            chain.set_impersonated(&from, true);
            let message = Message {
                from,
                to,
                sequence: u64::MAX,
                value: TokenAmount::from_whole(1),
                method_num: INVOKE_EVM,
                params: RawBytes::default(),
                ..draft(&chain, None, &[])
            };
            let pushed = chain.push_impersonated(message).await.unwrap();
            let location = pushed.location.unwrap();
            assert!(
                location.message().receipt.exit_code.is_success(),
                "{machine:?} {from}"
            );
        }
        let balance = chain.head_state().balance(&to).unwrap();
        assert_eq!(balance, TokenAmount::from_whole(10_002), "{machine:?}");
    }
}

/// Spec 09 §13: what epoch 1 pays. Its miner is an account, so it is burned.
#[tokio::test]
async fn the_first_reward_is_the_sheets_and_is_burned_without_providers() {
    for machine in MACHINES {
        let chain = start(machine);
        chain.mine(1).await.unwrap();
        let burnt = chain.head_state().balance(&Address::new_id(99)).unwrap();
        assert_eq!(
            burnt,
            TokenAmount::from_atto(7_253_252_858_755_426_947_u64),
            "{machine:?}"
        );
        let supply = chain.supply(&chain.head_state()).unwrap();
        assert_eq!(supply.mined, burnt);
        assert_eq!(supply.circulating, TokenAmount::from_whole(600_000_000));
    }
}

/// Messages without fees leave the same states on both machines, null rounds included.
#[tokio::test]
async fn both_machines_give_the_same_states() {
    let mut roots = Vec::new();
    for machine in MACHINES {
        let chain = start(machine);
        chain.set_auto_impersonate(true);
        let mut of_this = vec![chain.head().state_root];
        chain.advance_to(50).await.unwrap();
        of_this.push(chain.head().state_root);
        let deployment = Message {
            gas_limit: 1_000_000_000,
            ..draft(&chain, None, &echo())
        };
        chain.push_impersonated(deployment).await.unwrap();
        of_this.push(chain.head().state_root);
        let contract = chain.dev_accounts()[0].eth_address().unwrap().create(0);
        let call = Message {
            gas_limit: 1_000_000_000,
            ..draft(&chain, Some(&contract), &word(9))
        };
        chain.push_impersonated(call).await.unwrap();
        of_this.push(chain.head().state_root);
        assert_eq!(chain.head().events().count(), 1);
        roots.push(of_this);
    }
    assert_eq!(roots[0], roots[1]);
}

/// The embedded actors' null rounds run natively whatever machine is chosen; here
/// they run on the FVM.
#[tokio::test]
async fn null_rounds_give_the_same_states_on_both_machines() {
    let mut roots = Vec::new();
    for machine in MACHINES {
        let bundle = Bundle::embedded(NetworkVariant::Devnet);
        let store = SharedStore::memory();
        bundle.install(&store).unwrap();
        let engine = Engine::new(EngineOptions {
            policy: NetworkVariant::Devnet,
            ..EngineOptions::default()
        });
        let chain = ChainHandle::start(ChainSetup {
            config: ChainConfig::default(),
            store: store.clone(),
            file: None,
            actors: GenesisActors {
                builtin: bundle.actors().to_vec(),
                extra: Vec::new(),
                providers: Vec::new(),
            },
            machines: Arc::new(EngineMachines::new(engine, machine)),
            verifier: Arc::new(ChainProofs::new(
                Scheme::default().verifier().unwrap(),
                store.clone(),
            )),
        })
        .unwrap();
        chain.advance_to(2_100).await.unwrap();
        roots.push((chain.head().start_root, chain.head().state_root));
    }
    assert_eq!(roots[0], roots[1]);
}

#[tokio::test]
async fn the_same_start_and_messages_give_the_same_blocks() {
    for machine in MACHINES {
        let mut keys = Vec::new();
        for _ in 0..2 {
            let chain = start(machine);
            let contract = deploy(&chain, &echo()).await;
            send(&chain, draft(&chain, Some(&contract), &word(1))).await;
            chain.advance_to(30).await.unwrap();
            keys.push((chain.head().key().clone(), chain.head().state_root));
        }
        assert_eq!(keys[0], keys[1], "{machine:?}");
    }
}

#[tokio::test]
async fn a_snapshot_brings_back_contracts_and_accounts() {
    let chain = start(MachineKind::Native);
    let id = chain.snapshot().await.unwrap();
    let root = chain.head().state_root;
    let contract = deploy(&chain, &echo()).await;
    assert!(chain.revert(id).await.unwrap());
    assert_eq!(chain.head().state_root, root);
    assert!(chain.head_state().eth_code(&contract).unwrap().is_empty());
    assert_eq!(deploy(&chain, &echo()).await, contract);
}

/// Nothing but look-ups may be needed before the first message, for actors take
/// their time to compile.
#[tokio::test]
async fn requests_are_served_while_actors_still_compile() {
    let node = Node::start(config(MachineKind::Fvm)).await.unwrap();
    let answer = post(node.local_addr(), "eth_chainId").await;
    assert!(answer.contains("0x1df5e76"), "{answer}");
    let answer = post(node.local_addr(), "eth_blockNumber").await;
    assert!(answer.contains(r#""result":"0x0""#), "{answer}");
    node.stop().await;
}

#[tokio::test]
async fn a_node_stops_in_the_middle_of_a_jump() {
    let node = Node::start(NodeConfig {
        mining: MiningMode::OnRequest,
        ..config(MachineKind::Native)
    })
    .await
    .unwrap();
    let chain = node.chain().clone();
    let address = node.local_addr();
    let jump = tokio::spawn(async move { chain.advance_to(5_000_000).await });
    tokio::task::yield_now().await;
    node.stop().await;
    assert!(jump.await.unwrap().is_err());
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn what_keeps_a_node_from_starting_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let nonsense = folder.path().join("nonsense.car");
    std::fs::write(&nonsense, b"no bundle").unwrap();
    let busy = Node::start(config(MachineKind::Native)).await.unwrap();
    let cases: [(NodeConfig, &str); 6] = [
        (
            NodeConfig {
                port: busy.local_addr().port(),
                ..config(MachineKind::Native)
            },
            "in use",
        ),
        (
            NodeConfig {
                bundle: BundleSource::File("/nowhere.car".into()),
                ..config(MachineKind::Fvm)
            },
            "/nowhere.car",
        ),
        (
            NodeConfig {
                bundle: BundleSource::File(nonsense),
                ..config(MachineKind::Fvm)
            },
            "nonsense.car",
        ),
        (
            NodeConfig {
                accounts: 1_000,
                ..config(MachineKind::Native)
            },
            "400",
        ),
        (
            NodeConfig {
                mnemonic: "not a mnemonic".into(),
                ..config(MachineKind::Native)
            },
            "mnemonic",
        ),
        (
            NodeConfig {
                block_time_secs: 0,
                ..config(MachineKind::Native)
            },
            "block time",
        ),
    ];
    for (config, expected) in cases {
        let error: NodeError = Node::start(config).await.err().expect(expected);
        assert!(error.to_string().contains(expected), "{error}");
    }
    busy.stop().await;
}

async fn post(address: std::net::SocketAddr, method: &str) -> String {
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":[]}}"#);
    let request = format!(
        "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
