//! A native actor and a contract: built, deployed, called by name, calling each
//! other, seen from inside.

use std::process::Command;

use serde_json::json;

use crate::common::{Node, all, command, root};

const COUNTER: &str = "examples/native-counter";
const CLIENT: &str = "examples/solidity-and-native/artifacts/CounterClient.json";

#[test]
fn an_actor_is_built_with_its_abi_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let wasm = folder.path().join("counter.wasm");
    let wasm = wasm.to_str().unwrap();
    let output = command(&["build", COUNTER, "--out", wasm, "--json"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", all(&output));
    let built: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(built["package"], "native-counter");
    assert!(
        built["code"].as_str().unwrap().starts_with("bafk2bz"),
        "{built}"
    );

    let output = command(&["abi", wasm]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for words in [
        "Add {by: uint} → uint  45300949",
        "event added",
        "exit 33 COUNT_TOO_LARGE",
    ] {
        assert!(text.contains(words), "{words} is not in\n{text}");
    }
    let abi = std::fs::read_to_string(folder.path().join("counter.abi.json")).unwrap();
    assert!(abi.starts_with(r#"{"name":"counter""#), "{abi}");
}

#[test]
fn what_is_no_actor_is_not_built() {
    let folder = tempfile::tempdir().unwrap();
    let output = command(&["build", folder.path().to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", all(&output));
    assert!(all(&output).contains("was not built"), "{}", all(&output));
}

/// The whole way of the issue: deploy, call by name, from a contract, back, trace.
#[test]
fn a_native_actor_and_a_contract_work_together() {
    let node = Node::start(&["--quiet"]);
    let counter = node.json(&["deploy", COUNTER]);
    let actor = counter["id"].as_str().unwrap();
    assert_eq!((actor, &counter["actor"]), ("f01000", &json!("counter")));
    assert!(
        counter["robust"].as_str().unwrap().starts_with("f2"),
        "{counter}"
    );

    // By name, in every way of writing parameters.
    for (params, sum) in [(&["5"][..], 5), (&["by=2"], 7), (&[r#"{"by": "0x3"}"#], 10)] {
        let sent = node.json(&[&["send", actor, "Add"], params].concat());
        assert_eq!(
            (&sent["exit_code"], &sent["return"]),
            (&json!(0), &json!(sum))
        );
        assert_eq!(sent["events"][0]["fields"]["sum"], json!(sum));
    }
    assert_eq!(node.text(&["call", actor, "get"]), "10\n");
    assert_eq!(node.text(&["call", actor, "355179992"]), "10\n");
    // Trying changes nothing; --send does.
    assert_eq!(node.json(&["call", actor, "Add", "1"])["return"], 11);
    assert_eq!(
        node.json(&["call", actor, "Add", "1", "--send"])["return"],
        11
    );
    assert_eq!(node.json(&["call", actor, "Get"])["return"], 11);

    let state = node.json(&["state", actor]);
    assert_eq!(state["state"]["count"], 11);
    assert_eq!(node.text(&["state", actor, "by_caller/102"]), "11\n");

    // The same code again: nothing is installed, another actor is made.
    let code = counter["code"].as_str().unwrap();
    let second = node.json(&["deploy", code, "--from", "1"]);
    assert_ne!(second["id"], counter["id"]);
    assert_eq!(
        node.json(&["call", second["id"].as_str().unwrap(), "Get"])["return"],
        0
    );

    // A contract calls it.
    let client = node.json(&["deploy", CLIENT, &actor[2..]]);
    let client = client["eth"].as_str().unwrap();
    let sent = node.json(&["send", client, "add", "4", "--abi", CLIENT]);
    assert_eq!(sent["return"], json!("15"));
    assert_eq!(node.text(&["call", client, "get", "--abi", CLIENT]), "15\n");
    assert_eq!(node.text(&["call", client, "get()(uint64)"]), "15\n");

    // Without input there is no such function, and the contract takes no money.
    node.fails(3, &["send", client, "0x", "--value", "1"]);

    // It calls the contract.
    let sent = node.json(&["send", actor, "Report", client]);
    assert_eq!(sent["return"], 30);
    assert_eq!(
        node.text(&["call", client, "lastReport", "--abi", CLIENT]),
        "15\n"
    );

    // Everything inside has its name.
    let trace = node.text(&["trace", sent["hash"].as_str().unwrap()]);
    for words in [
        "counter.Report",
        "└─ evm.reported",
        "params  {count: 15}",
        "returns 30",
        "event   Reported {count: 15}",
        "gas",
    ] {
        assert!(trace.contains(words), "{words} is not in\n{trace}");
    }
    let trace = node.text(&["send", client, "add", "1", "--abi", CLIENT, "--trace"]);
    assert!(trace.contains("returns 16\n"), "{trace}");
    let full = node.json(&["trace", sent["cid"].as_str().unwrap(), "--full"]);
    assert!(!full["call"]["charges"].as_array().unwrap().is_empty());
    assert!(!full["call"]["accesses"].as_array().unwrap().is_empty());
}

/// Recompiles the example's contract with the npm packages of the client tests,
/// which `make test` installs; without them there is nothing to compare with.
#[test]
fn the_contract_of_the_example_is_compiled_from_its_source() {
    let packages = root().join("tests/clients");
    if !packages.join("node_modules/solc").exists() {
        eprintln!("not compared: the npm packages of tests/clients are not installed");
        return;
    }
    let output = Command::new("node")
        .args([&root().join("examples/solidity-and-native/compile.mjs")])
        .arg("--check")
        .env("PACKAGES", packages)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", all(&output));
}

#[test]
fn failures_carry_the_words_of_those_who_failed() {
    let node = Node::start(&["--quiet"]);
    let counter = node.json(&["deploy", COUNTER]);
    let actor = counter["id"].as_str().unwrap();
    let client = node.json(&["deploy", CLIENT, &actor[2..]]);
    let client = client["eth"].as_str().unwrap();
    let max = u64::MAX.to_string();
    node.json(&["send", actor, "Add", "1"]);

    let words = node.fails(3, &["call", actor, "Add", &max]);
    assert!(
        words.contains("COUNT_TOO_LARGE (33)") && words.contains("are too much"),
        "{words}"
    );
    let words = node.fails(3, &["send", actor, "Add", &max]);
    assert!(
        words.contains("the message would fail: COUNT_TOO_LARGE"),
        "{words}"
    );
    let words = node.fails(3, &["send", actor, "Add", &max, "--gas-limit", "100000000"]);
    assert!(words.contains("was executed and failed"), "{words}");
    let words = node.fails(3, &["send", actor, "Add", "1", "--gas-limit", "1500000"]);
    assert!(words.contains("SYS_OUT_OF_GAS"), "{words}");

    // A contract's own errors, and an actor's inside a contract.
    let words = node.fails(3, &["call", client, "reported", "1", "--abi", CLIENT]);
    assert!(words.contains("NotTheCounter(caller: \"0x"), "{words}");
    let words = node.fails(3, &["call", client, "add", &max, "--abi", CLIENT]);
    assert!(words.contains("CounterFailed(exitCode: \"33\")"), "{words}");
    assert!(words.contains("are too much, in counter.Add"), "{words}");
    let words = node.fails(3, &["send", client, "add", &max, "--abi", CLIENT]);
    assert!(words.contains("are too much, in counter.Add"), "{words}");

    // Parameters that do not fit never leave this machine.
    for (args, expected) in [
        (
            vec!["send", actor, "Add", "by=many"],
            "by: expected uint, got \"many\"",
        ),
        (vec!["send", actor, "Add"], "by: expected uint, got nothing"),
        (
            vec!["send", actor, "Add", "1", "2"],
            "the method takes 1 parameter",
        ),
        (vec!["send", actor, "Get", "1"], "it takes no parameters"),
        (
            vec!["send", actor, "Subtract", "1"],
            "has no method `Subtract`",
        ),
        (
            vec!["send", actor, "Add", "1", "--from", "99"],
            "there is no account 99",
        ),
        (
            vec![
                "send",
                actor,
                "Add",
                "1",
                "--from",
                "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
            ],
            "--from f1",
        ),
        (
            vec!["send", client, "nothing"],
            "nothing is known of a function `nothing`",
        ),
        (
            vec!["send", client, "add", "--abi", CLIENT],
            "takes 1 argument, got 0",
        ),
        (
            vec!["send", client, "add", "-1", "--abi", CLIENT],
            "argument 1 of add(uint64)",
        ),
        (
            vec!["deploy", COUNTER, "5"],
            "the parameters do not fit the constructor",
        ),
        (
            vec!["deploy", CLIENT],
            "the arguments do not fit the constructor",
        ),
        (vec!["deploy", "README.md"], "is no Wasm module"),
        (vec!["deploy", "nowhere"], "there is no nowhere"),
        (
            vec![
                "deploy",
                "bafk2bzacec4bngkaw4mt57gn2nho4vqrsongmdxyqchcbyqqturewpakdofez",
            ],
            "there is no",
        ),
    ] {
        let words = node.fails(1, &args);
        assert!(words.contains(expected), "{args:?}\n{words}");
    }
}
