"""Clients of a pushed feed while collector, broker and they themselves are killed.

Two clients push with the libraries of docs/clients: one in Python, in this process, and one in C,
a process of its own built with sanitizers. What is staged in the end, judged by a back-test whose
rule holds for every row, is what was sent, each row once; acknowledgements never went back.
"""

import collections
import os
import signal
import subprocess
import sys
import threading
import time

import msgpack
import zmq

from harness import TOP, Instance, backtest, free_ports, wait_for

sys.path.insert(0, str(TOP / "docs/clients"))
import tidewire_push  # noqa: E402  (the library that clients use)

START_MS = 1_700_000_000_000
BATCHES, BATCH = 200, 20    # of the client in Python
CHUNKS, CHUNK = 12, 1000    # of the client in C, whose frames hold 1,000 rows

CONFIG = """
listen: { alerts: "tcp://127.0.0.1:ALERTS" }
sources:
  - name: ticks
    url: push://tcp://127.0.0.1:PUSH
    table: tick
    key: { pair: pair }
    time: { at: ts, unit: ms }
    columns: { volume: volume }
    identity: none          # a row that came twice would count twice
rules:
  each: { on: tick, when: "volume > 0 * count(volume) OVER rows_1", min_rows: 0 }
"""


def rows_of(pair, first, count):
    return [(START_MS + 100 * i, pair, 1 + i % 97) for i in range(first, first + count)]


class Acknowledgements:
    """What is announced, by client; fails if a number is below the one before."""

    def __init__(self, alerts):
        self.known, self.went_back, self.stopping = collections.Counter(), [], False
        self.socket = zmq.Context.instance().socket(zmq.SUB)
        self.socket.setsockopt_string(zmq.SUBSCRIBE, "staged/")
        self.socket.connect(alerts)
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self):
        while not self.stopping:
            if not self.socket.poll(50):
                continue
            topic, body = self.socket.recv_multipart()
            n = msgpack.unpackb(body)["n"]
            if n < self.known[topic]:
                self.went_back.append((topic, self.known[topic], n))
            self.known[topic] = n

    def of(self, client):
        return self.known[f"staged/ticks/{client}".encode()]

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.stopping = True
        self.thread.join()
        self.socket.close(0)


def kill(instance, role):
    """One actor of `up`, which starts it again."""
    pid = int(wait_for(f"a {role}", lambda: instance.actors(role))[0]["pid"])
    os.kill(pid, signal.SIGKILL)
    return pid


# ---- the client in Python ------------------------------------------------------------------------

def new_feed(push, alerts):
    return tidewire_push.Feed(push, alerts, "ticks", "python", frames_max=32)


def push_by_python(instance, push, alerts):
    """All batches; somebody dies at some of them. Returns how often frames were sent again."""
    deaths = {30: ["collector"], 60: ["broker"], 90: ["collector", "broker"], 150: ["collector"]}
    lives = {100, 130}  # the client itself is gone, with all that it had under way
    feed = new_feed(push, alerts)
    assert feed.open() == 0
    resent, n = 0, 0
    while n < BATCHES:
        n += 1
        for role in deaths.pop(n, []):
            kill(instance, role)
        if n in lives:
            lives.remove(n)
            resent += feed.resent
            feed.abandon()
            feed = new_feed(push, alerts)
            n = feed.open(60) + 1
            assert n <= BATCHES
        ts, pairs, volumes = zip(*rows_of("PY", (n - 1) * BATCH, BATCH))
        assert feed.send({"ts": tidewire_push.i64(ts), "pair": tidewire_push.texts(pairs),
                          "volume": list(volumes)}, 120) == n
        time.sleep(0.005)  # so that there is a middle of the stream to die in
    feed.close(120)
    return resent + feed.resent


# ---- the client in C -----------------------------------------------------------------------------

def build(folder):
    program = folder / "push"
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "libzmq", "msgpack", "zlib"],
                           capture_output=True, text=True, check=True).stdout.split()
    clients = TOP / "docs/clients"
    subprocess.run(["cc", "-g", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined",
                    "-fno-sanitize-recover=all", clients / "push.c", *clients.glob("tidewire_*.c"),
                    "-o", program, *flags], check=True, timeout=120)
    return program


def one_life(instance, program, push, alerts, acknowledgements, until=None, in_the_middle=None):
    """Feed it the file from its beginning, and do something when half of it is given; kill it once
    `until` chunks are acknowledged, if it is not to see the end."""
    child = subprocess.Popen([program, push, alerts, "ticks", "c"], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True)
    instance.children.append(child)  # ends with the test
    child.stdin.write("ts,pair,volume\n")
    chunks = CHUNKS if until is None else min(CHUNKS, until + 3)  # some are under way when it dies
    for chunk in range(chunks):
        if chunk == chunks // 2 and in_the_middle:
            in_the_middle()
        child.stdin.writelines(",".join(map(str, row)) + "\n"
                               for row in rows_of("C", chunk * CHUNK, CHUNK))
        child.stdin.flush()
    if until is None:
        said, _ = child.communicate(timeout=180)
        assert child.returncode == 0, f"push exited with {child.returncode}"
        return said
    wait_for(f"frame {until} of the client in C", lambda: acknowledgements.of("c") >= until, 120)
    child.kill()
    child.wait()
    child.stdin.close()
    child.stdout.close()
    return None


def push_by_c(instance, push, alerts, acknowledgements):
    program = build(instance.dir)
    collector, broker = (lambda role=role: kill(instance, role) for role in ("collector", "broker"))
    one_life(instance, program, push, alerts, acknowledgements, 3)
    one_life(instance, program, push, alerts, acknowledgements, 6, collector)
    broker()
    one_life(instance, program, push, alerts, acknowledgements, 8, collector)
    said = one_life(instance, program, push, alerts, acknowledgements, None, broker)
    rows, known, last = (int(word.split("=")[1]) for word in said.split())
    assert known >= 8 and last == CHUNKS and rows == (CHUNKS - known) * CHUNK, said


# ---- the verdict ---------------------------------------------------------------------------------

def each_row_once(sent, told):
    staged = collections.Counter((a["series"], a["ts"], a["columns"]["volume"]) for a in told)
    expected = collections.Counter((f"tick:{p}", ts * 1000, v) for ts, p, v in sent)
    missing, more = expected - staged, staged - expected
    assert not missing and not more, (
        f"{missing.total()} rows are missing, such as {list(missing)[:3]}; "
        f"{more.total()} are there too often, such as {list(more)[:3]}")


def main():
    port, alerts_port = free_ports(2)
    push, alerts = f"tcp://127.0.0.1:{port}", f"tcp://127.0.0.1:{alerts_port}"
    config = CONFIG.replace("ALERTS", str(alerts_port)).replace("PUSH", str(port))
    with Instance(config) as instance, Acknowledgements(alerts) as acknowledgements:
        instance.up()
        resent = push_by_python(instance, push, alerts)
        assert resent > 0, "nobody had to send anything again: the kills hit nothing"
        push_by_c(instance, push, alerts, acknowledgements)
        wait_for("the last acknowledgement", lambda: acknowledgements.of("python") == BATCHES)
        assert not acknowledgements.went_back, acknowledgements.went_back
        sent = rows_of("PY", 0, BATCHES * BATCH) + rows_of("C", 0, CHUNKS * CHUNK)
        told = backtest(instance.config, "--dir", instance.dir)
        each_row_once(sent, told)
        ids = {alert["id"] for alert in told}
        wait_for("the live alerts of every row", lambda: ids <= set(instance.logged_ids()), 120)
        assert ids == set(instance.logged_ids()), "an alert that no back-test knows"
    print(f"{len(sent)} rows of two clients, each staged once; sent again {resent} times and more")


if __name__ == "__main__":
    sys.exit(main())
