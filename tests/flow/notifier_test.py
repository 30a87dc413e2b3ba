#!/usr/bin/python3
"""The broker and the notifier as processes, with a real redis-server: alerts are put into the
outbox as transform does, and must reach the alert socket, the alert log and the webhooks, under
the same ids, whatever is killed in between.

Environment: TIDEWIRE = the program (default build/release/tidewire).
Needs python3-zmq, python3-msgpack, python3-redis, redis-server.
"""
import base64
import collections
import hashlib
import hmac
import http.server
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
import unittest

import msgpack
import redis
import zmq

ROOT = pathlib.Path(__file__).resolve().parents[2]
TIDEWIRE = os.path.abspath(os.environ.get("TIDEWIRE", ROOT / "build/release/tidewire"))
KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
HIDDEN_S = 22  # a delivery in hand when its notifier dies is due again after 20 s


def wait_for(what, condition, seconds=15):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds} s for {what}")


def encode(rule, series, seq, ident, previous=None, kind="firing"):
    """An alert as transform writes it: the time of publishing is its last entry, still 0."""
    fields = [
        ("v", 1), ("id", ident), ("kind", kind), ("seq", seq), ("prev", previous),
        ("rule", rule), ("severity", "warning"), ("series", series),
        ("key", {"exchange": "test", "pair": series.split(":")[-1]}),
        ("ts", 1_700_000_000_000_000 + seq), ("columns", {"volume": 12.5}),
        ("evidence", [{"expr": "avg(volume)", "window": "last_1h", "rows": 60, "sum": 120,
                       "avg": 2, "exact": True}]),
        ("threshold", 6), ("ratio", 2.0833), ("when", "volume > 3 * avg(volume) OVER last_1h"),
        ("record", {"stream": "c1", "seq": seq, "row": 0}),
        ("stamps", {"recv": 1, "staged": 2, "prep": 3, "fired": 4}),
    ]
    body = b"\xde\x00" + bytes([len(fields) + 1])
    for name, value in fields:
        body += msgpack.packb(name) + msgpack.packb(value)
    return body + msgpack.packb("at") + b"\xd3" + bytes(8)


class Receiver:
    """A webhook receiver: keeps what it got; `plan` may answer other than 204."""

    def __init__(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with outer.lock:
                    outer.under_way += 1
                    outer.most = max(outer.most, outer.under_way)
                    outer.got.append((time.monotonic(), self.path, dict(self.headers), body))
                    number = len(outer.got)
                status, headers, answer = outer.plan(self.path, number)
                with outer.lock:
                    outer.under_way -= 1
                try:
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)
                except OSError:
                    pass  # the notifier was killed

            do_GET = do_PUT = do_POST

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_):
                pass  # connections that a killed notifier left behind

        self.lock = threading.Lock()
        self.got, self.under_way, self.most = [], 0, 0
        self.plan = lambda path, number: (204, {}, b"")
        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path="/hook"):
        return f"http://127.0.0.1:{self.server.server_port}{path}"

    def ids(self):
        with self.lock:
            return [headers["webhook-id"] for _, _, headers, _ in self.got]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Subscriber:
    """Reads the alert socket in a thread."""

    def __init__(self, endpoint, topics=("alert/", "hugz/")):
        self.alerts, self.hugz, self.lock = [], [], threading.Lock()
        self.stop = False
        self.socket = zmq.Context.instance().socket(zmq.SUB)
        self.socket.setsockopt(zmq.RCVHWM, 0)
        self.socket.setsockopt(zmq.LINGER, 0)
        for topic in topics:
            self.socket.setsockopt_string(zmq.SUBSCRIBE, topic)
        self.socket.connect(endpoint)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stop:
            if not self.socket.poll(50):
                continue
            topic, body = self.socket.recv_multipart()
            with self.lock:
                if topic == b"hugz/":
                    self.hugz.append((time.monotonic(), msgpack.unpackb(body)))
                else:
                    self.alerts.append((topic.decode(), msgpack.unpackb(body)))
        self.socket.close()

    def ids(self):
        with self.lock:
            return {alert["id"] for _, alert in self.alerts}

    def close(self):
        self.stop = True
        self.thread.join()


class FlowTest(unittest.TestCase):
    allow_private = True

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="tw-notifier-")
        self.processes, self.closers, self.seqs = [], [], collections.Counter()
        self.socket = f"{self.dir}/redis.sock"
        self.start_redis()
        self.config = self.write_config("site.yaml", "tcp://127.0.0.1:*")
        self.receiver = Receiver()
        self.closers.append(self.receiver.close)

    def tearDown(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.kill()
            process.wait()
        for close in self.closers:
            close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def write_config(self, name, alerts):
        path = f"{self.dir}/{name}"
        with open(path, "w") as out:
            out.write(f"namespace: nt\nredis: unix://{self.socket}\n"
                      f'listen: {{ alerts: "{alerts}" }}\n'
                      f"allow_private: {'true' if self.allow_private else 'false'}\n"
                      "sources:\n"
                      "  - name: market\n    url: simulate://market?seed=1&series=2&rate=1\n"
                      "    rows: /*\n    table: candle\n    key: { pair: /symbol }\n"
                      "    time: { at: /ts, unit: ms }\n    columns: { volume: /volume }\n")
        return path

    def start_redis(self):
        pathlib.Path(self.socket).unlink(missing_ok=True)
        self.redis_process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.socket, "--dir", self.dir,
             "--save", "", "--appendonly", "yes", "--appendfsync", "always", "--loglevel",
             "warning", "--logfile", f"{self.dir}/redis.log"])
        self.processes.append(self.redis_process)
        self.redis = redis.Redis(unix_socket_path=self.socket, decode_responses=False)

        def ready():
            try:
                return self.redis.ping()
            except redis.RedisError:
                return False
        wait_for("its socket", lambda: os.path.exists(self.socket))
        wait_for("redis-server", ready)

    def start(self, role, name=None, config=None):
        log = open(f"{self.dir}/{name or role}.log", "ab")
        process = subprocess.Popen(
            [TIDEWIRE, role, "-c", config or self.config, "--name", name or role, "--dir",
             self.dir], stdout=log, stderr=log)
        log.close()
        self.processes.append(process)
        return process

    def log_of(self, name):
        with open(f"{self.dir}/{name}.log") as log:
            return log.read()

    def actor(self, role, name=None):
        for key in self.redis.scan_iter("nt:*"):
            text = key.decode()
            if text.endswith(f"{role}:{name or role}") and self.redis.type(key) == b"hash":
                return {k.decode(): v.decode() for k, v in self.redis.hgetall(key).items()}
        return None

    def start_broker(self):
        broker = self.start("broker")
        fields = wait_for("the broker in the registry", lambda: self.actor("broker"))
        self.endpoint = fields["alerts"]
        return broker

    def subscribe(self, *topics):
        subscriber = Subscriber(self.endpoint, topics or ("alert/", "hugz/"))
        self.closers.append(subscriber.close)
        if not topics:
            wait_for("hugz/", lambda: subscriber.hugz)
        return subscriber

    def put(self, rule, series, count=1, kind="firing"):
        """Put alerts into the outbox of the series' group, as transform's commits do."""
        group = sum(series.encode()) % 16
        ids = []
        for _ in range(count):
            self.seqs[rule, series] += 1
            seq = self.seqs[rule, series]
            ident = hashlib.md5(f"{rule} {series} {seq}".encode()).hexdigest()
            self.redis.xadd(f"nt:o:{{{group}}}", {
                "id": ident, "topic": f"alert/{rule}/{series}/",
                "body": encode(rule, series, seq, ident, kind=kind)})
            ids.append(ident)
        return ids

    def add_subscriber(self, name, rule, **fields):
        self.redis.hset(f"nt:subscriber:{name}", mapping=fields)
        self.redis.sadd(f"nt:subs:{rule}", name)

    def logged(self):
        return [{k.decode(): v for k, v in fields.items()}
                for _, fields in self.redis.xrange("nt:alerts")]

    def waiting(self):
        return sum(self.redis.xlen(f"nt:o:{{{group}}}") for group in range(16))

    def delivery(self, ident, name):
        text = self.redis.hget(f"nt:delivery:{ident}", name)
        return text.decode() if text else ""

    def stop(self, process):
        start = time.monotonic()
        process.terminate()
        self.assertEqual(process.wait(10), 0)
        return time.monotonic() - start


class Publishing(FlowTest):
    def test_alerts_reach_the_socket_and_the_log_in_order(self):
        """Also those that waited in the outbox before broker and notifier were there."""
        ids = []
        for series in range(40):
            ids += self.put("spike", f"candle:test:P{series}", 5)
        broker = self.start_broker()
        subscriber = self.subscribe()
        notifier = self.start("notifier")
        for series in range(40):
            ids += self.put("spike", f"candle:test:P{series}", 5)
        wait_for("all alerts on the socket", lambda: subscriber.ids() == set(ids))
        wait_for("an empty outbox", lambda: self.waiting() == 0)

        last = collections.Counter()
        for topic, alert in subscriber.alerts:
            self.assertEqual(topic, f"alert/spike/{alert['series']}/")
            self.assertGreater(alert["seq"], last[topic])  # in order, none twice
            last[topic] = alert["seq"]
            self.assertLess(abs(alert["at"] / 1e6 - time.time()), 60)
        heard = {alert["id"]: alert for _, alert in subscriber.alerts}
        logged = self.logged()
        self.assertEqual(sorted(entry["id"].decode() for entry in logged), sorted(ids))
        for entry in logged:
            body = json.loads(entry["body"])
            self.assertEqual(body, heard[body["id"]])
            self.assertEqual(entry["rule"], b"spike")
            self.assertEqual(entry["series"].decode(), body["series"])
            self.assertEqual(int(entry["ts"]), body["ts"])
            self.assertEqual(int(entry["seq"]), body["seq"])
            self.assertEqual(entry["severity"], b"warning")
            self.assertEqual(entry["topic"].decode(), f"alert/spike/{body['series']}/")
        status = wait_for("figures", lambda: (fields := self.actor("notifier")) and
                          fields["published"] == "400" and fields)
        self.assertEqual(status["state"], "active")
        self.assertEqual(status["lag"], "0")
        self.assertEqual(status["brokers"], "1")
        self.assertLess(self.stop(notifier), 4)
        self.assertLess(self.stop(broker), 4)
        self.assertIsNone(self.actor("notifier"))
        self.assertIsNone(self.actor("broker"))

    def test_hugz_once_a_second(self):
        self.start_broker()
        subscriber = self.subscribe()
        wait_for("five signs of life", lambda: len(subscriber.hugz) >= 5)
        times = [at for at, _ in subscriber.hugz]
        for one, two in zip(times[1:], times[2:]):
            self.assertAlmostEqual(two - one, 1, delta=0.5)
        self.assertEqual(subscriber.hugz[0][1]["v"], 1)
        self.assertLess(abs(subscriber.hugz[0][1]["at"] / 1e6 - time.time()), 60)

    def test_a_new_broker_is_found(self):
        broker = self.start_broker()
        first = self.subscribe()
        self.start("notifier")
        ids = self.put("spike", "s:1", 3)
        wait_for("alerts by the first broker", lambda: first.ids() == set(ids))
        broker.kill()
        broker.wait()
        wait_for("the registry to forget it", lambda: not self.actor("broker"))
        self.start_broker()
        second = self.subscribe()
        more = self.put("spike", "s:1", 3)
        wait_for("alerts by the second broker", lambda: set(more) <= second.ids())
        self.assertEqual(len(self.logged()), 6)

    def test_a_broker_comes_back_where_its_readers_wait(self):
        broker = self.start_broker()
        reader = self.subscribe()
        self.start("notifier")
        ids = self.put("spike", "s:1", 3)
        wait_for("alerts", lambda: reader.ids() == set(ids))
        broker.kill()
        broker.wait()
        self.start("broker")
        heard = len(reader.hugz)
        wait_for("the same reader hears the next broker", lambda: len(reader.hugz) > heard)
        more = self.put("spike", "s:1", 3)
        wait_for("its alerts", lambda: set(more) <= reader.ids())
        # A port that somebody else has taken is no reason not to start.
        broker = self.processes[-1]
        port = int(self.endpoint.rsplit(":", 1)[1])
        broker.kill()
        broker.wait()
        with socket.create_server(("127.0.0.1", port)):
            self.start("broker")
            wait_for("another port", lambda: (b := self.actor("broker")) and
                     b["alerts"] != f"tcp://127.0.0.1:{port}")

    def test_alerts_go_on_without_any_broker(self):
        self.add_subscriber("alice", "spike", webhook=self.receiver.url())
        self.start("notifier")
        ids = self.put("spike", "s:1", 3)
        wait_for("the log", lambda: len(self.logged()) == 3)
        wait_for("the webhooks", lambda: len(set(self.receiver.ids())) == 3)
        self.assertEqual({i.split("-")[0] for i in self.receiver.ids()}, set(ids))

    def test_what_is_no_alert_is_left_out_and_stops_nothing(self):
        self.start_broker()
        subscriber = self.subscribe()
        notifier = self.start("notifier")
        good = encode("spike", "s:1", 1, "0" * 32)
        for body in (b"", b"\xc1", good[:-1], good + b"\0", b"\xdf\xff\xff\xff\xff",
                     os.urandom(300)):
            self.redis.xadd("nt:o:{3}", {"id": "0" * 32, "topic": "alert/x/y/", "body": body})
        self.redis.xadd("nt:o:{3}", {"id": "not hex", "topic": "alert/x/y/", "body": good})
        self.redis.xadd("nt:o:{3}", {"nonsense": "1"})
        self.redis.set("nt:subs:odd", "a person's mistake")
        ids = self.put("odd", "s:odd", 1) + self.put("spike", "s:2", 2)
        wait_for("the good ones", lambda: subscriber.ids() == set(ids))
        wait_for("an empty outbox", lambda: self.waiting() == 0)
        status = wait_for("figures", lambda: (fields := self.actor("notifier")) and
                          fields["malformed"] == "8" and fields)
        self.assertEqual(status["unplanned"], "1")
        self.assertEqual(len(self.logged()), 3)
        self.assertIsNone(notifier.poll())

    def test_hostile_readers_harm_nobody(self):
        broker = self.start_broker()
        context = zmq.Context.instance()
        rude = [context.socket(zmq.XSUB) for _ in range(2)]
        for reader in rude:
            reader.setsockopt(zmq.LINGER, 0)
            reader.connect(self.endpoint)
        rude[0].send(b"\2no subscription at all")
        rude[1].send(b"\1" + b"x" * 100_000)
        raw = socket.create_connection(("127.0.0.1", int(self.endpoint.rsplit(":", 1)[1])))
        raw.sendall(os.urandom(4096))
        subscriber = self.subscribe()
        self.start("notifier")
        ids = self.put("spike", "s:1", 3)
        wait_for("alerts", lambda: subscriber.ids() == set(ids))
        self.assertIsNone(broker.poll())
        wait_for("figures", lambda: (f := self.actor("broker")) and int(f["refused"]) >= 1)
        self.assertFalse(rude[1].poll(0))
        raw.close()
        for reader in rude:
            reader.close()

    def test_a_taken_port_is_told_with_the_way_out(self):
        holder = zmq.Context.instance().socket(zmq.XPUB)
        port = holder.bind_to_random_port("tcp://127.0.0.1")
        config = self.write_config("taken.yaml", f"tcp://127.0.0.1:{port}")
        broker = self.start("broker", config=config)
        self.assertEqual(broker.wait(10), 1)
        log = self.log_of("broker")
        self.assertIn("Address already in use", log)
        self.assertIn("listen.alerts", log)
        self.assertIn("taken.yaml", log)
        holder.close()


class Surviving(FlowTest):
    def test_kill_9_of_the_notifier_loses_and_renames_nothing(self):
        self.start_broker()
        subscriber = self.subscribe()
        self.add_subscriber("alice", "spike", webhook=self.receiver.url(), secret=SECRET)
        dice, ids = random.Random(7), []
        for kill in range(6):
            notifier = self.start("notifier")
            wait_for("the role", lambda: (f := self.actor("notifier")) and f["state"] == "active")
            seen = len(self.receiver.got)
            for series in range(8):
                ids += self.put("spike", f"s:{series}", 10)
            wait_for("work", lambda: len(self.receiver.got) > seen)
            if kill < 5:
                time.sleep(dice.uniform(0, 0.08))
                notifier.kill()
                notifier.wait()
        wait_for("an empty outbox", lambda: self.waiting() == 0)
        wanted = {f"{ident}-alice" for ident in ids}
        wait_for("every webhook", lambda: set(self.receiver.ids()) == wanted, 3 * HIDDEN_S)
        wait_for("every outcome", lambda: all(self.delivery(i, "alice").startswith("done")
                                              for i in ids), 3 * HIDDEN_S)
        self.assertEqual(sorted(entry["id"].decode() for entry in self.logged()), sorted(ids))
        self.assertEqual(subscriber.ids(), set(ids))
        bodies = collections.defaultdict(set)
        for _, _, headers, body in self.receiver.got:
            bodies[headers["webhook-id"]].add(body)
        self.assertEqual({len(kinds) for kinds in bodies.values()}, {1})  # the same bytes each time

    def test_kill_9_of_redis(self):
        self.start_broker()
        subscriber = self.subscribe()
        self.add_subscriber("alice", "spike", webhook=self.receiver.url())
        notifier = self.start("notifier")
        ids = self.put("spike", "s:1", 50)
        wait_for("first alerts", lambda: len(subscriber.alerts) > 10)
        self.redis_process.kill()
        self.redis_process.wait()
        time.sleep(0.5)
        self.start_redis()
        ids += self.put("spike", "s:1", 50)
        wait_for("the alerts", lambda: subscriber.ids() == set(ids), 30)
        wait_for("the log", lambda: len(self.logged()) == len(ids), 30)
        wait_for("the webhooks", lambda: len(set(self.receiver.ids())) == len(ids), 2 * HIDDEN_S)
        self.assertIsNone(notifier.poll())

    def test_redis_comes_back_empty_and_uses_the_same_ids_again(self):
        """A position that outlived the connection would skip the second half."""
        self.start_broker()
        subscriber = self.subscribe()
        self.start("notifier")

        def put(seq):
            ident = f"{seq:032x}"
            self.redis.xadd("nt:o:{0}", {"id": ident, "topic": "alert/r/s:1/",
                                         "body": encode("r", "s:1", seq, ident)},
                            id=f"5-{(seq - 1) % 10 + 1}")
            return ident
        ids = {put(seq) for seq in range(1, 11)}
        wait_for("the first half", lambda: subscriber.ids() == ids and self.waiting() == 0)
        self.redis_process.kill()
        self.redis_process.wait()
        shutil.rmtree(f"{self.dir}/appendonlydir")
        self.start_redis()
        ids |= {put(seq) for seq in range(11, 21)}
        wait_for("the second half", lambda: subscriber.ids() == ids, 30)
        wait_for("the log", lambda: len(self.logged()) == 10)

    def test_another_notifier_stands_by(self):
        self.start_broker()
        subscriber = self.subscribe()
        first = self.start("notifier", "n1")
        wait_for("the role", lambda: (f := self.actor("notifier", "n1")) and f["state"] == "active")
        self.start("notifier", "n2")
        wait_for("a standby", lambda: (f := self.actor("notifier", "n2")) and f["state"] == "standby")
        ids = self.put("spike", "s:1", 5)
        wait_for("alerts by the first", lambda: subscriber.ids() == set(ids))
        first.kill()
        ids += self.put("spike", "s:1", 5)
        wait_for("alerts by the second", lambda: subscriber.ids() == set(ids), 12)
        self.assertEqual(self.actor("notifier", "n2")["state"], "active")
        wait_for("its figures", lambda: self.actor("notifier", "n2")["published"] == "5")

    def test_a_paused_notifier_changes_nothing_when_it_wakes(self):
        self.start_broker()
        subscriber = self.subscribe()
        first = self.start("notifier", "n1")
        wait_for("the role", lambda: (f := self.actor("notifier", "n1")) and f["state"] == "active")
        first.send_signal(signal.SIGSTOP)
        self.start("notifier", "n2")
        ids = self.put("spike", "s:1", 20)
        wait_for("alerts by the second", lambda: subscriber.ids() == set(ids), 12)
        first.send_signal(signal.SIGCONT)
        wait_for("the first to stand by",
                 lambda: (f := self.actor("notifier", "n1")) and f["state"] == "standby")
        ids += self.put("spike", "s:1", 20)
        wait_for("more alerts", lambda: subscriber.ids() == set(ids))
        self.assertEqual(len(self.logged()), 40)

    def test_sigterm_gives_the_role_away_at_once(self):
        first = self.start("notifier", "n1")
        wait_for("the role", lambda: (f := self.actor("notifier", "n1")) and f["state"] == "active")
        self.start("notifier", "n2")
        wait_for("a standby", lambda: (f := self.actor("notifier", "n2")) and f["state"] == "standby")
        self.stop(first)
        wait_for("the second", lambda: self.actor("notifier", "n2")["state"] == "active", 3)


class Delivering(FlowTest):
    def setUp(self):
        super().setUp()
        self.start_broker()
        self.notifier = self.start("notifier")
        wait_for("the role", lambda: (f := self.actor("notifier")) and f["state"] == "active")

    def test_signed_and_tried_again_under_the_same_id(self):
        self.receiver.plan = lambda path, number: (500 if number <= 2 else 200, {}, b"thanks")
        self.add_subscriber("al.ice", "spike", webhook=self.receiver.url(), secret=SECRET)
        ident, = self.put("spike", "s:1")
        wait_for("success", lambda: self.delivery(ident, "al.ice") == "done 3")
        times = [at for at, *_ in self.receiver.got]
        self.assertEqual(len(times), 3)
        self.assertGreater(times[1] - times[0], 0.9)  # 1 s, then 5 s, and up to a fifth more
        self.assertGreater(times[2] - times[1], 4.9)
        self.assertLess(times[2] - times[0], 10)
        for _, path, headers, body in self.receiver.got:
            self.assertEqual(path, "/hook")
            self.assertEqual(headers["webhook-id"], f"{ident}-al%2Eice")
            self.assertEqual(headers["Content-Type"], "application/json")
            self.assertLess(abs(int(headers["webhook-timestamp"]) - time.time()), 30)
            signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
            expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
            self.assertEqual(headers["webhook-signature"], "v1," + expected)
            alert = json.loads(body)
            self.assertEqual(alert["id"], ident)
            self.assertEqual(alert["evidence"][0]["rows"], 60)
        self.assertEqual({body for *_, body in self.receiver.got}, {self.receiver.got[0][3]})

    def test_only_subscribers_of_this_rule_and_series_are_told(self):
        for name in ("all", "one", "other", "nobody"):
            self.redis.hset(f"nt:subscriber:{name}", "webhook", self.receiver.url(f"/{name}"))
        self.redis.hset("nt:subscriber:mail", "email", "a@example.com")
        self.redis.sadd("nt:subs:spike", "all", "mail", "missing", "bad name\r\nX: y")
        self.redis.sadd("nt:subs:spike:s:1", "one", "all")
        self.redis.sadd("nt:subs:other", "other")
        ids = self.put("spike", "s:1") + self.put("spike", "s:2")
        wait_for("three webhooks", lambda: len(self.receiver.got) == 3)
        time.sleep(1)
        paths = sorted(path for _, path, *_ in self.receiver.got)
        self.assertEqual(paths, ["/all", "/all", "/one"])
        self.assertNotIn("webhook-signature", self.receiver.got[0][2])
        # Those who cannot be told stand beside them, with the reason.
        self.assertEqual(self.redis.hgetall(f"nt:delivery:{ids[0]}"), {
            b"all": b"done 1", b"one": b"done 1", b"missing": b"dead 0 there is no such subscriber",
            b"mail/email": b"dead 0 the configuration has no `smtp`"})
        wait_for("the figure", lambda: self.actor("notifier").get("untold") == "6")

    def test_alerts_alone_are_for_those_who_listen(self):
        """Subscribers are told of incidents; the socket and the log have everything."""
        self.add_subscriber("alice", "spike", webhook=self.receiver.url())
        self.redis.hset("nt:status:spike", "state", "ok")
        subscriber = self.subscribe()
        kinds = ["alert", "firing", "correction", "still", "resolved", "alert"]
        ids = [self.put("spike", "s:1", kind=kind)[0] for kind in kinds]
        wait_for("the log", lambda: len(self.logged()) == len(ids))
        self.assertEqual([entry["kind"].decode() for entry in self.logged()], kinds)
        wait_for("all on the socket", lambda: subscriber.ids() == set(ids))
        told = {f"{ident}-alice" for ident, kind in zip(ids, kinds)
                if kind in ("firing", "still", "resolved")}
        wait_for("the webhooks", lambda: set(self.receiver.ids()) == told)
        time.sleep(0.5)
        self.assertEqual(set(self.receiver.ids()), told)
        self.assertEqual(self.redis.hget("nt:status:spike", "alerts"), b"2")

    def test_a_410_switches_this_address_off(self):
        self.receiver.plan = lambda path, number: (410, {}, b"")
        self.add_subscriber("alice", "spike", webhook=self.receiver.url())
        first, = self.put("spike", "s:1")
        wait_for("the end", lambda: self.delivery(first, "alice").startswith("dead 1 HTTP 410"))
        self.assertEqual(self.redis.hget("nt:subscriber:alice", "gone").decode(),
                         self.receiver.url())
        second, = self.put("spike", "s:1")
        wait_for("the log", lambda: len(self.logged()) == 2)
        time.sleep(0.5)
        self.assertEqual(len(self.receiver.got), 1)
        self.assertRegex(self.delivery(second, "alice"), "^dead 0 the webhook answered 410")
        self.receiver.plan = lambda path, number: (200, {}, b"")
        self.redis.hset("nt:subscriber:alice", "webhook", self.receiver.url("/new"))
        third, = self.put("spike", "s:1")
        wait_for("success", lambda: self.delivery(third, "alice") == "done 1")

    def test_retry_after_is_honoured(self):
        counts = collections.Counter()

        def plan(path, number):
            counts[path] += 1
            later = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 4))
            asked = {"/seconds": "3", "/date": later}[path]
            return (429, {"Retry-After": asked}, b"") if counts[path] == 1 else (200, {}, b"")
        self.receiver.plan = plan
        for path in ("/seconds", "/date"):
            self.add_subscriber(path[1:], "spike", webhook=self.receiver.url(path))
        ident, = self.put("spike", "s:1")
        for path in ("/seconds", "/date"):
            wait_for(path, lambda: self.delivery(ident, path[1:]) == "done 2")
            one, two = [at for at, where, *_ in self.receiver.got if where == path]
            self.assertGreater(two - one, 2.5)
            self.assertLess(two - one, 7)

    def test_redirects_are_not_followed_and_long_answers_not_read(self):
        self.receiver.plan = lambda path, number: (
            (302, {"Location": self.receiver.url("/elsewhere")}, b"") if path == "/moved" else
            (200, {}, b"x" * 10_000_000))
        self.add_subscriber("moved", "spike", webhook=self.receiver.url("/moved"))
        self.add_subscriber("chatty", "spike", webhook=self.receiver.url("/chatty"))
        ident, = self.put("spike", "s:1")
        wait_for("the chatty one", lambda: self.delivery(ident, "chatty") == "done 1")
        wait_for("a retry", lambda: self.delivery(ident, "moved").startswith("retry"))
        self.assertIn("HTTP 302", self.delivery(ident, "moved"))
        self.assertNotIn("/elsewhere", [path for _, path, *_ in self.receiver.got])

    def test_few_at_once_to_one_host_and_others_are_not_held_up(self):
        other = Receiver()
        self.closers.append(other.close)
        self.receiver.plan = lambda path, number: (time.sleep(0.3), (200, {}, b""))[1]
        self.add_subscriber("slow", "spike", webhook=self.receiver.url())
        self.add_subscriber("quick", "spike", webhook=other.url())
        ids = []
        for series in range(24):
            ids += self.put("spike", f"s:{series}")
        wait_for("the quick one", lambda: len(set(other.ids())) == 24, 10)
        wait_for("all", lambda: all(self.delivery(i, "slow").startswith("done") for i in ids),
                 2 * HIDDEN_S)
        self.assertEqual(self.receiver.most, 4)
        self.assertEqual(len(self.receiver.ids()), 24)

    def test_a_dead_receiver_holds_up_nobody_else(self):
        silent = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.closers.append(silent.close)
        self.add_subscriber("dead", "flood", webhook=f"http://127.0.0.1:{silent.getsockname()[1]}/")
        self.add_subscriber("live", "spike", webhook=self.receiver.url())
        for series in range(500):
            self.put("flood", f"s:{series}")
        wait_for("the flood", lambda: self.waiting() == 0)
        ident, = self.put("spike", "s:1")
        wait_for("the live one", lambda: self.delivery(ident, "live") == "done 1", 5)

    def test_many_subscribers_of_one_dead_host_hold_up_nobody_else(self):
        silent = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.closers.append(silent.close)
        for number in range(300):
            self.add_subscriber(f"dead{number}", "flood",
                                webhook=f"http://127.0.0.1:{silent.getsockname()[1]}/{number}")
        self.add_subscriber("live", "spike", webhook=self.receiver.url())
        crowd, = self.put("flood", "s:1")
        wait_for("the flood", lambda: self.waiting() == 0)
        ident, = self.put("spike", "s:1")
        wait_for("the live one", lambda: self.delivery(ident, "live") == "done 1", 5)
        # Waiting for a turn counts as no attempt.
        self.assertEqual(collections.Counter(self.redis.hvals(f"nt:delivery:{crowd}")),
                         {b"pending 0": 300})

    def test_mistakes_of_people_are_told_in_the_delivery(self):
        self.add_subscriber("badsecret", "spike", webhook=self.receiver.url(), secret="hunter2")
        self.add_subscriber("badurl", "spike", webhook="example.com/hook")
        self.add_subscriber("badscheme", "spike", webhook="ftp://127.0.0.1/hook")
        self.add_subscriber("closed", "spike", webhook="http://127.0.0.1:1/")
        ident, = self.put("spike", "s:1")
        expected = {"badsecret": "whsec_", "badurl": "not a URL",
                    "badscheme": "neither http nor https", "closed": "onnect"}
        for name, reason in expected.items():
            text = wait_for(name, lambda: (t := self.delivery(ident, name)).startswith("retry") and t)
            self.assertIn(reason, text)
        self.assertEqual(self.receiver.got, [])
        # A mended subscriber heals the delivery that waits.
        self.redis.hset("nt:subscriber:badsecret", "secret", SECRET)
        wait_for("success", lambda: self.delivery(ident, "badsecret").startswith("done"))


class Public(FlowTest):
    allow_private = False

    def test_private_addresses_are_refused(self):
        self.start("notifier")
        self.add_subscriber("alice", "spike", webhook=self.receiver.url())
        ident, = self.put("spike", "s:1")
        text = wait_for("a refusal", lambda: (t := self.delivery(ident, "alice"))
                        .startswith("retry") and t)
        self.assertIn("127.0.0.1 is a private address", text)
        self.assertEqual(self.receiver.got, [])
        # SIGHUP takes the changed setting over.
        self.allow_private = True
        self.write_config("site.yaml", "tcp://127.0.0.1:*")
        self.processes[-1].send_signal(signal.SIGHUP)
        wait_for("success", lambda: self.delivery(ident, "alice").startswith("done"))


class Examples(FlowTest):
    def test_subscribers_of_the_documentation(self):
        self.start_broker()
        self.start("notifier")
        program = f"{self.dir}/subscribe"
        flags = subprocess.check_output(["pkg-config", "--cflags", "--libs", "libzmq", "msgpack",
                                         "hiredis"])
        clients = ROOT / "docs/clients"
        subprocess.check_call(["cc", clients / "subscribe.c", clients / "tidewire_curve.c", "-o", program] +
                              flags.decode().split())
        python = subprocess.Popen(
            ["/usr/bin/python3", str(ROOT / "docs/clients/subscribe.py"), "--alerts",
             self.endpoint, "--topic", "alert/spike/", "--count", "6"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        c = subprocess.Popen([program, self.endpoint, "alert/spike/s:1/", "5"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.processes += [python, c]
        self.assertEqual(python.stderr.readline(), f"subscribed to {self.endpoint}\n")
        time.sleep(1)
        ids = self.put("spike", "s:1", 2)
        self.put("other", "s:1", 1)
        self.redis.xadd("nt:o:{0}", {  # the same again, as after a crash
            "id": ids[0], "topic": "alert/spike/s:1/",
            "body": encode("spike", "s:1", 1, ids[0])})
        self.seqs["spike", "s:1"] += 1  # one that never comes
        ids += self.put("spike", "s:1", 3)
        ids += self.put("spike", "s:2", 1)
        out, errors = python.communicate(timeout=20)
        self.assertEqual({json.loads(line)["id"] for line in out.splitlines()}, set(ids))
        self.assertEqual(len(out.splitlines()), 6)
        self.assertIn("gap: alert/spike/s:1/ 3..3 missing", errors)
        out, errors = c.communicate(timeout=20)
        self.assertEqual([line.split()[0] for line in out.splitlines()], ids[:5])
        self.assertIn("gap: alert/spike/s:1/ 3..3 missing", errors)



if __name__ == "__main__":
    if not os.access(TIDEWIRE, os.X_OK):
        print(f"{TIDEWIRE} is not there: build it or set TIDEWIRE", file=sys.stderr)
        sys.exit(1)
    unittest.main(verbosity=2)
