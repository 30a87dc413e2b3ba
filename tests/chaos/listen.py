"""One subscriber of a chaos run, in a process of its own: SUB, and the alert log for what is missing.

    listen.py NAME ALERTS-ENDPOINT REDIS-PORT FOLDER

Does what docs/clients/README.md says a subscriber should do: it remembers ids, sees gaps by seq and
prev, and fills them from <namespace>:alerts before it takes the message that showed them. Every
second it also looks there for what no later message would show. What it took is noted, in order, in
FOLDER/sub-NAME.jsonl; killed and started again it goes on from the place in the log that it noted.

It says there, too, how far it is: {"has_all_of": us} means that it has taken all that the log held at
that time. Whoever judges it waits for that, and then for nothing more. What became of its links and
of Redis, and the gaps that it saw, stand there for people (story.py).
"""

import json
import os
import pathlib
import sys
import time

import msgpack
import redis
import zmq
from zmq.utils.monitor import recv_monitor_message

LOG = "tw:alerts"
LOOK_S = 1.0       # how often the log is read
SETTLED_S = 1.5    # what has been in the log so long is not on its way to us any more
AGAIN_MS = 60_000  # after a break of Redis that much is read again: it may have gone back
PAGE = 2000
FILL_S = 10        # how long what is before a message is waited for
LINK = {zmq.EVENT_HANDSHAKE_SUCCEEDED: "open", zmq.EVENT_DISCONNECTED: "lost"}


class Listener:
    def __init__(self, name, endpoint, port, folder):
        path = pathlib.Path(folder) / f"sub-{name}.jsonl"
        begun = path.exists()
        self.out = open(path, "a", buffering=1)
        self.place = pathlib.Path(folder) / f"sub-{name}.place"
        self.last = {}      # topic -> seq
        self.known = set()  # ids
        self.waiting = {}   # id -> (when it was first seen in the log, topic, body, entry)
        self.at = "0-0"
        self.broken = False
        self.pending_look = None  # (when a look at the log began, what of it was not taken then)
        self.redis = redis.Redis(port=port, decode_responses=True, socket_timeout=2,
                                 socket_connect_timeout=2)
        self.news = zmq.Context.instance().socket(zmq.SUB)
        self.news.setsockopt(zmq.RCVHWM, 1_000_000)
        self.news.setsockopt(zmq.RECONNECT_IVL_MAX, 500)
        self.news.setsockopt(zmq.HEARTBEAT_IVL, 500)
        self.news.setsockopt(zmq.HEARTBEAT_TIMEOUT, 1500)
        self.news.setsockopt_string(zmq.SUBSCRIBE, "alert/")
        self.news.setsockopt_string(zmq.SUBSCRIBE, "hugz/")
        self.links = self.news.get_monitor_socket(sum(LINK))
        self.news.connect(endpoint)
        if begun:
            self.go_on()

    def note(self, **line):
        self.out.write(json.dumps({"t": now_us(), **line}) + "\n")

    def go_on(self):
        self.out.write("\n")  # who was killed may have left half a line
        if self.place.exists():
            self.at, self.last = json.loads(self.place.read_text())
        self.note(restarted=True, at=self.at)

    def note_place(self):
        """Everything up to here is taken."""
        fresh = self.place.with_suffix(".new")
        fresh.write_text(json.dumps([self.at, self.last]))
        os.replace(fresh, self.place)

    def take(self, topic, body, how):
        *_, entry = self.waiting.pop(body["id"], [None])
        self.known.add(body["id"])
        self.last[topic] = max(body["seq"], self.last.get(topic, 0))
        self.note(topic=topic, how=how, entry=entry, body=body)

    def hear(self, topic, body):
        if body["id"] in self.known:
            self.note(topic=topic, how="sub", again=True, body=body)
            return
        if body["seq"] > self.last.get(topic, 0) + 1:
            self.fill(topic, body["seq"])
        self.take(topic, body, "sub")

    def fill(self, topic, seq):
        """The log holds what comes before: at once, or when the notifier gets there."""
        first, until = self.last.get(topic, 0) + 1, time.monotonic() + FILL_S
        while self.last.get(topic, 0) + 1 < seq and time.monotonic() < until:
            if not self.read_log():
                time.sleep(0.05)
            missing = [body for _, t, body, _ in self.waiting.values()
                       if t == topic and body["seq"] < seq]
            for body in sorted(missing, key=lambda body: body["seq"]):
                self.take(topic, body, "log")
        self.note(gap=topic, first=first, last=seq - 1, filled=self.last.get(topic, 0) + 1 >= seq)

    def read_log(self):
        """Remembers what the log has and we have not. False: nothing new."""
        try:
            if self.broken:
                milliseconds = max(0, int(self.at.split("-")[0]) - AGAIN_MS)
                self.at = f"{milliseconds}-0"
            entries = self.redis.xrange(LOG, f"({self.at}", "+", PAGE)
        except redis.RedisError as reason:
            if not self.broken:
                self.note(redis="away", at=self.at, why=str(reason))
            self.broken = True
            return False
        if self.broken:
            self.note(redis="back", at=self.at)
        self.broken = False
        for entry, fields in entries:
            self.at = entry
            if fields["id"] not in self.known and fields["id"] not in self.waiting:
                self.waiting[fields["id"]] = (time.monotonic(), fields["topic"],
                                              json.loads(fields["body"]), entry)
        return bool(entries)

    def look(self):
        begun = now_us()
        while self.read_log():
            pass
        settled = time.monotonic() - SETTLED_S
        old = sorted((topic, body["seq"], body["id"]) for seen, topic, body, _ in self.waiting.values()
                     if seen < settled)
        for topic, _, name in old:
            self.take(topic, self.waiting[name][2], "log")
        if not self.broken:
            self.say_how_far(begun)
        if not self.waiting and not self.broken:
            self.note_place()

    def say_how_far(self, begun):
        """A look that began then has seen all that there was. One at a time is waited for."""
        if not self.pending_look:
            self.pending_look = begun, set(self.waiting)
        began, names = self.pending_look
        if names.isdisjoint(self.waiting):
            self.note(has_all_of=began)
            self.pending_look = None

    def hear_of_links(self):
        while self.links.poll(0):
            self.note(link=LINK[recv_monitor_message(self.links)["event"]])

    def run(self):
        look_at = 0.0
        while True:
            if self.news.poll(100):
                topic, body = self.news.recv_multipart()
                if topic.startswith(b"alert/"):
                    self.hear(topic.decode(), msgpack.unpackb(body))
            self.hear_of_links()
            if time.monotonic() >= look_at:
                self.look()
                look_at = time.monotonic() + LOOK_S


def now_us():
    return time.time_ns() // 1000


if __name__ == "__main__":
    Listener(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]).run()
