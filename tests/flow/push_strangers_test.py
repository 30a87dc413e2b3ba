"""Strangers at the door of a pushed feed: silent, slow, too large, wrong, and thousands of them.

A client that behaves is served meanwhile, the collector's memory stays bounded, and `status` says
what was refused. Frames above 64 MiB are not even read; the client libraries refuse to send them.
"""

import os
import random
import socket
import struct
import subprocess
import sys

import msgpack
import zmq

from harness import TOP, Instance, free_ports, wait_for

sys.path.insert(0, str(TOP / "docs/clients"))
import tidewire_push  # noqa: E402  (the library that clients use)

START_MS = 1_700_000_000_000
LARGE = 100 << 20
LARGE_FRAMES = 3
MEMORY_MAX = 64 << 20       # that the collector may grow by, through all of it
UNKNOWN_SOURCES, UNKNOWN_CLIENTS = 5000, 5000

CONFIG = """
listen: { alerts: "tcp://127.0.0.1:ALERTS" }
sources:
  - name: ticks
    url: push://tcp://127.0.0.1:PUSH
    table: tick
    key: { pair: pair }
    time: { at: ts, unit: ms }
    columns: { volume: volume }
rules:
  burst: { on: tick, when: "volume > 3 * avg(volume) OVER rows_10" }
"""

# A program for the library in C: it must refuse 100 MB before it sends.
LARGE_IN_C = r"""
#include "tidewire_push.h"
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
    size_t size = (size_t) atol(argv[argc - 1]);
    char *bytes = calloc(size, 1);
    uint64_t known;
    tidewire_push_t *feed = tidewire_push_new(argv[1], argv[2], "ticks", "large-c");
    if (!bytes || !feed || !tidewire_push_open(feed, 30000, &known))
        return 2;
    uint64_t n = tidewire_push_raw(feed, bytes, size, 1000);
    puts(tidewire_push_error(feed));
    tidewire_push_destroy(&feed);
    free(bytes);
    return n ? 1 : 0;
}
"""


def zmtp_greeting():
    """Of a PUSH with the NULL mechanism: its half of the handshake."""
    greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
    ready = b"\x05READY" + b"\x0bSocket-Type" + struct.pack(">I", 4) + b"PUSH"
    return greeting + b"\x04" + bytes([len(ready)]) + ready


def idlers(port):
    """Connections that say nothing, half of the greeting, or the head of a frame and no more."""
    said = [b"", b"\xff", zmtp_greeting()[:30], zmtp_greeting(),
            zmtp_greeting() + b"\x02" + struct.pack(">Q", 60 << 20) + b"a little of 60 MB"]
    found = []
    for text in said * 20:
        idler = socket.create_connection(("127.0.0.1", port), timeout=10)
        idler.sendall(text)
        found.append(idler)
    return found


def peak_memory(pid):
    """Bytes that the process ever held in memory."""
    status = open(f"/proc/{pid}/status").read()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def send_large(push):
    """Frames of 100 MB from a client without manners; its link breaks each time."""
    monitored = zmq.Context.instance().socket(zmq.PUSH)
    monitored.setsockopt(zmq.LINGER, 0)
    events = monitored.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    monitored.connect(push)
    frame = msgpack.packb({"v": 1, "source": "ticks", "client": "large", "n": 1,
                           "raw": bytes(LARGE)})
    for _ in range(LARGE_FRAMES):
        monitored.send(frame)
        assert events.poll(30000), "the collector keeps the link of who sends 100 MB"
        while events.poll(0):
            events.recv_multipart()
    monitored.disable_monitor()
    monitored.close(0)


def libraries_refuse(folder, push, alerts):
    with tidewire_push.Feed(push, alerts, "ticks", "large-python") as feed:
        feed.open()
        try:
            feed.send_raw(bytes(LARGE))
            raise AssertionError("the Python library sends 100 MB")
        except ValueError as refusal:
            assert "at most 67108864" in str(refusal), refusal
    (folder / "large.c").write_text(LARGE_IN_C)
    clients = TOP / "docs/clients"
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "libzmq", "msgpack", "zlib"],
                           capture_output=True, text=True, check=True).stdout.split()
    subprocess.run(["cc", f"-I{clients}", folder / "large.c", *clients.glob("tidewire_*.c"), "-o",
                    folder / "large", *flags], check=True, timeout=120)
    run = subprocess.run([folder / "large", push, alerts, str(LARGE)], capture_output=True,
                         text=True, timeout=60)
    assert run.returncode == 0 and "at most 67108864" in run.stdout, run


def send_crowd(push):
    """Sources that are none, and clients that nobody knows and that never listen."""
    crowd = zmq.Context.instance().socket(zmq.PUSH)
    crowd.setsockopt(zmq.LINGER, 10000)
    crowd.connect(push)
    rng = random.Random(5)
    for i in range(UNKNOWN_SOURCES):
        crowd.send(msgpack.packb({"v": 1, "source": f"s{i}", "client": "x", "n": 1, "raw": b""}))
    for i in range(UNKNOWN_CLIENTS):
        crowd.send(msgpack.packb({"v": 1, "source": "ticks", "client": f"c{i}",
                                  "n": rng.choice((0, 1, 1, 2**40)), "rows": {}}
                                 if i % 2 else
                                 {"v": 1, "source": "ticks", "client": f"c{i}", "n": 0}))
    crowd.close()


class Good:
    """Rows of one series with bursts, from a client that behaves; every burst must alert."""

    def __init__(self, push, alerts):
        self.feed = tidewire_push.Feed(push, alerts, "ticks", "good")
        self.feed.open()
        self.at, self.bursts = START_MS, 0

    def send(self):
        volumes = [2] * 20 + [50]
        self.bursts += 1
        ts = [self.at + 1000 * i for i in range(len(volumes))]
        self.at = ts[-1] + 1000
        self.feed.send({"ts": ts, "pair": ["GOOD"] * len(volumes), "volume": volumes})
        self.feed.settle(60)


def main():
    port, alerts_port = free_ports(2)
    push, alerts = f"tcp://127.0.0.1:{port}", f"tcp://127.0.0.1:{alerts_port}"
    config = CONFIG.replace("ALERTS", str(alerts_port)).replace("PUSH", str(port))
    with Instance(config) as instance:
        instance.up()
        good = Good(push, alerts)
        good.send()
        collector = int(instance.actors("collector")[0]["pid"])
        before = peak_memory(collector)
        idle = idlers(port)
        good.send()
        send_large(push)
        good.send()
        libraries_refuse(instance.dir, push, alerts)
        send_crowd(push)
        good.send()
        refused = wait_for("the refusals in status", lambda: [
            a for a in instance.actors("collector")
            if int(a["push_unknown_source"]) == UNKNOWN_SOURCES], 60)[0]
        assert "push_unknown_source" in instance.word("status").stdout
        good.send()
        grown = peak_memory(collector) - before
        assert grown < MEMORY_MAX, f"the collector grew by {grown >> 20} MB"
        wait_for("every alert of the good client",
                 lambda: len(instance.logged_ids()) == good.bursts, 60)
        os.kill(collector, 0)  # the same process all the time
        assert int(instance.actors("collector")[0]["pid"]) == collector
        for idler in idle:
            idler.close()
        good.feed.close(60)
    print(f"{len(idle)} idlers, {LARGE_FRAMES} frames of 100 MB, {UNKNOWN_SOURCES} of unknown "
          f"sources (malformed: {refused['push_malformed']}): the collector grew by "
          f"{grown >> 20} MB, the good client had all its {good.bursts} alerts")


if __name__ == "__main__":
    sys.exit(main())
