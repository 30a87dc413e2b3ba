"""The log is trimmed while data flows: the oldest segments vanish, collector and transform are
killed in between, and the alerts are those of a back-test over everything that was sent.
"""

import json
import os
import random
import signal
import sys
import time

from harness import Instance, Pusher, backtest, free_ports, wait_for

SOURCE = """
    table: trade
    key: { pair: /pair }
    time: { at: /t, unit: ms }
    columns: { price: /price }
    identity: [time]
"""
RULES = """
rules:
  jump: { on: trade, when: "price > 2 * avg(price) OVER last_1m", min_rows: 10 }
"""
LIVE = """
stage_seal: 1s
stage_keep: 3s
copy_every: 1s
listen: {{ alerts: "tcp://127.0.0.1:{alerts}" }}
sources:
  - name: live
    url: push://tcp://127.0.0.1:{push}
    rows: ""{source}{rules}"""
SENT = """
sources:
  - name: sent
    url: file://{path}
    format: jsonl
    rows: ""{source}{rules}"""

ROUNDS, ROWS = 30, 40
PAIRS = ["a", "b", "c", "d", "e"]


def segments(instance):
    return sorted(int(path.stem) for path in (instance.dir / "stage/tw").glob("*/*.seg"))


def kill(instance, role):
    for actor in instance.actors(role):
        try:
            os.kill(int(actor["pid"]), signal.SIGKILL)
        except ProcessLookupError:
            pass


def log_lines(instance, what):
    lines = (instance.dir / "log/collector.log").read_text().splitlines()
    return [line for line in lines if what in line]


def refuse_what_was_asked_before(instance):
    """A request that was written while the log was whole, and is found when it no longer is."""
    request = next((instance.dir / "stage/tw").glob("*/*.seg")).parent / "REPLAY"
    request.write_text(f"replay {'1' * 32} {'2' * 32} 0 *\n")
    wait_for("the collector to refuse it", lambda: not request.exists())
    assert log_lines(instance, "request refused")[-1].count("trimmed"), "another reason"


def assert_says_only_what_went(instance):
    said = log_lines(instance, "log trimmed")
    assert said and not [line for line in said if line.endswith(" first_seq=1")], said


def main():
    alerts, push = free_ports(2)
    numbers = random.Random(7)
    with Instance(LIVE.format(alerts=alerts, push=push, source=SOURCE, rules=RULES)) as instance:
        instance.up()
        pusher = Pusher(f"tcp://127.0.0.1:{push}", f"tcp://127.0.0.1:{alerts}", "live")
        at_ms, sent, firsts = int(time.time() * 1000) - 3_600_000, [], set()
        for round_ in range(ROUNDS):
            for _ in range(ROWS):
                at_ms += 500
                row = {"pair": numbers.choice(PAIRS), "t": at_ms,
                       "price": numbers.choice([1, 2, 3, 9])}
                sent.append(json.dumps(row))
                pusher.send(raw=sent[-1].encode())
            pusher.settle(60)
            if round_ % 10 == 4:
                kill(instance, "collector")
            if round_ % 10 == 8:
                kill(instance, "transform")
            firsts.add(segments(instance)[0])
            last = segments(instance)[-1]
            wait_for("another segment", lambda: segments(instance)[-1] > last, 60)
        wait_for("segments to go", lambda: segments(instance)[0] > 1, 90)
        trimmed = wait_for("the status to say so", lambda: [
            a for a in instance.actors("collector") if int(a["first_seq"]) > 1], 60)
        path = instance.dir / "sent.jsonl"
        path.write_text("\n".join(sent) + "\n")
        config = instance.dir / "sent.yaml"
        config.write_text(SENT.format(path=path, source=SOURCE, rules=RULES))
        expected = {alert["id"] for alert in backtest(config)}
        assert len(expected) > 50
        wait_for("all alerts", lambda: expected <= set(instance.logged_ids()), 90)
        logged = instance.logged_ids()
        assert len(logged) == len(set(logged)), "an alert twice"
        assert set(logged) == expected, "alerts that nobody implied"
        instance.word("stage", "verify", "-c", instance.config)
        listed = [json.loads(line) for line in instance.word(
            "stage", "ls", "-c", instance.config, "--json").stdout.splitlines()]
        kept = [e["first_seq"] for e in listed if e["kind"] in ("sealed", "open")]
        assert min(kept) > 1 and any(e["last_seq"] < min(kept) for e in listed
                                     if e["kind"] == "object"), "objects outlive their segments"
        refused = instance.word("replay", "-c", instance.config, "--from", "2023-03-01T00:00:00Z",
                                check=False)
        assert refused.returncode == 1 and "was trimmed" in refused.stderr, refused.stderr
        refuse_what_was_asked_before(instance)
        assert_says_only_what_went(instance)
        pusher.close()
        print(f"trim: begins at record {trimmed[0]['first_seq']}, {len(firsts)} beginnings seen "
              f"meanwhile, {len(expected)} alerts, each once")
    return 0


if __name__ == "__main__":
    sys.exit(main())
