"""Workers that come and go: one name is one worker, a worker that is told to stop hands over at
once, one that is killed is back at once, and nobody starts on a Redis that forgets."""

import subprocess
import sys
import time

import kill_test
from harness import Instance, wait_for

HAND_OVER_S = 2  # from SIGTERM until the others hold everything, under load


def nobody_trusts_a_redis_that_forgets():
    config = kill_test.configuration(0, *kill_test.free_ports(2))
    with Instance(config.replace("redis: embedded", "redis: unix://DIR/r.sock")) as instance:
        instance.config.write_text(instance.config.read_text().replace("DIR", str(instance.dir)))
        server = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", f"{instance.dir}/r.sock", "--save", "",
             "--appendonly", "no", "--dir", str(instance.dir)], stdout=subprocess.DEVNULL)
        try:
            for role in ("collector", "prep", "transform", "notifier"):
                actor = instance.actor(role, role)
                assert actor.wait(timeout=10) == 1, f"{role} started on a Redis without appendonly"
                log = (instance.dir / f"log/{role}.log").read_text()
                assert "appendonly yes" in log, f"{role} does not say why it ends:\n{log}"
            up = instance.word("up", "-c", instance.config, check=False)
            assert up.returncode == 1 and "appendonly yes" in up.stderr, up
        finally:
            server.kill()
            server.wait()
    print("a Redis that forgets: everybody said so and ended", flush=True)


def held(instance):
    return {a["name"]: int(a["partitions"]) for a in instance.actors("transform")}


def workers_come_and_go():
    push_port, alerts_port = kill_test.free_ports(2)
    with Instance(kill_test.configuration(0, push_port, alerts_port)) as instance:
        instance.up("broker,notifier,prep,collector")
        first = instance.actor("transform", "first")
        second = instance.actor("transform", "second")
        wait_for("two workers to share", lambda: sum(held(instance).values()) == 256
                 and len(held(instance)) == 2 and min(held(instance).values()) > 50)
        market = kill_test.Market(1, 200, 0)
        client = kill_test.Client(market, push_port, alerts_port)
        client.start()
        time.sleep(3)
        twin = twin_replaces(instance, first)
        second_is_killed(instance, second)
        first_hands_over(instance, twin)
        client.finish(30)
        kill_test.judge(instance, market, None, time.time())


def twin_replaces(instance, first):
    """A second process of one name: the earlier ends, and says why; nothing goes to and fro."""
    twin = instance.actor("transform", "first")
    assert first.wait(timeout=10) == 1, f"the earlier twin ended with {first.returncode}"
    instance.children.remove(first)
    assert "started under this name" in (instance.dir / "log/first.log").read_text()
    wait_for("the twin to work", lambda: held(instance).get("first", 0) > 50)
    before = wait_for("it", lambda: [a for a in instance.actors("transform")
                                     if a["name"] == "first"])[0]
    time.sleep(3)
    after = [a for a in instance.actors("transform") if a["name"] == "first"][0]
    assert twin.poll() is None and after["id"] == before["id"]
    assert after["fenced"] == before["fenced"], "two of one name take from each other"
    print("two of one name: the later one works", flush=True)
    return twin


def second_is_killed(instance, second):
    """kill -9: a worker of the same name takes over without waiting for the leases."""
    instance.kill(second)
    begun = time.monotonic()
    child = instance.actor("transform", "second")
    wait_for("it to be back", lambda: any(
        a["name"] == "second" and int(a["partitions"]) > 50 and int(a["pid"]) == child.pid
        for a in instance.actors("transform")))
    took = time.monotonic() - begun
    assert took < 3, f"back only after {took:.1f} s"
    print(f"killed: back after {took:.1f} s", flush=True)


def first_hands_over(instance, twin):
    """SIGTERM under load: exit 0, and the others hold everything at once."""
    begun = time.monotonic()
    instance.stop(twin)
    ended = time.monotonic() - begun
    store = instance.redis()

    def all_taken():
        pipe = store.pipeline()
        for p in range(256):
            pipe.hget(f"tw:m:{{{p % 16}}}:{p}", "owner")
        return all(owner == "second" for owner in pipe.execute())
    wait_for("the other to hold all", all_taken)
    took = time.monotonic() - begun
    assert took < HAND_OVER_S, f"handed over only after {took:.1f} s"
    print(f"SIGTERM: ended after {ended:.2f} s, handed over after {took:.2f} s", flush=True)


def main():
    nobody_trusts_a_redis_that_forgets()
    workers_come_and_go()


if __name__ == "__main__":
    sys.exit(main())
