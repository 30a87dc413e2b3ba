"""Subscriptions that the notifier knows by itself: nobody is lost or told in vain while they change,
whatever changes them, and many of them cost little memory.

The oracle is a log of changes: each alert has to find those who were members from a second before it
was pushed until it was logged, and nobody who was none in all that time.
"""

import pathlib
import random
import sys
import threading
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/bench"))

from harness import Instance, Pusher, Subscriber, free_port, wait_for
from subscribers import CONFIG, Rows, notifier, subscribers

ALERTS, PEOPLE = 120, 300
MARGIN_S = 1.0  # within which a change may or may not have come into effect

RSS_MIB = 100  # of the notifier with as many as below
MANY, OF_SERIES = 50_000, 5_000


class Changes(threading.Thread):
    """People who come and go, as sets of rule and series, at random; their times are remembered."""

    def __init__(self, store):
        super().__init__(daemon=True)
        self.store, self.stopping, self.rng = store, False, random.Random(5)
        self.spans = {}  # (key, name) -> [[since, until], ...]; since: before the command was sent

    def change(self, key, name):
        spans = self.spans.setdefault((key, name), [])
        begun = time.monotonic()
        if spans and spans[-1][1] is None:
            self.store.srem(key, name)
            spans[-1][1] = (begun, time.monotonic())
        else:
            self.store.sadd(key, name)
            spans.append([(begun, time.monotonic()), None])

    def run(self):
        while not self.stopping:
            key = self.rng.choice(["tw:subs:fan", "tw:subs:fan:trade:fan-even", "tw:subs:other"])
            self.change(key, f"p{self.rng.randrange(PEOPLE):03d}")
            time.sleep(0.002)

    def certain(self, keys, since, until):
        """Members of one of these sets in all of that time."""
        return {name for (key, name), spans in list(self.spans.items()) if key in keys
                for begun, ended in spans if begun[1] <= since and (not ended or ended[0] >= until)}

    def possible(self, keys, since, until):
        return {name for (key, name), spans in list(self.spans.items()) if key in keys
                for begun, ended in spans if begun[0] <= until and (not ended or ended[1] >= since)}


def told(store, alert):
    return set(store.hkeys(f"tw:delivery:{alert}"))


def fire(rows, subscriber, pair):
    """Push a row of a series that had none; when that was, the entry that fires, when it was heard."""
    seen, start = len(subscriber.entries), time.monotonic()
    rows.push(pair)
    found = wait_for("the alert", lambda: [e for _, e in list(subscriber.entries)[seen:]
                                           if e["kind"] == "firing" and e["rule"] == "fan"])
    return start, found[0], time.monotonic()


def nobody_is_lost(store, rows, subscriber):
    changes = Changes(store)
    changes.start()
    time.sleep(2)
    alerts = []
    for i in range(ALERTS):
        alerts.append(fire(rows, subscriber, f"fan{i}"))
        time.sleep(0.02)
    wait_for("all to be logged", lambda: store.hget("tw:status:fan", "alerts") == str(ALERTS))
    time.sleep(MARGIN_S)
    changes.stopping = True
    changes.join()
    for start, alert, heard in alerts:
        keys = {"tw:subs:fan", f"tw:subs:fan:{alert['series']}"}
        found = told(store, alert["id"])
        lost = changes.certain(keys, start - MARGIN_S, heard + MARGIN_S) - found
        vain = found - changes.possible(keys, start - MARGIN_S, heard + MARGIN_S)
        assert not lost, f"{alert['series']}: subscribed and not told: {lost}"
        assert not vain, f"{alert['series']}: told and not subscribed: {vain}"
    return sum(len(told(store, alert["id"])) for _, alert, _ in alerts)


def told_of(store, rows, subscriber, pair):
    _, alert, _ = fire(rows, subscriber, pair)
    return wait_for("the deliveries", lambda: told(store, alert["id"]))


def asked(instance):
    return int(notifier(instance)["subscriptions_asked"])


def all_that_changes_a_set(store, rows, subscriber):
    """Other ways than SADD and SREM; each is seen by the next alert, as it was made before that."""
    store.delete("tw:subs:fan")
    store.sadd("tw:subs:fan", "eve")
    assert told_of(store, rows, subscriber, "fan-x1") == {"eve"}
    store.sadd("tw:subs:aside", "adam")
    store.rename("tw:subs:aside", "tw:subs:fan")
    assert told_of(store, rows, subscriber, "fan-x2") == {"adam"}
    store.sadd("tw:subs:fan:trade:fan-x3", "series")
    store.sunionstore("tw:subs:fan", ["tw:subs:fan", "tw:subs:fan:trade:fan-x3"])
    store.sadd("tw:subs:fan", "bob")
    assert told_of(store, rows, subscriber, "fan-x3") == {"adam", "bob", "series"}
    store.sadd("tw:subs:fan:trade:fan-x4", "series")
    store.set("tw:subs:fan", "no set")
    assert told_of(store, rows, subscriber, "fan-x4") == {"series"}
    store.delete("tw:subs:fan")
    store.sadd("tw:subs:fan", "cain")
    store.sadd("tw:subs:fan:trade:fan-x5", "series")
    store.pexpire("tw:subs:fan:trade:fan-x5", 1)
    time.sleep(0.01)
    assert told_of(store, rows, subscriber, "fan-x5") == {"cain"}


def notifications_switched_off(store, rows, subscriber):
    """The notifier finds out with its next connection, reads all again, and switches them on."""
    store.config_set("notify-keyspace-events", "")
    store.sadd("tw:subs:fan", "late")
    for client in store.client_list(_type="pubsub"):
        store.client_kill_filter(_id=client["id"])
    assert told_of(store, rows, subscriber, "fan-y1") == {"cain", "late"}


def main():
    port = free_port()
    with Instance(CONFIG.format(port=port)) as instance:
        instance.up()
        store = instance.redis()
        subscriber = Subscriber(instance.alerts_endpoint())
        rows = Rows(Pusher(f"tcp://127.0.0.1:{port}", instance.alerts_endpoint(), "trades"))
        wait_for("the notifier to know all",
                 lambda: notifier(instance).get("subscribers_from") == "memory")
        count = nobody_is_lost(store, rows, subscriber)
        assert count > ALERTS * PEOPLE / 5, f"only {count} were told: this shows nothing"
        all_that_changes_a_set(store, rows, subscriber)
        notifications_switched_off(store, rows, subscriber)
        subscriber.close()
        print(f"told={count} asked={asked(instance)}", flush=True)
    got = subscribers(MANY, OF_SERIES)
    print(got, flush=True)
    assert got["rss_mib"] < RSS_MIB
    assert got["asked"] == 0, "Redis was asked who subscribes"


if __name__ == "__main__":
    main()
