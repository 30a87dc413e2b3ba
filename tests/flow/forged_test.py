"""Whoever reaches a worker's inbox, without keys anybody, with keys every prep, says that records
were worked on that are not there yet, in well-formed messages. None of it is taken: rows pushed
afterwards give their alerts, no position moves beyond the log, and the refusals are counted and told
once. Nor does whoever reaches the collector make it believe that more was committed than it has."""

import os
import time

import msgpack
import zmq

from harness import connect, wait_for
from strangers_test import Site

VERSION, ROWS, ACK = 3, 2, 3
FAR = 1 << 62
ALL = b"\xff" * 32
FORGED = 200
ALERT_S = 5
PARTITIONS, GROUPS = 256, 16


def rows(stream, first, last, start=None, seal=b"\0" * 16, mark=FAR):
    """That `start or first` to `last` hold nothing for any partition."""
    body = [stream, 0, mark, first, last, ALL, seal, start or first, last, [], [], []]
    return msgpack.packb([[VERSION, ROWS], body])


def ack(stream, durable):
    return msgpack.packb([[VERSION, ACK], [os.urandom(16), "tcp://127.0.0.1:1", stream, durable,
                                           durable, [[0, FAR]]]])


def say(site, endpoint, role, frames):
    socket = zmq.Context.instance().socket(zmq.PUSH)
    socket.setsockopt(zmq.LINGER, 5000)
    connect(socket, endpoint, site.pair(f"t-{role}"))
    for frame in frames:
        socket.send(frame)
    socket.close()


def forgeries(stream, end):
    """Everything up to far away; a little beyond the end; what comes next; in parts; of later
    tellings and of streams that are none."""
    return [(rows(stream, 1, FAR), rows(stream, 1, end + 1 + i), rows(stream, end + 1, end + 1 + i),
             rows(stream, 1, FAR, end + 1), rows(f"{stream}~{FAR}", 1, FAR),
             rows("another", 1, FAR), rows(stream, 1, FAR, seal=os.urandom(16)),
             rows(stream, 1, end + 2, mark=0))[i % 8] for i in range(FORGED)]


def positions(site, stream):
    database = site.instance.redis()
    return [int(database.hget(f"tw:m:{{{p % GROUPS}}}:{p}", f"off:{stream}") or 0)
            for p in range(PARTITIONS)]


def worker(site):
    return site.instance.actors("transform")[0]


def collector(site):
    return site.instance.actors("collector")[0]


def forged_rows(site):
    before, stream = worker(site), collector(site)["stream"]
    say(site, before["endpoint"], "prep", forgeries(stream, collector(site)["last_seq"]))
    wait_for("the refusals", lambda: worker(site)["forged"] == FORGED)
    took = max(site.row() for _ in range(3))
    assert took < ALERT_S, f"an alert took {took:.1f} s after {FORGED} forged messages"
    reached = max(positions(site, stream))
    wait_for("the log to have what was reached",
             lambda: reached <= collector(site)["last_seq"], 5)  # it is told once a second
    now = worker(site)
    assert (now["forged"], now["malformed"], now["ignored"]) == (FORGED, 0, 0), now
    said = site.instance.word("status").stdout
    assert f"forged {FORGED}" in said, said
    told = [line for text in site.logs().values() for line in text.splitlines()
            if "forged message refused" in line]
    assert len(told) == 1 and "peer=" in told[0], told
    site.well()
    print(f"{FORGED} forged messages refused; an alert took {took:.1f} s at most")


def forged_answers(site):
    before = collector(site)
    say(site, before["ack"], "transform", [ack(before["stream"], FAR) for _ in range(FORGED)])
    wait_for("the refusals", lambda: collector(site)["acks_beyond"] == FORGED)
    site.row()
    now = collector(site)
    assert now["committed"] <= now["last_seq"] and now["malformed"] == 0, now
    assert now["first_seq"] == before["first_seq"], now
    site.well()
    print(f"{FORGED} forged answers refused")


def secrets(site):
    database = site.instance.redis()
    database.connection_pool.connection_kwargs["decode_responses"] = False
    return database.hgetall(b"tw:{secrets}")


def lost_secret(site):
    """A Redis that has lost it gets the same one again, and rows flow on."""
    held = secrets(site)
    assert [len(secret) for secret in held.values()] == [32], held
    site.instance.redis().delete("tw:{secrets}")
    wait_for("the secret to be back", lambda: secrets(site) == held)
    site.row()
    assert worker(site)["forged"] == FORGED, worker(site)


def main():
    for keyed in (False, True):
        print("with keys" if keyed else "without keys")
        began = time.monotonic()
        with Site(keyed) as site:
            site.row()
            forged_rows(site)
            forged_answers(site)
            lost_secret(site)
        print(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
