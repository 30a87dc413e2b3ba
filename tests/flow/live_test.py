"""Live equals back-test: the real processes publish the alerts that a back-test of the same rows
gives, under the same ids, whatever the feed, the number of workers, or who comes and goes."""

import random
import sys

from harness import Instance, LogReader, Pusher, Subscriber, backtest, free_port, wait_for

SERIES, ROWS = 40, 1500
START_MS = 1_700_000_000_000

RULES = """
derive:
  candle:
    volume_ratio: volume / avg(volume) OVER last_1h
rules:
  spike: { on: candle, when: "volume > 3 * avg(volume) OVER last_1h" }
  high: { on: candle, when: "close > max(close) OVER rows_50", min_rows: 50 }
  tie: { on: candle, when: "close = lag(close, 1) OVER rows_20" }
"""

MAPPING = """
    table: candle
    key: {{ exchange: "=test", pair: {pair} }}
    time: {{ at: {time}, unit: ms }}
    columns: {{ close: {close}, volume: {volume} }}
"""

COMMON = """
namespace: tw
redis: embedded
listen: { alerts: "tcp://127.0.0.1:*" }
"""

FILE = COMMON + """
sources:
  - name: candles
    url: file://DIR/candles.jsonl
    format: jsonl
    rows: ""
""" + MAPPING.format(pair="/pair", time="/t", close="/c", volume="/v") + RULES

PUSH = COMMON + """
sources:
  - name: candles
    url: push://tcp://127.0.0.1:PORT
""" + MAPPING.format(pair="/pair", time="t", close="c", volume="v") + RULES


def market(seed):
    """Rows in time order, all series interleaved, with bursts, ties, nulls and duplicates.

    No late rows: inside a record rows are sorted by time, so which row is late depends on where
    the feed was cut into records, and a file is cut elsewhere than pushed frames."""
    rng = random.Random(seed)
    close = {s: 100.0 + s for s in range(SERIES)}
    rows = []
    for minute in range(ROWS):
        for s in range(SERIES):
            if rng.random() < 0.3:
                close[s] = round(close[s] * (1 + rng.gauss(0, 0.002)), 2)
            volume = round(rng.lognormvariate(2, 0.5) * (8 if rng.random() < 0.004 else 1), 4)
            if rng.random() < 0.01:
                volume = None
            rows.append((f"P{s:03d}", START_MS + minute * 60_000, close[s], volume))
            if rng.random() < 0.005:
                rows.append(rows[-1])  # a duplicate
    return rows


def as_lines(rows):
    def number(value):
        return "null" if value is None else repr(value)
    return "".join(f'{{"pair":"{p}","t":{t},"c":{number(c)},"v":{number(v)}}}\n'
                   for p, t, c, v in rows)


def expected(rows):
    with Instance(FILE) as instance:
        (instance.dir / "candles.jsonl").write_text(as_lines(rows))
        alerts = backtest(instance.config)
    ids = [alert["id"] for alert in alerts]
    assert len(ids) == len(set(ids)), "a back-test gave one id twice"
    by_rule = {rule: sum(a["rule"] == rule for a in alerts) for rule in ("spike", "high", "tie")}
    assert min(by_rule.values()) > 50, f"the test data trips too little: {by_rule}"
    print(f"back-test: {len(ids)} alerts {by_rule}", flush=True)
    return set(ids)


def check_log(instance, subscriber, want, what):
    log = LogReader(instance.redis())
    wait_for(f"{what}: {len(want)} alerts in the log", lambda: len(log.ids()) >= len(want), 300)
    wait_for(f"{what}: {len(want)} alerts at the subscriber",
             lambda: len(subscriber.ids()) >= len(want))
    logged = instance.logged_ids()
    assert len(logged) == len(set(logged)), f"{what}: the log holds an id twice"
    assert set(logged) == want, f"{what}: log differs: {len(set(logged) ^ want)} ids"
    assert subscriber.ids() == want, f"{what}: subscriber differs: {len(subscriber.ids() ^ want)}"
    check_topics(subscriber, what)
    print(f"{what}: {len(want)} ids, same as the back-test", flush=True)


def check_topics(subscriber, what):
    """seq is dense per topic and prev names the entry before."""
    last = {}
    seen = set()
    for topic, alert in subscriber.entries:
        if alert["id"] in seen:
            continue
        seen.add(alert["id"])
        before = last.get(topic)
        if before:
            assert alert["seq"] == before["seq"] + 1 and alert["prev"] == before["id"], \
                f"{what}: {topic} jumps from {before['seq']} to {alert['seq']}"
        else:
            assert alert["seq"] == 1, f"{what}: {topic} starts at {alert['seq']}"
        last[topic] = alert


def live_file(rows, want, workers):
    what = f"file, {workers} workers"
    with Instance(FILE) as instance:
        (instance.dir / "candles.jsonl").write_text(as_lines(rows))
        instance.up(f"broker,notifier,transform={workers},prep={workers}")
        subscriber = Subscriber(instance.alerts_endpoint())
        instance.actor("collector", "collector")
        check_log(instance, subscriber, want, what)
        subscriber.close()


def live_push(rows, want, workers, churn=False):
    what = f"push, {workers} workers" + (", one joins and one leaves" if churn else "")
    port = free_port()
    with Instance(PUSH.replace("PORT", str(port))) as instance:
        instance.up(f"broker,notifier,prep={workers}" + ("" if churn else f",transform={workers}"))
        first = instance.actor("transform", "first") if churn else None
        instance.actor("collector", "collector")
        wait_for("collector", lambda: instance.actors("collector"))
        endpoint = instance.alerts_endpoint()
        subscriber = Subscriber(endpoint)
        pusher = Pusher(f"tcp://127.0.0.1:{port}", endpoint, "candles")
        step = 1000
        for n, at in enumerate(range(0, len(rows), step)):
            part = rows[at:at + step]
            pusher.send({"pair": [r[0] for r in part], "t": [r[1] for r in part],
                         "c": [r[2] for r in part], "v": [r[3] for r in part]})
            if n % 10 == 9:
                pusher.settle()
            if churn and n == 20:
                wait_for("some alerts", lambda: len(subscriber.ids()) > 10)
                instance.actor("transform", "second")
                wait_for("the second worker to own partitions", lambda: any(
                    int(a["partitions"]) > 50 for a in instance.actors("transform")
                    if a["name"] == "second"))
            if churn and n == 40:
                instance.stop(first)
        pusher.settle()
        check_log(instance, subscriber, want, what)
        staged = {a["id"] for a in backtest(instance.config, "--dir", str(instance.dir))}
        assert staged == want, f"{what}: a back-test of the stage differs: {len(staged ^ want)}"
        pusher.close()
        subscriber.close()


def main():
    rows = market(seed=1)
    want = expected(rows)
    live_file(rows, want, 1)
    live_file(rows, want, 3)
    live_push(rows, want, 1)
    live_push(rows, want, 3)
    live_push(rows, want, 1, churn=True)


if __name__ == "__main__":
    sys.exit(main())
