"""With keys: nobody comes in at any socket without one, or with one of another role; a subscriber
and a feed of another language do with theirs; a key that is revoked is out within two seconds, and
one that is replaced never is."""

import os
import pathlib
import subprocess
import tempfile
import time

import msgpack
import zmq
import zmq.auth

from harness import PROGRAM, Instance, Pusher, Subscriber, connect, free_port, wait_for

CONFIG = """
keys: keys
listen: { alerts: "tcp://127.0.0.1:*", http: "127.0.0.1:*" }
sources:
  - name: feed
    url: push://tcp://127.0.0.1:PORT
    table: m
    key: { k: /k }
    time: { at: t, unit: ms }
    columns: { x: x }
    identity: none
rules:
  high: { on: m, when: "x > 100", emit: row }
"""
SILENCE_S = 1.0
ROLES = ["collector", "prep", "transform", "notifier", "broker", "feed", "subscriber"]
# The sockets in the registry: whose, in which field, who may come in, and the type of ZeroMQ with
# which one connects there.
DOORS = [("collector", "raw", {"prep"}, zmq.PULL), ("collector", "ack", {"transform"}, zmq.PUSH),
         ("transform", "endpoint", {"prep"}, zmq.PUSH),
         ("broker", "in", {"collector", "transform", "notifier"}, zmq.PUB),
         ("broker", "alerts", {"subscriber", "feed"}, zmq.SUB)]


class Keys:
    def __init__(self, instance):
        self.instance = instance
        self.folder = instance.dir / "keys"

    def word(self, *words):
        return self.instance.bare("keys", *words, "--keys", str(self.folder))

    def pair(self, name):
        return zmq.auth.load_certificate(self.folder / "secret" / f"{name}.key_secret")


def lock(socket, endpoint, pair):
    """Connect as a stranger's library does: the address, and its key behind `#`."""
    socket.linger = 0
    if socket.type == zmq.SUB:
        socket.subscribe(b"")
    connect(socket, endpoint, pair)
    return socket


def handshake(endpoint, kind, pair, seconds):
    """Does libzmq's handshake succeed? None: nothing is heard of it."""
    socket = zmq.Context.instance().socket(kind)
    monitor = socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED |
                                        zmq.EVENT_HANDSHAKE_FAILED_AUTH |
                                        zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL |
                                        zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL)
    lock(socket, endpoint, pair)
    event = None
    if monitor.poll(int(seconds * 1000)):
        event = int.from_bytes(monitor.recv_multipart()[0][:2], "little")
    socket.disable_monitor()
    socket.close(0)
    return None if event is None else event == zmq.EVENT_HANDSHAKE_SUCCEEDED


def every_door(instance, keys, push):
    """Every role, a strange key and no key at every socket that any process has."""
    for role in ROLES:
        keys.word("add", f"test-{role}", "--role", role)
    doors = [(field, instance.actors(role)[0][field], admitted, kind)
             for role, field, admitted, kind in DOORS]
    told = instance.actors("collector")[0]["push"]  # as a feed copies it
    assert told.startswith(f"{push}#"), told
    doors.append(("push", told, {"feed"}, zmq.PUSH))
    time.sleep(1.5)  # until the keys were read
    for field, endpoint, admitted, kind in doors:
        for role in admitted:
            wait_for(f"{role} to come in at {field}",
                     lambda: handshake(endpoint, kind, keys.pair(f"test-{role}"), 5))
        for role in set(ROLES) - set(admitted):
            came_in = handshake(endpoint, kind, keys.pair(f"test-{role}"), 20)
            assert came_in is False, f"{role} at {field}: {came_in}"
        assert handshake(endpoint, kind, zmq.curve_keypair(), 20) is False, field
        assert not handshake(endpoint, kind, None, SILENCE_S), field
    print(f"{len(doors)} sockets: {len(ROLES)} roles, a strange key and no key, each as it should")
    return told


def forged_news(instance, keys):
    """A transform may tell metrics; an alert from it is refused, and counted."""
    broker = instance.actors("broker")[0]
    subscriber = Subscriber(broker["alerts"], pair=keys.pair("operator"))
    liar = lock(zmq.Context.instance().socket(zmq.PUB), broker["in"], keys.pair("test-transform"))
    body = msgpack.packb({"id": "f" * 32})
    before = int(broker["refused"])

    def refused():
        liar.send_multipart([b"alert/high/m:a/", body])
        return int(instance.actors("broker")[0]["refused"]) > before
    wait_for("the broker to refuse it", refused)
    assert not subscriber.alerts, subscriber.alerts
    liar.close()
    subscriber.close()
    print("a transform's key cannot publish alerts")


def push_one(pusher, subscriber, series):
    pusher.send({"k": [series], "t": [int(time.time() * 1000)], "x": [500]})
    pusher.settle()
    wait_for(f"the alert of {series}",
             lambda: any(f"m:{series}/" in topic for topic, _ in subscriber.alerts))


def other_client(instance, keys, push, subscriber):
    """A feed's key pushes in its own name and no other."""
    before = len(subscriber.alerts)
    liar = Pusher(push, instance.alerts_endpoint(), "feed", client="test-feedling",
                  pair=keys.pair("test-feed"))
    liar.send({"k": ["lie"], "t": [int(time.time() * 1000)], "x": [500]})
    wait_for("the collector to refuse it", lambda: "the key of 'test-feed' sent a frame of client "
             "'test-feedling'" in (instance.dir / "log/collector.log").read_text())
    branch = Pusher(push, instance.alerts_endpoint(), "feed", client="test-feed.2",
                    pair=keys.pair("test-feed"))
    push_one(branch, subscriber, "branch")
    assert not any("m:lie/" in topic for topic, _ in subscriber.alerts[before:])
    liar.close()
    branch.close()
    print("a feed's key cannot push in the name of another client")


def revoked(instance, keys, pusher, subscriber):
    """Who listens since before is cut off; everything else goes on."""
    keys.word("add", "alice", "--role", "subscriber")
    endpoint = instance.alerts_endpoint()
    wait_for("alice to come in", lambda: handshake(endpoint, zmq.SUB, keys.pair("alice"), 1))
    alice = Subscriber(endpoint, pair=keys.pair("alice"))
    push_one(pusher, subscriber, "before")
    wait_for("alice's alert", lambda: alice.alerts)
    keys.word("revoke", "alice")
    logs = instance.dir / "log"
    wait_for("the broker to cut her off", lambda: any(
        "a key was revoked" in path.read_text() for path in logs.glob("broker*.log")))
    time.sleep(1)  # others were cut off, too, and come in again
    subscriber.heard.clear()
    assert subscriber.heard.wait(20), "no hugz after a key was revoked"
    alice.alerts.clear()
    push_one(pusher, subscriber, "after")
    time.sleep(SILENCE_S)
    assert not alice.alerts, "a revoked key still hears"
    alice.close()
    log = "".join(p.read_text() for p in (instance.dir / "log").glob("broker*.log"))
    assert "refused a connection" in log and "a key was revoked" in log, log
    # However often it comes again: told once a minute.
    assert log.count("refused a connection") <= 3, log
    print("a revoked subscriber is cut off, others are not")


def rotated(instance, keys, pusher, subscriber):
    """The prep gets another key while data flows: both are known, until the old one is revoked."""
    name = instance.actors("prep")[0]["name"]
    keys.word("rotate", name)
    push_one(pusher, subscriber, "both-keys")
    pid = int(instance.actors("prep")[0]["pid"])
    os.kill(pid, 9)  # the supervisor starts it with its new key
    wait_for("another prep", lambda: [a for a in instance.actors("prep") if int(a["pid"]) != pid])
    push_one(pusher, subscriber, "new-key")
    keys.word("revoke", name, "--old")
    time.sleep(2.5)
    push_one(pusher, subscriber, "old-revoked")
    print("a key is replaced while data flows")


def other_owner():
    """Root does what is to be done as the owner of the folder, others are told how to go on."""
    if os.geteuid() != 0:
        print("SKIPPED: only root can act for another user")
        return
    actor, other = 65534, 65533
    with tempfile.TemporaryDirectory() as home:
        os.chmod(home, 0o755)
        folder, line = pathlib.Path(home) / "keys", pathlib.Path(home) / "line"
        folder.mkdir()
        os.chown(folder, actor, actor)

        def word(*words, **more):
            return subprocess.run([PROGRAM, "keys", *words, "--keys", folder], text=True,
                                  capture_output=True, timeout=30, cwd=home, **more)
        for words in (["init", "--roles", "prep"], ["add", "a", "--role", "feed"], ["rotate", "a"],
                      ["revoke", "a", "--old"], ["list"], ["export"]):
            done = word(*words)
            assert done.returncode == 0, done.stderr
        line.write_text(word("export", "a").stdout.replace("a feed", "b feed"))
        line.chmod(0o600)  # root's alone, and read as root
        assert word("revoke", "a").returncode == 0
        done = word("import", str(line))
        assert done.returncode == 0 and "1 of them new" in done.stdout, done
        for path in folder.rglob("*"):
            assert path.stat().st_uid == actor, path
        refused = word("list", user=other, group=other, extra_groups=[])
        assert refused.returncode == 1 and "runuser -u" in refused.stderr, refused
    print("root handles keys as their owner")


def main():
    other_owner()
    port = free_port()
    push = f"tcp://127.0.0.1:{port}"
    with Instance(CONFIG.replace("PORT", str(port))) as instance:
        keys = Keys(instance)
        refused = instance.word("up", "-c", instance.config, check=False)
        assert refused.returncode == 1 and "keys" in refused.stderr, refused
        keys.word("init")
        instance.up()
        wait_for("the api to hear the broker with its key",
                 lambda: int(instance.actors("api")[0]["brokers"]) == 1)
        told = every_door(instance, keys, push)
        forged_news(instance, keys)
        subscriber = Subscriber(instance.alerts_endpoint(), pair=keys.pair("operator"))
        pusher = Pusher(told, instance.alerts_endpoint(), "feed",
                        client="test-feed", pair=keys.pair("test-feed"))
        push_one(pusher, subscriber, "first")
        other_client(instance, keys, told, subscriber)
        revoked(instance, keys, pusher, subscriber)
        rotated(instance, keys, pusher, subscriber)
        for path in pathlib.Path(instance.dir / "keys/secret").iterdir():
            assert path.stat().st_mode & 0o077 == 0, path
        pusher.close()
        subscriber.close()


if __name__ == "__main__":
    main()
