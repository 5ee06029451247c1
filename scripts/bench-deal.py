"""Makes deals one after the other; prints the seconds from the command to the active deal."""

import os
import random
import statistics
import sys
import tempfile
import time

from devnet import Node


def main():
    binary, count = sys.argv[1], int(sys.argv[2])
    for name, length in [("2KiB", 1_500), ("8MiB", 6_000_000)]:
        node = Node(binary, 1, "--sector-size", name)
        try:
            with tempfile.TemporaryDirectory() as folder:
                # The first one waits for actors to be compiled.
                times = [make(node, folder, length, seed) for seed in range(count + 1)]
        finally:
            node.stop()
        first, times = times[0], times[1:]
        spread = f"{min(times):.2f} to {max(times):.2f} s"
        print(f"{name}: median {statistics.median(times):.2f} s of {count}, {spread}; first {first:.2f} s")


def make(node, folder, length, seed):
    """One deal of so many random bytes."""
    path = os.path.join(folder, f"{seed}.bin")
    with open(path, "wb") as file:
        file.write(random.Random(seed).randbytes(length))
    begun = time.monotonic()
    deal = node.run("deal", "make", path)
    if deal["state"] != "active":
        raise SystemExit(f"the deal is not active: {deal}")
    return time.monotonic() - begun


main()
