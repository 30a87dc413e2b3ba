"""What a chaos run writes down beside its subscribers: webhooks, the alert log, sizes of processes.

The receiver answers some requests with an error, and some not before the caller gave up; it notes
every one. The alert log is followed by XRANGE and copied as it grows; how far the copy is, it says
itself, as a subscriber does (listen.py).
"""

import http.server
import json
import pathlib
import random
import socketserver
import threading
import time

import redis

LOG = "tw:alerts"
AGAIN_MS = 60_000
PAGE = 2000


def now_us():
    return time.time_ns() // 1000


class Lines:
    """A file of JSON lines; written to by several threads."""

    def __init__(self, path):
        self.file = open(path, "a", buffering=1)
        self.lock = threading.Lock()

    def put(self, **line):
        with self.lock:
            self.file.write(json.dumps(line) + "\n")


class Receiver(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """A webhook that fails in a share of all cases."""

    daemon_threads = True

    def __init__(self, path, rules, seed, share=0.05):
        self.lines, self.dice, self.share = Lines(path), random.Random(seed), share
        self.lines.put(rules=rules)
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        """A notifier that was killed hangs up: that is what we are here for."""

    def url(self):
        return f"http://127.0.0.1:{self.server_port}/hook"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):  # the name is http.server's
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        draw = self.server.dice.random()
        status = 500 if draw < self.server.share / 2 else 503 if draw < self.server.share else 200
        self.server.lines.put(t=now_us(), id=self.headers["webhook-id"], status=status, body=body)
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words):
        pass


class AlertLog(threading.Thread):
    """Copies tw:alerts. After a break it reads a stretch again: Redis may have gone back."""

    def __init__(self, path, port):
        super().__init__(daemon=True)
        self.lines = Lines(path)
        self.redis = redis.Redis(port=port, decode_responses=True, socket_timeout=2,
                                 socket_connect_timeout=2)
        self.at, self.broken = "0-0", False
        self.entries = set()
        self.stopping = threading.Event()

    def read(self):
        try:
            if self.broken:
                self.at = f"{max(0, int(self.at.split('-')[0]) - AGAIN_MS)}-0"
            found = self.redis.xrange(LOG, f"({self.at}", "+", PAGE)
        except redis.RedisError:
            self.broken = True
            return False
        if self.broken:
            self.broken = False
            self.lines.put(t=now_us(), rolled_back=True, at=self.at)
        for entry, fields in found:
            self.at = entry
            if entry in self.entries:
                continue
            self.entries.add(entry)
            same = {name: fields[name] for name in ("id", "rule", "series", "severity", "topic")}
            self.lines.put(t=now_us(), entry=entry, **same, ts=int(fields["ts"]), seq=int(fields["seq"]),
                           body=json.loads(fields["body"]))
        return bool(found)

    def run(self):
        while not self.stopping.is_set():
            begun = now_us()
            if self.read():
                continue
            if not self.broken:
                self.lines.put(t=now_us(), has_all_of=begun)
            self.stopping.wait(0.2)
        while self.read():
            pass


class Sizes(threading.Thread):
    """Resident memory of every process, once a second."""

    def __init__(self, path, processes):
        super().__init__(daemon=True)
        self.lines, self.processes = Lines(path), processes
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.wait(1):
            for process in list(self.processes.values()):
                child = process.child
                try:
                    pages = pathlib.Path(f"/proc/{child.pid}/statm").read_text().split()[1]
                except (OSError, IndexError, AttributeError):
                    continue
                self.lines.put(t=now_us(), actor=process.name, rss_kb=int(pages) * 4,
                               limit_kb=process.limit_kb)
