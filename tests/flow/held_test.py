"""Redis is lost, or comes back older, while the log has been trimmed: the copy beside the stage is
put back, and nothing is lost and nothing comes twice.

Segments are removed here by hand, below what both copies have, while the collector is down: so the
test says what a copy promises, whoever trims.
"""

import collections
import re
import shutil
import sys
import time

from harness import Instance, Pusher, Subscriber, backtest, free_port, wait_for

CONFIG = """
listen: { alerts: "tcp://127.0.0.1:*" }
stage_seal: 1s
stage_keep: 36500d
copy_every: 1s
sources:
  - name: candles
    url: push://tcp://127.0.0.1:PORT
    table: candle
    key: { pair: pair }
    time: { at: t, unit: ms }
    columns: { volume: v }
rules:
  odd: { on: candle, when: "volume > 2 * avg(volume) OVER rows_50", min_rows: 5 }
  hour: { on: candle, when: "volume > 2 * avg(volume) OVER last_1h", min_rows: 3 }
"""
START_MS = 1_700_000_000_000
SERIES = 40
ROWS = 4  # of a series, in one frame


class Feed:
    """Frames of every series; what was pushed is remembered as a file that a back-test reads."""

    def __init__(self, instance, port):
        self.instance, self.port, self.clients, self.row = instance, port, 0, 0
        self.lines = []

    def push(self, frames):
        self.clients += 1
        pusher = Pusher(f"tcp://127.0.0.1:{self.port}", self.instance.alerts_endpoint(), "candles",
                        client=f"c{self.clients}")
        for _ in range(frames):
            pairs, times, volumes = [], [], []
            for series in range(SERIES):
                for row in range(self.row, self.row + ROWS):
                    pairs.append(f"p{series}")
                    times.append(START_MS + row * 1000)
                    volumes.append(9.0 if (row * 7 + series) % 23 == 0 else 1.0)
            self.row += ROWS
            pusher.send({"pair": pairs, "t": times, "v": volumes})
            self.lines += zip(pairs, times, volumes)
        pusher.settle(60)
        pusher.close()

    def implied(self):
        """Ids of all alerts that what was pushed implies, of a log from which nothing is missing."""
        folder = self.instance.dir / "whole"
        folder.mkdir(exist_ok=True)
        with open(folder / "rows.csv", "w") as rows:
            rows.write("pair,t,v\n")
            rows.writelines(f"{pair},{at},{volume}\n" for pair, at, volume in self.lines)
        config = folder / "config.yaml"
        text = re.sub(r"url: \S+", f"url: file://{folder}/rows.csv\n    format: csv",
                      self.instance.config.read_text())
        config.write_text(text)
        return {alert["id"]: alert for alert in backtest(config, "--dir", str(folder))}


def note(instance):
    """Up to which record the copies of the collector have all partitions."""
    text = instance.redis().hget("tw:{held}", "collector") or ""
    found = re.search(r" collector(?:~\d+)?=(\d+)", text)
    return int(found.group(1)) if found else 0


def segments(instance):
    return sorted(int(path.stem) for path in (instance.dir / "stage/tw/collector").glob("*.seg"))


def newest(instance):
    return max(int(c["last_seq"]) for c in instance.actors("collector"))


def hold(instance):
    """Both copies have all that is in the log now."""
    last = newest(instance)
    wait_for(f"copies of record {last}", lambda: note(instance) >= last, 60)


def trim(instance, floor):
    """The collector is down: remove every segment that both copies have."""
    firsts = segments(instance)
    folder = instance.dir / "stage/tw/collector"
    gone = [first for first, after in zip(firsts, firsts[1:]) if after - 1 <= floor]
    assert gone, (floor, firsts)
    for first in gone:
        for path in folder.glob(f"{first:020d}.*"):
            path.unlink()
    assert segments(instance)[0] > 1
    return segments(instance)[0]


def positions(instance):
    database = instance.redis()
    found = []
    for p in range(256):
        fields = database.hgetall(f"tw:m:{{{p % 16}}}:{p}")
        found.append(max([int(v) for k, v in fields.items() if k.startswith("off:")], default=0))
    return found


def settled(instance, feed, subscriber):
    """Every alert that was implied was published, under one id, and the log has none twice."""
    implied = feed.implied()
    try:
        wait_for(f"{len(implied)} alerts", lambda: set(implied) <= subscriber.ids(), 60)
    except AssertionError:
        missing = set(implied) - subscriber.ids()
        print(f"{len(missing)} of {len(implied)} missing; positions {sorted(set(positions(instance)))[:9]}")
        raise
    extra = subscriber.ids() - set(implied)
    assert not extra, f"{len(extra)} alerts that nothing implies"
    logged = instance.logged_ids()
    assert len(logged) == len(set(logged)), "an alert was logged twice"
    places = collections.defaultdict(set)
    for topic, alert in subscriber.entries:
        places[topic, alert["seq"]].add(alert["id"])
    assert all(len(ids) == 1 for ids in places.values()), "one number, two alerts"
    return implied


def windows_equal(instance, feed, subscriber):
    """What is judged next depends on the windows alone: they are those of an undisturbed run."""
    feed.push(10)
    return settled(instance, feed, subscriber)


def emptied(port):
    with Instance(CONFIG.replace("PORT", str(port))) as instance:
        instance.up()
        database = instance.redis()
        subscriber = Subscriber(instance.alerts_endpoint())
        feed = Feed(instance, port)
        database.hset("tw:subscriber:alice", mapping={"webhook": "http://127.0.0.1:1/", "email": "a"})
        database.sadd("tw:subs:nothing", "alice")
        feed.push(30)
        time.sleep(1.2)  # a segment more
        feed.push(5)
        time.sleep(1.2)
        settled(instance, feed, subscriber)
        hold(instance)
        floor = note(instance)
        feed.push(5)  # beyond the copy
        logged = len(instance.logged_ids())
        subscriber.close()
        instance.word("down")
        first = trim(instance, floor)
        # Redis comes back with nothing at all.
        shutil.rmtree(instance.dir / "redis")
        instance.up()
        subscriber_again = Subscriber(instance.alerts_endpoint())
        subscriber_again.alerts += subscriber.alerts
        log = instance.dir / "log/collector.log"
        wait_for("the copy to be put back",
                 lambda: "Redis was empty: filled from the copy" in log.read_text())
        wait_for("all partitions", lambda: min(positions(instance)) >= first - 1)
        assert database.hget("tw:subscriber:alice", "email") == "a"
        assert database.smembers("tw:subs:nothing") == {"alice"}
        windows_equal(instance, feed, subscriber_again)
        assert len(instance.logged_ids()) >= logged, "the alert log came back shorter"

        # Once more, while everything runs.
        database.flushall()
        feed.push(10)
        count = len(windows_equal(instance, feed, subscriber_again))
        assert database.hget("tw:subscriber:alice", "email") == "a"
        subscriber_again.close()
        print(f"emptied twice, log from record {first}: {count} alerts, each under one id")


def older(port):
    with Instance(CONFIG.replace("PORT", str(port))) as instance:
        instance.up()
        subscriber = Subscriber(instance.alerts_endpoint())
        feed = Feed(instance, port)
        feed.push(10)
        settled(instance, feed, subscriber)
        subscriber.close()
        instance.word("down")
        shutil.copytree(instance.dir / "redis", instance.dir / "kept")
        instance.up()
        subscriber_again = Subscriber(instance.alerts_endpoint())
        subscriber_again.alerts += subscriber.alerts
        feed.push(20)
        time.sleep(1.2)
        feed.push(5)
        time.sleep(1.2)
        settled(instance, feed, subscriber_again)
        hold(instance)
        floor = note(instance)
        feed.push(3)
        subscriber_again.close()
        instance.word("down")
        first = trim(instance, floor)
        shutil.rmtree(instance.dir / "redis")
        shutil.move(instance.dir / "kept", instance.dir / "redis")
        instance.up()
        last = Subscriber(instance.alerts_endpoint())
        last.alerts += subscriber_again.alerts
        log = instance.dir / "log/collector.log"
        wait_for("partitions to be put back",
                 lambda: "Redis held less than the log" in log.read_text())
        implied = windows_equal(instance, feed, last)
        # The alert log has no hole either: what that Redis did not know of came with the copy.
        wait_for("the alert log", lambda: set(implied) <= set(instance.logged_ids()))
        # A partition that somebody removes comes from the copy, too.
        hold(instance)
        database = instance.redis()
        restored = log.read_text().count("partitions put back")
        database.delete("tw:m:{5}:37", "tw:j:{5}:37", "tw:b:{5}:37")
        wait_for("partition 37", lambda: log.read_text().count("partitions put back") > restored)
        count = len(windows_equal(instance, feed, last))
        last.close()
        print(f"older Redis, log from record {first}: {count} alerts, each under one id")


def main():
    emptied(free_port())
    older(free_port())


if __name__ == "__main__":
    sys.exit(main())
