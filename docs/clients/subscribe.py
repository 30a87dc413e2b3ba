#!/usr/bin/python3
"""Subscribe to the alerts of a Tidewire broker and print each once, as a line of JSON.

    subscribe.py [--alerts tcp://127.0.0.1:5560] [--topic alert/] [--count N] [--seconds N]

PUB/SUB may repeat a message (the same alert, the same id) and may lose some while a link is down
or this program is slow. Both show: an id that is known already, and a `seq` of a topic that is not
the last one plus one. What is missing stands in Redis: XRANGE tw:alerts - +

Needs python3-zmq and python3-msgpack.
"""
import argparse
import collections
import json
import sys
import time

import msgpack
import zmq

IDS_REMEMBERED = 10000
SILENCE_S = 3  # the broker says hugz/ every second


class Reader:
    """Tells new alerts from repeated ones, and notices missing ones."""

    def __init__(self):
        self.last = {}  # topic -> (seq, id)
        self.ids = collections.OrderedDict()

    def take(self, topic, alert):
        """True if the alert is new. Prints on stderr what is missing before it."""
        if alert["id"] in self.ids:
            return False
        self.ids[alert["id"]] = True
        if len(self.ids) > IDS_REMEMBERED:
            self.ids.popitem(last=False)
        seq, previous = self.last.get(topic, (None, None))
        if seq is not None and alert["seq"] > seq + 1:
            print(f"gap: {topic} {seq + 1}..{alert['seq'] - 1} missing; "
                  f"see XRANGE tw:alerts - +", file=sys.stderr)
        elif seq is not None and alert["seq"] == seq + 1 and alert.get("prev") != previous:
            print(f"gap: {topic} was started anew before {alert['seq']}", file=sys.stderr)
        self.last[topic] = (alert["seq"], alert["id"])
        return True


def main():
    options = argparse.ArgumentParser(description="print the alerts of a Tidewire broker")
    options.add_argument("--alerts", default="tcp://127.0.0.1:5560", help="the broker's socket")
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

    reader, count, heard, silent = Reader(), 0, False, False
    end = time.monotonic() + options.seconds if options.seconds else None
    try:
        while end is None or time.monotonic() < end:
            if not socket.poll(int(SILENCE_S * 1000) if end is None else
                               max(1, min(int((end - time.monotonic()) * 1000), SILENCE_S * 1000))):
                if not silent and (end is None or time.monotonic() < end):
                    print("the broker is silent; waiting", file=sys.stderr)
                silent = True
                continue
            frames = socket.recv_multipart()
            silent = False
            if len(frames) != 2:
                continue
            topic = frames[0].decode(errors="replace")
            if topic == "hugz/":
                if not heard:  # everything published from now on reaches us
                    print("subscribed", file=sys.stderr, flush=True)
                heard = True
                continue
            alert = msgpack.unpackb(frames[1])
            if alert.get("v") != 1 or not reader.take(topic, alert):
                continue
            print(json.dumps(alert), flush=True)
            count += 1
            if options.count and count == options.count:
                break
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
