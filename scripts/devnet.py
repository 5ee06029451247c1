"""A node of its own for a measurement."""

import json
import subprocess
import time
import urllib.request


class Node:
    """A node of its own, with as many providers, each of which has a proven sector."""

    def __init__(self, binary, providers, *flags):
        self.binary = binary
        self.process = subprocess.Popen(
            [binary, "node", "--port", "0", "--provider-port", "0", "--providers", str(providers), *flags],
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
