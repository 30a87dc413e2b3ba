"""Readers who ask for more topics than a broker can keep: theirs is the connection that ends.

libzmq keeps every topic in the broker's memory. Others hear what they asked for all the while, the
broker's memory has a bound, and the log names who it was.
"""

import concurrent.futures
import select
import socket
import struct
import sys
import time

import msgpack
import zmq
import zmq.auth

from harness import Instance, Subscriber, connect, wait_for

CONFIG = """
KEYS
listen: { alerts: "tcp://127.0.0.1:*" }
sources:
  - name: feed
    url: push://tcp://127.0.0.1:*
    table: m
    key: { k: /k }
    time: { at: t, unit: ms }
    columns: { x: x }
rules:
  high: { on: m, when: "x > 100", emit: row }
"""
TOPIC_BYTES = 390           # about the longest that alerts can have
BUDGET = 2 << 20            # bytes of all topics
MEMORY_MAX = 256 << 20      # that the broker may grow by; all that is sent here would take 1.3 GB
FLOODS, FLOOD_BYTES = 4, 10 << 20
GREEDY_TOPICS = 20000
VISITS, VISIT_TOPICS = 6, 8000
PATIENCE_S = 60  # with a broker that is busy with such readers
BEATS_S = 2.5  # two of what a broker tells of itself


def peak_memory(pid):
    """Bytes that the process ever held in memory."""
    status = open(f"/proc/{pid}/status").read()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def broker(instance):
    return instance.actors("broker")[0]


def topics_of(who, count, size):
    return [f"alert/{who}/{i}/".ljust(size, "x").encode() for i in range(count)]


def send_all(rude, data):
    """False: the other side has ended it. Whoever only sends waits for minutes to hear of that, if the
    other side had no room left when it went."""
    left = memoryview(data)
    while left:
        readable, writable, _ = select.select([rude], [rude], [], PATIENCE_S)
        if readable and not rude.recv(1 << 16):
            return False
        if writable:
            left = left[rude.send(left):]
        elif not readable:
            raise AssertionError(f"the broker takes nothing for {PATIENCE_S} s, and cuts off nobody")
    return True


def flood(address, number):
    """Subscriptions as fast as a socket takes them, from a client that does not listen; a new
    connection each time that the broker ends one. At most FLOOD_BYTES."""
    host, port = address.removeprefix("tcp://").split(":")
    ready = b"\x05READY" + b"\x0bSocket-Type" + struct.pack(">I", 3) + b"SUB"
    greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
    sent = turn = 0
    while sent < FLOOD_BYTES:
        with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as rude:
            try:
                rude.sendall(greeting + b"\x04" + bytes([len(ready)]) + ready)
                rude.recv(64, socket.MSG_WAITALL)
                while sent < FLOOD_BYTES:
                    turn += 1
                    topics = topics_of(f"{number}.{turn}", 100, TOPIC_BYTES)
                    frames = b"".join(b"\x02" + struct.pack(">Q", 1 + len(t)) + b"\x01" + t
                                      for t in topics)
                    sent += len(frames)
                    if not send_all(rude, frames):
                        break
                else:
                    rude.shutdown(socket.SHUT_WR)
                    while rude.recv(1 << 16):
                        pass  # until the broker has taken it all
            except OSError:
                pass  # cut off


class Publisher:
    """Says an alert at the broker's door for news, as a notifier would."""

    def __init__(self, endpoint, pair=None):
        self.socket = zmq.Context.instance().socket(zmq.PUB)
        connect(self.socket, endpoint, pair)
        self.said = 0

    def reaches(self, subscriber):
        def heard():
            self.said += 1
            alert = {"id": str(self.said), "kind": "alert"}
            self.socket.send_multipart([b"alert/high/m:a/", msgpack.packb(alert)])
            return len(subscriber.alerts) > before
        before = len(subscriber.alerts)
        wait_for("an alert to arrive", heard, 60)


def reader_of(endpoint, topics, pair=None):
    """One with libzmq's manners: when it is cut off it comes again, and asks for everything."""
    reader = zmq.Context.instance().socket(zmq.SUB)
    reader.linger = reader.sndhwm = 0  # with a limit libzmq forgets topics beyond it
    for topic in topics:
        reader.subscribe(topic)
    connect(reader, endpoint, pair)
    return reader


def come_and_go(instance):
    """Readers who stay within the budget, and leave: nothing of them stays, nobody is cut off."""
    # Told once a second: who is there already has to be counted.
    wait_for("the honest one to be counted", lambda: int(broker(instance)["topic_bytes"]) > 0)
    time.sleep(BEATS_S)
    endpoint, before = broker(instance)["alerts"], broker(instance)
    for visit in range(VISITS):
        topics = topics_of(f"visit-{visit}", VISIT_TOPICS, 50)
        reader = reader_of(endpoint, topics)
        wait_for("topics to be counted",
                 lambda: int(broker(instance)["topic_bytes"]) > VISIT_TOPICS * 50, 60)
        if visit % 2:
            for topic in topics:
                reader.unsubscribe(topic)
        else:
            reader.close()
        wait_for("topics to be gone",
                 lambda: broker(instance)["topic_bytes"] == before["topic_bytes"], 60)
        reader.close()
    after = broker(instance)
    assert after["evicted"] == before["evicted"], after
    taken = int(after["subscriptions"]) - int(before["subscriptions"])
    assert taken * 50 > BUDGET, taken
    print(f"{taken} topics came and went, none was kept")


def without_keys():
    with Instance(CONFIG.replace("KEYS", "")) as instance:
        instance.up("broker")
        here = broker(instance)
        pid, before = int(here["pid"]), peak_memory(int(here["pid"]))
        honest = Subscriber(here["alerts"])
        publisher = Publisher(here["in"])
        publisher.reaches(honest)
        come_and_go(instance)
        with concurrent.futures.ThreadPoolExecutor(FLOODS) as pool:
            floods = [pool.submit(flood, here["alerts"], i) for i in range(FLOODS)]
            publisher.reaches(honest)  # meanwhile
            for one in floods:
                one.result()
        publisher.reaches(honest)
        wait_for("evictions to be told", lambda: int(broker(instance)["evicted"]) > 0, 60)
        wait_for("the flood to be forgotten",
                 lambda: int(broker(instance)["topic_bytes"]) < 1000, 120)
        after = broker(instance)
        grown = peak_memory(pid) - before
        assert int(after["pid"]) == pid, after
        assert grown < MEMORY_MAX, grown
        print(f"{FLOODS * FLOOD_BYTES >> 20} MB of topics: the broker grew by {grown >> 20} MB, "
              f"{after['evicted']} evictions")
        honest.close()
        instance.word("down")


def with_keys():
    with Instance(CONFIG.replace("KEYS", "keys: keys")) as instance:
        folder = instance.dir / "keys"

        def pair(name, role):
            instance.bare("keys", "add", name, "--role", role, "--keys", str(folder))
            return zmq.auth.load_certificate(folder / "secret" / f"{name}.key_secret")
        instance.bare("keys", "init", "--keys", str(folder))
        honest_pair, news_pair = pair("honest", "subscriber"), pair("news", "notifier")
        greedy_pair = pair("greedy", "subscriber")
        instance.up("broker")
        here = broker(instance)
        before = peak_memory(int(here["pid"]))
        honest = Subscriber(here["alerts"], pair=honest_pair)
        publisher = Publisher(here["in"], news_pair)
        publisher.reaches(honest)
        greedy = [reader_of(here["alerts"], topics_of(f"greedy-{i}", GREEDY_TOPICS, TOPIC_BYTES),
                            greedy_pair) for i in range(2)]
        wait_for("the greedy to be cut off", lambda: int(broker(instance)["evicted"]) >= 2, 120)
        publisher.reaches(honest)
        log = "".join(p.read_text() for p in (instance.dir / "log").glob("broker*.log"))
        assert log.count("cut off who has the most") == 1 and "peer=greedy " in log, log
        assert "peer=honest" not in log, log
        for one in greedy:
            one.close()
        wait_for("the greedy to be forgotten",
                 lambda: int(broker(instance)["topic_bytes"]) < 1000, 120)
        grown = peak_memory(int(here["pid"])) - before
        assert broker(instance)["pid"] == here["pid"] and grown < MEMORY_MAX, grown
        print(f"with keys the log names who it was; the broker grew by {grown >> 20} MB")
        honest.close()
        instance.word("down")


def main():
    without_keys()
    with_keys()


if __name__ == "__main__":
    sys.exit(main())
