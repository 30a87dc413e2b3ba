#!/usr/bin/python3
"""Push rows into a Tidewire feed and wait until all of them are on disk.

    push.py --to tcp://127.0.0.1:5570 --source NAME --client NAME < rows.jsonl

Each line of the input is a JSON object: column name -> value. A frame carries --batch lines, in
columns, and is numbered n = 1, 2, 3 ... (--first continues an earlier run). The collector
announces on the broker's topic staged/<source>/<client> up to which n everything is on disk; what
is above it is sent again. One frame is under way at a time, which is simplest: a link that breaks
may lose a frame and still deliver the next one, which is refused until the lost one has come.

Needs python3-zmq and python3-msgpack.
"""
import argparse
import itertools
import json
import sys
import time

import msgpack
import zmq

RESEND_S = 1.0
HUGZ_S = 10.0


def frame_of(source, client, n, rows):
    names = list(dict.fromkeys(itertools.chain.from_iterable(rows)))
    columns = {name: [row.get(name) for row in rows] for name in names}
    return msgpack.packb({"v": 1, "source": source, "client": client, "n": n, "rows": columns})


class Feed:
    def __init__(self, to, alerts, source, client):
        context = zmq.Context.instance()
        self.topic = f"staged/{source}/{client}".encode()
        self.durable = 0
        self.news = context.socket(zmq.SUB)
        self.news.setsockopt(zmq.SUBSCRIBE, self.topic)
        self.news.setsockopt(zmq.SUBSCRIBE, b"hugz/")
        self.news.connect(alerts)
        self.out = context.socket(zmq.PUSH)
        self.out.setsockopt(zmq.IMMEDIATE, 1)  # queue only for a collector that is there
        self.out.setsockopt(zmq.SNDHWM, 4)
        self.out.setsockopt(zmq.LINGER, 0)
        self.out.connect(to)

    def listen(self, seconds):
        """Take one piece of news. Returns its topic, or None."""
        if not self.news.poll(int(seconds * 1000)):
            return None
        frames = self.news.recv_multipart()
        if len(frames) == 2 and frames[0] == self.topic:
            self.durable = max(self.durable, msgpack.unpackb(frames[1])["n"])
        return frames[0]

    def open(self):
        """Wait for a sign of life of the broker: our subscription is in force then."""
        end = time.monotonic() + HUGZ_S
        while self.listen(0.1) != b"hugz/":
            if time.monotonic() > end:
                raise TimeoutError("no broker answers")

    def push(self, n, frame):
        """Send until it is on disk. True if it took more than one attempt."""
        attempts = 0
        while self.durable < n:
            try:
                self.out.send(frame, zmq.DONTWAIT)
                attempts += 1
            except zmq.Again:
                pass  # no collector there just now
            end = time.monotonic() + RESEND_S
            while self.durable < n and time.monotonic() < end:
                self.listen(max(0.0, end - time.monotonic()))
        return attempts > 1


def main():
    options = argparse.ArgumentParser(description="push rows into a Tidewire feed")
    options.add_argument("--to", default="tcp://127.0.0.1:5570", help="address of the feed")
    options.add_argument("--alerts", default="tcp://127.0.0.1:5560", help="the broker's socket")
    options.add_argument("--source", required=True)
    options.add_argument("--client", required=True)
    options.add_argument("--batch", type=int, default=1000, help="rows of one frame")
    options.add_argument("--first", type=int, default=1, help="number of the first frame")
    options = options.parse_args()

    feed = Feed(options.to, options.alerts, options.source, options.client)
    feed.open()
    n, rows, resent = options.first - 1, 0, 0
    lines = (line for line in sys.stdin if line.strip())
    while batch := [json.loads(line) for line in itertools.islice(lines, options.batch)]:
        n += 1
        rows += len(batch)
        resent += feed.push(n, frame_of(options.source, options.client, n, batch))
    print(f"rows={rows} frames={n - options.first + 1} resent={resent} last={n}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
