"""Warps nodes with more and more to prove; prints epochs a second and memory.

Cases: none (no sectors), one (sector), many (sectors of one provider), providers (as
many with a sector each), deals (as many as fit share a sector)."""

import argparse
import json
import os
import subprocess
import tempfile
import time
import urllib.request

DAY = 2880


class Node:
    """A node of its own, with as many providers, each of which has a proven sector."""

    def __init__(self, binary, providers):
        self.binary = binary
        self.process = subprocess.Popen(
            [binary, "node", "--port", "0", "--provider-port", "0", "--providers", str(providers)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for line in self.process.stdout:
            if line.startswith("Listening on "):
                self.url = "http://" + line.split()[-1]
                return
        raise SystemExit("the node did not start")

    def run(self, *args):
        """The last line that a command prints as JSON."""
        command = [self.binary, *args, "--rpc", self.url, "--timeout", "7200", "--json"]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        try:
            return json.loads(done.stdout)
        except json.JSONDecodeError:
            return json.loads(done.stdout.splitlines()[-1])

    def call(self, method, *params):
        """What the node answers to a request."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        request = urllib.request.Request(
            self.url, body.encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)["result"]

    def memory(self):
        """Resident memory in MiB."""
        with open(f"/proc/{self.process.pid}/status") as status:
            lines = dict(line.split(":", 1) for line in status)
        return int(lines["VmRSS"].split()[0]) / 1024

    def warp(self, epochs):
        begun = time.monotonic()
        self.run("warp", "--epochs", str(epochs))
        return time.monotonic() - begun

    def stop(self):
        self.process.terminate()
        self.process.wait()


def measure(name, node, days, steps):
    """Warps so many days, in steps of the same length."""
    node.warp(DAY)  # What was just sealed is proven once.
    epochs = days * DAY // steps
    memory, took = [node.memory()], 0
    for _ in range(steps):
        took += node.warp(epochs)
        memory.append(node.memory())
    points = " ".join(f"{mib:.0f}" for mib in memory)
    speed = epochs * steps / took
    print(f"{name:24} {days:4} days {took:8.1f} s {speed:10.0f} epochs/s   MiB: {points}", flush=True)


def pledge(node, count):
    """Committed capacity, a few sectors in a message."""
    while count > 0:
        some = min(count, 20)
        node.run("provider", "pledge", "--count", str(some))
        count -= some


def make_deals(node, count):
    """So many deals of files that share sectors: they are offered while no epoch passes,
    and published, packed and sealed together after that."""
    node.run("market", "add-balance", "100 FIL")
    node.call("evm_setAutomine", False)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            path = os.path.join(folder, f"{number}.txt")
            with open(path, "w") as file:
                file.write(f"file {number}\n" * 8)
            node.run("deal", "make", path, "--duration", "200d", "--no-wait")
    offered = time.monotonic()
    node.call("evm_setAutomine", True)
    while any(deal["state"] != "active" for deal in node.run("deal", "list")):
        node.warp(20)
    taken = f"{offered - begun:.0f} s to offer, {time.monotonic() - offered:.0f} s to active"
    sectors = len({deal["sector"] for deal in node.run("deal", "list")})
    print(f"{count} deals in {sectors} sectors: {taken}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binary")
    parser.add_argument("--full", action="store_true", help="180 days, 100 sectors")
    parser.add_argument("--sectors", type=int, help="in the case with many sectors")
    parser.add_argument("--deals", type=int, help="in the case with deals")
    parser.add_argument("--only", help="cases to run, commas between them", default="none,one,many,providers,deals")
    args = parser.parse_args()
    days, steps = (180, 6) if args.full else (6, 2)
    sectors = args.sectors or (100 if args.full else 10)
    deals = args.deals or (1000 if args.full else 3)
    for case in args.only.split(","):
        providers = {"none": 0, "providers": sectors}.get(case, 1)
        node = Node(args.binary, providers)
        try:
            if case == "none":
                measure("no sectors", node, days, steps)
            elif case == "one":
                measure("1 sector", node, days, steps)
            elif case == "many":
                pledge(node, sectors - 1)
                measure(f"{sectors} sectors", node, days, steps)
            elif case == "providers":
                measure(f"{sectors} providers' sectors", node, days, steps)
            elif case == "deals":
                make_deals(node, deals)
                measure(f"{deals} deals", node, days, steps)
            else:
                raise SystemExit(f"there is no case {case}")
        finally:
            node.stop()


main()
