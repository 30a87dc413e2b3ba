"""Subscribers miss nothing: while alerts flow, the subscriber, the broker and the notifier are killed
in turn (-9), and docs/clients/subscribe.py and subscribe.c still print every alert, each under one id.
subscribe.c keeps no place between its lives, so it is the one that is not killed.

The oracle is a back-test over what was staged. The subscriber keeps what it printed and where in the
log it was, as a program that stores its alerts would, and goes on behind that in its next life.
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

from harness import TOP, Instance, Pusher, backtest, free_ports, wait_for

ROUNDS = 9  # kills, three of each
SERIES, ROWS_A_FRAME = 5, 20

CONFIG = """
listen: { alerts: "tcp://127.0.0.1:ALERTS" }
sources:
  - name: trades
    url: push://tcp://127.0.0.1:PORT
    rows: /*
    table: trade
    key: { pair: /pair }
    time: { at: /ts, unit: ms }
    columns: { volume: /volume }
rules:
  burst: { on: trade, when: "volume > 3", emit: row, min_rows: 1 }
"""


class Client:
    """subscribe.py, started again and again with one memory: its output, and the last `at`."""

    def __init__(self, folder, alerts, redis):
        self.out, self.err = folder / "subscriber.out", folder / "subscriber.err"
        self.words = ["/usr/bin/python3", str(TOP / "docs/clients/subscribe.py"), "--alerts", alerts,
                      "--redis", f"unix://{redis}"]
        self.start("0-0")

    def start(self, after):
        with open(self.out, "a") as out, open(self.err, "a") as err:
            self.child = subprocess.Popen([*self.words, "--after", after], stdout=out, stderr=err)

    def kill(self):
        self.child.kill()
        self.child.wait()
        places = re.findall(r"^at (\d+-\d+)$", self.err.read_text(), re.M)
        self.start(places[-1] if places else "0-0")

    def alerts(self):
        return [entry for entry in self.entries() if entry["kind"] == "alert"]

    def entries(self):
        # The last line may be cut, by a kill or because it is under way.
        found = []
        for line in self.out.read_text().split("\n"):
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
        return found

    def end(self):
        self.child.kill()
        self.child.wait()


class Lasting:
    """subscribe.c, built by the line of its README."""

    def __init__(self, folder, alerts, redis):
        line = re.search(r"^cc subscribe\.c .*$", (TOP / "docs/clients/README.md").read_text(), re.M)[0]
        program = folder / "subscribe"
        subprocess.run(line.replace("-o subscribe", f"-o '{program}'"), shell=True, check=True,
                       cwd=TOP / "docs/clients", timeout=120)
        self.out = folder / "subscribe-c.out"
        self.err = folder / "subscribe-c.err"
        with open(self.out, "w") as out, open(self.err, "w") as err:
            self.child = subprocess.Popen([program, alerts, "alert/", "0", redis], stdout=out,
                                          stderr=err)
        # It begins with what comes from now on.
        wait_for("subscribe.c to be subscribed", lambda: "subscribed" in self.err.read_text())

    def lines(self, ids):
        """Of these ids."""
        found = re.findall(r"^([0-9a-f]{32}) alert/burst/(.*)/ seq=\d+ ts=(\d+)$",
                           self.out.read_text(), re.M)
        return [line for line in found if line[0] in ids]

    def end(self):
        self.child.kill()
        self.child.wait()


class Flow(threading.Thread):
    """Pushes rows, of which every fourth alerts, until it is told to stop."""

    def __init__(self, pusher):
        super().__init__(daemon=True)
        self.pusher, self.stopping, self.row = pusher, False, 0

    def run(self):
        while not self.stopping:
            rows = []
            for _ in range(ROWS_A_FRAME):
                self.row += 1
                rows.append({"pair": f"p{self.row % SERIES}", "ts": 1_700_000_000_000 + self.row,
                             "volume": 9 if self.row % 4 == 0 else 1})
            self.pusher.send(raw=json.dumps(rows).encode())
            time.sleep(0.05)


def kill_actor(instance, role):
    """The supervisor starts it again."""
    old = wait_for(f"a {role}", lambda: instance.actors(role))[0]["pid"]
    os.kill(int(old), signal.SIGKILL)
    wait_for(f"another {role}", lambda: [a for a in instance.actors(role) if a["pid"] != old], 60)


def main():
    port, alerts = free_ports(2)
    endpoint = f"tcp://127.0.0.1:{alerts}"
    config = CONFIG.replace("PORT", str(port)).replace("ALERTS", str(alerts))
    with Instance(config) as instance:
        instance.up()
        client = Client(instance.dir, endpoint, instance.dir / "redis.sock")
        lasting = Lasting(instance.dir, endpoint, instance.dir / "redis.sock")
        try:
            pusher = Pusher(f"tcp://127.0.0.1:{port}", endpoint, "trades")
            flow = Flow(pusher)
            flow.start()
            wait_for("a first alert", client.alerts)
            for turn in range(ROUNDS):
                before = len(client.alerts())
                if turn % 3 == 0:
                    client.kill()
                else:
                    kill_actor(instance, "broker" if turn % 3 == 1 else "notifier")
                wait_for("alerts after a kill", lambda: len(client.alerts()) > before + 20, 60)
            flow.stopping = True
            flow.join()
            pusher.settle(60)
            want = {(a["series"], a["ts"]): a["id"]
                    for a in backtest(instance.config, "--dir", str(instance.dir))}
            assert len(want) == flow.row // 4, (len(want), flow.row)
            have = lambda: {(a["series"], a["ts"]): a["id"] for a in client.alerts()}
            wait_for("every alert at subscribe.py", lambda: set(want) <= set(have()), 60)
            wait_for("every alert at subscribe.c", lambda: len(lasting.lines(set(want.values()))) >= len(want), 60)
        finally:
            client.end()
            lasting.end()
        lines = lasting.lines(set(want.values()))
        assert {(series, int(ts)): id for id, series, ts in lines} == want
        assert len(lines) == len(want), "subscribe.c printed an alert twice"
        told = client.alerts()
        ids = {}
        for alert in told:
            ids.setdefault((alert["series"], alert["ts"]), set()).add(alert["id"])
        assert set(ids) == set(want), f"{len(set(ids) - set(want))} alerts nobody knows"
        for place, seen in ids.items():
            assert seen == {want[place]}, f"{place} came under {seen}, not {want[place]}"
        print(f"{ROUNDS} kills, {len(want)} alerts, all at both subscribers, each under one id; "
              f"{len(told) - len(want)} lines of subscribe.py twice, across its own kills")


if __name__ == "__main__":
    sys.exit(main())
