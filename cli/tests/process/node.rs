//! The node as a process, and commands that need no actor of one's own.

use boatyard_chain::{Key, KeyKind};
use serde_json::json;

use crate::common::{Node, all, command, root};

/// Several times: a signal may come at the very moment the node gets ready.
#[test]
fn a_node_stops_cleanly_when_asked_to() {
    for signal in ["INT", "TERM", "INT", "TERM", "INT", "TERM"] {
        assert_eq!(Node::start(&["--quiet"]).stop(signal), Some(0), "{signal}");
    }
}

/// In the middle of a provider's work, with a request under way: what lies in the
/// temporary directory is deleted however the node is asked to stop.
#[test]
fn a_node_leaves_no_temporary_directories() {
    const FLAGS: [&str; 7] = [
        "--quiet",
        "--machine",
        "native",
        "--providers",
        "2",
        "--provider-port",
        "0",
    ];
    for signals in [&["TERM"][..], &["INT"], &["INT", "INT"]] {
        let mut node = Node::start(&FLAGS);
        assert_eq!(node.temporaries(), 2);
        node.json(&["provider", "pledge", "--count", "4", "--provider", "f01000"]);
        // Days of proofs, which nobody waits for.
        let mut warp = command(&["warp", "--days", "100", "--rpc", &node.url])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        assert_eq!(node.signal(signals), Some(0), "{signals:?}");
        assert_eq!(node.temporaries(), 0, "{signals:?}");
        warp.wait().unwrap();
    }
}

#[test]
fn a_node_lists_its_accounts_unless_it_is_quiet() {
    let node = Node::start(&["--accounts", "2", "--balance", "5", "--chain-id", "31337"]);
    let greeting = node.greeting.join("\n");
    for words in [
        "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
        "f410f6op5nzi2vwepn5gonk4ie4tzz773sitggxp4hiy",
        "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
        "5 FIL",
        "Chain ID 31337",
    ] {
        assert!(greeting.contains(words), "{words} is not in\n{greeting}");
    }
    let accounts = node.json(&["accounts"]);
    assert_eq!(accounts.as_array().unwrap().len(), 2);
    assert_eq!(accounts[1]["balance"], "5000000000000000000");
    assert_eq!(accounts[1]["f1_balance"], "5000000000000000000");

    assert!(Node::start(&["--quiet"]).greeting.is_empty());
}

#[test]
fn options_that_make_no_sense_are_answered_with_what_does() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (args, code, words) in [
        (
            vec!["node", "--port", &port],
            1,
            "--port chooses another port",
        ),
        (
            vec![
                "node",
                "--port",
                "0",
                "--mnemonic",
                "six words are not a real phrase",
            ],
            1,
            "mnemonic",
        ),
        (vec!["node", "--port", "0", "--accounts", "401"], 1, "400"),
        (
            vec!["node", "--port", "0", "--bundle", "README.md"],
            1,
            "no actor bundle",
        ),
        (
            vec!["node", "--port", "0", "--bundle", "nowhere.car"],
            1,
            "nowhere.car",
        ),
        (vec!["node", "--balance=-1 FIL"], 2, "--balance"),
        (vec!["node", "--block-time", "0"], 2, "--block-time"),
        (vec!["node", "--host", "harbour"], 2, "--host"),
    ] {
        let output = command(&args).output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(code),
            "{args:?}\n{}",
            all(&output)
        );
        assert!(all(&output).contains(words), "{args:?}\n{}", all(&output));
    }
}

#[test]
fn without_a_node_a_command_says_how_to_start_one() {
    let output = command(&["accounts", "--rpc", "http://127.0.0.1:1", "--json"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(4));
    let failure: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    let help = failure["error"]["help"].as_str().unwrap();
    assert!(help.contains("boatyard node"), "{help}");
}

#[test]
fn money_goes_between_all_kinds_of_addresses() {
    let node = Node::start(&["--accounts", "3"]);
    let accounts = node.json(&["accounts"]);
    let text = |number: usize, name: &str| accounts[number][name].as_str().unwrap().to_owned();
    let fresh_f1 = Key::new(KeyKind::Secp256k1, &[7; 32])
        .unwrap()
        .address()
        .to_string();
    for (to, from) in [
        (text(1, "eth"), "0".to_owned()),
        (text(1, "f410"), text(2, "f1")),
        (text(1, "f1"), text(0, "eth")),
        (fresh_f1, "0".to_owned()),
        (
            "0x00000000000000000000000000000000b0a7b0a7".to_owned(),
            "0".to_owned(),
        ),
        ("f0100".to_owned(), text(0, "eth")),
        ("f0100".to_owned(), "2".to_owned()),
    ] {
        let sent = node.json(&["send", &to, "--value", "1.5 FIL", "--from", &from]);
        assert_eq!(sent["exit_code"], 0, "{from} to {to}: {sent}");
    }
    let after = node.json(&["accounts"]);
    assert_eq!(after[1]["balance"], "10003000000000000000000");
    assert_eq!(after[1]["f1_balance"], "10001500000000000000000");
}

#[test]
fn what_cannot_be_sent_is_explained() {
    let node = Node::start(&[]);
    for (args, words) in [
        (vec!["send", "f099"], "there is nothing to send"),
        (vec!["send", "f099", "--value", "1"], ""),
        (vec!["send", "f099", "--value", "20000 FIL"], "balance"),
        (vec!["send", "harbour", "--value", "1"], "is not an address"),
        (
            vec!["call", "f0999999", "Get"],
            "there is no actor at f0999999",
        ),
        (
            vec!["call", "f02", "Award"],
            "did you mean AwardBlockReward?",
        ),
        (
            vec!["state", "f02", "nothing"],
            "has no part `nothing`; it has",
        ),
        (vec!["trace", "0x12"], "names no message"),
        (vec!["abi", "harbour"], "name of a built-in actor"),
    ] {
        let output = node.run(&args);
        if words.is_empty() {
            assert!(output.status.success(), "{args:?}\n{}", all(&output));
            continue;
        }
        let code = output.status.code().unwrap();
        assert!(code == 1 || code == 3, "{args:?}: {code}");
        let said = node.fails(code, &args);
        assert!(said.contains(words), "{args:?}\n{said}");
    }
}

#[test]
fn states_of_built_in_actors_have_names_and_pages() {
    let node = Node::start(&[]);
    let state = node.json(&["state", "f01"]);
    assert_eq!(state["state"]["network_name"], "devnet");
    let page = node.json(&["state", "f01", "address_map", "--limit", "3"]);
    let entries = page["state"]["entries"].as_object().unwrap();
    assert_eq!(entries.len(), 3);
    let next = page["state"]["next"].as_str().unwrap();
    let rest = node.json(&["state", "f01", "address_map", "--start", next]);
    let rest = rest["state"]["entries"].as_object().unwrap();
    assert!(rest.contains_key(next) && entries.keys().all(|key| !rest.contains_key(key)));
    let one = node.json(&["state", "f01", "address_map", next]);
    assert_eq!(one["state"], rest[next]);
    assert!(
        node.text(&["state", "f02"])
            .contains("simple_total: 330000000 FIL")
    );
}

#[test]
fn a_message_may_be_sent_without_waiting() {
    let node = Node::start(&["--no-mining"]);
    let sent = node.json(&["send", "f099", "--value", "1 FIL", "--no-wait"]);
    let cid = sent["cid"].as_str().unwrap();
    assert!(node.fails(1, &["trace", cid]).contains("still waits"));
    let late = node.fails(1, &["send", "f099", "--value", "1 FIL", "--timeout", "1"]);
    assert!(late.contains("evm_mine"), "{late}");
}

#[test]
fn vectors_are_played_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().to_str().unwrap();
    let output = command(&["dev", "vectors", empty]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", all(&output));

    let name = "mutation__init_0_nested_1.json.zst";
    std::fs::copy(
        root().join("testkit/vectors").join(name),
        folder.path().join(name),
    )
    .unwrap();
    let output = command(&["dev", "vectors", empty, "--json"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", all(&output));
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["failed"], 0);
    assert_eq!(
        summary["lines"].as_array().unwrap().last().unwrap(),
        &json!("1 passed, 0 failed, 0 skipped")
    );

    std::fs::write(folder.path().join("broken.json.zst"), b"not a vector").unwrap();
    let output = command(&["dev", "vectors", empty]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("broken: FAILED"), "{text}");
    assert_eq!(text.lines().last(), Some("1 passed, 1 failed, 0 skipped"));
}
