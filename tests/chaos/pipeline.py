"""The real pipeline of a chaos run: its processes, who starts them again, and what they say.

Every process is started by this run itself, so that each can get a fault point in its environment.
What ends is started again after 0.2 s, which is the first back-off of `tidewire up`.
"""

import contextlib
import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import threading
import time

import redis

TOP = pathlib.Path(__file__).resolve().parents[2]
AGAIN_S = 0.2
TURN_S = 0.02
STAGE_MB, REDIS_MB = 12_000, 4_000
DOWN = ["collector", "prep", "transform", "notifier", "broker", "redis"]
SYNC_US = 1000  # what an fsync costs on a disk; tmpfs has it for nothing

SENT = {signal.SIGKILL, signal.SIGTERM}  # all others of a process that ended are its own
LAST_WORDS = 2000  # bytes of a log
LIBZMQ = re.compile(r"Assertion failed: !_io_error \(src/stream_engine_base\.cpp:\d+\)")
BROKEN = re.compile(r"(Assertion|runtime error:|AddressSanitizer|stack smashing).*")

CONFIG = """
namespace: tw
redis: redis://127.0.0.1:{redis}
stage: dir:{stage}
stage_seal: 5s
listen: {{ alerts: "tcp://127.0.0.1:{alerts}" }}
allow_private: true
sources:
  - name: trades
    url: push://tcp://127.0.0.1:{push}
    table: trade
    key: {{ pair: pair }}
    time: {{ at: t, unit: us }}
    columns: {{ price: price, volume: volume }}
rules:
  spike: {{ on: trade, when: "volume > 3 * avg(volume) OVER last_5s", cooldown: 2s }}
  high: {{ on: trade, when: "pair LIKE 'S00%' AND price > max(price) OVER rows_50", min_rows: 50 }}
  probe: {{ on: trade, when: "price > 1000000", emit: row }}
  cheap: {{ on: trade, when: "price < 100.2", alerts_max: 5, resolve: "price > 700" }}
"""

REDIS = """
port {port}
bind 127.0.0.1
dir {folder}
appendonly yes
appendfsync {policy}
no-appendfsync-on-rewrite no
aof-load-truncated yes
auto-aof-rewrite-percentage 100
auto-aof-rewrite-min-size 8mb
save ""
maxmemory-policy noeviction
notify-keyspace-events Kghx
enable-debug-command local
daemonize no
"""


def free_ports(count):
    """Below those that the kernel gives to whoever connects; nobody else is on this loopback."""
    probes = []
    while len(probes) < count:
        probe = socket.socket()
        with contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", random.randrange(20000, 32000)))
            probes.append(probe)
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


class Process:
    """One process that is started again whenever it ends, unless it is held down."""

    def __init__(self, name, words, log, under, environment, limit_kb):
        self.name, self.words, self.log, self.under = name, words, log, under
        self.environment, self.limit_kb = environment, limit_kb
        self.child = None
        self.held = False
        self.stopped = False     # by SIGSTOP
        self.start_at = 0.0
        self.fault = ""          # TIDEWIRE_FAULT of the next start, once
        self.ends = []           # exit codes, newest last

    @property
    def role(self):
        return self.name.split("-")[0]

    def libzmq_gave_up(self):
        """Are the last words of its log those of libzmq's own assertion?"""
        said = self.log.read_bytes()[-LAST_WORDS:].decode(errors="replace")
        return bool(LIBZMQ.search(said))

    def start(self):
        environment = {**os.environ, **self.environment, **self.under.environment()}
        if self.fault:
            environment["TIDEWIRE_FAULT"], self.fault = self.fault, ""
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(self.words, stdout=log, stderr=log, env=environment)
        self.stopped = False

    def turn(self, now):
        if self.child and self.child.poll() is not None:
            self.ends.append(self.child.returncode)
            self.child = None
            self.start_at = now + AGAIN_S
        if not self.child and not self.held and now >= self.start_at:
            self.start()

    def send(self, what):
        """False: there is none just now."""
        child = self.child
        if not child or child.poll() is not None:
            return False
        child.send_signal(what)
        self.stopped = what == signal.SIGSTOP or (self.stopped and what != signal.SIGCONT)
        return True

    def said(self, since):
        """What its log holds from that place on."""
        with open(self.log, "rb") as log:
            log.seek(since)
            return log.read().decode(errors="replace")

    def log_size(self):
        return self.log.stat().st_size if self.log.exists() else 0


class Redis(Process):
    """A Redis 7.0 whose disk was full leaves a hole of zeros in an append-only file that it began
    by a rewrite, and refuses that file when it starts next. Then this does what docs/reliability.md
    tells people to do: cut the file there. Redis comes back at an earlier time, up to minutes ago.
    What a rewrite that was not finished has begun behind that file goes with it.
    """

    REFUSED = "Bad file format reading the append only file"
    NOT_LAST = re.compile(r"Failed to truncate AOF (\S+) because it is not the last file")

    def __init__(self, name, words, log, under, limit_kb, manifest):
        super().__init__(name, words, log, under, {}, limit_kb)
        self.manifest, self.read_to, self.cuts = manifest, 0, 0

    def start(self):
        size = self.log_size()
        if self.REFUSED in (self.said(self.read_to) if size else ""):
            cut = self._cut()
            behind = self.NOT_LAST.search(cut.stdout)
            if behind:
                self._make_last(behind.group(1))
                cut = self._cut()
            assert cut.returncode == 0, cut.stdout + cut.stderr
            self.cuts += 1
        self.read_to = size
        super().start()

    def _cut(self):
        return subprocess.run(["redis-check-aof", "--fix", str(self.manifest)], input="y\n",
                              capture_output=True, text=True, timeout=60)

    def _make_last(self, name):
        lines = self.manifest.read_text().splitlines(keepends=True)
        place = next(i for i, line in enumerate(lines) if line.split()[1] == name)
        self.manifest.write_text("".join(lines[:place + 1]))


class Pipeline:
    def __init__(self, run, program, library, policy, sanitized):
        self.run, self.program, self.policy = run, program, policy
        self.redis_port, self.alerts_port, self.push_port = free_ports(3)
        self.library = library
        self.processes = {}
        self.quick = {"ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0:abort_on_error=1",
                      "UBSAN_OPTIONS": "print_stacktrace=1"} if sanitized else {}
        (run / "log").mkdir()
        (run / "under").mkdir()
        (run / "config.yaml").write_text(CONFIG.format(
            redis=self.redis_port, alerts=self.alerts_port, push=self.push_port,
            stage=run / "stage"))
        (run / "redis.conf").write_text(REDIS.format(
            port=self.redis_port, folder=run / "redis", policy=policy))
        self.stopping = threading.Event()
        self.keeper = threading.Thread(target=self._keep, daemon=True)

    def add(self, role, name, under):
        words = [str(self.program), role, "-c", str(self.run / "config.yaml"), "--name", name,
                 "--dir", str(self.run)]
        self._add(name, words, under, 1 << 20)

    def add_redis(self, under):
        self.processes["redis"] = Redis(
            "redis", ["redis-server", str(self.run / "redis.conf")], self.run / "log/redis.log",
            under, 2 << 20, self.run / "redis/appendonlydir/appendonly.aof.manifest")

    def _add(self, name, words, under, limit_kb):
        self.processes[name] = Process(name, words, self.run / f"log/{name}.log", under,
                                       self.quick, limit_kb)

    def _keep(self):
        while not self.stopping.is_set():
            now = time.monotonic()
            for process in list(self.processes.values()):
                process.turn(now)
            time.sleep(TURN_S)

    def start(self):
        self.keeper.start()

    def named(self, role):
        return [p for p in self.processes.values() if p.role == role]

    def store(self):
        return redis.Redis(port=self.redis_port, decode_responses=True, socket_timeout=2,
                           socket_connect_timeout=2)

    def status(self):
        """What `status --json` says; None while Redis is away."""
        run = subprocess.run([str(self.program), "status", "--json", "-c",
                              str(self.run / "config.yaml"), "--dir", str(self.run)],
                             capture_output=True, text=True, timeout=60, env={**os.environ, **self.quick})
        with contextlib.suppress(ValueError):
            return json.loads(run.stdout) if run.returncode == 0 else None

    def actors(self, role):
        status = self.status()
        return [a for a in status["actors"] if a["role"] == role] if status else []

    def crashes(self):
        """What must never happen, whatever was broken: a signal that nobody sent, a broken promise.
        Returns that, and how often libzmq gave up the process by itself."""
        found, gave_up = [], 0
        for process in self.processes.values():
            said = process.log.read_text(errors="replace") if process.log.exists() else ""
            of_libzmq = len(LIBZMQ.findall(said))
            gave_up += of_libzmq
            ended = [code for code in process.ends if code < 0 and -code not in SENT]
            if len(ended) > of_libzmq:
                found.append(f"{process.name} ended by {[signal.Signals(-c).name for c in ended]}")
            found += [f"log/{process.log.name} holds '{line.group()}'"
                      for line in BROKEN.finditer(LIBZMQ.sub("", said))]
        return found, gave_up

    def stop(self):
        """Everybody, upstream first, as `down` does."""
        for process in self.processes.values():
            process.held = True
            process.send(signal.SIGCONT)
        failed = []
        for process in [p for role in DOWN for p in self.named(role)]:
            child = process.child
            if not child:
                continue
            child.send_signal(signal.SIGTERM)
            try:
                code = child.wait(30)
            except subprocess.TimeoutExpired:
                child.kill()
                code = "killed after 30 s"
            if code != 0 and not (code == -signal.SIGABRT and process.libzmq_gave_up()):
                failed.append(f"{process.name} ended with {code} after SIGTERM")
        self.stopping.set()
        self.keeper.join()
        return failed
