"""`replay` reports success when all of it happened and not before: also while a worker that owns half
of the partitions has not spoken to the new telling yet."""

import os
import signal
import subprocess
import sys

import kill_test
import replay_test
from harness import PROGRAM, Instance, wait_for
from replay_test import CONFIG, Feed, check_log, mend


def ask(instance, *words):
    return subprocess.Popen([PROGRAM, "replay", "--dir", str(instance.dir), "-c", instance.config,
                             "--from", "2020-01-01T00:00:00Z", *words],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def waits_for_a_worker_that_is_silent(instance):
    """Stopped, it keeps its partitions until its lease ends and somebody else has loaded them."""
    workers = {a["name"]: int(a["pid"]) for a in instance.actors("transform")}
    pid = workers.popitem()[1]
    log = instance.dir / "log/collector.log"
    os.kill(pid, signal.SIGSTOP)
    try:
        run = ask(instance)
        wait_for("the order", lambda: "told again" in log.read_text())
        out, said = run.communicate(timeout=60)
        assert run.returncode == 0, said
        check_log(instance, "when replay returned")
    finally:
        os.kill(pid, signal.SIGCONT)
    print(out.strip(), flush=True)


def main():
    replay_test.PAIRS = 24  # both workers have some
    ports = kill_test.free_ports(2)
    with Instance(CONFIG.format(push=ports[0], alerts=ports[1], bid="/oops")) as instance:
        instance.up("broker,notifier,prep,transform=2,collector")
        feed = Feed(instance, *ports)
        feed.send()
        feed.send()
        mend(instance, ports)
        wait_for("live alerts", lambda: instance.logged_ids())
        waits_for_a_worker_that_is_silent(instance)
        feed.close()
    print("replay: returns when all is through", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
