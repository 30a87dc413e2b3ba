"""One subscriber of a chaos run, in a process of its own: SUB, and the alert log for what is missing.

    listen.py NAME ALERTS-ENDPOINT REDIS-PORT FOLDER

Does what docs/clients/README.md says a subscriber should do: it remembers ids, sees gaps by seq and
prev, and fills them from <namespace>:alerts before it takes the message that showed them. Every
second it also looks there for what no later message would show. What it took is noted, in order, in
FOLDER/sub-NAME.jsonl; killed and started again it goes on from the place in the log that it noted.
"""

import json
import os
import pathlib
import sys
import time

import msgpack
import redis
import zmq

LOG = "tw:alerts"
LOOK_S = 1.0       # how often the log is read
SETTLED_S = 1.5    # what has been in the log so long is not on its way to us any more
AGAIN_MS = 60_000  # after a break of Redis that much is read again: it may have gone back
PAGE = 2000


class Listener:
    def __init__(self, name, endpoint, port, folder):
        path = pathlib.Path(folder) / f"sub-{name}.jsonl"
        begun = path.exists()
        self.out = open(path, "a", buffering=1)
        self.place = pathlib.Path(folder) / f"sub-{name}.place"
        self.last = {}      # topic -> seq
        self.known = set()  # ids
        self.waiting = {}   # id -> (when it was first seen in the log, topic, body)
        self.at = "0-0"
        self.broken = False
        self.redis = redis.Redis(port=port, decode_responses=True, socket_timeout=2,
                                 socket_connect_timeout=2)
        self.news = zmq.Context.instance().socket(zmq.SUB)
        self.news.setsockopt(zmq.RCVHWM, 1_000_000)
        self.news.setsockopt(zmq.RECONNECT_IVL_MAX, 500)
        self.news.setsockopt(zmq.HEARTBEAT_IVL, 500)
        self.news.setsockopt(zmq.HEARTBEAT_TIMEOUT, 1500)
        self.news.setsockopt_string(zmq.SUBSCRIBE, "alert/")
        self.news.setsockopt_string(zmq.SUBSCRIBE, "hugz/")
        self.news.connect(endpoint)
        if begun:
            self.go_on()

    def go_on(self):
        self.out.write("\n" + json.dumps({"t": now_us(), "restarted": True}) + "\n")
        if self.place.exists():
            self.at, self.last = json.loads(self.place.read_text())

    def note_place(self):
        """Everything up to here is taken."""
        fresh = self.place.with_suffix(".new")
        fresh.write_text(json.dumps([self.at, self.last]))
        os.replace(fresh, self.place)

    def take(self, topic, body, how):
        self.known.add(body["id"])
        self.waiting.pop(body["id"], None)
        self.last[topic] = max(body["seq"], self.last.get(topic, 0))
        self.out.write(json.dumps({"t": now_us(), "topic": topic, "how": how, "body": body}) + "\n")

    def hear(self, topic, body):
        if body["id"] in self.known:
            self.out.write(json.dumps({"t": now_us(), "topic": topic, "how": "sub", "again": True,
                                       "body": body}) + "\n")
            return
        if body["seq"] > self.last.get(topic, 0) + 1:
            self.fill(topic, body["seq"])
        self.take(topic, body, "sub")

    def fill(self, topic, seq):
        """The log holds what comes before: at once, or when the notifier gets there."""
        until = time.monotonic() + 10
        while self.last.get(topic, 0) + 1 < seq and time.monotonic() < until:
            if not self.read_log():
                time.sleep(0.05)
            missing = sorted((body["seq"], body) for _, t, body in self.waiting.values()
                             if t == topic and body["seq"] < seq)
            for _, body in missing:
                self.take(topic, body, "log")

    def read_log(self):
        """Remembers what the log has and we have not. False: nothing new."""
        try:
            if self.broken:
                milliseconds = max(0, int(self.at.split("-")[0]) - AGAIN_MS)
                self.at = f"{milliseconds}-0"
            entries = self.redis.xrange(LOG, f"({self.at}", "+", PAGE)
            self.broken = False
        except redis.RedisError:
            self.broken = True
            return False
        for entry, fields in entries:
            self.at = entry
            if fields["id"] not in self.known and fields["id"] not in self.waiting:
                self.waiting[fields["id"]] = (time.monotonic(), fields["topic"],
                                              json.loads(fields["body"]))
        return bool(entries)

    def look(self):
        while self.read_log():
            pass
        settled = time.monotonic() - SETTLED_S
        old = sorted((topic, body["seq"], body["id"]) for seen, topic, body in self.waiting.values()
                     if seen < settled)
        for topic, _, name in old:
            self.take(topic, self.waiting[name][2], "log")
        if not self.waiting and not self.broken:
            self.note_place()

    def run(self):
        look_at = 0.0
        while True:
            if self.news.poll(100):
                topic, body = self.news.recv_multipart()
                if topic.startswith(b"alert/"):
                    self.hear(topic.decode(), msgpack.unpackb(body))
            if time.monotonic() >= look_at:
                self.look()
                look_at = time.monotonic() + LOOK_S


def now_us():
    return time.time_ns() // 1000


if __name__ == "__main__":
    Listener(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]).run()
