"""Two instances in two DIRs, and two namespaces in one Redis, do not meet. up, status, down and
the supervisor do what they say."""

import os
import signal
import subprocess
import sys
import tempfile
import time

import redis

from harness import PROGRAM, Instance, Pusher, Subscriber, free_port, free_ports, wait_for

CONFIG = """
namespace: NAMESPACE
redis: REDIS
listen: { alerts: "tcp://127.0.0.1:*" }
sources:
  - name: feed
    url: push://tcp://127.0.0.1:PORT
    table: m
    key: { k: /k }
    time: { at: t, unit: ms }
    columns: { x: x }
rules:
  RULE: { on: m, when: "x > 100", emit: row }
"""


def config(namespace, rule, port, url="embedded"):
    return (CONFIG.replace("NAMESPACE", namespace).replace("RULE", rule)
            .replace("PORT", str(port)).replace("REDIS", url))


def fire(instance, port, series):
    """Push one row that fires; the alerts that its subscriber has then."""
    endpoint = instance.alerts_endpoint()
    subscriber = Subscriber(endpoint)
    pusher = Pusher(f"tcp://127.0.0.1:{port}", endpoint, "feed", client=series)
    pusher.send({"k": [series], "t": [int(time.time() * 1000)], "x": [500]})
    pusher.settle()
    wait_for(f"the alert of {series}", lambda: subscriber.alerts)
    time.sleep(0.3)  # a stray alert of the other instance would come about now
    seen = {(alert["rule"], alert["series"]) for _, alert in subscriber.alerts}
    pusher.close()
    subscriber.close()
    return seen


def two_instances():
    port, second = free_ports(2)
    with Instance(config("tw", "one", port)) as one, Instance(config("tw", "two", second)) as two:
        one.up()
        two.up()
        assert fire(one, port, "a") == {("one", "m:a")}
        assert fire(two, second, "b") == {("two", "m:b")}
        assert len(one.logged_ids()) == len(two.logged_ids()) == 1
        again = one.word("up", "-c", one.config, check=False)
        assert again.returncode == 1 and "already running" in again.stderr, again
        one.word("down")
        assert two.actors("collector"), "stopping one stopped the other"
        gone = one.word("down", check=False)
        assert gone.returncode == 1 and "nothing runs" in gone.stderr, gone
    print("two instances in two DIRs do not meet")


def two_namespaces():
    port, second = free_ports(2)
    home = tempfile.mkdtemp(prefix="tw-", dir="/tmp")
    url = f"unix://{home}/r.sock"
    server = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", f"{home}/r.sock",
                               "--appendonly", "yes", "--appendfsync", "always", "--dir", home,
                               "--save", ""], stdout=subprocess.DEVNULL)
    try:
        with Instance(config("first", "one", port, url)) as one, \
                Instance(config("second", "two", second, url)) as two:
            one.up()
            two.up()
            assert fire(one, port, "a") == {("one", "m:a")}
            assert fire(two, second, "b") == {("two", "m:b")}
            database = redis.Redis(unix_socket_path=f"{home}/r.sock", decode_responses=True)
            # first:seen:{first:alerts} shares the slot of first:alerts in a cluster.
            strays = [k for k in database.keys("*")
                      if not k.removeprefix("{").startswith(("first:", "second:"))]
            assert not strays, strays
            for namespace in ("first", "second"):
                kinds = [fields["kind"] for _, fields in database.xrange(f"{namespace}:alerts")]
                assert kinds == ["alert", "firing"], (namespace, kinds)
            assert database.hget("first:status:one", "state") == "ok"
            assert not database.exists("first:status:two") and not database.exists("second:status:one")
    finally:
        server.terminate()
        server.wait()
    print("two namespaces in one Redis do not meet")


def supervisor(port):
    """A killed actor comes back; a killed supervisor takes its actors along."""
    with Instance(config("tw", "one", port)) as instance:
        instance.up()
        for role in ("prep", "transform", "notifier", "broker", "collector"):
            pid = int(instance.actors(role)[0]["pid"])
            os.kill(pid, signal.SIGKILL)
            wait_for(f"another {role}", lambda: [
                a for a in instance.actors(role) if int(a["pid"]) != pid])
        assert fire(instance, port, "a") == {("one", "m:a")}
        pids = [int(a["pid"]) for a in instance.status()["actors"]]
        os.kill(int((instance.dir / "supervisor.pid").read_text()), signal.SIGKILL)

        def gone(pid):
            try:
                with open(f"/proc/{pid}/stat") as stat:
                    return stat.read().rsplit(")", 1)[1].split()[0] == "Z"
            except FileNotFoundError:
                return True
        wait_for("actors to end with their supervisor", lambda: all(map(gone, pids)))
        instance.up()  # and everything starts again in the same DIR
        assert fire(instance, port, "c") >= {("one", "m:c")}
    print("killed actors come back, a killed supervisor leaves nothing behind")


def main():
    two_instances()
    two_namespaces()
    supervisor(free_port())


if __name__ == "__main__":
    sys.exit(main())
