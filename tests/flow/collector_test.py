"""The collector alone: what clients were told is durable is in the log, once and in order, whatever
dies meanwhile; Redis may come late and go; files are continued where they were left."""

import os
import random
import signal
import time

import msgpack
import zmq

import harness

WINDOW = 256    # frames that a client has under way
FRAMES = 40_000
KILLS = 5

CONFIG = """
namespace: tw
redis: embedded
stage: dir:stage
listen: { alerts: "tcp://127.0.0.1:*" }
sources:
  - name: feed
    url: push://tcp://127.0.0.1:PORT
    table: pushed
    key: { symbol: /symbol }
    time: { at: ts, unit: ms }
    columns: { volume: volume }
  - name: lines
    url: file://DIR/files/*.jsonl
    format: jsonl
    stream: files
    table: line
    key: { symbol: /s }
    time: { at: /t, unit: ms }
    columns: { price: /p }
"""

MESSAGES = 3  # their version: proto/message.h


class Log:
    """Reads a stream as a prep and a worker in one would: asks from the first record on."""

    def __init__(self, actor):
        context = zmq.Context.instance()
        self.pull, self.push = context.socket(zmq.PULL), context.socket(zmq.PUSH)
        self.pull.connect(actor["raw"])
        self.push.connect(actor["ack"])
        self.stream, self.worker = actor["stream"], os.urandom(16)
        self.endpoint = "tcp://127.0.0.1:1"
        self.next = 1
        self.say(4, 1, b"\xff" * 32)

    def say(self, kind, *fields):
        self.push.send(msgpack.packb([[MESSAGES, kind], [self.worker, self.endpoint, self.stream, *fields]]))

    def payloads(self, last):
        """(source, payload) of every payload up to record `last`; nothing may be missing."""
        while self.next <= last:
            assert self.pull.poll(10_000), f"stuck before record {self.next} of {last}"
            head, (stream, first, to, _, mappings, routes, records) = msgpack.unpackb(
                self.pull.recv(), strict_map_key=False)
            assert head == [MESSAGES, 1] and stream == self.stream
            assert first == self.next, f"records {first}.. came where {self.next} is next"
            assert [record[0] for record in records] == list(range(first, to + 1))
            self.next = to + 1
            for _, lane, mark, *_ in routes:
                self.say(3, to, 0, [[lane, mark]])
            for _, _, kind, source, payload in records:
                if kind == 1:
                    yield mappings[source][0], payload

    def close(self):
        self.pull.close(0)
        self.push.close(0)


def collector(instance, stream):
    """What the collector that runs now says of it; one that was killed stands there for a while."""
    def found():
        return [a for a in instance.actors("collector") if a["stream"] == stream and
                a["state"] == "collecting" and int(a["pid"]) == instance.collector.pid]
    return harness.wait_for(f"the collector of stream {stream}", found)[0]


def frame(n):
    return msgpack.packb({"v": 1, "source": "feed", "client": "w", "n": n, "raw": b"%d" % n * 20})


def push_while_it_dies(instance, port):
    """A client with a window, which resends all above what it was told when nothing comes."""
    context = zmq.Context.instance()
    news, push = context.socket(zmq.SUB), context.socket(zmq.PUSH)
    news.setsockopt_string(zmq.SUBSCRIBE, "staged/feed/w")
    news.connect(instance.alerts_endpoint())
    push.setsockopt(zmq.LINGER, 0)
    push.connect(f"tcp://127.0.0.1:{port}")
    dice = random.Random(7)
    durable, following, kills = 0, 1, 0
    heard = time.monotonic()
    kill_at = heard + 1
    until = heard + 400
    child = instance.collector
    while durable < FRAMES:
        assert time.monotonic() < until, f"only {durable} frames are durable"
        while following <= min(FRAMES, durable + WINDOW):
            try:
                push.send(frame(following), zmq.DONTWAIT)
            except zmq.Again:
                break
            following += 1
        time.sleep(0.002)
        if news.poll(20):
            n = msgpack.unpackb(news.recv_multipart()[1])["n"]
            assert n <= following, "told of what was never sent"
            if n > durable:
                durable, heard = n, time.monotonic()
        if time.monotonic() > heard + 1:
            following, heard = durable + 1, time.monotonic()
        if kills < KILLS and time.monotonic() > kill_at:
            instance.kill(child)
            time.sleep(dice.random() / 2)
            child = instance.collector = instance.actor("collector", "collector")
            kill_at = time.monotonic() + 1 + dice.random()
            kills += 1
    news.close(0)
    push.close(0)
    return kills


def pushed_frames_survive_kills(instance, port):
    kills = push_while_it_dies(instance, port)
    # What the collector says of itself is up to a second old; each frame is one record or more.
    harness.wait_for("the collector to speak of every frame",
                     lambda: int(collector(instance, "collector")["last_seq"]) >= FRAMES)
    actor = collector(instance, "collector")
    log = Log(actor)
    wanted = 1
    for source, payload in log.payloads(int(actor["last_seq"])):
        assert source == "feed"
        n = msgpack.unpackb(payload)["n"]
        assert n == wanted, f"frame {n} staged where {wanted} is next"
        wanted += 1
    log.close()
    assert wanted == FRAMES + 1, f"only {wanted - 1} frames are in the log"
    print(f"ok: {FRAMES} frames staged once and in order over {kills} kills")


def files_go_on_where_they_were_left(instance):
    """3 MB of lines in two files, the collector killed at once and again: no byte twice."""
    folder = instance.dir / "files"
    lines = b"".join(b'{"s":"x","t":%d,"p":%d}\n' % (i, i * 3) for i in range(100_000))
    for name, part in (("b.jsonl", lines[len(lines) // 2:]), ("a.jsonl", lines[:len(lines) // 2])):
        (folder / name).write_bytes(part)
        os.utime(folder / name, (1e9, 1e9))
    for _ in range(3):
        time.sleep(0.15)
        instance.kill(instance.collector)
        instance.collector = instance.actor("collector", "collector")
    log, staged = Log(collector(instance, "files")), b""

    def read_on():
        nonlocal staged
        last = int(collector(instance, "files")["last_seq"])
        staged += b"".join(payload for _, payload in log.payloads(last))
        return len(staged) >= len(lines)
    harness.wait_for("all of both files", read_on, 60)
    time.sleep(2)  # what would come twice comes now
    read_on()
    log.close()
    assert staged == lines, f"{len(staged)} bytes staged of {len(lines)}"
    print(f"ok: {len(lines)} bytes of files staged once over 3 kills")


def redis_comes_late(instance):
    """Without Redis there is no plan and nothing is staged; once it is there, all goes by itself."""
    early = instance.actor("collector", "collector")
    log = instance.dir / "log/collector.log"
    harness.wait_for("it to say so", lambda: "redis does not answer" in log.read_text())
    time.sleep(1)
    assert early.poll() is None, "a collector must wait for Redis"
    assert not list(instance.dir.glob("stage/tw/collector/*.seg")), "staged without a plan"
    instance.up("broker")
    instance.collector = early
    collector(instance, "collector")
    print("ok: waited for Redis, and said so")


def main():
    port = harness.free_port()
    with harness.Instance(CONFIG.replace("PORT", str(port))) as instance:
        (instance.dir / "files").mkdir()
        redis_comes_late(instance)
        pushed_frames_survive_kills(instance, port)
        files_go_on_where_they_were_left(instance)
        instance.collector.send_signal(signal.SIGTERM)
        assert instance.collector.wait(timeout=30) == 0
        assert not instance.actors("collector"), "it should have left the registry"
        instance.children.remove(instance.collector)


if __name__ == "__main__":
    main()
