"""The checker of chaos runs is checked: a small run is recorded, then spoilt in every way that it is
there to find. The clean recording must pass, and each spoilt one fail with words that name the fault.

The run has what a chaos run has: late, repeated, revised, empty and refused rows, rules of all the
kinds that the checker knows, one that comes and goes, a subscriber, a webhook, the alert log.
"""

import array
import concurrent.futures
import copy
import http.server
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib

import msgpack

from harness import TOP, Instance, Pusher, Subscriber, free_ports, skip, wait_for
from staged_log import RECORD_PAYLOAD, RECORD_PLAN, StagedLog

sys.path.insert(0, str(TOP / "tests/chaos"))
import verdict  # noqa: E402

CHECKER = TOP / "tests/chaos/checker.mjs"
START_US = 1_700_000_000_000_000
FRAMES, FRAME_ROWS, SERIES = 90, 60, 5
ROW_US = 20_000
NULL = -(1 << 63)
HOOK_RULES = ["spike", "probe"]
CALM_S = 30

CONFIG = """
namespace: tw
redis: embedded
listen: { alerts: "tcp://127.0.0.1:ALERTS" }
allow_private: true
sources:
  - name: trades
    url: push://tcp://127.0.0.1:PUSH
    table: trade
    key: { market: "=a/b", pair: pair }
    time: { at: t, unit: us }
    columns: { price: price, volume: volume }
    required: [price]
  - name: ticks
    url: push://tcp://127.0.0.1:TICKS
    table: tick
    key: { pair: pair }
    time: { at: t, unit: ms }
    columns: { size: size }
    identity: none
rules:
  spike: { on: trade, when: "volume > 3 * avg(volume) OVER last_10s", cooldown: 1s }
  high: { on: trade, when: "pair LIKE 'P%' AND price > max(price) OVER rows_50", min_rows: 50, resolve: "price < 0.9 * avg(price) OVER last_5s" }
  probe: { on: trade, when: "price > 1000000", emit: row }
  dear: { on: trade, when: "price > 120.5", alerts_max: 20, for: 100ms, resolve: "price < 110", nodata: 1s }
  empty: { on: trade, when: "volume IS NULL AND NOT pair = 'P/1'", severity: info, alerts_max: 1 }
  range: { on: trade, when: "(price - min(price) OVER rows_20) * 0.5 >= max(price) OVER last_5s - lag(price, 2) OVER rows_20 AND sum(volume) OVER last_5s > 99.5 OR pair NOT LIKE '_/%' AND count(*) OVER rows_7 >= 2" }
  odd: { on: trade, when: "price - last_value(price) OVER last_2s = -(first_value(price) OVER rows_3 / 40)", min_rows: 1 }
  large: { on: tick, when: "size >= 2 * avg(size) OVER last_3s", min_rows: 5, flap: 3/500ms }
"""


# ---- the recording ------------------------------------------------------------------------------

def little(code, values):
    items = array.array(code, values)
    if sys.byteorder == "big":
        items.byteswap()
    return items.tobytes()


def trades(dice, n):
    pairs, times, prices, volumes = [], [], [], []
    for i in range(FRAME_ROWS):
        pairs.append((n * FRAME_ROWS + i) % SERIES)
        times.append(START_US + (n * FRAME_ROWS + i) * ROW_US)
        prices.append(dice.randrange(100_00, 140_00))
        volumes.append(NULL if dice.random() < 0.01 else dice.randrange(1, 50_000) *
                       (9 if dice.random() < 0.02 else 1))
    for _ in range(2):  # late, repeated, revised: at the end of the frame, or of its time
        row = dice.randrange(FRAME_ROWS - SERIES, FRAME_ROWS)
        what = dice.randrange(3)
        pairs.append(pairs[row])
        times.append(times[row] - (5_000_000 if what == 0 else 0))
        prices.append(prices[row] + (7 if what == 2 else 0))
        volumes.append(50_000 * 9 if what == 2 else volumes[row])
    if n == 20:  # refused: far in the future, and without what is required
        pairs += [0, 1]
        times += [int((time.time() + 3600) * 1e6), times[0]]
        prices += [1, NULL]
        volumes += [1, 1]
    if n % 30 == 29:
        pairs.append(SERIES)
        times.append(times[0])
        prices.append(2_000_000_00)
        volumes.append(NULL)
    names = [f"P/{i}" for i in range(SERIES)] + ["probe é"]
    return {"t": ["i64", little("q", times)], "pair": ["dict", names, ["u8", little("B", pairs)]],
            "price": ["dec", -2, little("q", prices)], "volume": ["dec", -4, little("q", volumes)]}


def ticks(dice, n):
    times = [START_US // 1000 + 1000 * n + 100 * (i // 3) for i in range(30)]
    sizes = [dice.randrange(1, 9) * (3 if dice.random() < 0.05 else 1) for _ in times]
    return {"t": ["i64", little("q", times)], "pair": ["dict", ["x"], ["u8", bytes(30)]],
            "size": ["i64", little("q", sizes)]}


class Receiver(http.server.ThreadingHTTPServer):
    """A webhook that refuses every seventh request."""

    def __init__(self):
        self.lines = []
        super().__init__(("127.0.0.1", 0), Hook)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Hook(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):  # the name is http.server's
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        status = 503 if len(self.server.lines) % 7 == 6 else 200
        self.server.lines.append({"id": self.headers["webhook-id"], "status": status, "body": body})
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words):
        pass


class Recording:
    """A pipeline at work, and what its clients note: the folder of a run."""

    def __init__(self, instance, run, ports):
        self.instance, self.run, self.told = instance, run, run / "told"
        self.told.mkdir(parents=True)
        self.store = instance.redis()
        self.hook = Receiver()
        self.store.hset("tw:subscriber:hook", "webhook", f"http://127.0.0.1:{self.hook.server_port}/")
        for rule in HOOK_RULES:
            self.store.sadd(f"tw:subs:{rule}", "hook")
        endpoint = instance.alerts_endpoint()
        self.subscriber = Subscriber(endpoint)
        self.pushers = {source: Pusher(f"tcp://127.0.0.1:{port}", endpoint, source, "load")
                        for source, port in ports.items()}
        self.frames, self.acks = [], []

    def push(self, source, rows):
        pusher = self.pushers[source]
        pusher.send(rows=rows)
        frame = pusher.unstaged[pusher.n]
        self.frames.append({"source": source, "client": "load", "n": pusher.n, "bytes": len(frame),
                            "crc": zlib.crc32(frame)})

    def settle(self):
        for source, pusher in self.pushers.items():
            pusher.settle()
            self.acks.append({"source": source, "client": "load", "n": pusher.n})

    def plan_holds(self, rule, there):
        """As the log says: the rule is in force, or is not any more."""
        def holds():
            last = [r.payload for r in StagedLog(self.stage()).records if r.kind == RECORD_PLAN][-1]
            return (rule.encode() in last.split(b"large")[0]) == there
        wait_for(f"rule {rule} {'in' if there else 'out of'} the plan", holds)

    def stage(self):
        return self.instance.dir / "stage/tw/collector"

    def feed(self):
        dice = random.Random(7)
        for n in range(FRAMES):
            self.push("trades", trades(dice, n))
            if n % 3 == 0:
                self.push("ticks", ticks(dice, n))
            if n in (30, 60):
                self.settle()
            if n == 30:  # longer than what is kept: warming at first
                self.store.hset("tw:rule:extra", mapping={
                    "on": "trade", "when": "volume > 2 * avg(volume) OVER last_20s"})
                self.plan_holds("extra", True)
            if n == 60:
                self.store.hset("tw:rule:extra", "enabled", "0")
                time.sleep(3.2)  # long enough to be missed
        self.settle()

    def write(self):
        """What was noted up to now."""
        quarantined = sum(int(self.store.hget(f"tw:{{quarantine}}:count:{source}", "total") or 0)
                          for source in self.pushers)
        log = [{"entry": entry, **{k: fields[k] for k in ("id", "rule", "series", "severity", "topic")},
                "ts": int(fields["ts"]), "seq": int(fields["seq"]), "body": json.loads(fields["body"])}
               for entry, fields in self.store.xrange("tw:alerts")]
        latest = [{"series": key.split(":", 2)[2], **self.store.hgetall(key)}
                  for key in sorted(self.store.scan_iter("tw:latest:*"))]
        files = {
            "frames": self.frames, "acks": self.acks, "log": log, "latest": latest,
            "sub-a": [{"topic": topic, "how": "sub", "body": body}
                      for topic, body in list(self.subscriber.entries)],
            "hook-b": [{"rules": HOOK_RULES}] + list(self.hook.lines),
            "numbers": [{"actor": "prep-1", "rss_kb": 1000, "limit_kb": 2000},
                        {"quarantined": quarantined}],
        }
        for name, lines in files.items():
            put_lines(self.told / f"{name}.jsonl", lines)
        shutil.rmtree(self.run / "stage", ignore_errors=True)
        shutil.copytree(self.stage(), self.run / "stage/tw/collector")


def add(path, **line):
    with open(path, "a") as file:
        file.write(json.dumps(line) + "\n")


def put_lines(path, lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def check(run):
    """Exit code, and all that is said."""
    done = subprocess.run(["node", str(CHECKER), str(run)], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def record(run):
    push, alerts, ticks_port = free_ports(3)
    config = CONFIG.replace("PUSH", str(push)).replace("ALERTS", str(alerts)).replace("TICKS", str(ticks_port))
    with Instance(config) as instance:
        instance.up("broker,notifier,transform,prep,collector")
        recording = Recording(instance, run, {"trades": push, "ticks": ticks_port})
        recording.feed()
        until = time.monotonic() + CALM_S
        while True:
            recording.write()
            code, said = check(run)
            if code == 0:
                break
            assert time.monotonic() < until, f"the clean run does not pass ({code}):\n{said}"
            time.sleep(0.5)
        recording.subscriber.close()
        for pusher in recording.pushers.values():
            pusher.close()
        recording.hook.shutdown()
    return said


# ---- the violations -----------------------------------------------------------------------------

class Spoilt:
    """A copy of the recording, to be spoilt."""

    def __init__(self, run, folder):
        self.run = folder
        shutil.copytree(run, folder)
        self.stage = folder / "stage/tw/collector"
        self.files = {}

    def lines(self, name):
        path = self.run / f"told/{name}.jsonl"
        if name not in self.files:
            self.files[name] = [json.loads(line) for line in path.read_text().splitlines()]
        return self.files[name]

    def log(self):
        return StagedLog(self.stage)

    def frames(self, log):
        return [r for r in log.records if r.kind == RECORD_PAYLOAD and r.source == b"trades"]

    def note_frame(self, payload):
        """The client made these bytes."""
        n = msgpack.unpackb(payload)["n"]
        for line in self.lines("frames"):
            if line["source"] == "trades" and line["n"] == n:
                line.update(bytes=len(payload), crc=zlib.crc32(payload))

    def fault(self, **line):
        add(self.run / "faults.jsonl", **line)

    def save(self):
        for name, lines in self.files.items():
            put_lines(self.run / f"told/{name}.jsonl", lines)


def nth(lines, rule, place=0):
    """An alert of that rule (at a webhook: what was told of it), as the lines have it, and where."""
    found = [(i, line) for i, line in enumerate(lines) if line.get("body", {}).get("rule") == rule and
             (line["body"]["kind"] == "alert" or "status" in line)]
    return found[place]


def topic_twice(lines):
    """Two neighbours of one topic."""
    last = {}
    for i, line in enumerate(lines):
        if line["topic"] in last:
            return last[line["topic"]], i
        last[line["topic"]] = i
    raise AssertionError("no topic has two alerts")


CASES = []


def case(*words, code=1):
    """The words that the checker must say, all in one line; exit code 0 and none: it must pass."""
    def add(spoil):
        CASES.append((spoil.__name__, spoil, words, code))
        return spoil
    return add


@case("I2 lost alert", "not at subscriber a")
def lost_at_the_subscriber(it):
    lines = it.lines("sub-a")
    del lines[nth(lines, "spike", -1)[0]]


@case("I2 lost alert", "not at the alert log")
def lost_in_the_log(it):
    lines = it.lines("log")
    del lines[nth(lines, "range", 3)[0]]


@case("I2 lost alert", "of probe", "not at webhook b")
def lost_at_the_webhook(it):
    it.files["hook-b"] = [line for line in it.lines("hook-b")
                          if line.get("body", {}).get("rule") != "probe"]


@case("I5 subscriber a took entry", "a gap was not filled")
def a_gap(it):
    lines = it.lines("sub-a")
    del lines[topic_twice(lines)[0]]


@case("I5 subscriber a took entry", "out of order")
def out_of_order(it):
    lines = it.lines("sub-a")
    i, k = topic_twice(lines)
    lines[i], lines[k] = lines[k], lines[i]


@case("I5 subscriber a took alert", "twice")
def taken_twice(it):
    it.lines("sub-a").append(it.lines("sub-a")[0])


@case(code=0)
def heard_twice(it):
    it.lines("sub-a").append({**it.lines("sub-a")[0], "again": True})


@case(code=0)
def taken_again_after_a_restart(it):
    it.lines("sub-a").extend([{"restarted": True}, it.lines("sub-a")[0]])


@case("I2 alert", "came under the topic alert/other/")
def another_topic(it):
    it.lines("sub-a")[0]["topic"] = "alert/other/"


@case("I2 phantom alert", "the log does not imply it", "at subscriber a")
def a_phantom(it):
    line = copy.deepcopy(it.lines("sub-a")[-1])
    line["body"].update(id="0" * 32)
    line["body"]["record"].update(row=3, seq=4)
    it.lines("sub-a").append(line)


@case("I3 alert", "the id of that row is", "at subscriber a")
def the_same_under_another_id(it):
    line = copy.deepcopy(it.lines("sub-a")[5])
    line["body"]["id"] = "f" * 32
    it.lines("sub-a").append(line)


@case("I3 alert", "the id of that row is", "at the alert log")
def an_id_changed(it):
    line = it.lines("log")[7]
    line["id"] = line["body"]["id"] = "1" * 32


@case("I2 phantom alert", "no plan has this rule")
def a_rule_that_never_was(it):
    line = copy.deepcopy(it.lines("sub-a")[-1])
    line["body"].update(id="2" * 32, rule="never")
    it.lines("sub-a").append(line)


@case("I2 phantom alert", "of extra", "the rule is in force from record")
def before_its_rule(it):
    line = copy.deepcopy(nth(it.lines("sub-a"), "extra")[1])
    line["body"].update(id="3" * 32)
    line["body"]["record"]["seq"] = 5
    it.lines("sub-a").append(line)


@case("I2 phantom alert", "of extra", "the log does not imply it")
def after_its_rule(it):
    line = copy.deepcopy(nth(it.lines("sub-a"), "extra")[1])
    line["body"].update(id="4" * 32)
    line["body"]["record"]["seq"] = it.log().records[-1].seq
    it.lines("sub-a").append(line)


@case("I2 phantom alert", "which is not in the log")
def of_no_record(it):
    line = copy.deepcopy(it.lines("sub-a")[-1])
    line["body"]["id"] = "5" * 32
    line["body"]["record"]["seq"] = 10**6
    it.lines("sub-a").append(line)


def body_case(path, value, place="sub-a"):
    @case("I2 another body under the id", path)
    def spoil(it):
        line = nth(it.lines(place), "spike", 2)[1]
        at, names = line["body"], path.split(".")
        for name in names[:-1]:
            at = at[int(name) if isinstance(at, list) else name]
        assert at[names[-1]] != value
        at[names[-1]] = value
    CASES[-1] = (f"body: {path}", *CASES[-1][1:])


for at, wrong in {"seq": 999, "prev": "0" * 32, "severity": "info", "ts": START_US + 1,
                  "columns.volume": 1.5, "evidence.0.rows": 3, "evidence.0.sum": 17,
                  "evidence.0.avg": 1.25, "evidence.0.exact": False, "threshold": 2, "ratio": 3.5,
                  "when": "true", "record.row": 0, "record.stream": "other", "key.pair": "P/9",
                  "stamps.recv": 1}.items():
    body_case(at, wrong)
body_case("evidence.0.value", 1.25, "log")
body_case("columns.price", None, "hook-b")


@case(code=0)
def published_at_another_time(it):
    for name in "sub-a", "log":
        for line in it.lines(name):
            line["body"]["at"] += 1
            line["body"]["stamps"]["fired"] += 1


@case("I2 the entry of alert", "severity")
def an_entry_that_differs(it):
    it.lines("log")[0]["severity"] = "other"


@case("I2 alert", "stands twice at the alert log")
def logged_twice(it):
    it.lines("log").append({**it.lines("log")[0], "entry": "9-0"})


@case(code=0)
def logged_again_after_a_roll_back(it):
    it.lines("log").extend([{"rolled_back": True}, {**it.lines("log")[0], "entry": "9-0"}])


@case("I2 alert", "webhook-id")
def another_webhook_id(it):
    it.lines("hook-b")[1]["id"] = "nothing"


@case("I2 alert", "which has no such rule")
def told_what_it_did_not_ask_for(it):
    line = nth(it.lines("sub-a"), "range")[1]
    it.lines("hook-b").append({"id": line["body"]["id"], "status": 200, "body": line["body"]})


@case("I1 frame", "of trades/load stands twice in the log")
def staged_twice(it):
    log = it.log()
    log.append(it.frames(log)[-1])
    log.save()


@case("I1 record", "stands twice in the log")
def a_record_twice(it):
    log = it.log()
    log.records.insert(9, copy.copy(log.records[8]))
    log.save()


@case("I1 frames", "of trades/load are missing before record")
def a_frame_missing(it):
    log = it.log()
    log.remove(it.frames(log)[10], renumber=True)
    log.save()


@case("I1 records", "are missing in the log")
def a_record_missing(it):
    log = it.log()
    log.remove(it.frames(log)[10])
    log.save()


@case("I1 frames", "were acknowledged and are not in the log")
def acknowledged_and_not_there(it):
    log = it.log()
    last = it.frames(log)[-1]
    log.records = [r for r in log.records if r.seq < last.seq]
    log.save()


@case("I1", "is not frame", "as it was made")
def other_bytes_than_were_sent(it):
    log = it.log()
    frame = it.frames(log)[12]
    frame.payload = change_rows(frame.payload, lambda prices: [price + 1 for price in prices])
    log.save()


@case("I2", "the log does not imply it")
def a_log_that_implies_less(it):
    """Prices of all probes are lowered; the client made it so."""
    log = it.log()
    for frame in it.frames(log):
        frame.payload = change_rows(frame.payload, lambda prices: [min(p, 500_00) for p in prices])
        it.note_frame(frame.payload)
    log.save()


@case("I2 lost alert", "of probe", "not at the alert log")
def a_log_that_implies_more(it):
    log = it.log()
    frame = it.frames(log)[40]
    frame.payload = change_rows(frame.payload, lambda prices: prices[:5] + [9_000_000_00] + prices[6:])
    it.note_frame(frame.payload)
    log.save()


@case("I1 record", "which never made it")
def a_frame_nobody_made(it):
    it.files["frames"] = [line for line in it.lines("frames") if line["n"] != 4]


@case("I1", "was told that 1 is durable, after")
def an_acknowledgement_taken_back(it):
    it.lines("acks").append({"source": "trades", "client": "load", "n": 1})


@case("I1 segment", "are damaged")
def a_flipped_bit_in_a_payload(it):
    it.log().flip(it.frames(it.log())[20], 200)


@case("I1 segment", "are damaged")
def a_flipped_bit_in_a_head(it):
    it.log().flip(it.frames(it.log())[20], 20)


@case("I1 records", "are missing in the log")
def a_flipped_bit_loses_one_record_alone(it):
    it.log().flip(it.frames(it.log())[20], 200)


@case("I1 segment", "its head is damaged")
def a_flipped_bit_in_the_head_of_a_file(it):
    it.log().flip_at(40)


@case("I1 segment", "are damaged")
def a_flip_that_was_not_mended(it):
    log = it.log()
    log.flip(it.frames(log)[20], 200)
    name = sorted(it.stage.glob("*.seg"))[0].name
    it.fault(fault="flip", file=name)
    it.fault(fault="flip mended", file=name)


@case("I1 segment", "damaged on purpose, and never mended")
def a_flip_that_stays(it):
    log = it.log()
    log.flip(it.frames(log)[20], 200)
    it.fault(fault="flip", file=sorted(it.stage.glob("*.seg"))[0].name)


@case(code=0)
def a_torn_tail(it):
    with open(sorted(it.stage.glob("*.seg"))[-1], "ab") as file:
        file.write(struct.pack("<I", it.log().mark) + bytes(20))


@case("I1 plan record", "leads to", "as it says")
def a_plan_that_is_another(it):
    log = it.log()
    plan = [r for r in log.records if r.kind == RECORD_PLAN][0]
    plan.payload = plan.payload.replace(b"volume > 3 *", b"volume > 4 *")
    log.save()


@case("I1 record", "not after the one before")
def a_time_that_goes_back(it):
    log = it.log()
    log.records[10].received = log.records[8].received
    log.save()


@case("I4 the newest row of trade:", "volume")
def another_newest_row(it):
    next(line for line in it.lines("latest") if "P%2F1" in line["series"])["volume"] = "123.25"


@case("I4 series", "has no newest row in Redis")
def no_newest_row(it):
    del it.lines("latest")[0]


@case("I4 series", "is in Redis and not in the log")
def a_series_of_nowhere(it):
    it.lines("latest").append({"series": "trade:nowhere", "ts": 1})


@case("I6", "rows are counted as refused; the log has 2")
def refused_rows_not_counted(it):
    it.lines("numbers").append({"quarantined": 1})


@case("I7 prep-1 holds 2001 KB", "its bound is 2000 KB")
def too_much_memory(it):
    it.lines("numbers").append({"actor": "prep-1", "rss_kb": 2001, "limit_kb": 2000})


@case("cannot check", "the function sqrt", code=2)
def a_rule_it_does_not_know(it):
    log = it.log()
    plan = [r for r in log.records if r.kind == RECORD_PLAN][0]
    known, unknown = b"volume > 3 * avg(volume) OVER last_10s", b"sqrt(volume) > 3"
    plan.payload = plan.payload.replace(known, unknown.ljust(len(known)))
    log.save()


def change_rows(payload, change):
    frame = msgpack.unpackb(payload)
    column = frame["rows"]["price"]
    column[2] = little("q", change(array.array("q", column[2]).tolist()))
    return msgpack.packb(frame)


def try_case(run, folder, name, spoil, words, code):
    """What is wrong with what the checker says of this one, or nothing."""
    it = Spoilt(run, folder / name.replace(" ", "-").replace(":", ""))
    spoil(it)
    it.save()
    got, said = check(it.run)
    found = not words or any(all(word in line for word in words) for line in said.splitlines())
    shutil.rmtree(it.run)
    if got == code and found:
        return ""
    return f"{name}: exit {got} instead of {code}, wanted {words}:\n{said[:2000]}"


def try_cases(run, folder):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        tried = list(pool.map(lambda one: try_case(run, folder, *one), CASES))
    failed = [text for text in tried if text]
    assert not failed, "\n".join(failed)


# ---- while it runs ------------------------------------------------------------------------------

def texts(answer):
    return [found["text"] for found in answer["violations"]]


class Served:
    def __init__(self, run):
        self.child = subprocess.Popen(["node", str(CHECKER), str(run), "--serve"], text=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, **question):
        self.child.stdin.write(json.dumps(question) + "\n")
        self.child.stdin.flush()
        return json.loads(self.child.stdout.readline())

    def close(self):
        self.child.stdin.close()
        assert self.child.wait(30) == 0


def asked_as_it_grows(run, folder):
    """Lines and records come bit by bit; nothing is demanded too early, and each thing told once."""
    it = Spoilt(run, folder / "grows")
    whole = it.log()
    sub, acks = it.lines("sub-a"), it.lines("acks")
    half = it.frames(whole)[45]
    log = it.log()
    log.records = [r for r in log.records if r.seq < half.seq]
    log.save()
    it.files["acks"] = []
    it.files["sub-a"] = [line for line in sub if line["body"]["record"]["seq"] < half.seq]
    it.save()
    served = Served(it.run)
    early = log.records[20].received
    answer = served.ask(check=early, now=early)
    assert answer["violations"] == [] and answer["records"] == log.records[19].seq, answer
    answer = served.ask(check=half.received)
    assert answer["violations"] == [] and answer["records"] == half.seq - 1, answer
    whole.save()
    answer = served.ask(check=half.received, now=half.received)
    assert answer["violations"] == [] and answer["records"] == half.seq - 1, answer
    end = whole.records[-1].received + 1
    add(it.run / "told/sub-a.jsonl", has_all_of=end)
    answer = served.ask(check=end, now=end)  # the subscriber heard nothing of it
    assert answer["violations"] and all("subscriber a" in text or "more of this kind" in text
                                        for text in texts(answer)), answer
    again = served.ask(check=end, now=end)
    assert again["violations"] == [], again
    it.files["sub-a"], it.files["acks"] = sub, acks
    it.save()
    served.child.kill()
    served.child.wait()


class Behind:
    """A subscriber who lacks the newest alert of a topic when it is asked for."""

    def __init__(self, run, folder):
        self.it = Spoilt(run, folder)
        self.lacked = self.it.lines("sub-a").pop()
        self.it.save()
        self.end = self.it.log().records[-1].received + 1
        self.served = Served(self.it.run)
        self.asks_in_vain("kill subscriber", 0)

    def ask(self, after, later_us, **question):
        return self.served.ask(check=self.end, now=self.end + later_us, after=after, **question)

    def asks_in_vain(self, after, later_us):
        answer = self.ask(after, later_us)
        assert answer["violations"] == [], answer

    def says(self, **line):
        add(self.it.run / "told/sub-a.jsonl", **line)

    def finds(self, answer, why):
        (found,) = answer["violations"]
        assert f"lost alert {self.lacked['body']['id']}" in found["text"], found
        assert found["text"].endswith(f": not at subscriber a{why}"), found
        assert found["after"] == "kill subscriber", found


def behind_and_no_loss(run, folder):
    """Killed between seeing it in the log and taking it; it has it a little later."""
    it = Behind(run, folder / "behind")
    it.says(restarted=True)
    it.says(has_all_of=it.end - 1)  # of a look that may have been too early
    it.asks_in_vain("kill redis", 1_000_000)
    it.says(**it.lacked)
    it.says(has_all_of=it.end)
    it.asks_in_vain("kill prep", 2_000_000)
    answer = it.ask("at the end", 0, final=True)
    assert answer["violations"] == [], answer
    it.served.close()


def behind_and_lost(run, folder):
    """It has read the log since and has it not: told once, of the fault after which it was asked for."""
    it = Behind(run, folder / "lost")
    it.says(has_all_of=it.end)
    it.finds(it.ask("kill redis", 1_000_000), ", which has all of the log since")
    it.asks_in_vain("kill prep", 2_000_000)
    answer = it.ask("at the end", 0, final=True)
    assert answer["violations"] == [], answer
    it.served.close()


def behind_for_ever(run, folder):
    """Nobody is waited for longer than a minute, or than to the end."""
    it = Behind(run, folder / "minute")
    it.asks_in_vain("kill redis", 60_000_000)
    it.finds(it.ask("kill redis", 60_000_001), ", which did not look into the log for a minute")
    it.served.close()
    it = Behind(run, folder / "end")
    it.finds(it.ask("at the end", 1, final=True), "")
    it.served.close()


def asked_too_early(run, folder):
    """What a plan ends is stamped with no time of receipt, and is asked for no sooner than its record."""
    it = Spoilt(run, folder / "early")
    ended = [line for line in it.lines("sub-a") if line["body"].get("reason") == "rule removed"]
    it.files["sub-a"] = [line for line in it.lines("sub-a") if line not in ended]
    log = it.log()
    end, seq = log.records[-1].received + 1, min(line["body"]["record"]["seq"] for line in ended)
    (plan,) = [r for r in log.records if r.seq == seq]
    it.save()
    add(it.run / "told/sub-a.jsonl", has_all_of=end)
    served = Served(it.run)
    answer = served.ask(check=plan.received, now=plan.received)
    assert answer["violations"] == [] and answer["records"] >= seq, answer
    answer = served.ask(check=plan.received + 1, now=plan.received + 1)
    assert answer["violations"] and all("not at subscriber a" in text for text in texts(answer)), answer
    served.close()


def put_down_to(run, folder):
    """As chaos.py asks: what it is told has the name of the first fault."""
    it = Behind(run, folder / "down")
    it.served.close()
    (it.it.run / "log").mkdir()
    told = []
    checker = verdict.Checker(it.it.run, lambda *found: told.append(found))
    checker.recovered_us = [it.end, it.end]
    checker.after("kill broker")
    it.says(has_all_of=time.time_ns() // 1000)
    checker.after("kill redis")
    checker.final()
    assert [(fault, "has all of the log since" in text) for fault, text in told] == \
        [("kill broker", True)], told


def changed_after_it_was_read(run, folder):
    it = Spoilt(run, folder / "changed")
    log = it.log()
    served = Served(it.run)
    end = log.records[-1].received + 1
    assert served.ask(check=end, now=end)["violations"] == []
    frame = it.frames(log)[30]
    frame.payload = change_rows(frame.payload, lambda prices: prices[::-1])
    log.save()
    answer = served.ask(final=True)
    assert texts(answer) == [f"I1 record {frame.seq} is not what it was when it was read first"], answer
    served.close()


def damaged_on_purpose(run, folder):
    """A bit that the harness flipped, said so, and will flip back: waited for."""
    it = Spoilt(run, folder / "purpose")
    log = it.log()
    frame = it.frames(log)[30]
    name = sorted(it.stage.glob("*.seg"))[0].name
    it.fault(fault="flip", file=f"stage/tw/collector/{name}")
    log.flip(frame, 300)
    served = Served(it.run)
    end = log.records[-1].received + 1
    answer = served.ask(check=end, now=end)
    assert answer["violations"] == [] and answer["records"] == frame.seq - 1, answer
    log.save()
    it.fault(fault="flip mended", file=f"stage/tw/collector/{name}")
    answer = served.ask(final=True)
    assert answer["violations"] == [] and answer["records"] == log.records[-1].seq, answer
    served.close()


def main():
    if not shutil.which("node"):
        skip("no node here")
    with tempfile.TemporaryDirectory(prefix="tw-checked-") as name:
        folder = pathlib.Path(name)
        run = folder / "run"
        said = record(run)
        print(f"clean: {said.strip()}", flush=True)
        rules = {line.get("body", {}).get("rule") for line in
                 map(json.loads, (run / "told/sub-a.jsonl").read_text().splitlines())}
        assert rules >= {"spike", "high", "probe", "empty", "range", "large", "extra"}, rules
        kinds = {line.get("body", {}).get("kind") for line in
                 map(json.loads, (run / "told/sub-a.jsonl").read_text().splitlines())}
        assert kinds >= {"alert", "correction", "firing", "resolved", "flapping", "nodata", "data"}, kinds
        try_cases(run, folder)
        asked_as_it_grows(run, folder)
        behind_and_no_loss(run, folder)
        behind_and_lost(run, folder)
        behind_for_ever(run, folder)
        asked_too_early(run, folder)
        put_down_to(run, folder)
        changed_after_it_was_read(run, folder)
        damaged_on_purpose(run, folder)
        print(f"ok: {len(CASES)} spoilt runs told from the clean one")


if __name__ == "__main__":
    main()
