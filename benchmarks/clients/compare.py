#!/usr/bin/env python3
"""Runs the same small rideshare under pyro and under Pyroscope's Python client, against the sink of tests/pyroscope and against servers in
trouble, and prints a table in Markdown. Started by compare.sh, which builds and installs what it takes.

usage: compare.py SINK PYRO_PROGRAM PYTHON DIR
"""
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request

SINK, PYRO, PYTHON, WORK = sys.argv[1:5]
HERE = os.path.dirname(os.path.abspath(__file__))
SECONDS = 25
CLIENTS = {
    "pyro": lambda url: ([PYRO, str(SECONDS)], {"PYROSCOPE_SERVER_ADDRESS": url}),
    "pyroscope-io (Python)": lambda url: ([PYTHON, os.path.join(HERE, "rideshare.py"), url, str(SECONDS)], {}),
}


class Sink:
    """The contract sink, on a free port or on the one that it had before."""

    def __init__(self, store, port=0):
        self.process = subprocess.Popen([SINK, "-listen", f"127.0.0.1:{port}", "-store", store], stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[-1]
        self.port = int(self.url.rsplit(":", 1)[1])

    def pushes(self):
        with urllib.request.urlopen(self.url + "/pushes", timeout=10) as answer:
            return json.load(answer)

    def ask(self, method, **what):
        now = int(time.time() * 1000)
        body = json.dumps({"start": now - 3_600_000, "end": now + 60_000, **what}).encode()
        request = urllib.request.Request(f"{self.url}/querier.v1.QuerierService/{method}", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def cpu_seconds(self):
        graph = self.ask("SelectMergeStacktraces", profileTypeID="process_cpu:cpu:nanoseconds:cpu:nanoseconds",
                         labelSelector='{service_name="ride-sharing-app"}').get("flamegraph", {})
        return int(graph.get("total", 0)) / 1e9

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Run:
    """A client at work: how long it took after its work was done, and what it said."""

    def __init__(self, client, url):
        command, variables = CLIENTS[client](url)
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYRO", "OTEL"))}
        self.process = subprocess.Popen(command, env={**environment, "REGION": "eu-north", **variables}, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)

    def wait(self):
        line = self.process.stdout.readline()
        done = time.monotonic()
        self.cpu = float(re.search(r"cpu_seconds=([\d.]+)", line).group(1))
        rest, self.said = self.process.communicate(timeout=180)
        self.exit_seconds = time.monotonic() - done
        self.said = (rest + self.said).strip().splitlines()
        return self


def progress(text):
    print(text, file=sys.stderr, flush=True)


def healthy(client, store):
    sink = Sink(store)
    run = Run(client, sink.url).wait()
    pushes = [p for p in sink.pushes() if p["status"] == 200]
    series = sink.ask("Series", matchers=['{service_name="ride-sharing-app"}'], labelNames=[]).get("labelsSet", [])
    labels = sorted({label["name"] for one in series for label in one["labels"] if not label["name"].startswith("__")})
    wire = [p["wireBytes"] for p in pushes]
    raw = [sum(one["rawBytes"] for one in p["profiles"]) for p in pushes]
    result = {
        "exit status": run.process.returncode,
        "pushes accepted, of all": f"{len(pushes)} of {len(sink.pushes())}",
        "series": len(series),
        "labels": ", ".join(labels),
        "bytes a push on the wire (uncompressed)": f"{sum(wire) // max(1, len(wire)):,} ({sum(raw) // max(1, len(raw)):,})",
        "CPU that arrived, of the process's": f"{sink.cpu_seconds():.1f} of {run.cpu:.1f} s",
        "exit took": f"{run.exit_seconds:.1f} s",
    }
    sink.stop()
    return result


def down(client, _):
    probe = socket.socket()
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
    probe.close()
    run = Run(client, f"http://127.0.0.1:{port}").wait()
    return {"server down: exit took": f"{run.exit_seconds:.1f} s", "server down: lines logged": len(run.said)}


def hangs(client, _):
    listener = socket.create_server(("127.0.0.1", 0))  # its kernel accepts, nobody answers
    run = Run(client, f"http://127.0.0.1:{listener.getsockname()[1]}").wait()
    listener.close()
    return {"server hangs: exit took": f"{run.exit_seconds:.1f} s", "server hangs: lines logged": len(run.said)}


def restarts(client, store):
    sink = Sink(store)
    run = Run(client, sink.url)
    time.sleep(2)
    sink.stop()
    time.sleep(14)
    again = Sink(store, sink.port)
    run.wait()
    result = {"server away for 14 of 25 s: CPU that arrived": f"{100 * again.cpu_seconds() / run.cpu:.0f} %"}
    again.stop()
    return result


def main():
    columns = {}
    for client in CLIENTS:
        columns[client] = {}
        for number, scenario in enumerate((healthy, down, hangs, restarts)):
            progress(f"{client}: {scenario.__name__} ...")
            store = os.path.join(WORK, f"{client.split()[0]}-{number}")
            columns[client].update(scenario(client, store))
    print("| | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for row in next(iter(columns.values())):
        print(f"| {row} | " + " | ".join(str(c[row]) for c in columns.values()) + " |")


if __name__ == "__main__":
    main()
