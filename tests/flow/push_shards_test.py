"""A pushed feed in three shards: the alerts of one stream, rows in the wrong shard quarantined,
and the same again with the shards spread over two collectors."""

import itertools
import json
import random
import subprocess
import sys

from harness import TOP, Instance, backtest, free_ports, wait_for

sys.path.insert(0, str(TOP / "docs/clients"))
import tidewire_push  # noqa: E402  (the library that clients use)

SHARDS, SERIES, BATCHES, BATCH = 3, 40, 30, 200
START_MS = 1_700_000_000_000
KEY = ["=x", "pair"]

CONFIG = """
listen: { alerts: "tcp://127.0.0.1:ALERTS" }
sources:
  - name: ticks
    url: push://tcp://127.0.0.1:PUSH
    SHARDS
    table: tick
    key: { venue: "=x", pair: pair }
    time: { at: ts, unit: ms }
    columns: { volume: volume }
    identity: none
rules:
  burst: { on: tick, when: "volume > 3 * avg(volume) OVER rows_10" }
"""


def configuration(alerts, push, shards):
    text = CONFIG.replace("ALERTS", str(alerts)).replace("PUSH", str(push))
    return text.replace("SHARDS", f"shards: {shards}" if shards else "order: oldest_first")


def batches(seed=7):
    """Columns of rows of all series in turn; bursts here and there."""
    rng = random.Random(seed)
    for batch in range(BATCHES):
        rows = range(batch * BATCH, (batch + 1) * BATCH)
        yield {"ts": [START_MS + 10 * i for i in rows],
               "pair": [f"P{i % SERIES}/USD" for i in rows],
               "volume": [rng.choice((1, 2, 2, 3, 40)) for _ in rows]}


def endpoint(port):
    return f"tcp://127.0.0.1:{port}"


def push_all(feed):
    assert feed.open() == 0, "somebody was here before"
    for columns in batches():
        feed.send(columns)
    feed.close()


def alerts_of(instance, count):
    """The ids in the alert log, once all of them are there; none twice."""
    wait_for(f"{count} alerts", lambda: len(instance.logged_ids()) >= count, 60)
    ids = instance.logged_ids()
    assert len(ids) == len(set(ids)), "an alert came twice"
    return set(ids)


def one_stream():
    alerts, push = free_ports(2)
    with Instance(configuration(alerts, push, None)) as instance:
        instance.up()
        push_all(tidewire_push.Feed(endpoint(push), endpoint(alerts), "ticks", "c"))
        told = backtest(instance.config, "--dir", instance.dir)
        assert len(told) > 100, f"only {len(told)} alerts"
        ids = alerts_of(instance, len(told))
        assert ids == {alert["id"] for alert in told}
    return ids


def records_of(instance):
    return {actor["stream"]: int(actor["last_seq"]) for actor in instance.actors("collector")}


def three_streams(expected):
    alerts, push = free_ports(2)
    with Instance(configuration(alerts, push, SHARDS)) as instance:
        instance.up()
        push_all(tidewire_push.Shards(endpoint(push), endpoint(alerts), "ticks", "c", SHARDS,
                                      "tick", KEY))
        assert alerts_of(instance, len(expected)) == expected, "shards changed the alerts"
        told = backtest(instance.config, "--dir", instance.dir)
        assert {alert["id"] for alert in told} == expected
        assert set(records_of(instance)) == {f"ticks.{k}" for k in range(SHARDS)}
        wait_for("records in every shard", lambda: min(records_of(instance).values()) > BATCHES)
        wrong_shards_are_quarantined(instance, endpoint(push), endpoint(alerts), expected)


def wrong_shards_are_quarantined(instance, push, alerts, expected):
    shard = tidewire_push.shard_of(tidewire_push.series_id("tick", ["x", "P0/USD"]), SHARDS)
    wrong = (shard + 1) % SHARDS
    feed = tidewire_push.Feed(push, alerts, f"ticks.{wrong}", "confused")
    feed.open()
    feed.send({"ts": [START_MS + 10_000_000] * 50, "pair": ["P0/USD"] * 50, "volume": [1000] * 50})
    feed.close()
    said = wait_for("the quarantine", lambda: [q for q in instance.status()["quarantine"]
                                               if q["source"] == f"ticks.{wrong}"])[0]
    want = f'wrong shard: "tick:x:P0%2FUSD" belongs to shard {shard} of {SHARDS}, not {wrong}'
    assert said["rows"] == 50 and want == said["newest"], said
    assert want in instance.word("status").stdout, "status does not show it to people"
    assert set(instance.logged_ids()) == expected, "a row in the wrong shard had an effect"
    told = {alert["id"] for alert in backtest(instance.config, "--dir", instance.dir)}
    assert told == expected, "a back-test believes rows in the wrong shard"


def push_by_program(alerts, to, known, count):
    """The first `count` batches by push.py of the client examples, of which some are there."""
    lines = "".join(json.dumps(dict(zip(columns, row))) + "\n"
                    for columns in itertools.islice(batches(), count)
                    for row in zip(*columns.values()))
    run = subprocess.run(["/usr/bin/python3", str(TOP / "docs/clients/push.py"), "--to",
                          ",".join(to), "--alerts", alerts, "--source", "ticks", "--client", "c",
                          "--batch", str(BATCH), "--shards", str(SHARDS), "--table", "tick",
                          "--key", ",".join(KEY)],
                         input=lines, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    frames = count - known
    want = f"rows={frames * BATCH} frames={frames} known={known} last={count}\n"
    assert run.stdout == want, run.stdout


def two_collectors(expected):
    """Shards 0 and 2 in the collector of `up`, shard 1 in another with its own file and address,
    which dies half way and comes again."""
    alerts, push, push_too = free_ports(3)
    with Instance(configuration(alerts, push, "0,2/3")) as instance:
        second = instance.dir / "second.yaml"
        second.write_text(configuration(alerts, push_too, "1/3"))
        instance.up()
        child = instance.actor("collector", "second", second)
        wait_for("the second collector", lambda: "ticks.1" in records_of(instance))
        to = [endpoint(push), endpoint(push_too), endpoint(push)]
        push_by_program(endpoint(alerts), to, 0, BATCHES // 2)
        child.kill()
        child.wait()
        instance.actor("collector", "second", second)
        push_by_program(endpoint(alerts), to, BATCHES // 2, BATCHES)
        push_by_program(endpoint(alerts), to, BATCHES, BATCHES)  # everything is there
        assert alerts_of(instance, len(expected)) == expected, "two collectors changed the alerts"
        assert set(records_of(instance)) == {f"ticks.{k}" for k in range(SHARDS)}


def main():
    expected = one_stream()
    three_streams(expected)
    two_collectors(expected)
    print(f"{len(expected)} alerts of {BATCHES * BATCH} rows: the same from one stream, from "
          f"{SHARDS} shards, and from shards on two collectors")


if __name__ == "__main__":
    sys.exit(main())
