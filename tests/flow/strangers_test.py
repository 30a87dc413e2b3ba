"""Whoever reaches a socket, at every socket that any process has, without keys and with: garbage,
halves of greetings, old and wrong ones, frames beyond all measure, silence, byte after byte, crowds;
and a session that was recorded. Nobody dies, nothing grows, rows pushed meanwhile give their
alerts; each stranger is counted, and logs are not flooded.

The sanitized program is the subject where it was built."""

import os
import pathlib
import random
import re
import resource
import socket
import struct
import threading
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
SANITIZED = TOP / "build/sanitize/tidewire"
if SANITIZED.exists():
    os.environ["TIDEWIRE"] = str(SANITIZED)
    os.environ.setdefault("ASAN_OPTIONS", "quarantine_size_mb=8")

import zmq  # noqa: E402
import zmq.auth  # noqa: E402

from harness import Instance, Pusher, Subscriber, free_port, wait_for# noqa: E402

CROWD = int(os.environ.get("TIDEWIRE_CROWD", 300))  # connections at a time, at each socket
DESCRIPTORS = CROWD // 2  # that each process may have at first: fewer than come
GROWTH_MAX = 48 << 20     # of each process, when all are gone
CUT_S = 20                # within which a connection that is no good has ended; libzmq's 5 s, and ours
ALERT_S = 60
COUNT_S = 20              # until every failed handshake is counted and in the registry
COMES_IN = "a frame of 4 exabytes"  # without keys, if it is of the kind that the socket talks to
HELLO_END = 64 + 2 + 200  # of a session's bytes: the greeting, and HELLO in its frame
FAR = 1 << 62             # bytes: 4 exabytes

CONFIG = """
KEYS
listen: { alerts: "tcp://127.0.0.1:*" }
sources:
  - name: feed
    url: push://tcp://127.0.0.1:PORT
    table: m
    key: { k: /k }
    time: { at: t, unit: ms }
    columns: { x: x }
    identity: none
rules:
  high: { on: m, when: "x > 100", emit: row }
"""
DOORS = [("collector", "raw"), ("collector", "ack"), ("transform", "endpoint"), ("broker", "in"),
         ("broker", "alerts")]


def greeting(mechanism=b"NULL", version=b"\x03\x00", end=bytes(32)):
    return b"\xff" + bytes(8) + b"\x7f" + version + mechanism.ljust(20, b"\0") + end


def command(name, body):
    text = bytes([len(name)]) + name + body
    if len(text) < 256:
        return b"\x04" + bytes([len(text)]) + text
    return b"\x06" + struct.pack(">Q", len(text)) + text


def ready(kind=b"PUSH"):
    return command(b"READY", b"\x0bSocket-Type" + struct.pack(">I", len(kind)) + kind)


def said(rng, keys):
    """What strangers say -> must the connection end? Without keys the last one has come in as a peer:
    libzmq 4.3.4 takes a length of -1 for a good one."""
    return {
        "nothing": (b"", True),
        "half a signature": (b"\xff" + bytes(4), True),
        "half a greeting": (greeting()[:30], True),
        "garbage": (rng.randbytes(2000), True),
        "an HTTP request": (b"GET / HTTP/1.1\r\nHost: tidewire\r\n\r\n", True),
        "ZMTP 1.0": (b"\x01\x00" + b"\x05\x00hello", True),
        "ZMTP 2.0": (b"\xff" + bytes(7) + b"\x01\x7f\x01\x08\x00\x00", True),
        "PLAIN": (greeting(b"PLAIN") + command(b"HELLO", b"\x05admin\x05admin"), True),
        "a mechanism that is none": (greeting(b"XYZZY") + ready(), True),
        "NULL where CURVE is asked for": (greeting() + ready(), keys),
        "CURVE and garbage": (greeting(b"CURVE") + command(b"HELLO", rng.randbytes(194)), True),
        "a command of 4 exabytes": (greeting() + b"\x06" + struct.pack(">Q", FAR), True),
        "a frame of 4 exabytes": (greeting() + ready() + b"\x02" + struct.pack(">Q", FAR), True),
        "a property that is longer than all": (
            greeting() + command(b"READY", b"\x0bSocket-Type\xff\xff\xff\xff"), keys),
    }


def ends(connection):
    """True: the other side has closed it."""
    until = time.monotonic() + CUT_S
    connection.settimeout(CUT_S)
    try:
        while time.monotonic() < until:
            if not connection.recv(65536):
                return True
    except ConnectionError:
        return True
    except TimeoutError:
        pass
    return False


def drip(address, found):
    """A greeting in which each byte keeps the hope alive."""
    with socket.create_connection(address, timeout=10) as connection:
        connection.settimeout(0.2)
        began = time.monotonic()
        for byte in greeting() + ready():
            try:
                connection.sendall(bytes([byte]))
                while connection.recv(4096):
                    pass
                break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        found.append(time.monotonic() - began)


class Site:
    """A pipeline with somebody who pushes and somebody who listens."""

    def __init__(self, keyed):
        self.keyed = keyed
        self.port = free_port()
        self.instance = Instance(CONFIG.replace("KEYS", "keys: keys" if keyed else "")
                                 .replace("PORT", str(self.port)))
        self.rng = random.Random(11)
        self.began = time.monotonic()
        self.pushed = 0

    def __enter__(self):
        self.instance.__enter__()
        if self.keyed:
            for words in (["init"], ["add", "t-feed", "--role", "feed"],
                          ["add", "t-prep", "--role", "prep"],
                          ["add", "t-transform", "--role", "transform"]):
                self.instance.bare("keys", *words, "--keys", self.instance.dir / "keys")
        # As a shell or a container gives it: the actors must take all that they may have.
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, limits[1]))
        self.instance.up()
        resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
        key = self.instance.actors("collector")[0]["raw"].partition("#")
        self.push = f"tcp://127.0.0.1:{self.port}{key[1]}{key[2]}"
        self.subscriber = Subscriber(self.instance.alerts_endpoint(), pair=self.pair("operator"))
        self.pusher = Pusher(self.push, self.instance.alerts_endpoint(), "feed",
                             client="t-feed", pair=self.pair("t-feed"))
        self.pids = {a["pid"]: a["role"] for a in self.instance.status()["actors"]}
        return self

    def __exit__(self, *why):
        self.pusher.close()
        self.subscriber.close()
        self.instance.__exit__(*why)

    def pair(self, name):
        if not self.keyed:
            return None
        return zmq.auth.load_certificate(self.instance.dir / f"keys/secret/{name}.key_secret")

    def doors(self):
        found = [(field, self.instance.actors(role)[0][field], self.instance.actors(role)[0]["pid"])
                 for role, field in DOORS]
        return [*found, ("push", self.push, self.instance.actors("collector")[0]["pid"])]

    def memory(self):
        return {pid: int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status")
                                   .read_text())[1]) << 10 for pid in self.pids}

    def row(self):
        """A row pushed by one who behaves gives its alert, once; how long that took."""
        began = time.monotonic()
        self.pushed += 1
        name = f"good-{self.pushed}"
        self.pusher.send({"k": [name], "t": [int(time.time() * 1000)], "x": [500]})
        self.pusher.settle(ALERT_S)
        wait_for(f"the alert of {name}", lambda: any(
            f"/m:{name}/" in topic for topic, _ in self.subscriber.alerts), ALERT_S)
        return time.monotonic() - began

    def failed(self):
        """Failed handshakes that each process has counted."""
        return {a["pid"]: a["handshakes_failed"] for a in self.instance.status()["actors"]
                if "handshakes_failed" in a}

    def counts(self, before, pid, least, most):
        """Since `before` the process has counted as many, and it stays so."""
        wait_for(f"the {self.pids[pid]} to count {least} failed handshakes",
                 lambda: self.failed()[pid] - before[pid] >= least, COUNT_S)
        found = self.failed()[pid] - before[pid]
        assert found <= most, f"the {self.pids[pid]} counts {found} of {most} strangers"

    def well(self):
        now = {a["pid"]: a["role"] for a in self.instance.status()["actors"]}
        assert now == self.pids, f"{self.pids} became {now}"
        ids = self.instance.logged_ids()
        assert len(ids) == len(set(ids)) == self.pushed, (len(ids), self.pushed)

    def logs(self):
        return {path.name: path.read_text(errors="replace")
                for path in (self.instance.dir / "log").glob("*.log")}


def address_of(endpoint):
    host, port = endpoint.partition("#")[0].removeprefix("tcp://").rsplit(":", 1)
    return host, int(port)


def each_alone(site):
    """Everything that strangers say, at every socket; all at once, as they would come."""
    count = 0
    for field, endpoint, pid in site.doors():
        found, slow, before = [], [], site.failed()
        dripping = threading.Thread(target=drip, args=(address_of(endpoint), slow))
        dripping.start()
        for what, (text, must_end) in said(site.rng, site.keyed).items():
            connection = socket.create_connection(address_of(endpoint), timeout=10)
            connection.sendall(text)
            found.append((what, must_end, connection))
        site.row()
        for what, must_end, connection in found:
            if must_end:
                assert ends(connection), f"{field} keeps the connection of who says {what}"
            connection.close()
            count += 1
        dripping.join()
        assert slow[0] < CUT_S, f"{field} waits {slow[0]:.0f} s for a greeting"
        sure = sum(must_end and (site.keyed or what != COMES_IN) for what, must_end, _ in found)
        site.counts(before, pid, sure + len(slow), len(found) + len(slow))
    site.well()
    print(f"{count} strangers at {len(site.doors())} sockets: cut off and counted, one row each "
          "meanwhile")


def sockets(pid):
    """How many the process has; the log's own files come and go with whoever asks for records."""
    found = 0
    for descriptor in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            found += os.readlink(descriptor).startswith("socket:")
        except FileNotFoundError:
            pass  # closed meanwhile
    return found


def crowds(site):
    before, quick = site.memory(), site.row()
    texts = [text for what, (text, must_end) in said(site.rng, site.keyed).items()
             if must_end and (site.keyed or what != COMES_IN)]
    slowest = 0.0
    for field, endpoint, pid in site.doors():
        open_before, failed_before = sockets(pid), site.failed()
        crowd = []
        for i in range(CROWD):
            connection = socket.create_connection(address_of(endpoint), timeout=30)
            connection.sendall(texts[i % len(texts)])
            crowd.append(connection)
        slowest = max(slowest, site.row())
        # A door that a crowd stands before opens to others all the same.
        late = Subscriber(site.instance.alerts_endpoint(), pair=site.pair("operator"))
        late.close()
        for connection in crowd:
            connection.close()
        wait_for(f"{field} to be rid of them",
                 lambda: sockets(pid) <= open_before, 60)
        site.counts(failed_before, pid, CROWD, CROWD)
    for pid, role in site.pids.items():
        grown = site.memory()[pid] - before[pid]
        assert grown < GROWTH_MAX, f"the {role} grew by {grown >> 20} MB"
    assert not any("Too many open files" in text for text in site.logs().values())
    site.well()
    print(f"{CROWD} at a time at each: an alert took {slowest:.1f} s at most ({quick:.1f} s before, "
          f"{site.row():.1f} s after)")


class Recorder:
    """Between a client and a socket; keeps what the client said."""

    def __init__(self, address):
        self.address, self.bytes = address, b""
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        client, _ = self.listener.accept()
        server = socket.create_connection(self.address)
        threading.Thread(target=self._pass, args=(server, client, False), daemon=True).start()
        self._pass(client, server, True)

    def _pass(self, here, there, keep):
        try:
            while data := here.recv(65536):
                if keep:
                    self.bytes += data
                there.sendall(data)
        except OSError:
            pass  # one of them left

    def endpoint(self, key):
        return f"tcp://127.0.0.1:{self.listener.getsockname()[1]}#{key}"


def replayed(site):
    """The recorded bytes of a session whose key is good do not make another one."""
    address, key = address_of(site.push), site.push.partition("#")[2]
    recorder = Recorder(address)
    pusher = Pusher(recorder.endpoint(key), site.instance.alerts_endpoint(), "feed",
                    client="t-feed.recorded", pair=site.pair("t-feed"))
    site.pushed += 1
    pusher.send({"k": ["recorded"], "t": [int(time.time() * 1000)], "x": [500]})
    pusher.settle(ALERT_S)
    wait_for("its alert", lambda: len(site.instance.logged_ids()) == site.pushed, ALERT_S)
    pusher.close()
    assert b"INITIATE" in recorder.bytes and b"MESSAGE" in recorder.bytes, recorder.bytes[:300]
    staged = site.instance.actors("collector")[0]["push_frames"] if "push_frames" in \
        site.instance.actors("collector")[0] else None
    heard = b""
    with socket.create_connection(address, timeout=CUT_S) as connection:
        connection.sendall(recorder.bytes[:HELLO_END])
        while b"WELCOME" not in heard:
            data = connection.recv(65536)
            assert data, heard
            heard += data
        try:
            connection.sendall(recorder.bytes[HELLO_END:])
            while data := connection.recv(65536):
                heard += data
        except ConnectionError:
            pass
    assert b"READY" not in heard, heard
    site.row()
    now = site.instance.actors("collector")[0].get("push_frames")
    assert staged is None or int(now) == int(staged) + 1, (staged, now)
    site.well()
    print("a recorded session, played again: refused")


def logged_seldom(site):
    """A refusal, and a handshake that failed, is told once a minute and peer; and nobody has
    stumbled."""
    minutes = 1 + int((time.monotonic() - site.began) / 60)
    for name, text in site.logs().items():
        assert "Sanitizer" not in text and "runtime error" not in text, text[-3000:]
        assert "starting it again" not in text, text[-3000:]
        told = {}
        for line in text.splitlines():
            if 'msg="handshake failed"' in line:  # at whatever door
                what = ("handshake failed", *re.findall(r"peer=\S+", line))
                told[what] = told.get(what, 0) + 1
            elif "refused" in line:
                what = (re.search(r'msg="([^"]*)"', line)[1], *re.findall(r"door=\S+", line))
                told[what] = told.get(what, 0) + 1
        if re.match("collector|transform|broker", name):
            assert ("handshake failed", "peer=127.0.0.1") in told, f"{name} tells no stranger"
        for what, times in told.items():
            assert times <= 2 * minutes, f"{name}: {times} lines of {what} in {minutes} min"


def main():
    for keyed in (False, True):
        print("with keys" if keyed else "without keys")
        with Site(keyed) as site:
            site.row()
            each_alone(site)
            crowds(site)
            if keyed:
                replayed(site)
            logged_seldom(site)


if __name__ == "__main__":
    main()
