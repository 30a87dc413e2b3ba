"""The subscriber of chaos runs is checked: that it says no more than it has, and goes on after its
death; and the story that is told of an alert that was lost.

A broker loses a message; the subscriber is killed between seeing it in the log and taking it, and
Redis is away when it comes back. What it says of how far it is must never stand before what it took.
"""

import contextlib
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

import msgpack
import redis
import zmq

from harness import TOP, free_ports, wait_for

sys.path.insert(0, str(TOP / "tests/chaos"))
import story  # noqa: E402

TOPIC = "alert/spike/trade:x/"
ID = "{:032x}"


def now_us():
    return time.time_ns() // 1000


class Ground:
    """A Redis, something that publishes as a broker does, and one subscriber."""

    def __init__(self, run):
        self.run = run
        for name in "told", "log", "redis":
            (run / name).mkdir()
        self.port, self.alerts = free_ports(2)
        self.broker = zmq.Context.instance().socket(zmq.XPUB)
        self.broker.bind(f"tcp://127.0.0.1:{self.alerts}")
        self.server = self.child = None
        self.store = redis.Redis(port=self.port, decode_responses=True)

    def start_redis(self):
        with open(self.run / "log/redis.log", "ab") as log:
            self.server = subprocess.Popen(
                ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                 "--appendonly", "yes", "--appendfsync", "always", "--dir", self.run / "redis"], stdout=log)

        def answers():
            with contextlib.suppress(redis.ConnectionError):
                return self.store.ping()
        wait_for("redis-server", answers)

    def listen(self):
        self.child = subprocess.Popen(
            [sys.executable, TOP / "tests/chaos/listen.py", "b", f"tcp://127.0.0.1:{self.alerts}",
             str(self.port), self.run / "told"], stderr=open(self.run / "log/listen-b.log", "ab"))

    def end(self, *children):
        for child in children:
            if child:
                child.send_signal(signal.SIGKILL)
                child.wait()

    def await_reader(self):
        """It has subscribed to alerts."""
        wait_for("a subscriber", lambda: self.broker.poll(100) and self.broker.recv() == b"\1alert/")

    def publish(self, seq):
        body = {"id": ID.format(seq), "seq": seq, "at": now_us()}
        self.broker.send_multipart([TOPIC.encode(), msgpack.packb(body)])

    def put_in_log(self, seq):
        body = {"id": ID.format(seq), "seq": seq, "at": now_us()}
        return self.store.xadd("tw:alerts", {"id": body["id"], "topic": TOPIC, "body": json.dumps(body)})

    def lines(self):
        """Of the subscriber, numbered; the first life begins with none."""
        path = self.run / "told/sub-b.jsonl"
        return [json.loads(text) for text in path.read_text().splitlines() if text] if path.exists() else []

    def place(self, found, since=0):
        """Of the first line from there on that is so; None."""
        return next((i for i, line in enumerate(self.lines()) if i >= since and found(line)), None)

    def wait_line(self, what, found, since=0):
        """Its place."""
        places = []

        def there():
            places[:] = [self.place(found, since)]
            return places[0] is not None
        wait_for(what, there)
        return places[0]


def takes(seq):
    return lambda line: line.get("body", {}).get("seq") == seq


def has_all_of(us):
    return lambda line: line.get("has_all_of", -1) >= us


def loses_and_finds(ground):
    """Returns what is told of the alert that the broker lost."""
    ground.start_redis()
    ground.listen()
    ground.await_reader()
    ground.publish(1)
    ground.put_in_log(1)
    first = ground.wait_line("the first alert", takes(1))
    assert ground.lines()[first]["how"] == "sub", ground.lines()
    ground.wait_line("a look at the log", has_all_of(now_us()))
    entry, lost = ground.put_in_log(2), now_us()
    time.sleep(1.1)  # it has looked, and waits for the message
    ground.end(ground.child, ground.server)
    before = len(ground.lines())
    assert ground.place(takes(2)) is None and ground.place(has_all_of(lost)) is None, ground.lines()
    ground.listen()
    ground.await_reader()
    ground.wait_line("Redis to be away", lambda line: line.get("redis") == "away", before)
    time.sleep(2)
    assert ground.place(has_all_of(0), before) is None, ground.lines()
    ground.start_redis()
    ground.publish(4)  # 3 is in the log alone, and late
    ground.wait_line("Redis to be back", lambda line: line.get("redis") == "back", before)
    ground.put_in_log(3)
    took = [ground.wait_line(f"alert {seq}", takes(seq), before) for seq in (2, 3, 4)]
    said = ground.wait_line("it to be sure", has_all_of(lost), before)
    assert took == sorted(took), ground.lines()
    assert took[0] < said, ground.lines()
    assert [ground.lines()[i]["how"] for i in took] == ["log", "log", "sub"], ground.lines()
    assert ground.lines()[took[0]]["entry"] == entry, ground.lines()
    return entry, lost


def tells(ground, entry, lost):
    """All of it, of the one alert, as if it had been called lost."""
    run, name = ground.run, ID.format(2)
    violation = f"I2 lost alert {name} of spike on trade:x, ts 1, seq 2 (record 9, row 0, received " \
                f"{lost}): not at subscriber b, which has all of the log since"
    faults = [{"t": lost - 10, "fault": "kill broker"}, {"t": lost + 10**8, "fault": "far away"},
              {"t": lost + 10**6, "violation": violation}]
    (run / "faults.jsonl").write_text("".join(json.dumps(line) + "\n" for line in faults) + '{"t": 1')
    copied = {"t": lost, "entry": entry, "body": {"id": name, "seq": 2, "at": lost - 10**6}}
    (run / "told/log.jsonl").write_text(json.dumps(copied) + "\n")
    when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(lost / 1e6))
    (run / "log/notifier-1.log").write_text(f"ts={when}.000Z level=info msg=working\n  a line more\n")
    (run / "log/broker.log").write_text("ts=2001-01-01T00:00:00.000Z level=info msg=before\n")
    text = "\n".join(story.stories(run, ["kill redis: I5 something else", f"kill redis: {violation}"]))
    for part in (f"in tw:alerts: {entry}; published first: {story.clock(lost - 10**6)}", "taken first: subscriber b",
                 "(log)", "fault        kill broker", "checker      called it lost", "restarted=True",
                 "link=open", "redis=away", "redis=back", "gap=", "has_all_of=", "HAS IT: log", "msg=working",
                 "a line more", "msg=before", "seq 3 of the topic", "Ready to accept connections"):
        assert part in text, f"no '{part}' in:\n{text}"
    assert "far away" not in text, text
    assert not list(story.stories(run, ["kill redis: I5 something else"]))


def main():
    with tempfile.TemporaryDirectory(prefix="tw-listener-") as name:
        ground = Ground(pathlib.Path(name))
        try:
            tells(ground, *loses_and_finds(ground))
        finally:
            ground.end(ground.child, ground.server)
    print("ok: it says no more than it has, and the story is told")


if __name__ == "__main__":
    main()
