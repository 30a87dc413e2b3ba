"""Series that no row comes for, in the real pipeline: told once at a tick of the log, through a crash
of the worker, and again when rows are back; not because the collector was away; `explain` agrees, and
`backtest` and `rule try` over what was staged."""

import os
import re
import signal
import sys
import time

from harness import Instance, Pusher, alert_log, backtest, free_ports, wait_for

CONFIG = """
namespace: tw
redis: embedded
listen: { alerts: "tcp://127.0.0.1:*" }
sources:
  - name: feed
    url: push://tcp://127.0.0.1:PORT
    table: trade
    key: { pair: /k }
    time: { at: t, unit: ms }
    columns: { price: p }
rules:
  dear: { on: trade, when: "price > 100", nodata: NODATA }
"""

NODATA = "6s"  # long beside the second between the rows of who is alive, on a busy machine, too
START_MS = 1_700_000_000_000


def push(pusher, second, pair, price):
    pusher.send({"k": [pair], "t": [START_MS + 1000 * second], "p": [price]})


def told(database, series, kind, count):
    found = wait_for(f"{kind} of {series}", lambda: (
        got if len(got := alert_log(database, {kind}, series)) >= count else None))
    assert len(found) == count, found
    return found[-1]


def told_again(instance, told):
    """A back-test reads the ticks, and says the same under the same ids, and nothing else."""
    again = {a["id"]: a for a in backtest(instance.config, "--dir", str(instance.dir))}
    for entry in told:
        same = again[entry["id"]]
        assert same["kind"] == entry["kind"] and same["series"] == entry["series"], (same, entry)
        assert same["ts"] == int(entry["ts"]), (same, entry)
    gone, back = (again[entry["id"]] for entry in told)
    assert back["opened"] == gone["id"] and back["since"] == gone["since"], (gone, back)
    assert {a.get("kind", "alert") for a in again.values()} == {"alert", "nodata", "data"}, again
    wait_for("what the back-test says",
             lambda: set(again) <= set(instance.logged_ids(kinds=None)))
    text = instance.word("rule", "try", "on", "trade", "when", "price > 100", "nodata", NODATA).stdout
    assert int(re.search(r"(\d+) times no row came for too long", text)[1]) >= 1, text


def keep_alive(pusher, seconds, first):
    for second in range(seconds):
        push(pusher, first + second, "alive", 1)
        time.sleep(1)


def main():
    (port,) = free_ports(1)
    with Instance(CONFIG.replace("PORT", str(port)).replace("NODATA", NODATA)) as instance:
        instance.up()
        database = instance.redis()
        pusher = Pusher(f"tcp://127.0.0.1:{port}", instance.alerts_endpoint(), "feed")
        push(pusher, 0, "quiet", 500)
        keep_alive(pusher, 9, 0)
        gone = told(database, "trade:quiet", "nodata", 1)
        assert int(gone["ts"]) == START_MS * 1000, gone
        instance.agrees(gone)
        os.kill(int(instance.actors("transform")[0]["pid"]), signal.SIGKILL)
        keep_alive(pusher, 5, 9)
        push(pusher, 20, "quiet", 501)
        back = told(database, "trade:quiet", "data", 1)
        assert gone["id"] in back["body"], back
        instance.agrees(back)
        assert len(alert_log(database, {"nodata"}, "trade:quiet")) == 1  # once, whoever has died
        assert not alert_log(database, {"resolved"}, "trade:quiet")      # silence ends no incident
        assert len(alert_log(database, {"firing"}, "trade:quiet")) == 1
        assert not alert_log(database, {"nodata"}, "trade:alive")
        told_again(instance, [gone, back])
        pusher.close()
        print("a silence is told once, and its end; a back-test says the same")


if __name__ == "__main__":
    sys.exit(main())
