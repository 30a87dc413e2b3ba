"""`status` says whether Tidewire is well: in the first line, and by --health with an exit code.

A transform is killed and missed, and well again when there is another; so is Redis.
"""

import json
import os
import re
import signal
import sys
import time

from harness import Instance, Pusher, free_port, wait_for

CONFIG = """
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
  burst: { on: trade, when: "volume > 3", emit: row, min_rows: 1 }
"""


def health(instance, *words):
    """(exit code, first line) of `status`."""
    run = instance.word("status", *words, check=False)
    return run.returncode, run.stdout.split("\n")[0]


def await_ill(instance, reason):
    def ill():
        code, line = health(instance, "--health")
        return code == 1 and line.startswith("ILL: ") and reason in line and line
    line = wait_for(f"status to say: {reason}", ill, 60)
    assert health(instance, "-c", instance.config)[1].startswith("ILL: ")
    return line


def await_well(instance):
    def well():
        code, line = health(instance, "--health")
        return code == 0 and line.startswith("well: ") and line
    return wait_for("status to say that all is well", well, 90)


def skewed(instance):
    """An actor on a host whose clock is wrong: here one that says so itself."""
    database = instance.redis()
    libraries = str(database.execute_command("FUNCTION", "LIST"))
    beat = re.search(r"'(tw\w*_beat)'", libraries)[1]
    actors = "tw:{actors}"
    for wrong_s, words in ((3600, "3600.0 s ahead of"), (-60, "60.0 s behind")):
        clock_ms = int((time.time() + wrong_s) * 1000)
        database.fcall(beat, 2, actors, actors + ":prep:far", "prep:far", 5000, clock_ms,
                       "pid", "1")
        line = await_ill(instance, "the clock of")
        assert words in line.replace("3599.9", "3600.0").replace("59.9", "60.0"), line
    await_well(instance)


def spare():
    """More workers than can own partitions: who is beyond says so, and takes a place that is free."""
    with Instance(CONFIG.replace("PORT", str(free_port()))) as instance:
        instance.up()
        database = instance.redis()

        def told():
            return instance.actors("transform")[-1]
        wait_for("the worker to own everything", lambda: told()["partitions"] == 256)
        assert told()["spare"] == 0
        others = [f"transform:a{i:02}" for i in range(64)]  # before ours, by name
        for other in others:
            database.hset(f"tw:{{actors}}:{other}", mapping={"id": other})
        database.zadd("tw:{actors}", {o: int(time.time() * 1000) + 600_000 for o in others})
        wait_for("the worker to own nothing and say so",
                 lambda: told()["spare"] == 1 and told()["partitions"] == 0)
        assert re.search(r"^! transform transform-1\S*: spare 1$", instance.word("status").stdout, re.M)
        database.zrem("tw:{actors}", others[0])
        wait_for("it to own its part", lambda: told()["spare"] == 0 and told()["partitions"] > 0)
        log = next((instance.dir / "log").glob("transform*.log")).read_text()
        assert log.count("this worker owns nothing") == 1, log
    print("the 65th worker says that it owns nothing, and takes the next place")


def main():
    spare()
    port = free_port()
    with Instance(CONFIG.replace("PORT", str(port))) as instance:
        # What is killed here is not started again by a supervisor.
        instance.up("collector,prep,notifier,broker")
        line = await_ill(instance, "no transform runs")
        assert "256 of 256 partitions have no owner" in line, line
        worker = instance.actor("transform", "t1")
        await_well(instance)
        status = instance.status()
        assert status["well"] is True and status["health"].startswith("well: ")
        assert status["partitions"] == {"t1": 256}, status["partitions"]
        assert all(abs(int(actor["skew_ms"])) < 2000 for actor in status["actors"]), status
        skewed(instance)

        pusher = Pusher(f"tcp://127.0.0.1:{port}", instance.alerts_endpoint(), "trades")
        pusher.send(raw=json.dumps([{"pair": "a", "ts": 1_700_000_000_000 + i, "volume": i}
                                    for i in range(10)]).encode())
        pusher.settle()
        # six, and the incident that begins with the first
        told = wait_for("the alerts to be told", lambda: [a for a in instance.actors("notifier")
                                                         if a["published"] == 7])
        assert told[0]["published_s"] >= 0 and told[0]["lag"] == 0
        worker_says = wait_for("the worker to have said so", lambda: [
            a for a in instance.actors("transform") if a["rows"] == 10])[0]
        assert worker_says["rows_s"] >= 0
        assert 0 <= worker_says["checkpoint_ms"] < 600_000, worker_says
        wait_for("no lag", lambda: instance.actors("transform")[0]["behind"] == 0 and
                 instance.actors("collector")[0]["lag_s"] <= 30)

        instance.kill(worker)
        line = await_ill(instance, "no transform runs")
        print(line)
        # Nobody works: what is staged waits, and that grows.
        line = await_ill(instance, "wait to be worked on")
        print(line)
        collector = instance.actors("collector")[0]
        assert collector["lag"] > 0 and collector["lag_s"] > 30, collector
        instance.actor("transform", "t2")
        await_well(instance)
        assert instance.status()["partitions"] == {"t2": 256}

        redis = int(instance.redis().info("server")["process_id"])
        os.kill(redis, signal.SIGSTOP)
        try:
            code, line = health(instance, "--health")
            assert code == 1 and line.startswith("ILL: Redis"), (code, line)
            print(line)
        finally:
            os.kill(redis, signal.SIGCONT)
        await_well(instance)
    print("well, ill and well again: a transform and Redis were missed and came back")


if __name__ == "__main__":
    sys.exit(main())
