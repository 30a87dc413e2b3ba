#!/usr/bin/python3
"""Subscribe to the alerts of a Tidewire broker and print each once, as a line of JSON.

    subscribe.py [--alerts tcp://127.0.0.1:5560[,...]] [--after ENTRY] [--topic alert/]
                 [--redis unix:///run/redis.sock|redis://HOST:PORT] [--count N] [--seconds N]

PUB/SUB may repeat a message (the same alert, the same id) and may lose some while a link is down
or this program is slow. A repeated alert has an id that is known already. A missing one shows: the
`seq` of a topic is not the last one plus one, `prev` is not the id before, or there was no `hugz/`
for a while, and what then was published went nowhere. With --redis what is missing is taken from the
log, <namespace>:alerts, where every alert stands once before anything else can forget it; without,
it is told on stderr. The id of the log's last entry that was read is told there, too, as `at ...`:
given back by --after, it makes another life of this program go on where this one ended. Without
--after a program that starts begins with what comes from now on.

Over several brokers, --alerts has all their endpoints, separated by commas: what one of them lost,
or was not there for, comes by another. So what is missing is missing only if none has brought it
within two seconds, and the order is that of who is first.

Where Tidewire has keys, TIDEWIRE_KEY names our key file, and each endpoint has the key of who
listens behind it: tcp://HOST:PORT#KEY (tidewire_curve.py, beside this program, has more).

Needs python3-zmq and python3-msgpack, and python3-redis for --redis.
"""
import argparse
import collections
import json
import sys
import time

import msgpack
import zmq

from tidewire_curve import Link, pair_given

IDS_REMEMBERED = 100000
SILENCE_S = 3  # the broker says hugz/ every second
LOOK_S = 10    # at the log, whatever the socket says: the very last alert has no one after it
ENTRIES = 1000  # of the log, in one question
GRACE_S = 2    # in which another broker may bring what one has lost
TURN_S = 0.5


def say(text):
    print(text, file=sys.stderr, flush=True)


class Reader:
    """Tells new alerts from repeated ones, and notices missing ones."""

    def __init__(self, grace_s):
        self.last = {}  # topic -> (seq, id)
        self.ids = collections.OrderedDict()
        self.grace_s, self.gaps = grace_s, []  # (when it is one, topic, first, last)

    def take(self, topic, alert):
        """Is the alert new?"""
        if alert["id"] in self.ids:
            return False
        self.ids[alert["id"]] = True
        if len(self.ids) > IDS_REMEMBERED:
            self.ids.popitem(last=False)
        seq, (last, previous) = alert["seq"], self.last.get(topic, (None, None))
        if last is not None and seq > last + 1:
            self.gaps.append((time.monotonic() + self.grace_s, topic, last + 1, seq - 1))
        elif last is not None and seq == last + 1 and alert.get("prev") != previous:
            self.gaps.append((time.monotonic(), topic, None, seq))
        if last is None or seq > last:  # one from the log may be older than what we have
            self.last[topic] = (seq, alert["id"])
        elif self.gaps:
            self._fill(topic, seq)
        return True

    def missing(self):
        """What by now nobody has brought."""
        now = time.monotonic()
        due = [gap for gap in self.gaps if gap[0] <= now]
        self.gaps = [gap for gap in self.gaps if gap[0] > now]
        return [f"{topic} {first}..{last} missing" if first is not None else
                f"{topic} was started anew before {last}" for _, topic, first, last in due]

    def _fill(self, topic, seq):
        gaps, self.gaps = self.gaps, []
        for gap in gaps:
            when, gap_topic, first, last = gap
            if gap_topic != topic or first is None or not first <= seq <= last:
                self.gaps.append(gap)
            else:
                self.gaps += [(when, topic, a, b) for a, b in ((first, seq - 1), (seq + 1, last))
                              if a <= b]


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

    def __init__(self, log, most, grace_s):
        self.reader, self.log, self.most = Reader(grace_s), log, most
        self.count, self.said = 0, None

    def show(self, topic, alert):
        if self.reader.take(topic, alert):
            print(json.dumps(alert), flush=True)
            self.count += 1

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

    def look_for_missing(self):
        missing = self.reader.missing()
        for gap in missing:
            say(f"gap: {gap}" + ("" if self.log else "; see XRANGE tw:alerts - +"))
        if missing:
            self.recover()


class Broker:
    """One of those that we listen to."""

    def __init__(self, endpoint, topic, pair):
        self.socket = zmq.Context.instance().socket(zmq.SUB)
        self.socket.setsockopt(zmq.RCVHWM, 100000)  # a burst waits here rather than being dropped
        self.socket.setsockopt(zmq.MAXMSGSIZE, 1 << 20)
        self.socket.setsockopt_string(zmq.SUBSCRIBE, topic)
        self.socket.setsockopt_string(zmq.SUBSCRIBE, "hugz/")
        self.link = Link(self.socket, endpoint, pair)  # libzmq reconnects by itself for ever
        self.name, self.why = self.link.address, None
        self.heard, self.silent, self.last = False, False, time.monotonic()

    def take(self, printer):
        frames = self.socket.recv_multipart()
        self.last = time.monotonic()
        if len(frames) != 2:
            return
        topic = frames[0].decode(errors="replace")
        if topic == "hugz/":
            # Everything published from now on reaches us; what was before may not have.
            if not self.heard:
                say(f"subscribed to {self.name}")
            elif self.silent:
                say(f"the broker at {self.name} is heard again")
            if not self.heard or self.silent:
                printer.recover()
            self.heard, self.silent, self.why = True, False, None
            return
        alert = msgpack.unpackb(frames[1])
        if alert.get("v") == 1:
            printer.show(topic, alert)
            printer.look_for_missing()

    def look(self):
        """When nothing came: is it away, or are we not let in?"""
        why = self.link.look()
        if why and why != self.why:
            say(f"{self.name}: {why}")
        self.why = why or self.why
        if not self.silent and time.monotonic() >= self.last + SILENCE_S:
            say(f"the broker at {self.name} is silent; waiting")
            self.silent = True


def listen(brokers, printer, end):
    look = time.monotonic() + LOOK_S
    poller = zmq.Poller()
    for broker in brokers:
        poller.register(broker.socket, zmq.POLLIN)
    while (end is None or time.monotonic() < end) and not printer.full():
        now = time.monotonic()
        if now >= look:
            printer.recover()
            look = now + LOOK_S
        wait = min(TURN_S, look - now, *([end - now] if end else []))
        ready = dict(poller.poll(max(1, int(wait * 1000))))
        for broker in brokers:
            if broker.socket not in ready:
                broker.look()
            elif not printer.full():
                broker.take(printer)
        printer.look_for_missing()


def main():
    options = argparse.ArgumentParser(description="print the alerts of a Tidewire broker")
    options.add_argument("--alerts", default="tcp://127.0.0.1:5560",
                         help="the broker's socket, or those of several, separated by commas")
    options.add_argument("--redis", help="where the log is, to recover from it")
    options.add_argument("--namespace", default="tw", help="of the log")
    options.add_argument("--after", help="entry of the log to go on behind; 0-0 = from its beginning")
    options.add_argument("--topic", default="alert/",
                         help="prefix: alert/, alert/<rule>/ or alert/<rule>/<series>/")
    options.add_argument("--count", type=int, default=0, help="stop after so many alerts")
    options.add_argument("--seconds", type=float, default=0, help="stop after so long")
    options = options.parse_args()

    try:
        pair = pair_given()
        brokers = [Broker(one, options.topic, pair) for one in options.alerts.split(",")]
    except ValueError as error:
        sys.exit(f"subscribe.py: {error}")
    log = Log(options.redis, options.namespace, options.topic, options.after) if options.redis \
        else None
    if log:
        log.begin()
    try:
        listen(brokers, Printer(log, options.count, GRACE_S if brokers[1:] else 0),
               time.monotonic() + options.seconds if options.seconds else None)
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
