"""Warps nodes with more and more to prove; prints epochs a second and memory.

Cases: none (no sectors), one (sector), many (sectors of one provider), providers (as
many with a sector each), deals (as many as fit share a sector)."""

import argparse
import os
import tempfile
import time

from devnet import Node

DAY = 2880


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
