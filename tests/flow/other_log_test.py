"""A stage that was lost, moved or put back while Redis was kept: the positions in Redis are of
another log. The new log is told from its beginning, and it is said."""

import random
import shutil
import sys
import time

from harness import Instance, Pusher, backtest, wait_for

CONFIG = """
listen: { alerts: "tcp://127.0.0.1:*", http: "127.0.0.1:*" }
sources:
  - name: candles
    url: push://tcp://127.0.0.1:PORT
    table: candle
    key: { pair: pair }
    time: { at: t, unit: ms }
    columns: { volume: v }
rules:
  odd: { on: candle, when: "volume > 2 * avg(volume) OVER rows_5", min_rows: 5 }
"""
START_MS = 1_700_000_000_000
FRAME_ROWS = 10


def push(instance, port, client, first, frames):
    pusher = Pusher(f"tcp://127.0.0.1:{port}", instance.alerts_endpoint(), "candles", client=client)
    for frame in range(frames):
        rows = range(first + frame * FRAME_ROWS, first + (frame + 1) * FRAME_ROWS)
        pusher.send({"pair": ["p"] * FRAME_ROWS, "t": [START_MS + row * 1000 for row in rows],
                     "v": [9.0 if row % 17 == 0 else 1.0 for row in rows]})
    pusher.settle()
    pusher.close()


def settled(instance):
    """Every alert that the stage implies is in the log."""
    implied = {alert["id"] for alert in backtest(instance.config, "--dir", str(instance.dir))}
    wait_for(f"{len(implied)} alerts", lambda: implied <= set(instance.logged_ids()), 20)
    logged = instance.logged_ids()
    assert len(logged) == len(set(logged)), "an alert was logged twice"
    return len(implied)


def main():
    port = random.randrange(20000, 30000)
    with Instance(CONFIG.replace("PORT", str(port))) as instance:
        instance.up()
        push(instance, port, "one", 0, 60)
        count = settled(instance)
        instance.word("down")
        shutil.copytree(instance.dir / "stage", instance.dir / "kept")

        # Lost: the new log begins at record 1, far below the positions in Redis.
        shutil.rmtree(instance.dir / "stage")
        instance.up()
        push(instance, port, "two", 1000, 20)
        new = settled(instance)
        log = (instance.dir / "log/collector.log").read_text()
        assert "Redis holds positions of another log of this stream" in log, log
        instance.word("down")

        # Put back: a third log, whose positions are others again.
        shutil.rmtree(instance.dir / "stage")
        shutil.move(instance.dir / "kept", instance.dir / "stage")
        instance.up()
        push(instance, port, "three", 2000, 20)
        both = settled(instance)
        instance.word("down")

        # The same log once more: nothing is told again.
        told = (instance.dir / "log/collector.log").read_text().count("is told again")
        instance.up()
        push(instance, port, "four", 3000, 2)
        settled(instance)
        time.sleep(0.5)
        now = (instance.dir / "log/collector.log").read_text().count("is told again")
        assert now == told == 2, (told, now)
        print(f"{count}, {new} and {both} alerts of three logs, each once")


if __name__ == "__main__":
    sys.exit(main())
