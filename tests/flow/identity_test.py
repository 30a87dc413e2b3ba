"""Who is who. A stage that was lost, moved or put back while Redis was kept: positions are of
another log. The new log is told from its beginning, and it is said. And two collectors of one
stream: one leaves."""

import os
import shutil
import signal
import sys
import time

from harness import Instance, Pusher, backtest, free_port, wait_for

CONFIG = """
listen: { alerts: "tcp://127.0.0.1:*" }
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
    wait_for(f"{len(implied)} alerts", lambda: implied <= set(instance.logged_ids()))
    logged = instance.logged_ids()
    assert len(logged) == len(set(logged)), "an alert was logged twice"
    return len(implied)


def ahead_of_time(instance):
    """Let what Redis holds have been told an hour from now; no collector or worker runs."""
    instance.up("prep")
    database = instance.redis()
    mark, edition = database.hget("tw:{logs}", "collector").split()
    later = int(edition) + 3_600_000_000
    assert int(edition) > 0
    database.hset("tw:{logs}", "collector", f"{mark} {later}")
    for key in database.scan_iter("tw:m:*"):
        position = database.hget(key, f"off:collector~{edition}")
        if position:
            database.hdel(key, f"off:collector~{edition}")
            database.hset(key, f"off:collector~{later}", position)
    instance.word("down")


def leaves(instance, child, name):
    """It sees the other one, waits for it to go, and leaves."""
    assert child.wait(timeout=30) == 1, f"exit {child.returncode}"
    instance.children.remove(child)
    log = (instance.dir / f"log/{name}.log").read_text()
    assert "another collector stages these streams or sources" in log, log


def rivals(port):
    """A second collector of the same streams or sources, here or elsewhere, leaves by itself."""
    config = CONFIG.replace("PORT", str(port))
    with Instance(config) as one:
        one.up()
        push(one, port, "one", 0, 10)
        # Elsewhere: a stage of its own, so that no lock on a file is in the way.
        other = (config.replace(f":{port}", f":{free_port()}")
                 + f"\nredis: unix://{one.dir}/redis.sock\n")
        with Instance(other) as two:
            leaves(two, two.actor("collector", "collector"), "collector")
            leaves(two, two.actor("collector", "another-name"), "another-name")
        push(one, port, "one-more", 1000, 10)
        settled(one)
        # One that was killed holds up its successor no longer than its death takes.
        pid = int(one.actors("collector")[0]["pid"])
        os.kill(pid, signal.SIGKILL)
        wait_for("the next collector", lambda: any(
            int(c["pid"]) != pid for c in one.actors("collector")), 4)
        push(one, port, "two", 2000, 10)
        settled(one)
    print("rivals leave")


def forgotten(port):
    """Redis loses everything: what people wrote of rules comes back, as it was."""
    with Instance(CONFIG.replace("PORT", str(port))) as instance:
        instance.up()
        database = instance.redis()
        mine = {"on": "candle", "when": "volume > 5", "note": "mine", "severity": "critical",
                "cooldown": "90s"}
        database.hset("tw:rule:mine", mapping=mine)
        database.hset("tw:rule:gone", mapping=mine)
        wait_for("both rules", lambda: database.hget("tw:status:gone", "state") == "ok")
        database.delete("tw:rule:gone")
        wait_for("one rule", lambda: not database.exists("tw:status:gone"))
        push(instance, port, "one", 0, 10)
        settled_with_redis(instance)
        log = instance.dir / "log/collector.log"
        # A stream more is no loss.
        text = instance.config.read_text()
        instance.config.write_text(text.replace("sources:\n", f"""sources:
  - name: more
    url: push://tcp://127.0.0.1:{free_port()}
    stream: side
    table: other
    key: {{ pair: pair }}
    time: {{ at: t, unit: ms }}
    columns: {{ volume: v }}
"""))
        os.kill(int((instance.dir / "supervisor.pid").read_text()), signal.SIGHUP)
        wait_for("its mark", lambda: database.hget("tw:{logs}", "side"))
        assert "Redis has lost what it held" not in log.read_text()
        assert not database.exists("tw:rule:gone")
        plans = log.read_text().count("plan in force")
        database.flushall()
        wait_for("the rule to come back", lambda: database.exists("tw:rule:mine"))
        back = database.hgetall("tw:rule:mine")
        assert {name: back[name] for name in ("on", "when", "note", "severity")} == {
            name: mine[name] for name in ("on", "when", "note", "severity")}, back
        assert back["cooldown"] == "90000000us" and back["enabled"] == "1", back
        wait_for("its status", lambda: database.hget("tw:status:mine", "state") == "ok")
        assert not database.exists("tw:rule:gone") and not database.exists("tw:rule:odd")
        assert "Redis has lost what it held" in log.read_text()
        assert log.read_text().count("plan in force") == plans, "the plan was another meanwhile"
        push(instance, port, "two", 1000, 10)
        settled_with_redis(instance)
    print("a Redis that forgets gets its rules back")


def settled_with_redis(instance):
    """As settled, where rules in Redis give alerts that a back-test of the file does not know."""
    implied = {alert["id"] for alert in backtest(instance.config, "--dir", str(instance.dir))}
    wait_for(f"{len(implied)} alerts", lambda: implied <= set(instance.logged_ids()))
    rules = {fields["rule"] for _, fields in instance.redis().xrange("tw:alerts")}
    assert rules == {"odd", "mine"}, rules


def main():
    forgotten(free_port())
    rivals(free_port())
    port = free_port()
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

        # Put back: a third log, whose positions are others again; those in Redis are of a clock
        # that was an hour ahead.
        ahead_of_time(instance)
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
