"""The client examples for Node: rows pushed in two lives, the collector killed in the middle, each
row staged once; with keys it comes in with that of a feed alone, and
subscribe.mjs hears each alert once from two brokers; both say why not. Skipped, and says so, where there is no Node or no npm registry."""

import collections
import json
import os
import re
import shutil
import signal
import subprocess
import sys

from clients_keys_test import gaps
from harness import TOP, Instance, backtest, free_port, free_ports, skip, wait_for

START_MS = 1_700_000_000_000
MODULES = ("push.mjs", "subscribe.mjs", "tidewire_curve.mjs")
ROWS, BATCH, KNOWN = 2000, 20, 30

CONFIG = """
listen: { alerts: "tcp://127.0.0.1:ALERTS" }
sources:
  - name: ticks
    url: push://tcp://127.0.0.1:PUSH
    table: tick
    key: { pair: pair }
    time: { at: ts, unit: ms }
    columns: { volume: volume }
    identity: none          # a row that came twice would count twice
rules:
  each: { on: tick, when: "volume > 0 * count(volume) OVER rows_1", min_rows: 0 }
"""


def install(folder):
    """The example with its packages, as its first lines say."""
    if not shutil.which("node") or not shutil.which("npm"):
        skip("no node or no npm here")
    for name in (*MODULES, "package.json", "package-lock.json"):
        shutil.copy(TOP / "docs/clients" / name, folder)
    try:
        run = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                             cwd=folder, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        skip("npm ci took more than two minutes")
    if run.returncode != 0:
        skip(f"npm ci failed: {run.stderr.strip().splitlines()[:1]}")


def rows():
    return [{"ts": START_MS + 100 * i, "pair": f"N{i % 5}/€", "volume": 1 + i % 97}
            for i in range(ROWS)]


def lines(first, last):
    return "".join(json.dumps(row) + "\n" for row in rows()[first:last])


def push(instance, to, alerts, text):
    run = subprocess.run(["node", "push.mjs", to, alerts, "ticks", "node", str(BATCH)],
                         cwd=instance.dir, input=text, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return run.stdout


def push_while_it_dies(instance, to, alerts):
    """All rows, of which some are there already; the collector dies when half of them is given."""
    child = subprocess.Popen(["node", "push.mjs", to, alerts, "ticks", "node", str(BATCH)],
                             cwd=instance.dir, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             text=True)
    instance.children.append(child)  # ends with the test
    child.stdin.write(lines(0, ROWS // 2))
    child.stdin.flush()
    os.kill(int(instance.actors("collector")[0]["pid"]), signal.SIGKILL)
    said, _ = child.communicate(lines(ROWS // 2, ROWS), timeout=120)
    assert child.returncode == 0, f"push.mjs exited with {child.returncode}"
    return said


def listen(instance, alerts, key):
    """subscribe.mjs, and where it says what it has to say."""
    err = instance.dir / "subscribe.err"
    with open(err, "w") as file:
        child = subprocess.Popen(["node", "subscribe.mjs", alerts], cwd=instance.dir, text=True,
                                 stdout=subprocess.PIPE, stderr=file,
                                 env={**os.environ, "TIDEWIRE_KEY": key})
    instance.children.append(child)
    return child, err


def with_keys(modules):
    """Again where there are keys, and two brokers to hear from."""
    port = free_port()
    config = CONFIG.replace("127.0.0.1:ALERTS", "127.0.0.1:*").replace("PUSH", str(port))
    with Instance("keys: keys\n" + config) as instance:
        shutil.copytree(modules, instance.dir / "node_modules")
        for name in (*MODULES, "package.json"):
            shutil.copy(TOP / "docs/clients" / name, instance.dir)
        folder = ["--keys", instance.dir / "keys"]
        instance.bare("keys", "init", *folder)
        for name, role in (("trades", "feed"), ("alice", "subscriber"), ("second", "broker")):
            instance.bare("keys", "add", name, "--role", role, *folder)
        instance.up()
        instance.actor("broker", "second")
        alerts = ",".join(wait_for("two brokers", lambda: (
            found := [a["alerts"] for a in instance.actors("broker")])[1:] and found))
        collector = instance.actors("collector")[0]["raw"].partition("#")[2]
        bare = f"tcp://127.0.0.1:{port}"
        to = f"{bare}#{collector}"
        secret = lambda name: str(instance.dir / f"keys/secret/{name}.key_secret")

        def run(to, alerts, key):
            words = ["node", "push.mjs", to, alerts, "ticks", "trades.node", str(BATCH)]
            return subprocess.run(words, cwd=instance.dir, input=lines(0, 2 * BATCH), text=True,
                                  capture_output=True, timeout=120,
                                  env={**os.environ, "TIDEWIRE_KEY": key})

        plain = re.sub("#[0-9a-f]*", "", alerts)
        for case, why in (((to, alerts, ""), "wants a key"),
                          ((bare, plain, ""), "it has keys and we have none"),
                          ((bare, plain, secret("trades")), "has no key behind it"),
                          ((to[:-1], alerts, secret("trades")), "behind # stand 64"),
                          ((to, alerts, str(instance.config)), "has no pair of keys"),
                          ((to, alerts, secret("second")), "it refuses our key"),
                          ((to, alerts, secret("alice")), f"{bare}: it refuses our key")):
            done = run(*case)
            assert done.returncode == 1 and why in done.stderr and done.stdout == "", (case, done)
        for key, why in (("", "wants a key"), (secret("second"), "it refuses our key")):
            printer, err = listen(instance, alerts, key)
            wait_for(why, lambda: why in err.read_text())
            assert "Error" not in err.read_text(), err.read_text()
            printer.kill()
            assert printer.communicate()[0] == ""
        printer, err = listen(instance, alerts, secret("alice"))
        wait_for("both brokers", lambda: err.read_text().count("subscribed to") == 2)
        done = run(to, alerts, secret("trades"))
        assert done.stdout == f"rows={2 * BATCH} known=0 last=2\n", done
        wait_for("the live alerts", lambda: len(instance.logged_ids()) >= 2 * BATCH, 60)
        log = instance.logged_ids(kinds=None)  # with what becomes of their incidents
        ids = [json.loads(printer.stdout.readline())["id"] for _ in log]
        assert set(ids) == set(log) and len(ids) == len(set(ids)), ids
        printer.kill()
        assert printer.communicate()[0] == "", "more alerts than there are"
        assert "gap" not in err.read_text(), err.read_text()
    print("with keys: that of a feed comes in, and no other")


def main():
    port, alerts_port = free_ports(2)
    to, alerts = f"tcp://127.0.0.1:{port}", f"tcp://127.0.0.1:{alerts_port}"
    config = CONFIG.replace("ALERTS", str(alerts_port)).replace("PUSH", str(port))
    with Instance(config) as instance:
        install(instance.dir)
        instance.up()
        said = push(instance, to, alerts, lines(0, BATCH * KNOWN))
        assert said == f"rows={BATCH * KNOWN} known=0 last={KNOWN}\n", said
        said = push_while_it_dies(instance, to, alerts)
        assert said == f"rows={ROWS - BATCH * KNOWN} known={KNOWN} last={ROWS // BATCH}\n", said
        told = backtest(instance.config, "--dir", instance.dir)
        staged = collections.Counter((a["ts"], a["columns"]["volume"]) for a in told)
        assert staged == collections.Counter((r["ts"] * 1000, r["volume"]) for r in rows())
        assert {a["series"] for a in told} == {f"tick:N{i}%2F%E2%82%AC" for i in range(5)}
        wait_for("the live alerts", lambda: len(instance.logged_ids()) >= ROWS, 60)
        gaps(instance.dir, ["node", "subscribe.mjs"])
        with_keys(instance.dir / "node_modules")
    print(f"{ROWS} rows pushed by Node in two lives, each staged once")


if __name__ == "__main__":
    sys.exit(main())
