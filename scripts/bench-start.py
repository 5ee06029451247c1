"""Starts a node N times; prints the median and range of three times in milliseconds."""

import json
import statistics
import subprocess
import sys
import time
import urllib.request


def rpc(url, method, *params):
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(url, body, {"content-type": "application/json"})
    answer = json.load(urllib.request.urlopen(request))
    if "error" in answer:
        raise SystemExit(answer["error"]["message"])
    return answer["result"]


def start(binary):
    begun = time.monotonic()
    node = subprocess.Popen([binary, "node", "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        for line in node.stdout:
            if line.startswith("Listening on "):
                break
        listening = time.monotonic()
        url = "http://" + line.split()[-1]
        account = rpc(url, "eth_accounts")[0]
        answered = time.monotonic()
        # Initcode that returns one STOP as the contract's code.
        hash = rpc(url, "eth_sendTransaction", {"from": account, "data": "0x600060005360016000f3"})
        receipt = rpc(url, "eth_getTransactionReceipt", hash)
        if receipt["status"] != "0x1":
            raise SystemExit("the contract was not created")
        created = time.monotonic()
    finally:
        node.terminate()
        node.wait()
    return listening - begun, answered - begun, created - begun


def main():
    binary, count = sys.argv[1], int(sys.argv[2])
    samples = [start(binary) for _ in range(count)]
    for name, times in zip(("listening", "first answer", "first contract"), zip(*samples)):
        times = [t * 1000 for t in times]
        print(f"{name:15} {statistics.median(times):7.0f} ms  ({min(times):.0f} to {max(times):.0f}, {count} starts)")


main()
