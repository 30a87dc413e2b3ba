"""Windows that stand still, in the real pipeline: rows that come late and revisions on both sides of a
kill -9 of the worker give the alerts, less corrections, of going through the rows once; a replay
says the same, under the same ids; `explain` agrees, and where no row came late it shows the rows that
the windows held."""

import contextlib
import json
import os
import random
import re
import signal
import sys

from harness import Instance, Pusher, alert_log, free_ports, wait_for

CONFIG = """
namespace: tw
redis: embedded
listen: { alerts: "tcp://127.0.0.1:*", http: "127.0.0.1:*" }
sources:
  - name: feed
    url: push://tcp://127.0.0.1:PORT
    table: trade
    key: { pair: /k }
    time: { at: t, unit: ms }
    columns: { volume: v }
    identity: [time]
    lateness: 3s
rules:
  surge: { on: trade, when: "volume > 2 * avg(volume) OVER rows_4", min_rows: 2, freeze: true, alerts_max: 0 }
  until: { on: trade, when: "volume > 2 * avg(volume) OVER rows_4", min_rows: 2, freeze: true,
           alerts_max: 0, resolve: "volume <= avg(volume) OVER rows_4" }
"""

START_MS, LATENESS_MS, SECONDS = 1_700_000_000_000, 3000, 240
RECORD_ROWS, KILLED_AFTER = 5, (14, 33)  # the worker, after so many records


def frames(rng, backs):
    """(ms, volume) as they are sent: some late, some too late, some once more with another volume."""
    made = []
    for i in range(SECONDS):
        volume = rng.randrange(1, 40) if i % 40 > 25 else rng.randrange(1, 5)
        back = rng.choice(backs)
        made.append((START_MS + 1000 * i - back, volume))
        if len(backs) > 1 and rng.random() < 0.15:
            made.append((made[-1][0], rng.randrange(1, 20)))
    return made + [(START_MS + 1000 * (SECONDS + 60), 1)]  # all others have closed


def records(sent):
    return [sent[first:first + RECORD_ROWS] for first in range(0, len(sent), RECORD_ROWS)]


def accepted(sent):
    """Each row in its last revision, by time. Rows of one record come in order of time."""
    rows, newest = {}, 0
    for record in records(sent):
        for ms, volume in sorted(record, key=lambda row: row[0]):
            if ms >= newest - LATENESS_MS:
                rows[ms] = volume
                newest = max(newest, ms)
    return sorted(rows.items())


def holding(rows, resolve):
    """{ms: where the windows stand still that it was judged by, or None} of rows for which it holds."""
    found, still, since = {}, None, None
    for i, (ms, volume) in enumerate(rows):
        window = still or [v for _, v in rows[max(0, i - 4):i]]
        holds = len(window) >= 2 and volume * len(window) > 2 * sum(window)
        if holds:
            found[ms] = since
        stays = holds or (still and resolve and volume * len(window) > sum(window))
        still, since = (window, since or ms) if stays else (None, None)
    return found


def standing(database):
    """{(series, rule): {ms: entry}} of the alerts that were not taken back."""
    entries = alert_log(database, {"alert", "correction"})
    taken = {json.loads(e["body"])["corrects"] for e in entries if e["kind"] == "correction"}
    found = {(series, rule): {} for series in ("a", "b") for rule in ("surge", "until")}
    for entry in entries:
        if entry["kind"] == "alert" and entry["id"] not in taken:
            of_rule = found[entry["series"][-1], entry["rule"]]
            ms = int(entry["ts"]) // 1000
            assert ms not in of_rule, f"twice: {entry}"
            of_rule[ms] = entry
    return found


def check_explained(instance, rows, entry, since):
    """The windows that are shown are those of the row where they came to stand still."""
    body = json.loads(entry["body"])
    assert body.get("frozen") == (since * 1000 if since else None), (since, body)
    code, text = instance.explain(entry["id"], "--rows")
    assert code == 0 and "agrees" in text, text
    assert ("windows      stand still since" in text) == (since is not None), text
    at = [ms for ms, _ in rows].index(since or int(entry["ts"]) // 1000)
    seen = [v for _, v in rows[max(0, at - 4):at]]
    shown = [int(v) for v in re.findall(r"^ {13}\S+Z  record .* volume (\d+)$", text, re.M)]
    assert shown == seen, (shown, seen, text)


def push_all(instance, port, sent):
    """Both series at the same pace; the worker is killed twice."""
    pusher = Pusher(f"tcp://127.0.0.1:{port}", instance.alerts_endpoint(), "feed")
    parts = {series: records(frames) for series, frames in sent.items()}
    for number in range(max(map(len, parts.values()))):
        for series, of_series in parts.items():
            record = of_series[number] if number < len(of_series) else []
            if record:
                pusher.send({"k": [series] * len(record), "t": [ms for ms, _ in record],
                             "v": [v for _, v in record]})
        if number in KILLED_AFTER:
            pusher.settle()
            kill_worker(instance)
    pusher.settle()
    return pusher


def times(found):
    return {of: set(of_rule) for of, of_rule in found.items()}


def kill_worker(instance):
    def killed():
        for actor in instance.actors("transform"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(actor["pid"]), signal.SIGKILL)
                return True
        return False
    wait_for("a worker to kill", killed)


def check_replay(instance, database, pusher, rows, ids):
    """Told anew up to one more row, which alerts, the same alerts stand."""
    instance.word("replay", "-c", instance.config, "--from", "2020-01-01T00:00:00Z")
    ms = rows[-1][0] + 1000
    pusher.send({"k": ["b"], "t": [ms], "v": [10_000]})
    pusher.settle()

    def told():
        entries = [standing(database)["b", rule].get(ms) for rule in ("surge", "until")]
        return all(entry and "~" in json.loads(entry["body"])["record"]["stream"]
                   for entry in entries) and {entry["id"] for entry in entries}
    new = wait_for("the row after the replay", told)
    after = {entry["id"] for of_rule in standing(database).values() for entry in of_rule.values()}
    assert after - new == ids, (after - new) ^ ids


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else random.randrange(2**32)
    rng, (port,) = random.Random(seed), free_ports(1)
    print(f"seed {seed}")
    sent = {"a": frames(rng, [0, 0, 0, 500, 1500, 2500, 4500]), "b": frames(rng, [0])}
    rows = {series: accepted(of_series) for series, of_series in sent.items()}
    expected = {(series, rule): holding(rows[series], rule == "until")
                for series in sent for rule in ("surge", "until")}
    with Instance(CONFIG.replace("PORT", str(port))) as instance:
        instance.up()
        database = instance.redis()
        pusher = push_all(instance, port, sent)
        wait_for("the alerts of the rows in their last revision",
                 lambda: times(standing(database)) == times(expected))
        found, checked = standing(database), 0
        for (series, rule), of_rule in found.items():
            for ms in sorted(of_rule)[:: max(1, len(of_rule) // 6)]:
                if series == "b":
                    check_explained(instance, rows["b"], of_rule[ms], expected[series, rule][ms])
                else:
                    instance.agrees(of_rule[ms])
                checked += 1
        ids = {entry["id"] for of_rule in found.values() for entry in of_rule.values()}
        still = sum(since is not None for of in expected.values() for since in of.values())
        assert still > 20 and checked > 12, (still, checked)
        check_replay(instance, database, pusher, rows["b"], ids)
        print(f"{sum(map(len, sent.values()))} rows sent, {sum(map(len, rows.values()))} accepted: "
              f"{len(ids)} alerts stand, {still} by windows that stand still, {checked} explained")


if __name__ == "__main__":
    main()
