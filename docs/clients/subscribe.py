#!/usr/bin/python3
"""Subscribe to the alerts of a Tidewire broker and print each once, as a line of JSON.

    subscribe.py [--alerts tcp://127.0.0.1:5560] [--redis unix:///run/redis.sock|redis://HOST:PORT]
                 [--after ENTRY] [--topic alert/] [--count N] [--seconds N]

PUB/SUB may repeat a message (the same alert, the same id) and may lose some while a link is down
or this program is slow. A repeated alert has an id that is known already. A missing one shows: the
`seq` of a topic is not the last one plus one, `prev` is not the id before, or there was no `hugz/`
for a while, and what then was published went nowhere. With --redis what is missing is taken from the
log, <namespace>:alerts, where every alert stands once before anything else can forget it; without,
it is told on stderr. The id of the log's last entry that was read is told there, too, as `at ...`:
given back by --after, it makes another life of this program go on where this one ended. Without
--after a program that starts begins with what comes from now on.

Needs python3-zmq and python3-msgpack, and python3-redis for --redis.
"""
import argparse
import collections
import json
import sys
import time

import msgpack
import zmq

IDS_REMEMBERED = 100000
SILENCE_S = 3  # the broker says hugz/ every second
LOOK_S = 10    # at the log, whatever the socket says: the very last alert has no one after it
ENTRIES = 1000  # of the log, in one question


def say(text):
    print(text, file=sys.stderr, flush=True)


class Reader:
    """Tells new alerts from repeated ones, and notices missing ones."""

    def __init__(self):
        self.last = {}  # topic -> (seq, id)
        self.ids = collections.OrderedDict()

    def take(self, topic, alert):
        """(the alert is new, what is missing before it or None)"""
        if alert["id"] in self.ids:
            return False, None
        self.ids[alert["id"]] = True
        if len(self.ids) > IDS_REMEMBERED:
            self.ids.popitem(last=False)
        seq, previous = self.last.get(topic, (None, None))
        missing = None
        if seq is not None and alert["seq"] > seq + 1:
            missing = f"{topic} {seq + 1}..{alert['seq'] - 1} missing"
        elif seq is not None and alert["seq"] == seq + 1 and alert.get("prev") != previous:
            missing = f"{topic} was started anew before {alert['seq']}"
        if seq is None or alert["seq"] > seq:  # one from the log may be older than what we have
            self.last[topic] = (alert["seq"], alert["id"])
        return True, missing


class Log:
    """<namespace>:alerts, from a place on."""

    def __init__(self, url, namespace, topic, after):
        import redis
        self.redis = redis.Redis.from_url(url.replace("unix:///", "unix:/")
                                          if url.startswith("unix:////") else url,
                                          socket_timeout=5)
        self.error, self.key, self.topic, self.after = redis.RedisError, f"{namespace}:alerts", \
            topic, after

    def begin(self):
        """From now on, unless it is known from where. False: Redis does not answer."""
        try:
            if self.after is None:
                newest = self.redis.xrevrange(self.key, count=1)
                self.after = newest[0][0].decode() if newest else "0-0"
        except self.error:
            return False
        return True

    def read(self):
        """(topic, alert) of what came into the log since the last time; nothing if Redis is away. The
        place moves on when the next is asked for: who stops in between has that one again."""
        while self.begin():
            try:
                entries = self.redis.xrange(self.key, f"({self.after}", "+", count=ENTRIES)
            except self.error:
                return
            for entry, fields in entries:
                topic = fields[b"topic"].decode()
                if topic.startswith(self.topic):
                    yield topic, json.loads(fields[b"body"])
                self.after = entry.decode()
            if len(entries) < ENTRIES:
                return


class Printer:
    """Prints each alert once, from whichever side it comes first."""

    def __init__(self, log, most):
        self.reader, self.log, self.most, self.count, self.said = Reader(), log, most, 0, None

    def show(self, topic, alert):
        """None: known already; else what is missing before it, or ""."""
        new, missing = self.reader.take(topic, alert)
        if not new:
            return None
        print(json.dumps(alert), flush=True)
        self.count += 1
        return missing or ""

    def full(self):
        return self.most and self.count >= self.most

    def recover(self):
        """What is in the log and did not come by the socket."""
        if not self.log:
            return
        for topic, alert in self.log.read():
            if self.full():
                break
            self.show(topic, alert)
        if self.log.after != self.said:
            self.said = self.log.after
            say(f"at {self.said}")

    def take(self, topic, alert):
        missing = self.show(topic, alert)
        if missing:
            say(f"gap: {missing}" + ("" if self.log else "; see XRANGE tw:alerts - +"))
            self.recover()


def listen(socket, printer, end):
    heard, silent, look = False, False, time.monotonic() + LOOK_S
    while (end is None or time.monotonic() < end) and not printer.full():
        now = time.monotonic()
        if now >= look:
            printer.recover()
            look = now + LOOK_S
        wait = min(SILENCE_S, look - now, *([end - now] if end else []))
        if not socket.poll(max(1, int(wait * 1000))):
            if not silent and wait >= SILENCE_S:
                say("the broker is silent; waiting")
                silent = True
            continue
        frames = socket.recv_multipart()
        if len(frames) != 2:
            continue
        topic = frames[0].decode(errors="replace")
        if topic == "hugz/":
            # Everything published from now on reaches us; what was before may not have.
            if not heard:
                say("subscribed")
            if not heard or silent:
                printer.recover()
            heard, silent = True, False
            continue
        alert = msgpack.unpackb(frames[1])
        if alert.get("v") == 1:
            printer.take(topic, alert)


def main():
    options = argparse.ArgumentParser(description="print the alerts of a Tidewire broker")
    options.add_argument("--alerts", default="tcp://127.0.0.1:5560", help="the broker's socket")
    options.add_argument("--redis", help="where the log is, to recover from it")
    options.add_argument("--namespace", default="tw", help="of the log")
    options.add_argument("--after", help="entry of the log to go on behind; 0-0 = from its beginning")
    options.add_argument("--topic", default="alert/",
                         help="prefix: alert/, alert/<rule>/ or alert/<rule>/<series>/")
    options.add_argument("--count", type=int, default=0, help="stop after so many alerts")
    options.add_argument("--seconds", type=float, default=0, help="stop after so long")
    options = options.parse_args()

    socket = zmq.Context.instance().socket(zmq.SUB)
    socket.setsockopt(zmq.RCVHWM, 100000)  # a burst waits here rather than being dropped
    socket.setsockopt(zmq.MAXMSGSIZE, 1 << 20)
    socket.setsockopt_string(zmq.SUBSCRIBE, options.topic)
    socket.setsockopt_string(zmq.SUBSCRIBE, "hugz/")
    socket.connect(options.alerts)  # libzmq reconnects by itself for ever

    log = Log(options.redis, options.namespace, options.topic, options.after) if options.redis \
        else None
    if log:
        log.begin()
    try:
        listen(socket, Printer(log, options.count),
               time.monotonic() + options.seconds if options.seconds else None)
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
