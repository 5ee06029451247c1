use serde_json::json;

use super::*;

fn call(actor: &str, method: &str, exit_code: u32, error: Option<&str>, calls: Value) -> Value {
    json!({
        "from": {"id": 102, "address": "t0102", "eth": null, "actor": "account"},
        "to": {"id": 1005, "address": "t01005", "eth": null, "actor": actor},
        "value": "0", "method": 17, "method_name": method, "signature": null,
        "params": {"codec": 81, "hex": "0x8105", "decoded": {"by": 5}},
        "read_only": false, "constructor": false, "gas_limit": null,
        "gas_used": 1_234_567, "gas_self": 4_567, "outcome": "returned",
        "exit_code": exit_code, "exit": if exit_code == 0 { "OK" } else { "USR_FORBIDDEN" },
        "error": error, "returned": if exit_code == 0 { json!({"codec": 81, "hex": "0x07", "decoded": 7}) } else { json!(null) },
        "events": [{"name": method, "fields": {"sum": 7}, "entries": []}],
        "logs": [], "calls": calls,
    })
}

fn message(exit_code: u32, call: Value) -> MessageTrace {
    serde_json::from_value(json!({
        "cid": "bafycid", "hash": "0xhash", "epoch": 12, "index": 0, "exit_code": exit_code,
        "exit": if exit_code == 0 { "OK (0): success" } else { "USR_FORBIDDEN (18): the caller may not do this" },
        "error": null, "gas_used": 2_000_000, "gas_limit": 2_500_000, "gas_cost": "1500000000",
        "call": call,
    }))
    .unwrap()
}

#[test]
fn a_tree_reads_from_top_to_bottom() {
    console::set_colors_enabled(false);
    let inner = call("vault", "Withdraw", 0, None, json!([]));
    let second = call("counter", "Add", 0, None, json!([]));
    let trace = message(
        0,
        call("escrow", "Release", 0, None, json!([inner, second])),
    );
    assert_eq!(
        trace.lines().join("\n"),
        "\
0xhash epoch 12 OK gas 2,000,000 of 2,500,000, 1.5 nanoFIL
escrow.Release f0102 → f01005
│  params  {by: 5}
│  returns 7
│  gas     1,234,567 (own 4,567)
│  event   Release {sum: 7}
├─ vault.Withdraw f0102 → f01005
│     params  {by: 5}
│     returns 7
│     gas     1,234,567
│     event   Withdraw {sum: 7}
└─ counter.Add f0102 → f01005
      params  {by: 5}
      returns 7
      gas     1,234,567
      event   Add {sum: 7}"
    );
}

#[test]
fn a_failure_is_told_where_it_began() {
    let inner = call("vault", "Withdraw", 18, Some("only the owner"), json!([]));
    let trace = message(18, call("escrow", "Release", 18, None, json!([inner])));
    let failure = trace.failure("the message failed");
    let shown = failure.to_json();
    assert_eq!(
        shown["error"]["message"],
        "the message failed: USR_FORBIDDEN (18): the caller may not do this"
    );
    assert_eq!(
        shown["error"]["causes"],
        json!(["only the owner, in vault.Withdraw"])
    );
    assert_eq!(shown["exit_code"], 3);
}

#[test]
fn events_of_calls_that_were_undone_are_left_out() {
    let undone = call("vault", "Withdraw", 18, None, json!([]));
    let trace = message(0, call("escrow", "Release", 0, None, json!([undone])));
    let names: Vec<&str> = trace
        .events()
        .iter()
        .filter_map(|(_, event)| event["name"].as_str())
        .collect();
    assert_eq!(names, ["Release"]);
}
