"""What subscriptions cost: memory of the notifier, the time to read all of them beside the alerts that
go on, and the time until the deliveries of one alert to many subscribers are queued."""

import json
import os
import pathlib
import sys
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/flow"))

RULES, FAN_OUT = 1000, 10_000
PIPE = 2000

CONFIG = """
namespace: tw
redis: embedded
listen: {{ alerts: "tcp://127.0.0.1:*" }}
sources:
  - name: trades
    url: push://tcp://127.0.0.1:{port}
    rows: /*
    table: trade
    key: {{ pair: /pair }}
    time: {{ at: /ts, unit: ms }}
    columns: {{ volume: /volume }}
rules:
  fan: {{ on: trade, when: "pair LIKE 'fan%' AND volume > 0" }}
  beat: {{ on: trade, when: "pair = 'beat' AND volume > 0", emit: row }}
"""


def fill(store, count, of_series):
    """`count` names over the rules, and names of series."""
    pipe = store.pipeline(transaction=False)
    each = count // RULES
    for rule in range(RULES):
        pipe.sadd(f"tw:subs:rule-{rule:04d}", *(f"person-{rule * each + i:07d}" for i in range(each)))
    for i in range(of_series):
        pipe.sadd(f"tw:subs:rule-{i % RULES:04d}:trade:pair-{i:06d}", f"person-{i:07d}")
        if i % PIPE == 0:
            pipe.execute()
    pipe.execute()


def fan(store):
    pipe = store.pipeline(transaction=False)
    names = [f"fan-{i:05d}" for i in range(FAN_OUT)]
    for name in names:
        pipe.hset(f"tw:subscriber:{name}", "webhook", "http://127.0.0.1:1/")
    pipe.sadd("tw:subs:fan", *names)
    pipe.execute()


def notifier(instance):
    return instance.actors("notifier")[0]


def rss_mib(pid):
    pages = int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


class Rows:
    """Pushed rows: the beat, and those that somebody is told of."""

    def __init__(self, pusher):
        self.pusher, self.ts = pusher, int(time.time() * 1000)

    def push(self, *pairs):
        self.ts += 1
        rows = [{"pair": pair, "ts": self.ts, "volume": 1} for pair in pairs]
        self.pusher.send(raw=json.dumps(rows).encode())


def beats(rows, subscriber, until, seconds):
    """Push the beat until the condition holds. The longest time to its alert, in s; and how long."""
    start, worst, sent = time.monotonic(), 0.0, 0
    while not until():
        assert time.monotonic() < start + seconds, f"not within {seconds} s"
        sent = time.monotonic()
        seen = len(subscriber.alerts)
        rows.push("beat")
        while len(subscriber.alerts) == seen:
            assert time.monotonic() < sent + seconds, "no alert"
            time.sleep(0.005)
        worst = max(worst, time.monotonic() - sent)
        time.sleep(0.05)
    return worst, time.monotonic() - start


def fan_out(rows, store, subscriber, pair):
    """From the push of one row to the last of its deliveries in Redis, in s."""
    known = {entry["id"] for _, entry in subscriber.entries}
    start = time.monotonic()
    rows.push(pair)
    while True:
        fresh = [e["id"] for _, e in list(subscriber.entries)
                 if e["id"] not in known and e["kind"] == "firing"]
        if fresh and store.hlen(f"tw:delivery:{fresh[0]}") >= FAN_OUT:
            return time.monotonic() - start
        assert time.monotonic() < start + 60, "the deliveries are not queued"
        time.sleep(0.005)


def subscribers(count, of_series):
    from harness import Instance, Pusher, Subscriber, free_port, wait_for
    port = free_port()
    with Instance(CONFIG.format(port=port)) as instance:
        instance.up(roles="collector,prep,transform,broker")
        child = instance.actor("notifier", "first")
        store, news = instance.redis(), instance.alerts_endpoint()
        subscriber = Subscriber(news)
        rows = Rows(Pusher(f"tcp://127.0.0.1:{port}", news, "trades"))
        rows.push("beat")
        wait_for("the first alert", lambda: subscriber.alerts)
        empty = rss_mib(child.pid)
        fill(store, count, of_series)
        fan(store)
        want = count + of_series + FAN_OUT

        def is_known():
            actor = next(iter(instance.actors("notifier")), {})
            return (actor.get("subscribers_from"), actor.get("subscriptions")) == ("memory", want)

        _, heard_s = beats(rows, subscriber, is_known, 300)
        # Another notifier takes the role, and has all of them to read.
        instance.stop(child)
        child = instance.actor("notifier", "second")
        worst, read_s = beats(rows, subscriber, is_known, 300)
        times = [fan_out(rows, store, subscriber, f"fan{i}") for i in range(3)]
        asked = int(notifier(instance)["subscriptions_asked"])
        rss = rss_mib(child.pid)
        instance.stop(child)
        subscriber.close()
    return {"subscriptions": count + of_series + FAN_OUT, "rss_mib": round(rss, 1),
            "rss_empty_mib": round(empty, 1), "heard_s": round(heard_s, 2),
            "read_s": round(read_s, 2), "alert_s": round(worst, 3),
            "fan_out": FAN_OUT, "fan_out_s": [round(t, 3) for t in times],
            "fan_out_worst_s": round(max(times), 3), "asked": asked}


if __name__ == "__main__":
    print(json.dumps(subscribers(int(sys.argv[1]), int(sys.argv[2]))))
