"""The client examples where Tidewire has keys and two brokers: each does its work with the key of its
role and says why it is not let in with any other, or none. Of two brokers one after the other is
killed (-9) while alerts flow; who listens to both, as `tail` does by itself, prints every alert, once,
and sees no gap."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import msgpack
import zmq
import zmq.auth

from harness import PROGRAM, TOP, Instance, Subscriber, free_port, wait_for

START_MS = 1_700_000_000_000
PYTHON = "/usr/bin/python3"
FRAME_ROWS = 20

CONFIG = """
keys: keys
listen: { alerts: "tcp://127.0.0.1:*" }
sources:
  - name: feed
    url: push://tcp://127.0.0.1:PORT
    table: m
    key: { k: k }
    time: { at: t, unit: ms }
    columns: { x: x }
    identity: none
rules:
  high: { on: m, when: "x > 100", emit: row, min_rows: 1 }
"""


def build(folder):
    """By the lines of the README."""
    shutil.copytree(TOP / "docs/clients", folder)
    text = (folder / "README.md").read_text()
    for line in re.findall(r"^cc .*$", text, re.M):
        subprocess.run(line, shell=True, cwd=folder, check=True, timeout=120)


class Site:
    def __init__(self, instance, folder, port):
        self.instance, self.folder = instance, folder
        self.keys = instance.dir / "keys"
        self.push = f"tcp://127.0.0.1:{port}"
        self.n = 0

    def word(self, *words):
        return self.instance.bare("keys", *words, "--keys", self.keys)

    def secret(self, name):
        return self.keys / f"secret/{name}.key_secret"

    def lock(self):
        """Now that the collector lives, where it says that it listens, with its key."""
        self.push = self.instance.actors("collector")[0]["push"]

    def alerts(self, name=None):
        return [a["alerts"] for a in self.instance.actors("broker") if name in (None, a["name"])]

    def start(self, words, key):
        name = f"{pathlib.Path(words[0]).name}-{time.monotonic_ns()}"
        return Program(self.folder, name, [str(w) for w in words], key)

    def subscribers(self, alerts, key):
        return [self.start([PYTHON, "subscribe.py", "--alerts", alerts], key),
                self.start(["./subscribe", alerts], key)]

    def pushers(self, to, alerts, client, key):
        """Each with one row, which fires. A client has the name of its key, a dot and more."""
        client = f"trades.{client}"
        self.n += 1
        row = {"k": client, "t": START_MS + self.n, "x": 500}
        py = self.start([PYTHON, "push.py", "--to", to, "--alerts", alerts, "--source", "feed",
                         "--client", f"{client}-py"], key)
        py.give(json.dumps({**row, "k": f"{client}-py"}) + "\n")
        c = self.start(["./push", to, alerts, "feed", f"{client}-c"], key)
        c.give(f"k,t,x\n{client}-c,{row['t']},500\n")
        return [py, c]


class Program:
    """An example that runs; what it said so far."""

    running = []

    def __init__(self, folder, name, words, key):
        self.words = words
        self.out, self.err = folder / f"{name}.out", folder / f"{name}.err"
        environment = {k: v for k, v in os.environ.items() if k != "TIDEWIRE_KEY"}
        if key:
            environment["TIDEWIRE_KEY"] = str(key)
        with open(self.out, "w") as out, open(self.err, "w") as err:
            self.child = subprocess.Popen(words, cwd=folder, stdin=subprocess.PIPE, stdout=out,
                                          stderr=err, text=True, env=environment)
        Program.running.append(self)

    def give(self, text):
        with contextlib.suppress(BrokenPipeError):  # it has ended: it says why
            self.child.stdin.write(text)
            self.child.stdin.close()

    def said(self):
        return self.err.read_text()

    def says(self, text, seconds=20):
        wait_for(f"'{text}' from {self.words} (it said: {self.said()})",
                 lambda: text in self.said(), seconds)

    def ends(self, code):
        assert self.child.wait(60) == code, f"{self.words}: {self.child.returncode}: {self.said()}"
        return self.out.read_text()

    def lines(self):
        return self.out.read_text().split("\n")[:-1]  # the last one may be under way

    def ids(self):
        return [line[:32] if line[0] != "{" else json.loads(line)["id"] for line in self.lines()]

    def stop(self):
        self.child.kill()
        self.child.wait()
        return self.said()


def gaps(folder, *commands):
    """Over two brokers of this test: what one has lost and the other brings is no gap; what neither
    brings within two seconds is."""
    brokers = [zmq.Context.instance().socket(zmq.PUB) for _ in range(2)]
    places = ",".join(f"tcp://127.0.0.1:{b.bind_to_random_port('tcp://127.0.0.1')}"
                      for b in brokers)
    printers = [Program(folder, f"gaps-{i}", [*words, places], None)
                for i, words in enumerate(commands)]

    def say(broker, *seqs):
        for seq in seqs:
            alert = {"v": 1, "id": f"{seq:032x}", "seq": seq, "ts": seq, "prev": f"{seq - 1:032x}"}
            brokers[broker].send_multipart([b"alert/r/s/", msgpack.packb(alert)])

    def hugz():
        for broker in brokers:
            broker.send_multipart([b"hugz/", msgpack.packb({"v": 1})])

    def until(what, condition):
        """The brokers go on saying that they live."""
        wait_for(what, lambda: (hugz(), condition())[1])

    for printer in printers:
        until("both brokers", lambda: printer.said().count("subscribed to") == 2)
    say(0, 1, 2)
    for printer in printers:
        until("the first two", lambda: len(printer.lines()) == 2)
    say(0, 6)  # it lost three, and the other is slow
    for printer in printers:
        until("the sixth", lambda: len(printer.lines()) == 3)
    say(1, 1, 2, 4, 3, 5, 6)
    for printer in printers:
        until("the lost ones", lambda: len(printer.lines()) == 6)
    say(0, 10)
    for printer in printers:
        until("the tenth", lambda: len(printer.lines()) == 7)
    say(1, 8, 10)
    for printer in printers:
        until("two gaps", lambda: printer.said().count("missing") == 2)
        said = printer.stop()
        told = re.findall(r"gap: .*missing", said)
        assert told == ["gap: alert/r/s/ 7..7 missing", "gap: alert/r/s/ 9..9 missing"], said
        assert [int(i, 16) for i in printer.ids()] == [1, 2, 6, 4, 3, 5, 10, 8], printer.ids()
        assert "silent" not in said, said
    for broker in brokers:
        broker.close(0)
    print("a gap is what no broker brings")


def right_keys(site):
    alerts = site.alerts()[0]
    subscribers = site.subscribers(alerts, site.secret("alice"))
    for subscriber in subscribers:
        subscriber.says("subscribed to tcp://127.0.0.1:")
    for pusher in site.pushers(site.push, alerts, "right", site.secret("trades")):
        assert pusher.ends(0) == "rows=1 " + ("frames=1 " if "push.py" in pusher.words else "") + \
            "known=0 last=1\n", pusher.out.read_text()
    for subscriber in subscribers:
        wait_for("both alerts, and what becomes of their incidents", lambda: (
            len(site.instance.logged_ids()) == 2 and
            set(subscriber.ids()) == set(site.instance.logged_ids(kinds=None))))
        assert "gap" not in subscriber.stop()
    assert subscribers[0].ids() == subscribers[1].ids()
    print("with the key of its role each example does its work")


def wrong_keys(site, strange):
    broker = site.instance.actors("broker")[0]
    alerts = broker["alerts"]
    bare, bare_push = alerts.partition("#")[0], site.push.partition("#")[0]
    alice = site.secret("alice")
    other = alerts[:-64] + zmq.utils.z85.decode(zmq.curve_keypair()[0]).hex()
    # what is given: alerts, push, key; what they say, and whether subscribers go on after that
    cases = [(alerts, site.push, None, "wants a key", False),
             (bare, bare_push, alice, "has no key behind it", False),
             (alerts[:-1], site.push[:-1], alice, "behind # stand 64", False),
             (alerts, site.push, site.keys / "known/alice.key", "secret", False),
             (alerts, site.push, site.folder / "nothing", "nothing", False),
             (bare, bare_push, None, "it has keys and we have none", True),
             (alerts, site.push, strange, "it refuses our key", True),
             (alerts, site.push, site.secret(broker["name"]), "it refuses our key", True),
             (other, site.push, alice, "no handshake", True)]
    started = [(case, site.subscribers(case[0], case[2]),
                site.pushers(case[1], case[0], f"wrong-{i}", case[2])
                if case[3] != "no handshake" else [])
               for i, case in enumerate(cases)]
    for (_, _, _, text, goes_on), subscribers, pushers in started:
        for subscriber in subscribers:
            subscriber.says(text)
            if goes_on:
                assert subscriber.child.poll() is None, subscriber.said()
                subscriber.says("is silent; waiting")
                subscriber.stop()
            else:
                subscriber.ends(1)
            assert not subscriber.lines(), subscriber.lines()
        for pusher in pushers:
            assert pusher.ends(1) == ""
            assert text in pusher.said() and "Traceback" not in pusher.said(), pusher.said()
    # A subscriber's key hears the broker, but cannot push.
    for pusher in site.pushers(site.push, alerts, "alice", alice):
        assert pusher.ends(1) == ""
        assert f"{bare_push}: it refuses our key" in pusher.said(), pusher.said()
    assert len(site.instance.logged_ids()) == 2, "a row came in with a wrong key"
    print(f"{len(cases)} wrong keys: none comes in, each is told why")


def known_later(site, strange):
    """libzmq gives up after a refusal; the examples do not."""
    subscribers = site.subscribers(site.alerts()[0], strange)
    for subscriber in subscribers:
        subscriber.says("it refuses our key")
    public = zmq.auth.load_certificate(strange)[0].decode()
    site.instance.config.with_name("line").write_text(f"late subscriber {public}\n")
    site.word("import", site.instance.config.with_name("line"))
    for subscriber in subscribers:
        subscriber.says("subscribed to")
        subscriber.stop()
    print("who was refused comes in when his key is known")


class Flow:
    """Rows that all fire, pushed by push.py until it is told to stop."""

    def __init__(self, site):
        self.child = site.start([PYTHON, "push.py", "--to", site.push, "--alerts",
                                 ",".join(site.alerts()), "--source", "feed", "--client", "trades.flow",
                                 "--batch", FRAME_ROWS], site.secret("trades"))
        self.stopping, self.rows = threading.Event(), 0
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.stopping.is_set():
            for _ in range(FRAME_ROWS):
                self.rows += 1
                row = {"k": f"s{self.rows % 7}", "t": START_MS + 1000 + self.rows, "x": 500}
                self.child.child.stdin.write(json.dumps(row) + "\n")
            self.child.child.stdin.flush()
            self.stopping.wait(0.05)
        self.child.child.stdin.close()

    def end(self):
        self.stopping.set()
        self.thread.join()
        self.child.ends(0)
        return self.rows


def heard_over(site, name):
    """Until alerts come by that broker."""
    endpoint = wait_for(f"broker {name} in the registry", lambda: site.alerts(name))[0]
    probe = Subscriber(endpoint, pair=zmq.auth.load_certificate(site.secret("operator")))
    wait_for(f"alerts by {name}", lambda: probe.alerts)
    probe.close()
    return endpoint


def two_brokers(site):
    site.word("add", "second", "--role", "broker")
    second = site.instance.actor("broker", "second")
    wait_for("two brokers", lambda: len(site.alerts()) == 2)
    before = len(site.instance.logged_ids())
    entries_before = len(site.instance.logged_ids(kinds=None))
    subscribers = site.subscribers(",".join(site.alerts()), site.secret("alice"))
    for subscriber in subscribers:
        wait_for("both brokers", lambda: subscriber.said().count("subscribed to") == 2)
    tail = site.start([PROGRAM, "tail", "--dir", site.instance.dir, "--json"], None)
    flow = Flow(site)
    first = next(a for a in site.instance.actors("broker") if a["name"] != "second")
    for name in (first["name"], "second"):
        heard_over(site, name)
    wait_for("tail to listen", tail.lines)
    site.instance.kill(second)
    address = site.alerts("second")[0].partition("#")[0]
    for subscriber in subscribers:
        subscriber.says(f"the broker at {address} is silent; waiting")
    tail.says("listening to 1 broker now")
    site.instance.actor("broker", "second")  # where it was: it takes its port again
    for subscriber in subscribers:
        subscriber.says(f"the broker at {address} is heard again")
    tail.says("listening to 2 brokers now")
    heard_over(site, "second")
    os.kill(int(first["pid"]), signal.SIGKILL)
    wait_for("the first broker again", lambda: [  # its supervisor starts it
        a for a in site.instance.actors("broker")
        if a["name"] == first["name"] and a["pid"] != first["pid"]])
    heard_over(site, first["name"])
    rows = flow.end()
    ids = wait_for("every alert in the log", lambda: (
        found := site.instance.logged_ids()[before:])[rows - 1:] and found, 60)
    assert len(ids) == len(set(ids)) == rows, (len(ids), len(set(ids)), rows)
    ids = site.instance.logged_ids(kinds=None)[entries_before:]  # with what becomes of incidents
    for subscriber in [*subscribers, tail]:
        wait_for("the last alerts", lambda: set(ids[-FRAME_ROWS:]) <= set(subscriber.ids()))
        said, got = subscriber.said(), subscriber.ids()
        if subscriber is tail:  # it gives no sign when it has begun
            ids = ids[ids.index(got[0]):]
        assert set(got) == set(ids), f"{subscriber.words} missed {len(set(ids) - set(got))}: {said}"
        assert len(got) == len(ids), f"{len(got) - len(ids)} alerts were printed twice"
        assert "gap" not in said, said
    site.word("revoke", "second")
    wait_for("tail to leave whose key is revoked",
             lambda: tail.said().count("listening to 1 broker now") == 2)
    for subscriber in [*subscribers, tail]:
        subscriber.stop()
    print(f"{rows} alerts over two brokers, of which each was killed once: none missed, none twice")


def words(site):
    """What a person is told who gives away a key."""
    said = site.word("add", "alice", "--role", "subscriber").stdout
    assert str(site.secret("alice")) in said and "`alerts` of every broker" in said, said
    said = site.word("add", "trades", "--role", "feed").stdout
    assert str(site.secret("trades")) in said and "`push`" in said, said
    site.instance.up()
    site.lock()
    said = site.instance.word("status").stdout
    assert "#" not in said.split("Who connects needs the whole endpoint")[0], said
    assert site.alerts()[0].partition("#")[0] in said, said


def main():
    parent = pathlib.Path(tempfile.mkdtemp(prefix="tw-clients-", dir="/tmp"))
    folder = parent / "clients"
    build(folder)
    port = free_port()
    try:
        gaps(folder, [PYTHON, "subscribe.py", "--alerts"], ["./subscribe"])
        with Instance(CONFIG.replace("PORT", str(port))) as instance:
            site = Site(instance, folder, port)
            site.word("init")
            zmq.auth.create_certificates(parent, "strange")
            strange = parent / "strange.key_secret"
            words(site)
            right_keys(site)
            wrong_keys(site, strange)
            known_later(site, strange)
            two_brokers(site)
    finally:
        for program in Program.running:
            if program.child.poll() is None:
                program.stop()
    shutil.rmtree(parent)


if __name__ == "__main__":
    sys.exit(main())
