"""Chaos, briefly: every kind of fault on the real pipeline, and kills of the sanitized build.

tests/chaos/chaos.py does it, as `./run chaos` does for longer. Here the seeds are fixed and each
kind of fault comes once, in an order that the seed gives. Anything lost or twice, not recovered, or
said by a sanitizer fails.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import harness

TOP = harness.TOP
SECONDS_MOST = 300


def program(preset):
    path = TOP / "build" / preset / "tidewire"
    assert path.exists(), f"{path} is missing: ./run build does not make it, ./run test does"
    return path


def chaos(path, *words):
    with tempfile.TemporaryDirectory(prefix="tw-chaos-test-") as folder:
        told = pathlib.Path(folder) / "chaos.json"
        run = subprocess.run([sys.executable, str(TOP / "tests/chaos/chaos.py"), "--program",
                              str(path), "--json", str(told), *words],
                             timeout=SECONDS_MOST, capture_output=True, text=True)
        print(run.stdout, flush=True)
        assert run.returncode == 0, f"exit {run.returncode}\n{run.stderr[-6000:]}"
        return json.loads(told.read_text())


def able():
    """May this host give a process namespaces of its own?"""
    root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return subprocess.run(["unshare", "--net", "--mount", "--pid", "--fork", *root, "true"],
                          capture_output=True).returncode == 0


def main():
    if not able():
        harness.skip("no namespaces here: neither root nor unprivileged user namespaces")
    result = chaos(program("faults"), "--each", "kind", "--minutes", "4", "--seed", "4")
    missed = [name for name, row in result["faults"].items() if row["times"] == 0]
    assert not missed, f"could not be made: {missed}"
    result = chaos(program("faults-sanitize"), "--minutes", "0.5", "--seed", "5", "--rows", "2000",
                   "--fsync", "always", "--only", "kill")
    assert result["counts"]["kills"] >= 10, result["counts"]


if __name__ == "__main__":
    sys.exit(main())
