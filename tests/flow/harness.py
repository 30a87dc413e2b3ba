"""Real processes for the flow tests: one Tidewire in a folder of its own, and independent clients.

Everything runs on loopback and in a temporary folder, and ends with the test. Run by
/usr/bin/python3 with Debian's python3-zmq, -msgpack and -redis.
"""

import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

import msgpack
import redis
import zmq

TOP = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("TIDEWIRE", str(TOP / "build/release/tidewire"))
SHARED = TOP.parent / "shared/data"
SKIPPED = 77  # exit code that ctest shows as "Skipped"
LATER, LATER_S = 2, 30  # times as long, and at least so long, what did not come is waited for
LOG_LINES, LOG_LINE_CHARS, REASON_CHARS = 15, 400, 2000  # of each log of a test that failed

ALERT_KINDS = {"alert", "correction"}  # the other entries of a topic tell of incidents


def skip(reason):
    print(f"SKIPPED: {reason}", flush=True)
    sys.exit(SKIPPED)


class Late(AssertionError):
    """It came, but when time was up. What never comes is another matter."""


def tell_late(kind, failure, trace):
    """That a test ended so, for `./run test`, which lets few of them run once more, alone."""
    folder = os.environ.get("TIDEWIRE_LATE")
    if folder and issubclass(kind, Late):
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
        (pathlib.Path(folder) / pathlib.Path(sys.argv[0]).stem).write_text(f"{failure}\n")
    sys.__excepthook__(kind, failure, trace)


sys.excepthook = tell_late


def wait_for(what, condition, seconds=60.0):
    """The first true value of condition(); fails loudly when time is up, and says whether it came in
    the end: what is late on a busy machine is no lost alert. `what`: a text, or who makes one when it is
    too late and knows what was there instead."""
    begun = time.monotonic()
    until = begun + seconds
    while time.monotonic() < until:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    missed = f"waited {seconds:g} s in vain for: {what() if callable(what) else what}"
    if not os.environ.get("TIDEWIRE_LATE"):
        raise AssertionError(missed)
    while time.monotonic() < until + max(LATER * seconds, LATER_S):
        if condition():
            raise Late(f"{missed}: it came after {time.monotonic() - begun:.1f} s")
        time.sleep(0.1)
    raise AssertionError(f"{missed}; nor did it come in {time.monotonic() - begun:.0f} s")


def reason(failure):
    """What failed, and by which lines one comes there: short enough to outlive a log that is cut."""
    places = [f"{pathlib.Path(frame.filename).name}:{frame.lineno}"
              for frame in traceback.extract_tb(failure.__traceback__)]
    return f"{type(failure).__name__}: {failure}"[:REASON_CHARS] + f"\n    at {' > '.join(places)}"


CLAIMS = []  # sockets that hold the ports of this process against tests that run beside it


def claim(port):
    """No other test of this machine takes the port before we end; None if one has it."""
    holder = socket.socket(socket.AF_UNIX)
    try:
        holder.bind(f"\0tidewire-test-port-{port}")
    except OSError:
        holder.close()
        return None
    return holder


def free_ports(count):
    """Below those that the kernel gives to whoever connects: while an actor that is killed does not
    listen, nobody's outgoing connection may take its port. Probed by sockets that never listen: a
    client of ZeroMQ that meets a wrong socket on its address gives up for ever."""
    ports = []
    while len(ports) < count:
        port = random.randrange(20000, 32000)
        holder = claim(port)
        if not holder:
            continue
        CLAIMS.append(holder)  # whatever comes of it: nobody will want a port that is taken
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            ports.append(port)
    return ports


def free_port():
    return free_ports(1)[0]


def backtest(config, *words):
    """Alerts of a back-test as dictionaries, in order of print."""
    run = subprocess.run([PROGRAM, "backtest", "-c", str(config), "--json", *words],
                         capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, f"backtest failed ({run.returncode}):\n{run.stderr}"
    return [json.loads(line) for line in run.stdout.splitlines()]


class Instance:
    """One Tidewire in its own DIR with an embedded Redis."""

    def __init__(self, config, directory=None):
        self.own = directory is None
        self.dir = pathlib.Path(directory or tempfile.mkdtemp(prefix="tw-", dir="/tmp"))
        self.config = self.dir / "config.yaml"
        self.config.write_text(config.replace("DIR", str(self.dir)))
        self.children = []

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        for child in self.children:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
                child.wait()
        self.word("down", check=False)
        if kind is not None:
            self.show_logs(value)
        elif self.own:
            shutil.rmtree(self.dir, ignore_errors=True)

    def show_logs(self, failure):
        sys.stdout.flush()  # what went well came before
        print(f"--- failed: {reason(failure)}\n--- logs of {self.dir}", file=sys.stderr)
        for log in sorted((self.dir / "log").glob("*.log")):
            print(f"--- {log.name}", file=sys.stderr)
            for line in log.read_text(errors="replace").splitlines()[-LOG_LINES:]:
                print(line[:LOG_LINE_CHARS], file=sys.stderr)
        print(f"--- failed: {reason(failure)}", file=sys.stderr)

    def word(self, word, *words, check=True):
        return self.bare(word, "--dir", str(self.dir), *words, check=check)

    def bare(self, word, *words, check=True):
        """A word that knows no --dir."""
        run = subprocess.run([PROGRAM, word, *map(str, words)],
                             capture_output=True, text=True, timeout=120)
        if check:
            assert run.returncode == 0, f"{word} failed ({run.returncode}):\n{run.stderr}"
        return run

    def up(self, roles=None):
        return self.word("up", "-c", self.config, *(["--roles", roles] if roles else []))

    def actor(self, role, name, config=None):
        """One more actor in the foreground of this test, of this or another configuration."""
        (self.dir / "log").mkdir(exist_ok=True)
        with open(self.dir / f"log/{name}.log", "ab") as log:
            child = subprocess.Popen([PROGRAM, role, "-c", str(config or self.config),
                                      "--name", name, "--dir", str(self.dir)],
                                     stderr=log, stdout=log)
        self.children.append(child)
        return child

    def status(self):
        return json.loads(self.word("status", "--json").stdout)

    def actors(self, role):
        return [a for a in self.status()["actors"] if a["role"] == role]

    def alerts_endpoint(self):
        return wait_for("a broker", lambda: [a["alerts"] for a in self.actors("broker")])[0]

    def redis(self):
        return redis.Redis(unix_socket_path=str(self.dir / "redis.sock"), decode_responses=True)

    def logged_ids(self, namespace="tw", kinds=ALERT_KINDS):
        """Ids of these kinds in the alert log, in order; None: of all."""
        log = redis.Redis(unix_socket_path=str(self.dir / "redis.sock"))
        return [fields[b"id"].decode() for _, fields in log.xrange(f"{namespace}:alerts")
                if kinds is None or fields[b"kind"].decode() in kinds]

    def explain(self, alert_id, *words):
        """(exit code, what was said)."""
        run = self.word("explain", *words, alert_id, check=False)
        return run.returncode, run.stdout + run.stderr

    def agrees(self, entry):
        """What the log implies is this entry of the alert log."""
        code, text = self.explain(entry["id"])
        assert code == 0 and "agrees" in text and entry["kind"] in text, text

    def kill(self, child):
        """kill -9, and nobody starts it again."""
        child.kill()
        child.wait()
        self.children.remove(child)

    def stop(self, child):
        child.send_signal(signal.SIGTERM)
        assert child.wait(timeout=30) == 0, f"exit {child.returncode} after SIGTERM"
        self.children.remove(child)


def connect(socket, endpoint, pair=None):
    """An endpoint is an address, with the key of its listener behind `#` where there are keys; then
    `pair` is ours, public and secret."""
    address, _, key = endpoint.partition("#")
    if pair:
        socket.curve_publickey, socket.curve_secretkey = pair
        socket.curve_serverkey = bytes.fromhex(key)
    socket.connect(address)


def alert_log(store, kinds=ALERT_KINDS, series=None):
    """The entries of the alert log that are of these kinds, and of this series: their fields."""
    return [fields for _, fields in store.xrange("tw:alerts")
            if fields["kind"] in kinds and series in (None, fields["series"])]


class LogReader:
    """The ids in the alert log, of these kinds. It reads on where it was: to read the whole of a long
    log again and again costs Redis more than its work does."""

    PAGE = 5000  # entries

    def __init__(self, store, kinds=ALERT_KINDS):
        self.store, self.kinds, self.at, self.found = store, kinds, "-", []

    def ids(self):
        while page := self.store.xrange("tw:alerts", self.at, "+", self.PAGE):
            self.found += [fields["id"] for _, fields in page if fields["kind"] in self.kinds]
            self.at = f"({page[-1][0]}"
        return self.found


def alerts_logged(store):
    """How many alerts are logged, as their rules count them: to read the log itself is costly."""
    return sum(int(store.hget(key, "alerts") or 0) for key in store.scan_iter("tw:status:*"))


class Subscriber:
    """A python3-zmq subscriber of the alert socket; collects in a thread."""

    def __init__(self, endpoint, topic="alert/", pair=None):
        self.alerts, self.entries = [], []  # entries: of incidents, too
        self.stopping = False
        self.socket = zmq.Context.instance().socket(zmq.SUB)
        self.socket.setsockopt(zmq.RCVHWM, 1_000_000)
        self.socket.setsockopt_string(zmq.SUBSCRIBE, topic)
        self.socket.setsockopt_string(zmq.SUBSCRIBE, "hugz/")
        connect(self.socket, endpoint, pair)
        self.heard = threading.Event()
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()
        assert self.heard.wait(10), "no hugz from the broker within 10 s"

    def _listen(self):
        while not self.stopping:
            if not self.socket.poll(50):
                continue
            topic, body = self.socket.recv_multipart()
            self.heard.set()
            if topic.startswith(b"alert/"):
                entry = (topic.decode(), msgpack.unpackb(body))
                self.entries.append(entry)
                if entry[1]["kind"] in ALERT_KINDS:
                    self.alerts.append(entry)

    def ids(self):
        return {alert["id"] for _, alert in self.alerts}

    def close(self):
        self.stopping = True
        self.thread.join()
        self.socket.close(0)


class Pusher:
    """A client of a pushed feed that numbers its frames and resends what is not yet durable."""

    def __init__(self, feed, alerts_endpoint, source, client="test", pair=None):
        self.source, self.client, self.n = source, client, 0
        self.push = zmq.Context.instance().socket(zmq.PUSH)
        self.push.setsockopt(zmq.LINGER, 1000)
        connect(self.push, feed, pair)
        self.news = zmq.Context.instance().socket(zmq.SUB)
        self.news.setsockopt_string(zmq.SUBSCRIBE, f"staged/{source}/{client}")
        connect(self.news, alerts_endpoint, pair)
        self.unstaged = {}

    def send(self, rows=None, raw=None):
        self.n += 1
        frame = {"v": 1, "source": self.source, "client": self.client, "n": self.n}
        frame.update({"raw": raw} if raw is not None else {"rows": rows})
        self.unstaged[self.n] = msgpack.packb(frame)
        self.push.send(self.unstaged[self.n])

    def settle(self, seconds=30.0):
        """Until every frame is durable; resends once a second."""
        until = time.monotonic() + seconds
        again = time.monotonic() + 1
        while self.unstaged:
            assert time.monotonic() < until, f"{len(self.unstaged)} frames are not staged"
            if self.news.poll(50):
                _, body = self.news.recv_multipart()
                durable = msgpack.unpackb(body)["n"]
                self.unstaged = {n: f for n, f in self.unstaged.items() if n > durable}
            elif time.monotonic() > again:
                for frame in self.unstaged.values():
                    self.push.send(frame)
                again = time.monotonic() + 1

    def close(self):
        self.push.close()
        self.news.close(0)
