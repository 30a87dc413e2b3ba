"""Rules by the thousand while a stream runs: they are set by a pipeline of HSET, and come into force
while rows go on being judged. Prints how long both took.

    many_rules_test.py [RULES]
"""

import collections
import json
import os
import signal
import sys
import threading
import time

from harness import Instance, Pusher, Subscriber, free_port, wait_for

RULES = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
PAIRS = 1000
BAD, BEAT = "of-no-column", "beat"
CHANGES = 20  # of one rule, when all are there
PROBES = 10  # rules among them, evenly spread, for which rows come all the time
IN_FORCE_S, PAUSE_S = 30.0, 10.0  # most of a machine that is busy with other tests

CONFIG = """
namespace: tw
redis: embedded
listen: { alerts: "tcp://127.0.0.1:*" }
sources:
  - name: trades
    url: push://tcp://127.0.0.1:PORT
    rows: /*
    table: trade
    key: { pair: /pair }
    time: { at: /ts, unit: ms }
    columns: { volume: /volume }
rules:
  beat: { on: trade, when: "pair = 'beat' AND volume > 0", emit: row }
"""


class Flow(threading.Thread):
    """A row of the beat and of each probe, four times a second."""

    def __init__(self, pusher):
        super().__init__(daemon=True)
        self.pusher, self.stopping = pusher, False

    def run(self):
        while not self.stopping:
            now_ms = int(time.time() * 1000)
            pairs = ["beat", *(f"probe{i}" for i in range(PROBES))]
            rows = [{"pair": pair, "ts": now_ms, "volume": 1} for pair in pairs]
            self.pusher.send(raw=json.dumps(rows).encode())
            time.sleep(0.25)


def rules():
    every = RULES // PROBES
    for i in range(RULES):
        if i == RULES // 2:
            yield BAD, "prize > 1", "row"
        elif i % every == every - 1:
            yield f"rule-{i:06d}", f"pair = 'probe{i // every % PROBES}' AND volume > 0", "row"
        else:
            yield f"rule-{i:06d}", f"pair = 'p{i % PAIRS:03d}' AND volume > {i // PAIRS}.5", "edge"


def load(store):
    pipe = store.pipeline(transaction=False)
    for i, (name, when, emit) in enumerate(rules(), 1):
        pipe.hset(f"tw:rule:{name}", mapping={"on": "trade", "when": when, "emit": emit})
        if i % 5000 == 0:
            pipe.execute()
    pipe.execute()


def pause(alerts):
    """The longest time from the receipt of a row of the beat to its alert, in s."""
    return max(a["at"] - a["stamps"]["recv"] for _, a in alerts if a["rule"] == "beat") / 1e6


def plans(store):
    keys = list(store.scan_iter("tw:{plan}:*", count=10000))
    return dict(zip(keys, (store.strlen(key) for key in keys)))


def change_one(store):
    """One rule changes again and again: what that adds to Redis is not a plan each time."""
    before = plans(store)
    for i in range(CHANGES):
        known = len(plans(store))
        store.hset(f"tw:rule:{BEAT}", mapping={"on": "trade", "when": f"pair = 'beat' AND volume > 0.{i + 1}",
                                               "emit": "row"})
        wait_for("a plan with it", lambda: len(plans(store)) > known, 60)
    added = [size for key, size in plans(store).items() if key not in before]
    assert sum(size > max(before.values()) / 4 for size in added) <= 1, f"written as a whole: {added}"
    return sum(added) / len(added)


def live_on(instance, subscriber):
    """A worker that comes reads what was left under such a plan."""
    os.kill(instance.actors("transform")[0]["pid"], signal.SIGKILL)
    gone = time.time() * 1e6
    wait_for("alerts after the worker", lambda: any(
        a["rule"] == BEAT and a["stamps"]["recv"] > gone for _, a in list(subscriber.alerts)), 60)
    return time.time() - gone / 1e6


def main():
    port = free_port()
    with Instance(CONFIG.replace("PORT", str(port))) as instance:
        instance.up()
        store = instance.redis()
        news = instance.alerts_endpoint()
        subscriber = Subscriber(news)
        flow = Flow(Pusher(f"tcp://127.0.0.1:{port}", news, "trades"))
        flow.start()
        wait_for("the beat", lambda: subscriber.alerts)
        time.sleep(2)
        before = pause(subscriber.alerts)
        start = time.monotonic()
        load(store)
        loaded = time.monotonic()
        wait_for("all rules to be in force",
                 lambda: len({a["rule"] for _, a in list(subscriber.alerts)}) == PROBES + 1, 300)
        in_force = time.monotonic()
        wait_for("the last status", lambda: store.hget(f"tw:status:rule-{RULES - 1:06d}", "state"), 300)
        told = time.monotonic()
        time.sleep(1)
        in_force_s, pause_s = in_force - loaded, pause(subscriber.alerts)
        already = len(subscriber.alerts)
        change_bytes = change_one(store)
        pause_one_s = pause(subscriber.alerts[already:])
        back_s = live_on(instance, subscriber)
        flow.stopping = True
        flow.join()
        print(f"rules={RULES} loaded_s={loaded - start:.2f} in_force_s={in_force_s:.2f} "
              f"told_s={told - loaded:.2f} pause_before_s={before:.3f} pause_s={pause_s:.3f} "
              f"plans={len(plans(store))} plan_bytes={max(plans(store).values())} "
              f"change_bytes={change_bytes:.0f} pause_one_s={pause_one_s:.3f} back_s={back_s:.2f}", flush=True)
        wait_for("the verdicts", lambda: verdicts(store) == {"ok": RULES - 1, "error": 1})
        assert "prize" in store.hget(f"tw:status:{BAD}", "error")
        assert in_force_s < IN_FORCE_S, "rules come into force too late"
        assert pause_s < PAUSE_S, "rows wait while rules come into force"
        subscriber.close()


def verdicts(store):
    pipe = store.pipeline(transaction=False)
    for name, _, _ in rules():
        pipe.hget(f"tw:status:{name}", "state")
    return dict(collections.Counter(pipe.execute()))


if __name__ == "__main__":
    main()
