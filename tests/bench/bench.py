"""`./run bench`: each stage and the whole, beside its limit on this machine in the same run.

    window     rows/s of one core through sliding windows, beside a loop that only reads the rows
    json       MB/s and rows/s of prep on bodies of real shapes, beside simdjson alone reading the
               same fields
    rules      time of a row through the fold under a million rules by key beside a thousand, verdicts
               of window rules a second, a rule in 10,000 copies beside one, and how long 100,000
               rules take to be in force
    pipeline   rows/s through all actors as processes: pushed in columns, staged durably, state in
               Redis, one window rule, beside the same frames over libzmq alone
    latency    from a client's send to a subscriber's receive, one row at a time
    checkpoint bytes in Redis' append-only file a new row, with 10,000 full windows of an hour, and
               the time of a commit of everything, beside the same rows as plain bytes
    growth     CPU of a row in each kind of actor and in Redis, with 1, 2, 4 and 8 transforms, with
               and without keys; bytes of a row on the disk of the stage and in Redis' file
    balance    partitions of the busiest of 2 to 200 workers, and how many move on a join or leave
               (computed)
    polls      polls/s, CPU of a poll and lateness of a thousand HTTP sources in one collector, and
               polls/s of several, beside plain sockets to the same server
    subscribers memory of the notifier with 1,000,000 subscriptions and 100,000 to series, the time to
               read them beside alerts, and the time to queue one alert to 10,000 subscribers
    viewers    latency from the push of a row to each of 5,000 viewers of the api's events, and memory of
               the api a viewer
    api        answers/s of /api/v1/latest with 1,000 series, beside nginx with the same bytes in a file

Medians of several runs; machines are noisy, so compare ratios of one run. Of `rules`,
`subscribers`, `viewers` and `api` it says for each target whether it was kept: `within <= 2: True`.
"""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys

from targets import TARGETS, judge, text

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = TOP / "build/release"
sys.path.insert(0, str(TOP / "tests/flow"))

CONFIG = """
namespace: tw
redis: embedded
listen: {{ alerts: "tcp://127.0.0.1:*" }}
sources:
  - name: bench
    url: push://tcp://127.0.0.1:{port}
    table: feed
    key: {{ pair: /pair }}
    time: {{ at: t, unit: us }}
    columns: {{ v: v }}
rules:
  spike: {{ on: feed, when: "{when}" }}
"""

ROWS, SERIES, BATCH = 8_000_000, 1000, 16384
LATENCY_COUNT = 500
RUNS = 3


def feed(*words, env=()):
    run = subprocess.run([str(BUILD / "feed_bench"), *map(str, words)], capture_output=True,
                         text=True, timeout=600, env={**os.environ, **dict(env)})
    if run.returncode != 0:
        raise SystemExit(f"feed_bench {words[0]} failed: {run.stderr}")
    return json.loads(run.stdout)


def instance(when):
    from harness import Instance  # needs Debian's python3-zmq
    port = 20000 + os.getpid() % 10000
    started = Instance(CONFIG.format(port=port, when=when))
    started.up()
    return started, f"tcp://127.0.0.1:{port}", started.alerts_endpoint()


def window():
    run = subprocess.run([str(BUILD / "window_bench"), "--json"], capture_output=True, text=True,
                         timeout=600, check=True)
    return json.loads(run.stdout)


def rules():
    run = subprocess.run([str(BUILD / "rules_bench"), "--json"], capture_output=True, text=True,
                         timeout=900, check=True)
    return {**json.loads(run.stdout), "loaded": rules_loaded(100_000)}


def rules_loaded(count):
    """Set by a pipeline of HSET while rows are judged; the test says how long it took."""
    run = subprocess.run(["/usr/bin/python3", str(TOP / "tests/flow/many_rules_test.py"), str(count)],
                         capture_output=True, text=True, timeout=900,
                         env={**os.environ, "TIDEWIRE": str(BUILD / "tidewire")})
    if run.returncode != 0:
        raise SystemExit(f"many_rules_test failed: {run.stderr[-1000:]}")
    return {name: float(value) for name, value in re.findall(r"(\w+)=([\d.]+)", run.stdout)}


def json_bodies():
    run = subprocess.run([str(BUILD / "json_bench"), "--json"], capture_output=True, text=True,
                         timeout=600, check=True)
    return json.loads(run.stdout)


def pipeline():
    rates, staged, raw = [], [], []
    for _ in range(RUNS):
        started, to, news = instance("v > 3 * avg(v) OVER last_1h")
        with started:
            got = feed("flood", to, news, ROWS, SERIES, BATCH)
        rates.append(got["rows"] / got["seconds"])
        staged.append(got["rows"] / got["staged_seconds"])
        alone = feed("raw", ROWS, SERIES, BATCH)
        raw.append(alone["rows"] / alone["seconds"])
    return {"rows_per_s": round(statistics.median(rates)),
            "staged_rows_per_s": round(statistics.median(staged)),
            "raw_zmq_rows_per_s": round(statistics.median(raw)),
            "of_raw": round(statistics.median(rates) / statistics.median(raw), 4),
            "runs": [round(rate) for rate in rates], "rows": ROWS, "series": SERIES}


def limits(started):
    run = subprocess.run([str(BUILD / "limits_bench"), str(started.dir / "stage/bench"),
                          str(started.dir / "redis.sock")], capture_output=True, text=True,
                         timeout=120, check=True)
    return json.loads(run.stdout)


def latency():
    """Beside its limit: two fdatasyncs, two Redis round trips and five ZeroMQ hops, where a Redis
    round trip that writes already holds the second fdatasync."""
    started, to, news = instance("v > 0")
    with started:
        got = feed("latency", to, news, LATENCY_COUNT)
        parts = limits(started)
    limit = parts["fdatasync_ms"] + 2 * parts["redis_write_ms"] + 5 * parts["zmq_hop_ms"]
    return {**got, **parts, "limit_ms": round(limit, 3), "of_limit": round(got["p50_ms"] / limit, 2)}


def checkpoint():
    run = subprocess.run([str(BUILD / "checkpoint_bench")], capture_output=True, text=True,
                         timeout=600, check=True)
    return json.loads(run.stdout)


def http_polls():
    from polls import polls
    return polls(BUILD)


def more_workers():
    from growth import growth
    return growth(CONFIG, feed)


def balance():
    run = subprocess.run([str(BUILD / "balance_bench")], capture_output=True, text=True, timeout=60,
                         check=True)
    return json.loads(run.stdout)


def many_subscribers():
    from subscribers import subscribers
    return subscribers(1_000_000, 100_000)


def followed():
    from viewers import viewers
    return viewers(BUILD)


def api_beside_nginx():
    from viewers import beside_nginx
    return beside_nginx(BUILD)


STAGES = {"window": window, "rules": rules, "json": json_bodies, "pipeline": pipeline, "latency": latency,
          "checkpoint": checkpoint, "growth": more_workers,
          "balance": balance, "polls": http_polls,
          "subscribers": many_subscribers, "viewers": followed, "api": api_beside_nginx}


def main():
    words = argparse.ArgumentParser(prog="run bench", description=__doc__,
                                    formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--json", action="store_true")
    words.add_argument("--only", choices=STAGES)
    chosen = words.parse_args()
    results = {}
    for name, stage in STAGES.items():
        if chosen.only and name != chosen.only:
            continue
        results[name] = stage()
        if not chosen.json:
            print(f"{name}:", *(f"\n  {key:22} {value}" for key, value in results[name].items()),
                  *(f"\n  {text(line)}" for line in judge(name, results[name])), flush=True)
        if name in TARGETS:
            results[name]["targets"] = judge(name, results[name])
    if chosen.json:
        print(json.dumps(results))


if __name__ == "__main__":
    main()
