"""Everything a chaos run has going: the pipeline, its clients, the ground, and what was seen."""

import collections
import json
import pathlib
import random
import signal
import subprocess
import threading
import time

import ground
import load
import pipeline
import record
import result
import verdict

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = "/usr/bin/python3"
ROLES = ["broker", "notifier-1", "notifier-2", "transform-1", "transform-2", "prep-1", "prep-2",
         "collector"]
HOOKED = ["spike", "high"]  # rules with a webhook
PROBE_SERIES = 48      # of one probe: they spread over nearly as many partitions
RECOVER_MOST_S = 60    # then it is a violation
START_S = 60


class Vain(Exception):
    """Something that had to come did not."""


class World:
    def __init__(self, run, program, library, seed, policy, rows_a_second, sanitized=False):
        self.run, self.seed = run, seed
        self.dice = random.Random(seed)
        self.policy, self.rows_a_second = policy, rows_a_second
        (run / "told").mkdir()
        self.lines = record.Lines(run / "faults.jsonl")
        self.counts = collections.Counter()
        self.result = result.Result()
        self.fault = "at the start"  # the one under way
        self.links = ground.Links()
        self.disks = {"stage": ground.Disk(run / "stage", pipeline.STAGE_MB),
                      "redis": ground.Disk(run / "redis", pipeline.REDIS_MB)}
        self.pipeline = pipeline.Pipeline(run, program, library, policy, sanitized)
        self.checker = verdict.Checker(run, self.judged)
        self.unders = {}
        for role in ["redis", *sorted({name.split("-")[0] for name in ROLES})]:
            self.unders[role] = ground.Under(run / f"under/{role}", library, pipeline.SYNC_US)
        self.pipeline.add_redis(self.unders["redis"])
        for name in ROLES:
            self.pipeline.add(name.split("-")[0], name, self.unders[name.split("-")[0]])
        self.receiver = record.Receiver(run / "told/hook-all.jsonl", HOOKED, seed)
        self.log = record.AlertLog(run / "told/log.jsonl", self.pipeline.redis_port)
        self.sizes = record.Sizes(run / "told/numbers.jsonl", self.pipeline.processes)
        self.listeners, self.load, self.loaded = [], None, {}
        self.probes = self.alerts_seen = 0
        self.arrived = {}  # (series, ts) -> when, of the probe under way
        self.heard = threading.Condition()
        self.afterwards = []  # what a fault undoes once the pipeline has recovered

    # ---- beginning and end ----

    def start(self):
        processes = self.pipeline.processes
        for process in processes.values():
            process.held = process.name != "redis"
        self.pipeline.start()
        self.wait("redis", self._redis_answers, START_S)
        store = self.pipeline.store()
        store.hset("tw:subscriber:all", mapping={"webhook": self.receiver.url()})
        for rule in HOOKED:
            store.sadd(f"tw:subs:{rule}", "all")
        for process in processes.values():
            process.held = False
        self.wait("every actor", lambda: len((self.pipeline.status() or {"actors": []})["actors"])
                  >= len(ROLES), START_S)
        for name in "a", "b":
            self._listen(name)
        self.log.start()
        self.sizes.start()
        self._start_load()
        threading.Thread(target=self._follow_listener, daemon=True).start()

    def _redis_answers(self):
        try:
            return self.pipeline.store().ping()
        except Exception:
            return False

    def _client(self, name, words, **more):
        log = open(self.run / f"log/{name}.log", "ab")
        return subprocess.Popen([PYTHON, *map(str, words)], stderr=log, **more)

    def _listen(self, name):
        process = pipeline.Process(f"listen-{name}", [
            PYTHON, str(HERE / "listen.py"), name, f"tcp://127.0.0.1:{self.pipeline.alerts_port}",
            str(self.pipeline.redis_port), str(self.run / "told")],
            self.run / f"log/listen-{name}.log", _NOTHING, {}, 1 << 20)
        self.pipeline.processes[process.name] = process
        self.listeners.append(process)

    def _start_load(self):
        settings = {"seed": self.seed, "rows_a_second": self.rows_a_second,
                    "told": str(self.run / "told"),
                    "push": f"tcp://127.0.0.1:{self.pipeline.push_port}",
                    "alerts": f"tcp://127.0.0.1:{self.pipeline.alerts_port}"}
        self.load = self._client("load", [HERE / "load.py", json.dumps(settings)],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._follow_load, daemon=True).start()
        self.wait("the first rows to be durable", lambda: self.loaded.get("acknowledged"), START_S)

    def _follow_load(self):
        for line in self.load.stdout:
            with self.heard:
                self.loaded = json.loads(line)
                self.heard.notify_all()

    def _follow_listener(self):
        """When which alert of rule probe reached subscriber a."""
        path = self.run / "told/sub-a.jsonl"
        self.wait("a subscriber", path.exists, START_S)
        with open(path) as file:
            line = ""
            while True:
                line += file.readline()
                if not line.endswith("\n"):
                    time.sleep(0.01)
                    continue
                if '"alert/probe/' in line:
                    body = json.loads(line)["body"]
                    with self.heard:
                        self.arrived[body["series"], body["ts"]] = time.monotonic()
                        self.heard.notify_all()
                self.alerts_seen += 1
                line = ""

    def finish_load(self, seconds):
        self.order(stop=True)
        try:
            self.load.wait(seconds)
        except subprocess.TimeoutExpired:
            self.load.kill()
            self.violation(f"I1 {self.loaded['made'] - self.loaded['acknowledged']} frames were never "
                           f"announced as durable within {seconds} s")

    def write_last(self):
        """What a client can read when all is calm: the newest rows, and how many were refused."""
        store = self.pipeline.store()
        latest = record.Lines(self.run / "told/latest.jsonl")
        for key in store.scan_iter("tw:latest:*", 1000):
            fields = store.hgetall(key)
            latest.put(series=key.removeprefix("tw:latest:"), ts=int(fields.pop("ts")), **fields)
        refused = int(store.hget("tw:{quarantine}:count:trades", "total") or 0)
        self.sizes.lines.put(quarantined=refused)

    def stop(self):
        """Listeners and log first: they have heard all there is."""
        for listener in self.listeners:
            listener.held = True
            listener.child.kill()
        self.log.stopping.set()
        self.log.join()
        self.write_last()
        failed = self.pipeline.stop()
        crashes, gave_up = self.pipeline.crashes()
        if gave_up:
            self.count("aborts in libzmq", gave_up)
        if self.pipeline.processes["redis"].cuts:
            self.count("logs of Redis cut", self.pipeline.processes["redis"].cuts)
        for text in failed + crashes:
            self.violation(text)

    def close(self):
        """Whatever happened before."""
        for listener in self.listeners:
            listener.held = True
            if listener.child:
                listener.child.kill()
        self.log.stopping.set()
        self.sizes.stopping.set()
        if self.load and self.load.poll() is None:
            self.load.kill()

    # ---- what faults use ----

    def wait(self, what, condition, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            value = condition()
            if value:
                return value
            time.sleep(0.02)
        raise Vain(f"waited {seconds:g} s in vain for {what}")

    def note(self, **line):
        self.lines.put(t=record.now_us(), **line)

    def count(self, what, number=1):
        self.counts[what] += number

    def violation(self, text):
        self.judged(self.fault, text)

    def judged(self, fault, text):
        self.note(violation=text)
        self.result.violation(fault, text)

    def kill(self, process, counts=True):
        self.wait(f"{process.name} to run", lambda: process.child, RECOVER_MOST_S)
        at = time.monotonic()
        if process.send(signal.SIGKILL) and counts:
            self.count("kills")
        return at

    def terminate(self, process):
        """It must go by itself, and say that all is well."""
        child = self.wait(f"{process.name} to run", lambda: process.child, RECOVER_MOST_S)
        child.send_signal(signal.SIGTERM)
        self.count("terms")
        try:
            code = child.wait(30)
        except subprocess.TimeoutExpired:
            child.kill()
            code = "nothing within 30 s"
        # At a fault point on its way; or libzmq gave it up, which crashes() counts in the end.
        fault = code == -signal.SIGKILL or (code == -signal.SIGABRT and process.libzmq_gave_up())
        if code != 0 and not fault:
            self.violation(f"{process.name} ended with {code} after SIGTERM")

    def end(self, process, gently):
        if gently:
            self.terminate(process)
        else:
            self.kill(process)

    def await_start(self, process, ends):
        self.wait(f"{process.name} to start again",
                  lambda: len(process.ends) > ends and process.child, RECOVER_MOST_S)

    def await_said(self, process, since, text, seconds):
        """The process, once its log says so; None if it does not."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if text in process.said(since):
                return process
            time.sleep(0.02)
        return None

    def port_of(self, link):
        fixed = {"client-collector": self.pipeline.push_port, "redis": self.pipeline.redis_port,
                 "broker-subscriber": self.pipeline.alerts_port}
        if link in fixed:
            return fixed[link]
        role, field = {"collector-prep": ("collector", "raw"),
                       "transform-collector": ("collector", "ack"),
                       "prep-transform": ("transform", "endpoint"),
                       "notifier-broker": ("broker", "in")}[link]
        actors = self.wait(f"a {role}", lambda: self.pipeline.actors(role), RECOVER_MOST_S)
        return int(self.dice.choice(actors)[field].rsplit(":", 1)[1])

    # ---- recovery ----

    def order(self, **order):
        self.load.stdin.write(json.dumps(order) + "\n")
        self.load.stdin.flush()

    def recovered(self, since):
        """Seconds from `since` until a probe that is sent now has come through everywhere and the
        producer is not behind any more; None: not within a minute."""
        self.probes += 1
        first = self.probes * PROBE_SERIES
        series = [(first + i) % load.PROBES for i in range(PROBE_SERIES)]
        with self.heard:
            self.arrived.clear()
        self.order(probe=series, number=self.probes)
        until = time.monotonic() + RECOVER_MOST_S
        with self.heard:
            while time.monotonic() < until:
                last = self._through(series)
                if last:
                    return max(0.0, last - since)
                self.heard.wait(0.1)
        return None

    def _through(self, series):
        """When all alerts of the probe were there and the producer up to date; None: not yet."""
        loaded = self.loaded
        frame = loaded["probe_frame"]
        if loaded["probe"] != self.probes or not frame:
            return None
        if loaded["acknowledged"] < frame or loaded["due"] - loaded["made"] > 2:
            return None
        ts = load.START_US + frame * load.FRAME_US
        times = [self.arrived.get((f"trade:P{s:03d}", ts)) for s in series]
        return max(times) if all(times) else None

    def all_run(self):
        return all(p.child and not p.held for p in self.pipeline.processes.values())


class _Nothing:
    @staticmethod
    def environment():
        return {}


_NOTHING = _Nothing()
