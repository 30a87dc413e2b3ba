"""More than it can take: a producer faster than the pipeline for a minute, a subscriber that does not
read, a Redis at its maxmemory, an outbox that is full.

Each time the log takes what comes, memory stays below the bounds of docs/reliability.md, what is
behind shows in `status`, and once the cause is gone everything catches up: each alert once, and by
the same processes, for none may have been started again.

    overload_test.py [flood|reader|maxmemory|outbox]...
"""

import array
import collections
import json
import pathlib
import random
import sys
import threading
import time

import msgpack
import zmq

from harness import Instance, Subscriber, alerts_logged, free_ports, wait_for

MB = 1024  # KB, as /proc has it
START_US = 1_700_000_000_000_000
NULL = -(1 << 63)
ROWS = 5000              # of a frame
SERIES = 8
MARK = 2_000_000_00      # the price that the rule `mark` tells of, at 10^-2
WINDOW = 256             # frames under way
SILENCE_S = 5            # without news after which they go out again
FLOOD_S = 60
FLOOD_BEHIND = 700   # frames, 3.5 million rows: so far behind the producer waits, or draining takes long
DRAIN_S = 400
READER_FRAMES = 60  # of 1,000 alerts: the broker keeps 50,000 for a reader

# KB that a process may hold here, by docs/reliability.md, "Bounds", for one stream, one prep, one
# worker and frames of 120 KB. What a program is without any work is in it.
BOUNDS = {"collector": 192 * MB, "prep": 192 * MB, "transform": 256 * MB, "notifier": 96 * MB,
          "broker": 192 * MB}

CONFIG = """
namespace: tw
redis: embedded
listen: { alerts: "tcp://127.0.0.1:ALERTS" }
sources:
  - name: trades
    url: push://tcp://127.0.0.1:PUSH
    table: trade
    key: { pair: pair }
    time: { at: t, unit: us }
    columns: { price: price, volume: volume }
rules:
  mark: { on: trade, when: "price >= 2000000", emit: row, alerts_max: 1000000 }
  RULES
"""

# Never true, and much to compute for every row.
HEAVY = "\n  ".join(f'heavy{i}: {{ on: trade, when: "corr(price, volume) OVER rows_{40 + i} > '
                    f'2 + stddev(price) OVER rows_{80 + i}" }}' for i in range(8))


# ---- the feed -----------------------------------------------------------------------------------

def little(code, values):
    items = array.array(code, values)
    if sys.byteorder == "big":
        items.byteswap()
    return items.tobytes()


class Producer(threading.Thread):
    """Pushes frames as fast as they are taken, or at a rate, with `marks` marked rows in each; keeps
    what is not durable and sends it again after a silence."""

    def __init__(self, push_port, alerts_port, marks=1, rows=ROWS, series=SERIES, rate=None):
        super().__init__(daemon=True)
        context = zmq.Context.instance()
        self.push, self.news = context.socket(zmq.PUSH), context.socket(zmq.SUB)
        self.push.setsockopt(zmq.LINGER, 0)
        self.push.setsockopt(zmq.SNDHWM, 4)
        self.push.connect(f"tcp://127.0.0.1:{push_port}")
        self.news.setsockopt_string(zmq.SUBSCRIBE, "staged/trades/flood")
        self.news.connect(f"tcp://127.0.0.1:{alerts_port}")
        self.marks, self.rows, self.series, self.rate = marks, rows, series, rate
        dice = random.Random(3)
        self.prices = [[dice.randrange(100_00, 200_00) for _ in range(rows)] for _ in range(16)]
        self.volumes = [little("q", [dice.randrange(1, 9_0000) for _ in range(rows)])
                        for _ in range(16)]
        self.pairs = bytes(i % series for i in range(rows))
        self.frames = {}
        self.made = self.sent = self.durable = 0
        self.marked = set()       # (series, ts)
        self.limit = float("inf")  # frames
        self.stopping = threading.Event()
        self.failure = None

    def make(self):
        self.made += 1
        begin = START_US + self.made * self.rows * 200
        prices = list(self.prices[self.made % 16])
        for mark in range(self.marks):
            row = (self.made * 37 + mark * (self.rows // self.marks)) % self.rows
            prices[row] = MARK
            self.marked.add((f"trade:F{row % self.series}", begin + 200 * row))
        rows = {"t": ["i64", little("q", range(begin, begin + 200 * self.rows, 200))],
                "pair": ["dict", [f"F{i}" for i in range(self.series)], ["u8", self.pairs]],
                "price": ["dec", -2, little("q", prices)],
                "volume": ["dec", -4, self.volumes[self.made % 16]]}
        self.frames[self.made] = msgpack.packb({"v": 1, "source": "trades", "client": "flood",
                                                "n": self.made, "rows": rows})

    def run(self):
        try:
            self.work()
        except Exception as error:  # told by finish(), in the main thread
            self.failure = error

    def work(self):
        begun = heard = time.monotonic()
        while not (self.stopping.is_set() and self.durable == self.made):
            now = time.monotonic()
            due = self.limit if self.rate is None else min(self.limit, (now - begun) * self.rate)
            if not self.stopping.is_set() and len(self.frames) < WINDOW and self.made < due:
                self.make()
            while self.sent < self.made:
                try:
                    self.push.send(self.frames[self.sent + 1], zmq.DONTWAIT)
                except zmq.Again:
                    break
                self.sent += 1
            waits = len(self.frames) == WINDOW or self.sent < self.made or self.made >= due or \
                self.stopping.is_set()
            if self.news.poll(20 if waits else 0):
                n = msgpack.unpackb(self.news.recv_multipart()[1])["n"]
                while self.durable < n:
                    self.durable += 1
                    del self.frames[self.durable]
                heard = now
            elif now > heard + SILENCE_S and self.frames:
                self.sent, heard = self.durable, now

    def finish(self, seconds=60):
        self.stopping.set()
        self.join(seconds)
        assert self.failure is None, self.failure
        assert not self.is_alive(), f"only {self.durable} of {self.made} frames are durable"
        self.push.close(0)
        self.news.close(0)


# ---- what is looked at --------------------------------------------------------------------------

class Sizes(threading.Thread):
    """The most that each process held, and that none of them was started again."""

    def __init__(self, instance):
        super().__init__(daemon=True)
        self.processes = {a["name"]: (a["role"], int(a["pid"])) for a in instance.status()["actors"]}
        self.most = collections.Counter()
        self.gone = set()
        self.stopping = threading.Event()

    def look(self):
        for name, (_, pid) in self.processes.items():
            try:
                pages = pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]
            except (FileNotFoundError, ProcessLookupError):
                self.gone.add(name)
                continue
            self.most[name] = max(self.most[name], int(pages) * 4)

    def run(self):
        while not self.stopping.wait(0.2):
            self.look()

    def judge(self):
        self.stopping.set()
        self.join()
        self.look()
        assert not self.gone, f"ended meanwhile: {sorted(self.gone)}"
        said = []
        for name, (role, _) in sorted(self.processes.items()):
            said.append(f"{name} {self.most[name] // MB} MB of {BOUNDS[role] // MB}")
            assert self.most[name] <= BOUNDS[role], \
                f"{name} held {self.most[name]} KB; its bound is {BOUNDS[role]} KB"
        return ", ".join(said)


def behind(instance):
    """Records between the end of the log and what is committed, as `status` shows it."""
    (collector,) = instance.actors("collector")
    return int(collector["last_seq"]) - int(collector["committed"])


def logged(store):
    """Of the alert log: (series, ts) of each entry of the rule `mark`."""
    found, at = [], "-"
    while True:
        page = store.xrange("tw:alerts", at, "+", 10_000)
        found += [(fields["series"], int(fields["ts"])) for _, fields in page
                  if fields["rule"] == "mark" and fields["kind"] == "alert"]
        if not page:
            return found
        at = f"({page[-1][0]}"


def await_alerts(instance, producer, seconds):
    """All that were marked are logged, each once, and nothing else."""
    store = instance.redis()
    wait_for(f"{len(producer.marked)} alerts", lambda: alerts_logged(store) >= len(producer.marked),
             seconds)
    found = logged(store)
    assert len(found) == len(set(found)), "an alert is logged twice"
    assert set(found) == producer.marked, \
        f"{len(producer.marked - set(found))} missing, {len(set(found) - producer.marked)} too many"
    return len(found)


def pipeline(rules=""):
    push, alerts = free_ports(2)
    config = CONFIG.replace("PUSH", str(push)).replace("ALERTS", str(alerts)).replace("RULES", rules)
    return Instance(config), push, alerts


# ---- the cases ----------------------------------------------------------------------------------

def flood():
    """A minute of more than can be judged: the log grows, not memory; then it drains."""
    instance, push, alerts = pipeline(HEAVY)
    with instance:
        instance.up("broker,notifier,transform,prep,collector")
        sizes = Sizes(instance)
        sizes.start()
        producer = Producer(push, alerts)
        producer.limit = FLOOD_BEHIND
        producer.start()
        until, lags = time.monotonic() + FLOOD_S, []
        while time.monotonic() < until:
            lags.append(behind(instance))
            producer.limit = max(producer.limit, producer.made - lags[-1] + FLOOD_BEHIND)
            time.sleep(0.5)
        left, done, waiting = lags[-1], len(logged(instance.redis())), len(producer.frames)
        producer.finish()
        made = producer.made
        assert left > FLOOD_BEHIND / 2, f"the flood was none: {made} frames made, behind by {lags}"
        assert waiting < WINDOW, f"{waiting} frames are not durable: the log does not take the excess"
        assert 0 < done < len(producer.marked), f"{done} of {len(producer.marked)} alerts in the flood"
        began = time.monotonic()
        count = await_alerts(instance, producer, DRAIN_S)
        wait_for("no lag", lambda: behind(instance) < 20, 60)  # ticks are records, too
        held = sizes.judge()
        print(f"flood: {made * ROWS:,} rows, {left:,} of {made:,} frames behind at the end, drained in "
              f"{time.monotonic() - began:.0f} s, {count} alerts each once; {held}", flush=True)


def reader():
    """A subscriber that does not read loses news, sees so by seq, and finds it in the log; others
    and the broker do not suffer."""
    instance, push, alerts = pipeline()
    with instance:
        instance.up("broker,notifier,transform,prep,collector")
        good = Subscriber(instance.alerts_endpoint())
        stalled = zmq.Context.instance().socket(zmq.SUB)
        stalled.setsockopt(zmq.RCVHWM, 1)
        stalled.setsockopt(zmq.RCVBUF, 4096)
        stalled.setsockopt_string(zmq.SUBSCRIBE, "alert/")
        stalled.connect(instance.alerts_endpoint())
        wait_for("both subscriptions", lambda: instance.status() and int(
            instance.actors("broker")[0]["subscriptions"]) >= 2)
        sizes = Sizes(instance)
        sizes.start()
        producer = Producer(push, alerts, marks=1000, rows=2000, rate=10)
        producer.limit = READER_FRAMES
        producer.start()
        wait_for("more alerts than are kept for a reader", lambda: producer.durable >= READER_FRAMES, 120)
        count = await_alerts(instance, producer, 240)
        wait_for("the good subscriber to hear them all", lambda: len(good.alerts) >= count, 60)
        seqs, heard = read_on(stalled, collections.defaultdict(list))
        assert heard < count, f"the stalled one heard all {heard}: it was not stalled"
        producer.limit += 3
        wait_for("news for the one that reads again", lambda: read_on(stalled, seqs)[1] >= 3000, 60)
        producer.finish()
        count = await_alerts(instance, producer, 60)
        assert all(found == sorted(set(found)) for found in seqs.values()), "out of order, or twice"
        gaps = sum(after != before + 1 for found in seqs.values()
                   for before, after in zip([0] + found, found))
        assert gaps >= SERIES, f"{gaps} gaps show by seq in {len(seqs)} topics"
        wait_for("the good subscriber to hear these, too", lambda: len(good.alerts) >= count, 60)
        assert len(good.ids()) == len(good.alerts) == count, f"{len(good.alerts)} heard, {count} logged"
        print(f"reader: {count} alerts, all heard by one, {heard} by the one that did not read, then "
              f"the new ones; {sizes.judge()}", flush=True)
        stalled.close(0)
        good.close()


def read_on(stalled, seqs):
    """What has come: seqs by topic, and how many in this call."""
    heard = 0
    while stalled.poll(1500):
        topic, body = stalled.recv_multipart()
        seqs[topic].append(msgpack.unpackb(body)["seq"])
        heard += 1
    return seqs, heard


def maxmemory():
    """A Redis that takes nothing more: the log does, status shows the lag, and it goes on when there
    is room."""
    instance, push, alerts = pipeline('wide: { on: trade, when: "volume > 1000 * avg(volume) OVER last_1h" }')
    with instance:
        instance.up("broker,notifier,transform,prep,collector")
        store = instance.redis()
        producer = Producer(push, alerts, rate=20)
        producer.start()
        wait_for("alerts", lambda: store.xlen("tw:alerts") >= 10)
        sizes = Sizes(instance)
        sizes.start()
        store.config_set("maxmemory", store.info("memory")["used_memory"] + (1 << 20))
        before = producer.durable
        wait_for("a lag", lambda: behind(instance) > 100, 60)
        log = instance.dir / "log"
        wait_for("the reason in the log", lambda: any(
            "outbox is full" in path.read_text() for path in log.glob("transform*.log")))
        assert producer.durable > before + 50, "the log takes no more"
        stood = alerts_logged(store)
        assert stood < len(producer.marked)
        store.config_set("maxmemory", 0)
        producer.finish()
        count = await_alerts(instance, producer, 120)
        print(f"maxmemory: {stood} alerts, then none, then all {count}; {sizes.judge()}", flush=True)


def outbox():
    """Nobody empties the outbox: commits wait, and go on when there is room."""
    instance, push, alerts = pipeline()
    with instance:
        instance.up("broker,transform,prep,collector")
        store = instance.redis()
        producer = Producer(push, alerts, series=1, rate=10)
        producer.start()
        (key,) = wait_for("an outbox", lambda: list(store.scan_iter("tw:o:*")))
        pipe, fillers = store.pipeline(transaction=False), []
        for i in range(1_000_000):
            pipe.xadd(key, {"id": "0", "topic": "", "body": ""})
            if i % 20_000 == 19_999:
                fillers += pipe.execute()
        first = store.xlen(key)
        sizes = Sizes(instance)
        sizes.start()
        before = producer.durable
        wait_for("a lag", lambda: behind(instance) > 50, 60)
        wait_for("the log to take more", lambda: producer.durable > before + 50, 60)
        assert store.xlen(key) - first < 1000, "the outbox takes more than it may"
        for at in range(0, len(fillers), 10_000):
            store.xdel(key, *fillers[at:at + 10_000])
        instance.actor("notifier", "notifier-late")
        producer.finish()
        count = await_alerts(instance, producer, 120)
        print(f"outbox: full at {first:,}, {count} alerts each once; {sizes.judge()}", flush=True)


CASES = {"flood": flood, "reader": reader, "maxmemory": maxmemory, "outbox": outbox}


def main(*names):
    for name in names or CASES:
        CASES[name]()


if __name__ == "__main__":
    main(*sys.argv[1:])
