"""Everything is killed, nothing is lost: the whole pipeline under load while its processes die.

Rows are pushed by a client that resends what it was not told is durable. Every 0.3 to 2 s one
process is killed (kill -9), Redis and the broker included, or a worker sleeps for longer than its
lease and wakes up again. Afterwards the alert log must hold exactly the alerts of a back-test of
what was staged, each once, every topic without a hole; and the stage every frame exactly once.

Even seeds feed many series of small rows; odd seeds few series of wide rows, whose journals grow
so fast that bases are written all the time.

    kill_test.py [seed [seconds of chaos]]
"""

import collections
import contextlib
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import threading
import time

import msgpack
import zmq

import harness
from harness import ALERT_KINDS, Instance, LogReader, Subscriber, free_ports, wait_for

CHAOS_S = 40
CALM_S = 180        # at most, until the last alert is there
SLEEP_S = 5         # longer than the lease of 3 s
SERIES_MANY, SERIES_FEW = 200, 8
WIDE = 16           # further columns of a wide row
FRAME_ROWS = 100
FRAMES_A_SECOND = 30
WINDOW = 64         # frames under way
RESEND_S = 0.7
START_MS = 1_700_000_000_000
LATE_SHARE = 0.01

CONFIG = """
namespace: tw
redis: embedded
listen: { alerts: "tcp://127.0.0.1:ALERTS" }
sources:
  - name: candles
    url: push://tcp://127.0.0.1:PUSH
    table: candle
    key: { exchange: "=test", pair: /pair }
    time: { at: t, unit: ms }
    columns: { close: c, volume: v WIDE_COLUMNS }
rules:
  spike: { on: candle, when: "volume > 3 * avg(volume) OVER last_1h" }
  high: { on: candle, when: "close > max(close) OVER rows_50", min_rows: 50 }
  tie: { on: candle, when: "close = lag(close, 1) OVER rows_20" }
  WIDE_RULE
"""


def configuration(wide, push_port, alerts_port):
    columns = "".join(f", x{i}: x{i}" for i in range(wide))
    when = " OR ".join(f"x{i} > 1.99 * avg(x{i}) OVER last_6h" for i in range(wide))
    rule = f'wide: {{ on: candle, when: "{when}" }}' if wide else ""
    return CONFIG.replace("WIDE_COLUMNS", columns).replace("WIDE_RULE", rule).replace(
        "PUSH", str(push_port)).replace("ALERTS", str(alerts_port))


# ---- the feed -----------------------------------------------------------------------------------

class Market:
    """Rows of all series in turn, one a minute; some of them half an hour late."""

    def __init__(self, seed, series, wide):
        self.rng = random.Random(seed)
        self.series = series
        self.names = ["pair", "t", "c", "v"] + [f"x{i}" for i in range(wide)]
        self.close = [100.0 + s for s in range(series)]
        self.at = self.rows = self.late = 0

    def frame(self):
        columns = {name: [] for name in self.names}
        for _ in range(FRAME_ROWS):
            minute, s = divmod(self.at, self.series)
            self.at += 1
            if self.rng.random() < 0.5:
                self.close[s] = round(self.close[s] * (1 + self.rng.gauss(0, 0.002)), 2)
            volume = round(self.rng.lognormvariate(2, 0.5), 4)
            if self.rng.random() < 0.01:
                volume *= 8
            self._add(columns, s, START_MS + minute * 60_000, volume)
            if minute > 40 and self.rng.random() < LATE_SHARE:
                self.late += 1
                self._add(columns, s, START_MS + (minute - 30) * 60_000 + 1, volume)
        return columns

    def _add(self, columns, s, t, volume):
        self.rows += 1
        row = [f"P{s:03d}", t, self.close[s], volume]
        while len(row) < len(self.names):
            row.append(round(self.rng.random(), 6))
        for name, value in zip(self.names, row):
            columns[name].append(value)


class Client(threading.Thread):
    """Pushes at a steady rate and resends, in order, what is not durable after a silence."""

    def __init__(self, market, push_port, alerts_port):
        super().__init__(daemon=True)
        self.market = market
        context = zmq.Context.instance()
        self.push, self.news = context.socket(zmq.PUSH), context.socket(zmq.SUB)
        self.push.setsockopt(zmq.LINGER, 0)
        self.push.setsockopt(zmq.IMMEDIATE, 1)
        self.push.connect(f"tcp://127.0.0.1:{push_port}")
        self.news.setsockopt_string(zmq.SUBSCRIBE, "staged/candles/client")
        self.news.connect(f"tcp://127.0.0.1:{alerts_port}")
        self.frames = {}
        self.made = self.sent = self.durable = 0
        self.stopping = threading.Event()
        self.failure = None

    def run(self):
        try:
            self._run()
        except Exception as error:  # told by finish(), in the main thread
            self.failure = error

    def _make(self):
        self.made += 1
        self.frames[self.made] = msgpack.packb({"v": 1, "source": "candles", "client": "client",
                                                "n": self.made, "rows": self.market.frame()})

    def _run(self):
        begun = heard = time.monotonic()
        while not (self.stopping.is_set() and self.durable == self.made):
            now = time.monotonic()
            due = int((now - begun) * FRAMES_A_SECOND)
            if not self.stopping.is_set() and self.made < due and len(self.frames) < WINDOW:
                self._make()
            while self.sent < self.made:
                try:
                    self.push.send(self.frames[self.sent + 1], zmq.DONTWAIT)
                except zmq.Again:
                    break
                self.sent += 1
            if self.news.poll(10):
                n = msgpack.unpackb(self.news.recv_multipart()[1])["n"]
                assert n <= self.made, f"told that {n} is durable, of {self.made} ever made"
                while self.durable < n:
                    self.durable += 1
                    del self.frames[self.durable]
                heard = now
            elif now > heard + RESEND_S:
                self.sent, heard = self.durable, now

    def finish(self, seconds):
        self.stopping.set()
        self.join(seconds)
        assert self.failure is None, self.failure
        assert not self.is_alive(), f"only {self.durable} of {self.made} frames are durable"
        self.push.close(0)
        self.news.close(0)


# ---- the faults ---------------------------------------------------------------------------------

def children(instance):
    """Process ids by name of everything the supervisor runs."""
    supervisor = int((instance.dir / "supervisor.pid").read_text())
    found = {}
    for task in pathlib.Path(f"/proc/{supervisor}/task").iterdir():
        for pid in (task / "children").read_text().split():
            try:
                words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            name = "redis" if b"redis-server" in words[0] else \
                words[words.index(b"--name") + 1].decode() if b"--name" in words else None
            if name:
                found[name] = int(pid)
    return found


class Chaos:
    def __init__(self, instance, seed):
        self.instance = instance
        self.dice = random.Random(seed)
        self.asleep = {}  # pid: when to wake it
        self.count = collections.Counter()

    def wake(self, everybody=False):
        for pid, due in list(self.asleep.items()):
            if everybody or time.monotonic() >= due:
                del self.asleep[pid]
                self._signal(pid, signal.SIGCONT)

    @staticmethod
    def _signal(pid, what):
        try:
            os.kill(pid, what)
        except ProcessLookupError:
            pass  # killed meanwhile

    def strike(self):
        running = sorted((name, pid) for name, pid in children(self.instance).items()
                         if pid not in self.asleep)
        if not running:
            return
        name, pid = self.dice.choice(running)
        role = re.split(r"[-.]", name)[0]
        sleep = role in ("transform", "prep") and self.dice.random() < 0.35
        print(f"{time.monotonic() - self.begun:6.2f} {'stop' if sleep else 'kill'} {name}",
              flush=True)
        if sleep:
            self.asleep[pid] = time.monotonic() + SLEEP_S
        self._signal(pid, signal.SIGSTOP if sleep else signal.SIGKILL)
        self.count[("stop " if sleep else "kill ") + role] += 1

    def run(self, seconds):
        self.begun = time.monotonic()
        due = self.begun + 1
        while time.monotonic() < self.begun + seconds:
            self.wake()
            if time.monotonic() >= due:
                self.strike()
                due = time.monotonic() + self.dice.uniform(0.3, 2)
            time.sleep(0.02)
        self.wake(everybody=True)


# ---- the judgement ------------------------------------------------------------------------------

def backtest_of_stage(instance):
    """Ids that the staged log implies, and what the back-test counted on the way."""
    run = subprocess.run([harness.PROGRAM, "backtest", "-c", str(instance.config), "--json",
                          "--dir", str(instance.dir)], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, f"backtest failed ({run.returncode}):\n{run.stderr}"
    ids = [json.loads(line)["id"] for line in run.stdout.splitlines()]
    assert len(ids) == len(set(ids)), "a back-test gave one id twice"
    counted = re.match(r"(\d+) rows \((\d+) late, (\d+) duplicates, (\d+) revisions\), "
                       r"(\d+) quarantined", run.stderr.splitlines()[-1])
    return set(ids), [int(number) for number in counted.groups()]


def read_log(instance):
    """The alert log, by people's means: XRANGE."""
    return [fields for _, fields in instance.redis().xrange("tw:alerts")]


def check_topics(log):
    last = {}
    for entry in log:
        body = json.loads(entry["body"])
        topic, seq = entry["topic"], int(entry["seq"])
        before = last.get(topic, {"seq": 0, "id": None})
        assert seq == before["seq"] + 1, f"{topic} jumps from {before['seq']} to {seq}"
        assert body["seq"] == seq and body["id"] == entry["id"]
        assert body["prev"] == before["id"], f"{topic} {seq}: prev is {body['prev']}"
        last[topic] = {"seq": seq, "id": entry["id"]}


def judge(instance, market, subscriber, calm_since):
    want, (rows, late, duplicates, revisions, quarantined) = backtest_of_stage(instance)
    assert (rows, late, duplicates, revisions, quarantined) == (market.rows, market.late, 0, 0, 0), \
        f"the stage does not hold each frame once: {rows} rows of {market.rows}, {late} late of " \
        f"{market.late}, {duplicates} duplicates, {revisions} revisions, {quarantined} refused"
    store = instance.redis()
    with contextlib.suppress(AssertionError):  # what is missing is told below
        reader = LogReader(store)
        wait_for("the last alert", lambda: len(reader.ids()) >= len(want), CALM_S)
        time.sleep(1.5)  # whatever should not come, comes now
    last = int(store.xinfo_stream("tw:alerts")["last-generated-id"].split("-")[0]) / 1000
    log = read_log(instance)
    ids = [entry["id"] for entry in log if entry["kind"] in ALERT_KINDS]
    missing, extra = want - set(ids), set(ids) - want
    assert not missing and not extra and len(ids) == len(want), \
        f"{len(want)} alerts wanted: {len(missing)} missing, {len(extra)} too many, " \
        f"{len(ids) - len(set(ids))} twice"
    check_topics(log)
    heard = subscriber.ids() if subscriber else set()
    assert heard <= want, f"{len(heard - want)} alerts were published that should not be"
    bases = sum(1 for _ in store.scan_iter("tw:b:*"))
    print(f"ok: {rows} rows, {bases} bases, {len(want)} alerts, each once; subscriber heard {len(heard)} itself; "
          f"the last one {max(0, last - calm_since):.1f} s after the last fault", flush=True)


def nothing_is_left(directory):
    """Processes of this instance that outlived it."""
    left = []
    for process in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(directory).encode() in process.read_bytes():
                left.append(process.parent.name)
        except OSError:
            continue
    return left


def main(seed=None, seconds=CHAOS_S):
    seed = int(seed) if seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}", flush=True)
    push_port, alerts_port = free_ports(2)
    series, wide = (SERIES_FEW, WIDE) if seed % 2 else (SERIES_MANY, 0)
    with Instance(configuration(wide, push_port, alerts_port)) as instance:
        instance.up("broker,notifier,transform=2,prep=2,collector")
        subscriber = Subscriber(instance.alerts_endpoint())
        market = Market(seed, series, wide)
        client = Client(market, push_port, alerts_port)
        client.start()
        chaos = Chaos(instance, seed)
        chaos.run(float(seconds))
        calm_since = time.time()
        client.finish(CALM_S)
        judge(instance, market, subscriber, calm_since)
        subscriber.close()
        print("faults: " + ", ".join(f"{n} {what}" for what, n in sorted(chaos.count.items())))
        directory = instance.dir
    left = nothing_is_left(directory)
    assert not left, f"still running: {left}"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
