"""`replay` reports success when all of it happened and not before: also while a worker that owns half
of the partitions has not spoken to the new telling yet, and when somebody else asks for another at
the same time. It refuses where known alerts are forgotten, unless that is wanted."""

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


def only_what_happened_succeeds(instance):
    """Of two at once either both happen, one after the other, or the second is refused."""
    log = instance.dir / "log/collector.log"
    told = log.read_text().count("told again")
    runs = [ask(instance, "--source", source) for source in ("good", "bad")]
    said = [run.communicate(timeout=60)[1] for run in runs]
    good = [run.returncode == 0 for run in runs]
    assert any(good), said
    assert log.read_text().count("told again") == told + sum(good), said
    assert all(ok or "asked for already" in text for ok, text in zip(good, said)), said
    assert not list((instance.dir / "stage/tw").glob("*/REPLAY")), "a request was left behind"


def leaves_another_request_alone(instance):
    """One that waits for mappings that are not in force yet."""
    file = instance.dir / "stage/tw/collector/REPLAY"
    text = f"replay {'a' * 32} {'b' * 32} 0 *\n"
    file.write_text(text)
    run = ask(instance)
    said = run.communicate(timeout=60)[1]
    assert run.returncode == 1 and "asked for already" in said, said
    assert file.read_text() == text
    file.unlink()


def refuses_when_it_would_tell_twice(instance):
    store, log = instance.redis(), instance.dir / "log/collector.log"
    told = log.read_text().count("told again")
    for first in range(0, 1_000_000, 50_000):
        store.zadd("tw:seen:{tw:alerts}", {f"x{n}": n for n in range(first, first + 50_000)})
    run = ask(instance)
    said = run.communicate(timeout=60)[1]
    assert run.returncode == 1 and "--again" in said, said
    assert log.read_text().count("told again") == told
    run = ask(instance, "--again")
    said = run.communicate(timeout=60)[1]
    assert run.returncode == 0 and "may have come again" in said, said
    assert log.read_text().count("told again") == told + 1


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
        only_what_happened_succeeds(instance)
        leaves_another_request_alone(instance)
        refuses_when_it_would_tell_twice(instance)
        feed.close()
    print("replay: returns when all is through", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
