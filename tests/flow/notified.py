"""What tests of the notifier stand on: alerts put into the outbox as transform does, a receiver of
webhooks, a reader of the alert socket, and broker, notifier and a real redis-server as processes.

Environment: TIDEWIRE = the program (default build/release/tidewire).
"""
import base64
import collections
import hashlib
import http.server
import os
import pathlib
import shutil
import subprocess
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
HIDDEN_S = 24  # a delivery in hand when its notifier dies is due again after 22 s
WAIT_S = 20    # for what comes at once: shorter than that, so that what was lost shows
LEASE_S = 5    # of the role: who stands by takes over after it


def wait_for(what, condition, seconds=WAIT_S):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds} s for {what}")


def encode(rule, series, seq, ident, previous=None, kind="firing", at=None):
    """An alert as transform writes it: the time of publishing is its last entry, still 0."""
    fields = [
        ("v", 1), ("id", ident), ("kind", kind), ("seq", seq), ("prev", previous),
        ("rule", rule), ("severity", "warning"), ("series", series),
        ("key", {"exchange": "test", "pair": series.split(":")[-1]}),
        ("ts", 1_700_000_000_000_000 + (seq if at is None else at)), ("columns", {"volume": 12.5}),
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
                      "degraded_after: 0s\n"  # nothing else runs here, for as long as it takes
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

    def put(self, rule, series, count=1, kind="firing", at=None):
        """Put alerts into the outbox of the series' group, as transform's commits do. Event time is
        as `seq` goes, unless `at` (us) says otherwise."""
        group = sum(series.encode()) % 16
        ids = []
        for _ in range(count):
            self.seqs[rule, series] += 1
            seq = self.seqs[rule, series]
            ident = hashlib.md5(f"{rule} {series} {seq}".encode()).hexdigest()
            self.redis.xadd(f"nt:o:{{{group}}}", {
                "id": ident, "topic": f"alert/{rule}/{series}/",
                "body": encode(rule, series, seq, ident, kind=kind, at=at)})
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

    def carried(self, name):
        return int((self.actor("notifier", name) or {}).get("deliveries_ok", 0))

    def pending(self, name):
        return int(self.actor("notifier", name)["deliveries_pending"])

    def stop(self, process):
        start = time.monotonic()
        process.terminate()
        self.assertEqual(process.wait(10), 0)
        return time.monotonic() - start
